"""Deaths and failing writes between two writes of 2026.9.6, where its own records of a run come apart.

A timeline does not say at which statement a start-up dies. Here the process is killed, or the write fails, at that very one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.gateway.fake_model import FakeModel
from tests.gateway.gateway import Gateway, Hook
from tests.gateway.laboratory import laboratory
from tests.gateway.ledger import Row, Stores

pytestmark = pytest.mark.gateway

VERSION = "2026.9.6"
TEN_MINUTES_MS = 600_000
SWEEP_S = 67
LOST = "backing session missing"


class Incident:
    """A scheduled run that the model holds, and what is done to the gateway that runs it."""

    def __init__(self, gateway: Gateway, model: FakeModel) -> None:
        self.gateway, self.model, self.stores = gateway, model, Stores(gateway.state)
        gateway.start()
        gateway.wait_ready()
        slot_ms = gateway.clock.now_ms() // 1000 * 1000 + 3_611_000  # never a full hour
        gateway.clock.forward_to(slot_ms - 15_000)
        slot = datetime.fromtimestamp(slot_ms / 1000, UTC)
        expression = f"{slot.second} {slot.minute} {slot.hour} * * *"
        self.job = gateway.add_job("job-a", "--cron", expression, "--tz", "UTC", "--exact")
        self.until(lambda: bool(model.asked_by("this is job-a")), 90)
        self.until(lambda: bool(self.stores.job_state(self.job).get("runningReceiptId")), 10)

    @property
    def row(self) -> Row:
        """The row of the run."""
        (row,) = self.stores.rows(self.job)
        return row

    @property
    def receipt(self) -> str:
        """What the run's receipt says."""
        (receipt,) = self.stores.receipts(self.job)
        return str(receipt["status"])

    def until(self, reached, seconds: float) -> None:
        """Wait until something is so."""
        limit = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < limit, self.gateway.tail()
            time.sleep(0.2)

    def start_later(self) -> None:
        """Start the gateway ten minutes later."""
        self.gateway.clock.forward_to(self.gateway.clock.now_ms() + TEN_MINUTES_MS)
        self.gateway.start()

    def pass_sweeps(self) -> None:
        """Let time pass in which a sweep looks at the row, more than once after a start."""
        time.sleep(SWEEP_S)

    def writes_row(self, status: str) -> str:
        """Return the pattern of the statement that gives the run's row a status."""
        return rf'^insert into "task_runs".*--.*{self.job}.*"{status}"'


@pytest.fixture
def incident(tmp_path: Path) -> Iterator[Incident]:
    """Yield a scheduled run of 2026.9.6 that works."""
    with laboratory(VERSION, tmp_path) as (gateway, model):
        yield Incident(gateway, model)


def test_a_start_dies_between_the_repair_of_the_job_and_that_of_the_row(incident: Incident) -> None:
    """Job state and receipt say that the run was interrupted, nothing is left to repair from, and the row is lost."""
    gateway = incident.gateway
    gateway.kill()
    gateway.arm(Hook(incident.writes_row("failed"), "kill"))
    incident.start_later()
    with gateway.expecting_death(120):
        pass
    gateway.disarm()
    state = incident.stores.job_state(incident.job)
    assert state["lastRunAtMs"] == incident.row.started_ms
    assert (state["lastRunStatus"], incident.receipt) == ("error", "interrupted")
    assert "runningAtMs" not in state
    gateway.start()
    gateway.wait_ready()
    incident.pass_sweeps()
    assert (incident.row.status, incident.row.error) == ("lost", LOST)


def test_a_start_cannot_write_the_row_that_it_repairs(incident: Incident) -> None:
    """The repair of the row fails: that is logged, never tried again, and the row is lost. No second death is needed."""
    gateway = incident.gateway
    gateway.kill()
    gateway.arm(Hook(incident.writes_row("failed"), "fail", onward=True))
    incident.start_later()
    gateway.wait_ready()
    incident.until(lambda: bool(gateway.matched()), 60)
    time.sleep(5)
    gateway.disarm()
    incident.pass_sweeps()
    assert incident.receipt == "interrupted"
    assert (incident.row.status, incident.row.error) == ("lost", LOST)


def test_the_gateway_dies_after_a_job_was_removed_in_mid_run(incident: Incident) -> None:
    """No job, so no proposal of a repair: the row is lost, and the receipt stays open for ever."""
    gateway = incident.gateway
    gateway.arm(Hook(incident.writes_row("failed"), "kill"))
    gateway.cli_in_background("cron", "rm", incident.job)
    with gateway.expecting_death(60):
        pass
    gateway.disarm()
    assert incident.stores.job_state(incident.job) == {}
    assert (incident.row.status, incident.receipt) == ("running", "running")
    incident.start_later()
    gateway.wait_ready()
    incident.pass_sweeps()
    assert (incident.row.status, incident.row.error, incident.receipt) == ("lost", LOST, "running")
