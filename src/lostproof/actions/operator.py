"""The operator, interfering with jobs whose runs are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, spend
from lostproof.model import Model
from lostproof.steps import DELETED, DISABLED, ENABLED, drop_marker
from lostproof.tables import chart
from lostproof.world import World, member

__all__ = ["operator_actions"]

DOWN = chart("gateway").code("down")
AT_WORK = chart("run").codes("executing", "held")


def operator_actions(m: Model) -> Iterator[Action]:
    """Yield what an operator does to jobs."""
    if not m.bounds.operator_actions:
        return
    for name, status in (("disable", DISABLED), ("delete", DELETED)):
        for job in m.jobs:
            yield Action(
                name, "operator", ("job", (job,), (ENABLED,)),
                partial(_can_interfere, m), partial(_interfere, m, job, status),
                (("job", job),), fair=False, budget="operator_actions",
            )
    if m.revision.receipts:
        for job in m.jobs:
            yield Action(
                "reassign", "operator", ("job", (job,), (ENABLED,)), partial(_can_reassign, m, job),
                partial(_reassign, job), (("job", job),), fair=False, budget="operator_actions",
            )
    if m.bounds.operator_actions > 1:
        for job in m.jobs:
            yield Action(
                "enable", "operator", ("job", (job,), (DISABLED,)),
                partial(_can_interfere, m), partial(_enable, job),
                (("job", job),), fair=False, budget="operator_actions",
            )


def _can_interfere(m: Model, w: World) -> Any:
    can = (w.operator_actions > 0) & m.lock_free(w)
    # What stands in the database is changed through the gateway; files can be edited while there is none.
    return can & (w.gateway != DOWN) if m.revision.receipts else can


def _can_reassign(m: Model, job: int, w: World) -> Any:
    """It matters only to a run that is at work: a later one takes a receipt for the new agent."""
    at_work: Any = False
    for k in m.runs_of(job):
        at_work = at_work | member(w.step[k], AT_WORK)
    return at_work & (w.reassigned[job] == 0) & _can_interfere(m, w)


def _reassign(job: int, w: World) -> None:
    spend(w, "operator_actions")
    w.reassigned[job] = 1


def _enable(job: int, w: World) -> None:
    spend(w, "operator_actions")
    w.job[job] = ENABLED


def _interfere(m: Model, job: int, status: int, w: World) -> None:
    spend(w, "operator_actions")
    w.job[job] = status
    if status == DELETED or m.revision.disabling_clears_marker:
        drop_marker(job, w)
    elif m.revision.spares_active_marker:
        drop_marker(job, w, m.active(w, job) == 0)
    if status == DELETED:
        w.last[job] = 0
