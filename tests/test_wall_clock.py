"""Steps of the wall clock: what they make old and young, and what follows the clock that nobody can set."""

from __future__ import annotations

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.timed import Impossible, Timed
from lostproof.revisions import REVISIONS
from lostproof.revisions.proposals import REFERENCE
from lostproof.tables import chart
from tests.support import model
from tests.test_timed import do, impossible, manual_run, number, rows

GRACE, STUCK, STEP = 300_000, 7_200_000, 10_800_000
TWO = Bounds(runs=2, outcomes=1, clock_steps=3)
TASK = chart("task")


def timed(revision: str = "openclaw-2026.4.15", bounds: Bounds = TWO) -> Timed:
    """Return a simulator at the beginning of time."""
    return Timed(model(revision, bounds))


def ages(sim: Timed) -> tuple[list[int], int]:
    """Return which rows are past their grace, and whether the marker is old."""
    view = sim.view()
    return [view.expired[k] for k in sim.model.runs], view.marker_old[0]


def happened(sim: Timed) -> list[str]:
    """Return what has happened, by name."""
    return [sim.model.actions[moment.action].name for moment in sim.trace]


def test_off_it_costs_nothing() -> None:
    """Without the bound there is neither an action nor a bit of it."""
    for revision in REVISIONS:
        m = model(revision, Bounds())
        assert not {"clock_forward", "clock_back", "suspend"} & {action.name for action in m.actions}
        assert not m.layout.cell("ahead", 0).bits
        assert not m.layout.cell("clock_steps").bits


def test_a_jump_ahead_makes_everything_old_at_once() -> None:
    """Row and marker are old right after the jump, although the run is between two sections."""
    sim = timed()
    do(sim, "run_now", 1_000)
    do(sim, "begin", 1_002)
    do(sim, "end", 2_000, end=1)
    do(sim, "clock_forward", 2_001)
    assert ages(sim) == ([1, 0], 1)
    assert "expire" not in happened(sim)


def test_a_row_opened_after_the_jump_is_young_for_its_own_grace() -> None:
    """What begins after the jump has the new time, and expires a grace later."""
    sim = timed()
    manual_run(sim)
    do(sim, "clock_forward", 2_000)
    do(sim, "end", 3_000, end=1)
    for name in ("record", "apply", "append_log", "settle"):
        do(sim, name, sim.now + 1)
    do(sim, "run_now", 10_000)
    do(sim, "begin", 10_002, run=1)
    sim.advance(10_000 + GRACE - 1)
    assert ages(sim)[0][1] == 0
    sim.advance(10_000 + GRACE)
    assert ages(sim)[0][1] == 1


def test_a_step_back_makes_rows_young_again_for_as_long_as_it_went() -> None:
    """The row expires only when the wall clock has caught up: its old time, the step and the grace."""
    sim = timed()
    manual_run(sim)
    sim.advance(1_000 + GRACE)
    assert ages(sim) == ([1, 0], 0)
    do(sim, "clock_back", 1_000 + GRACE + 1)
    assert ages(sim) == ([0, 0], 0)
    assert sim.view().ahead[0] == 1
    set_back = -sim.stamps.wall
    assert set_back >= STEP
    sim.advance(1_000 + GRACE + set_back - 1)
    assert ages(sim) == ([0, 0], 0)
    sim.advance(1_000 + GRACE + set_back)
    assert ages(sim) == ([1, 0], 0)


def test_a_row_opened_after_a_step_back_expires_first() -> None:
    """The later row has the earlier time."""
    sim = timed(bounds=Bounds(outcomes=1, clock_steps=1, restarts=1))
    manual_run(sim)
    do(sim, "restart_in_process", 2_000)
    do(sim, "repair", 4_000)
    do(sim, "catch_up", 4_050)
    do(sim, "ready", 4_060)
    do(sim, "clock_back", 5_000)
    manual = 7_000
    do(sim, "run_now", manual)
    do(sim, "begin", manual + 2, run=1)
    sim.advance(manual + GRACE)
    assert ages(sim)[0] == [0, 1]
    assert sim.view().inverted[0, 1] == 1


def test_forward_and_back_leave_what_is_open_young() -> None:
    """A step goes beyond all that is open, so that steps one after the other undo each other."""
    sim = timed()
    manual_run(sim)
    sim.advance(1_000 + GRACE)
    for at_ms, name, old in ((400_000, "clock_back", 0), (401_000, "clock_forward", 1), (402_000, "clock_back", 0)):
        do(sim, name, at_ms)
        assert ages(sim)[0][0] == old
    assert "clock_back" in happened(sim)


def test_sweeps_follow_the_clock_that_nobody_sets() -> None:
    """A step of the wall clock moves no sweep."""
    for name in ("clock_forward", "suspend", "clock_back"):
        sim = timed()
        manual_run(sim)
        do(sim, name, 4_000)
        assert impossible(sim, "sweep_begin", 4_999) == "sweep_begin is not due before 5000 ms"
        do(sim, "sweep_begin", 5_000)
        do(sim, "sweep_row", 5_001)
        assert sim.on_the_dot(number(sim, "sweep_begin"), sim.now) == 60_000
        assert rows(sim)[0] == ("running" if name == "clock_back" else "lost")


def test_the_clock_does_not_change_under_a_sweep() -> None:
    """A sweep has read the clock when it began."""
    sim = timed()
    manual_run(sim)
    do(sim, "sweep_begin", 5_000)
    with pytest.raises(Impossible):
        do(sim, "clock_forward", 5_001)


def test_a_machine_sleeps_through_all_slots() -> None:
    """Slots fall due while it sleeps; one run is started for all of them, and 4.15 consumes the others with it."""
    sim = timed(bounds=Bounds(slots=3, runs=3, outcomes=1, clock_steps=1, manual=0))
    do(sim, "suspend", 1_000)
    assert sim.view().fallen[0] == 3
    sim.settle()
    assert [sim.view().end[k] for k in sim.model.runs] == [1, 0, 0]
    assert sim.view().next[0] == 3


def test_the_reference_goes_on_after_a_sleep_with_every_slot() -> None:
    """The design consumes one slot with each run."""
    sim = timed("reference", Bounds(slots=3, runs=3, outcomes=1, clock_steps=1, manual=0))
    do(sim, "suspend", 1_000)
    sim.settle()
    assert [sim.view().end[k] for k in sim.model.runs] == [1, 1, 1]


def test_a_step_is_longer_than_everything_that_has_an_age() -> None:
    """A step of the usual size passes the grace and the two hours of a marker, whatever a scenario sets them to."""
    constants = REFERENCE.constants
    assert constants.clock_step_ms > max(constants.grace_ms, constants.stuck_ms)


def test_a_marker_set_after_a_step_back_is_the_earlier_one() -> None:
    """What the evidence says of a marker goes by times, and a later run can have an earlier one."""
    m = model("fix-durable", TWO)
    w = m.view(m.initial())
    w.step[0], w.row[0], w.memory[0] = 2, TASK.code("running"), TASK.code("running")
    w.marker[0] = 2
    assert m.marker_evidence(w, 0) == 3
    w.ahead[0] = 1
    assert m.marker_evidence(w, 0) == 2
    w.ahead[1] = 1
    assert m.marker_evidence(w, 0) == 3
