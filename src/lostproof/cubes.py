"""Decision tables that people can read: evidence that does not matter becomes ``*``, without losing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.evidence import Domain

__all__ = ["rows_of", "table_of", "word"]

Codes = NDArray[np.int64]
Chosen = dict[str, tuple[int, ...]]


def rows_of(parts: Domain, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return a table over ``parts`` as rows that do not overlap: words of each part (a list, or ``*``) and a decision.

    ``values`` are the decisions in the order of the domain.
    """
    words = list(dict.fromkeys(values))
    numbers = {value: number for number, value in enumerate(words)}
    codes = np.array([numbers[value] for value in values]).reshape([len(allowed) for allowed in parts.values()])
    return [_row(parts, chosen, words[code]) for chosen, code in _split(parts, codes, {})]


def table_of(parts: Domain, rows: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the decisions that ``rows`` give, in the order of the domain; None where no row says anything."""
    table = np.full([len(allowed) for allowed in parts.values()], None, dtype=object)
    for row in rows:
        chosen = [
            [position for position, value in enumerate(allowed) if row[part] == "*" or word(value) in row[part]]
            for part, allowed in parts.items()
        ]
        table[np.ix_(*chosen)] = row["decision"]
    return list(table.ravel())


def word(value: object) -> str:
    """Return what people call a value of the evidence."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _row(parts: Domain, chosen: Chosen, decision: str) -> dict[str, Any]:
    told = {
        name: [word(values[position]) for position in chosen[name]] if name in chosen else "*"
        for name, values in parts.items()
    }
    return {**told, "decision": decision}


def _split(parts: Domain, table: Codes, chosen: Chosen) -> Iterator[tuple[Chosen, int]]:
    """Yield the rows of ``table``: split where that settles most, until every part has one decision."""
    if (table == table.flat[0]).all():
        yield chosen, int(table.flat[0])
        return
    axis, groups = min(
        ((axis, _groups(table, axis)) for axis in range(table.ndim)),
        key=lambda pair: _unsettled(table, *pair),
    )
    name = list(parts)[axis]
    before = chosen.get(name, tuple(range(len(parts[name]))))
    for group in groups:
        part = np.take(table, group[:1], axis=axis)
        yield from _split(parts, part, {**chosen, name: tuple(before[position] for position in group)})


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
