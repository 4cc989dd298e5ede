"""Symbolic terms: what a guard says, as an expression, for a view whose reads are terms and not numbers.

Guards are written once, with ``&``, ``|``, comparisons, :func:`~lostproof.world.where`, ``member`` and ``look``. Over terms
they build an expression that can be evaluated in any state and taken apart. Logic is folded and kept free of negation, so
an expression is made of ``and``, ``or`` and atoms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["COMPARISONS", "OPPOSITE", "Term", "both", "choose", "evaluate", "negation", "reads"]

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}
OPPOSITE = {"==": "!=", "<": ">=", ">": "<=", "in": "not in"}
OPPOSITE |= {value: key for key, value in OPPOSITE.items()}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}


class Term:
    """An operation on terms and plain values: ``read`` (of a cell), a comparison, ``and``, ``or``, ``+``, ``-``,
    ``if`` (condition, yes, no) or ``look`` (a function that looks something up, and its arguments).

    ``about`` is what the question is called whose answer the term is, if it has a name.
    """

    __slots__ = ("about", "args", "op")

    def __init__(self, op: str, *args: Any, about: str | None = None) -> None:
        self.op = op
        self.args = args
        self.about = about

    @property
    def logical(self) -> bool:
        """Whether it is true or false, and not a number."""
        return self.op in COMPARISONS or self.op in ("and", "or")

    def __repr__(self) -> str:
        return f"({self.op} {' '.join(map(repr, self.args))})"

    def __bool__(self) -> bool:
        raise TypeError("a guard decided about a state in Python; it has to say so with where, & and |")

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return both("and", _truth(self), _truth(other))

    def __or__(self, other: Any) -> Any:
        return both("or", _truth(self), _truth(other))

    __rand__, __ror__ = __and__, __or__

    def __eq__(self, other: object) -> Any:
        return _compare("==", self, other)

    def __ne__(self, other: object) -> Any:
        return _compare("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(">=", self, other)

    def __add__(self, other: Any) -> Term:
        return Term("+", self, other)

    def __radd__(self, other: Any) -> Term:
        return Term("+", other, self)

    def __sub__(self, other: Any) -> Term:
        return Term("-", self, other)

    def __rsub__(self, other: Any) -> Term:
        return Term("-", other, self)


def _truth(value: Any) -> Any:
    """Return ``value`` as something that is true or false."""
    if isinstance(value, Term):
        return value if value.logical else _compare("!=", value, 0)
    return bool(value)


def both(op: str, left: Any, right: Any) -> Any:
    """Return the conjunction or disjunction of two truths, folded where one of them is known, and flat."""
    neutral = op == "and"
    for one, other in ((left, right), (right, left)):
        if isinstance(one, bool):
            return other if one is neutral else one
    parts = [part for term in (left, right) for part in (term.args if term.op == op and not term.about else (term,))]
    return Term(op, *parts)


def negation(value: Any) -> Any:
    """Return the opposite of a truth, with the negation pushed down to the atoms."""
    if not isinstance(value, Term):
        return not value
    if value.op in OPPOSITE:
        return Term(OPPOSITE[value.op], *value.args)
    result: Any = value.op == "or"
    for part in value.args:
        result = both("and" if value.op == "or" else "or", result, negation(part))
    return result


def _compare(op: str, left: Any, right: Any) -> Any:
    if isinstance(left, Term) and left.logical and not isinstance(right, Term):
        # A truth is compared with 0 or 1 to say that it is or is not so.
        holds = [COMPARISONS[op](value, right) for value in (0, 1)]
        return holds[0] if holds[0] == holds[1] else left if holds[1] else negation(left)
    if isinstance(left, Term) and left.op == "if":
        condition, yes, no = left.args
        return _either(condition, _compare(op, yes, right), _compare(op, no, right))
    if not isinstance(left, Term) and not isinstance(right, Term):
        return bool(COMPARISONS[op](left, right))
    return Term(op, left, right)


def _either(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where ``condition`` holds, else ``no``, all of them truths."""
    if yes is True:
        return both("or", condition, no)
    if yes is False:
        return both("and", negation(condition), no)
    if no is True:
        return both("or", negation(condition), yes)
    if no is False:
        return both("and", condition, yes)
    return both("or", both("and", condition, yes), both("and", negation(condition), no))


def choose(condition: Term, yes: Any, no: Any) -> Any:
    """Return the term that is ``yes`` where ``condition`` holds and ``no`` elsewhere."""
    if (isinstance(yes, Term) and yes.logical) or (isinstance(no, Term) and no.logical):
        return _either(_truth(condition), _truth(yes), _truth(no))
    return Term("if", _truth(condition), yes, no)


def evaluate(value: Any, read: Callable[[Any], int]) -> Any:
    """Return what a term comes to in a state, given what its cells hold."""
    if not isinstance(value, Term):
        return value
    match value.op:
        case "read":
            return read(value.args[0])
        case "and":
            return all(evaluate(part, read) for part in value.args)
        case "or":
            return any(evaluate(part, read) for part in value.args)
        case "if":
            return evaluate(value.args[1 if evaluate(value.args[0], read) else 2], read)
        case "look":
            return value.args[0](*(evaluate(part, read) for part in value.args[1:]))
        case op:
            operation = COMPARISONS.get(op) or _ARITHMETIC[op]
            return operation(evaluate(value.args[0], read), evaluate(value.args[1], read))


def reads(value: Any) -> Iterator[Any]:
    """Yield the cells that a term reads, in order, each as often as it does."""
    if isinstance(value, Term):
        if value.op == "read":
            yield value.args[0]
        else:
            for part in value.args:
                yield from reads(part)
