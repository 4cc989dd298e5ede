"""Small concrete worlds, in which reconcile code is asked what a sweep decides, and what evidence each row has in them.

A world is what `spec/schemas/subject-request.schema.json` describes: timestamps, store contents, active set. Evidence
is what a rule may look at, with finitely many values. :func:`world_of` builds a world from evidence, :func:`evidence_in`
reads the evidence of a row in any world; the second undoes the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from lostproof.evidence import Evidence

__all__ = [
    "ELSEWHERE", "GRACE_MS", "INTERRUPTED_TEXT", "LOST_TEXT", "Job", "Last", "Line", "Row", "Setting", "SmallWorld",
    "evidence_in", "world_of",
]

GRACE_MS = 300_000
NOW = 1_776_400_800_000
"""The time of a world that says nothing else."""

RESERVED_MS = 600_000
"""A result that was written for a marker belongs to a row that starts at most so much later."""

LOST_TEXT = "backing session missing"
TIMED_OUT_TEXT = "cron: job execution timed out"
INTERRUPTED_TEXT = "cron: job interrupted by gateway restart"

TERMINAL = ("succeeded", "failed", "timed_out", "cancelled")


@dataclass(frozen=True, slots=True)
class Row:
    """A ledger row; times in milliseconds since the epoch."""

    row: str
    job: str | None
    run: str | None
    status: str
    created: int
    started: int | None = None
    last_event: int | None = None
    ended: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """The result of a job's latest run, as its durable state has it."""

    at: int
    status: str
    duration: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the cron store."""

    job: str
    enabled: bool = True
    marker: int | None = None
    last: Last | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the run log."""

    job: str
    written: int
    run_at: int | None
    status: str
    duration: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """Everything that a sweep could look at, at the moment when it begins."""

    authoritative: bool
    active_jobs: tuple[str, ...]
    executing: tuple[str, ...] | None
    rows: tuple[Row, ...]
    jobs: tuple[Job, ...] = ()
    log: tuple[Line, ...] = ()
    ledger: tuple[Row, ...] = ()
    unreadable_jobs: bool = False
    unreadable_logs: tuple[str, ...] = ()
    now: int = NOW
    grace: int = GRACE_MS

    def request(self, ask: int) -> dict[str, Any]:
        """Return the world as question number ``ask``."""
        return {
            "ask": ask,
            "now": self.now,
            "grace": self.grace,
            "process": {
                "authoritative": self.authoritative,
                "active_jobs": self.active_jobs,
                "executing": self.executing,
            },
            "rows": [_plain(row) for row in self.rows],
            "jobs": [{**_plain(job), "last": job.last and _plain(job.last)} for job in self.jobs],
            "log": [_plain(line) for line in self.log],
            "ledger": [_plain(row) for row in self.ledger],
            "unreadable": {"jobs": self.unreadable_jobs, "logs": self.unreadable_logs},
        }

    def on_disk(self) -> list[Row]:
        """Return the rows that the ledger on disk has, in the order in which it lists them: by creation, then by name."""
        rows = {row.row: row for row in (*self.rows, *self.ledger)}
        return sorted(rows.values(), key=lambda row: (row.created, row.row))


_VALUES = {kind: attrgetter(*kind.__slots__) for kind in (Row, Job, Last, Line)}


def _plain(record: Row | Job | Last | Line) -> dict[str, Any]:
    return dict(zip(record.__slots__, _VALUES[type(record)](record), strict=True))


# -- from evidence to a world


@dataclass(frozen=True, slots=True)
class Setting:
    """What a world has that no evidence says, so that no rule may go by it.

    Attributes:
        now: when the sweep begins.
        row, job: what rows and jobs are called, by their number.
        idle_ms: for how long the grace of an expired row has been over.
        left_ms: for how long the grace of another row still lasts.
        early_ms: by how much a marker is older than the row whose run it announces, where it is older.
        late_ms: by how much a marker is younger than the row, where it is younger.
        before_ms, before: when the job's earlier run started, before this one, and how it ended.
        duration_ms: how long runs took.
        enabled: whether the jobs are enabled.
    """

    now: int = NOW
    row: str = "row-{}"
    job: str = "job-{}"
    idle_ms: int = 0
    left_ms: int = 1
    early_ms: int = 3
    late_ms: int = 60_000
    before_ms: int = 3_600_000
    before: str = "ok"
    duration_ms: int = 1_000
    enabled: bool = True


USUAL = Setting()
ELSEWHERE = Setting(
    now=1_783_210_987_654, row="task:{}", job="nightly:{}", idle_ms=12_345_678, left_ms=GRACE_MS - 20, early_ms=1, late_ms=5,
    before_ms=7_654_321, before="failed", duration_ms=17, enabled=False,
)
"""Another setting, which differs from the usual one in everything. (No row is idle for a day: releases delete such rows.)"""


def world_of(evidences: Sequence[Evidence], setting: Setting = USUAL) -> SmallWorld:
    """Return a world with one row for each of ``evidences``, each of a job of its own.

    They must agree on what the whole process or the whole store has: whether it is authoritative, whether it can know
    owners, and whether the cron store can be read.
    """
    first = evidences[0]
    made = [_Made(number, evidence, setting) for number, evidence in enumerate(evidences)]
    return SmallWorld(
        authoritative=first.authoritative,
        active_jobs=tuple(one.job for one in made if one.evidence.active),
        executing=None if first.owner == "unknown" else tuple(one.name for one in made if one.evidence.owner == "live"),
        rows=tuple(one.row() for one in made),
        jobs=tuple(one.state() for one in made),
        log=tuple(line for one in made for line in one.lines()),
        ledger=tuple(row for one in made for row in one.on_disk()),
        unreadable_jobs=first.job == "unreadable",
        unreadable_logs=tuple(one.job for one in made if one.evidence.log == "unreadable"),
        now=setting.now,
    )


_RESULTS: dict[str, tuple[str, str | None]] = {
    "ok": ("ok", None),
    "failed": ("error", "the work failed"),
    "timed_out": ("error", TIMED_OUT_TEXT),
    "interrupted": ("error", INTERRUPTED_TEXT),
    "interrupted_earlier": ("error", INTERRUPTED_TEXT),
    "skipped": ("skipped", None),
}
"""What a log line or a job state says, by the evidence that it is."""

_CLOSED: dict[str, tuple[str, str | None]] = {
    "ok": ("succeeded", None),
    "failed": ("failed", "the work failed"),
    "timed_out": ("timed_out", TIMED_OUT_TEXT),
    "interrupted": ("failed", INTERRUPTED_TEXT),
    "cancelled": ("cancelled", None),
}
"""How the ledger on disk has closed a row, by the evidence that it is."""

_START = {"well_formed": "{}", "loose": "{}.0", "malformed": "{}-or-so"}
"""How a run id ends, by the start time."""


class _Made:
    """The parts of a world that one row's evidence asks for."""

    def __init__(self, number: int, evidence: Evidence, setting: Setting) -> None:
        self.evidence, self.setting = evidence, setting
        self.name, self.job = setting.row.format(number), setting.job.format(number)
        self.last_event = setting.now - GRACE_MS + (-setting.idle_ms if evidence.expired else setting.left_ms)
        # A row that is no longer running had its last event when it was closed.
        self.start = self.last_event if evidence.status in ("running", "queued") else self.last_event - GRACE_MS

    def row(self) -> Row:
        """Return the row as the sweeping process has it."""
        status = {"lost_otherwise": "lost", "closed": "succeeded"}.get(self.evidence.status, self.evidence.status)
        error = {"lost": LOST_TEXT, "lost_otherwise": "marked by hand"}.get(self.evidence.status)
        ended = None if status in ("running", "queued") else self.last_event
        return self._row(status, ended, error)

    def _row(self, status: str, ended: int | None, error: str | None) -> Row:
        run = f"cron:{self.job}:{_START[self.evidence.run_id].format(self.start)}"
        return Row(self.name, self.job, run, status, self.start, self.start, self.last_event, ended, error)

    def on_disk(self) -> Iterator[Row]:
        """Yield the row as the ledger on disk has it, where that is different."""
        if self.evidence.ledger != "none":
            status, error = _CLOSED[self.evidence.ledger]
            yield self._row(status, self.last_event, error)

    def state(self) -> Job:
        """Return the job with its state: a result of this run, or of one before."""
        earlier, later = self.start - self.setting.early_ms, self.start + self.setting.late_ms
        marker = {"none": None, "exact": self.start, "earlier": earlier, "later": later}[self.evidence.marker]
        at, status, error = self._result(self.evidence.job)
        return Job(self.job, self.setting.enabled, marker, Last(at, status, self.setting.duration_ms, error))

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the job's run log: one of a run before, and one of this run if there is one."""
        for result in dict.fromkeys(("none", self.evidence.log)):
            if result != "unreadable":
                at, status, error = self._result(result)
                took = self.setting.duration_ms
                yield Line(self.job, at + took, at, status, took, error)

    def _result(self, result: str) -> tuple[int, str, str | None]:
        if result not in _RESULTS:
            return self.start - self.setting.before_ms, *_RESULTS[self.setting.before]
        return self.start - (self.setting.early_ms if result == "interrupted_earlier" else 0), *_RESULTS[result]


# -- from a world to evidence


def evidence_in(world: SmallWorld, row: Row) -> Evidence:
    """Return what a rule may look at when it decides about ``row`` in ``world``."""
    form, job, start = _identity(row)
    state = next((state for state in world.jobs if state.job == job), None)
    last_event = row.last_event if row.last_event is not None else row.started
    return Evidence(
        status=_status(row),
        expired=world.now - (last_event if last_event is not None else row.created) >= world.grace,
        authoritative=world.authoritative,
        active=bool(row.job) and row.job in world.active_jobs,
        owner="unknown" if world.executing is None else "live" if row.row in world.executing else "dead",
        log=_log(world, job, start),
        job="unreadable" if world.unreadable_jobs else _latest(state, start),
        marker=_marker(state, start),
        run_id=form,
        ledger=_ledger(world, row),
    )


def _status(row: Row) -> str:
    if row.status == "lost":
        return "lost" if LOST_TEXT in (row.error or "").lower() else "lost_otherwise"
    return "closed" if row.status in TERMINAL else row.status


def _identity(row: Row) -> tuple[str, str | None, float | None]:
    """Return how well the row's run id is formed, its job, and when its run started."""
    malformed = ("malformed", row.job, row.started)
    head, _, tail = (row.run or "").strip().rpartition(":")
    job, tail = head.removeprefix("cron:").strip(), tail.strip()
    if not head.startswith("cron:") or not job or row.job not in (None, "", job):
        return malformed
    # With a plus sign it is still a whole number to the releases that are strict.
    if re.fullmatch(r"\+?\d{1,16}", tail, re.ASCII):
        return "well_formed", job, int(tail)
    number = _number(tail)
    return malformed if number is None else ("loose", job, number)


def _number(text: str) -> float | None:
    """Return the number that ``text`` is in decimal notation (nothing at all is 0, as in JavaScript), None if it is none."""
    if not re.fullmatch(r"([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)?", text, re.ASCII):
        return None
    number = float(text or 0)
    return number if math.isfinite(number) else None


def is_interrupted(error: object) -> bool:
    """Return whether an error says that a run was cut off: an inference of whoever wrote it, and no record."""
    return error == INTERRUPTED_TEXT


def _told(status: str, error: str | None) -> str:
    """Return which result a store tells of."""
    if status == "error":
        return {TIMED_OUT_TEXT: "timed_out", INTERRUPTED_TEXT: "interrupted"}.get(error or "", "failed")
    return status


def _log(world: SmallWorld, job: str | None, start: float | None) -> str:
    if job in world.unreadable_logs:
        return "unreadable"
    lines = [line for line in world.log if line.job == job and line.run_at is not None and start is not None]
    exact = [line for line in lines if line.run_at == start]
    if exact:
        return _told(exact[-1].status, exact[-1].error)
    early = any(_early(line.status, line.error, line.run_at, start) for line in lines)
    return "interrupted_earlier" if early else "none"


def _latest(state: Job | None, start: float | None) -> str:
    if state is None or state.last is None:
        return "none"
    last = state.last
    if last.at == start:
        return _told(last.status, last.error)
    return "interrupted_earlier" if _early(last.status, last.error, last.at, start) else "none"


def _early(status: str, error: str | None, at: int | None, start: float | None) -> bool:
    """Return whether a result is one that a start-up wrote for a marker somewhat older than the row."""
    told = _told(status, error) == "interrupted"
    return told and at is not None and start is not None and 0 < start - at <= RESERVED_MS


def _marker(state: Job | None, start: float | None) -> str:
    if state is None or state.marker is None or start is None:
        return "none"
    if state.marker == start:
        return "exact"
    return "earlier" if state.marker < start else "later"


def _ledger(world: SmallWorld, row: Row) -> str:
    """Return how the disk has closed the row, or another row of the same run."""
    if not row.job:
        return "none"
    alike = (
        there for there in world.on_disk()
        if there.job == row.job and (there.row == row.row or (row.run and there.run == row.run))
    )
    found = next(alike, row)
    if found is row or found.status not in TERMINAL:
        return "none"
    words = {closed: word for word, closed in _CLOSED.items()}
    return words.get((found.status, found.error), {"succeeded": "ok"}.get(found.status, found.status))
