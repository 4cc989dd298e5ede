"""What an action is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lostproof.evidence import ENDS
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World

__all__ = ["ACTORS", "Action", "always", "gateway_at", "spend"]

GATEWAY = chart("gateway")

ACTORS = ("gateway", "run", "sweep", "operator", "clock")


@dataclass(frozen=True)
class Action:
    """Something that can happen.

    Attributes:
        name: what happens; with ``params`` it names the action among those that can happen in one state.
        actor: who does it, one of :data:`ACTORS`.
        params: what it happens to, as codes: ``run``, ``job``, ``end``, ``fault`` …; ``gateway`` if it is not the first
            gateway that does it.
        at: a field, its index and the values in which the action can happen at all; engines use it as an index.
        guard: where, in these states, it can happen.
        effect: what it changes.
        fair: whether it happens in the end if it can happen again and again (the product's own actors and the clock).
        budget: the bound that it spends, if it is a fault.
        writes_rows: whether it can change a row on disk.
        begins_run: whether work may begin by it.
        delivers: whether somebody may receive something by it.
        event: the chart event that it is, if it is one.
        paths: for a section of a run, the path whose write order it belongs to.
    """

    name: str
    actor: str
    at: tuple[str, tuple[int, ...], tuple[int, ...]]
    guard: Callable[[World], Any]
    effect: Callable[[World], None]
    params: tuple[tuple[str, int], ...] = ()
    fair: bool = True
    budget: str | None = None
    writes_rows: bool = False
    begins_run: bool = False
    delivers: bool = False
    event: tuple[str, str] | None = None
    paths: frozenset[str] = field(default_factory=frozenset)

    def get(self, name: str) -> int | None:
        """Return the parameter ``name``, or None."""
        return dict(self.params).get(name)

    def describe(self, m: Model) -> dict[str, Any]:
        """Return the parameters as people write them."""
        words: dict[str, Any] = {}
        for name, value in self.params:
            match name:
                case "run":
                    words[name] = m.run_name(value)
                case "job":
                    words[name] = m.job_name(value)
                case "end":
                    words[name] = ENDS[value]
                case "gateway":
                    words[name] = value
                case _:
                    words[name] = bool(value)
        return words

    def label(self, m: Model) -> str:
        """Return the action's name with its parameters."""
        parts = [f"{name}={value}" if value is not True else name for name, value in self.describe(m).items() if value]
        return " ".join([self.name, *parts])


def gateway_at(*states: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Return the index of an action that can happen in these states of the gateway only."""
    return ("gateway", (), GATEWAY.codes(*states))


def always(w: World) -> Any:
    """The guard of what can happen wherever its index says so."""
    return True


def spend(w: World, budget: str) -> None:
    """Take one off ``budget``."""
    setattr(w, budget, getattr(w, budget) - 1)
