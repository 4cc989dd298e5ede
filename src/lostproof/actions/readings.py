"""Reading the evidence: what a decision has before it when a read of a store fails, or a line of the log is torn.

What cannot be read says nothing. That is what the releases decide: their reader of the log skips malformed lines, and a log
or a cron store that cannot be opened counts as empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lostproof.actions.action import spend
from lostproof.model import Model
from lostproof.world import World

__all__ = ["BOTH_READ", "Reading", "readings"]


@dataclass(frozen=True)
class Reading:
    """How the two stores are read for one decision.

    Attributes:
        torn: the run's line in the log cannot be read.
        unread: the cron store cannot be read.
    """

    torn: bool = False
    unread: bool = False

    @property
    def param(self) -> tuple[str, int]:
        """What tells the action from the one in which both are read."""
        return ("torn" if self.torn else "unread", 1)

    def log(self, m: Model, w: World, k: int) -> Any:
        """Return what the log says about run ``k``, as far as it is read."""
        return 0 if self.torn else m.log_evidence(w, k)

    def store(self, m: Model, w: World, k: int) -> Any:
        """Return the class of what the cron store says about run ``k``, as far as it is read."""
        return m.rule_table.unread_class if self.unread else m.evidence_class(w, k)

    def spend(self, w: World) -> None:
        """Pay for what is not read."""
        if self.torn or self.unread:
            spend(w, "read_faults")


BOTH_READ = Reading()
"""Nothing goes wrong."""


def readings(m: Model, cached: bool) -> Iterator[Reading]:
    """Yield the ways in which reading for a decision can fail; with ``cached`` the cron store has been read before."""
    if m.bounds.read_faults and m.rule_table.consults_log:
        yield Reading(torn=True)
    if m.bounds.read_faults and not cached and m.rule_table.classes > 1:
        yield Reading(unread=True)
