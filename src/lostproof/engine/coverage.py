"""What an exploration exercised, so that a vacuous pass is visible."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.actions import decision_parts
from lostproof.actions.readings import Reading
from lostproof.engine.explorer import Expansion
from lostproof.evidence import DOMAIN, INTERRUPTED, INTERRUPTED_EARLIER, LIVE_PARTS
from lostproof.model import Model
from lostproof.tables import Chart, Edge, chart
from lostproof.world import World

__all__ = ["Coverage", "CoverageWitness", "edge_name"]

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")


def edge_name(counted: Chart, edge: Edge) -> str:
    """Return what an edge is counted as: a row's change by any event, or one event of another chart."""
    if counted is TASK:
        return f"task: {edge.source}→{edge.target}"
    return f"{counted.name}: {edge.source} -{edge.event}→ {edge.target}"


def _row_name(row: tuple[int, ...]) -> str:
    """Return what people call a row of the rule's table: its evidence."""
    words = [f"{part}={DOMAIN[part][value]}" for part, value in zip(LIVE_PARTS, row, strict=False)]
    return " ".join([*words, f"store={row[-1]}"])


@dataclass
class Coverage:
    """How often each action, each chart edge and each row of the rule's table was reached."""

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
        self._shape = model.rule_table.answers.array.shape
        self._row_names = [_row_name(row) for row in np.ndindex(self._shape)]
        edges = {edge_name(c, e): 0 for c in (RUN, GATEWAY) for e in c.edges}
        self.coverage = Coverage(
            Counter({self._action_name(number): 0 for number in range(len(model.actions))}),
            Counter({**edges, **{edge_name(TASK, edge): 0 for edge in self._row_changes()}}),
            Counter({self._row_names[row]: 0 for row in self._possible_rows()}),
        )

    def _possible_rows(self) -> list[int]:
        """Return the rows of the rule's table that a gateway's sweep can have before it at all."""
        table = self._model.rule_table
        statuses, actives = 1 + table.repairs_lost, 1 + table.consults_active_set
        logs = [code for code in range(len(DOMAIN["log"])) if self._can_log(code)]
        shape = (statuses, 2, actives, 2, len(logs), table.classes)
        return [
            int(np.ravel_multi_index((lost, expired, 1, active, owner + 1, logs[log], seen), self._shape))
            for lost, expired, active, owner, log, seen in np.ndindex(shape)
        ]

    def _can_log(self, code: int) -> bool:
        """Return whether the run log of this world can say ``code`` about a run."""
        model = self._model
        if code == INTERRUPTED_EARLIER:
            return model.revision.logs_interrupted and model.rule_table.tells_early_lines
        return model.revision.logs_interrupted if code == INTERRUPTED else code <= model.bounds.outcomes

    @staticmethod
    def _row_changes() -> list[Edge]:
        """Return one edge for each way in which a row can change, whatever the event."""
        pairs = {(edge.source, edge.target): edge for edge in TASK.edges if edge.source != edge.target}
        return [pairs[pair] for pair in sorted(pairs)]

    def _action_name(self, number: int) -> str:
        action = self._model.actions[number]
        return " ".join([action.name, *(name for name, value in action.params if value and name not in ("run", "job"))])

    def see(self, expansion: Expansion, source: NDArray[np.int32], depth: NDArray[np.int32]) -> None:
        """Count one action's transitions on a batch."""
        action, model = self._model.actions[expansion.action], self._model
        self.coverage.actions[self._action_name(expansion.action)] += len(source)
        before, after = (model.viewed_by(action, view) for view in (expansion.before, expansion.after))
        if action.event is not None and action.event[0] == "gateway":
            self._count_edges(GATEWAY, action.event[1], before.gateway, after.gateway)
        for k in model.runs:
            self._count_edges(RUN, None, before.step[k], after.step[k])
            if action.writes_rows:
                self._count_changes(before.row[k], after.row[k])
        if action.name == "sweep_row":
            reading = Reading(torn=bool(action.get("torn")), unread=bool(action.get("unread")))
            self._count_decisions(before, action.get("run") or 0, reading)

    def _count_edges(self, counted: Chart, event: str | None, before: Any, after: Any) -> None:
        """Count the edges taken, those of ``event`` only if it is given."""
        if after is before:
            return
        for edge in counted.edges:
            if event in (None, edge.event):
                source, target = counted.codes(edge.source, edge.target)
                count = int(np.count_nonzero((before == source) & (after == target)))
                self.coverage.edges[edge_name(counted, edge)] += count

    def _count_decisions(self, before: World, k: int, reading: Reading) -> None:
        """Count the rows of the rule's table that the gateway's sweep reached."""
        rows = np.zeros(before.states.shape, dtype=np.int64)
        parts = decision_parts(self._model, before, k, reading)
        for part, size in zip(parts, self._shape, strict=True):
            rows = rows * size + part
        for row, count in enumerate(np.bincount(rows, minlength=int(np.prod(self._shape)))):
            if count:
                self.coverage.decisions[self._row_names[row]] += int(count)

    def _count_changes(self, before: NDArray[np.uint8], after: Any) -> None:
        after = np.broadcast_to(np.asarray(after, dtype=np.uint8), before.shape)
        pairs = np.bincount(before.astype(np.intp) * 16 + after, minlength=256)
        for edge in self._row_changes():
            count = int(pairs[TASK.code(edge.source) * 16 + TASK.code(edge.target)])
            self.coverage.edges[edge_name(TASK, edge)] += count
