"""The charts: live machines and compiled tables say the same, and what a table cannot say is refused."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import networkx as nx
import pytest
from statemachine import Event, State, StateMachine
from statemachine.exceptions import TransitionNotAllowed
from statemachine.transition import Transition
from statemachine.transition_list import TransitionList

from lostproof.errors import Defect
from lostproof.lifecycles import CHARTS
from lostproof.revisions import REVISIONS, Revision, Section
from lostproof.tables import REFUSED, chart, compile_chart

VALUATIONS = [
    pytest.param(name, dict(zip(chart(name).guards, values, strict=True)), id=f"{name}-{'-'.join(map(str, values))}")
    for name in CHARTS
    for values in product((False, True), repeat=len(chart(name).guards))
]
"""Every chart under every valuation of its guards."""

STATES = [(name, state) for name in CHARTS for state in chart(name).states]


def drive(name: str, guards: dict[str, bool], source: str, event: str) -> str | None:
    """Return the state in which the live machine is after ``event`` in ``source``, None if it refuses."""
    machine = CHARTS[name](model=SimpleNamespace(**guards), start_value=source)
    refused = False
    try:
        machine.send(event)
    except TransitionNotAllowed:
        refused = True
    (state,) = machine.configuration
    assert not refused or state.id == source
    return None if refused else state.id


@pytest.mark.parametrize(("name", "guards"), VALUATIONS)
def test_live_machine_does_what_the_table_says(name: str, guards: dict[str, bool]) -> None:
    """Through every (state, event) pair the live machine goes where the table says, and refuses what it refuses."""
    compiled = chart(name)
    table = compiled.table(guards)
    for source, event in product(compiled.states, compiled.events):
        expected = table[compiled.code(source), compiled.events.index(event)]
        reached = drive(name, guards, source, event)
        assert (REFUSED if reached is None else compiled.code(reached)) == expected, (source, event)


@pytest.mark.parametrize("name", CHARTS)
def test_compiled_chart_has_the_machine_s_states_and_events(name: str) -> None:
    """States, events, the initial state and the final states are those that a fresh machine shows."""
    compiled = chart(name)
    machine = CHARTS[name](model=SimpleNamespace(**dict.fromkeys(compiled.guards, True)))
    assert [state.id for state in machine.configuration] == [compiled.initial]
    assert compiled.states == tuple(state.id for state in machine.states)
    assert sorted(compiled.events) == sorted(event.id for event in machine.events)
    assert compiled.final == {state.id for state in machine.states if state.final}


def test_unknown_event_is_refused() -> None:
    """A machine refuses an event that the chart does not have, so that a misspelt one cannot pass unseen."""
    assert drive("gateway", {}, "running", "no_such_event") is None


@pytest.mark.parametrize("revision", REVISIONS.values(), ids=REVISIONS)
def test_revision_values_every_guard(revision: Revision) -> None:
    """A revision decides exactly the guards that the charts name."""
    assert set(revision.guards) == {guard for name in CHARTS for guard in chart(name).guards}


@pytest.mark.parametrize(("name", "state"), STATES)
def test_every_state_is_reachable(name: str, state: str) -> None:
    """No state of a chart is dead: each can be reached from the initial one whatever the guards say."""
    graph = chart(name).graph()
    unguarded = nx.MultiDiGraph((a, b) for a, b, guard in graph.edges(data="guard") if guard is None)
    assert nx.has_path(unguarded, chart(name).initial, state)


@pytest.mark.parametrize("name", CHARTS)
def test_final_states_have_no_way_out(name: str) -> None:
    """Exactly the final states of a chart have no edge to another state, unless the chart has no final states."""
    compiled = chart(name)
    stuck = {state for state in compiled.states if not set(compiled.graph().successors(state)) - {state}}
    assert stuck == compiled.final


# -- write orders

ORDERS = [
    pytest.param(revision, path, id=f"{revision.name}-{path}")
    for revision in REVISIONS.values()
    for path in revision.write_orders
]


@pytest.mark.parametrize(("revision", "path"), ORDERS)
def test_write_order_follows_the_chart(revision: Revision, path: str) -> None:
    """A write order is a path of the run chart, from its initial state to its settled one."""
    graph = chart("run").graph()
    states = revision.states(path)
    for before, section, after in zip(states, revision.write_orders[path], states[1:], strict=False):
        assert graph.has_edge(before, after, key=section.event)
    assert (states[0], states[-1]) == (chart("run").initial, "settled")
    assert len(states) == len(revision.write_orders[path]) + 1


@pytest.mark.parametrize("order", [(Section("begin"),), (Section("reserve"), Section("settle")), (Section("no_such"),)])
def test_write_order_off_the_chart_is_a_defect(order: tuple[Section, ...]) -> None:
    """A revision whose write order takes an edge that the chart does not have cannot be made."""
    with pytest.raises(Defect, match="no such edge"):
        REVISIONS["reference"].but("broken", "off the chart", timer=order)


# -- what the compiler refuses


class Eventless(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    a.to(b)


class Validated(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, validators="check")


class Negated(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, unless="closed")


class Callable(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond=lambda: True)


class TwoGuards(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond=["one", "two"])


class Conjunction(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond="one and two")


class NegatedExpression(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond="not closed")


class Comparison(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond="count > 3")


class Delayed(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = Event(a.to(b), delay=100)


class Nested(StateMachine):
    class outer(State.Compound, initial=True):
        one = State(initial=True)
        two = State(final=True)
        step = one.to(two)

    b = State(final=True)
    go = outer.to(b)


class MultiTarget(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    c = State(final=True)
    go = TransitionList([Transition(a, [b, c])])
    a.transitions.add_transitions(go)
    other = a.to(b) | a.to(c)


REFUSALS = {
    Eventless: "eventless", Validated: "validated", MultiTarget: "multi-target", Nested: "nested", Delayed: "delayed",
    Negated: "plain name", Callable: "plain name", TwoGuards: "plain name", Conjunction: "plain name",
    NegatedExpression: "plain name", Comparison: "plain name",
}


@pytest.mark.parametrize(("machine", "reason"), REFUSALS.items(), ids=[m.__name__ for m in REFUSALS])
def test_compiler_refuses_what_a_table_cannot_say(machine: type[StateMachine], reason: str) -> None:
    """A chart that uses more than plain, guarded, single-target transitions is a defect, and the error says why."""
    with pytest.raises(Defect, match=reason):
        compile_chart(machine, "broken")
