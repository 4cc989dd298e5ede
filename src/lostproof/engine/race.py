"""Races: shortest schedules read back from the graph, and the step after which nothing can avert the violation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.engine.explorer import Expansion, close
from lostproof.engine.graph import Graph, build, distance_to, fair_core
from lostproof.model import Model
from lostproof.properties import Property
from lostproof.world import World

__all__ = [
    "Lasting",
    "Race",
    "StepJudge",
    "Violation",
    "avertible",
    "best_state",
    "fair_graph",
    "lasting_violation",
    "shortest_race",
    "transient_violation",
    "way_to",
    "why",
    "with_point_of_no_return",
]


@dataclass(frozen=True, order=True)
class Violation:
    """Where a property is first broken. Ordered by what makes a race better: fewer steps, faults, and coincidences.

    Attributes:
        steps: length of the race.
        faults: budgeted faults in it.
        coincidences: runs that start in the millisecond of their reservation.
        action: number of the violating action (``step`` properties), else -1.
        state: number of the state before that action, or of the violating state itself.
        subject: position in the property's subjects.
    """

    steps: int
    faults: int
    coincidences: int
    action: int
    state: int
    subject: int


@dataclass(frozen=True)
class Race:
    """A schedule that violates a property.

    Attributes:
        model: the model it is a schedule of.
        property: the property.
        subject: the run, job or slot for which it is broken.
        actions: numbers of the actions, in order.
        states: packed states, from the initial one on; one more than there are actions.
        violation: where it is broken.
        doomed: whether, for a lasting violation, no fair, fault-free continuation of its last state averts it any more.
        point_of_no_return: the first step (from 1) after which every fair, fault-free continuation ends in the violation.
    """

    model: Model
    property: Property
    subject: Any
    actions: tuple[int, ...]
    states: tuple[int, ...]
    violation: Violation
    point_of_no_return: int = 0
    doomed: bool = False

    @cached_property
    def steps(self) -> int:
        """Length of the race proper; the actions after it are the continuation in which a leads-to property stays broken."""
        return self.violation.steps

    @cached_property
    def because(self) -> str:
        """Why the property is false in it, in words."""
        return why(self.model, self.property, self.subject)

    @cached_property
    def faults(self) -> int:
        """How many budgeted faults happen in it."""
        return int(self.model.faults_spent(self.model.view(self.states[-1])))


def why(model: Model, judged: Property, subject: Any) -> str:
    """Return why a property that is broken for ``subject`` is so, in words."""
    return judged.because.format(it=judged.name_of(model, subject))


class StepJudge:
    """Finds, for each step property, the best violating transition while the graph is built."""

    def __init__(self, model: Model, properties: Sequence[Property]) -> None:
        self._model = model
        self._properties = [p for p in properties if p.step is not None]
        self.best: dict[str, Violation] = {}

    def see(self, expansion: Expansion, source: NDArray[np.int32], depth: NDArray[np.int32]) -> None:
        """Judge what one action does to a batch."""
        for judged in self._properties:
            if not expansion.after.touches(judged.breakable_by):
                continue
            assert judged.step is not None
            for position, subject in enumerate(judged.subjects(self._model)):
                broken = judged.step(self._model, expansion.before, expansion.after, subject)
                if isinstance(broken, np.ndarray) and broken.any():
                    self._offer(judged, position, expansion, source, depth, np.flatnonzero(broken))

    def _offer(
        self, judged: Property, subject: int, expansion: Expansion, source: NDArray[np.int32],
        depth: NDArray[np.int32], hits: NDArray[np.intp],
    ) -> None:
        best = self.best.get(judged.id)
        steps = int(depth[hits].min()) + 1
        if best is not None and steps > best.steps:
            return
        hits = hits[depth[hits] == steps - 1]
        faults, coincidences, chosen = _simplest(self._model, expansion.after, hits, len(source))
        found = Violation(steps, faults, coincidences, expansion.action, int(source[chosen].min()), subject)
        if best is None or found < best:
            self.best[judged.id] = found


def transient_violation(graph: Graph, judged: Property) -> Violation | None:
    """Return the best state that breaks a state property."""
    assert judged.state is not None
    predicate = judged.state
    return best_state(
        graph,
        [
            graph.holds(lambda w, subject=subject: predicate(graph.model, w, subject))
            for subject in judged.subjects(graph.model)
        ],
    )


@dataclass(frozen=True)
class Lasting:
    """How a leads-to property is broken: a state from which it can stay broken, and for every state the way to there."""

    violation: Violation
    distance: NDArray[np.int32]
    unmet: NDArray[np.bool_]


def lasting_violation(graph: Graph, judged: Property) -> Lasting | None:
    """Return the best way to break a leads-to property.

    The race is as short as it takes to reach a state in which the premise holds, the goal does not, and some fair
    schedule without further faults never meets it; the way into the states where that schedule stays is its continuation.
    """
    assert judged.premise is not None and judged.goal is not None
    premise, goal, model = judged.premise, judged.goal, graph.model
    part, core = graph.resting
    found: list[Lasting] = []
    for position, subject in enumerate(judged.subjects(model)):
        unmet_core = core & ~part.holds(lambda w, subject=subject: goal(model, w, subject))
        stuck = fair_core(part, unmet_core) if unmet_core.any() else unmet_core
        if not stuck.any():
            continue
        unmet = ~graph.holds(lambda w, subject=subject: goal(model, w, subject))
        resting = np.zeros(len(graph.states), dtype=bool)
        resting[np.searchsorted(graph.states, part.states[stuck])] = True
        distance = distance_to(graph, resting, graph.fair[graph.action] & unmet[graph.source] & unmet[graph.target])
        lasting = (distance >= 0) & graph.holds(lambda w, subject=subject: premise(model, w, subject))
        best = best_state(graph, [lasting])
        if best is not None:
            found.append(Lasting(replace(best, subject=position), distance, unmet))
    return min(found, key=lambda one: one.violation, default=None)


def best_state(graph: Graph, broken: Sequence[NDArray[np.bool_]]) -> Violation | None:
    """Return the best of the states that one of the masks ``broken`` holds: shallow, few faults, few coincidences."""
    found: list[Violation] = []
    for subject, mask in enumerate(broken):
        numbers = np.flatnonzero(mask)
        if not len(numbers):
            continue
        steps = int(graph.depth[numbers].min())
        numbers = numbers[graph.depth[numbers] == steps]
        view = graph.view(0, len(graph.states)).take(numbers)
        faults, coincidences, chosen = _simplest(graph.model, view, np.arange(len(numbers)), len(numbers))
        found.append(Violation(steps, faults, coincidences, -1, int(numbers[chosen].min()), subject))
    return min(found, default=None)


def _simplest(model: Model, view: World, among: NDArray[np.intp], count: int) -> tuple[int, int, NDArray[np.intp]]:
    """Return the fewest faults, the fewest coincidences with them, and the states ``among`` those of ``view`` with both."""
    faults = np.broadcast_to(model.faults_spent(view), count)[among]
    among = among[faults == faults.min()]
    coincidences = np.broadcast_to(model.coincidences(view), count)[among]
    return int(faults.min()), int(coincidences.min()), among[coincidences == coincidences.min()]


def shortest_race(graph: Graph, judged: Property, violation: Violation, lasting: Lasting | None = None) -> Race:
    """Return the race that leads to ``violation``, read back from the graph, with its continuation if it has one."""
    actions, states = way_to(graph, violation)
    if lasting is not None:
        _continue(graph, lasting, actions, states)
    return Race(
        graph.model, judged, judged.subjects(graph.model)[violation.subject],
        tuple(actions), tuple(graph.state(state) for state in states), violation,
    )


def way_to(graph: Graph, violation: Violation) -> tuple[list[int], list[int]]:
    """Return the actions that lead to ``violation``, and the numbers of the states on the way, read back from the graph."""
    actions: list[int] = []
    states: list[int] = []
    number = violation.state
    if violation.action >= 0:
        edge = np.flatnonzero((graph.source == number) & (graph.action == violation.action))[0]
        actions.append(violation.action)
        states.append(int(graph.target[edge]))
    while graph.depth[number] > 0:
        states.append(number)
        incoming = np.flatnonzero(graph.target == number)
        incoming = incoming[graph.depth[graph.source[incoming]] == graph.depth[number] - 1]
        best = incoming[np.lexsort((graph.source[incoming], graph.action[incoming]))[0]]
        actions.append(int(graph.action[best]))
        number = int(graph.source[best])
    states.append(number)
    actions.reverse()
    states.reverse()
    return actions, states


def _continue(graph: Graph, lasting: Lasting, actions: list[int], states: list[int]) -> None:
    """Append the shortest way from the last state to where a fair schedule stays for ever without meeting the goal."""
    number = states[-1]
    while lasting.distance[number] > 0:
        outgoing = np.flatnonzero(graph.source == number)
        targets = graph.target[outgoing]
        nearer = lasting.unmet[targets] & graph.fair[graph.action[outgoing]]
        nearer &= lasting.distance[targets] == lasting.distance[number] - 1
        best = outgoing[nearer][np.argmin(graph.action[outgoing[nearer]])]
        actions.append(int(graph.action[best]))
        number = int(graph.target[best])
        states.append(number)


def fair_graph(model: Model, states: Sequence[int], max_states: int | None = None) -> Graph | None:
    """Return the graph of all that can follow ``states`` without faults and without an operator.

    None if it has more than ``max_states`` states.
    """
    fair = [number for number, action in enumerate(model.actions) if action.fair]
    space = close(model, initial=states, actions=fair, max_states=max_states)
    return build(space, fair) if space.closed else None


def avertible(graph: Graph, judged: Property, subject: Any) -> NDArray[np.bool_]:
    """Return the states of a fair graph from which some fair schedule avoids the violation, or ends it."""
    model = graph.model
    allowed = np.ones(len(graph.source), dtype=bool)
    if judged.step is not None:
        broken = judged.step(
            model, graph.view(0, len(graph.states)).take(graph.source),
            graph.view(0, len(graph.states)).take(graph.target), subject,
        )
        allowed &= ~np.broadcast_to(broken, allowed.shape)
        safe = np.ones(len(graph.states), dtype=bool)
    elif judged.state is not None:
        predicate = judged.state
        safe = ~graph.holds(lambda w: predicate(model, w, subject))
        allowed &= safe[graph.target]
    else:
        assert judged.premise is not None and judged.goal is not None
        premise, goal = judged.premise, judged.goal
        safe = graph.holds(lambda w: (premise(model, w, subject) == 0) | goal(model, w, subject))
    averted = distance_to(graph, fair_core(graph, safe, allowed), allowed) >= 0
    if judged.kind == "state":
        averted &= safe
    return averted


def with_point_of_no_return(race: Race) -> Race:
    """Return ``race`` with its point of no return.

    Everything that can follow a state of the race without faults and without an operator is explored; a state is doomed
    if no fair schedule from it avoids the violation.
    """
    graph = fair_graph(race.model, race.states)
    assert graph is not None
    averted = avertible(graph, race.property, race.subject)
    before = race.states[:-1] if race.property.kind != "leads-to" else race.states
    point = len(race.actions)
    for position in reversed(range(len(before))):
        if averted[graph.number(before[position])]:
            break
        point = position
    return replace(race, point_of_no_return=point, doomed=not averted[graph.number(before[-1])])
