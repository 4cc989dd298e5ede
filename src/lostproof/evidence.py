"""What a sweep may look at, what it may decide, and rules as finite tables.

A reconcile rule is a function from :class:`Evidence` to :class:`Decision`. Evidence has finitely many values, so a rule
is asked once for each of them and the model then works with the table. Rules written in Python, rules behind a pipe
and the shipped product's own code are interchangeable for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lostproof.errors import BadInput
from lostproof.tables import Table, chart

__all__ = [
    "CANCELLED",
    "DECISIONS",
    "DOMAIN",
    "ENDS",
    "KEEP",
    "LOST",
    "WHOLE",
    "Decision",
    "Domain",
    "Evidence",
    "Rule",
    "RuleTable",
    "TabulatedRule",
    "ask_all",
    "recover",
    "tabulate",
]


@dataclass(frozen=True)
class Evidence:
    """Everything that a rule may consult about one row.

    A modelled world produces the values of :data:`DOMAIN`. A real ledger has more (:data:`WHOLE`), and a release is
    asked about those too.

    Attributes:
        status: ``running``, or ``lost`` (with "backing session missing"); no other row of a modelled world is up for a
            decision. Real rows are also ``queued``, ``lost_otherwise`` (with another error) or ``closed``.
        expired: the row's last event is at least the grace (300 s) older than the sweep's captured ``now``.
        authoritative: the deciding process is the gateway that owns the runs (an offline CLI is not).
        active: the row's job is in the deciding process's active set.
        owner: whether a living process executes this very run, as far as the deciding one can tell: ``live``, ``dead``, or
            ``unknown``. A single gateway can tell, an offline CLI cannot; beside a second gateway one can only where the
            store names owners, and otherwise knows of its own runs alone.
        log: last run-log line whose ``runAtMs`` equals the row's start: ``none``, ``ok``, ``failed``, ``timed_out`` or
            ``interrupted`` (written by a start-up that found a marker; its time is the marker's); or, if there is no
            such line, ``interrupted_earlier``: an interrupted line whose time lies a little before the row's start, as
            a marker's does. Real logs also say ``skipped``, or are ``unreadable``.
        job: the job state's last result, if its ``lastRunAtMs`` equals the row's start; values as for ``log``.
        marker: the job's marker against the row's start: ``none``, ``exact``, ``earlier`` or ``later``.
        run_id: ``well_formed`` (``cron:JOB:START``, of the row's own job), ``loose`` (so if START may be any number, as
            in ``12.0``) or ``malformed``.
        ledger: how the ledger on disk has closed the same run while the deciding process still has the row otherwise:
            ``none`` (it has not), ``ok``, ``failed``, ``timed_out``, ``interrupted`` or ``cancelled``.
    """

    status: str = "running"
    expired: bool = True
    authoritative: bool = True
    active: bool = False
    owner: str = "dead"
    log: str = "none"
    job: str = "none"
    marker: str = "none"
    run_id: str = "well_formed"
    ledger: str = "none"

    @classmethod
    def domain(cls, parts: Domain | None = None) -> Iterator[Evidence]:
        """Yield every value of ``parts`` (:data:`DOMAIN` if not given), in table order."""
        parts = parts or DOMAIN
        for values in product(*parts.values()):
            yield cls(**dict(zip(parts, values, strict=True)))

    @property
    def modelled(self) -> bool:
        """Whether a modelled world can produce the evidence."""
        usual = Evidence()
        return all(value in DOMAIN.get(part, (getattr(usual, part),)) for part, value in vars(self).items())

    def told(self, parts: Domain) -> Evidence:
        """Return the evidence as one is told of it who can be told of ``parts`` only."""
        hidden = {part: values[0] for part, values in parts.items() if getattr(self, part) not in values}
        return replace(self, **hidden)

    def describe(self) -> dict[str, Any]:
        """Return the evidence as a plain dictionary."""
        return asdict(self)


ENDS = ("none", "ok", "failed", "timed_out")
"""How work ends, as far as anybody can tell."""

INTERRUPTED, INTERRUPTED_EARLIER = len(ENDS), len(ENDS) + 1
"""The codes of an interrupted result, at the row's start and before it; the code of an end is its place in ENDS."""

_RESULTS = (*ENDS, "interrupted", "interrupted_earlier")

Domain = Mapping[str, tuple[Any, ...]]

DOMAIN: Domain = {
    "status": ("running", "lost"),
    "expired": (False, True),
    "authoritative": (False, True),
    "active": (False, True),
    "owner": ("unknown", "live", "dead"),
    "log": _RESULTS,
    "job": _RESULTS,
    "marker": ("none", "exact", "earlier", "later"),
}
"""The values that each part of the evidence can have in a modelled world, in table order."""

WHOLE: Domain = {
    **DOMAIN,
    "status": (*DOMAIN["status"], "queued", "lost_otherwise", "closed"),
    "log": (*_RESULTS, "skipped", "unreadable"),
    "job": (*_RESULTS, "skipped", "unreadable"),
    "run_id": ("well_formed", "loose", "malformed"),
    "ledger": (*ENDS, "interrupted", "cancelled"),
}
"""The values that each part can have in a real ledger; those of a modelled world come first."""

LIVE_PARTS = ("status", "expired", "authoritative", "active", "owner", "log")
CACHED_PARTS = ("job", "marker")
"""The parts that a sweep may read once for all rows: they stand in the cron store, which is one file."""


@dataclass(frozen=True)
class Decision:
    """What a rule says about a row: keep it, call it lost, or recover it to ``status``."""

    kind: str
    status: str | None = None

    def __str__(self) -> str:
        return f"recover({self.status})" if self.kind == "recover" else self.kind


KEEP = Decision("keep")
"""Leave the row alone."""
LOST = Decision("lost")
"""Mark the row lost: its run is believed to be gone."""
RECOVERABLE = ("succeeded", "failed", "timed_out", "interrupted")
CANCELLED = Decision("recover", "cancelled")
"""What a release says about a row that the ledger on disk has as cancelled; no modelled world has such rows."""


def recover(status: str) -> Decision:
    """Return the decision to close the row with ``status`` (one of :data:`RECOVERABLE`)."""
    return Decision("recover", status)


DECISIONS = (KEEP, LOST, *(recover(status) for status in RECOVERABLE))

Rule = Callable[[Evidence], Decision]


class RuleTable:
    """A rule, asked once for every evidence value, as tables over what a world can produce.

    ``answers`` maps evidence to the code of the row status that the decision writes (0: keep). The evidence that a sweep
    caches is kept as a *class*: two cached values are in one class if the rule never tells them apart, so a sweep has to
    remember no more than that. ``results`` are the values that log and job state can have in the world at hand.
    """

    def __init__(self, decisions: tuple[Decision, ...], results: tuple[str, ...]) -> None:
        codes = np.array([_code(decision) for decision in decisions], dtype=np.uint8)
        live = [len(DOMAIN[part]) for part in LIVE_PARTS]
        cached = [len(DOMAIN[part]) for part in CACHED_PARTS]
        columns = codes.reshape(int(np.prod(live)), int(np.prod(cached)))
        self._results = results
        logged = np.tile([log in results for log in DOMAIN["log"]], len(columns) // len(DOMAIN["log"]))
        possible = [job in results for job, _ in product(*(DOMAIN[part] for part in CACHED_PARTS))]
        first, classes = _classes(columns[logged], possible)
        self.classes = len(first)
        self.class_of = Table(classes.reshape(cached))
        self.answers = Table(columns[:, first].reshape([*live, self.classes]))

    @cached_property
    def offline_rows(self) -> tuple[tuple[int, int], ...]:
        """The rows that a process which is not authoritative may write at all, as (status, expired) positions."""
        writes = self.answers.array[:, :, 0, 0, 0].max(axis=(2, 3)) > 0
        return tuple((status, expired) for status, expired in np.argwhere(writes).tolist())

    @cached_property
    def tells_early_markers(self) -> bool:
        """Whether it matters that a marker is earlier than the row's start, and not just as old."""
        exact, earlier = (DOMAIN["marker"].index(word) for word in ("exact", "earlier"))
        return bool((self.class_of.array[:, exact] != self.class_of.array[:, earlier]).any())

    @cached_property
    def tells_early_lines(self) -> bool:
        """Whether an interrupted log line somewhat before the row's start makes a difference."""
        earlier, none = (self.answers.array[..., log, :] for log in (INTERRUPTED_EARLIER, 0))
        return "interrupted_earlier" in self._results and bool((earlier != none).any())

    @cached_property
    def tells_early_results(self) -> bool:
        """Whether an interrupted job state somewhat before the row's start makes a difference."""
        classes = self.class_of.array
        return "interrupted_earlier" in self._results and bool((classes[INTERRUPTED_EARLIER] != classes[0]).any())

    @cached_property
    def consults_active_set(self) -> bool:
        """Whether the active set can change a decision."""
        return bool((self.answers.array[:, :, :, 0] != self.answers.array[:, :, :, 1]).any())

    @cached_property
    def consults_log(self) -> bool:
        """Whether the run log can change a decision."""
        answers = self.answers.array
        return bool((answers != answers[..., :1, :]).any())

    @cached_property
    def unread_class(self) -> int:
        """The class of a cron store that cannot be read: it says nothing."""
        return int(self.class_of.array[0, 0])

    @cached_property
    def repairs_lost(self) -> bool:
        """Whether a row that is already lost can be recovered."""
        return bool(self.answers.array[1].any())


class TabulatedRule:
    """A rule that is known by its decisions about every value of :meth:`Evidence.domain`, in that order."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._decisions = tuple(decisions)
        self._table = dict(zip(Evidence.domain(), self._decisions, strict=True))

    def __call__(self, evidence: Evidence) -> Decision:
        """Return the decision about ``evidence``."""
        return self._table[evidence]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TabulatedRule) and self._decisions == other._decisions

    def __hash__(self) -> int:
        return hash(self._decisions)

    def __reduce__(self) -> tuple[type[TabulatedRule], tuple[tuple[Decision, ...]]]:
        return type(self), (self._decisions,)


def tabulate(rule: Rule, name: str) -> tuple[Decision, ...]:
    """Return what ``rule`` decides for every evidence value, in the order of :meth:`Evidence.domain`.

    Raises:
        BadInput: the rule raises, answers nonsense, or answers differently when asked again.
    """
    return tuple(ask_all(rule, list(Evidence.domain()), name))


def ask_all(rule: Rule, evidences: Sequence[Evidence], name: str) -> list[Decision]:
    """Return what ``rule`` decides about ``evidences``; it is asked twice, the second time in reverse order.

    Raises:
        BadInput: the rule raises, answers nonsense, or answers differently when asked again.
    """
    decisions = [_ask(rule, evidence, name) for evidence in evidences]
    for evidence, decision in zip(reversed(evidences), reversed(decisions), strict=True):
        again = _ask(rule, evidence, name)
        if again != decision:
            raise BadInput(f"rule {name}: answered {decision} and then {again} for the same {evidence}")
    return decisions


def _ask(rule: Rule, evidence: Evidence, name: str) -> Decision:
    try:
        decision = rule(evidence)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        told = " ".join(str(error).split())
        raise BadInput(f"rule {name}: raised {type(error).__name__} ({told}) for {evidence}") from error
    # Whether the evidence is modelled takes its time to be found out, and almost never matters.
    sound = isinstance(decision, Decision) and (decision in DECISIONS or (decision == CANCELLED and not evidence.modelled))
    if not sound:
        told = " ".join(repr(decision).split())
        allowed = ", ".join(map(str, DECISIONS if evidence.modelled else (*DECISIONS, CANCELLED)))
        raise BadInput(f"rule {name}: answered {told} for {evidence}; allowed: {allowed}")
    return decision


def _code(decision: Decision) -> int:
    task = chart("task")
    if decision == KEEP:
        return 0
    return task.code("lost" if decision == LOST else str(decision.status))


def _classes(columns: NDArray[np.uint8], possible: list[bool]) -> tuple[list[int], NDArray[np.uint8]]:
    """Number the distinct possible columns in order of appearance; return the first of each, and each column's number."""
    numbers: dict[bytes, int] = {}
    first: list[int] = []
    classes = np.zeros(columns.shape[1], dtype=np.uint8)
    for position in np.flatnonzero(possible).tolist():
        key = columns[:, position].tobytes()
        if key not in numbers:
            numbers[key] = len(first)
            first.append(position)
        classes[position] = numbers[key]
    return first, classes
