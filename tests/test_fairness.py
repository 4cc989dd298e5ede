"""Fairness on closed graphs, against a brute-force oracle that follows the definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lostproof.engine.graph import Graph, distance_to, fair_core
from tests.support import BOUNDS, model

MANY = settings(max_examples=10 * settings().max_examples)
"""Small graphs are cheap, and their corner cases rare."""

ACTIONS = 3
LARGEST = 6


@dataclass(frozen=True)
class Case:
    """A small graph: its edges as (source, action, target), which actions are fair, and what may be used."""

    size: int
    edges: tuple[tuple[int, int, int], ...]
    fair: tuple[bool, ...] = (True,) * ACTIONS
    within: frozenset[int] = frozenset(range(LARGEST))
    unusable: frozenset[int] = frozenset()

    @property
    def graph(self) -> Graph:
        """The case as the engine has it."""
        source, action, target = (np.array([edge[i] for edge in self.edges], dtype=np.int32) for i in range(3))
        return Graph(
            model("reference", BOUNDS["crash"]), np.arange(self.size, dtype=np.uint64),
            np.zeros(self.size, dtype=np.int32), source, target, action.astype(np.int16), np.array(self.fair),
            np.bincount(action, minlength=ACTIONS),
        )

    @property
    def usable(self) -> list[tuple[int, int, int]]:
        """The edges that may be taken."""
        return [edge for position, edge in enumerate(self.edges) if position not in self.unusable]

    def mask(self, states: frozenset[int]) -> np.ndarray:
        """Return ``states`` as the engine has them."""
        return np.array([state in states for state in range(self.size)])

    @property
    def edge_mask(self) -> np.ndarray:
        """The edges that may be taken, as the engine has them."""
        return np.array([position not in self.unusable for position in range(len(self.edges))], dtype=bool)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a graph with parallel edges, loops, dead ends and unfair actions."""
    size = draw(st.integers(1, LARGEST))
    state = st.integers(0, size - 1)
    edges = draw(st.lists(st.tuples(state, st.integers(0, ACTIONS - 1), state), max_size=3 * size))
    fair = draw(st.tuples(*[st.booleans()] * ACTIONS))
    within = draw(st.one_of(st.just(frozenset(range(size))), st.frozensets(state)))
    unusable = draw(st.frozensets(st.integers(0, max(len(edges) - 1, 0)), max_size=2))
    return Case(size, tuple(edges), fair, within, unusable)


def subsets(states: frozenset[int]) -> Iterator[frozenset[int]]:
    """Yield every non-empty subset."""
    for size in range(1, len(states) + 1):
        yield from map(frozenset, combinations(sorted(states), size))


def holds_a_fair_schedule(case: Case, states: frozenset[int]) -> bool:
    """Return whether a fair schedule can visit exactly ``states`` for ever, by the definition.

    They must be strongly connected over usable edges, and a fair action that is enabled in one of them (whether or not
    its edge may be used) must be taken inside.
    """
    inner = [edge for edge in case.usable if edge[0] in states and edge[2] in states]
    connected = nx.DiGraph((source, target) for source, _, target in inner)
    connected.add_nodes_from(states)
    enabled = {action for source, action, _ in case.edges if source in states and case.fair[action]}
    return nx.is_strongly_connected(connected) and enabled <= {action for _, action, _ in inner}


def core(case: Case) -> frozenset[int]:
    """Return what the engine says is the fair core."""
    return frozenset(np.flatnonzero(fair_core(case.graph, case.mask(case.within), case.edge_mask)).tolist())


@MANY
@given(cases())
@example(Case(1, ()))
@example(Case(1, ((0, 0, 0),), unusable=frozenset({0})))
@example(Case(2, ((0, 0, 1), (1, 1, 0), (1, 2, 1))))
def test_fair_core_is_the_union_of_all_fair_sets(case: Case) -> None:
    """The core is exactly the states of those subsets in which a fair schedule can stay for ever."""
    within = case.within & frozenset(range(case.size))
    fair_sets = [states for states in subsets(within) if holds_a_fair_schedule(case, states)]
    assert core(case) == frozenset().union(*fair_sets)


@given(cases())
def test_all_edges_are_usable_unless_told_otherwise(case: Case) -> None:
    """Leaving the edges out means all of them, for the core and for reachability."""
    everything = np.ones(len(case.edges), dtype=bool)
    within = case.mask(case.within)
    assert np.array_equal(fair_core(case.graph, within), fair_core(case.graph, within, everything))
    assert np.array_equal(distance_to(case.graph, within), distance_to(case.graph, within, everything))


@MANY
@given(cases())
def test_distance_to_is_backward_reachability(case: Case) -> None:
    """The states that can reach a goal are the goal's states and their ancestors over usable edges."""
    goal = case.within & frozenset(range(case.size))
    graph = nx.DiGraph((source, target) for source, _, target in case.usable)
    graph.add_nodes_from(range(case.size))
    expected = set(goal).union(*(nx.ancestors(graph, state) for state in goal))
    assert set(np.flatnonzero(distance_to(case.graph, case.mask(goal), case.edge_mask) >= 0).tolist()) == expected


@given(cases())
def test_neither_changes_what_it_is_given(case: Case) -> None:
    """The masks that are passed in are left as they were."""
    within, edges = case.mask(case.within), case.edge_mask
    kept = within.copy(), edges.copy()
    fair_core(case.graph, within, edges)
    distance_to(case.graph, within, edges)
    assert np.array_equal(within, kept[0]) and np.array_equal(edges, kept[1])


@given(cases())
def test_from_every_state_a_fair_schedule_goes_on_for_ever(case: Case) -> None:
    """In a whole graph every state can reach the core: some fair schedule always exists."""
    whole = Case(case.size, case.edges, case.fair)
    assert (distance_to(whole.graph, whole.mask(core(whole))) >= 0).all()


@given(cases(), st.data())
def test_restricting_keeps_the_edges_that_leave_the_chosen_states(case: Case, data: st.DataObject) -> None:
    """A restricted graph has the chosen states, their successors, and exactly the edges that leave a chosen one."""
    chosen = data.draw(st.frozensets(st.integers(0, case.size - 1)))
    part, inner = case.graph.restrict(case.mask(chosen))
    kept = part.states.tolist()
    assert set(kept) == chosen | {target for source, _, target in case.edges if source in chosen}
    assert {state for state, inside in zip(kept, inner, strict=True) if inside} == chosen
    edges = zip(part.source.tolist(), part.action.tolist(), part.target.tolist(), strict=True)
    named = [(kept[source], action, kept[target]) for source, action, target in edges]
    assert named == [edge for edge in case.edges if edge[0] in chosen]


# -- cases that people can follow


def test_a_dead_end_counts() -> None:
    """Where nothing is enabled nothing has to happen, so a schedule may end there."""
    assert core(Case(2, ((0, 0, 1),))) == {1}


def test_a_loop_is_left_if_a_fair_action_leads_out() -> None:
    """A fair action that stays enabled around a loop is taken in the end, and leads out of it."""
    loop = ((0, 0, 1), (1, 0, 0), (1, 1, 2))
    assert core(Case(3, loop)) == {2}
    assert core(Case(3, loop, fair=(True, False, True))) == {0, 1, 2}


def test_strong_fairness_counts_what_is_enabled_now_and_then() -> None:
    """An action that is enabled again and again, but never for good, is taken as well."""
    assert core(Case(3, ((0, 0, 1), (1, 0, 0), (0, 1, 2), (2, 2, 2)))) == {2}


def test_a_component_is_thinned_out_until_something_fair_is_left() -> None:
    """A component that fails as a whole can hold a smaller one that does not enable the offending action."""
    edges = ((0, 0, 0), (0, 2, 1), (1, 2, 0), (1, 1, 2))
    assert core(Case(3, edges, fair=(True, True, False))) == {0, 2}


def test_a_forbidden_edge_still_counts_as_enabled() -> None:
    """An action whose only edge may not be used must happen all the same, so its state is not fair."""
    assert core(Case(1, ((0, 0, 0),), unusable=frozenset({0}))) == frozenset()
