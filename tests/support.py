"""What the tests share: small but rich worlds, walks through them, and a plain-Python search as an oracle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from hypothesis import strategies as st

from lostproof.bounds import Bounds, Slice
from lostproof.drivers.concrete import TimedRace, concrete
from lostproof.engine.stepper import apply, enabled
from lostproof.engine.verdicts import Result, Verdict, explore, timed_race
from lostproof.model import Model
from lostproof.properties import property_named
from lostproof.revisions import REVISIONS
from lostproof.world import World

BOUNDS: dict[str, Bounds] = {
    "crash": Bounds(runs=1, crashes=1),
    "restart": Bounds(runs=1, outcomes=1, restarts=1),
    "offline": Bounds(runs=1, outcomes=1, offline_passes=1),
    "store": Bounds(runs=1, outcomes=1, crashes=1, store_faults=1),
    "operator": Bounds(runs=1, outcomes=1, crashes=1, operator_actions=1),
    "runs": Bounds(runs=2, outcomes=1, crashes=1, manual=0, long_waits=0),
    "slots": Bounds(runs=2, slots=2, outcomes=1, manual=0, long_waits=0),
    "jobs": Bounds(jobs=2, runs=1, outcomes=1, manual=0, long_waits=0),
    "admission": Bounds(admission=1, crashes=1, operator_actions=1, outcomes=1, runs=1, long_waits=0),
    "deliveries": Bounds(deliveries=1, runs=1, crashes=1, store_faults=1, manual=0, long_waits=0),
}
"""Worlds of at most a few thousand states; each switches on one kind of trouble."""

RICH: dict[str, Bounds] = {
    "everything": Bounds(
        outcomes=3, crashes=1, restarts=2, offline_passes=1, store_faults=1, operator_actions=1, same_ms=1
    ),
    "slots": Bounds(runs=3, slots=2, crashes=2, restarts=1),
    "jobs": Bounds(jobs=2, runs=1, crashes=1, restarts=1, store_faults=1, offline_passes=1),
    "admission": Bounds(
        admission=1, jobs=2, runs=2, crashes=1, restarts=1, store_faults=1, operator_actions=1, same_ms=1
    ),
    "deliveries": Bounds(deliveries=1, jobs=2, runs=2, crashes=1, restarts=1, store_faults=1, overruns=1, cancels=1),
    "one-shot": Bounds(recurring=0, agents=1, crashes=1, restarts=1, manual=0),
}
"""Worlds that are too large to explore here, with several kinds of trouble at once."""


@cache
def model(revision: str, bounds: Bounds) -> Model:
    """Return the model of a revision in a world of ``bounds``."""
    return Model(REVISIONS[revision], bounds)


_USUAL = ("openclaw-2026.4.15", "openclaw-2026.9.6")
DISTINCT: tuple[str, ...] = tuple(
    {REVISIONS[name].semantics: name for name in [*reversed(REVISIONS), *_USUAL]}.values()
)[::-1]
"""One revision of each world: two that no model can tell apart need not be tried twice."""

TYPICAL: tuple[str, ...] = (
    "openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.6.8", "openclaw-2026.9.6", "reference"
)
"""Revisions that between them take every path through the code: enough for what is tried in many worlds."""


# -- races


@cache
def lucky_result() -> Result:
    """Return a result whose only race is a leads-to race that luck in what follows could still avert.

    None of the revisions has one in a small world; this is a doomed one, as if its last state were not.
    """
    revision, judged = REVISIONS["openclaw-2026.4.15"], property_named("slot-not-dropped")
    report = explore(revision, Slice("restart", BOUNDS["restart"]), [judged])
    race = timed_race(revision, report, judged).race
    timed = concrete(replace(race, doomed=False, point_of_no_return=len(race.actions)))
    return Result(revision, "restart", (report,), (Verdict(judged, "violated", "restart", timed),))


def lucky_race() -> TimedRace:
    """Return the race of :func:`lucky_result`."""
    race = lucky_result().verdicts[0].race
    assert race is not None
    return race


# -- states


def cell_sizes(m: Model) -> list[tuple[int, int, int]]:
    """Return, for each cell that takes bits, its first bit, its mask, and how many values are in range."""
    return [
        (8 * cell.byte + cell.shift, cell.ones, cell.field.size(m.bounds, m.revision))
        for cell in m.layout.all_cells
        if cell.bits
    ]


def any_states(m: Model) -> st.SearchStrategy[int]:
    """Return a strategy for packed states whose cells are all in range, reachable or not.

    The one thing kept from reachable states is that no run is older than the restarts that have been spent: a run's age
    is counted up, and would leave its range.
    """
    sizes = cell_sizes(m)

    def pack(values: tuple[int, ...]) -> int:
        state = sum(value << at for value, (at, _, _) in zip(values, sizes, strict=True))
        view = m.view(state)
        for process in m.processes(view):
            for k in m.runs:
                process.age[k] = min(process.age[k], m.bounds.restarts - view.restarts)
        return int(view.pack())

    return st.tuples(*(st.integers(0, size - 1) for _, _, size in sizes)).map(pack)


def walk(m: Model, picks: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return the states and the actions of the walk from the initial state that picks among the enabled actions."""
    states, actions = [m.initial()], []
    for pick in picks:
        possible = enabled(m, states[-1])
        if not possible:
            break
        actions.append(possible[pick % len(possible)])
        states.append(apply(m, states[-1], actions[-1]))
    return states, actions


def walks(m: Model, steps: int = 16) -> st.SearchStrategy[list[int]]:
    """Return a strategy for the states along random walks."""
    picks = st.lists(st.integers(0, 255), min_size=steps // 2, max_size=steps)
    return picks.map(lambda drawn: walk(m, drawn)[0])


# -- the oracle


@dataclass(frozen=True)
class PlainSpace:
    """What a breadth-first search over the scalar stepper finds."""

    model: Model
    layers: tuple[frozenset[int], ...]
    transitions: tuple[tuple[int, int, int], ...]

    def batch(self, column: int) -> World:
        """Return the sources (0) or the targets (2) of all transitions as one view."""
        return World(self.model.layout, self.model.layout.batch(edge[column] for edge in self.transitions))


@cache
def plain_search(revision: str, bounds: Bounds) -> PlainSpace:
    """Explore a small world one state at a time."""
    m = model(revision, bounds)
    layers = [frozenset({m.initial()})]
    seen = set(layers[0])
    transitions: list[tuple[int, int, int]] = []
    while layers[-1]:
        taken = [(state, number, apply(m, state, number)) for state in layers[-1] for number in enabled(m, state)]
        transitions += taken
        layers.append(frozenset(target for _, _, target in taken) - seen)
        seen |= layers[-1]
    return PlainSpace(m, tuple(layers[:-1]), tuple(transitions))


def as_list(value: object, length: int) -> list[bool]:
    """Return what a predicate says about a batch of ``length`` states, also where it is the same for all."""
    return np.broadcast_to(np.asarray(value, dtype=bool), (length,)).tolist()


def ints(m: Model, layers: Sequence[np.ndarray]) -> list[set[int]]:
    """Return layers of packed batches as sets of ints."""
    return [set(m.layout.ints(layer)) for layer in layers]
