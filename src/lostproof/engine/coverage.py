"""What an exploration exercised, so that a vacuous pass is visible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.engine.explorer import Expansion
from lostproof.model import Model
from lostproof.tables import chart

__all__ = ["Coverage", "CoverageWitness"]

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")


@dataclass
class Coverage:
    """How often each action, chart edge and kind of decision was reached."""

    actions: Counter[str] = field(default_factory=Counter)
    edges: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)

    def add(self, other: Coverage) -> None:
        """Add what another slice exercised."""
        self.actions.update(other.actions)
        self.edges.update(other.edges)
        self.decisions.update(other.decisions)

    def describe(self) -> dict[str, Any]:
        """Return, for each kind, what was reached (with counts) and what was not."""
        return {
            kind: {
                "reached": {name: count for name, count in sorted(counts.items()) if count},
                "unreached": sorted(name for name, count in counts.items() if not count),
            }
            for kind, counts in (("actions", self.actions), ("edges", self.edges), ("decisions", self.decisions))
        }


class CoverageWitness:
    """Counts what is exercised while the graph is built."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.coverage = Coverage(
            Counter({self._action_name(number): 0 for number in range(len(model.actions))}),
            Counter({f"{c.name}: {e.source} -{e.event}→ {e.target}": 0 for c in (RUN, GATEWAY) for e in c.edges}),
            Counter({f"task: {source}→{target}": 0 for source, target in self._row_changes()}),
        )

    @staticmethod
    def _row_changes() -> list[tuple[str, str]]:
        return sorted({(edge.source, edge.target) for edge in TASK.edges if edge.source != edge.target})

    def _action_name(self, number: int) -> str:
        action = self._model.actions[number]
        return " ".join([action.name, *(name for name, value in action.params if value and name not in ("run", "job"))])

    def see(self, expansion: Expansion, source: NDArray[np.int32], depth: NDArray[np.int32]) -> None:
        """Count one action's transitions on a batch."""
        action = self._model.actions[expansion.action]
        self.coverage.actions[self._action_name(expansion.action)] += len(source)
        if action.event is not None:
            self._count_event(action.event, expansion)
        if action.writes_rows:
            for k in self._model.runs:
                self._count_changes(expansion.before.row[k], expansion.after.row[k])

    def _count_event(self, event: tuple[str, str], expansion: Expansion) -> None:
        name, happened = event
        for edge in (RUN if name == "run" else GATEWAY).edges:
            if edge.event != happened:
                continue
            codes = (RUN if name == "run" else GATEWAY).codes(edge.source)
            fields = [expansion.before.step[k] for k in self._model.runs] if name == "run" else [expansion.before.gateway]
            changed = [expansion.after.step[k] for k in self._model.runs] if name == "run" else [expansion.after.gateway]
            for before, after in zip(fields, changed, strict=True):
                count = int(np.count_nonzero((before == codes[0]) & (after != before)))
                self.coverage.edges[f"{name}: {edge.source} -{happened}→ {edge.target}"] += count

    def _count_changes(self, before: NDArray[np.uint8], after: Any) -> None:
        after = np.broadcast_to(np.asarray(after, dtype=np.uint8), before.shape)
        pairs = np.bincount(before.astype(np.intp) * 16 + after, minlength=256)
        for source, target in self._row_changes():
            count = int(pairs[TASK.code(source) * 16 + TASK.code(target)])
            self.coverage.decisions[f"task: {source}→{target}"] += count
