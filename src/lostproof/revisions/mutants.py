"""Mutants of ``reference``: the design without one of its clauses, and the property that notices.

Each mutant is a revision. A clause whose mutant nothing notices is either covered by another clause (the mutant without
both is killed), or its value does not matter (:data:`NEEDS_NO_MUTANT` says why, :data:`HARMLESS` holds the proof).

Clauses name what they are about in backticks: an attribute of the revision, a section, a step, a part of the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from lostproof.bounds import PRESETS, Bounds
from lostproof.evidence import DOMAIN, KEEP, LOST, Decision, Evidence, recover
from lostproof.revisions.mutant_steps import START_UPS
from lostproof.revisions.openclaw import MANUAL, OPENCLAW_2026_4_15, TIMER
from lostproof.revisions.proposals import CLOSE, OPEN, REFERENCE
from lostproof.revisions.revision import Revision, Section
from lostproof.steps import MUTANT_REPAIRS

__all__ = ["HARMLESS", "MUTANTS", "NEEDS_NO_MUTANT", "SLICES", "Mutant", "elements"]


@dataclass(frozen=True)
class Mutant:
    """The reference revision without a clause.

    Attributes:
        name: what the table calls it.
        clause: the clause that is removed, in English.
        revision: the reference without it.
        killed_by: ids of properties that it violates and the reference does not, in ``slice``; empty if it survives.
        slice: name of the slice in :data:`SLICES` in which it is killed.
        covered_by: names of mutants whose clauses make up for the missing one.
        parts: for a mutant without several clauses, the mutants without one of them each; none of them violates
            ``killed_by`` in ``slice``.
    """

    name: str
    clause: str
    revision: Revision
    killed_by: tuple[str, ...] = ()
    slice: str = "crash"
    covered_by: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


SLICES: dict[str, Bounds] = {
    **{part.name: part.bounds for part in PRESETS["ci"]},
    "store-no-crash": Bounds(store_faults=1),
    "operator-twice": Bounds(operator_actions=2, outcomes=1),
}
"""The slices of ``ci``, and two that show what those cannot.

Every other slice with store faults has a crash as well, and a crash alone excuses an outcome that got lost. A job that
was disabled matters only when it is enabled again.
"""


# -- rules of mutants


def _is_up(e: Evidence) -> bool:
    return e.status == "running" and e.authoritative


def _close_if(condition: bool) -> Decision:
    return recover("interrupted") if condition else KEEP


# -- the mutants

MUTANT_REPAIRS.update({start_up.__name__: start_up for start_up in START_UPS})

END = Section("end")


def _section(event: str, *steps: str, on_fault: str = "retry", barrier: bool = False) -> Section:
    return Section(event, steps, on_fault=on_fault, barrier=barrier)


def _order(*sections: Section) -> dict[str, Any]:
    """Return the changes that make ``sections`` the write order of every path."""
    return {"timer": sections, "manual": sections}


def _opened(*opening: Section) -> dict[str, Any]:
    return _order(*opening, END, CLOSE)


def _closed(*closing: Section) -> dict[str, Any]:
    return _order(OPEN, END, *closing)


NO_MARKER = _section("open", "consume_slot", "open_row")
PER_JOB: dict[str, Any] = {"rule": lambda e: _close_if(_is_up(e) and not e.active)}
AFTER_GRACE: dict[str, Any] = {"rule": lambda e: _close_if(_is_up(e) and e.expired)}
NO_SWEEP: dict[str, Any] = {"rule": lambda e: KEEP}
REFUSE_LATE: dict[str, Any] = {"guards": {"finish_overrides_lost": False, "late_finish_wins": False}}


def _per_job(opening: Section) -> dict[str, Any]:
    """Ownership by job: a set of jobs in memory, entered when a run opens and left when one closes."""
    first = _section("open", *opening.steps, "mark_active")
    return PER_JOB | _order(first, END, _section("settle", *CLOSE.steps, "clear_active"))


def _mutant(
    name: str, clause: str, changes: dict[str, Any], killed_by: str = "", slice: str = "crash", *,
    covered_by: tuple[str, ...] = (), parts: tuple[str, ...] = (),
) -> Mutant:
    revision = REFERENCE.but(f"reference-{name}", f"reference without: {clause}", **changes)
    return Mutant(name, clause, revision, tuple(killed_by.split()), slice, covered_by, parts)


_ALL = (
    # opening a run
    _mutant(
        "open-without-marker", "`open` sets the job's marker (`set_marker`), so that the job is not started again",
        _opened(NO_MARKER), "job-runs-alone",
    ),
    _mutant(
        "open-without-slot", "`open` consumes the slot (`consume_slot`)",
        _opened(_section("open", "set_marker", "open_row")), "slot-runs-once",
    ),
    _mutant(
        "open-without-row", "`open` creates the row (`open_row`)",
        _opened(_section("open", "set_marker", "consume_slot")),
        "job-not-blocked slot-not-dropped vanished-run-is-closed completed-run-converges",
    ),
    _mutant(
        "open-marker-first", "`open` is one transaction (mutant: marker and slot, then row)",
        _opened(_section("reserve", "set_marker", "consume_slot"), _section("begin", "open_row")),
        "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "open-row-first", "`open` is one transaction (mutant: row, then marker and slot)",
        _opened(_section("reserve", "open_row"), _section("begin", "set_marker", "consume_slot")), "slot-runs-once",
    ),
    _mutant(
        "open-marker-only-first", "`open` is one transaction (mutant: marker, then slot and row)",
        _opened(_section("reserve", "set_marker"), _section("begin", "consume_slot", "open_row")),
        "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "open-failure-skipped", "a run whose opening could not be written does not begin (`on_fault` of `open`)",
        _opened(
            _section("reserve", "set_marker", "consume_slot"), _section("begin", "open_row", on_fault="skip")
        ),
        "completed-run-converges", "store-no-crash",
    ),
    _mutant(
        "slot-at-close", "the slot is consumed by `open`, not by `settle` (`consume_slot`)",
        _order(_section("open", "set_marker", "open_row"), END, _section("settle", *CLOSE.steps, "consume_slot")),
        "slot-runs-once",
    ),
    _mutant(
        "open-skips-slots", "`open` consumes its own slot only (`consume_slot`, not every slot that has fallen due)",
        _opened(_section("open", "set_marker", "skip_slots", "open_row")), "slot-not-dropped", "slots",
    ),
    _mutant(
        "close-skips-slots", "`settle` leaves the slots alone",
        _closed(_section("settle", *CLOSE.steps, "skip_slots")), "slot-not-dropped", "slots",
    ),
    # closing a run
    _mutant(
        "close-row-first", "`settle` is one transaction (mutant: row, then job)",
        _closed(_section("record", "finalize_row"), _section("settle", "record_job")),
        "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "close-job-first", "`settle` is one transaction (mutant: job, then row)",
        _closed(_section("record", "record_job"), _section("settle", "finalize_row")),
        "row-agrees-with-record completed-run-converges evidence-outlives-its-use",
    ),
    _mutant(
        "close-without-row", "`settle` writes the end into the row (`finalize_row`)",
        _closed(_section("settle", "record_job")), "row-agrees-with-record completed-run-converges",
    ),
    _mutant(
        "close-without-job", "`settle` writes the job (`record_job`)", _closed(_section("settle", "finalize_row")),
        "job-not-blocked slot-not-dropped job-state-agrees-with-row",
    ),
    _mutant(
        "close-keeps-marker", "`settle` clears the marker (a part of `record_job`)",
        _closed(_section("settle", "finalize_row", "record_result")), "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "close-without-result", "`settle` writes the job's last result (a part of `record_job`)",
        _closed(_section("settle", "finalize_row", "clear_marker")), "job-state-agrees-with-row",
    ),
    _mutant(
        "close-failure-skipped", "closing is tried again when the store fails (`on_fault` of `settle`)",
        _closed(_section("settle", *CLOSE.steps, on_fault="skip")), "row-agrees-with-truth", "store-no-crash",
    ),
    # which runs that is true of
    _mutant(
        "timer-as-shipped", "`timer` runs open and close in one transaction each (mutant: as in 4.15)",
        {"timer": TIMER}, "slot-runs-once slot-not-dropped job-not-blocked",
    ),
    _mutant(
        "manual-as-shipped", "`manual` runs open and close in one transaction each (mutant: as in 4.15)",
        {"manual": MANUAL}, "slot-not-dropped job-not-blocked",
    ),
    _mutant(
        "outcomes-in-batches", "outcomes are written one by one (`batched`; mutant: when the last of a tick has ended)",
        {"batched": True} | _closed(_section("settle", *CLOSE.steps, barrier=True)), "result-waits-for-nobody", "jobs",
    ),
    # the sweep's rule
    _mutant(
        "sweep-off", "the sweep closes rows of dead owners (`rule`)", NO_SWEEP,
        "vanished-run-is-closed job-not-blocked", "store",
    ),
    _mutant(
        "sweep-loses", "the sweep closes them as interrupted, not as lost (`rule`)",
        {"rule": lambda e: LOST if _is_up(e) and e.owner == "dead" else KEEP}, "executed-run-never-lost",
    ),
    _mutant(
        "sweep-ignores-owner", "the sweep asks for the `owner` (mutant: it closes what is older than the grace)",
        AFTER_GRACE, "live-run-never-closed job-runs-alone",
    ),
    _mutant(
        "sweep-keeps-job", "the sweep releases the job with the row (`sweep_releases_job`)",
        {"sweep_releases_job": False}, "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "owner-per-job", "ownership is per run (`owner`; mutant: a set of jobs, in memory)", _per_job(OPEN),
        "live-run-never-closed job-runs-alone", "executors",
    ),
    _mutant(
        "owner-per-job-and-no-marker", "ownership is per run, and a job has one run at a time (`owner`, `set_marker`)",
        _per_job(NO_MARKER), "live-run-never-closed", parts=("owner-per-job", "open-without-marker"),
    ),
    _mutant(
        "cli-decides", "only the gateway decides (`authoritative`)",
        {"rule": lambda e: _close_if(e.status == "running" and e.owner == "dead")},
        covered_by=("unknown-owner-is-dead",),
    ),
    _mutant(
        "unknown-owner-is-dead", "an unknown `owner` is not taken for dead",
        {"rule": lambda e: _close_if(_is_up(e) and e.owner != "live")}, covered_by=("cli-decides",),
    ),
    _mutant(
        "cli-infers", "a process that cannot know the `owner` infers nothing (neither `authoritative` nor dead)",
        {"rule": lambda e: _close_if(e.status == "running" and e.owner != "live")},
        "live-run-never-closed record-never-overwritten", "offline", parts=("cli-decides", "unknown-owner-is-dead"),
    ),
    # start-up
    _mutant(
        "startup-settles-nothing", "start-up settles the rows of dead owners (`repair`, `settle_dead_owners`)",
        {"repair": ()}, covered_by=("sweep-off",),
    ),
    _mutant(
        "nobody-settles", "somebody settles the rows of dead owners (`settle_dead_owners`, `rule`)",
        {"repair": ()} | NO_SWEEP, "vanished-run-is-closed job-not-blocked slot-not-dropped",
        parts=("startup-settles-nothing", "sweep-off"),
    ),
    _mutant(
        "startup-settles-everybody", "start-up leaves living owners alone (`settle_dead_owners`)",
        {"repair": ("settle_everybody",)}, "live-run-never-closed job-runs-alone", "restart",
    ),
    _mutant(
        "startup-loses", "start-up closes rows as interrupted, not as lost (`settle_dead_owners`)",
        {"repair": ("lose_dead_owners",)}, "executed-run-never-lost",
    ),
    _mutant(
        "startup-keeps-marker", "start-up releases the marker with the row (`settle_dead_owners`)",
        {"repair": ("settle_rows_only",)}, "job-not-blocked slot-not-dropped",
    ),
    _mutant(
        "startup-keeps-job-state", "start-up writes the job state with the row (`settle_dead_owners`)",
        {"repair": ("settle_rows_and_markers",)}, "job-state-agrees-with-row",
    ),
    _mutant(
        "startup-clears-all-markers", "start-up clears no marker of a living owner (`repair`)",
        {"repair": ("settle_dead_owners", "clear_markers")}, "job-runs-alone", "restart",
    ),
    _mutant(
        "startup-drops-slots", "start-up leaves the slots of interrupted jobs alone (`repair`)",
        {"repair": ("drop_interrupted_slots", "settle_dead_owners")}, "slot-not-dropped",
    ),
    _mutant(
        "ready-drops-slots", "the end of a start leaves overdue slots alone (`ready`)",
        {"ready": ("drop_overdue_slots",)}, "slot-not-dropped",
    ),
    _mutant(
        "startup-by-marker", "start-up goes by the rows, not by the markers (`settle_dead_owners`)",
        {"repair": ("settle_marked",)}, covered_by=("sweep-off",),
    ),
    _mutant(
        "startup-by-marker-and-no-sweep",
        "somebody settles rows that no marker leads to (`settle_dead_owners`, `rule`)",
        {"repair": ("settle_marked",)} | NO_SWEEP, "vanished-run-is-closed", "operator",
        parts=("startup-by-marker", "sweep-off"),
    ),
    # what a run brings forth
    _mutant(
        "close-without-queue", "what a run brought forth enters the delivery queue when it ends (`enqueue`, in `settle`)",
        _closed(_section("settle", "finalize_row", "record_job")), "result-not-dropped", "deliveries",
    ),
    _mutant(
        "close-queue-last", "`settle` is one transaction (mutant: row and job, then the delivery queue; `enqueue`)",
        _closed(_section("record", "finalize_row", "record_job"), _section("settle", "enqueue")),
        "result-not-dropped", "deliveries",
    ),
    _mutant(
        "delivery-unqueued", "a result that is to be sent is in the delivery queue (`delivery`)", {"delivery": "direct"},
        "result-not-dropped", "deliveries",
    ),
    _mutant(
        "delivery-told-afterwards", "the delivery queue is told before a result is sent (`delivery`; mutant: afterwards)",
        {"delivery": "queued"}, "result-delivered-once", "deliveries",
    ),
    _mutant(
        "alerts-unqueued", "an alert that is to be sent is in the delivery queue (`alerts`)", {"alerts": "direct"},
        "result-not-dropped", "deliveries",
    ),
    _mutant(
        "alerts-told-afterwards", "the delivery queue is told before an alert is sent (`alerts`; mutant: afterwards)",
        {"alerts": "queued"}, "result-delivered-once", "deliveries",
    ),
    # requests
    _mutant(
        "requests-in-memory", "a request is booked on disk before it is acknowledged (`admission`)", {"admission": "lane"},
        "acknowledged-run-not-dropped", "admission",
    ),
    _mutant(
        "requests-in-memory-told", "a request is booked on disk, not only answered if it is dropped (`admission`)",
        {"admission": "told"}, "acknowledged-run-not-dropped", "admission",
    ),
    # the registry, identity, operators
    _mutant(
        "memory-first", "a row changes on disk first (`memory_first`)", {"memory_first": True},
        covered_by=("startup-settles-nothing", "copies-of-rows"),
    ),
    _mutant(
        "memory-first-by-copies-and-no-repair",
        "a row changes on disk first, and start-up or sweep settle what the disk says (`memory_first`, `repair`, "
        "`rereads_rows`)",
        {"memory_first": True, "repair": (), "rereads_rows": False}, "vanished-run-is-closed job-not-blocked", "store",
        parts=("memory-first", "startup-settles-nothing", "copies-of-rows"),
    ),
    _mutant(
        "late-finish-refused", "the owner's word replaces an inference (`guards`)", REFUSE_LATE,
        covered_by=("sweep-ignores-owner",),
    ),
    _mutant(
        "late-finish-refused-and-owner-ignored",
        "a row that was closed while its run was live is put right (`guards`, `owner`)",
        REFUSE_LATE | AFTER_GRACE, "row-agrees-with-record completed-run-converges",
        parts=("late-finish-refused", "sweep-ignores-owner"),
    ),
    _mutant(
        "shared-ids", "run ids are unique (`unique_ids`)", {"unique_ids": False},
        "no-invented-success row-agrees-with-record record-never-overwritten", "identity",
    ),
    _mutant(
        "old-markers-cleared", "a marker stays as long as its run lives (`clears_stuck_markers`)",
        {"clears_stuck_markers": True}, "job-runs-alone", "agents",
    ),
    # a second gateway on the same stores
    _mutant(
        "owner-unnamed", "a row names the process that owns it, so that others see it alive (`names_owner`)",
        {"names_owner": False}, "live-run-never-closed", "peer",
    ),
    _mutant(
        "due-before-open", "a job is found due in the transaction that opens its run (`transactions`)",
        {"transactions": False}, "job-runs-alone slot-runs-once", "peer",
    ),
    _mutant(
        "disabling-clears-marker", "disabling a job leaves the marker (`disabling_clears_marker`)",
        {"disabling_clears_marker": True}, "job-runs-alone", "operator-twice",
    ),
    _mutant(
        "empty-ledger", "a start that cannot read the ledger does not proceed (`starts_without_ledger`)",
        {"starts_without_ledger": True}, covered_by=("copies-of-rows",),
    ),
    _mutant(
        "empty-ledger-and-copies", "rows are read when a start begins, or when they are needed (`starts_without_ledger`)",
        {"starts_without_ledger": True, "rereads_rows": False}, "vanished-run-is-closed job-not-blocked", "reads",
        parts=("empty-ledger", "copies-of-rows"),
    ),
    # work that goes on by itself, and work that is stopped
    _mutant(
        "gateway-records", "the process that does the work closes its run (`executor_records`; mutant: the gateway)",
        {"executor_records": False}, "live-run-never-closed job-runs-alone", "executors",
    ),
    _mutant(
        "copies-of-rows", "who writes a row reads it first (`rereads_rows`; mutant: it goes by a copy in the gateway)",
        {"rereads_rows": False}, "completed-run-converges", "executors",
    ),
    _mutant(
        "overruns-given-up", "a run is over when its work is (`gives_up_overruns`; mutant: when its time is up)",
        {"gives_up_overruns": True}, "row-agrees-with-truth job-runs-alone", "overruns",
    ),
    _mutant(
        "cancel-closes-row", "a cancelled run writes itself how it ended (`cancels`; mutant: the cancel does)",
        {"cancels": "by_handle"}, "row-agrees-with-truth job-runs-alone", "cancels",
    ),
    _mutant(
        "no-drain", "a shutdown waits for runs, and stops them at its deadline (`drains`)",
        {"drains": False}, "row-agrees-with-truth", "drain",
    ),
)

MUTANTS: dict[str, Mutant] = {mutant.name: mutant for mutant in _ALL}
"""All mutants by name."""

NEEDS_NO_MUTANT: dict[str, str] = {
    "end": "the end of the work is no write, so there is nothing to remove",
    "early_markers": "one transaction takes one clock reading, and rows are found by id: there is no second time",
    "catch_up": "a missed slot opens like any other, so who opens it does not matter; the timer alone is simpler",
    "status": "the reference writes no lost row; the test keeps rows that an earlier release left lost as they are",
}
"""What of the reference has no mutant, and why not."""

_FREE: dict[str, dict[str, Any]] = {
    "early_markers": {"early_markers": True},
    "catch_up": {"catch_up": (OPEN, END, CLOSE)},
    "status": {"rule": lambda e: _close_if(e.authoritative and e.owner == "dead")},
    "expired": {"rule": lambda e: _close_if(_is_up(e) and e.owner == "dead" and e.expired)},
    "queue_log": _closed(_section("settle", *CLOSE.steps, "queue_log")),
    "reloads_memory": {"reloads_memory": True},
    "sequential": {"sequential": False},
}
HARMLESS: dict[str, Revision] = {
    name: REFERENCE.but(f"reference-{name}", f"reference, differently: {name}", **changes)
    for name, changes in _FREE.items()
}
"""Variants that hold all that the reference holds: these choices are free, and the reference takes the simpler one."""


def elements() -> set[str]:
    """Return everything in the reference that a mutant must name, or :data:`NEEDS_NO_MUTANT`.

    That is: every attribute in which it differs from 2026.4.15, every section and step of its write orders, what a
    section does when the store fails, every start-up step, and every part of the evidence that its rule consults.
    """
    described = ("name", "title", "source", "accepts", "constants")
    found = {
        field.name
        for field in fields(Revision)
        if field.name not in described and getattr(REFERENCE, field.name) != getattr(OPENCLAW_2026_4_15, field.name)
    }
    for order in REFERENCE.write_orders.values():
        for section in order:
            found |= {section.event, *section.steps}
            found |= {"on_fault"} if section.on_fault != "skip" else set()
    return found | set(REFERENCE.repair) | _consulted()


def _consulted() -> set[str]:
    return {
        part
        for evidence in Evidence.domain()
        for part, values in DOMAIN.items()
        if any(REFERENCE.rule(evidence) != REFERENCE.rule(replace(evidence, **{part: value})) for value in values)
    }
