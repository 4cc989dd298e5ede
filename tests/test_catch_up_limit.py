"""The limit of a catch-up: who is started at once, who is put off, and whose slot gets lost by that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lostproof.bounds import Bounds, Slice
from lostproof.engine.verdicts import explore
from lostproof.properties import PROPERTIES, property_named
from lostproof.revisions import REVISIONS
from lostproof.tables import chart
from tests.support import model
from tests.test_timed import do, number
from tests.test_wall_clock import timed

LIMIT = Bounds(jobs=2, runs=1, outcomes=1, manual=0, crashes=1, catch_up_limit=1)
THREE = Bounds(jobs=3, runs=1, outcomes=1, manual=0, crashes=1, catch_up_limit=1)
STAGGER = 5_000
RUN = chart("run")


def caught_up(revision: str, bounds: Bounds = LIMIT):
    """Return a world at the beginning of a catch-up that finds all jobs due."""
    sim = timed(revision, bounds)
    do(sim, "crash", 1_000)
    for job in sim.model.jobs:
        do(sim, "slot_due", 2_000, job=job)
    do(sim, "start", 10_000)
    do(sim, "repair", 13_000)
    do(sim, "catch_up", 13_050)
    return sim


def begun(sim) -> list[bool]:
    """Return which jobs have a run."""
    view = sim.view()
    return [view.step[k] != RUN.code("absent") for k in sim.model.runs]


def finish_catch_up(sim) -> None:
    """Let the catch-up end and the timer be armed; nobody else does anything."""
    while number(sim, "ready") not in sim.enabled():
        fair = [n for n in sim.enabled() if sim.model.actions[n].actor == "run"]
        sim.do(fair[0], sim.now + 10)
    do(sim, "ready", sim.now + 10)


@pytest.mark.parametrize("revision", REVISIONS)
def test_off_it_costs_nothing(revision: str) -> None:
    """Without the bound, or with as many as there are jobs, nobody is put off."""
    for bounds in (Bounds(jobs=2, runs=1), Bounds(jobs=1, catch_up_limit=1), Bounds(jobs=2, runs=1, catch_up_limit=2)):
        m = model(revision, bounds)
        assert "put_off_due" not in {action.name for action in m.actions}
        assert not m.layout.cell("deferred", 0).bits
        assert not m.layout.cell("put_off", 0).bits


def test_the_limit_holds() -> None:
    """One job is started; the other two are over the limit, and known only to the cron service."""
    sim = caught_up("openclaw-2026.4.15", THREE)
    assert begun(sim) == [True, False, False]
    view = sim.view()
    assert [view.deferred[job] for job in sim.model.jobs] == [0, 1, 1]
    assert [view.put_off[job] for job in sim.model.jobs] == [0, 0, 0]


def test_all_at_once_without_a_limit() -> None:
    """That is how 45 jobs came to start together."""
    assert begun(caught_up("openclaw-2026.4.15", Bounds(jobs=3, runs=1, outcomes=1, manual=0, crashes=1))) == [True] * 3


def test_what_is_put_off_comes_five_seconds_apart() -> None:
    """The timer finds the jobs due one after the other, and not before."""
    sim = caught_up("openclaw-2026.4.15", THREE)
    finish_catch_up(sim)
    ready = sim.now
    assert [sim.view().put_off[job] for job in sim.model.jobs] == [0, 1, 1]
    assert [sim.view().next[job] for job in sim.model.jobs] == [1, 0, 0]
    assert number(sim, "tick") not in sim.enabled()
    first = number(sim, "put_off_due", job=1)
    assert sim.window(first)[0] == ready + STAGGER
    assert number(sim, "put_off_due", job=2) not in sim.enabled()
    do(sim, "put_off_due", ready + STAGGER, job=1)
    assert number(sim, "tick") in sim.enabled()
    assert sim.window(number(sim, "put_off_due", job=2))[0] == ready + 2 * STAGGER


@pytest.mark.parametrize("revision", ["openclaw-2026.4.15", "openclaw-2026.9.6"])
def test_a_crash_in_the_catch_up_leaves_the_others_as_due_as_they_were(revision: str) -> None:
    """Who is over the limit is not written down before the catch-up has ended; the next one begins with them."""
    sim = caught_up(revision, Bounds(jobs=2, runs=1, outcomes=1, manual=0, crashes=2, catch_up_limit=1))
    assert sim.view().deferred[1] == 1
    do(sim, "crash", sim.now + 1)
    assert (sim.view().deferred[1], sim.view().put_off[1], sim.view().next[1]) == (0, 0, 0)
    sim.settle()
    assert begun(sim)[1]


def test_a_crash_after_the_catch_up_loses_nothing() -> None:
    """What was put off is in the store, and the next start finds it due."""
    sim = timed("openclaw-2026.4.15", Bounds(jobs=2, runs=1, outcomes=1, manual=0, crashes=2, catch_up_limit=1))
    do(sim, "crash", 1_000)
    for job in (0, 1):
        do(sim, "slot_due", 2_000, job=job)
    for name, at_ms in (("start", 10_000), ("repair", 13_000), ("catch_up", 13_050)):
        do(sim, name, at_ms)
    finish_catch_up(sim)
    do(sim, "crash", sim.now + 1)
    assert sim.view().put_off[1] == 1
    sim.settle()
    assert begun(sim) == [True, True]


def test_which_release_drops_what_it_has_put_off() -> None:
    """2026.5.28 takes the time that it has set itself for a wrong one; before and after that the job runs."""
    dropped = property_named("slot-not-dropped")
    for revision, runs in (("openclaw-2026.4.15", True), ("openclaw-2026.5.28", False), ("openclaw-2026.9.6", True)):
        sim = caught_up(revision)
        finish_catch_up(sim)
        sim.settle()
        assert begun(sim) == [True, runs]
        held = dropped.goal(sim.model, sim.view(), (1, 0))
        assert bool(held) is runs


def test_one_shots_and_agent_turns_keep_the_time_they_are_put_off_to() -> None:
    """A one-shot has no schedule to go back to, and 5.28 leaves all agent turns to the timer."""
    sim = caught_up("openclaw-2026.5.28", replace(LIMIT, recurring=0))
    finish_catch_up(sim)
    sim.settle()
    assert begun(sim) == [True, True]
    agents = Bounds(jobs=2, runs=1, agents=1, catch_up_limit=1)
    assert not REVISIONS["openclaw-2026.5.28"].puts_off(agents)
    assert REVISIONS["openclaw-2026.4.15"].puts_off(agents)


def test_the_reference_has_nothing_to_put_off() -> None:
    """It leaves missed slots to the timer."""
    assert not REVISIONS["reference"].puts_off(LIMIT)
    found = explore(REVISIONS["reference"], Slice("limit", LIMIT), PROPERTIES).races
    assert set(found) <= set(REVISIONS["reference"].accepts)
