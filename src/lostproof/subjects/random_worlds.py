"""Random worlds of several rows: what real ledgers have and no table of evidence shows, such as rows that share a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from lostproof.subjects.worlds import (
    GRACE_MS,
    INTERRUPTED_TEXT,
    LOST_TEXT,
    TERMINAL,
    TIMED_OUT_TEXT,
    Job,
    Last,
    Line,
    Row,
    SmallWorld,
    evidence_in,
)

__all__ = ["modelled_worlds", "random_worlds"]

JOBS = ("job-a", "job-b", "nightly:report")
NOW = 1_780_000_000_000
AGES = (0, 1, 60_000, GRACE_MS - 1, GRACE_MS, GRACE_MS + 1, 2 * GRACE_MS, 7_200_000, 86_400_000)
"""Ages of runs and rows, in milliseconds; most lie about the grace."""

SLIPS = (0, 0, 0, 0, 1, -1, 2, -2, 3, 60_000)
"""By how much what a store has of a run lies beside its start."""

ERRORS = (None, "the work failed", TIMED_OUT_TEXT, f"{TIMED_OUT_TEXT} (last phase: model)", INTERRUPTED_TEXT)
LOST_ERRORS = (LOST_TEXT, LOST_TEXT.upper(), f"sweep: {LOST_TEXT}", None, "marked by hand")


def random_worlds(seed: int, count: int) -> Iterator[SmallWorld]:
    """Yield ``count`` worlds; the same seed gives the same worlds."""
    draw = Random(seed)
    for _ in range(count):
        yield _world(draw)


def modelled_worlds(seed: int, count: int) -> Iterator[SmallWorld]:
    """Yield ``count`` worlds that have only rows such as a modelled world has."""
    draw = Random(seed)
    while count:
        world = replace(_world(draw), ledger=())
        rows = tuple(row for row in world.rows if evidence_in(world, row).modelled)
        if rows:
            count -= 1
            yield replace(world, rows=rows)


def _world(draw: Random) -> SmallWorld:
    starts = [NOW - draw.choice(AGES) for _ in range(draw.randint(1, 4))]
    jobs = JOBS[: draw.randint(1, len(JOBS))]
    drawn = [_row(draw, number, jobs, starts) for number in range(draw.randint(1, 6))]
    # A ledger reuses the row of a run id, so no two rows that are swept have the same.
    rows = tuple({row.run or row.row: row for row in drawn}.values())
    authoritative = draw.random() < 0.7
    return SmallWorld(
        authoritative=authoritative,
        active_jobs=tuple(job for job in jobs if draw.random() < 0.3),
        executing=tuple(row.row for row in rows if draw.random() < 0.2) if authoritative else None,
        rows=rows,
        jobs=tuple(_job(draw, job, starts) for job in jobs if draw.random() < 0.8),
        log=tuple(_line(draw, draw.choice(jobs), starts) for _ in range(draw.randint(0, 6))),
        ledger=tuple(_otherwise(draw, row) for row in rows if draw.random() < 0.2),
        unreadable_jobs=draw.random() < 0.05,
        unreadable_logs=tuple(job for job in jobs if draw.random() < 0.05),
        now=NOW,
    )


def _row(draw: Random, number: int, jobs: tuple[str, ...], starts: list[int]) -> Row:
    job, start = draw.choice(jobs), draw.choice(starts)
    status = draw.choices(("running", "lost", "queued", *TERMINAL), (12, 4, 2, 1, 1, 1, 1))[0]
    closed = status not in ("running", "queued")
    return Row(
        row=f"row-{number}",
        job=draw.choices((job, None, ""), (20, 1, 1))[0],
        run=_run_id(draw, job, start),
        status=status,
        created=start,
        started=draw.choice((start, start, start, None)),
        last_event=draw.choice((start, start, NOW - draw.choice(AGES), None)),
        ended=start + 1_000 if closed else None,
        error=draw.choice(LOST_ERRORS if status == "lost" else ERRORS) if closed else None,
    )


def _run_id(draw: Random, job: str, start: int) -> str | None:
    forms = (
        f"cron:{job}:{start}", f"cron:{job}:{start}.0", f"cron:{job}: {start}", f"cron:{job}:{start}e0",
        f"cron:{job}:-{start}", f"cron:{job}:+{start}", f"cron:{job}:{start}:1f0c", f"cron:{job}:", f"cron::{start}",
        f"cron:other:{start}", f"manual:{job}:{start}", "", None,
    )
    return draw.choices(forms, (24, *[1] * (len(forms) - 1)))[0]


def _job(draw: Random, job: str, starts: list[int]) -> Job:
    last = Last(*_result(draw, starts)) if draw.random() < 0.7 else None
    marker = draw.choice(starts) - draw.choice(SLIPS) if draw.random() < 0.4 else None
    return Job(job, draw.random() < 0.9, marker, last)


def _line(draw: Random, job: str, starts: list[int]) -> Line:
    at, status, duration, error = _result(draw, starts)
    return Line(job, at + 1_500, draw.choices((at, None), (20, 1))[0], status, duration, error)


def _result(draw: Random, starts: list[int]) -> tuple[int, str, int | None, str | None]:
    status = draw.choices(("ok", "error", "skipped"), (4, 4, 1))[0]
    error = draw.choice(ERRORS[1:]) if status == "error" else None
    return draw.choice(starts) - draw.choice(SLIPS), status, draw.choice((1_000, 0, None)), error


def _otherwise(draw: Random, row: Row) -> Row:
    """Return the row as the disk has it, where the process has it differently; or another row of the same run."""
    status = draw.choice(("running", "lost", *TERMINAL))
    error = draw.choice(ERRORS) if status in ("failed", "timed_out") else None
    there = replace(row, status=status, error=LOST_TEXT if status == "lost" else error, ended=row.created + 2_000)
    if draw.random() < 0.7:
        return there
    other = draw.choice((f"{row.row}-again", f"another-{row.row}"))
    return replace(there, row=other, created=row.created + draw.choice(SLIPS))
