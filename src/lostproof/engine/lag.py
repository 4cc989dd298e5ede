"""How long an orphan waits: the bounded reading of ``vanished-run-is-closed``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lostproof.engine.graph import Graph
from lostproof.properties import property_named

__all__ = ["UNBOUNDED", "worst_sweeps"]

UNBOUNDED = -1
PATIENCE = 16
"""More sweeps than this in a row can only come from a cycle of a space as small as ours."""


def worst_sweeps(graph: Graph) -> int:
    """Return the worst number of sweeps that look at the expired row of a vanished run and leave it, or UNBOUNDED.

    A newer run of the same job can mask an orphan for as long as it works, which no number bounds.
    """
    vanished = property_named("vanished-run-is-closed")
    assert vanished.premise is not None and vanished.goal is not None
    premise, goal, model = vanished.premise, vanished.goal, graph.model
    worst = 0
    for k in model.runs:
        unmet = graph.holds(lambda w, k=k: premise(model, w, k) & (goal(model, w, k) == 0) & (w.expired[k] == 1))
        looks = [n for n, a in enumerate(model.actions) if a.name == "sweep_row" and a.get("run") == k]
        inside = np.flatnonzero(unmet[graph.source] & unmet[graph.target])
        count = _longest(graph, inside, np.isin(graph.action[inside], looks), unmet)
        if count == UNBOUNDED:
            return UNBOUNDED
        worst = max(worst, count)
    return worst


def _longest(graph: Graph, edges: NDArray[np.intp], counted: NDArray[np.bool_], unmet: NDArray[np.bool_]) -> int:
    """Return the greatest number of ``counted`` among ``edges`` on one path, or UNBOUNDED beyond all patience."""
    if not counted.any():
        return 0
    sweeps = np.zeros(len(graph.states), dtype=np.int64)
    source, target = graph.source[edges], graph.target[edges]
    while True:
        reached = sweeps.copy()
        np.maximum.at(reached, target, sweeps[source] + counted)
        if (reached == sweeps).all():
            return int(sweeps.max())
        if reached.max() > PATIENCE:
            return UNBOUNDED
        sweeps = reached
