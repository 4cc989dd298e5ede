"""Lifecycles as data for the page: where each state is drawn, and how often each edge was taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lostproof.engine.coverage import Coverage, CoverageWitness, edge_name
from lostproof.engine.explorer import Expansion
from lostproof.lifecycles import CHARTS
from lostproof.tables import Chart, chart
from lostproof.world import World

if TYPE_CHECKING:
    from lostproof.drivers.timed import Moment
    from lostproof.model import Model

__all__ = ["charts_data", "exercised"]


def charts_data(coverage: Mapping[str, Coverage]) -> list[dict[str, Any]]:
    """Return the lifecycles, with what each revision exercised of them."""
    return [_chart_data(chart(name), coverage) for name in CHARTS]


def _chart_data(drawn: Chart, coverage: Mapping[str, Coverage]) -> dict[str, Any]:
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for edge in drawn.edges:
        counted = edge_name(drawn, edge)
        counts = {name: found.edges.get(counted, 0) for name, found in coverage.items()}
        pairs.setdefault((edge.source, edge.target), []).append(
            {"event": edge.event, "guard": edge.guard, "counts": counts}
        )
    return {
        "name": drawn.name,
        "doc": " ".join(drawn.doc.split("\n\n")[0].split()),
        "initial": drawn.initial,
        "states": [
            {"name": state, "x": x, "y": y, "final": state in drawn.final} for state, (x, y) in _layout(drawn).items()
        ],
        "edges": [
            {"source": source, "target": target, "events": events}
            for (source, target), events in pairs.items() if source != target
        ],
        "loops": [{"state": source, "events": [event["event"] for event in events]}
                  for (source, target), events in pairs.items() if source == target],
    }


def _layout(drawn: Chart) -> dict[str, tuple[float, float]]:
    """Return the column of each state, and its place from the column's middle.

    A state is as far to the right as its longest way is long; where ways lead back, as its shortest.
    """
    import networkx as nx

    graph = nx.DiGraph(edge for edge in drawn.graph().edges() if edge[0] != edge[1])
    if nx.is_directed_acyclic_graph(graph):
        columns = [sorted(layer, key=drawn.code) for layer in nx.topological_generations(graph)]
    else:
        columns = [sorted(layer, key=drawn.code) for layer in nx.bfs_layers(graph, drawn.states[0])]
    places = {
        state: (position, rank - (len(column) - 1) / 2)
        for position, column in enumerate(columns) for rank, state in enumerate(column)
    }
    return {state: places[state] for state in drawn.states}


def exercised(m: Model, moments: Iterable[Moment]) -> Coverage:
    """Return what a timeline exercised, counted as an exploration counts it."""
    witness = CoverageWitness(m)
    taken: dict[int, list[Moment]] = {}
    for moment in moments:
        taken.setdefault(moment.action, []).append(moment)
    for action, group in sorted(taken.items()):
        before, after = (
            World(m.layout, m.layout.batch(states))
            for states in ([one.before for one in group], [one.after for one in group])
        )
        positions = np.arange(len(group))
        number = np.zeros(len(group), dtype=np.int32)
        witness.see(Expansion(action, positions, before, after, after.states), number, number)
    return witness.coverage
