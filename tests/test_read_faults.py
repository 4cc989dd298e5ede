"""Reads that fail: what cannot be read says nothing, and a ledger that cannot be read is empty or stops the start."""

from __future__ import annotations

import pytest

from lostproof.bounds import Bounds, Slice
from lostproof.engine.verdicts import explore
from lostproof.properties import PROPERTIES
from lostproof.revisions import REFERENCE, REVISIONS
from lostproof.revisions.mutants import MUTANTS
from lostproof.scenarios import load
from lostproof.subjects.pinned_answers import pinned_answers, pinned_releases
from tests.support import model
from tests.test_timed import do, impossible, manual_run, number, rows
from tests.test_wall_clock import timed

READS = Bounds(runs=1, outcomes=1, crashes=1, read_faults=1)
STORE = Bounds(runs=1, outcomes=1, crashes=1, store_faults=1, read_faults=1)
EMPTY = [name for name, known in REVISIONS.items() if known.starts_without_ledger]
CLOSED = [name for name, known in REVISIONS.items() if not known.starts_without_ledger]


def test_off_it_costs_nothing() -> None:
    """Without the bound no action reads anything wrong."""
    for revision in REVISIONS:
        params = {name for action in model(revision, Bounds(offline_passes=1)).actions for name, _ in action.params}
        assert not {"unread", "torn"} & params


@pytest.mark.parametrize("release", pinned_releases())
def test_releases_decide_as_if_what_they_cannot_read_said_nothing(release: str) -> None:
    """Every pinned answer about something unreadable is the one about nothing."""
    pinned = pinned_answers(release)
    assert pinned is not None
    for row in pinned.rows:
        for part in ("log", "job"):
            assert row[part] == "*" or ("unreadable" in row[part]) == ("none" in row[part]), row


# -- the ledger at a start


def crashed(revision: str, at_ms: int = 2_000):
    """Return a world in which the gateway was killed with a run on its way."""
    sim = timed(revision, READS)
    do(sim, "run_now", 1_000)
    known = {action.name for action in sim.model.actions}
    for at_ms, name in ((1_001, "activate"), (1_002, "begin")):
        if name in known and number(sim, name) in sim.enabled():
            do(sim, name, at_ms)
    do(sim, "crash", at_ms)
    return sim


@pytest.mark.parametrize("revision", EMPTY)
def test_a_start_goes_on_with_an_empty_ledger(revision: str) -> None:
    """The row stays on disk as it was; nobody in this process knows of it, and no sweep looks at it."""
    sim = crashed(revision)
    do(sim, "start", 10_000, unread=1)
    assert rows(sim) == ["running"]
    assert sim.view().memory[0] == 0
    assert not [n for n in sim.enabled() if sim.model.actions[n].name == "sweep_begin"]
    sim.settle()
    assert rows(sim) == ["running"]


@pytest.mark.parametrize("revision", CLOSED)
def test_a_start_that_fails_is_tried_again(revision: str) -> None:
    """The gateway stays down; the next start reads the ledger."""
    sim = crashed(revision)
    before = sim.view().gateway
    do(sim, "start", 10_000, unread=1)
    assert sim.view().gateway == before
    assert impossible(sim, "repair", 10_001)
    sim.settle()
    assert rows(sim) == ["interrupted"]


def test_a_restart_in_process_can_lose_the_copies_of_living_runs() -> None:
    """5.28 loads its rows anew; without them the run that goes on cannot close its row."""
    sim = timed("openclaw-2026.5.28", Bounds(runs=1, outcomes=1, restarts=1, read_faults=1))
    manual_run(sim)
    do(sim, "restart_in_process", 2_000, unread=1)
    do(sim, "end", 3_000, end=1)
    sim.settle()
    assert rows(sim) == ["running"]
    assert sim.view().recorded[0] == 1


def test_a_design_that_goes_on_without_the_ledger_is_killed() -> None:
    """What the reference gains from stopping: the rows of dead owners are closed."""
    mutant = MUTANTS["empty-ledger-and-copies"].revision
    found = explore(mutant, Slice("reads", READS), PROPERTIES).races
    assert {"vanished-run-is-closed", "job-not-blocked"} <= set(found)
    assert set(explore(REFERENCE, Slice("reads", READS), PROPERTIES).races) <= set(REFERENCE.accepts)


# -- the evidence


STARTED = 410_000


def closed_badly(revision: str, ends: int = 400_000):
    """Return a world in which the row of a run could not be closed; log and job state tell the next process how it ended."""
    sim = timed(revision, STORE)
    manual_run(sim)
    do(sim, "end", ends, end=1)
    do(sim, "record", ends + 1, fault=1)
    for name in ("apply", "append_log", "settle"):
        do(sim, name, sim.now + 1)
    do(sim, "crash", ends + 1_000)
    do(sim, "start", STARTED)
    return sim


def test_a_torn_line_leaves_the_job_state() -> None:
    """One of two sources cannot be read: the other one still speaks."""
    sim = closed_badly("fix-durable")
    do(sim, "sweep_begin", STARTED + 5_000)
    assert impossible(sim, "sweep_row", STARTED + 5_001, torn=1).endswith("cannot happen in this state")
    do(sim, "sweep_row", STARTED + 5_001)
    assert rows(sim) == ["succeeded"]


def test_a_torn_line_is_missed_where_nothing_else_speaks() -> None:
    """The gateway died before it wrote the job state: the line alone would have saved the row."""
    sim = timed("fix-durable", STORE)
    manual_run(sim)
    do(sim, "end", 400_000, end=1)
    do(sim, "record", 400_001, fault=1)
    do(sim, "apply", 400_002)
    do(sim, "append_log", 400_003)
    do(sim, "crash", 400_004)
    do(sim, "start", STARTED)
    do(sim, "repair", STARTED + 3_000)
    do(sim, "sweep_begin", STARTED + 5_000)
    do(sim, "sweep_row", STARTED + 5_001, torn=1)
    assert rows(sim) == ["lost"]
    assert sim.trace[-1].broken[0][0] == "completed-run-never-lost"


def test_a_cron_store_that_cannot_be_read_is_unread_for_the_whole_sweep() -> None:
    """The sweep notes that the store said nothing, and decides by the log alone."""
    sim = closed_badly("fix-durable")
    do(sim, "sweep_begin", STARTED + 5_000, unread=1)
    assert sim.view().seen[0] == sim.model.rule_table.unread_class
    assert sim.view().read_faults == 0
    do(sim, "sweep_row", STARTED + 5_001)
    assert rows(sim) == ["succeeded"]


def test_a_row_is_lost_for_want_of_reading() -> None:
    """The marker that keeps a living run's row is not read: the row is past its grace, and lost."""
    sim = timed("fix-durable", READS)
    manual_run(sim)
    sim.advance(400_000)
    do(sim, "sweep_begin", 420_000, unread=1)
    do(sim, "sweep_row", 420_001)
    assert rows(sim) == ["lost"]


# -- scenarios

SCENARIO = """
scenario: unread
title: "a ledger that cannot be read"
about: a test
timeline:
  - {at: 1m, do: slot_due}
  - {at: 2m, do: crash}
  - {at: 3m, do: start, unread: true}
  - {at: 3m, do: start, optional: true}
  - {at: 20m, do: wait}
expect:
  openclaw-2026.4.15:
    rows: {job-a.run-1: running}
  reference:
    rows: {job-a.run-1: interrupted}
"""


def test_a_scenario_says_what_cannot_be_read(tmp_path) -> None:
    """The flag implies its budget, and both replay as they should."""
    from lostproof.replay import run

    path = tmp_path / "unread.scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    scenario = load(path)
    assert scenario.bounds.read_faults == 1
    for outcome in run(scenario):
        assert outcome.failures == ()
