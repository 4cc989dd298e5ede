"""The closed graph of a space: its transitions as flat arrays, fairness on it, and what it exercised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from lostproof.engine.explorer import CHUNK, Expansion, Space, expand
from lostproof.model import Model
from lostproof.world import World

__all__ = ["Graph", "Witness", "build", "distance_to", "fair_core"]

Mask = NDArray[np.bool_]


@dataclass
class Graph:
    """The transitions of a closed space.

    Attributes:
        model: the model.
        states: all states, sorted; a state's number is its position.
        depth: for each state, the length of its shortest schedule.
        source, target: for each transition, its states.
        action: for each transition, the number of its action.
        fair: for each action of the model, whether it is fair.
        taken: for each action of the model, how many transitions it has.
    """

    model: Model
    states: NDArray[Any]
    depth: NDArray[np.int32]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    action: NDArray[np.int16]
    fair: Mask
    taken: NDArray[np.int64]

    @cached_property
    def by_target(self) -> NDArray[np.intp]:
        """The transitions' positions, sorted by target."""
        return np.argsort(self.target, kind="stable")

    @cached_property
    def resting(self) -> tuple[Graph, Mask]:
        """The states in which some fair schedule can stay for ever, as :meth:`restrict` returns them."""
        return self.restrict(fair_core(self, np.ones(len(self.states), dtype=bool)))

    def number(self, state: int) -> int:
        """Return the number of a packed state."""
        return int(np.searchsorted(self.states, self.model.layout.batch([state]))[0])

    def state(self, number: int) -> int:
        """Return the packed state with ``number``."""
        return self.model.layout.ints(self.states[number : number + 1])[0]

    def view(self, start: int, stop: int) -> World:
        """Return a view of the states numbered from ``start`` to before ``stop``."""
        return World(self.model.layout, self.states[start:stop])

    def restrict(self, core: Mask) -> tuple[Graph, Mask]:
        """Return the graph of the states of ``core`` and their successors, and which of its states are of ``core``."""
        leaving = core[self.source]
        kept = core.copy()
        kept[self.target[leaving]] = True
        numbers = np.cumsum(kept, dtype=np.int32) - 1
        part = Graph(
            self.model, fair=self.fair, taken=self.taken,
            states=self.states[kept], depth=self.depth[kept], source=numbers[self.source[leaving]],
            target=numbers[self.target[leaving]], action=self.action[leaving],
        )
        return part, core[kept]

    def holds(self, predicate: Any) -> Mask:
        """Return in which states ``predicate`` (of a view) holds."""
        result = np.zeros(len(self.states), dtype=bool)
        for start in range(0, len(self.states), CHUNK):
            result[start : start + CHUNK] = predicate(self.view(start, start + CHUNK))
        return result


class Witness(Protocol):
    """Something that looks at every transition while the graph is built."""

    def see(self, expansion: Expansion, source: NDArray[np.int32], depth: NDArray[np.int32]) -> None:
        """Look at what one action does to a batch, given the numbers and depths of the states that it starts from."""


def build(space: Space, actions: Sequence[int] | None = None, witnesses: Sequence[Witness] = ()) -> Graph:
    """Return the graph of ``space``, which is closed under ``actions`` (their numbers; all unless given)."""
    model = space.model
    states = np.concatenate(space.layers)
    depth = np.repeat(np.arange(len(space.layers), dtype=np.int32), [len(layer) for layer in space.layers])
    order = np.argsort(states, kind="stable")
    states, depth = states[order], depth[order]
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int16]]] = []
    taken = np.zeros(len(model.actions), dtype=np.int64)
    for start in range(0, len(states), CHUNK):
        for expansion in expand(model, states[start : start + CHUNK], actions):
            source = (expansion.positions + start).astype(np.int32)
            target = np.searchsorted(states, expansion.states).astype(np.int32)
            taken[expansion.action] += len(source)
            parts.append((source, target, np.full(len(source), expansion.action, dtype=np.int16)))
            for witness in witnesses:
                witness.see(expansion, source, depth[source])
    empty = (np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int16))
    sources, targets, numbers = zip(*(parts or [empty]), strict=True)
    fair = np.array([action.fair for action in model.actions])
    return Graph(
        model, states, depth, np.concatenate(sources), np.concatenate(targets), np.concatenate(numbers), fair, taken
    )


def fair_core(graph: Graph, within: Mask, edges: Mask | None = None) -> Mask:
    """Return the states of ``within`` in which some strongly fair schedule can stay for ever without leaving ``within``.

    A set of states can hold a strongly fair schedule if it is strongly connected (or a single state) and every fair
    action that is enabled anywhere in it has a transition inside it; a state in which no fair action is enabled counts,
    since nothing has to happen there. Components that fail are thinned out by the states that enable the offending
    action, and looked at again, until nothing changes.

    Args:
        graph: the graph.
        within: the states that may be visited.
        edges: the transitions that may be taken, all unless given; enabledness is judged on all transitions.
    """
    keep = within.copy()
    fair_edge = graph.fair[graph.action]
    usable = np.ones(len(graph.source), dtype=bool) if edges is None else edges
    enabled = np.flatnonzero(fair_edge)
    actions = len(graph.fair)
    while keep.any():
        numbers = np.flatnonzero(keep)
        compact = np.full(len(keep), -1, dtype=np.int32)
        compact[numbers] = np.arange(len(numbers), dtype=np.int32)
        enabled = enabled[keep[graph.source[enabled]]]
        inner = np.flatnonzero(usable & keep[graph.source] & keep[graph.target])
        source, target = compact[graph.source[inner]], compact[graph.target[inner]]
        matrix = csr_array((np.ones(len(inner), dtype=np.int8), (source, target)), shape=(len(numbers),) * 2)
        _, component = connected_components(matrix, directed=True, connection="strong")
        stays = component[source] == component[target]
        satisfied = np.unique(component[source[stays]].astype(np.int64) * actions + graph.action[inner[stays]])
        wanted = component[compact[graph.source[enabled]]].astype(np.int64) * actions + graph.action[enabled]
        offending = ~np.isin(wanted, satisfied)
        if not offending.any():
            return keep
        keep[graph.source[enabled[offending]]] = False
    return keep


def distance_to(graph: Graph, goal: Mask, edges: Mask | None = None) -> NDArray[np.int32]:
    """Return for each state how many ``edges`` (all transitions unless given) lead to ``goal``, or -1 if none do."""
    order = graph.by_target if edges is None else graph.by_target[edges[graph.by_target]]
    starts = np.searchsorted(graph.target[order], np.arange(len(graph.states) + 1))
    distance = np.where(goal, 0, -1).astype(np.int32)
    frontier = np.flatnonzero(goal)
    steps = 0
    while len(frontier):
        steps += 1
        counts = starts[frontier + 1] - starts[frontier]
        offsets = np.repeat(starts[frontier] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        incoming = order[offsets + np.arange(counts.sum())]
        frontier = np.unique(graph.source[incoming])
        frontier = frontier[distance[frontier] < 0]
        distance[frontier] = steps
    return distance
