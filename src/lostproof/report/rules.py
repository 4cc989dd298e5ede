"""A rule as a decision table that people can read: evidence that does not matter becomes ``*``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.evidence import DOMAIN, Decision
from lostproof.revisions import Revision

__all__ = ["rule_rows"]

Codes = NDArray[np.int64]


def rule_rows(revision: Revision) -> list[dict[str, Any]]:
    """Return the rule of ``revision`` as rows that do not overlap: evidence values (lists, or ``*``) and a decision."""
    decisions = list(dict.fromkeys(revision.decisions))
    codes = np.array([decisions.index(decision) for decision in revision.decisions])
    table = codes.reshape([len(values) for values in DOMAIN.values()])
    return [_row(chosen, decisions[code]) for chosen, code in _split(table, {})]


def _row(chosen: Mapping[str, tuple[int, ...]], decision: Decision) -> dict[str, Any]:
    parts = {
        name: [_word(values[position]) for position in chosen[name]] if name in chosen else "*"
        for name, values in DOMAIN.items()
    }
    return {**parts, "decision": str(decision)}


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _split(table: Codes, chosen: dict[str, tuple[int, ...]]) -> Iterator[tuple[dict[str, tuple[int, ...]], int]]:
    """Yield the rows of ``table``: split where that settles most, until every part has one decision."""
    if (table == table.flat[0]).all():
        yield chosen, int(table.flat[0])
        return
    axis, groups = min(
        ((axis, _groups(table, axis)) for axis in range(table.ndim)),
        key=lambda pair: _unsettled(table, *pair),
    )
    name = list(DOMAIN)[axis]
    before = chosen.get(name, tuple(range(len(DOMAIN[name]))))
    for group in groups:
        part = np.take(table, group[:1], axis=axis)
        yield from _split(part, {**chosen, name: tuple(before[position] for position in group)})


def _groups(table: Codes, axis: int) -> list[list[int]]:
    """Return the values of ``axis`` in groups that the rule does not tell apart."""
    seen: dict[bytes, list[int]] = {}
    for position in range(table.shape[axis]):
        seen.setdefault(np.take(table, position, axis=axis).tobytes(), []).append(position)
    return list(seen.values())


def _unsettled(table: Codes, axis: int, groups: list[list[int]]) -> tuple[int, int, int, int]:
    """Return how bad a split is: one that splits nothing is worst, then what stays open, then many groups."""
    parts = [np.take(table, group[0], axis=axis) for group in groups]
    still_open = sum(bool((part != part.flat[0]).any()) for part in parts)
    return int(len(groups) == 1), still_open, len(groups), axis
