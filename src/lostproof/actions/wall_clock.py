"""The wall clock is set, or stands for a machine that slept: ages change at once, and nobody is asked.

The product compares times with the wall clock everywhere, while its own timers and the time limits of runs follow a clock
that nobody can set. So a step of the wall clock changes what every row and every marker looks like, whoever is busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, spend
from lostproof.actions.patience import time_passes
from lostproof.model import Model
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["CLOCK_STEPS", "wall_clock_actions"]

CLOCK_STEPS = ("clock_forward", "clock_back", "suspend")
"""The actions that set the wall clock, or let it go on while the machine stands still."""

BETWEEN_READINGS = chart("run").codes("reserved", "activated")


def wall_clock_actions(m: Model) -> Iterator[Action]:
    """Yield the steps of the wall clock."""
    steps = m.bounds.clock_steps
    if not steps:
        return
    at = ("clock_steps", (), tuple(range(1, steps + 1)))
    yield Action("clock_forward", "clock", at, partial(_can_age, m), partial(_forward, m), fair=False, budget="clock_steps")
    yield Action("clock_back", "clock", at, partial(_can_go_back, m), partial(_back, m), fair=False, budget="clock_steps")
    yield Action("suspend", "clock", at, partial(_can_sleep, m), partial(_suspend, m), fair=False, budget="clock_steps")


def _open(m: Model, w: World, k: int) -> Any:
    return member(w.row[k], m.aging_rows) | member(w.memory[k], m.aging_rows)


def _between_decisions(w: World) -> Any:
    """A sweep has read the clock when it began: what the clock does meanwhile changes none of its decisions."""
    return w.sweep == 0


def _can_age(m: Model, w: World) -> Any:
    """Return whether a jump ahead makes something old."""
    some: Any = False
    for k in m.runs:
        some = some | (_open(m, w, k) & (w.expired[k] == 0))
    for job in m.jobs if m.bounds.long_waits else ():
        some = some | ((w.marker[job] != 0) & (w.marker_old[job] == 0))
    return some & _between_decisions(w)


def _can_sleep(m: Model, w: World) -> Any:
    """Return whether something happens to the world of a machine that sleeps for hours."""
    missed: Any = False
    for job in m.jobs:
        missed = missed | ((w.job[job] == ENABLED) & (w.fallen[job] < m.bounds.slots))
    return (missed & _between_decisions(w)) | _can_age(m, w)


def _can_go_back(m: Model, w: World) -> Any:
    """Return whether a step back makes something young; no run is then between its two readings of the clock."""
    some: Any = False
    apart: Any = _between_decisions(w)
    for k in m.runs:
        some = some | _open(m, w, k)
        apart = apart & (member(w.step[k], BETWEEN_READINGS) == 0)
    for job in m.jobs:
        some = some | (w.marker[job] != 0)
    return some & apart


def _forward(m: Model, w: World) -> None:
    """Every open row is past its grace at once, and every marker older than two hours."""
    spend(w, "clock_steps")
    for k in m.runs:
        w.expired[k] = where(_open(m, w, k), 1, w.expired[k])
    for job in m.jobs:
        w.marker_old[job] = where(w.marker[job] != 0, 1, w.marker_old[job])
    time_passes(m, w)


def _suspend(m: Model, w: World) -> None:
    """The process stands still while the wall clock goes on; all slots that are left fall due meanwhile."""
    _forward(m, w)
    for job in m.jobs:
        w.fallen[job] = where(w.job[job] == ENABLED, m.bounds.slots, w.fallen[job])


def _back(m: Model, w: World) -> None:
    """Every row and marker is young again; rows that are opened from now on are older than those that are open."""
    spend(w, "clock_steps")
    for k in m.runs:
        marked = w.marker[m.job_of(k)] == m.number(k)
        w.ahead[k] = where(_open(m, w, k) | marked, 1, w.ahead[k])
        w.expired[k] = 0
    for job in m.jobs:
        w.marker_old[job] = 0
    time_passes(m, w)
