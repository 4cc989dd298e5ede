"""Real gateways of shipped releases do what the timed simulator says of their revision (see README.md beside this file)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lostproof.files import data_root
from lostproof.replay import Outcome, run
from lostproof.scenarios import SUFFIX, Scenario, load
from lostproof.tables import chart
from tests.gateway.laboratory import laboratory
from tests.gateway.release import RELEASES
from tests.gateway.replayer import Replayed, replay

pytestmark = pytest.mark.gateway

TASK = chart("task")

EVERYWHERE = (
    "identity/reservation-before-start",  # killed in mid-run, started again ten minutes later
    "storage/log-says-ok-row-lost",  # the same with a record that the run had ended
    "witness-failure/manual-run-longer-than-the-grace",
    "witness-failure/scheduled-run-longer-than-the-grace",
)
CASES = [
    *((version, name) for name in EVERYWHERE for version in RELEASES),
    ("2026.4.15", "witness-failure/original-report"),
    ("2026.4.15", "witness-failure/offline-maintenance-over-a-live-run"),
    ("2026.9.6", "slots/one-shot-runs-again"),
]

STARTUPS_MS = (3_000, 8_000)
"""Starts in which cron begins before, and after, the first sweep."""

KNOWN_GAPS: dict[tuple[str, str], str] = {}
"""Where reality and simulator differ, by release and scenario, and why. A gap that closes fails its test."""


def simulated(scenario: Scenario, revision: str, real: Replayed) -> list[Outcome]:
    """Return what the timed simulator makes of a scenario that was replayed for real.

    It is told what the laboratory does not choose. Its jobs are agent turns. How much older than its row a marker is, is
    measured. Whether cron begins before the first sweep of a start is a matter of how fast the machine is: both are
    possible.
    """
    early = next(iter(real.early_ms.values()), scenario.persist_ms)
    same = replace(scenario, persist_ms=early, bounds=replace(scenario.bounds, agents=1))
    return [run(replace(same, startup_ms=startup_ms), [revision])[0] for startup_ms in STARTUPS_MS]


def statuses(outcome: Outcome) -> dict[str, list[str]]:
    """Return what each run's row on disk said in the simulator, one status after the other."""
    model, told = outcome.model, {}
    for k in model.runs:
        rows = [TASK.states[model.view(moment.after).row[k]] for moment in outcome.moments]
        changes = [row for before, row in zip(["absent", *rows], rows, strict=False) if row != before]
        if changes:
            told[model.run_name(k)] = changes
    return told


def told(rows: dict[str, list[str]]) -> str:
    """Return in one line what rows went through."""
    return "; ".join(f"{run_name} {' > '.join(row)}" for run_name, row in sorted(rows.items())) or "no rows"


@pytest.mark.parametrize(("version", "name"), CASES, ids=lambda value: value.rpartition("/")[2])
def test_the_gateway_does_what_the_simulator_says(version: str, name: str, tmp_path: Path) -> None:
    """The rows of a real gateway go through the statuses, and end with those, that the simulator says."""
    scenario = load(data_root() / "scenarios" / f"{name}{SUFFIX}")
    with laboratory(version, tmp_path) as (gateway, model):
        real = replay(scenario, gateway, model)
        if gateway.refused.exists():
            print("refused:", gateway.refused.read_text(encoding="utf-8"))
    seen = {run_name: real.statuses(run_name) for run_name in real.rows if real.statuses(run_name)}
    print(f"{version} {scenario.name}\n  real:      {told(seen)} {real.errors or ''} {real.early_ms or ''}")
    said = [statuses(outcome) for outcome in simulated(scenario, f"openclaw-{version}", real)]
    for rows in said:
        print(f"  simulator: {told(rows)}")
    gap = KNOWN_GAPS.get((version, name))
    if gap is None:
        assert seen in said, f"{real.history}"
    else:
        assert seen not in said, f"this gap has closed: {gap}"
