"""Charts compiled into integer tables.

The compiler reads a chart through the library's public introspection only and refuses what an integer table cannot
say: eventless, delayed, multi-target or validated transitions, nested states, and guards that are not plain names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from statemachine import StateMachine

from lostproof.errors import Defect
from lostproof.lifecycles import CHARTS
from lostproof.terms import Term

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["REFUSED", "Chart", "Edge", "Table", "chart", "compile_chart"]

REFUSED = 255
"""What a table holds where the chart has no transition."""

_NOT_PLAIN = (np.ndarray, Term)


@dataclass(frozen=True)
class Edge:
    """One transition: ``event`` takes ``source`` to ``target`` if ``guard`` (a name, or None) is on."""

    source: str
    event: str
    target: str
    guard: str | None


class Table:
    """A matrix of small integers that can be asked with ints, with NumPy arrays, and with terms, and answers alike."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self.array = np.ascontiguousarray(rows, dtype=np.uint8)
        self._nested = self.array.tolist()

    def __getitem__(self, index: tuple[Any, ...]) -> Any:
        if any(isinstance(part, _NOT_PLAIN) for part in index):
            if any(isinstance(part, Term) for part in index):
                return Term("look", lambda *values: self[values], *index)
            return self.array[index]
        cell: Any = self._nested
        for part in index:
            cell = cell[part]
        return cell


@dataclass(frozen=True)
class Chart:
    """A compiled chart: its states and events in declaration order (their positions are their codes) and its edges."""

    name: str
    states: tuple[str, ...]
    events: tuple[str, ...]
    initial: str
    final: frozenset[str]
    edges: tuple[Edge, ...]
    doc: str

    @property
    def guards(self) -> tuple[str, ...]:
        """The names of the guards that a revision decides, sorted."""
        return tuple(sorted({edge.guard for edge in self.edges if edge.guard}))

    def code(self, state: str) -> int:
        """Return the integer that stands for ``state``."""
        return self.states.index(state)

    def codes(self, *states: str) -> tuple[int, ...]:
        """Return the integers that stand for ``states``."""
        return tuple(self.states.index(state) for state in states)

    def sources(self, event: str) -> tuple[str, ...]:
        """Return the states in which ``event`` can happen, guards aside."""
        return tuple(dict.fromkeys(edge.source for edge in self.edges if edge.event == event))

    def table(self, guards: Mapping[str, bool]) -> Table:
        """Return the table ``[state, event] -> state`` under ``guards``, :data:`REFUSED` where there is no transition."""
        rows = np.full((len(self.states), len(self.events)), REFUSED, dtype=np.uint8)
        for edge in self.edges:
            cell = (self.states.index(edge.source), self.events.index(edge.event))
            if rows[cell] == REFUSED and (edge.guard is None or guards[edge.guard]):
                rows[cell] = self.states.index(edge.target)
        return Table(rows)

    def graph(self) -> nx.MultiDiGraph[str]:
        """Return the chart as a graph whose edges carry ``event`` and ``guard``."""
        import networkx as nx  # slow to import, and only people look at graphs

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from(self.states)
        for edge in self.edges:
            graph.add_edge(edge.source, edge.target, key=edge.event, event=edge.event, guard=edge.guard)
        return graph


def compile_chart(machine: type[StateMachine], name: str) -> Chart:
    """Compile ``machine``.

    Raises:
        Defect: the chart uses something that a table cannot represent.
    """
    edges: list[Edge] = []
    for state in machine.states:
        if state.states or state.parallel:
            raise Defect(f"{machine.__name__}.{state.id}: nested states cannot be compiled")
        for transition in state.transitions:
            where = f"{machine.__name__}.{state.id}"
            targets = list(transition.targets or ())
            if transition.is_eventless or len(targets) != 1 or list(transition.validators):
                raise Defect(f"{where}: eventless, multi-target or validated transitions cannot be compiled")
            guards = [spec for spec in transition.cond if not spec.is_convention]
            plain = all(isinstance(g.func, str) and g.func.isidentifier() and g.expected_value for g in guards)
            if len(guards) > 1 or not plain:
                raise Defect(f"{where}: a guard must be one plain name")
            for event in transition.events:
                if event.delay:
                    raise Defect(f"{where}: delayed events cannot be compiled")
                guard = str(guards[0].func) if guards else None
                edges.append(Edge(state.id, str(event), targets[0].id, guard))
    return Chart(
        name=name,
        states=tuple(state.id for state in machine.states),
        events=tuple(dict.fromkeys(edge.event for edge in edges)),
        initial=next(state.id for state in machine.states if state.initial),
        final=frozenset(state.id for state in machine.states if state.final),
        edges=tuple(edges),
        doc=(machine.__doc__ or "").strip(),
    )


@cache
def chart(name: str) -> Chart:
    """Return the compiled chart called ``name`` (``task``, ``run`` or ``gateway``)."""
    return compile_chart(CHARTS[name], name)
