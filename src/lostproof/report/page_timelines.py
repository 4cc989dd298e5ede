"""Timelines as data for the page: the world at the beginning, and what each step changed in it.

The page derives the world at a step from these changes. Names of values and the cells of a world are said once for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lostproof.drivers.timed import Moment, Timed
from lostproof.engine.stepper import changes
from lostproof.fields import FIELD, Field, Home
from lostproof.model import Model
from lostproof.properties import Property
from lostproof.report.data import STORES, owner_name, subject_name, value_name
from lostproof.report.phrases import DISK, GHOST, MEMORY, SECOND, run_word
from lostproof.report.timeline import FAULT, Line, alive, folded, lanes_of, lines_of
from lostproof.world import World

__all__ = ["Timelines", "fields_data", "grace_spans", "homes_data"]

_KINDS = {DISK: "disk", MEMORY: "memory", GHOST: "ghost"}


def fields_data() -> list[dict[str, Any]]:
    """Return every field of the world: what it says, where it lives, and its name and order if it is a store."""
    order = list(STORES)
    return [
        {
            "name": field.name, "home": field.home.name, "doc": field.doc, "store": _store(field),
            "order": order.index(field.base) if field.base in STORES else None,
        }
        for field in FIELD.values()
    ]


def _store(field: Field) -> str | None:
    """Return what people call a store; that of a second gateway says so."""
    store = STORES.get(field.base)
    return f"{store} (gateway{SECOND})" if store and field.peer else store


def homes_data() -> dict[str, Any]:
    """Return the homes, durable ones first, each with its words and whether it survives every process."""
    ordered = sorted(Home, key=lambda home: not home.durable)
    return {home.name: {"words": home.value, "durable": home.durable, "ghost": home is Home.GHOST} for home in ordered}


class Timelines:
    """Turns timelines into data and collects the names and the worlds that they share."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._worlds: dict[tuple[tuple[str, str], ...], int] = {}

    def shared(self) -> dict[str, Any]:
        """Return what the timelines refer to by number."""
        return {"names": list(self._names), "worlds": [[list(cell) for cell in world] for world in self._worlds]}

    def timeline(
        self, m: Model, moments: Sequence[Moment], judged: Property | None = None, point: int | None = None,
        start_ms: int = 0, steps: int | None = None,
    ) -> dict[str, Any]:
        """Return ``moments`` as data.

        Args:
            m: the model.
            moments: what happened.
            judged: the property whose violation is marked; all unless given.
            point: the point of no return, 0 if all was decided from the beginning, None if there is none.
            start_ms: what the clock shows at the beginning.
            steps: how many of the moments are the race proper, if it has a continuation.
        """
        lines = lines_of(m, moments, judged, start_ms, steps)
        lanes = lanes_of(m, lines, always=["gateway"])
        cells = [cell for cell in m.layout.all_cells if cell.bits]
        keys = {cell.key: position for position, cell in enumerate(cells)}
        first = World(m.layout, moments[0].before if moments else m.initial())
        world = tuple((cell.field.name, owner_name(m, cell)) for cell in cells)
        return {
            "world": self._worlds.setdefault(world, len(self._worlds)),
            "start": [self._name(value_name(m, cell, first.read(cell))) for cell in cells],
            "clock": start_ms,
            "lanes": lanes,
            "alive": _alive(m, lanes, first),
            "runs": {m.run_name(k): run_word(m, k) for k in m.runs},
            "steps": [self._step(m, lanes, line, keys) for line in lines],
            "folds": _folds(lines, point or 0),
            "grace": grace_spans(m, moments),
            "point": point,
            "proper": len(moments) if steps is None else steps,
        }

    def _step(self, m: Model, lanes: Sequence[str], line: Line, keys: dict[int, int]) -> dict[str, Any]:
        moment = line.moment
        action = m.actions[moment.action]
        changed = changes(m, moment.before, moment.after)
        return {
            "at": moment.at_ms,
            "lane": lanes.index(line.lane),
            "label": line.label,
            "actor": action.actor,
            "action": action.name,
            "params": action.describe(m),
            "fault": line.fault,
            "breaks": line.broken,
            "alive": _alive(m, lanes, m.view(moment.after)),
            "set": [part for cell, _, new in changed for part in (keys[cell.key], self._name(value_name(m, cell, new)))],
            "told": [[_KINDS[style], words] for style, words in line.changed if style != FAULT],
            "broken": [[name, subject_name(m, name, subject)] for name, subject in moment.broken],
        }

    def _name(self, word: str) -> int:
        return self._names.setdefault(word, len(self._names))


def _alive(m: Model, lanes: Sequence[str], w: World) -> list[int]:
    return [number for number, lane in enumerate(lanes) if alive(m, lane, w)]


def _folds(lines: Sequence[Line], point: int) -> list[list[Any]]:
    """Return the first and the last step of each series that is one line in the text, with its words."""
    return [
        [line.number, int(line.numbers.rpartition("–")[2]), line.label]
        for line in folded(lines, point) if line.numbers != str(line.number)
    ]


def grace_spans(m: Model, moments: Sequence[Moment]) -> list[dict[str, Any]]:
    """Return when each row's grace ran: from the step of its last event to the one in which it expired or changed.

    ``to`` is None where it still ran at the end; ``since`` is the moment that it counts from.
    """
    clock = Timed(m, monitor=False)
    running: dict[int, dict[str, Any]] = {}
    spans: list[dict[str, Any]] = []
    for number, moment in enumerate(moments, 1):
        events = dict(clock.stamps.row)
        clock.follow(moment)
        before, after = m.view(moment.before), m.view(moment.after)
        for k in m.runs:
            if k in running and (after.expired[k] or after.row[k] != before.row[k]):
                running.pop(k).update(to=number, expired=bool(after.expired[k]))
            if clock.stamps.row.get(k) != events.get(k):
                running[k] = {
                    "run": m.run_name(k), "from": number, "to": None, "expired": False,
                    "since": clock.stamps.row[k], "ms": m.revision.constants.grace_ms,
                }
                spans.append(running[k])
    return spans
