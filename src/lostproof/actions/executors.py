"""Work that goes on by itself: in a process that outlives its gateway, or although the watchdog has given it up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, spend
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["executor_actions"]

RUN = chart("run")
EXECUTING, HELD, GONE = RUN.codes("executing", "held", "gone")


def executor_actions(m: Model) -> Iterator[Action]:
    """Yield how unheeded work ends, how the process dies that does it, and how the watchdog gives a run up."""
    for k in m.runs:
        if m.bounds.overruns and m.revision.gives_up_overruns:
            yield Action(
                "time_out", "run", ("step", (k,), (EXECUTING,)), lambda w: w.overruns > 0, partial(_give_up, k),
                (("run", k),), fair=False, budget="overruns", event=("run", "end"),
            )
        if not m.layout.cell("work", k).bits:
            continue
        for end in range(1, m.bounds.outcomes + 1):
            yield Action(
                "end", "run", ("work", (k,), (1,)), partial(_is_unheeded, k), partial(_end, k, end),
                (("run", k), ("end", end)),
            )
        if m.bounds.detached and m.bounds.crashes:
            # A gateway that waits for the work takes its death for a failed end; so it matters only where none waits.
            records = m.revision.executor_records
            yield Action(
                "executor_dies", "run", ("step", (k,), (EXECUTING, HELD)) if records else ("work", (k,), (1,)),
                partial(_can_die, k, records), partial(_die, k), (("run", k),), fair=False, budget="crashes",
            )


def _give_up(k: int, w: World) -> None:
    """The run takes its course as if it had ended, and its work goes on."""
    spend(w, "overruns")
    w.given_up[k] = 1
    w.work[k] = 1
    w.step[k] = HELD


def _is_unheeded(k: int, w: World) -> Any:
    return w.step[k] != EXECUTING


def _end(k: int, end: int, w: World) -> None:
    """The work ends, and nobody is told."""
    w.end[k] = end
    w.work[k] = 0


def _can_die(k: int, records: bool, w: World) -> Any:
    return (w.crashes > 0) if records else (w.crashes > 0) & _is_unheeded(k, w)


def _die(k: int, w: World) -> None:
    spend(w, "crashes")
    w.work[k] = 0
    w.step[k] = where(member(w.step[k], (EXECUTING, HELD)), GONE, w.step[k])
