"""What can follow a state: its closed space, what the properties come to from there, and the shortest ways to goals."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lostproof.engine.explorer import Space, close
from lostproof.engine.graph import Graph, Mask, build
from lostproof.engine.race import (
    StepJudge,
    Violation,
    avertible,
    best_state,
    fair_graph,
    lasting_violation,
    transient_violation,
    way_to,
)
from lostproof.explore.session import Session
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property

__all__ = ["Ahead", "Future", "Outlook", "TooLarge", "Way"]

KEPT = 4
"""Futures that are remembered: looking twice at the same place, or going back a step, costs nothing."""


class TooLarge(Exception):
    """What can follow has more states than the limit, so nothing certain can be said."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"inconclusive: more than {limit:,} states can follow (--max-states is the limit)")


@dataclass(frozen=True)
class Way:
    """A shortest way: the actions, and how many of them are faults."""

    actions: tuple[int, ...]
    faults: int


@dataclass(frozen=True)
class Outlook:
    """What a property comes to from some state on.

    Attributes:
        property: the property.
        kind: ``violated`` (on this path), ``stuck`` (it stays broken whatever happens), ``doomed`` (every fair
            continuation without faults and operators violates it), ``open`` (it can be violated) or ``safe`` (it cannot).
        subject: what it is, or would be, violated for.
        step: the step (from 1) at which the path violates it.
        way: the shortest way to a violation.
    """

    property: Property
    kind: str
    subject: Any = None
    step: int | None = None
    way: Way | None = None


@dataclass(frozen=True)
class Future:
    """Everything that can follow a state, as a graph whose depths count from there."""

    graph: Graph
    judge: StepJudge

    def way(self, found: Violation) -> Way:
        """Return the way to what was found."""
        model = self.graph.model
        actions, numbers = way_to(self.graph, found)
        spent = [int(model.faults_spent(model.view(self.graph.state(number)))) for number in (numbers[0], numbers[-1])]
        return Way(tuple(actions), spent[1] - spent[0])

    def way_to_state(self, *masks: Mask) -> Way | None:
        """Return the shortest way to a state of one of the masks, with the fewest faults; None if none can be reached."""
        found = best_state(self.graph, masks)
        return self.way(found) if found else None

    def way_to_violation(self, judged: Property) -> tuple[Way, Any] | None:
        """Return the shortest way to a violation, and what it is about; None if there is none.

        A leads-to property is violated where it can stay broken for ever in a fair schedule.
        """
        if judged.kind == "leads-to":
            lasting = lasting_violation(self.graph, judged)
            found = lasting.violation if lasting else None
        else:
            found = self.judge.best.get(judged.id) if judged.kind == "step" else transient_violation(self.graph, judged)
        return (self.way(found), judged.subjects(self.graph.model)[found.subject]) if found else None

    def way_to_action(self, numbers: list[int]) -> Way | None:
        """Return the shortest way to a state in which one of the actions can happen."""
        can = np.zeros(len(self.graph.states), dtype=bool)
        can[self.graph.source[np.isin(self.graph.action, numbers)]] = True
        return self.way_to_state(can)


class Ahead:
    """Looks ahead in one world, lazily, up to some number of states; ``say`` is told how far the exploration is."""

    def __init__(self, model: Model, max_states: int) -> None:
        self.model = model
        self.limit = max_states
        self.say: Callable[[str], None] | None = None
        self._futures: OrderedDict[int, Future] = OrderedDict()

    def future(self, state: int) -> Future:
        """Return what can follow ``state``.

        Raises:
            TooLarge: it has more states than the limit.
        """
        if state not in self._futures:
            space = close(self.model, initial=[state], max_states=self.limit, on_layer=self._tell)
            if not space.closed:
                raise TooLarge(self.limit)
            judge = StepJudge(self.model, PROPERTIES)
            self._futures[state] = Future(build(space, witnesses=[judge]), judge)
            if len(self._futures) > KEPT:
                self._futures.popitem(last=False)
        self._futures.move_to_end(state)
        return self._futures[state]

    def _tell(self, space: Space) -> None:
        if self.say:
            self.say(f"looking ahead: {space.depth} steps, {space.count:,} states")

    def outlook(self, session: Session) -> list[Outlook]:
        """Return what every property comes to from the session's state on.

        Raises:
            TooLarge: what can follow has more states than the limit.
        """
        future = self.future(session.state)
        fair = fair_graph(self.model, [session.state], self.limit)
        if fair is None:
            raise TooLarge(self.limit)
        return [self._outlook(judged, session, future, fair) for judged in PROPERTIES]

    def _outlook(self, judged: Property, session: Session, future: Future, fair: Graph) -> Outlook:
        if judged.id in session.broken:
            step, subject = session.broken[judged.id]
            return Outlook(judged, "violated", subject, step)
        for subject in judged.subjects(self.model):
            if judged.kind == "leads-to" and _never_met(future.graph, judged, session.state, subject):
                return Outlook(judged, "stuck", subject)
            if not avertible(fair, judged, subject)[fair.number(session.state)]:
                return Outlook(judged, "doomed", subject)
        found = future.way_to_violation(judged)
        return Outlook(judged, "open", found[1], way=found[0]) if found else Outlook(judged, "safe")

    def doomed(self, state: int, limit: int) -> set[tuple[str, Any]] | None:
        """Return the properties, with their subjects, that every fair continuation without faults violates.

        None if more than ``limit`` states can follow.
        """
        fair = fair_graph(self.model, [state], limit)
        if fair is None:
            return None
        here = fair.number(state)
        return {
            (judged.id, subject) for judged in PROPERTIES for subject in judged.subjects(self.model)
            if not avertible(fair, judged, subject)[here]
        }


def _never_met(graph: Graph, judged: Property, state: int, subject: Any) -> bool:
    """Return whether the premise of a leads-to property holds and its goal cannot be met any more, whatever happens."""
    assert judged.premise is not None and judged.goal is not None
    premise, goal, model = judged.premise, judged.goal, graph.model
    if not premise(model, model.view(state), subject):
        return False
    return not graph.holds(lambda w: goal(model, w, subject)).any()
