"""Deliveries: what a run brought forth is sent to somebody, and the delivery queue remembers how far that has come.

A send cannot be taken back, and what it did is known only when the queue says so: between the two the gateway can die.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, always, spend
from lostproof.fields import OUTBOX, SENDING
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["delivery_actions"]

GATEWAY = chart("gateway")
NONE, PENDING, ATTEMPTED, ACKNOWLEDGED, GIVEN_UP = (
    OUTBOX.index(value) for value in ("none", "pending", "attempted", "acknowledged", "given up")
)
NO, TO_BE_SENT, SENT, LEFT_BEHIND = (SENDING.index(value) for value in ("no", "to be sent", "sent", "left behind"))
LOOKING = ("starting", "repaired", "catching_up", "running")
"""The gateway states in which a start looks at what it found in the delivery queue."""


def delivery_actions(m: Model) -> Iterator[Action]:
    """Yield the steps of a delivery, and what a start does with those that were not acknowledged."""
    if not m.bounds.deliveries:
        return
    queued, attempted = (_ends(m, way) for way in ("queued", "attempted"))
    told = queued + attempted
    for k in m.runs:
        yield _delivering(k, "send", TO_BE_SENT, partial(_can_send, m, k, queued, attempted), partial(_send, m, k, told))
        if not told:
            continue
        if not all(m.revision.queues_at_the_end(path) for path in m.revision.write_orders):
            yield _delivering(k, "enqueue", TO_BE_SENT, partial(_can_enqueue, m, k, told), partial(_put, k, PENDING))
        if attempted:
            yield _delivering(k, "attempt", TO_BE_SENT, partial(_can_attempt, m, k, attempted), partial(_put, k, ATTEMPTED))
        yield _delivering(k, "acknowledge", SENT, always, partial(_acknowledge, k, True))
        if m.bounds.store_faults:
            yield _delivering(k, "acknowledge", SENT, _can_fail, partial(_acknowledge, k, False), fault=True)
        yield _looking(k, "take_up", PENDING, partial(_take_up, k))
        if attempted:
            yield _looking(k, "give_up", ATTEMPTED, partial(_put, k, GIVEN_UP))


def _ends(m: Model, way: str) -> tuple[int, ...]:
    """Return the ends of runs in this world that bring forth something which is delivered in this ``way``."""
    return tuple(end for end in m.revision.delivers_by(way) if end in m.bounds.told)


def _can_fail(w: World) -> Any:
    return w.store_faults > 0


def _delivering(k: int, name: str, at: int, guard: Any, effect: Any, fault: bool = False) -> Action:
    return Action(
        name, "gateway", ("sending", (k,), (at,)), guard, effect, (("run", k), *((("fault", 1),) if fault else ())),
        fair=not fault, budget="store_faults" if fault else None,
    )


def _looking(k: int, name: str, at: int, effect: Any) -> Action:
    """Return what a start does with an entry that no sender of this process has in its hands."""
    return Action(name, "gateway", ("outbox", (k,), (at,)), partial(_is_left, k), effect, (("run", k),))


def _is_left(k: int, w: World) -> Any:
    return (w.sending[k] == NO) & member(w.gateway, GATEWAY.codes(*LOOKING))


def _is_one_of(m: Model, w: World, k: int, ends: tuple[int, ...]) -> Any:
    return member(m.told(w, k), ends) if ends else False


def _can_enqueue(m: Model, k: int, ends: tuple[int, ...], w: World) -> Any:
    return (w.outbox[k] == NONE) & _is_one_of(m, w, k, ends)


def _can_attempt(m: Model, k: int, attempted: tuple[int, ...], w: World) -> Any:
    return (w.outbox[k] == PENDING) & _is_one_of(m, w, k, attempted)


def _can_send(m: Model, k: int, queued: tuple[int, ...], attempted: tuple[int, ...], w: World) -> Any:
    """A send waits until the queue knows what its way of delivering wants it to know."""
    can = _is_one_of(m, w, k, queued + attempted) == 0
    can = can | ((w.outbox[k] == PENDING) & _is_one_of(m, w, k, queued))
    return can | ((w.outbox[k] == ATTEMPTED) & _is_one_of(m, w, k, attempted))


def _send(m: Model, k: int, acknowledged: tuple[int, ...], w: World) -> None:
    w.received[k] = where(w.received[k] == 0, 1, 2)
    w.sending[k] = where(_is_one_of(m, w, k, acknowledged), SENT, NO)


def _put(k: int, value: int, w: World) -> None:
    w.outbox[k] = value


def _acknowledge(k: int, disk: bool, w: World) -> None:
    """Say in the queue that it was sent; where that fails the entry stays as it is, and this process leaves it alone."""
    if disk:
        w.outbox[k] = ACKNOWLEDGED
    else:
        spend(w, "store_faults")
    w.sending[k] = NO if disk else LEFT_BEHIND


def _take_up(k: int, w: World) -> None:
    w.sending[k] = TO_BE_SENT
