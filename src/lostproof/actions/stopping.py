"""Runs that are stopped: by an operator's cancel, or by a shutdown that has waited long enough."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, gateway_at, spend
from lostproof.evidence import ENDS
from lostproof.fields import GIVEN_UP
from lostproof.model import Model
from lostproof.steps import CANCEL, RUNNING, put_memory, put_row
from lostproof.tables import chart
from lostproof.world import World, where

__all__ = ["drained", "stopping_actions"]

GATEWAY, RUN = chart("gateway"), chart("run")
STOPPING = GATEWAY.code("stopping")
EXECUTING, HELD = RUN.codes("executing", "held")
CANCELLED = GIVEN_UP.index("cancelled")


def stopping_actions(m: Model) -> Iterator[Action]:
    """Yield an operator's cancels, and how work is stopped."""
    cancels = bool(m.bounds.cancels) and m.revision.cancels != "refused"
    for k in m.runs:
        if cancels:
            ask = m.revision.cancels == "by_owner"
            yield Action(
                "cancel", "operator", gateway_at("catching_up", "running"), partial(_can_cancel, m, k),
                partial(_ask, k) if ask else partial(_cancel, m, k), (("run", k),), fair=False, budget="cancels",
            )
            if not ask:
                yield Action(
                    "abort", "run", ("work", (k,), (1,)), partial(_is_cancelled, k), partial(_stop, k), (("run", k),)
                )
        if drains(m) or m.layout.cell("cancelling", k).bits:
            yield Action(
                "abort", "run", ("step", (k,), (EXECUTING,)), partial(_is_told_to_stop, m, k), partial(_abort, k),
                (("run", k),), event=("run", "end"),
            )


def drains(m: Model) -> bool:
    """Return whether a SIGTERM waits for runs in this world."""
    return bool(m.bounds.drain) and m.revision.drains


def drained(m: Model, w: World) -> Any:
    """Return whether a shutdown has nothing left to wait for."""
    done: Any = True
    if drains(m):
        for k in m.runs:
            done = done & (m.in_progress(w, k) == 0)
    return done


def _can_cancel(m: Model, k: int, w: World) -> Any:
    """The row must say running. The run must be at work in this process, unless the row is all that is asked."""
    can = (w.cancels > 0) & (w.cancelling[k] == 0) & (m.copy(w, k) == RUNNING)
    return can if m.revision.cancels == "by_row" else can & (w.step[k] == EXECUTING)


def _cancel(m: Model, k: int, w: World) -> None:
    """Close the row as cancelled; a run at work takes its course as if it had failed, whether its work stops or not."""
    spend(w, "cancels")
    status = m.revision.task_table[m.copy(w, k), CANCEL]
    put_memory(m, w, k, True, status)
    put_row(m, w, k, True, status)
    at_work = w.step[k] == EXECUTING
    w.given_up[k] = where(at_work, CANCELLED, w.given_up[k])
    w.work[k] = where(at_work, 1, w.work[k])
    w.step[k] = where(at_work, HELD, w.step[k])


def _is_cancelled(k: int, w: World) -> Any:
    return w.given_up[k] == CANCELLED


def _stop(k: int, w: World) -> None:
    """The work that was given up stops, which counts as a failure."""
    w.end[k] = ENDS.index("failed")
    w.work[k] = 0


def _ask(k: int, w: World) -> None:
    """Tell the work to stop; the row is left to its run."""
    spend(w, "cancels")
    w.cancelling[k] = 1


def _is_told_to_stop(m: Model, k: int, w: World) -> Any:
    told: Any = w.cancelling[k] == 1
    return told | (w.gateway == STOPPING) if drains(m) else told


def _abort(k: int, w: World) -> None:
    """The work is cut short, which its run takes for a failure."""
    _stop(k, w)
    w.step[k] = HELD
