"""The clock: slots fall due, rows expire, markers grow old."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action
from lostproof.actions.patience import time_can_pass, time_passes
from lostproof.model import Model
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["clock_actions"]

RUNNING = chart("task").code("running")


def clock_actions(m: Model) -> Iterator[Action]:
    """Yield what time does by itself."""
    for job in m.jobs:
        yield Action(
            "slot_due", "clock", ("fallen", (job,), tuple(range(m.bounds.slots))),
            partial(_can_fall, job), partial(_fall, job), (("job", job),),
        )
    for job in m.jobs if m.revision.puts_off(m.bounds) else ():
        yield Action(
            "put_off_due", "clock", ("put_off", (job,), (1,)), partial(_comes_next, job), partial(_comes, job),
            (("job", job),),
        )
    for k in m.runs:
        yield Action(
            "expire", "clock", ("expired", (k,), (0,)), partial(_can_expire, m, k), partial(_expire, m, k),
            (("run", k),),
        )
    if m.bounds.long_waits:
        for job in m.jobs:
            yield Action(
                "age_marker", "clock", ("marker_old", (job,), (0,)),
                partial(_can_age, m, job), partial(_age_marker, m, job), (("job", job),),
            )


def _comes_next(job: int, w: World) -> Any:
    """The jobs that were put off come one after the other."""
    next_one: Any = True
    for earlier in range(job):
        next_one = next_one & (w.put_off[earlier] == 0)
    return next_one


def _comes(job: int, w: World) -> None:
    w.put_off[job] = 0


def _can_fall(job: int, w: World) -> Any:
    return w.job[job] == ENABLED


def _fall(job: int, w: World) -> None:
    w.fallen[job] = w.fallen[job] + 1


def _ages(m: Model, w: World, k: int) -> Any:
    """Return whether the row of run ``k`` is up for a decision in some copy, and its last event is still recent."""
    up = member(w.row[k], m.aging_rows)
    if not m.goes_by_disk:
        for process in m.processes(w):
            up = up | member(process.memory[k], m.aging_rows)
    return up & (w.expired[k] == 0)


def _can_expire(m: Model, k: int, w: World) -> Any:
    can = _ages(m, w, k) & time_can_pass(m, w)
    for other in m.runs:
        if other != k:
            inverted = w.inverted[min(k, other), max(k, other)]
            older = inverted == (1 if other > k else 0)
            can = can & ((older & _ages(m, w, other)) == 0)
    return can


def _expire(m: Model, k: int, w: World) -> None:
    for run, here in m.sharing_row(w, k, True):
        w.expired[run] = where(here, 1, w.expired[run])
    for other in m.runs if not m.bounds.clock_steps else ():
        # The order of rows that have expired matters only if they can become young again.
        if other != k:
            w.inverted[min(k, other), max(k, other)] = 0
    time_passes(m, w)


def _can_age(m: Model, job: int, w: World) -> Any:
    """A marker can get old if its run is gone, or is an agent turn without a time-out: others are cut off long before."""
    can = (w.marker[job] != 0) & time_can_pass(m, w)
    if not m.bounds.agents:
        for k in m.runs_of(job):
            can = can & (((w.marker[job] == m.number(k)) & m.owned(w, k)) == 0)
    return can


def _age_marker(m: Model, job: int, w: World) -> None:
    """Two hours after the marker was set every row that was open then is past its grace as well."""
    w.marker_old[job] = 1
    for k in m.runs_of(job):
        open_somewhere = w.row[k] == RUNNING
        for process in m.processes(w):
            open_somewhere = open_somewhere | (process.memory[k] == RUNNING)
        w.expired[k] = where((w.marker[job] >= m.number(k)) & open_somewhere, 1, w.expired[k])
    time_passes(m, w)
