"""What is wrong in 2026.9.6 without a crash, a restart or an altered write: two findings, on its real gateway.

In one, another process keeps the database locked for some seconds; in the other, the configuration is edited. No hook is
armed: hooks.mjs only notes what the gateway writes, and refuses connections beyond loopback. The jobs are shell commands,
which work until the test lets them end. In the first, the clock jumps six minutes while the command works; without the
lock, such a run ends succeeded.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from lostproof.files import data_root
from lostproof.replay import run
from lostproof.scenarios import SUFFIX, load
from tests.gateway.gateway import Gateway
from tests.gateway.laboratory import laboratory
from tests.gateway.ledger import Row, Stores
from tests.gateway.test_gateway import statuses

pytestmark = pytest.mark.gateway

VERSION = "2026.9.6"
REVISION = f"openclaw-{VERSION}"
NAME = "job-a"
LEAD_MS = 40_000
"""How long before its slot a job is added: the command line has to be done by then."""
DAY_MS = 86_400_000
LONG_MS = 360_000
"""A run as long as in the scenario; a sweep looks at rows from five minutes on."""
LOCK_S = 13
"""The row's write is tried for twice five seconds, the one after it for five."""
PATIENCE_S = 120
"""For what takes seconds on an idle machine."""
SWEEPS_S = 140
"""At least two sweeps come in this time."""
LOST = "backing session missing"
CHANGED = "cron run configuration changed"


class Errand:
    """A command that notes every time it is begun, and works until it is let go. Let go it is in any case."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._script = folder / "errand.sh"
        self._script.write_text(
            f"cd '{folder}' || exit 1\n"
            "echo begun >> begun\n"
            "number=$(wc -l < begun); waited=0\n"
            "until [ -e go-$((number)) ] || [ -e go-all ]; do\n"
            "  [ $waited -lt 3000 ] || exit 1  # nobody is there any more\n"
            "  sleep 0.2; waited=$((waited + 1))\n"
            "done\n"
            "echo done\n",
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        (self._folder / "go-all").touch()

    @property
    def argv(self) -> str:
        """The command as the release's command line takes it."""
        return json.dumps(["sh", str(self._script)])

    @property
    def begun(self) -> int:
        """How often the command was begun."""
        notes = self._folder / "begun"
        return len(notes.read_text(encoding="utf-8").splitlines()) if notes.exists() else 0

    def let_go(self, number: int) -> None:
        """Let the command, begun for the ``number``-th time, end well."""
        (self._folder / f"go-{number}").touch()


@dataclass(frozen=True)
class Write:
    """A durable write of a run's row, as the gateway's own trace has it."""

    at_ms: int
    process: int
    run_id: str
    status: str

    def __str__(self) -> str:
        return f"{_clock(self.at_ms)} {self.status} ({self.run_id[-8:]}, process {self.process})"


@dataclass(frozen=True)
class Scheduled:
    """A job whose slot has come, and whose command works."""

    gateway: Gateway
    job: str
    slot_ms: int
    stores: Stores

    @property
    def rows(self) -> list[Row]:
        """The rows of its runs."""
        return self.stores.rows(self.job)

    @property
    def receipts(self) -> dict[str, str]:
        """What the receipts of its runs say, in the order of the runs; a run's id ends with that of its receipt."""
        entries = sorted(self.stores.receipts(self.job), key=lambda entry: entry["started_at_ms"])
        return {entry["receipt_id"]: entry["status"] for entry in entries}

    @property
    def state(self) -> dict[str, object]:
        """What the cron service keeps about it."""
        return self.stores.job_state(self.job)

    def until(self, reached: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait until something is so."""
        _until(self.gateway, reached, seconds)

    def writes(self) -> list[Write]:
        """Return the durable writes of its rows, in order, without repetitions."""
        pending: dict[tuple[int, int], Write] = {}
        durable: list[Write] = []
        for entry in self.gateway.writes(""):
            thread, what = (entry["pid"], entry["thread"]), entry["what"]
            if what.startswith('insert into "task_runs"') and self.job in what:
                run_id = re.search(rf'"(cron:{self.job}:[^"]*)"', what)
                status = re.search(rf'"{NAME}","{NAME}","(\w+)"', what)
                assert run_id and status, what
                pending[thread] = Write(entry["at"], entry["pid"], run_id[1], status[1])
            elif what in ("COMMIT", "ROLLBACK") and thread in pending:
                write = pending.pop(thread)
                seen = next((each.status for each in reversed(durable) if each.run_id == write.run_id), None)
                if what == "COMMIT" and write.status != seen:
                    durable.append(write)
        return durable


@pytest.fixture
def errand(tmp_path: Path) -> Iterator[Errand]:
    """Yield a command for a job."""
    with Errand(tmp_path / "errand") as errand:
        yield errand


def scheduled(gateway: Gateway, errand: Errand) -> Scheduled:
    """Start the gateway, and return a daily job when its slot has come and its command works."""
    gateway.start()
    gateway.wait_ready()
    slot_ms = (gateway.clock.now_ms() + LEAD_MS) // 1000 * 1000
    slot = datetime.fromtimestamp(slot_ms / 1000, UTC)
    gateway.cli(
        "cron", "add", "--name", NAME, "--cron", f"{slot.second} {slot.minute} {slot.hour} * * *", "--tz", "UTC", "--exact",
        "--command-argv", errand.argv, "--no-deliver",
    )
    stores = Stores(gateway.state)
    job = next(entry["job_id"] for entry in stores.table("cron_jobs") if entry["name"] == NAME)
    assert gateway.clock.now_ms() < slot_ms, "the machine is too busy: the job was added after its slot"
    _until(gateway, lambda: errand.begun == 1 and bool(stores.job_state(job).get("runningReceiptId")), PATIENCE_S)
    return Scheduled(gateway, job, slot_ms, stores)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep a database from being written by others, as a backup or another tool would."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def logged(gateway: Gateway, *words: str) -> int:
    """Return how many lines of the gateway's log contain all of ``words``."""
    lines = gateway.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return sum(all(word in line for word in words) for line in lines)


def refusals(gateway: Gateway) -> int:
    """Return how often the gateway could not write a row because the database was locked."""
    return logged(gateway, "Failed to persist task registry upsert", "database is locked")


def simulated(name: str) -> dict[str, list[str]]:
    """Return what the rows of a built-in scenario go through in our revision of the release, which is as it expects."""
    (outcome,) = run(load(data_root() / "scenarios" / f"{name}{SUFFIX}"), [REVISION])
    assert outcome.passed, outcome.failures
    return statuses(outcome)


def test_a_row_that_could_not_be_closed_is_lost(tmp_path: Path, errand: Errand) -> None:
    """The database is locked while a run ends: job and receipt say ok, the row is lost, as in the simulator."""
    with laboratory(VERSION, tmp_path) as (gateway, _):
        it = scheduled(gateway, errand)
        gateway.clock.forward_to(it.rows[0].started_ms + LONG_MS)
        time.sleep(2)  # until every process has looked at the clock again
        begun = time.monotonic()
        with locked(gateway.state / "state" / "openclaw.sqlite"):
            errand.let_go(1)
            # The row's write is given up twice; the write after it is to succeed.
            while refusals(gateway) < 2 and time.monotonic() < begun + LOCK_S:
                time.sleep(0.1)
        print(f"the database was locked for {time.monotonic() - begun:.1f} s")
        it.until(lambda: "runningAtMs" not in it.state)
        assert refusals(gateway) == 2, gateway.tail()

        (row,), (receipt,) = it.rows, it.stores.receipts(it.job)
        ended = (it.state["lastRunStatus"], it.state["lastRunAtMs"], receipt["status"], receipt["started_at_ms"])
        assert ended == ("ok", row.started_ms, "ok", row.started_ms)
        assert row.run_id.endswith(receipt["receipt_id"])
        it.until(lambda: it.rows[0].status != "running", SWEEPS_S)

        (row,), writes = it.rows, it.writes()
        _tell(it, row.error, f"receipt {receipt['status']}, finished {_clock(receipt['finished_at_ms'])}")
        assert (row.status, row.error) == ("lost", LOST)
        assert ended == ("ok", row.started_ms, it.receipts[receipt["receipt_id"]], it.state["lastRunAtMs"])
        assert [write.status for write in writes] == ["running", "lost"]  # the success was never written
        assert gateway.running
        assert {write.process for write in writes} == {receipt["owner_pid"]}
        assert errand.begun == 1
    assert simulated("storage/row-close-fails") == {f"{NAME}.run-1": [write.status for write in writes]}


def set_default_agent(gateway: Gateway, agent: str) -> None:
    """Write a configuration with two agents, one of which is the one for jobs that name none."""
    file = gateway.state / "openclaw.json"
    configuration = json.loads(file.read_text(encoding="utf-8"))
    agents = configuration["agents"]
    agents |= {"ownership": "explicit", "entries": {"main": {}, "other": {}}}
    agents["defaults"]["systemAgent"] = {"agentId": agent}
    file.write_text(json.dumps(configuration, indent=1), encoding="utf-8")


def test_a_recorded_success_is_overwritten_when_the_default_agent_changes(tmp_path: Path, errand: Errand) -> None:
    """The default agent changes while a run works: its success is recorded, taken back, and its slot is run again."""
    with laboratory(VERSION, tmp_path) as (gateway, _):
        set_default_agent(gateway, "main")
        it = scheduled(gateway, errand)
        (first,) = it.receipts
        set_default_agent(gateway, "other")
        it.until(lambda: logged(gateway, "config hot reload applied", "systemAgent.agentId") == 1)
        errand.let_go(1)

        it.until(lambda: errand.begun == 2 and bool(it.state.get("runningReceiptId")))
        assert it.receipts[first] == "superseded"
        assert it.state["nextRunAtMs"] == it.slot_ms  # of a daily job: the second run is for the same slot
        assert "lastRunStatus" not in it.state
        errand.let_go(2)
        it.until(lambda: "runningAtMs" not in it.state)

        taken_back, again = it.rows
        details = {entry["task_id"]: json.loads(entry["detail_json"]) for entry in it.stores.table("task_runs")}
        detail = details[taken_back.task_id]
        _tell(it, taken_back.error, f"its detail still says {detail['status']}", f"receipts {list(it.receipts.values())}")
        told = {row.run_id: [write.status for write in it.writes() if write.run_id == row.run_id] for row in it.rows}
        assert told[taken_back.run_id] == ["running", "succeeded", "failed"]
        assert (taken_back.status, taken_back.error, detail["status"]) == ("failed", CHANGED, "ok")
        assert told[again.run_id] == ["running", "succeeded"]
        assert list(it.receipts.values()) == ["superseded", "ok"]
        assert (it.state["lastRunStatus"], it.state["lastRunAtMs"]) == ("ok", again.started_ms)
        assert it.state["nextRunAtMs"] == it.slot_ms + DAY_MS
        assert errand.begun == 2
        assert gateway.running
        assert len({write.process for write in it.writes()}) == 1
    # In the simulator, a row that is closed as failed though the run did not report a failure is an interrupted one.
    said = simulated("ownership/another-agent-in-mid-run")
    assert said == {f"{NAME}.run-1": ["running", "succeeded", "interrupted"], f"{NAME}.run-2": ["running", "succeeded"]}


def _until(gateway: Gateway, reached: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < limit, gateway.tail()
        time.sleep(0.2)


def _tell(it: Scheduled, *more: str) -> None:
    """Print what happened; pytest shows it with -rP."""
    print(*it.writes(), *more, f"job state {json.dumps(it.state)}", sep="\n")


def _clock(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
