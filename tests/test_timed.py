"""The timed simulator: windows, ageing on the dot, and what it says when something is impossible."""

from __future__ import annotations

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.timed import AGING, Impossible, Timed
from lostproof.tables import chart
from tests.support import model

GRACE, STUCK, SWEEP = 300_000, 7_200_000, 60_000
SMALL = Bounds(runs=1, outcomes=1)
TASK = chart("task")


def timed(revision: str = "openclaw-2026.4.15", bounds: Bounds = SMALL) -> Timed:
    """Return a simulator at the beginning of time."""
    return Timed(model(revision, bounds))


def number(sim: Timed, name: str, **params: int) -> int:
    """Return the number of the action with exactly these parameters; run and job may be left out if there is one."""
    found = [
        n for n, action in enumerate(sim.model.actions)
        if action.name == name and all(action.get(key) == value for key, value in params.items())
        and all(key in params or key in ("run", "job") or not value for key, value in action.params)
    ]
    return next((n for n in found if n in sim.enabled()), found[0])


def do(sim: Timed, name: str, at_ms: int, **params: int) -> None:
    """Let the action happen."""
    sim.do(number(sim, name, **params), at_ms)


def impossible(sim: Timed, name: str, at_ms: int, **params: int) -> str:
    """Return why the action cannot happen then; nothing but ageing must have happened."""
    before = len(sim.trace)
    with pytest.raises(Impossible) as caught:
        do(sim, name, at_ms, **params)
    assert {sim.model.actions[moment.action].name for moment in sim.trace[before:]} <= set(AGING)
    return str(caught.value)


def manual_run(sim: Timed, at_ms: int = 1_000) -> None:
    """Start a run by hand, so that it has a row of the moment ``at_ms``."""
    do(sim, "run_now", at_ms)
    do(sim, "begin", at_ms + 2)


def orphan(sim: Timed, at_ms: int = 1_000) -> None:
    """Start a run by hand and kill the gateway, which comes up again ten seconds later."""
    manual_run(sim, at_ms)
    do(sim, "crash", at_ms + 1_000)
    do(sim, "start", at_ms + 11_000)


def rows(sim: Timed) -> list[str]:
    """Return what the rows on disk say."""
    return [TASK.states[sim.view().row[k]] for k in sim.model.runs]


# -- sweeps


@pytest.mark.parametrize(
    ("asked", "due"),
    [(0, 5_000), (5_000, 5_000), (5_001, 60_000), (59_999, 60_000), (60_000, 60_000), (60_001, 120_000)],
)
def test_sweeps_are_due_on_a_grid(asked: int, due: int) -> None:
    """The first sweep is due five seconds after the start; from then on sweeps are due every minute from the start."""
    sim = timed()
    manual_run(sim, 100)
    assert sim.on_the_dot(number(sim, "sweep_begin"), asked) == due


def test_the_first_sweep_is_not_before_five_seconds() -> None:
    """A millisecond before the first sweep is due it is impossible, and the reason says when it is due."""
    sim = timed()
    manual_run(sim)
    assert impossible(sim, "sweep_begin", 4_999) == "sweep_begin is not due before 5000 ms"
    do(sim, "sweep_begin", 5_000)


def test_the_next_sweep_is_on_the_minute() -> None:
    """After a sweep, also a late one, the next is due on the next full minute from the start."""
    sim = timed()
    manual_run(sim)
    for at_ms, due in ((5_000, 60_000), (60_000, 120_000), (130_500, 180_000)):
        do(sim, "sweep_begin", at_ms)
        do(sim, "sweep_row", at_ms + 1)
        assert impossible(sim, "sweep_begin", due - 1) == f"sweep_begin is not due before {due} ms"


@pytest.mark.parametrize("how", ["crash", "restart_in_process"])
def test_a_restart_moves_the_grid(how: str) -> None:
    """After a crash, or a restart inside the process, the five seconds and the minutes count from the new start."""
    sim = timed(bounds=Bounds(runs=1, outcomes=1, crashes=1, restarts=1))
    manual_run(sim)
    started = 77_777
    if how == "crash":
        do(sim, "crash", 70_000)
        do(sim, "start", started)
    else:
        do(sim, how, started)
    assert impossible(sim, "sweep_begin", started + 4_999) == f"sweep_begin is not due before {started + 5_000} ms"
    do(sim, "sweep_begin", started + 5_000)
    do(sim, "sweep_row", started + 5_001)
    assert sim.on_the_dot(number(sim, "sweep_begin"), sim.now) == started + SWEEP


def test_a_reload_leaves_the_grid() -> None:
    """A hot reload restarts cron, not maintenance: sweeps keep their minutes."""
    sim = timed(bounds=Bounds(runs=1, outcomes=1, restarts=1))
    manual_run(sim)
    do(sim, "reload", 77_777)
    assert sim.on_the_dot(number(sim, "sweep_begin"), sim.now) == 120_000


# -- when a run takes its start time


IDENTITY = Bounds(runs=2, slots=1, outcomes=1, same_ms=1)


def reserved(revision: str = "openclaw-2026.5.28", bounds: Bounds = SMALL, at_ms: int = 10_000) -> Timed:
    """Return a world in which the timer has just reserved a run."""
    sim = timed(revision, bounds)
    do(sim, "slot_due", at_ms)
    do(sim, "tick", at_ms)
    return sim


def test_a_run_that_is_not_early_begins_in_the_reservations_millisecond() -> None:
    """Where the marker's time matters, a run begins in the very millisecond of its reservation, or is marked early."""
    assert "by 10000 ms" in impossible(reserved(), "begin", 10_001)
    assert "not due before 10001 ms" in impossible(reserved(), "begin", 10_000, early=1)
    for at_ms, params in ((10_000, {}), (10_001, {"early": 1}), (15_000, {"early": 1})):
        sim = reserved()
        do(sim, "begin", at_ms, **params)
        assert sim.view().early[0] == bool(params)
        assert sim.stamps.row[0] == at_ms


def test_where_the_markers_time_does_not_matter_a_run_begins_when_it_likes() -> None:
    """Without a comparison with the marker's time there is no early variant and no latest moment."""
    sim = reserved("openclaw-2026.4.15")
    assert sim.window(number(sim, "begin")) == (10_000, None)
    assert not any(action.get("early") for action in sim.model.actions)


def two_runs(second_ms: int, same: bool) -> str | None:
    """Start two runs by hand, the second in ``second_ms``; return why that is impossible, if it is."""
    sim = timed("openclaw-2026.4.15", IDENTITY)
    manual_run(sim, 1_000)
    for name, params in (("end", {"run": 0, "end": 1}), ("record", {}), ("apply", {}), ("settle", {})):
        do(sim, name, sim.now if same else 1_010, **params)
    params = {"same_ms": 1} if same else {}
    try:
        do(sim, "run_now", second_ms, **params)
    except Impossible as reason:
        return str(reason)
    return None


def test_runs_share_a_millisecond_only_if_they_say_so() -> None:
    """A second run cannot take the millisecond of the first unless it is the twin, and a twin takes no other."""
    sim = timed("openclaw-2026.4.15", IDENTITY)
    do(sim, "run_now", 1_000)
    for name in ("begin", "end", "record", "apply", "settle"):
        do(sim, name, 1_000, **({"end": 1} if name == "end" else {}))
    twin, other = number(sim, "run_now", same_ms=1), number(sim, "run_now")
    assert sim.window(twin) == (1_000, 1_000)
    assert sim.window(other) == (1_001, None)
    assert "not due before 1001 ms" in impossible(sim, "run_now", 1_000)
    assert two_runs(1_011, same=False) is None
    assert "by 1000 ms" in str(two_runs(1_011, same=True))


def test_unique_ids_leave_two_runs_one_millisecond() -> None:
    """Where ids are unique two runs may begin in one millisecond without being twins."""
    sim = timed("reference", Bounds(runs=2, outcomes=1))
    do(sim, "run_now", 1_000)
    do(sim, "end", 1_000, end=1)
    do(sim, "settle", 1_000)
    assert sim.window(number(sim, "run_now")) == (1_000, None)


# -- the offline CLI


def test_an_offline_pass_writes_within_a_minute() -> None:
    """An offline pass may write up to a minute after it began, and not a millisecond later."""
    bounds = Bounds(runs=1, outcomes=1, offline_passes=1)
    for late in (0, 1):
        sim = timed(bounds=bounds)
        manual_run(sim)
        sim.advance(1_000 + GRACE)
        do(sim, "cli_begin", 400_000)
        if late:
            assert impossible(sim, "cli_row", 460_001) == "cli_row run=job-a.run-1 would have to happen by 460000 ms"
        else:
            do(sim, "cli_row", 460_000)
            assert rows(sim) == ["lost"]


# -- ageing


@pytest.mark.parametrize(("age", "lost"), [(GRACE - 1, False), (GRACE, True)])
def test_the_grace_ends_on_the_millisecond(age: int, lost: bool) -> None:
    """A sweep that begins 299 999 ms after the row's start leaves it, one that begins at 300 000 ms does not."""
    sim = timed()
    manual_run(sim, 420_000 - age)  # a manual run takes its start time from the reservation
    do(sim, "sweep_begin", 420_000)
    do(sim, "sweep_row", 420_000)
    assert rows(sim) == ["lost" if lost else "running"]


def test_rows_expire_by_themselves_and_on_the_dot() -> None:
    """A row comes of age 300 000 ms after its start without being asked, however far time is moved at once."""
    sim = timed()
    manual_run(sim, 1_000)
    sim.advance(1_000 + GRACE - 1)
    assert sim.view().expired[0] == 0
    sim.advance(9_000_000 - 1)
    assert (sim.model.actions[sim.trace[-1].action].name, sim.trace[-1].at_ms) == ("expire", 1_000 + GRACE)
    assert sim.now == 9_000_000 - 1


def test_markers_are_stuck_after_two_hours() -> None:
    """The marker of a dead run grows old two hours after it was set, on the dot, and is cleared no earlier."""
    sim = timed("openclaw-2026.4.15", Bounds(runs=1, outcomes=1, agents=1))
    do(sim, "run_now", 1_000)
    do(sim, "begin", 1_005)
    sim.advance(1_000 + STUCK - 1)
    assert sim.view().marker_old[0] == 0
    assert "cannot happen in this state" in impossible(sim, "clear_stuck", 1_000 + STUCK - 1)
    do(sim, "clear_stuck", 1_000 + STUCK)
    last = [(moment.at_ms - STUCK, sim.model.actions[moment.action].name) for moment in sim.trace[-2:]]
    assert last == [(1_000, "age_marker"), (1_000, "clear_stuck")]


def test_a_commands_marker_does_not_grow_old_under_it() -> None:
    """A run that is no agent turn is cut off long before two hours, so its own marker never grows old under it."""
    sim = timed()
    manual_run(sim)
    sim.advance(3 * STUCK)
    assert sim.view().marker_old[0] == 0


def test_nothing_comes_of_age_within_a_sweep() -> None:
    """A sweep judges by the time at which it began: a row that comes of age meanwhile does so when it has ended."""
    sim = timed()
    manual_run(sim, 59_000)
    do(sim, "sweep_begin", 59_000 + GRACE - 1)
    sim.advance(59_000 + GRACE + 5_000)
    assert sim.view().expired[0] == 0
    do(sim, "sweep_row", 59_000 + GRACE + 5_000)
    assert rows(sim) == ["running"]
    sim.advance(sim.now)
    assert sim.view().expired[0] == 1
    assert sim.trace[-1].at_ms == 59_000 + GRACE + 5_000


def test_nothing_comes_of_age_within_an_offline_pass() -> None:
    """An offline pass is short as well: what comes of age while it works does so when it has ended."""
    sim = timed(bounds=Bounds(runs=2, outcomes=1, offline_passes=1, crashes=1))
    orphan(sim, 1_000)
    for name in ("repair", "catch_up", "ready"):
        do(sim, name, sim.now + 10)
    do(sim, "run_now", 30_000)
    do(sim, "begin", 30_002)
    do(sim, "cli_begin", 30_000 + GRACE - 10)
    sim.advance(30_000 + GRACE + 10)
    assert [sim.view().expired[k] for k in (0, 1)] == [1, 0]
    do(sim, "cli_row", 30_000 + GRACE + 20, run=0)
    sim.advance(30_000 + GRACE + 20)
    assert [sim.view().expired[k] for k in (0, 1)] == [1, 1]
    assert rows(sim) == ["lost", "running"]


# -- time and reasons


def test_time_never_goes_backwards() -> None:
    """An action in the past is impossible, and asking for an earlier moment leaves the clock where it is."""
    sim = timed()
    manual_run(sim, 1_000)
    assert impossible(sim, "end", 1_001, end=1).endswith("end=ok at 1001 ms: time has already reached 1002 ms")
    sim.advance(5)
    assert sim.now == 1_002


def test_a_false_guard_is_named() -> None:
    """An action that the state does not allow is impossible for that reason."""
    assert impossible(timed(), "end", 10, end=1) == "end run=job-a.run-1 end=ok cannot happen in this state"
    assert impossible(timed(), "tick", 10) == "tick cannot happen in this state"
