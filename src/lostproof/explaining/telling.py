"""What an explanation tells: of each note, what matters to an operator about how it came to be met.

Two schedules that tell the same are one explanation: they differ in what nobody would ask about.
"""

from __future__ import annotations

from lostproof.explaining.facts import happens, tells
from lostproof.explaining.search import LIVES, Past, Told
from lostproof.explaining.space import Edge, Space
from lostproof.fields import PATHS
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World

__all__ = ["Told", "teller"]

RUN = chart("run")
BY = {
    "cli_row": "offline pass", "repair": "start-up", "close_interrupted": "start-up", "reclaim": "tick",
    "sweep_row": "sweep",
}
"""Who changes a row, by the name of the action; other actions that are not the run's own are called by their names."""


class Teller:
    """Tells what a step adds to an explanation."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._model = space.watch.model

    def __call__(self, past: Past, node: int, edge: Edge) -> tuple[Told, ...] | None:
        """Return all that is told after a step; None if it cannot be what was seen."""
        space, m = self._space, self._model
        done, met = space.progress[node][0], space.progress[edge.target][0]
        told = past.told
        if done == met:
            return told
        for position, mark in enumerate(space.watch.marks):
            if not (met & ~done) >> position & 1 or mark.note < 0:
                continue
            if mark.fact.kind == "gateway":
                life = past.life if edge.mark is not None else m.actions[edge.label].name
                if mark.fact.value == "starting" and life not in LIVES[:2]:
                    return None
                if tells(mark.kind, mark.fact) and all(one.note != mark.note for one in told):
                    told = (*told, Told(mark.note, life))
            elif tells(mark.kind, mark.fact):
                told = (*told, self._about_run(past, node, edge, position))
        return tuple(sorted(told)) if told is not past.told else told

    def _about_run(self, past: Past, node: int, edge: Edge, position: int) -> Told:
        space, m = self._space, self._model
        mark = space.watch.marks[position]
        action = m.actions[edge.label]
        before, after = m.view(space.states[node]), m.view(space.states[edge.target])
        binding = space.progress[edge.target][1]
        k = next(
            k for k, bound in space.watch.bound(mark.fact, binding)
            if bound == binding and happens(m, action, mark.fact, k, before, after)
        )
        path = PATHS[before.path[k]] if before.step[k] else PATHS[after.path[k]]
        if mark.fact.kind != "row":
            return Told(mark.note, "run", path)
        own = action.actor == "run" or not before.step[k]  # what brings a run into being may open its row as well
        by = "run" if own else BY.get(action.name, action.name)
        if by == "sweep" and past.swept == "first" and past.life in LIVES[:2]:
            by = "first sweep"
        if by == "run":
            return Told(mark.note, by, path)
        fares = _fares(m, before, k)
        return Told(mark.note, by, path if fares == "live" else "", fares, bool(before.age[k]))


def _fares(m: Model, w: World, k: int) -> str:
    if m.live(w, k):
        return "live"
    if w.end[k]:
        return "over"
    return "cut off" if w.step[k] == RUN.code("gone") else "unbegun"


def teller(space: Space) -> Teller:
    """Return what tells about steps of ``space``."""
    return Teller(space)
