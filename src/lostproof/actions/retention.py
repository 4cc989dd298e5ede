"""Retention: what has been kept long enough is deleted, days after the last thing happened.

Nothing else is due by then: every sweep that has something to decide has decided it, every slot has been dealt with, and
no write waits. What deletion meets is what all of that has left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, gateway_at
from lostproof.actions.patience import time_can_pass
from lostproof.actions.runs import due_now
from lostproof.actions.sweeps import would_decide
from lostproof.model import Model
from lostproof.steps import ABSENT, ENABLED
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["RETAINED", "retention_actions"]

TASK, RUN = chart("task"), chart("run")
TERMINAL = tuple(code for code in range(len(TASK.states)) if code not in TASK.codes("absent", "running"))
EXECUTING = RUN.code("executing")

RETAINED = ("prune_row", "prune_log")
"""The actions that delete what has been kept long enough."""


def retention_actions(m: Model) -> Iterator[Action]:
    """Yield what is deleted in the end: rows that were closed, and lines that many later ones have followed."""
    if not m.bounds.retention:
        return
    for k in m.runs:
        yield Action(
            "prune_row", "gateway", ("row" if m.revision.rereads_rows else "memory", (k,), TERMINAL),
            partial(_can_prune_row, m, k), partial(_prune_row, m, k),
            (("run", k),), fair=False, writes_rows=True,
        )
    if m.revision.has_log:
        for job in m.jobs:
            yield Action(
                "prune_log", "gateway", gateway_at("running"), partial(_can_prune_log, m, job), partial(_prune_log, m, job),
                (("job", job),), fair=False,
            )


def _can_prune_row(m: Model, k: int, w: World) -> Any:
    return (w.pruned[k] == 0) & _days_can_pass(m, w)


def _days_can_pass(m: Model, w: World) -> Any:
    return w.derived("days can pass", partial(_nothing_is_due, m))


def _nothing_is_due(m: Model, w: World) -> Any:
    """Return whether nothing happens any more for days, but sweeps that keep everything and agent turns that go on."""
    rest = time_can_pass(m, w) & (w.gateway == chart("gateway").code("running"))
    for job in m.jobs:
        rest = rest & (due_now(m, job, w) == 0) & (w.put_off[job] == 0) & _marker_stays(m, w, job)
    for k in m.runs:
        at_work = m.in_progress(w, k) | (w.work[k] == 1)
        if m.bounds.agents:
            at_work = at_work & (w.step[k] != EXECUTING)
        young = member(m.copy(w, k), m.aging_rows) & (w.expired[k] == 0)
        rest = rest & (at_work == 0) & (young == 0) & (w.interrupt_queue[k] == 0) & (would_decide(m, w, k) == 0)
    return rest


def _marker_stays(m: Model, w: World, job: int) -> Any:
    """Return whether the job has no marker, or one of an agent turn that nobody clears."""
    stays: Any = w.marker[job] == 0
    if m.bounds.agents and not m.revision.clears_stuck_markers:
        for k in m.runs_of(job):
            stays = stays | ((w.marker[job] == m.number(k)) & (w.step[k] == EXECUTING))
    return stays


def _prune_row(m: Model, k: int, w: World) -> None:
    """Delete the row on disk and in memory; what it said last stays to be judged."""
    for run, here in m.sharing_row(w, k, True):
        w.memory[run] = where(here, ABSENT, w.memory[run])
        w.pruned[run] = where(here, 1, w.pruned[run])


def _can_prune_log(m: Model, job: int, w: World) -> Any:
    """Return whether thousands of further runs of ``job`` push its lines out of the log."""
    lines: Any = False
    goes_on: Any = (w.job[job] == ENABLED) & (w.marker[job] == 0)
    for k in m.runs_of(job):
        lines = lines | (w.log[k] != 0)
        goes_on = goes_on & (m.in_progress(w, k) == 0)
    return lines & goes_on & _days_can_pass(m, w)


def _prune_log(m: Model, job: int, w: World) -> None:
    """The log holds later lines only, and the job state the result of a later run."""
    for k in m.runs_of(job):
        w.log[k] = 0
    w.last[job] = 0
    w.moved_on[job] = 1
