"""The vectorised explorer: breadth-first over batches of packed states.

Whole layers are expanded action by action; no Python code runs per state. Layers come out in order of depth, so the
first layer that holds a state gives the length of its shortest schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.actions import Action
from lostproof.model import Model
from lostproof.world import Cell, World, member

__all__ = ["Expansion", "Space", "Visited", "close", "expand", "unique"]

CHUNK = 1 << 16
"""States expanded at a time: large enough to drown the cost of a call, small enough for the cache."""


@dataclass(frozen=True)
class Expansion:
    """What one action does to a batch: ``before``, at ``positions`` of it, becomes ``after``, packed in ``states``."""

    action: int
    positions: NDArray[np.intp]
    before: World
    after: World
    states: NDArray[Any]


@dataclass
class Space:
    """The reachable states of a model.

    Attributes:
        model: the model.
        layers: the states first reached at each depth, sorted.
        transitions: how many transitions were taken.
        closed: whether all reachable states are in it.
        limit: the bound on the number of states that was hit, if it is not closed.
    """

    model: Model
    layers: list[NDArray[Any]] = field(default_factory=list)
    transitions: int = 0
    closed: bool = False
    limit: int | None = None

    @property
    def count(self) -> int:
        """The number of distinct states."""
        return sum(len(layer) for layer in self.layers)

    @property
    def depth(self) -> int:
        """The depth of the last layer."""
        return len(self.layers) - 1


class Visited:
    """The states seen so far, in a few sorted blocks that are merged geometrically."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[Any]] = []

    def add(self, states: NDArray[Any]) -> None:
        """Add a sorted block."""
        self._blocks.append(states)
        while len(self._blocks) > 1 and len(self._blocks[-2]) < 4 * len(self._blocks[-1]):
            merged = np.concatenate(self._blocks[-2:])
            merged.sort(kind="stable")
            self._blocks[-2:] = [merged]

    def new(self, states: NDArray[Any]) -> NDArray[Any]:
        """Return those of the sorted ``states`` that have not been seen."""
        for block in self._blocks:
            if not len(states):
                break
            at = np.searchsorted(block, states)
            at[at == len(block)] = 0
            states = states[block[at] != states]
        return states


def expand(model: Model, states: NDArray[Any], actions: Sequence[int] | None = None) -> Iterator[Expansion]:
    """Yield what each action (all, or those numbered in ``actions``) does to ``states``, in the order of the actions."""
    batch = World(model.layout, states)
    groups: dict[tuple[int, tuple[int, ...]], tuple[NDArray[np.intp], World] | None] = {}
    for number in range(len(model.actions)) if actions is None else actions:
        action = model.actions[number]
        name, index, values = action.at
        cell = model.layout.cell(name, *index)
        key = (cell.key, values)
        if key not in groups:
            groups[key] = _group(batch, cell, values)
        group = groups[key]
        if group is not None:
            expansion = _apply(number, action, *group)
            if expansion is not None:
                yield expansion


def _group(batch: World, cell: Cell, values: tuple[int, ...]) -> tuple[NDArray[np.intp], World] | None:
    """Return the positions of ``batch`` in which ``cell`` has one of ``values``, and the view of these states."""
    if cell.bits:
        positions = np.flatnonzero(member(batch.read(cell), values))
    else:
        positions = np.arange(len(batch.states) if 0 in values else 0)
    return (positions, batch.take(positions)) if len(positions) else None


def _apply(number: int, action: Action, positions: NDArray[np.intp], group: World) -> Expansion | None:
    allowed = action.guard(group)
    if isinstance(allowed, np.ndarray):
        chosen = np.flatnonzero(allowed)
        if not len(chosen):
            return None
        if len(chosen) < len(positions):
            positions, before = positions[chosen], group.take(chosen)
        else:
            before = group
    elif allowed:
        before = group
    else:
        return None
    after = before.fork()
    action.effect(after)
    return Expansion(number, positions, before, after, after.pack())


def unique(states: NDArray[Any]) -> NDArray[Any]:
    """Sort ``states`` in place and return the distinct ones."""
    states.sort()
    distinct = np.ones(len(states), dtype=bool)
    np.not_equal(states[1:], states[:-1], out=distinct[1:])
    return states[distinct]


def close(
    model: Model,
    initial: Sequence[int] | None = None,
    actions: Sequence[int] | None = None,
    max_states: int | None = None,
    on_layer: Any = None,
) -> Space:
    """Explore from ``initial`` (the model's initial state unless given) until nothing new appears.

    Args:
        model: the model.
        initial: packed states to begin with.
        actions: numbers of the actions to take, all unless given.
        max_states: stop after the layer that exceeds this many states; the space is then not closed.
        on_layer: called with the space after each layer, for progress.
    """
    layout = model.layout
    frontier = unique(layout.batch([model.initial()] if initial is None else initial))
    visited = Visited()
    space = Space(model)
    while len(frontier):
        space.layers.append(frontier)
        visited.add(frontier)
        if on_layer is not None:
            on_layer(space)
        if max_states is not None and space.count > max_states:
            space.limit = max_states
            return space
        found: list[NDArray[Any]] = []
        for start in range(0, len(frontier), CHUNK):
            reached = [expansion.states for expansion in expand(model, frontier[start : start + CHUNK], actions)]
            if reached:
                space.transitions += sum(len(states) for states in reached)
                found.append(unique(np.concatenate(reached)))
        merged = found[0] if len(found) == 1 else unique(np.concatenate([layout.batch([]), *found]))
        frontier = visited.new(merged)
    space.closed = True
    return space
