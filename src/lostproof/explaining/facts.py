"""What notes speak of, as predicates over worlds: each is written once, for one state and for a batch."""

from __future__ import annotations

from typing import Any

from lostproof.actions import Action
from lostproof.evidence import ENDS
from lostproof.explaining.notes import Fact
from lostproof.fields import FIELD
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World, member

__all__ = ["ABOUT_RUNS", "WORDS", "can_be_told", "happens", "holds", "runs_of_subject", "tells"]

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")
STATUSES = FIELD["job"].values
WORDS: dict[str, tuple[str, ...]] = {
    "row": TASK.states,
    "log": (*ENDS[1:], "interrupted"),
    "work": ("running", *ENDS[1:]),
    "job": (*STATUSES, "marked", "unmarked"),
}
"""What can be said of rows, of log lines, of the work itself, and of jobs."""
ABOUT_RUNS = ("row", "log", "work")
GATEWAY_STATES = {
    "starting": ("starting", "repaired"),
    "running": ("running",),
    "down": ("down",),
    "up": tuple(state for state in GATEWAY.states if state != "down"),
}
GATEWAY_EVENTS = {"started": ("start", "restart_in_process"), "ready": ("ready",), "stopped": ("crash", "exit")}


def holds(m: Model, w: World, fact: Fact, k: int) -> Any:
    """Return whether ``fact`` is so in ``w``; ``k`` is the run (or the job) that it is about."""
    match fact.kind:
        case "row":
            return w.row[k] == TASK.code(fact.value)
        case "log" if fact.value == "interrupted":
            return member(w.log[k], (1, 3))
        case "log":
            return member(w.log[k], (2, 3)) & (w.end[k] == ENDS.index(fact.value))
        case "work" if fact.value == "running":
            return w.step[k] == RUN.code("executing")
        case "work":
            return w.end[k] == ENDS.index(fact.value)
        case "job" if fact.value in STATUSES:
            return w.job[k] == STATUSES.index(fact.value)
        case "job":
            return (w.marker[k] != 0) if fact.value == "marked" else (w.marker[k] == 0)
        case _:
            return member(w.gateway, GATEWAY.codes(*GATEWAY_STATES[fact.value]))


def happens(m: Model, action: Action, fact: Fact, k: int, before: World, after: World) -> Any:
    """Return whether the step from ``before`` to ``after``, by ``action``, is what ``fact`` tells of."""
    if fact.kind == "did":
        job = action.get("job") if action.get("job") is not None else _job_of(m, action.get("run"))
        return action.name == fact.value and (not fact.subject or job in (None, "abcd".index(fact.subject[-1])))
    if fact.kind == "gateway" and fact.value in GATEWAY_EVENTS:
        return action.name in GATEWAY_EVENTS[fact.value]
    return holds(m, after, fact, k) & (holds(m, before, fact, k) == 0)


def _job_of(m: Model, run: int | None) -> int | None:
    return None if run is None else m.job_of(run)


def can_be_told(m: Model, fact: Fact) -> bool:
    """Return whether ``fact`` can be so at all in worlds of ``m``."""
    return fact.kind != "did" or any(action.name == fact.value for action in m.actions)


def runs_of_subject(m: Model, fact: Fact) -> list[int] | None:
    """Return the runs (or the jobs) that ``fact`` may be about, None if its subject is a name for an unknown run."""
    if fact.kind not in ABOUT_RUNS:
        return ["abcd".index(fact.subject[-1])] if fact.kind == "job" else [0]
    if fact.subject == "any":
        return list(m.runs)
    if not fact.subject.startswith("job-"):
        return None
    job, _, run = fact.subject.partition(".")
    runs = m.runs_of("abcd".index(job[-1]))
    return [runs[int(run[-1]) - 1]] if run else list(runs)


def tells(kind: str, fact: Fact) -> bool:
    """Return whether it matters how a mark of this kind with this fact is met, and not only that it is."""
    if fact.kind == "gateway":
        return fact.value in (*GATEWAY_EVENTS, "starting")
    return fact.kind in ABOUT_RUNS and kind == "happens"
