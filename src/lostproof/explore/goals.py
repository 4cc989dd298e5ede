"""Goals: what people want to get to, as words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lostproof.errors import BadInput, unknown
from lostproof.explore.ahead import Future, Way
from lostproof.explore.names import meant
from lostproof.fields import fields_of
from lostproof.model import Model
from lostproof.properties import PROPERTIES, property_named
from lostproof.tables import chart
from lostproof.world import Cell, World, member

__all__ = ["FORMS", "goal_named"]

TASK, RUN = chart("task"), chart("run")
STATUSES = tuple(status for status in TASK.states if status != "absent")

FORMS = (
    ("STATUS [RUN]", f"a row on disk says so: {', '.join(STATUSES)}"),
    ("done [RUN]", "the run is over, or its process is gone"),
    ("violates PROPERTY", "a property is violated; of a lasting one, that it can stay broken for ever"),
    ("can ACTION", "an action can happen"),
    ("FIELD=VALUE", "a field has a value, as `world` shows it (of any run or job, or FIELD@RUN=VALUE)"),
)
"""The goals that there are."""

Goal = Callable[[Future], Way | None]


def goal_named(m: Model, words: Sequence[str]) -> Goal:
    """Return how to find the shortest way to the goal that ``words`` name.

    Raises:
        BadInput: there is no such goal in this world.
    """
    if not words:
        raise BadInput(f"which goal? {'; '.join(form for form, _ in FORMS)}")
    first, *rest = words
    if "=" in " ".join(words):
        return _field_goal(m, " ".join(words))
    match first:
        case "violates":
            judged = _property(" ".join(rest))
            return lambda future: (found := future.way_to_violation(property_named(judged))) and found[0]
        case "can" if rest:
            numbers = meant(m, rest)
            return lambda future: future.way_to_action(numbers)
        case "done":
            final = RUN.codes(*sorted(RUN.final))
            return _of_runs(m, rest, lambda w, k: member(m.step(w, k), final))
        case _ if first in STATUSES:
            code = TASK.code(first)
            return _of_runs(m, rest, lambda w, k: w.row[k] == code)
        case _:
            raise unknown("goal", first, (form for form, _ in FORMS))


def _of_runs(m: Model, named: Sequence[str], holds: Callable[[World, int], Any]) -> Goal:
    runs = [_run(m, named[0])] if named else list(m.runs)
    return lambda future: future.way_to_state(*(future.graph.holds(lambda w, k=k: holds(w, k)) for k in runs))


def _run(m: Model, name: str) -> int:
    for k in m.runs:
        if name == m.run_name(k) or (m.bounds.jobs == 1 and name == f"run-{m.number(k)}"):
            return k
    raise unknown("run", name, (m.run_name(k) for k in m.runs))


def _property(name: str) -> str:
    names = [judged.id for judged in PROPERTIES]
    found = [known for known in names if known == name] or [known for known in names if name and known.startswith(name)]
    if len(found) > 1:
        raise BadInput(f"{name!r} may mean: {', '.join(found)}")
    if not found:
        raise unknown("property", name, names)
    return found[0]


def _field_goal(m: Model, text: str) -> Goal:
    """Return the goal that a field has a value, in any of its cells or in that of one run, job or slot."""
    from lostproof.report.data import owner_name, value_name

    left, _, value = text.partition("=")
    name, _, owner = left.strip().partition("@")
    value = value.strip()
    known = {field.name for field in fields_of(m.bounds)}
    if name not in known:
        raise unknown("field", name, sorted(known))
    cells = [cell for cell in m.layout.cells[name].values() if cell.bits]
    if owner:
        cells = [cell for cell in cells if owner in (owner_name(m, cell), owner_name(m, cell).removeprefix("job-a."))]
    wanted = [
        (cell, code) for cell in cells for code in range(cell.field.size(m.bounds, m.revision))
        if value_name(m, cell, code) == value
    ]
    if not wanted:
        values = dict.fromkeys(
            value_name(m, cell, code) for cell in cells for code in range(cell.field.size(m.bounds, m.revision))
        )
        raise unknown(f"value of {name}", value, values) if values else BadInput(f"there is no {left} in this world")

    def way(future: Future) -> Way | None:
        return future.way_to_state(*(future.graph.holds(_has(cell, code)) for cell, code in wanted))

    return way


def _has(cell: Cell, code: int) -> Callable[[World], Any]:
    return lambda w: w.read(cell) == code
