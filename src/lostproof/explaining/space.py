"""The worlds that notes allow without regard to time: states of the model together with how far the notes are met.

This leaves out durations, and so allows too much: what is not possible here is not possible. The rest is searched in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.bounds import BUDGETS
from lostproof.engine.explorer import CHUNK, Visited, expand, unique
from lostproof.explaining.watch import Progress, Watch, by_hand
from lostproof.world import World

__all__ = ["KINDS", "Edge", "Space", "TooLarge", "allowed", "outlook"]

KINDS = (*BUDGETS, "manual")
"""The kinds of faults that are counted: those that bounds budget, and runs by hand."""


class TooLarge(Exception):
    """There are more nodes than were allowed."""


@dataclass(frozen=True)
class Edge:
    """A step from one node to another: an action, or (from -1 down) the mark that is met between two steps."""

    label: int
    target: int

    @property
    def mark(self) -> int | None:
        """The mark that is met between two steps, None for an action."""
        return -1 - self.label if self.label < 0 else None


@dataclass
class Space:
    """The nodes from which everything can still be met.

    Attributes:
        watch: the notes.
        states, progress: for each node, its packed state and how far the notes are met.
        distance: for each node, how many steps there are at least until everything is met.
        edges: for each node, where it goes on.
        enabled: for each node, the actions that can happen there, whether or not the notes allow it.
        initial: the nodes to begin with.
        explored: how many nodes were looked at.
        met: the marks, as bits, that were met anywhere.
    """

    watch: Watch
    states: list[int]
    progress: list[Progress]
    distance: list[int]
    edges: list[list[Edge]]
    enabled: list[list[int]]
    initial: list[int]
    explored: int
    met: int


@dataclass
class _Found:
    """What was reached, by progress, and the steps between: source, label and target as packed states."""

    visited: dict[Progress, Visited]
    layers: dict[Progress, list[NDArray[Any]]]
    steps: list[tuple[Progress, NDArray[Any], int, Progress, NDArray[Any]]]
    enabled: list[tuple[Progress, NDArray[Any], int]]


def allowed(watch: Watch, max_nodes: int) -> Space:
    """Return all nodes that lie on some way from the beginning to where everything is met and all faults have happened.

    Raises:
        TooLarge: there are more than ``max_nodes``.
    """
    found, explored = _explore(watch, max_nodes)
    return _useful(watch, found, explored)


def outlook(watch: Watch, max_nodes: int) -> tuple[list[dict[str, int]], int, int]:
    """Return with which faults everything can be met, which marks (as bits) can be met at all, and how many nodes there are.

    Raises:
        TooLarge: there are more than ``max_nodes``.
    """
    m = watch.model
    found, explored = _explore(watch, max_nodes)
    spent: set[tuple[int, ...]] = set()
    met = 0
    for progress, layers in found.layers.items():
        met |= progress[0]
        if progress[0] == watch.all_done:
            w = World(m.layout, np.concatenate(layers))
            counts = [getattr(m.bounds, budget) - getattr(w, budget) for budget in BUDGETS]
            each = np.stack([np.broadcast_to(count, len(w.states)) for count in (*counts, by_hand(m, w))], axis=1)
            spent |= set(map(tuple, np.unique(each, axis=0).tolist()))
    return [{kind: n for kind, n in zip(KINDS, counts, strict=True) if n} for counts in sorted(spent)], met, explored


def _explore(watch: Watch, max_nodes: int) -> tuple[_Found, int]:
    m = watch.model
    start = m.layout.batch([m.initial()])
    frontier: dict[Progress, NDArray[Any]] = dict.fromkeys(watch.initial(), start)
    found = _Found({}, {}, [], [])
    explored = 0
    while frontier:
        reached: dict[Progress, list[NDArray[Any]]] = {}
        for progress, states in frontier.items():
            explored += len(states)
            found.layers.setdefault(progress, []).append(states)
            found.visited.setdefault(progress, Visited()).add(states)
        if explored > max_nodes:
            raise TooLarge
        for progress, states in frontier.items():
            for label, sources, target, results in _steps(watch, progress, states, found):
                found.steps.append((progress, sources, label, target, results))
                reached.setdefault(target, []).append(results)
        frontier = {}
        for progress, batches in reached.items():
            new = unique(np.concatenate(batches))
            if progress in found.visited:
                new = found.visited[progress].new(new)
            if len(new):
                frontier[progress] = new
    return found, explored


def _steps(
    watch: Watch, progress: Progress, states: NDArray[Any], found: _Found
) -> Iterator[tuple[int, NDArray[Any], Progress, NDArray[Any]]]:
    """Yield where ``states`` go on: the label, the states that it starts from, and what becomes of them."""
    m, usable = watch.model, watch.usable()
    for start in range(0, len(states), CHUNK):
        part = states[start : start + CHUNK]
        for expansion in expand(m, part, usable):
            sources = part[expansion.positions]
            found.enabled.append((progress, sources, expansion.action))
            action = m.actions[expansion.action]
            for target, where in watch.steps(progress, action, expansion.before, expansion.after):
                yield from _admitted(watch, expansion.action, sources, target, expansion.states, where)
        for mark, target, where in watch.looks(progress, World(m.layout, part)):
            yield from _admitted(watch, -1 - mark, part, target, part, where)


def _admitted(
    watch: Watch, label: int, sources: NDArray[Any], target: Progress, results: NDArray[Any], where: Any
) -> Iterator[tuple[int, NDArray[Any], Progress, NDArray[Any]]]:
    if where is not True and not isinstance(where, (bool, np.bool_)):
        sources, results = sources[where], results[where]
    fine = watch.admits(target, World(watch.model.layout, results))
    if isinstance(fine, np.ndarray):
        sources, results = sources[fine], results[fine]
    elif not fine:
        return
    if len(results):
        yield label, sources, target, results


def _useful(watch: Watch, found: _Found, explored: int) -> Space:
    """Return the nodes of ``found`` from which everything can still be met."""
    m = watch.model
    offsets: dict[Progress, int] = {}
    sorted_states: dict[Progress, NDArray[Any]] = {}
    total = 0
    for progress, layers in found.layers.items():
        offsets[progress] = total
        sorted_states[progress] = np.sort(np.concatenate(layers), kind="stable")
        total += len(sorted_states[progress])

    def numbers(progress: Progress, states: NDArray[Any]) -> NDArray[np.int64]:
        return offsets[progress] + np.searchsorted(sorted_states[progress], states).astype(np.int64)

    nothing = np.zeros(0, dtype=np.int64)
    source = np.concatenate([nothing, *(numbers(p, states) for p, states, _, _, _ in found.steps)])
    target = np.concatenate([nothing, *(numbers(p, states) for _, _, _, p, states in found.steps)])
    label = np.concatenate([nothing, *(np.full(len(s), number) for _, s, number, _, _ in found.steps)])
    goal = np.zeros(total, dtype=bool)
    for progress, states in sorted_states.items():
        if progress[0] == watch.all_done:
            at = offsets[progress]
            goal[at : at + len(states)] = _all_spent(watch, World(m.layout, states))
    distance = _distances(total, source, target, goal)
    kept = np.flatnonzero(distance >= 0)
    place = np.full(total, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    edges: list[list[Edge]] = [[] for _ in kept]
    inner = np.flatnonzero((distance[source] >= 0) & (distance[target] >= 0))
    order = inner[np.lexsort((target[inner], label[inner], source[inner]))]
    for at in order.tolist():
        edges[place[source[at]]].append(Edge(int(label[at]), int(place[target[at]])))
    enabled: list[list[int]] = [[] for _ in kept]
    for progress, states, number in found.enabled:
        for at in place[numbers(progress, states)].tolist():
            if at >= 0:
                enabled[at].append(number)
    states_of: list[int] = []
    progress_of: list[Progress] = []
    for progress, states in sorted_states.items():
        at = offsets[progress]
        chosen = states[distance[at : at + len(states)] >= 0]
        states_of += m.layout.ints(chosen)
        progress_of += [progress] * len(chosen)
    met = 0
    for progress in found.layers:
        met |= progress[0]
    first = m.layout.batch([m.initial()])
    initial = [at for p in watch.initial() if (at := int(place[numbers(p, first)[0]])) >= 0]
    return Space(watch, states_of, progress_of, distance[kept].tolist(), edges, enabled, initial, explored, met)


def _all_spent(watch: Watch, w: World) -> Any:
    """Return whether every fault of the bounds has happened (with fewer there is a smaller world), and a run by hand."""
    m = watch.model
    spent: Any = True
    for budget in BUDGETS:
        spent = spent & (getattr(w, budget) == 0)
    return spent & (by_hand(m, w) == m.bounds.manual)


def _distances(
    count: int, source: NDArray[np.int64], target: NDArray[np.int64], goal: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return for each node how many steps there are at least to a node of ``goal``, -1 if no way leads there."""
    distance = np.where(goal, 0, -1).astype(np.int64)
    order = np.argsort(target, kind="stable")
    starts = np.searchsorted(target[order], np.arange(count + 1))
    frontier, steps = np.flatnonzero(goal), 0
    while len(frontier):
        steps += 1
        counts = starts[frontier + 1] - starts[frontier]
        places = np.repeat(starts[frontier] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        before = np.unique(source[order[places + np.arange(counts.sum())]])
        frontier = before[distance[before] < 0]
        distance[frontier] = steps
    return distance
