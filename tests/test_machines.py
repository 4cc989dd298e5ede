"""Random schedules agree with the explorer: what it says holds is never broken, and what is violated can be found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lostproof.bounds import Bounds
from lostproof.engine.explorer import close
from lostproof.engine.graph import build
from lostproof.engine.race import StepJudge, Violation, shortest_race, transient_violation
from lostproof.engine.stepper import apply, enabled
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property
from tests.support import TYPICAL, model

SAFETY = [judged for judged in PROPERTIES if judged.kind != "leads-to"]

HOLDING = Bounds(crashes=1, restarts=1, outcomes=2, manual=1, long_waits=0)
"""Where state machines check what holds."""

RACES: dict[str, tuple[str, Bounds]] = {
    "openclaw-2026.4.2": ("slot-runs-once", Bounds(restarts=1, outcomes=1, manual=0, agents=1)),
    "openclaw-2026.4.15": ("live-run-never-lost", Bounds(runs=1, outcomes=1, long_waits=0)),
    "openclaw-2026.5.28": ("live-run-never-closed", Bounds(runs=1, outcomes=1, restarts=1, long_waits=0)),
    "openclaw-2026.9.6": ("live-run-never-lost", Bounds(runs=1, outcomes=1, restarts=1, long_waits=0)),
    "fix-skip": ("slot-runs-once", Bounds(restarts=1, outcomes=1, manual=0, long_waits=0)),
    "fix-durable": ("live-run-never-lost", Bounds(runs=1, outcomes=1, agents=1)),
    "reference": ("row-agrees-with-truth", Bounds(runs=1, outcomes=1, crashes=1, long_waits=0)),
}
"""For each revision a safety property that it violates, and a world in which the race is short."""


@dataclass(frozen=True)
class Judged:
    """What the explorer says about the safety properties of a model: the races of those that are violated."""

    model: Model
    races: dict[str, int]

    @property
    def holding(self) -> list[Property]:
        """The safety properties that hold."""
        return [judged for judged in SAFETY if judged.id not in self.races]


@cache
def judged_by_explorer(revision: str, bounds: Bounds) -> Judged:
    """Explore a world and judge it; a race that is claimed is read back as well."""
    m = model(revision, bounds)
    judge = StepJudge(m, SAFETY)
    space = close(m)
    assert space.closed
    graph = build(space, witnesses=[judge])
    violations: dict[str, Violation] = dict(judge.best)
    for judged in SAFETY:
        found = transient_violation(graph, judged) if judged.kind == "state" else None
        if found is not None:
            violations[judged.id] = found
    races = {
        judged.id: shortest_race(graph, judged, violations[judged.id]) for judged in SAFETY if judged.id in violations
    }
    for name, race in races.items():
        assert len(race.actions) == violations[name].steps
        assert first_violation(m, race.property, list(race.states)) == violations[name].steps
    return Judged(m, {name: len(race.actions) for name, race in races.items()})


def breaks(m: Model, judged: Property, before: int, after: int) -> bool:
    """Return whether the step from ``before`` to ``after`` breaks a safety property."""
    old, new = m.view(before), m.view(after)
    if judged.step is not None:
        step = judged.step
        return any(bool(step(m, old, new, subject)) for subject in judged.subjects(m))
    assert judged.state is not None
    state = judged.state
    return any(bool(state(m, new, subject)) for subject in judged.subjects(m))


def first_violation(m: Model, judged: Property, states: list[int]) -> int | None:
    """Return the number of the first step along ``states`` (from 1) that breaks a safety property."""
    for step, (before, after) in enumerate(pairwise(states), start=1):
        if breaks(m, judged, before, after):
            return step
    return None


# -- what holds


def machine_for(judged: Judged) -> type[RuleBasedStateMachine]:
    """Return a state machine that takes any enabled action and checks what the explorer says holds."""
    m = judged.model
    steps = [known for known in judged.holding if known.kind == "step"]
    states = [known for known in judged.holding if known.kind == "state"]

    class Schedule(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.before = self.state = m.initial()

        @rule(pick=st.integers(0, 255))
        def act(self, pick: int) -> None:
            possible = enabled(m, self.state)
            if not possible:  # everything is used up: begin again
                self.before = self.state = m.initial()
                return
            self.before, self.state = self.state, apply(m, self.state, possible[pick % len(possible)])

        @invariant()
        def steps_are_safe(self) -> None:
            assert [known.id for known in steps if breaks(m, known, self.before, self.state)] == []

        @invariant()
        def states_are_safe(self) -> None:
            assert [known.id for known in states if breaks(m, known, self.before, self.state)] == []

    return Schedule


@pytest.mark.parametrize("revision", TYPICAL)
def test_no_schedule_breaks_what_holds(revision: str) -> None:
    """Whatever happens in whatever order, a safety property that the explorer says holds is not broken."""
    judged = judged_by_explorer(revision, HOLDING)
    assert judged.holding
    run_state_machine_as_test(machine_for(judged), settings=settings())


def test_the_machine_notices_what_does_not_hold() -> None:
    """A machine that takes a violated property for one that holds fails, so that its silence means something."""
    name, bounds = RACES["openclaw-2026.4.15"]
    honest = judged_by_explorer("openclaw-2026.4.15", bounds)
    assert name in honest.races
    credulous = Judged(honest.model, {known: steps for known, steps in honest.races.items() if known != name})
    with pytest.raises(AssertionError, match=name):
        run_state_machine_as_test(
            machine_for(credulous), settings=settings(max_examples=2000, phases=[Phase.generate])
        )


# -- what is violated


def schedules(length: int) -> st.SearchStrategy[list[int]]:
    """Return a strategy for schedules: which of the enabled actions happens, step by step."""
    return st.lists(st.integers(0, 15), min_size=length, max_size=length)


@pytest.mark.parametrize("revision", RACES)
def test_random_schedules_find_the_race_and_none_that_is_shorter(revision: str) -> None:
    """Hypothesis finds a schedule that breaks the property, in no fewer steps than the explorer's shortest race."""
    name, bounds = RACES[revision]
    judged = judged_by_explorer(revision, bounds)
    shortest = judged.races[name]
    m, broken = judged.model, next(known for known in SAFETY if known.id == name)
    possible, after = cache(lambda state: enabled(m, state)), cache(lambda state, number: apply(m, state, number))
    breaking = cache(lambda before, state: breaks(m, broken, before, state))

    def violating_step(picks: list[int]) -> int | None:
        state = m.initial()
        for step, pick in enumerate(picks, start=1):
            choice: list[Any] = possible(state)
            if not choice:
                return None
            before, state = state, after(state, choice[pick % len(choice)])
            if breaking(before, state):
                return step
        return None

    found = find(
        schedules(shortest + 6),
        lambda picks: violating_step(picks) is not None,
        settings=settings(max_examples=50_000, database=None),
        random=Random(0),
    )
    step = violating_step(found)
    assert step is not None
    assert shortest <= step <= shortest + 6


@pytest.mark.parametrize("revision", RACES)
def test_every_revision_has_a_race_in_its_world(revision: str) -> None:
    """The explorer finds a race for the property that the search above looks for, of a length worth looking for."""
    name, bounds = RACES[revision]
    assert judged_by_explorer(revision, bounds).races[name] >= 5
