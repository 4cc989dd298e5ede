"""Situations: what people look at when they look at a run. A coarser view of the reachable states, to compare revisions by.

States of two revisions cannot be compared: each revision has fields of its own. What an operator sees can: how far a run
has come, how its work really ended, whether a durable store knows, what its row says, and what the gateway is doing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lostproof.engine.explorer import CHUNK, expand
from lostproof.engine.graph import Graph
from lostproof.evidence import ENDS
from lostproof.fields import NO_YES
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World, where

__all__ = ["PARTS", "Seen", "Situation", "situations", "way_to"]

PARTS: dict[str, tuple[str, ...]] = {
    "step": chart("run").states,
    "end": ENDS,
    "recorded": NO_YES,
    "row": chart("task").states,
    "gateway": chart("gateway").states,
}
"""What a situation tells, and the values of each part."""

ABSENT = chart("run").code("absent")
SIZES = tuple(len(values) for values in PARTS.values())


class Situation(NamedTuple):
    """One run as people see it: its step, the true end of its work, whether that is recorded, its row, and the gateway."""

    step: str
    end: str
    recorded: str
    row: str
    gateway: str

    def __str__(self) -> str:
        known = "recorded" if self.recorded == "yes" else "not recorded"
        end = "has not ended" if self.end == "none" else f"ended {self.end}, {known}"
        row = "no row" if self.row == "absent" else f"row {self.row}"
        return f"run {self.step}, work {end}; {row}; gateway {self.gateway}"


@dataclass(frozen=True)
class Seen:
    """How often a situation occurs in a space (in how many states, for each run), and how soon: after how many steps."""

    count: int
    depth: int


def situations(graph: Graph) -> dict[Situation, Seen]:
    """Return all situations of a closed graph."""
    size = int(np.prod(SIZES))
    counts = np.zeros(size, dtype=np.int64)
    depths = np.full(size, np.iinfo(np.int32).max, dtype=np.int32)
    for start in range(0, len(graph.states), CHUNK):
        view, depth = graph.view(start, start + CHUNK), graph.depth[start : start + CHUNK]
        for k in graph.model.runs:
            codes = _codes(graph.model, view, k, len(depth))
            counts += np.bincount(codes, minlength=size)
            np.minimum.at(depths, codes, depth)
    return {
        _situation(code): Seen(int(counts[code]), int(depths[code])) for code in np.flatnonzero(counts).tolist()
    }


def _codes(model: Model, view: World, k: int, count: int) -> NDArray[np.int64]:
    """Return the number of the situation of run ``k`` in each state of a batch."""
    codes = np.zeros(count, dtype=np.int64)
    for size, value in zip(SIZES, _parts(model, view, k), strict=True):
        codes = codes * size + value
    return codes


def _parts(model: Model, view: World, k: int) -> tuple[Any, ...]:
    gateway = view.gateway
    if model.bounds.gateways > 1:
        # What the second gateway does is told of the runs that it has started.
        gateway = where(view.peer.step[k] == ABSENT, gateway, view.peer.gateway)
    return model.step(view, k), view.end[k], view.recorded[k], view.row[k], gateway


def _situation(code: int) -> Situation:
    positions = np.unravel_index(code, SIZES)
    return Situation(*(values[int(at)] for values, at in zip(PARTS.values(), positions, strict=True)))


def way_to(model: Model, wanted: Situation) -> tuple[int, ...]:
    """Return the numbers of the actions of a shortest schedule that leads to a situation (which has to be reachable)."""
    code = int(np.ravel_multi_index([v.index(w) for v, w in zip(PARTS.values(), wanted, strict=True)], SIZES))
    layers = [model.layout.batch([model.initial()])]
    while not len(found := _in_situation(model, layers[-1], code)):
        reached = [step.states for step in expand(model, layers[-1])]
        new = np.unique(np.concatenate(reached))
        for layer in layers:
            new = new[~np.isin(new, layer)]
        assert len(new), "the situation is not reachable"
        layers.append(new)
    return _back(model, layers, found[:1])


def _in_situation(model: Model, states: NDArray[Any], code: int) -> NDArray[Any]:
    view = World(model.layout, states)
    there = np.zeros(len(states), dtype=bool)
    for k in model.runs:
        there |= _codes(model, view, k, len(states)) == code
    return states[there]


def _back(model: Model, layers: list[NDArray[Any]], state: NDArray[Any]) -> tuple[int, ...]:
    """Return the actions that lead through ``layers`` to a state of the last one."""
    actions: list[int] = []
    for layer in reversed(layers[:-1]):
        step, at = next(
            (step, np.flatnonzero(step.states == state)[0]) for step in expand(model, layer) if (step.states == state).any()
        )
        actions.append(step.action)
        state = layer[step.positions[at : at + 1]]
    actions.reverse()
    return tuple(actions)


