"""One state and a batch of states go the same way: guards, effects and predicates mean the same for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lostproof.engine.explorer import close, expand
from lostproof.engine.graph import build
from lostproof.engine.stepper import apply, enabled
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property
from lostproof.world import World
from tests.support import BOUNDS, RICH, TYPICAL, any_states, as_list, ints, model, plain_search, walks

WORLDS = [
    pytest.param(model(revision, bounds), id=f"{revision}-{name}")
    for revision in TYPICAL
    for name, bounds in RICH.items()
]
SMALL = [
    pytest.param(revision, bounds, id=f"{revision}-{name}") for revision in TYPICAL for name, bounds in BOUNDS.items()
]
PREDICATES = [
    pytest.param(judged, part, id=f"{judged.id}-{part}")
    for judged in PROPERTIES
    for part in ("step", "state", "premise", "goal")
    if getattr(judged, part) is not None
]


def one_by_one(m: Model, states: list[int]) -> set[tuple[int, int, int]]:
    """Return (position, action, successor) as the scalar stepper has them."""
    return {(i, number, apply(m, state, number)) for i, state in enumerate(states) for number in enabled(m, state)}


def all_at_once(m: Model, states: list[int]) -> set[tuple[int, int, int]]:
    """Return (position, action, successor) as the vectorised explorer has them."""
    found = set()
    for expansion in expand(m, m.layout.batch(states)):
        successors = m.layout.ints(expansion.states)
        assert m.layout.ints(expansion.before.states) == [states[i] for i in expansion.positions]
        found |= {(int(i), expansion.action, after) for i, after in zip(expansion.positions, successors, strict=True)}
    return found


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
def test_steps_agree_on_any_states(m: Model, data: st.DataObject) -> None:
    """On states that need not be reachable, the same actions are enabled and lead to the same successors."""
    states = data.draw(st.lists(any_states(m), min_size=1, max_size=3))
    assert all_at_once(m, states) == one_by_one(m, states)


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
def test_steps_agree_along_random_walks(m: Model, data: st.DataObject) -> None:
    """On the states along a random walk, the same actions are enabled and lead to the same successors."""
    states = data.draw(walks(m))
    assert all_at_once(m, states) == one_by_one(m, states)


@pytest.mark.parametrize(("revision", "bounds"), SMALL)
def test_explorer_finds_what_a_plain_search_finds(revision: str, bounds: Any) -> None:
    """Layer by layer the explorer reaches exactly the states that a search over the scalar stepper reaches."""
    plain = plain_search(revision, bounds)
    space = close(plain.model)
    assert space.closed
    assert ints(plain.model, space.layers) == [set(layer) for layer in plain.layers]
    assert space.transitions == len(plain.transitions)
    assert space.depth == len(plain.layers) - 1


@pytest.mark.parametrize(("revision", "bounds"), SMALL)
def test_graph_has_the_transitions_of_a_plain_search(revision: str, bounds: Any) -> None:
    """The graph has exactly the (state, action, successor) triples of a search over the scalar stepper, with depths."""
    plain = plain_search(revision, bounds)
    graph = build(close(plain.model))
    names = plain.model.layout.ints(graph.states)
    edges = zip(graph.source.tolist(), graph.action.tolist(), graph.target.tolist(), strict=True)
    triples = [(names[source], number, names[target]) for source, number, target in edges]
    assert len(triples) == len(plain.transitions)
    assert set(triples) == set(plain.transitions)
    depths = {state: depth for depth, layer in enumerate(plain.layers) for state in layer}
    assert dict(zip(names, graph.depth.tolist(), strict=True)) == depths
    assert graph.taken.sum() == len(triples)


@pytest.mark.parametrize(("revision", "bounds"), SMALL)
def test_labels_name_what_can_happen(revision: str, bounds: Any) -> None:
    """No two actions that can happen in one state have the same label, so a label is enough to replay a race."""
    plain = plain_search(revision, bounds)
    labels = [action.label(plain.model) for action in plain.model.actions]
    happening = Counter((source, labels[number]) for source, number, _ in plain.transitions)
    assert max(happening.values()) == 1


@pytest.mark.parametrize("revision", TYPICAL)
def test_plain_searches_take_almost_every_action(revision: str) -> None:
    """Over all small worlds together nearly every kind of action happens, so that the agreement is not vacuous."""
    taken, known = set(), set()
    for bounds in BOUNDS.values():
        plain = plain_search(revision, bounds)
        known |= {action.name for action in plain.model.actions}
        taken |= {plain.model.actions[number].name for _, number, _ in plain.transitions}
    assert known - taken <= {"cli_begin", "cli_row", "sweep_begin", "sweep_row"}


# -- predicates


def scalar(judged: Property, part: str, m: Model, subject: Any) -> Callable[[int, int], bool]:
    """Return a predicate over two packed states; all but ``step`` look at the first one only."""
    predicate = getattr(judged, part)
    if part == "step":
        return lambda before, after: bool(predicate(m, m.view(before), m.view(after), subject))
    return lambda before, after: bool(predicate(m, m.view(before), subject))


def vector(judged: Property, part: str, m: Model, subject: Any, before: World, after: World) -> list[bool]:
    """Return what the predicate says about two batches."""
    predicate = getattr(judged, part)
    said = predicate(m, before, after, subject) if part == "step" else predicate(m, before, subject)
    return as_list(said, len(before.states))


@pytest.mark.parametrize(("judged", "part"), PREDICATES)
@pytest.mark.parametrize("revision", TYPICAL)
def test_predicates_agree_on_all_transitions(revision: str, judged: Property, part: str) -> None:
    """On every transition of small worlds, a property says the same of one state and of a batch."""
    for name in ("crash", "runs", "jobs"):
        plain = plain_search(revision, BOUNDS[name])
        before, after = plain.batch(0), plain.batch(2)
        for subject in judged.subjects(plain.model):
            alone = scalar(judged, part, plain.model, subject)
            expected = [alone(source, target) for source, _, target in plain.transitions]
            assert vector(judged, part, plain.model, subject, before, after) == expected


@pytest.mark.parametrize(("judged", "part"), PREDICATES)
@given(data=st.data())
def test_predicates_agree_on_any_states(judged: Property, part: str, data: st.DataObject) -> None:
    """On pairs of states that need not be reachable, a property says the same of one state and of a batch."""
    world = data.draw(st.sampled_from(WORLDS))
    m = world.values[0]
    pairs = data.draw(st.lists(st.tuples(any_states(m), any_states(m)), min_size=1, max_size=3))
    before, after = (World(m.layout, m.layout.batch(column)) for column in zip(*pairs, strict=True))
    for subject in judged.subjects(m):
        alone = scalar(judged, part, m, subject)
        assert vector(judged, part, m, subject, before, after) == [alone(a, b) for a, b in pairs]
