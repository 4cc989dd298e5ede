"""Replays a scenario file against a real gateway: what the timeline says is done to the process, the rest it does itself.

The wall clock jumps over the time in which nothing happens. What the product does by itself (sweeps, catch-up, timers) is
waited for: where a sweep might change a row, the last stretch before an entry of the timeline is longer than the interval
between two sweeps, and passes in real time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lostproof.drivers.script import Cue
from lostproof.errors import BadInput
from lostproof.evidence import ENDS
from lostproof.scenarios import Scenario
from tests.gateway.fake_model import FakeModel, Request
from tests.gateway.gateway import Gateway, Hook, LabError
from tests.gateway.ledger import Row, Stores

__all__ = ["Replayed", "Seen", "replay"]

GRACE_MS = 300_000
WINDOW_MS = 67_000
"""Longer than the minute between two sweeps of every release, and than the minute that the timer of cron sleeps at most."""
SHORT_MS = 3_000
PRELUDE_MS = 300_000
"""How long before the timeline's beginning the gateway is started."""
LEAD_MS = 15_000
"""How long before its slot a job is added, so that the timer fires on the dot (it sleeps at most a minute)."""
RUN_S = 90
"""A run has begun, and asked the model, within this time."""
FIRST_SWEEP_S = 9
"""So long after a start, the first sweep and the start of cron are over."""
SETTLED_S = 2
"""So long after a run's marker is gone, everything that it writes is on disk."""
REPAIRS_LOST = (2026, 6, 33)
"""From this release on a sweep looks at lost rows again."""
ACTIVE = ("queued", "running")
ANSWERS = ("ok", "failed")

WRITES = {
    "row": r'task_runs\b.*--(?=.*{job}).*"(succeeded|failed|timed_out|cancelled)"',
    "job": r"^rename .*jobs(-state)?\.json|cron_jobs\b.*--.*{job}",
}
"""Which statements and file writes belong to a run's write to a store; of its row, those that close it."""
FIRST_ROW = r"task_runs\b.*--.*{job}"
"""Which belong to a run's row while it has none."""


@dataclass(frozen=True)
class Seen:
    """A change of a run's row: the moment in the timeline, the run, what the row says, and its error text."""

    at_ms: int
    run: str
    status: str
    error: str


@dataclass
class Replayed:
    """What came of a scenario in the real gateway.

    Attributes:
        rows: what the row of each run of the model said at the end (``absent`` if there is none), and of further runs.
        errors: their error texts, where there are any.
        history: every change of a row that was seen, in order; rows are looked at twice a second.
        early_ms: by how much the marker of a scheduled run was older than its row.
    """

    rows: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    history: list[Seen] = field(default_factory=list)
    early_ms: dict[str, int] = field(default_factory=dict)

    def statuses(self, run: str) -> list[str]:
        """Return the statuses that a run's row went through."""
        return [seen.status for seen in self.history if seen.run == run]


def replay(scenario: Scenario, gateway: Gateway, model: FakeModel) -> Replayed:
    """Play the timeline of ``scenario`` on a gateway that was not started yet.

    Raises:
        BadInput: the timeline has an entry that cannot be done to a real gateway; the message names file and line.
        LabError: something that should have happened did not.
    """
    return _Replay(scenario, gateway, model).play()


class _Replay:
    def __init__(self, scenario: Scenario, gateway: Gateway, model: FakeModel) -> None:
        self._scenario, self._gateway, self._model, self._clock = scenario, gateway, model, gateway.clock
        self._stores = Stores(gateway.state)
        self._cues = _cues(scenario)
        self._jobs: dict[str, str] = {}
        self._asked_before: dict[str, int] = {}
        self._started_ms = 0
        self._stopping: Hook | None = None
        self._seen = Replayed()
        # Slots are at whole seconds, and never at a full hour, for which the product has rules of its own.
        self._zero = (self._clock.now_ms() + PRELUDE_MS) // 1000 * 1000

    def play(self) -> Replayed:
        self.start()
        for position, cue in enumerate(self._cues):
            self._add_jobs(self._cues[position:])
            self._reach(cue.at_ms)
            self._perform(cue)
            self._look()
        return self._result()

    # -- time

    def _reach(self, at_ms: int) -> None:
        """Let time pass until ``at_ms`` in the timeline; jump over the part in which nothing can happen."""
        target = self._zero + at_ms
        if not self._gateway.running or self._stopping:
            self._clock.forward_to(target)
            return
        self._clock.forward_to(target - (WINDOW_MS if self._is_awaited(target) else SHORT_MS))
        while self._clock.now_ms() < target:
            if not self._is_awaited(target):
                self._clock.forward_to(target - SHORT_MS)
            self._pass(min(0.5, max(target - self._clock.now_ms(), 0) / 1000))

    def _is_awaited(self, target_ms: int) -> bool:
        """Return whether the product might do something by itself until then: sweep a row, or run a job that is due."""
        return self._sweep_matters(target_ms) or self._job_is_due(target_ms)

    def _job_is_due(self, target_ms: int) -> bool:
        states = [self._stores.job_state(job) for job in self._jobs.values()]
        return any(state.get("nextRunAtMs", target_ms) < target_ms and "runningAtMs" not in state for state in states)

    def _sweep_matters(self, target_ms: int) -> bool:
        """Return whether a sweep might change a row: one that is old enough, or whose process is gone."""
        again = self._gateway.release.number >= REPAIRS_LOST
        return any(
            (row.status in ACTIVE and (target_ms - row.started_ms >= GRACE_MS or row.started_ms < self._started_ms))
            or (again and row.status == "lost")
            for job in self._jobs.values()
            for row in self._stores.rows(job)
        )

    # -- jobs

    def _add_jobs(self, coming: Sequence[Cue]) -> None:
        """Add the jobs that the next entry of the timeline needs to be there, just before it happens."""
        for name in (f"job-{letter}" for letter in "abcd"[: self._scenario.bounds.jobs]):
            its = [cue for cue in coming if cue.do == "slot_due" and self._name(cue) == name]
            if name in self._jobs or (coming[0].do == "slot_due" and coming[0] not in its):
                continue
            at_ms = its[0].at_ms if its else 12 * 3_600_000
            self._clock.forward_to(self._zero + coming[0].at_ms - LEAD_MS)
            self._jobs[name] = self._gateway.add_job(name, *self._schedule(at_ms))

    def _schedule(self, at_ms: int) -> tuple[str, ...]:
        moment = datetime.fromtimestamp((self._zero + at_ms) / 1000, UTC)
        if not self._scenario.bounds.recurring:
            return ("--at", moment.isoformat().replace("+00:00", "Z"), "--keep-after-run")
        return ("--cron", f"{moment.second} {moment.minute} {moment.hour} * * *", "--tz", "UTC", "--exact")

    # -- what the timeline says

    def _perform(self, cue: Cue) -> None:
        OPERATIONS[cue.do](self, cue)

    def wait(self, cue: Cue) -> None:
        """Nothing happens, but time has passed."""

    def slot_due(self, cue: Cue) -> None:
        """The clock has reached the slot: where that starts a run, wait for it."""
        if self._gateway.running and not any(row.status in ACTIVE for row in self._rows(cue)):
            self._await_run(cue)
            name, row = self._name(cue), self._rows(cue)[-1]
            marker = self._stores.job_state(self._jobs[name]).get("runningAtMs", row.started_ms)
            self._seen.early_ms[f"{name}.run-{len(self._rows(cue))}"] = row.started_ms - marker

    def run_now(self, cue: Cue) -> None:
        """Ask for a manual run."""
        self._gateway.cli_in_background("cron", "run", self._jobs[self._name(cue)])
        self._await_run(cue)

    def end(self, cue: Cue) -> None:
        """Let the model answer the run, and wait until the run has written what it writes."""
        end, number = ENDS[cue.get("end") or 0], (cue.get("run") or 0) % self._scenario.bounds.runs
        rows = self._rows(cue)
        if not self._gateway.running or len(rows) <= number or rows[number].started_ms < self._started_ms:
            if cue.optional:
                return
            raise BadInput(f"{cue.where}: there is no run {number + 1} of {self._name(cue)} that works at this moment")
        # The runs of this process have asked in the order of their rows, after those of the processes before it.
        first = next(k for k, row in enumerate(rows) if row.started_ms >= self._started_ms)
        position = self._asked_before.get(self._name(cue), 0) + number - first
        self._until(cue, lambda: len(self._asked(cue)) > position, "the run did not ask the model")
        self._asked(cue)[position].answer(end)
        if self._stopping is not None:
            self._gateway.wait_stopped(RUN_S)
            return
        job = self._jobs[self._name(cue)]
        self._until(cue, lambda: "runningAtMs" not in self._stores.job_state(job), "the job still has its marker")
        self._pass(SETTLED_S)
        self._gateway.disarm()

    def crash(self, cue: Cue) -> None:
        """Kill the process."""
        self._gateway.kill()
        self._gateway.disarm()
        self._stopping = None

    def terminate(self, cue: Cue) -> None:
        """Ask the process to stop."""
        self._gateway.terminate()

    def start(self, cue: Cue | None = None) -> None:
        """Start the process, and wait for what a start-up does by itself."""
        self._asked_before = {name: len(self._model.asked_by(_mark(name))) for name in self._jobs}
        self._started_ms = self._clock.now_ms()
        self._gateway.start()
        self._gateway.wait_ready()
        self._pass(FIRST_SWEEP_S)

    def hold(self, cue: Cue) -> None:
        """Stop the process just before the run's next write to a store: nothing else in it goes on either."""
        self._stopping = Hook(self._pattern(cue), "stop")
        self._gateway.arm(self._stopping)

    def release(self, cue: Cue) -> None:
        """Let a held process go on."""
        self._gateway.disarm()
        self._gateway.resume()
        self._stopping = None

    def fail_write(self, cue: Cue) -> None:
        """Let the run's next write to a store fail, with every attempt that the product makes at once to write it again."""
        self._gateway.arm(Hook(self._pattern(cue), "fail", onward=True))

    def cli_begin(self, cue: Cue) -> None:
        """Run the offline maintenance."""
        self._gateway.cli("tasks", "maintenance", "--apply", "--json")

    def operate(self, cue: Cue) -> None:
        """Disable, enable or delete the job."""
        self._gateway.cli("cron", {"delete": "rm"}.get(cue.do, cue.do), self._jobs[self._name(cue)])

    # -- looking

    def _name(self, cue: Cue) -> str:
        """Return the job that an entry is about."""
        run = cue.get("run")
        return f"job-{'abcd'[(cue.get('job') or 0) if run is None else run // self._scenario.bounds.runs]}"

    def _rows(self, cue: Cue) -> list[Row]:
        return self._stores.rows(self._jobs[self._name(cue)])

    def _asked(self, cue: Cue) -> list[Request]:
        return self._model.asked_by(_mark(self._name(cue)))

    def _pattern(self, cue: Cue) -> str:
        write = cue.write or "row"
        pattern = WRITES[write]
        if write == "row" and len(self._rows(cue)) <= (cue.get("run") or 0) % self._scenario.bounds.runs:
            pattern = FIRST_ROW
        return pattern.format(job=re.escape(self._jobs[self._name(cue)]))

    def _await_run(self, cue: Cue) -> None:
        """Wait until the job has a new run, and the run has asked the model."""
        rows, asked = len(self._rows(cue)), len(self._asked(cue))
        self._until(cue, lambda: len(self._rows(cue)) > rows, "no run began")
        self._until(cue, lambda: len(self._asked(cue)) > asked, "the run did not ask the model")

    def _until(self, cue: Cue, reached: Callable[[], bool], why_not: str) -> None:
        until = time.monotonic() + RUN_S
        while not reached():
            if time.monotonic() > until:
                said = self._gateway.tail()
                raise LabError(f"{cue.where}: {cue.do}: {why_not} within {RUN_S} s; the gateway says:\n{said}")
            self._pass(0.3)

    def _pass(self, seconds: float) -> None:
        """Let real time pass, and look at the ledger meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._look()
            time.sleep(min(left, 0.5))

    def _look(self) -> None:
        """Note what has changed in the ledger."""
        for name, job in self._jobs.items():
            for number, row in enumerate(self._stores.rows(job), start=1):
                run = f"{name}.run-{number}"
                last = next((seen for seen in reversed(self._seen.history) if seen.run == run), None)
                if last is None or (last.status, last.error) != (row.status, row.error):
                    self._seen.history.append(Seen(self._clock.now_ms() - self._zero, run, row.status, row.error))

    def _result(self) -> Replayed:
        bounds = self._scenario.bounds
        runs = [f"job-{'abcd'[job]}.run-{number + 1}" for job in range(bounds.jobs) for number in range(bounds.runs)]
        self._seen.rows = dict.fromkeys(runs, "absent")
        for seen in self._seen.history:
            self._seen.rows[seen.run] = seen.status
            self._seen.errors[seen.run] = seen.error
        self._seen.errors = {run: error for run, error in self._seen.errors.items() if error}
        return self._seen


OPERATIONS: dict[str, Callable[[_Replay, Cue], None]] = {
    "slot_due": _Replay.slot_due, "run_now": _Replay.run_now, "end": _Replay.end,
    "crash": _Replay.crash, "terminate": _Replay.terminate, "start": _Replay.start,
    "hold": _Replay.hold, "release": _Replay.release, "fail_write": _Replay.fail_write,
    "cli_begin": _Replay.cli_begin,
    "disable": _Replay.operate, "enable": _Replay.operate, "delete": _Replay.operate,
    "wait": _Replay.wait,
}


def _mark(job: str) -> str:
    """Return what the questions of a job's runs contain."""
    return f"this is {job}"


def _cues(scenario: Scenario) -> list[Cue]:
    """Return the timeline, if it is one that can be done to a real process.

    Raises:
        BadInput: something in it cannot; the message names file and line.
    """
    if not scenario.automatic:
        raise BadInput(f"{scenario.path}: its timers are explicit; a real gateway takes its own steps by itself")
    slots: set[int | None] = set()
    for entry in scenario.entries:
        cue = entry.cue
        why_not = _why_not(cue)
        if entry.window is not None:
            why_not = "its moment is open; the laboratory needs an 'at'"
        elif cue.do == "slot_due" and cue.get("job") in slots:
            why_not = "the laboratory gives a job one slot, and it has had it"
        if why_not:
            raise BadInput(f"{cue.where}: {cue.do}: {why_not}")
        slots |= {cue.get("job")} if cue.do == "slot_due" else set()
    return [entry.cue for entry in scenario.entries]


def _why_not(cue: Cue) -> str:
    """Return why an entry cannot be done to a real gateway, in words; nothing if it can."""
    if cue.do not in OPERATIONS:
        return f"cannot be done to a real gateway; what can: {', '.join(OPERATIONS)}"
    if cue.do == "end" and ENDS[cue.get("end") or 0] not in ANSWERS:
        return f"the laboratory's model ends a run with {' or '.join(ANSWERS)}, not {ENDS[cue.get('end') or 0]}"
    if cue.do == "cli_begin" and cue.takes_ms:
        return "how long the real command line takes cannot be chosen; leave 'takes' out"
    if cue.write not in (None, *WRITES):
        return f"the laboratory reaches writes of the row and of the job state, not of the {cue.write}"
    return ""
