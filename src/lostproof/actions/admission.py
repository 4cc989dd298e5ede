"""Admission: a manual run is acknowledged first, and its job reserved later. In between the request is all there is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, gateway_at
from lostproof.actions.runs import can_run_now, run_now, writes_rows_in
from lostproof.model import Model
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["admission_actions"]

RUN, GATEWAY = chart("run"), chart("gateway")
STEP_ABSENT = RUN.code("absent")
SERVING = ("catching_up", "running")
"""The gateway states in which runs are started by hand."""


def admission_actions(m: Model) -> Iterator[Action]:
    """Yield how manual runs are asked for and acknowledged, and what becomes of those that wait."""
    if not (m.bounds.admission and m.bounds.manual):
        return
    reserved = m.revision.admission == "reserved"
    first = m.revision.manual[0]
    for job in m.jobs:
        yield Action(
            "accept", "operator", gateway_at(*SERVING), partial(_can_accept, m, job),
            partial(_reserve if reserved else _accept, m, job), (("job", job),), fair=False,
            event=("run", first.event) if reserved else None, writes_rows=reserved and writes_rows_in(first),
        )
        if reserved:
            continue
        waiting = ("booked" if m.revision.admission == "booked" else "accepted", (job,), (1,))
        for same_ms in (False, True) if m.layout.cell("instant", job).bits else (False,):
            yield Action(
                "run_now", "gateway", waiting, partial(_is_its_turn, m, job, same_ms),
                partial(_start, m, job, same_ms), (("job", job), *((("same_ms", 1),) if same_ms else ())),
                event=("run", first.event), writes_rows=writes_rows_in(first),
            )
        yield Action(
            "decline", "gateway", waiting, partial(_has_to_decline, m, job), partial(_decline, m, job), (("job", job),)
        )


def _can_accept(m: Model, job: int, w: World) -> Any:
    """An operator waits for the answer to one request before asking again."""
    return can_run_now(m, job, False, w) & (w.owed[job] == 0)


def _accept(m: Model, job: int, w: World) -> None:
    w.accepted[job] = 1
    w.booked[job] = 1
    w.owed[job] = 1


def _reserve(m: Model, job: int, w: World) -> None:
    run_now(m, job, False, w)
    _owe(m, job, w)


def _is_its_turn(m: Model, job: int, same_ms: bool, w: World) -> Any:
    return can_run_now(m, job, same_ms, w) & member(w.gateway, GATEWAY.codes(*SERVING))


def _start(m: Model, job: int, same_ms: bool, w: World) -> None:
    run_now(m, job, same_ms, w)
    w.accepted[job] = 0
    w.booked[job] = 0
    _owe(m, job, w)


def _owe(m: Model, job: int, w: World) -> None:
    """Remember which run is to be the request; if it opens in one go it has begun, and nothing is owed any more."""
    if m.revision.manual[0].event == "open":
        w.owed[job] = 0
        return
    for k in m.runs_of(job):
        w.owed[job] = where(w.step[k] != STEP_ABSENT, m.number(k) + 1, w.owed[job])


def _has_to_decline(m: Model, job: int, w: World) -> Any:
    """A booking waits until the job is free, as long as there is a job to be run; a request in the lane does not."""
    declined = w.job[job] != ENABLED
    if m.revision.waits_in_lane:
        declined = declined | (w.marker[job] != 0)
        if m.revision.receipts:
            for k in m.runs_of(job):
                declined = declined | m.in_progress(w, k)
    return declined & m.lock_free(w) & member(w.gateway, GATEWAY.codes(*SERVING))


def _decline(m: Model, job: int, w: World) -> None:
    w.accepted[job] = 0
    w.booked[job] = 0
    if m.revision.admission != "lane":
        w.owed[job] = 0
