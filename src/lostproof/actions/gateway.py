"""The gateway: its start-up protocol, its restarts and its deaths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, always, gateway_at, spend
from lostproof.actions.patience import caught_up, no_run_is_busy, time_passes
from lostproof.actions.runs import collect_due, due_now, found_due, start_run
from lostproof.actions.stopping import drained
from lostproof.fields import SENDING, WIPES
from lostproof.model import Model
from lostproof.steps import (
    ABSENT,
    ENABLED,
    MUTANT_REPAIRS,
    REPAIRS,
    close_interrupted,
    drop_marker,
    forget_rows,
    recover_job,
    restore_rows,
)
from lostproof.tables import chart
from lostproof.world import World, member, where

__all__ = ["gateway_actions", "outage_actions"]

GATEWAY = chart("gateway")
NEXT = GATEWAY.table({})
LEFT_BEHIND = SENDING.index("left behind")


def gateway_actions(m: Model) -> Iterator[Action]:
    """Yield the steps of start-up and the end of a shutdown."""
    yield _gateway_action("start", always, partial(_start, m))
    if m.bounds.read_faults:
        yield _start_without_ledger(m)
    # A start takes seconds: runs of the service before do not stay between two sections for so long.
    rested = partial(no_run_is_busy, m)
    yield _gateway_action("repair", rested, partial(_repair, m, True))
    # A release that cannot write what it found at its start does not come up at all, which is no race.
    goes_on = not m.revision.memory_first and not m.revision.receipts and "interrupt_markers" not in m.revision.repair
    if m.bounds.store_faults and goes_on:
        yield _gateway_action(
            "repair", lambda w: (w.store_faults > 0) & rested(w), partial(_repair, m, False),
            params=(("fault", 1),), budget="store_faults",
        )
    if m.torn_reservations:
        yield Action(
            "collect", "gateway", gateway_at("repaired"),
            lambda w: _misses_slots(m, w) & m.lock_free(w), partial(collect_due, m, m.jobs),
        )
    yield _gateway_action(
        "catch_up", partial(_can_catch_up, m), partial(_catch_up, m),
    )
    yield _gateway_action("ready", partial(caught_up, m), partial(_ready, m))
    if m.revision.receipts:
        yield from _recoveries(m)
    if m.bounds.restarts:
        yield _gateway_action("exit", partial(drained, m), partial(_wipe, "exit"))


def _gateway_action(
    event: str, guard: Callable[[World], Any], effect: Callable[[World], None], *,
    params: tuple[tuple[str, int], ...] = (), budget: str | None = None,
) -> Action:
    return Action(
        event, "gateway", gateway_at(*GATEWAY.sources(event)), guard, partial(_happen, event, effect), params,
        fair=budget is None, budget=budget, event=("gateway", event),
    )


def _happen(event: str, effect: Callable[[World], None], w: World) -> None:
    _follow(event, w)
    effect(w)


def _follow(event: str, w: World) -> None:
    """Let the gateway go where its chart says that ``event`` leads."""
    w.gateway = NEXT[w.gateway, GATEWAY.events.index(event)]


def _start(m: Model, w: World) -> None:
    restore_rows(m, w)
    time_passes(m, w)


def _start_without_ledger(m: Model) -> Action:
    """A start for which the ledger cannot be read: it goes on with an empty one, or not at all, to be tried again."""

    def happen(w: World) -> None:
        spend(w, "read_faults")
        if m.revision.starts_without_ledger:
            _follow("start", w)
            forget_rows(m, w)
            time_passes(m, w)

    return Action(
        "start", "gateway", gateway_at(*GATEWAY.sources("start")), lambda w: (w.read_faults > 0) & _any_row(m, w), happen,
        (("unread", 1),), fair=False, budget="read_faults", event=("gateway", "start"),
    )


def _any_row(m: Model, w: World) -> Any:
    some: Any = False
    for k in m.runs:
        some = some | (w.row[k] != ABSENT)
    return some


def _repair(m: Model, disk: bool, w: World) -> None:
    if disk:
        for name in m.revision.repair:
            (REPAIRS.get(name) or MUTANT_REPAIRS[name])(m, w)
    else:
        spend(w, "store_faults")


def _recoveries(m: Model) -> Iterator[Action]:
    """Yield the second write about interrupted runs, and the tick's look at markers that no run of this process owns."""
    for k in m.runs:
        for fault in (0, 1) if m.bounds.store_faults else (0,):
            yield Action(
                "close_interrupted", "gateway", ("unclosed", (k,), (1,)), partial(_can_close, m, fault),
                partial(_close, m, k, fault), (("run", k), *((("fault", 1),) if fault else ())),
                fair=not fault, budget="store_faults" if fault else None,
            )
    for job in m.jobs:
        yield Action(
            "reclaim", "gateway", gateway_at("running"), partial(_can_reclaim, m, job),
            partial(recover_job, m, job=job, startup=False), (("job", job),),
        )


def _can_close(m: Model, fault: int, w: World) -> Any:
    can = member(w.gateway, GATEWAY.codes("repaired", "running"))
    return can & (w.store_faults > 0) if fault else can


def _close(m: Model, k: int, fault: int, w: World) -> None:
    close_interrupted(m, w, k, disk=not fault)
    if fault:
        spend(w, "store_faults")


def _can_reclaim(m: Model, job: int, w: World) -> Any:
    abandoned = (w.job[job] == ENABLED) & (w.marker[job] != 0) & m.lock_free(w)
    for k in m.runs_of(job):
        abandoned = abandoned & (m.keeps_receipt(w, k) == 0)
    return abandoned


def _catches_up(m: Model) -> bool:
    return bool(m.revision.catch_up) and (m.revision.catch_up_agents or not m.bounds.agents)


def _misses_slots(m: Model, w: World) -> Any:
    """Return whether the catch-up will find something to make up for."""
    missed: Any = False
    if _catches_up(m):
        for job in m.jobs:
            missed = missed | (due_now(m, job, w) & (w.skipped[job] == 0))
    return missed


def _can_catch_up(m: Model, w: World) -> Any:
    if not m.torn_reservations:
        return m.lock_free(w)
    collected: Any = False
    for job in m.jobs:
        collected = collected | (w.collected[job] != 0)
    return collected | ((_misses_slots(m, w) == 0) & m.lock_free(w))


def _catch_up(m: Model, w: World) -> None:
    if _catches_up(m):
        started: Any = 0
        for job, due in [(job, found_due(m, job, w) & (w.skipped[job] == 0)) for job in m.jobs]:
            if m.revision.puts_off(m.bounds):
                over = due & (started >= m.bounds.catch_up_limit)
                w.deferred[job] = where(over, 1, 0)
                started = started + where(due, 1, 0)
                due = due & (over == 0)
            start_run(m, "catch_up", job, due, w)
    for job in m.jobs:
        w.skipped[job] = w.collected[job] = 0


def _ready(m: Model, w: World) -> None:
    for name in m.revision.ready:
        REPAIRS[name](m, w)
    for job in m.jobs if m.revision.puts_off(m.bounds) else ():
        w.put_off[job] = where((w.deferred[job] == 1) & (w.fallen[job] > w.next[job]), 1, w.put_off[job])
        w.deferred[job] = 0


def _wipe(event: str, w: World) -> None:
    w.wipe(WIPES[event])


# -- outages, and what old markers come to


def outage_actions(m: Model) -> Iterator[Action]:
    """Yield crashes and restarts, and the clearing of stuck markers."""
    if m.bounds.long_waits and m.revision.clears_stuck_markers:
        for job in m.jobs:
            yield Action(
                "clear_stuck", "gateway", ("marker_old", (job,), (1,)),
                lambda w: (w.gateway == GATEWAY.code("running")) & m.lock_free(w),
                partial(drop_marker, job), (("job", job),),
            )
    if m.bounds.crashes:
        yield _fault(m, "crash", "crashes", lambda w: None)
    if m.bounds.restarts:
        yield _fault(m, "terminate", "restarts", lambda w: None)
        yield _fault(m, "restart_in_process", "restarts", partial(_start_over, m, m.revision.reloads_memory))
        if m.bounds.read_faults and m.revision.reloads_memory and m.revision.starts_without_ledger:
            yield _fault(m, "restart_in_process", "restarts", partial(_start_over, m, False), unread=True)
        yield _fault(m, "reload", "restarts", partial(_restart, m, False))


def _fault(m: Model, event: str, budget: str, effect: Callable[[World], None], unread: bool = False) -> Action:
    def happen(w: World) -> None:
        spend(w, budget)
        _follow(event, w)
        w.wipe(WIPES.get(event, ()))
        effect(w)
        if unread:
            spend(w, "read_faults")
            forget_rows(m, w)

    def can_happen(w: World) -> Any:
        left = getattr(w, budget) > 0
        if unread:
            left = left & (w.read_faults > 0) & _any_row(m, w)
        # A restart inside the process takes seconds: no run stays between two sections for so long.
        if event in ("restart_in_process", "reload"):
            return left & no_run_is_busy(m, w)
        return left & m.all_told(w) if event == "terminate" else left

    return Action(
        event, "operator" if budget == "restarts" else "gateway", gateway_at(*GATEWAY.sources(event)),
        can_happen, happen, (("unread", 1),) if unread else (), fair=False, budget=budget, event=("gateway", event),
    )


def _restart(m: Model, reload_memory: bool, w: World) -> None:
    """A new cron service starts in the same process, beside what is left of the old one."""
    for k in m.runs:
        w.age[k] = where(m.in_progress(w, k), w.age[k] + 1, w.age[k])
    if reload_memory:
        restore_rows(m, w)
    time_passes(m, w)


def _start_over(m: Model, reload_memory: bool, w: World) -> None:
    """Restart in the process: what was left behind in the delivery queue is up for another look."""
    _restart(m, reload_memory, w)
    for k in m.runs:
        w.sending[k] = where(w.sending[k] == LEFT_BEHIND, 0, w.sending[k])
