"""Why an action cannot happen, in words: for each false conjunct of its guard, what is so and what would have to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lostproof.engine.reasons import Reason, blocking, holds
from lostproof.model import Model
from lostproof.report.data import cell_name, value_name
from lostproof.terms import COMPARISONS, Term, reads
from lostproof.world import Cell

__all__ = ["allowed", "cells_of", "why_not"]

UNALTERABLE = ("path", "age", "early", "inverted")
"""What nobody can alter about a run: it is told as a fact, and not as something that would have to be otherwise."""
FEW = 3
"""Allowed values that are all named."""
RELATIONS = {
    "==": "the same as", "!=": "other than", "<": "less than", "<=": "at most", ">": "more than", ">=": "at least",
}
BY_BOUNDS = "nothing in this world's bounds allows it"


def why_not(m: Model, state: int, number: int) -> list[str]:
    """Return, in words, what keeps the action from happening in ``state``; nothing if it can happen."""
    return list(dict.fromkeys(_reason(m, state, reason) for reason in blocking(m, state, number)))


def cells_of(m: Model, state: int, number: int) -> list[Cell]:
    """Return the cells that the reasons of :func:`why_not` speak of, in order."""
    return list(dict.fromkeys(cell for reason in blocking(m, state, number) for cell in reads(reason.term)))


def allowed(m: Model, term: Any) -> list[int] | None:
    """Return the values of the one cell of a simple comparison for which it is true; None if it is not that simple."""
    if not isinstance(term, Term) or term.op not in COMPARISONS:
        return None
    left, right = term.args
    if not isinstance(left, Term) or left.op != "read" or isinstance(right, Term):
        return None
    size = left.args[0].field.size(m.bounds, m.revision)
    return [value for value in range(size) if COMPARISONS[term.op](value, right)]


def _reason(m: Model, state: int, reason: Reason) -> str:
    words = _false(m, state, reason.term)
    return f"it is not so that {reason.about}: {words}" if reason.about else words


def _false(m: Model, state: int, term: Any) -> str:
    """Return what would have to be otherwise for ``term`` to hold, which it does not in ``state``."""
    if not isinstance(term, Term):
        return BY_BOUNDS
    if term.op == "or":
        return _none_of(m, state, term.args)
    if term.op == "and":
        return " and ".join(_false(m, state, part) for part in term.args if not holds(m, state, part))
    values = allowed(m, term)
    if values is not None:
        cell = term.args[0].args[0]
        return f"{_is(m, state, cell)}, and would have to be {_wanted(m, state, cell, values)}"
    left, right = term.args
    if term.op in RELATIONS and _is_read(left) and _is_read(right):
        one, other = left.args[0], right.args[0]
        than = f"{RELATIONS[term.op]} {cell_name(m, other)} ({_now(m, state, other)})"
        return f"{_is(m, state, one)}, and would have to be {than}"
    return _hangs_on(m, state, term)


def _none_of(m: Model, state: int, parts: Sequence[Any]) -> str:
    """Return what would make one of ``parts`` hold if that is short to tell, else what the state has against all of them."""
    wanted = [(part.args[0].args[0], values) for part in parts if (values := allowed(m, part)) is not None]
    alternatives = len(wanted) == len(parts) and all(0 < len(values) <= FEW for _, values in wanted)
    if alternatives and not any(cell.field.base in UNALTERABLE for cell, _ in wanted):
        return f"one of these would have to change: {'; '.join(_false(m, state, part) for part in parts)}"
    return f"not while {' and '.join(_is(m, state, cell) for cell in dict.fromkeys(reads(Term('or', *parts))))}"


def _hangs_on(m: Model, state: int, term: Term) -> str:
    """Return, where a term is too tangled to tell, the cells that it reads and what they hold."""
    return f"not while {', '.join(_is(m, state, cell) for cell in dict.fromkeys(reads(term)))} (all of it together)"


def _is_read(term: Any) -> bool:
    return isinstance(term, Term) and term.op == "read"


def _anything_else(m: Model, state: int, cell: Cell, values: Sequence[int]) -> bool:
    """Return whether any value of ``cell`` would do but the one that it has."""
    now = m.view(state).read(cell)
    return list(values) == [value for value in range(cell.field.size(m.bounds, m.revision)) if value != now]


def _now(m: Model, state: int, cell: Cell) -> str:
    return value_name(m, cell, m.view(state).read(cell))


def _is(m: Model, state: int, cell: Cell) -> str:
    return f"{cell_name(m, cell)} is {_now(m, state, cell)}"


def _wanted(m: Model, state: int, cell: Cell, values: Sequence[int]) -> str:
    """Return the values that would do, in words."""
    if not values:
        return f"what it cannot be here ({BY_BOUNDS})"
    size = cell.field.size(m.bounds, m.revision)
    if len(values) > 1 and _anything_else(m, state, cell, values):
        return "something else"
    if not cell.field.values and len(values) > 1 and list(values) == list(range(values[0], size)):
        return f"at least {value_name(m, cell, values[0])}"
    if len(values) > FEW and size - len(values) < len(values):
        return f"anything but {_listed(value_name(m, cell, value) for value in range(size) if value not in values)}"
    return _listed(value_name(m, cell, value) for value in values)


def _listed(words: Iterator[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
