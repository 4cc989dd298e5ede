"""What a start-up of mutants does instead of settling dead owners: each leaves out, or adds, one thing."""

from __future__ import annotations

from lostproof.model import Model
from lostproof.steps import (
    INTERRUPTED,
    RUNNING,
    drop_marker,
    has_dead_owner,
    release_job,
    settle_row,
)
from lostproof.tables import chart
from lostproof.world import World

__all__ = ["START_UPS"]

TASK = chart("task")


def settle_everybody(m: Model, w: World) -> None:
    """Close every running row, also of living owners, with its job state and marker."""
    for k in m.runs:
        running = w.row[k] == RUNNING
        settle_row(m, w, k, running, INTERRUPTED)
        release_job(m, w, k, running)


def lose_dead_owners(m: Model, w: World) -> None:
    """Close the rows of dead owners as lost, with job state and marker."""
    for k in m.runs:
        dead = has_dead_owner(m, w, k)
        settle_row(m, w, k, dead, TASK.code("lost"))
        release_job(m, w, k, dead)


def settle_rows_only(m: Model, w: World) -> None:
    """Close the rows of dead owners; leave job state and marker."""
    for k in m.runs:
        settle_row(m, w, k, has_dead_owner(m, w, k), INTERRUPTED)


def settle_rows_and_markers(m: Model, w: World) -> None:
    """Close the rows of dead owners and clear their markers; leave the job state."""
    for k in m.runs:
        dead = has_dead_owner(m, w, k)
        settle_row(m, w, k, dead, INTERRUPTED)
        drop_marker(m.job_of(k), w, dead & (w.marker[m.job_of(k)] == m.number(k)))


def settle_marked(m: Model, w: World) -> None:
    """Close the rows of dead owners that a marker leads to, with job state and marker."""
    for k in m.runs:
        marked = has_dead_owner(m, w, k) & (w.marker[m.job_of(k)] == m.number(k))
        settle_row(m, w, k, marked, INTERRUPTED)
        release_job(m, w, k, marked)


START_UPS = (settle_everybody, lose_dead_owners, settle_rows_only, settle_rows_and_markers, settle_marked)
"""All of them."""
