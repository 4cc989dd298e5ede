"""Retention: when what is deleted, what it takes along, and what nobody may call a broken promise."""

from __future__ import annotations

import pytest

from lostproof.bounds import Bounds, Slice
from lostproof.drivers.timed import Timed
from lostproof.engine.explorer import close
from lostproof.engine.verdicts import explore
from lostproof.properties import PROPERTIES, property_named
from lostproof.revisions import REFERENCE, REVISIONS
from lostproof.revisions.mutants import MUTANTS
from lostproof.tables import chart
from tests.support import model
from tests.test_timed import do, impossible, manual_run, number, rows
from tests.test_wall_clock import timed

DAY, WEEK, GRACE = 86_400_000, 604_800_000, 300_000
RETAINED = Bounds(runs=1, outcomes=1, crashes=1, retention=1)
STORE = Bounds(runs=1, outcomes=1, store_faults=1, retention=1)
AGENTS = Bounds(runs=1, outcomes=1, agents=1, retention=1)
EVIDENCE = property_named("evidence-outlives-its-use")
TASK = chart("task")


def finish(sim: Timed, at_ms: int, *, fault: bool = False) -> None:
    """Let the run end well and write everything down, the row too unless its write fails."""
    do(sim, "end", at_ms, end=1)
    do(sim, "record", at_ms + 1, **({"fault": 1} if fault else {}))
    for name in ("apply", "append_log", "settle"):
        do(sim, name, sim.now + 1)


def test_off_it_costs_nothing() -> None:
    """Without the bound nothing is deleted, and no bit says so."""
    for revision in REVISIONS:
        m = model(revision, Bounds())
        assert not {"prune_row", "prune_log"} & {action.name for action in m.actions}
        assert not m.layout.cell("pruned", 0).bits


@pytest.mark.parametrize(("revision", "kept"), [("openclaw-2026.4.15", WEEK), ("openclaw-2026.5.28", WEEK)])
def test_a_closed_row_is_kept_for_a_week(revision: str, kept: int) -> None:
    """It is deleted when its time is over and not before; what it said last stays, and no property minds."""
    sim = timed(revision, RETAINED)
    manual_run(sim)
    finish(sim, 5_000)
    assert impossible(sim, "prune_row", kept).endswith(f"is not due before {5_001 + kept} ms")
    do(sim, "prune_row", 5_001 + kept)
    assert rows(sim) == ["succeeded"]
    assert (sim.view().memory[0], sim.view().pruned[0]) == (0, 1)
    assert sim.trace[-1].broken == ()


@pytest.mark.parametrize(("revision", "kept"), [("openclaw-2026.4.15", WEEK), ("openclaw-2026.5.28", DAY)])
def test_a_lost_row_is_kept_for_a_week_and_later_for_a_day(revision: str, kept: int) -> None:
    """From 2026.5.26 on what is lost is soon forgotten."""
    sim = timed(revision, RETAINED)
    manual_run(sim, 500)
    do(sim, "crash", 1_000)
    do(sim, "start", 310_000)
    do(sim, "sweep_begin", 315_000)
    do(sim, "sweep_row", 315_001)
    for name in ("repair", "catch_up", "ready"):
        do(sim, name, sim.now + 1)
    sim.settle(without=("sweep_begin",))
    assert rows(sim) == ["lost"]
    due = 315_001 + kept
    assert sim.window(number(sim, "prune_row"))[0] == due
    do(sim, "prune_row", due)
    assert sim.view().pruned[0] == 1


def test_nothing_is_deleted_while_anything_is_due() -> None:
    """A run on its way, a slot that has fallen, a young row: what is due comes first."""
    sim = timed("openclaw-2026.4.15", Bounds(runs=2, outcomes=1, retention=1))
    manual_run(sim)
    finish(sim, 5_000)
    assert number(sim, "prune_row") in sim.enabled()
    do(sim, "slot_due", 6_000)
    assert not [n for n in sim.enabled() if sim.model.actions[n].name in ("prune_row", "prune_log")]
    do(sim, "tick", 7_000)
    assert not [n for n in sim.enabled() if sim.model.actions[n].name in ("prune_row", "prune_log")]


def test_a_sweep_that_has_something_to_decide_comes_first() -> None:
    """In no state can a row or a line be deleted while the next sweep would write a row."""
    for revision in ("openclaw-2026.5.28", "fix-durable"):
        m = model(revision, RETAINED)
        pruning = [action for action in m.actions if action.name in ("prune_row", "prune_log")]
        from lostproof.actions.sweeps import would_decide

        checked = 0
        for state in [state for layer in close(m).layers for state in m.layout.ints(layer)]:
            view = m.view(state)
            if any(bool(action.guard(view)) for action in pruning):
                checked += 1
                assert not would_decide(m, view, 0)
        assert checked


def test_thousands_of_runs_take_log_and_job_state_along() -> None:
    """Two thousand runs later, one a minute, no line is left, and the job state is of another run."""
    sim = timed("openclaw-2026.4.15", RETAINED)
    manual_run(sim)
    finish(sim, 5_000)
    logged = sim.stamps.logged[0]
    assert impossible(sim, "prune_log", logged + 2_000 * 60_000 - 1)
    do(sim, "prune_log", logged + 2_000 * 60_000)
    assert (sim.view().log[0], sim.view().last[0]) == (0, 0)
    assert sim.trace[-1].broken == ()


def test_a_row_that_says_running_is_deleted_because_memory_has_closed_it() -> None:
    """Memory was changed first and the write failed; a week later the sweep deletes by its own copy."""
    sim = timed("openclaw-2026.4.15", STORE)
    manual_run(sim)
    finish(sim, 5_000, fault=True)
    do(sim, "prune_row", 5_001 + WEEK)
    assert rows(sim) == ["running"]
    assert sim.trace[-1].broken == ((EVIDENCE.id, 0),)


def test_a_deleted_row_is_not_loaded_again() -> None:
    """The next process finds no row where one was deleted."""
    sim = timed("openclaw-2026.4.15", RETAINED)
    manual_run(sim)
    finish(sim, 5_000)
    do(sim, "prune_row", 5_001 + WEEK)
    do(sim, "crash", sim.now + 1)
    do(sim, "start", sim.now + 5_000)
    assert sim.view().memory[0] == 0


@pytest.mark.parametrize("revision", REVISIONS)
def test_retention_takes_nothing_from_runs_that_were_closed_well(revision: str) -> None:
    """Without a crash or a fault, deletion breaks no promise that was not broken before."""
    plain = set(explore(REVISIONS[revision], Slice("plain", Bounds(runs=1, outcomes=1)), PROPERTIES).races)
    with_it = set(explore(REVISIONS[revision], Slice("kept", Bounds(runs=1, outcomes=1, retention=1)), PROPERTIES).races)
    assert with_it == plain | (with_it & {EVIDENCE.id})


def test_which_releases_delete_what_could_have_repaired_a_row() -> None:
    """A lost row beside a line that says ok is deleted after a day in 5.28; 6.33 and 7.1 repair it first, 8.1 does not."""
    some = (
        "openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.6.11", "openclaw-2026.6.33",
        "openclaw-2026.7.1", "openclaw-2026.8.1", "openclaw-2026.9.6", "reference",
    )
    kept, store = (
        [name for name in some if explore(REVISIONS[name], Slice("", bounds), [EVIDENCE]).races]
        for bounds in (RETAINED, STORE)
    )
    assert kept == ["openclaw-2026.5.28"]
    assert store == [name for name in some if name not in ("openclaw-2026.6.33", "openclaw-2026.7.1", "reference")]


def test_a_turn_outlives_its_row() -> None:
    """Lost while it lives, and deleted a week later: when the turn ends there is no row to close in 4.15."""
    sim = timed("openclaw-2026.4.15", AGENTS)
    manual_run(sim)
    sim.settle(without=("end",))
    assert rows(sim) == ["lost"]
    assert sim.view().step[0] == chart("run").code("executing")
    do(sim, "prune_row", sim.stamps.closed[0] + WEEK)
    finish(sim, sim.now + DAY)
    assert rows(sim) == ["lost"]
    assert (sim.view().memory[0], sim.view().recorded[0], sim.view().pruned[0]) == (0, 1, 1)


def test_later_releases_create_the_row_again() -> None:
    """In 9.6 a run that finds no row creates one before it closes it."""
    sim = timed("openclaw-2026.9.6", AGENTS)
    do(sim, "run_now", 1_000)
    do(sim, "activate", 1_001)
    do(sim, "begin", 1_002)
    w = sim.view()
    w.memory[0], w.pruned[0], w.row[0] = 0, 1, TASK.code("lost")
    sim.state = int(w.pack())
    do(sim, "end", 5_000, end=1)
    do(sim, "record", 5_001)
    assert rows(sim) == ["succeeded"]
    assert sim.view().pruned[0] == 0


def test_a_design_that_writes_the_row_last_is_killed() -> None:
    """What the reference gains from one transaction: no word is older than the row that says it."""
    mutant = MUTANTS["close-job-first"].revision
    assert explore(mutant, Slice("kept", Bounds(outcomes=1, crashes=1, retention=1)), [EVIDENCE]).races
    assert not explore(REFERENCE, Slice("kept", Bounds(outcomes=1, crashes=1, retention=1)), [EVIDENCE]).races
