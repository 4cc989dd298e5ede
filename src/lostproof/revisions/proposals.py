"""Proposals: the two fixes that the original report suggests, and a design of our own."""

from __future__ import annotations

from lostproof.evidence import KEEP, LOST, Decision, Evidence, recover
from lostproof.revisions.openclaw import OPENCLAW_2026_4_15
from lostproof.revisions.revision import Revision, Section
from lostproof.revisions.shipped_rules import STATUS_OF, recorded_result

__all__ = ["FIX_DURABLE", "FIX_SKIP", "REFERENCE"]


def durable_only(evidence: Evidence) -> Decision:
    """Decide from durable state alone: the log, then the job state, then a marker of this run; else lost after the grace.

    A marker belongs to this run if its time is the row's start or lies before it: a run starts some time after its
    reservation. The CLI decides by the same rule.
    """
    if evidence.status != "running":
        return KEEP
    result = recorded_result(evidence)
    if result != "none":
        return recover(STATUS_OF[result])
    if evidence.marker in ("exact", "earlier") or not evidence.expired:
        return KEEP
    return LOST


def owner_only(evidence: Evidence) -> Decision:
    """Close the rows of dead owners as interrupted; infer nothing else, and nothing at all outside the gateway."""
    if evidence.status == "running" and evidence.authoritative and evidence.owner == "dead":
        return recover("interrupted")
    return KEEP


FIX_SKIP = OPENCLAW_2026_4_15.but(
    "fix-skip",
    "4.15, but never lost without durable evidence that the run vanished",
    source="issue openclaw#68191, first suggestion",
    rule=lambda evidence: KEEP,
)

FIX_DURABLE = OPENCLAW_2026_4_15.but(
    "fix-durable",
    "4.15, but reconciled against durable state",
    source="issue openclaw#68191, second suggestion",
    rule=durable_only,
    caches_evidence=True,
)

OPEN = Section("open", ("set_marker", "consume_slot", "open_row"), on_fault="retry")
CLOSE = Section("settle", ("finalize_row", "record_job", "enqueue"), on_fault="retry")

REFERENCE = Revision(
    name="reference",
    title="one transaction opens a run, one ends it, its owner alone speaks for it",
    source="spec/reference.md",
    rule=owner_only,
    guards={"finish_overrides_lost": True, "late_finish_wins": True},
    timer=(OPEN, Section("end"), CLOSE),
    manual=(OPEN, Section("end"), CLOSE),
    repair=("settle_dead_owners",),
    memory_first=False,
    sweep_releases_job=True,
    early_markers=False,
    unique_ids=True,
    batched=False,
    disabling_clears_marker=False,
    clears_stuck_markers=False,
    delivery="attempted",
    alerts="attempted",
    admission="booked",
    starts_without_ledger=False,
    rereads_rows=True,
    executor_records=True,
    gives_up_overruns=False,
    cancels="by_owner",
    drains=True,
    names_owner=True,
    transactions=True,
    accepts={"row-agrees-with-truth": "spec/properties.md#what-cannot-hold-together"},
)
