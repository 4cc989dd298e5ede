"""Why an action cannot happen: its guard, evaluated over terms instead of numbers, taken apart into what is false."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lostproof.model import Model
from lostproof.terms import Term, both, evaluate
from lostproof.world import Cell, World, member

__all__ = ["Reason", "blocking", "guard_of", "holds"]


class _Symbolic(World):
    """A world of which nothing is known: every read is a term."""

    __slots__ = ()

    def read(self, cell: Cell) -> Any:
        """Return the term that stands for ``cell`` (0 where the field is switched off)."""
        return Term("read", cell) if cell.bits else 0

    def write(self, cell: Cell, value: Any) -> None:
        """Refuse: guards do not write."""
        raise TypeError(f"a guard writes {cell.field.name}")

    def derived(self, name: str, compute: Callable[[World], Any]) -> Any:
        """Return ``compute(self)``; the term remembers what the question is called."""
        value = compute(self)
        return Term(value.op, *value.args, about=name) if isinstance(value, Term) else value


@dataclass(frozen=True)
class Reason:
    """A conjunct of a guard that is false: a term, or False where the world's bounds alone forbid the action.

    ``about`` is the question that the conjunct helps to answer, if it has a name (``minutes can pass`` …).
    """

    term: Any
    about: str | None = None


def guard_of(m: Model, number: int) -> Any:
    """Return where the action with ``number`` can happen, as a term (or a plain truth)."""
    action = m.actions[number]
    name, index, values = action.at
    world = _Symbolic(m.layout, 0)
    at = member(world.read(m.layout.cell(name, *index)), values)
    return both("and", at, _as_truth(action.guard(world)))


def _as_truth(value: Any) -> Any:
    return value & True if isinstance(value, Term) else bool(value)


def holds(m: Model, state: int, term: Any) -> bool:
    """Return whether ``term`` is true in ``state``."""
    return bool(evaluate(term, m.view(state).read))


def blocking(m: Model, state: int, number: int) -> list[Reason]:
    """Return the conjuncts of the action's guard that are false in ``state``, none if it can happen."""
    return [reason for reason in _conjuncts(guard_of(m, number), None) if not holds(m, state, reason.term)]


def _conjuncts(term: Any, about: str | None) -> Iterator[Reason]:
    if isinstance(term, Term) and term.op == "and":
        for part in term.args:
            yield from _conjuncts(part, term.about or about)
    else:
        yield Reason(term, term.about or about if isinstance(term, Term) else about)
