"""What goes wrong around the product, switched on: one state and a batch go the same way, and races replay in time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lostproof.bounds import Bounds, Slice
from lostproof.engine.explorer import close, expand
from lostproof.engine.graph import build
from lostproof.engine.stepper import apply, enabled
from lostproof.engine.verdicts import explore, timed_race
from lostproof.model import Model
from lostproof.properties import PROPERTIES
from lostproof.revisions import REVISIONS
from tests.support import any_states, ints, model, plain_search

WILD: dict[str, Bounds] = {
    "clock": Bounds(runs=1, outcomes=1, clock_steps=2),
    "reads": Bounds(runs=1, outcomes=1, crashes=1, read_faults=1),
    "reads-store": Bounds(runs=1, outcomes=1, offline_passes=1, store_faults=1, read_faults=1, manual=0),
    "retention": Bounds(runs=1, outcomes=1, crashes=1, store_faults=1, retention=1),
    "retention-agents": Bounds(runs=1, outcomes=1, agents=1, retention=1),
    "limit": Bounds(jobs=2, runs=1, outcomes=1, manual=0, long_waits=0, crashes=1, catch_up_limit=1),
}
"""Small worlds, each with one of the features on."""

SMALL = [
    pytest.param(revision, bounds, id=f"{revision}-{name}") for revision in REVISIONS for name, bounds in WILD.items()
]


@pytest.mark.parametrize(("revision", "bounds"), SMALL)
def test_both_engines_find_the_same_space(revision: str, bounds: Bounds) -> None:
    """Layer by layer and transition by transition the explorer finds what a search one by one finds."""
    plain = plain_search(revision, bounds)
    space = close(plain.model)
    assert ints(plain.model, space.layers) == [set(layer) for layer in plain.layers]
    graph = build(space)
    names = plain.model.layout.ints(graph.states)
    edges = zip(graph.source.tolist(), graph.action.tolist(), graph.target.tolist(), strict=True)
    assert {(names[source], number, names[target]) for source, number, target in edges} == set(plain.transitions)


@pytest.mark.parametrize(("revision", "bounds"), SMALL)
def test_every_violation_replays_in_time(revision: str, bounds: Bounds) -> None:
    """Each race that is found with the feature on gets moments at which it happens in the timed simulator."""
    report = explore(REVISIONS[revision], Slice("wild", bounds), PROPERTIES)
    for judged in PROPERTIES:
        if judged.id in report.races:
            assert timed_race(REVISIONS[revision], report, judged).moments
    if revision == "reference":
        assert set(report.races) <= set(REVISIONS[revision].accepts)


def both(m: Model, states: list[int]) -> tuple[set[Any], set[Any]]:
    """Return the transitions from ``states`` as the scalar stepper has them, and as the explorer has them."""
    alone = {(i, number, apply(m, state, number)) for i, state in enumerate(states) for number in enabled(m, state)}
    together = {
        (int(position), expansion.action, after)
        for expansion in expand(m, m.layout.batch(states))
        for position, after in zip(expansion.positions, m.layout.ints(expansion.states), strict=True)
    }
    return alone, together


@pytest.mark.parametrize("revision", REVISIONS)
@settings(max_examples=25)
@given(data=st.data())
def test_steps_agree_on_any_states(revision: str, data: st.DataObject) -> None:
    """With all features on, and on states that need not be reachable, both engines do the same."""
    m = model(revision, EVERYTHING)
    alone, together = both(m, data.draw(st.lists(any_states(m), min_size=1, max_size=2)))
    assert alone == together


EVERYTHING = Bounds(crashes=1, restarts=1, store_faults=1, clock_steps=2, read_faults=2, retention=1)
"""A world with all of it at once."""
