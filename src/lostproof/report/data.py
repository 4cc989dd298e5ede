"""What everything is called, and results as plain data.

The names of cells and of their values live here once: text, JSON and the spec share them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lostproof import __version__
from lostproof.bounds import Slice
from lostproof.drivers.timed import Moment
from lostproof.engine.lag import UNBOUNDED
from lostproof.engine.stepper import changes
from lostproof.engine.verdicts import Result, SliceReport, Verdict
from lostproof.model import Model
from lostproof.properties import property_named
from lostproof.world import Cell

if TYPE_CHECKING:
    from lostproof.pinned import Drift
    from lostproof.replay import Outcome
    from lostproof.scenarios import Scenario

__all__ = [
    "ACTIONS", "STORES", "cell_name", "check_data", "digest", "dump", "matrix_data", "owner_name", "result_data", "run_data",
    "simulation_data", "steps_data", "value_name",
]

ACTIONS: dict[str, str] = {
    "slot_due": "a scheduled time of the job arrives",
    "put_off_due": "the time comes to which the catch-up has put the job off",
    "expire": "the row's last event becomes older than the grace",
    "age_marker": "the job's marker becomes older than two hours",
    "clock_forward": "the wall clock jumps ahead by hours: rows and markers are old at once",
    "clock_back": "the wall clock is set back by hours: rows and markers are young again",
    "suspend": "the machine sleeps for hours: the process stands still, the wall clock and the schedule go on",
    "collect": "the store is read and jobs are found due (where another gateway can come in before the reservation)",
    "tick": "the timer starts the runs that are due",
    "run_now": "an operator starts a run by hand",
    "accept": "an operator asks for a run by hand, and gets the answer that it will be",
    "decline": "the gateway cannot start such a run when its turn comes, and drops it",
    "reserve": "the run's marker is set",
    "activate": "the run's reservation becomes the job's marker; the run takes its start time",
    "fence": "the run finds its reservation gone and does not begin",
    "begin": "the run takes its start time, and its row is opened",
    "open": "one transaction opens the run",
    "end": "the work really ends",
    "time_out": "the watchdog gives the run up as timed out, although its work goes on",
    "executor_dies": "the process dies that does the run's work",
    "cancel": "an operator cancels the run",
    "abort": "the work is cut short, as it was told",
    "record": "the row is closed with how the run ended",
    "apply": "the result is applied to the job",
    "settle": "the run's result is persisted",
    "supersede": "the run's receipt is no longer valid: the job is released as if it had not run",
    "disown": "the row of such a run is closed as failed, whatever it said",
    "append_log": "the finished line reaches the run log",
    "append_interrupted": "an interrupted line reaches the run log",
    "enqueue": "what a run brought forth is put into the delivery queue",
    "attempt": "the delivery queue is told that it is about to be sent",
    "send": "it is sent to somebody, who gets it",
    "acknowledge": "the delivery queue is told that it was sent",
    "take_up": "a start finds an entry that was not acknowledged, and will send it",
    "give_up": "a start finds an entry that may have been sent, and gives it up for people to see",
    "start": "a new gateway process loads the ledger; maintenance is scheduled",
    "repair": "start-up deals with what the last process left behind",
    "close_interrupted": "the row of an interrupted run is closed, in a write of its own",
    "reclaim": "the tick releases a job whose marker belongs to no living run",
    "catch_up": "start-up makes up for missed slots",
    "ready": "start-up is over; the cron timer is armed",
    "exit": "the gateway process ends after a SIGTERM",
    "sweep_begin": "the gateway's maintenance begins a pass over the rows",
    "sweep_row": "the pass decides about one row",
    "cli_begin": "an operator starts `maintenance --apply`; it takes its snapshot",
    "cli_row": "the CLI writes one row from its snapshot",
    "disable": "an operator disables the job",
    "reassign": "the job is given to another agent while its run is at work",
    "enable": "an operator enables the job again",
    "delete": "an operator deletes the job",
    "clear_stuck": "the gateway clears a marker older than two hours",
    "prune_row": "days later: the row has been kept long enough and is deleted",
    "prune_log": "thousands of runs later: the job's lines are no longer in the log, and its state is of a later run",
    "crash": "the gateway is killed",
    "terminate": "the gateway gets a SIGTERM",
    "restart_in_process": "the gateway restarts inside its process",
    "reload": "the cron service is reloaded (a configuration change)",
}
"""Everything that can happen in some revision, in words."""

STORES: dict[str, str] = {
    "row": "row",
    "pruned": "row deleted",
    "marker": "marker",
    "last": "job state",
    "log": "run log",
    "next": "slots consumed",
    "job": "job",
    "queued": "reservation",
    "reassigned": "receipt outdated",
    "memory": "registry copy",
    "active": "active set",
    "token": "active set",
    "plan": "CLI snapshot",
    "seen": "sweep's notes",
    "skipped": "skipped at start",
    "deferred": "to be put off",
    "put_off": "put off",
    "collected": "found due",
    "log_queue": "log line waits",
    "interrupt_queue": "interrupted waits",
    "unclosed": "row to close",
    "cancelling": "cancel",
    "orphan": "no handle",
    "accepted": "request in the lane",
    "booked": "booking",
    "outbox": "delivery queue",
    "sending": "sender",
}
"""What people call the stores that processes read and write: every field except those that say what an actor does."""


# -- names


def owner_name(m: Model, cell: Cell) -> str:
    """Return what ``cell`` belongs to: ``world``, a job, a slot, a run, or two runs."""
    match cell.field.per:
        case "job":
            return m.job_name(cell.index[0])
        case "slot":
            return f"slot-{cell.index[1] + 1} of {m.job_name(cell.index[0])}"
        case "run":
            return m.run_name(cell.index[0])
        case "pair":
            return f"{m.run_name(cell.index[0])} and {m.run_name(cell.index[1])}"
        case _:
            return "world"


def cell_name(m: Model, cell: Cell) -> str:
    """Return what people call ``cell``."""
    owner = owner_name(m, cell)
    return cell.field.name if owner == "world" else f"{cell.field.name} of {owner}"


def value_name(m: Model, cell: Cell, value: int) -> str:
    """Return what people call ``value`` of ``cell``; numbers of runs, slots and rows become their names."""
    runs = m.bounds.runs
    match cell.field.base:
        case "marker" | "token":
            return f"run-{value}" if value else "none"
        case "last" if value > runs:
            return f"interrupted(run-{value - runs})"
        case "last":
            return f"run-{value}" if value else "none"
        case "slot":
            return f"slot-{value + 1}" if value < m.bounds.slots else "none"
        case "collected":
            return f"slot-{value}" if value else "none"
        case "sweep":
            return m.run_name(value - 1) if value else "none"
        case "plan":
            if not value:
                return "none"
            status, expired = m.rule_table.offline_rows[value - 1]
            return ("running", "lost")[status] + (", past its grace" if expired else "")
        case "seen":
            return f"evidence-{value}"
        case _:
            return cell.field.label(value)


def subject_name(m: Model, judged: str, subject: Any) -> str:
    """Return what people call ``subject`` of the property with id ``judged``."""
    return property_named(judged).name_of(m, subject)


# -- timelines


def steps_data(m: Model, moments: Iterable[Moment]) -> list[dict[str, Any]]:
    """Return a timeline as plain data: what happened when, what changed, and what it broke."""
    return [_step_data(m, number, moment) for number, moment in enumerate(moments, 1)]


def _step_data(m: Model, number: int, moment: Moment) -> dict[str, Any]:
    action = m.actions[moment.action]
    return {
        "step": number,
        "at_ms": moment.at_ms,
        "actor": action.actor,
        "action": action.name,
        "params": action.describe(m),
        "changes": [
            {
                "field": cell.field.name,
                "of": owner_name(m, cell),
                "home": cell.field.home.name.lower(),
                "from": value_name(m, cell, old),
                "to": value_name(m, cell, new),
            }
            for cell, old, new in changes(m, moment.before, moment.after)
        ],
        "violates": [
            {"property": judged, "subject": subject_name(m, judged, subject)} for judged, subject in moment.broken
        ],
    }


def digest(m: Model, moments: Iterable[Moment]) -> str:
    """Return the SHA-256 of a timeline in its canonical form: one line of compact JSON for each step."""
    lines = (json.dumps(step, sort_keys=True, separators=(",", ":")) + "\n" for step in steps_data(m, moments))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# -- results


def check_data(bounds: str, slices: Sequence[Slice], results: Sequence[Result]) -> dict[str, Any]:
    """Return the JSON of ``check``."""
    return {
        "lostproof": __version__,
        "bounds": {"name": bounds, "slices": {part.name: part.bounds.describe() for part in slices}},
        "results": [result_data(result) for result in results],
    }


def result_data(result: Result) -> dict[str, Any]:
    """Return the verdicts on one revision, with the sizes of what was explored."""
    return {
        "revision": result.revision.name,
        "states": result.states,
        "transitions": result.transitions,
        "depth": result.depth,
        "closed": result.closed,
        "slices": [_slice_data(report) for report in result.slices],
        "exercised": result.coverage.describe(),
        "properties": [_verdict_data(verdict) for verdict in result.verdicts],
    }


def _slice_data(report: SliceReport) -> dict[str, Any]:
    return {
        "name": report.slice.name,
        "states": report.states,
        "transitions": report.transitions,
        "depth": report.depth,
        "closed": report.closed,
        "limit": report.limit,
        "sweeps": ("unbounded" if report.sweeps == UNBOUNDED else report.sweeps) if report.closed else None,
    }


def _verdict_data(verdict: Verdict) -> dict[str, Any]:
    timed = verdict.race
    steps = steps_data(timed.race.model, timed.moments) if timed else []
    return {
        "id": verdict.property.id,
        "verdict": verdict.verdict,
        "slice": verdict.slice,
        "steps": timed.race.steps if timed else None,
        "faults": timed.race.faults if timed else None,
        "point_of_no_return": timed.point_of_no_return if timed else None,
        "reason": verdict.reason,
        "race": steps[: timed.steps] if timed else None,
        "continuation": steps[timed.steps :] if timed else None,
    }


def matrix_data(
    bounds: str, slices: Sequence[Slice], results: Sequence[Result],
    expected: Mapping[str, Mapping[str, str]] | None, drifted: Sequence[Drift],
) -> dict[str, Any]:
    """Return the JSON of ``matrix``: ``check``'s, with what was expected (None: nothing pinned), and what drifted."""
    data = check_data(bounds, slices, results)
    cells = {(drift.revision, drift.property) for drift in drifted}
    for result in data["results"]:
        for verdict in result["properties"]:
            name, judged = result["revision"], verdict["id"]
            verdict["expected"] = None if expected is None else expected.get(name, {}).get(judged)
            verdict["drift"] = (name, judged) in cells
    data["pinned"] = expected is not None
    data["drift"] = [drift.describe() for drift in drifted]
    return data


def run_data(replayed: Sequence[tuple[Scenario, Sequence[Outcome]]]) -> dict[str, Any]:
    """Return the JSON of ``run``."""
    return {
        "lostproof": __version__,
        "scenarios": [
            {
                "scenario": scenario.name,
                "family": scenario.family,
                "title": scenario.title,
                "outcomes": [_outcome_data(outcome) for outcome in outcomes],
            }
            for scenario, outcomes in replayed
        ],
    }


def _outcome_data(outcome: Outcome) -> dict[str, Any]:
    return {
        "revision": outcome.revision,
        "passed": outcome.passed,
        "failures": list(outcome.failures),
        "violated": sorted(outcome.violated),
        "lasting": [{"property": name, "subject": subject} for name, subject in outcome.lasting],
        "tried": [
            {"at_ms": list(one.at_ms), "possible": one.possible, "violated": sorted(one.violated), "rows": dict(one.rows)}
            for one in outcome.tried
        ],
        "timeline": steps_data(outcome.model, outcome.moments),
    }


def simulation_data(
    seed: int, m: Model, options: Mapping[str, int], trace: Sequence[Moment], broken: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON of ``simulate``."""
    return {
        "lostproof": __version__,
        "revision": m.revision.name,
        "seed": seed,
        "bounds": m.bounds.describe(),
        "options": dict(options),
        "violated": list(broken),
        "digest": digest(m, trace),
        "timeline": steps_data(m, trace),
    }


def dump(data: Any) -> str:
    """Return ``data`` as the JSON that commands print."""
    return json.dumps(data, indent=2, ensure_ascii=False)
