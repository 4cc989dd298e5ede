"""Races: they replay, they are shortest, they happen in time, and the point of no return is where it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest

from lostproof.bounds import PRESETS, Slice
from lostproof.drivers import concrete as timing
from lostproof.drivers.concrete import TimedRace, concrete
from lostproof.drivers.timed import AGING, Timed
from lostproof.engine.race import Race
from lostproof.engine.stepper import apply, enabled, is_enabled
from lostproof.engine.verdicts import check, explore, timed_race
from lostproof.errors import Defect
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property
from lostproof.revisions import Constants, revision
from tests.support import BOUNDS, TYPICAL, plain_search

WORLDS = {
    **{f"smoke-{part.name}": part.bounds for part in PRESETS["smoke"]},
    "runs": BOUNDS["runs"],
    "restart": BOUNDS["restart"],
    "store": BOUNDS["store"],
}

Edge = tuple[int, int, int]

in_every_world = pytest.mark.parametrize(
    ("name", "world"), [pytest.param(name, world, id=f"{name}-{world}") for name in TYPICAL for world in WORLDS]
)


@cache
def races(name: str, world: str) -> list[TimedRace]:
    """Return the race against every property that a revision violates in a small world."""
    report = explore(revision(name), Slice(world, WORLDS[world]), PROPERTIES)
    return [timed_race(revision(name), report, judged) for judged in PROPERTIES if judged.id in report.races]


def breaks(m: Model, judged: Property, before: int, after: int, subject: Any) -> bool:
    """Return whether a transition breaks a step or state property."""
    if judged.step is not None:
        return bool(judged.step(m, m.view(before), m.view(after), subject))
    assert judged.state is not None
    return bool(judged.state(m, m.view(after), subject))


def lasting(race: Race) -> bool:
    """Return whether a race is against a leads-to property."""
    return race.property.kind == "leads-to"


# -- the schedule


@in_every_world
def test_races_replay_step_by_step(name: str, world: str) -> None:
    """Every action of a race can happen where it does, and leads from one of its states to the next."""
    for timed in races(name, world):
        race = timed.race
        assert race.states[0] == race.model.initial()
        assert len(race.states) == len(race.actions) + 1
        for (before, after), number in zip(pairwise(race.states), race.actions, strict=True):
            assert is_enabled(race.model, before, number)
            assert apply(race.model, before, number) == after


@in_every_world
def test_the_last_step_is_the_first_violation(name: str, world: str) -> None:
    """A race against a step or state property ends with the step that breaks it, and no earlier step does."""
    for timed in races(name, world):
        race = timed.race
        if not lasting(race):
            assert race.steps == len(race.actions)
            broken = [
                step for step, (before, after) in enumerate(pairwise(race.states), start=1)
                if breaks(race.model, race.property, before, after, race.subject)
            ]
            assert broken == [race.steps]


@in_every_world
def test_races_are_shortest_and_have_the_fewest_faults(name: str, world: str) -> None:
    """A plain search finds no shorter violation, none as short with fewer faults, and none of what is said to hold."""
    plain = plain_search(name, WORLDS[world])
    m, found = plain.model, {timed.race.property.id: timed.race for timed in races(name, world)}
    depths = {state: depth for depth, layer in enumerate(plain.layers) for state in layer}
    for judged in PROPERTIES:
        if judged.kind == "leads-to":
            best = min(
                ((depths[state], int(m.faults_spent(m.view(state)))) for subject in judged.subjects(m)
                 for state in doomed_for_ever(name, world, judged, subject)),
                default=None,
            )
        else:
            best = min(
                ((depths[before] + 1, int(m.faults_spent(m.view(after)))) for before, _, after in plain.transitions
                 if any(breaks(m, judged, before, after, subject) for subject in judged.subjects(m))),
                default=None,
            )
        race = found.get(judged.id)
        assert best == (race and (race.steps, int(m.faults_spent(m.view(race.states[race.steps])))))
        assert race is None or (race.violation.steps, race.violation.faults) == best


# -- fairness, with sets and networkx


def fair_core(edges: Iterable[Edge], fair: set[int], within: set[int], usable: Callable[[Edge], bool]) -> set[int]:
    """Return the states of ``within`` in which a strongly fair schedule over usable edges can stay for ever."""
    can: dict[int, set[int]] = defaultdict(set)
    by_source: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge[1] in fair and edge[0] in within:
            can[edge[0]].add(edge[1])
        if edge[0] in within and usable(edge):
            by_source[edge[0]].append(edge)
    core: set[int] = set()
    todo = [within]
    while todo:
        states = todo.pop()
        graph = nx.DiGraph((s, t) for state in states for s, _, t in by_source[state] if t in states)
        graph.add_nodes_from(states)
        for component in nx.strongly_connected_components(graph):
            taken = {number for state in component for _, number, t in by_source[state] if t in component}
            bad = set().union(*(can[state] for state in component)) - taken
            if not bad:
                core |= component
            elif rest := {state for state in component if not can[state] & bad}:
                todo.append(rest)
    return core


@cache
def doomed_for_ever(name: str, world: str, judged: Property, subject: Any) -> set[int]:
    """Return the states in which the premise holds and a fair schedule without faults never meets the goal."""
    plain = plain_search(name, WORLDS[world])
    m, premise, goal = plain.model, judged.premise, judged.goal
    assert premise is not None and goal is not None
    unmet = {state for layer in plain.layers for state in layer if not goal(m, m.view(state), subject)}
    fair = {number for number, action in enumerate(m.actions) if action.fair}
    core = fair_core(plain.transitions, fair, unmet, lambda edge: edge[2] in unmet)
    ways = [edge for edge in plain.transitions if edge[0] in unmet and edge[2] in unmet and edge[1] in fair]
    return {state for state in reaching(ways, core) if premise(m, m.view(state), subject)}


def reaching(edges: Iterable[Edge], goal: set[int]) -> set[int]:
    """Return the states from which ``edges`` lead to any state of ``goal``."""
    backward: dict[int, list[int]] = defaultdict(list)
    for source, _, target in edges:
        backward[target].append(source)
    found, todo = set(goal), list(goal)
    while todo:
        new = set(backward[todo.pop()]) - found
        found |= new
        todo += new
    return found


def closure(m: Model, initial: Iterable[int]) -> list[Edge]:
    """Return every transition that can follow without faults and operators."""
    seen, edges = set(initial), []
    todo = list(seen)
    while todo:
        state = todo.pop()
        for number in enabled(m, state):
            if m.actions[number].fair:
                target = apply(m, state, number)
                edges.append((state, number, target))
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
    return edges


def averting(race: Race) -> set[int]:
    """Return the states from which some fair, fault-free continuation never comes to the violation."""
    m, judged, subject = race.model, race.property, race.subject
    edges = closure(m, race.states)
    states = set(race.states).union(target for _, _, target in edges)
    safe = states
    if judged.state is not None:
        safe = {state for state in states if not judged.state(m, m.view(state), subject)}
    harmless = {edge for edge in edges if not breaks(m, judged, edge[0], edge[2], subject)}
    fair = {number for number, action in enumerate(m.actions) if action.fair}
    return reaching(harmless, fair_core(edges, fair, safe, harmless.__contains__)) & safe


@in_every_world
def test_the_point_of_no_return_is_where_nothing_averts_any_more(name: str, world: str) -> None:
    """Before the point of no return some fair continuation averts the violation; from there to the violation none."""
    for timed in races(name, world):
        race = timed.race
        if not lasting(race):
            averted = averting(race)
            hopeful = [state in averted for state in race.states[: race.steps]]
            point = race.point_of_no_return
            assert 1 <= point <= race.steps
            assert hopeful[point - 1]
            assert not any(hopeful[point:])
            assert race.doomed == (point < race.steps)


@in_every_world
def test_lasting_races_go_on_fairly_and_never_meet_the_goal(name: str, world: str) -> None:
    """The premise holds at the end of the stem; from there on nothing unfair happens, the goal fails, and stays so."""
    for timed in races(name, world):
        race = timed.race
        if lasting(race):
            m, premise, goal = race.model, race.property.premise, race.property.goal
            assert premise is not None and goal is not None
            assert premise(m, m.view(race.states[race.steps]), race.subject)
            assert not any(goal(m, m.view(state), race.subject) for state in race.states[race.steps :])
            assert all(m.actions[number].fair for number in race.actions[race.steps :])
            edges = closure(m, [race.states[-1]])
            states = {race.states[-1]}.union(target for _, _, target in edges)
            unmet = {state for state in states if not goal(m, m.view(state), race.subject)}
            fair = {number for _, number, _ in edges}
            assert race.states[-1] in fair_core(edges, fair, unmet, lambda edge, unmet=unmet: edge[2] in unmet)


def test_the_worlds_show_every_kind_of_race() -> None:
    """The checks above are not vacuous: there are doomed races, late ones, and lasting ones with a continuation."""
    everything = [timed.race for name in TYPICAL for world in WORLDS for timed in races(name, world)]
    assert {race.property.kind for race in everything} == {"step", "state", "leads-to"}
    assert {race.doomed for race in everything if not lasting(race)} == {True, False}
    assert any(len(race.actions) > race.steps for race in everything if lasting(race))


# -- in time


@in_every_world
def test_races_happen_in_time(name: str, world: str) -> None:
    """A race's moments never go backwards, replay in a fresh simulator, and end in the violation."""
    for timed in races(name, world):
        moments, race = timed.moments, timed.race
        assert [moment.at_ms for moment in moments] == sorted(moment.at_ms for moment in moments)
        assert all(before.after == after.before for before, after in pairwise(moments))
        sim = Timed(race.model)
        for moment in moments:
            if race.model.actions[moment.action].name not in AGING:
                sim.do(moment.action, moment.at_ms)
        sim.advance(moments[-1].at_ms)
        assert tuple(sim.trace) == moments
        assert timing.reproduces(race, sim)
        point = timed.point_of_no_return
        assert (point is None) == (lasting(race) and not race.doomed)
        assert point is None or 1 <= point <= len(moments)
        if not lasting(race):
            named = [(race.property.id, race.subject) in moment.broken for moment in moments]
            assert named == [False] * (len(moments) - 1) + [True]
            assert timed.steps == len(moments)


# -- what is never returned


def offline_race() -> Race:
    """Return a race in which an offline pass writes over a row that its run has closed meanwhile."""
    found = races("openclaw-2026.4.15", "smoke-offline")
    return next(timed.race for timed in found if timed.race.property.id == "completed-run-never-lost")


def test_slow_steps_are_taken_faster_where_time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the usual latencies leave the window of an offline pass, the race is timed without them."""
    monkeypatch.setitem(timing.LATENCY_MS, "cli_row", 60_001)
    timed = concrete(offline_race())
    assert timed.moments[-1].broken
    assert timed.moments[-1].at_ms == timed.moments[-2].at_ms


def test_a_race_that_time_forbids_is_a_defect() -> None:
    """A schedule of the model for which no timing exists is never returned: it is a defect of the model."""
    hurried = revision("openclaw-2026.4.15").but("hurried", "", constants=Constants(offline_pass_ms=-1))
    with pytest.raises(Defect, match=r"hurried: a race against .* does not replay in time .*would have to happen by"):
        check(hurried, "offline_passes=1,runs=1,outcomes=1", ["completed-run-never-lost"])


def test_a_schedule_without_the_violation_is_a_defect() -> None:
    """A schedule that can happen but breaks nothing is not returned as a race either."""
    race = offline_race()
    harmless = Race(race.model, race.property, race.subject, race.actions[:-1], race.states[:-1], race.violation)
    with pytest.raises(Defect, match="the violation does not occur"):
        concrete(harmless)


def test_a_schedule_with_a_step_that_cannot_happen_is_a_defect() -> None:
    """A schedule with a step that its state does not allow is not returned as a race."""
    race = offline_race()
    broken = Race(race.model, race.property, race.subject, race.actions[1:], race.states[1:], race.violation)
    with pytest.raises(Defect, match="cannot happen in this state"):
        concrete(broken)
