"""Sweeps: the gateway's own, row by row, and the offline pass of a CLI process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, always, spend
from lostproof.actions.readings import BOTH_READ, Reading, readings
from lostproof.model import Model
from lostproof.steps import decide_row, inferred, put_row
from lostproof.tables import REFUSED, chart
from lostproof.world import World, member, where

__all__ = ["SWEEPING", "decision_parts", "offline_actions", "sweep_actions", "would_decide"]

GATEWAY = chart("gateway")
RUNNING, LOST = chart("task").codes("running", "lost")
SWEEPING = ("starting", "repaired", "catching_up", "running")
"""The gateway states in which maintenance is scheduled."""


# -- the gateway's sweep


def sweep_actions(m: Model) -> Iterator[Action]:
    """Yield the beginning of a sweep and its decisions."""
    yield Action(
        "sweep_begin", "sweep", ("sweep", (), (0,)), partial(_can_sweep, m), partial(_sweep_begin, m, False)
    )
    if m.bounds.read_faults and m.revision.caches_evidence and m.rule_table.classes > 1:
        yield Action(
            "sweep_begin", "sweep", ("sweep", (), (0,)), partial(_can_misread_store, m), partial(_sweep_begin, m, True),
            (("unread", 1),), fair=False, budget="read_faults",
        )
    for k in m.runs:
        at = ("sweep", (), (k + 1,))
        yield Action(
            "sweep_row", "sweep", at, always, partial(_sweep_row, m, k, True), (("run", k),), writes_rows=True
        )
        if m.bounds.store_faults:
            yield Action(
                "sweep_row", "sweep", at, partial(_sweep_write_can_fail, m, k), partial(_sweep_row, m, k, False),
                (("run", k), ("fault", 1)), fair=False, budget="store_faults",
            )
        for reading in readings(m, cached=m.revision.caches_evidence):
            yield Action(
                "sweep_row", "sweep", at, partial(_sweep_can_misread, m, k, reading),
                partial(_sweep_row, m, k, True, reading=reading), (("run", k), reading.param),
                fair=False, budget="read_faults", writes_rows=True,
            )


def _up_for_decision(m: Model, w: World, k: int) -> Any:
    return member(m.copy(w, k), (RUNNING, LOST) if m.rule_table.repairs_lost else (RUNNING,))


def _can_sweep(m: Model, w: World) -> Any:
    any_row: Any = False
    for k in m.runs:
        any_row = any_row | _up_for_decision(m, w, k)
    return any_row & member(w.gateway, GATEWAY.codes(*SWEEPING))


def _next_row(m: Model, w: World, first: int) -> Any:
    """Return the sweep's position at the first row from ``first`` on that is up for a decision, or 0 at the end."""
    position: Any = 0
    for k in reversed(range(first, len(m.runs))):
        position = where(_up_for_decision(m, w, k), k + 1, position)
    return position


def _sweep_begin(m: Model, unread: bool, w: World) -> None:
    if unread:
        spend(w, "read_faults")
    for k in m.runs:
        w.seen[k] = m.rule_table.unread_class if unread else m.evidence_class(w, k)
    w.sweep = _next_row(m, w, 0)


def _can_misread_store(m: Model, w: World) -> Any:
    tells: Any = False
    for k in m.runs:
        tells = tells | (m.evidence_class(w, k) != m.rule_table.unread_class)
    return tells & (w.read_faults > 0) & _can_sweep(m, w)


def decision_parts(m: Model, w: World, k: int, reading: Reading = BOTH_READ) -> tuple[Any, ...]:
    """Return what the gateway's sweep has before it when it decides about row ``k``, as an index of the rule's table."""
    seen = w.seen[k] if m.revision.caches_evidence else reading.store(m, w, k)
    # Who cannot tell what another process does knows of its own runs only.
    owner = where(m.seen_alive(w, k), 1, 2 if m.bounds.gateways == 1 or m.revision.names_owner else 0)
    lost = where(m.copy(w, k) == LOST, 1, 0)
    return lost, w.expired[k], 1, m.active(w, m.job_of(k)), owner, reading.log(m, w, k), seen


def _answer(m: Model, w: World, k: int, reading: Reading = BOTH_READ) -> Any:
    """Return what the rule answers about row ``k`` to the gateway's sweep: the status to write, or 0."""
    return m.rule_table.answers[decision_parts(m, w, k, reading)]


def would_decide(m: Model, w: World, k: int) -> Any:
    """Return whether a sweep that begins now would write the row of run ``k``."""
    lost, expired, gateway, active, owner, log, _ = decision_parts(m, w, k)
    answer = m.rule_table.answers[lost, expired, gateway, active, owner, log, m.evidence_class(w, k)]
    return _up_for_decision(m, w, k) & (answer != 0)


def _sweep_row(m: Model, k: int, disk: bool, w: World, reading: Reading = BOTH_READ) -> None:
    answer = _answer(m, w, k, reading)
    reading.spend(w)
    decided = _up_for_decision(m, w, k) & (answer != 0)
    decide_row(m, w, k, decided, answer, disk)
    if not disk:
        spend(w, "store_faults")
    w.seen[k] = 0
    w.sweep = _next_row(m, w, k + 1)


def _sweep_write_can_fail(m: Model, k: int, w: World) -> Any:
    return (w.store_faults > 0) & _up_for_decision(m, w, k) & (_answer(m, w, k) != 0)


def _sweep_can_misread(m: Model, k: int, reading: Reading, w: World) -> Any:
    """Return whether it matters that a read fails when the sweep decides about row ``k``."""
    matters = _answer(m, w, k, reading) != _answer(m, w, k)
    return (w.read_faults > 0) & _up_for_decision(m, w, k) & matters


# -- an offline CLI pass


def offline_actions(m: Model) -> Iterator[Action]:
    """Yield the beginning of an offline pass and what it writes."""
    if not m.bounds.offline_passes:
        return
    yield Action(
        "cli_begin", "operator", ("offline_passes", (), tuple(range(1, m.bounds.offline_passes + 1))),
        partial(_can_begin_cli, m), partial(_cli_begin, m), fair=False, budget="offline_passes",
    )
    for k in m.runs:
        for snapshot, row in enumerate(m.rule_table.offline_rows, start=1):
            yield Action(
                "cli_row", "operator", ("plan", (k,), (snapshot,)), partial(_is_next, k),
                partial(_cli_row, m, k, row), (("run", k),), writes_rows=True,
            )
            for reading in readings(m, cached=False):
                yield Action(
                    "cli_row", "operator", ("plan", (k,), (snapshot,)), partial(_cli_can_misread, m, k, row, reading),
                    partial(_cli_row, m, k, row, reading=reading), (("run", k), reading.param),
                    fair=False, budget="read_faults", writes_rows=True,
                )


def _snapshot(m: Model, w: World, k: int) -> Any:
    """Return what the snapshot of an offline pass says about row ``k``, 0 if the pass will not write it anyway."""
    snapshot: Any = 0
    for position, (status, expired) in enumerate(m.rule_table.offline_rows, start=1):
        snapshot = where((w.row[k] == (RUNNING, LOST)[status]) & (w.expired[k] == expired), position, snapshot)
    if m.bounds.retention:
        snapshot = where(w.pruned[k] == 1, 0, snapshot)
    return snapshot


def _can_begin_cli(m: Model, w: World) -> Any:
    some: Any = False
    idle: Any = True
    for k in m.runs:
        some = some | (_snapshot(m, w, k) != 0)
        idle = idle & (w.plan[k] == 0)
    return some & idle


def _cli_begin(m: Model, w: World) -> None:
    spend(w, "offline_passes")
    for k in m.runs:
        w.plan[k] = _snapshot(m, w, k)


def _is_next(k: int, w: World) -> Any:
    first: Any = True
    for earlier in range(k):
        first = first & (w.plan[earlier] == 0)
    return first


def _cli_can_misread(m: Model, k: int, row: tuple[int, int], reading: Reading, w: World) -> Any:
    matters = _cli_answer(m, w, k, row, reading) != _cli_answer(m, w, k, row, BOTH_READ)
    return (w.read_faults > 0) & _is_next(k, w) & matters


def _cli_answer(m: Model, w: World, k: int, row: tuple[int, int], reading: Reading) -> Any:
    return m.rule_table.answers[*row, 0, 0, 0, reading.log(m, w, k), reading.store(m, w, k)]


def _cli_row(m: Model, k: int, row: tuple[int, int], w: World, reading: Reading = BOTH_READ) -> None:
    """Decide about the row as it was when the pass began, from log and store as they are now; write the whole row.

    Whatever the gateway has written to the row since is overwritten.
    """
    w.plan[k] = 0
    answer = _cli_answer(m, w, k, row, reading)
    reading.spend(w)
    status = inferred(m, (RUNNING, LOST)[row[0]], answer)
    put_row(m, w, k, (answer != 0) & (status != REFUSED), status)
