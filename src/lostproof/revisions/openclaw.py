"""Shipped releases, as their published packages have them: each is the one before it, with what it changed.

Every statement is one of the lineage of the product's rule: what the sweep consults, in which order a run writes, what a
start-up does with the markers it finds, and which writes a terminal row refuses. A release that changed nothing that
matters here is its predecessor under another name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lostproof.revisions.revision import Constants, Revision, Section, WriteOrder
from lostproof.revisions.shipped_rules import (
    active_set,
    always_backed,
    durable_first,
    durable_first_loosely,
    durable_first_repairing,
    ledger_first,
)

__all__ = ["OPENCLAW_2026_4_15", "SHIPPED"]


def _edited(order: WriteOrder, **changes: dict[str, Any]) -> WriteOrder:
    """Return ``order`` with changes to some of its sections, which go by their events."""
    return tuple(replace(section, **changes.get(section.event, {})) for section in order)


# -- 3.31 to 4.24: everything in memory

# One tick: reserve all due jobs in one write; start each with a clock reading of its own; hold every outcome until the
# slowest has ended; then, under the lock, close row after row and persist the store once.
_BATCH = (
    Section("reserve", ("set_marker",), needs_lock=True),
    Section("begin", ("open_row",), in_turn=True),
    Section("end"),
    Section("record", ("finalize_row", "queue_log"), barrier=True, needs_lock=True, keeps_lock=True),
    Section("settle", ("record_job", "skip_slots"), barrier=True, together=True),
)

# A manual run takes its start time from the reservation, and closes its row before it takes the lock.
MANUAL = (
    Section("reserve", ("set_marker",), needs_lock=True, keeps_lock=True),
    Section("begin", ("open_row",)),
    Section("end"),
    Section("record", ("finalize_row",)),
    Section("apply", ("queue_log",), needs_lock=True, keeps_lock=True),
    Section("settle", ("record_job", "skip_slots")),
)

OPENCLAW_2026_4_2 = Revision(
    name="openclaw-2026.4.2",
    title="a cron row is never lost (up to 4.2)",
    source="npm openclaw@2026.4.2",
    rule=always_backed,
    guards={"finish_overrides_lost": True, "late_finish_wins": True},
    timer=_BATCH,
    catch_up=_BATCH,
    manual=MANUAL,
    repair=("skip_interrupted_jobs", "clear_markers"),
    ready=("drop_overdue_slots",),
)

# The active set is for the timer's runs. Start-up catch-up is never marked, but clears the entry all the same.
_CLEARING = _edited(_BATCH, record={"steps": ("clear_active", "finalize_row", "queue_log")})
TIMER = _edited(_CLEARING, begin={"steps": ("mark_active", "open_row")})

OPENCLAW_2026_4_5 = OPENCLAW_2026_4_2.but(
    "openclaw-2026.4.5",
    "alive if the job is in an in-memory set (first in 4.5)",
    source="npm openclaw@2026.4.5; changelog openclaw#60310",
    rule=active_set,
    timer=TIMER,
    catch_up=_CLEARING,
    repair=("skip_interrupted_one_shots", "clear_markers"),
)

OPENCLAW_2026_4_15 = OPENCLAW_2026_4_5.but(
    "openclaw-2026.4.15",
    "alive if the job is in an in-memory set (4.5 to 4.24)",
    source="npm openclaw@2026.4.15; issue openclaw#68191",
)

OPENCLAW_2026_4_24 = OPENCLAW_2026_4_15.but(
    "openclaw-2026.4.24",
    "a plugin may recover a row before it is lost; none does",
    source="npm openclaw@2026.4.24",
)

# -- 4.25 to 7.1: what is durable goes first

OPENCLAW_2026_4_25 = OPENCLAW_2026_4_24.but(
    "openclaw-2026.4.25",
    "durable results first; start-up records what was cut off (first in 4.25)",
    source="npm openclaw@2026.4.25; changelog openclaw#71963",
    rule=durable_first_loosely,
    guards={"finish_overrides_lost": False, "late_finish_wins": False},
    repair=("interrupt_markers",),
    caches_evidence=True,
    logs_interrupted=True,
)

# Rows are reloaded from 4.27 on, and catch-up defers agent turns and keeps overdue slots from some release before 5.12. From
# then on a due time that is on no schedule counts as wrong, also if the catch-up has put the job off to it.
OPENCLAW_2026_5_12 = OPENCLAW_2026_4_25.but(
    "openclaw-2026.5.12",
    "manual runs are in the set as well; a restart inside the process reloads the rows",
    source="npm openclaw@2026.5.12; changelog openclaw#78233, #78243",
    manual=_edited(
        MANUAL, begin={"steps": ("open_row", "mark_active")}, settle={"steps": ("record_job", "skip_slots", "clear_active")}
    ),
    ready=("drop_deferred_slots",),
    reloads_memory=True,
    catch_up_agents=False,
    logs_deleted_jobs=True,
    alerts="attempted",
)

OPENCLAW_2026_5_28 = OPENCLAW_2026_5_12.but(
    "openclaw-2026.5.28",
    "durable results first, then the in-memory set (4.25 to 6.11)",
    source="npm openclaw@2026.5.28; issues openclaw#71963, #78233, #96161",
    rule=durable_first,
    timer=_edited(TIMER, begin={"in_turn": False}),
    sequential=False,
    constants=Constants(lost_retention_ms=86_400_000),  # from 5.26 on
)

# One database for all, and its writes are synchronous: a batch is persisted before its log lines are inserted. On the manual
# path the store is read again in between, so that the line comes first.
_STORE_FIRST: dict[str, dict[str, Any]] = {
    "record": {"steps": ("clear_active", "finalize_row")},
    "settle": {"steps": ("record_job", "skip_slots", "queue_log")},
}

OPENCLAW_2026_6_1 = OPENCLAW_2026_5_28.but(
    "openclaw-2026.6.1",
    "one database: the ledger is written before memory changes",
    source="npm openclaw@2026.6.1",
    timer=_edited(OPENCLAW_2026_5_28.timer, **_STORE_FIRST),
    catch_up=_edited(_CLEARING, **_STORE_FIRST),
    manual=_edited(OPENCLAW_2026_5_28.manual, apply={"steps": ("write_log",)}),
    memory_first=False,
)

# Every run has a token, and takes out that one when all is written. A run without a current one closes its row, and leaves
# it at that; so does a catch-up run whose service was stopped.
_FENCED: dict[str, dict[str, Any]] = {
    "record": {"steps": ("finalize_row",)},
    "settle": {"steps": ("record_job", "skip_slots", "queue_log", "drop_token"), "fenced": True},
}

OPENCLAW_2026_6_8 = OPENCLAW_2026_6_1.but(
    "openclaw-2026.6.8",
    "all runs are in the set, by tokens; one without a token writes its row only",
    source="npm openclaw@2026.6.8",
    timer=_edited(OPENCLAW_2026_6_1.timer, begin={"steps": ("take_token", "open_row")}, **_FENCED),
    catch_up=_edited(
        _edited(_CLEARING, begin={"steps": ("open_row", "take_token")}, **_FENCED), settle={"serving": True}
    ),
    manual=_edited(
        OPENCLAW_2026_6_1.manual,
        begin={"steps": ("open_row", "take_token")},
        apply={"fenced": True},
        settle={"steps": ("record_job", "skip_slots", "drop_token"), "fenced": True},
    ),
    tokens=True,
    cancels="by_handle",
)

OPENCLAW_2026_6_11 = OPENCLAW_2026_6_8.but(
    "openclaw-2026.6.11",
    "a start leaves the due times alone of the jobs that its catch-up has put off",
    source="npm openclaw@2026.6.11",
    ready=(),
)

OPENCLAW_2026_6_33 = OPENCLAW_2026_6_11.but(
    "openclaw-2026.6.33",
    "a false lost row is repaired from log or job state",
    source="npm openclaw@2026.6.33; pull request openclaw#86088",
    rule=durable_first_repairing,
)

OPENCLAW_2026_7_1 = OPENCLAW_2026_6_33.but(
    "openclaw-2026.7.1",
    "a job may have a trigger that decides whether it runs",
    source="npm openclaw@2026.7.1; pull request openclaw#86088",
    cancels="by_row",
)

# -- from 8.1: the row is the history

# Every run goes through the same primitives, whoever started it. One transaction reserves the job, the next one starts the
# clock of the run; only then its row is opened. An outcome waits for nobody: row, then job. A manual run writes its row
# once more, to add the id of the request, and so gets a second chance to close it.
_RECEIPT = (
    Section("reserve", ("reserve_job",), needs_lock=True),
    Section("activate", ("activate_job",), needs_lock=True, keeps_lock=True, on_fault="release"),
    Section("begin", ("open_row", "take_token")),
    Section("end"),
    Section("record", ("open_row", "finalize_row"), needs_lock=True, keeps_lock=True),
)
_SCHEDULED = (*_RECEIPT, Section("settle", ("record_job", "skip_slots", "drop_token")))

OPENCLAW_2026_8_1 = OPENCLAW_2026_7_1.but(
    "openclaw-2026.8.1",
    "receipts name the owner, the row is the history (first in 8.1)",
    source="npm openclaw@2026.8.1",
    rule=ledger_first,
    guards={"finish_overrides_lost": True, "late_finish_wins": False},
    timer=_SCHEDULED,
    catch_up=_SCHEDULED,
    manual=(
        *_RECEIPT,
        Section("apply", ("record_job",), keeps_lock=True),
        Section("settle", ("open_row", "finalize_row", "drop_token")),
    ),
    repair=("recover_jobs",),
    caches_evidence=False,
    early_markers=False,
    logs_interrupted=False,
    unique_ids=True,
    batched=False,
    disabling_clears_marker=False,
    logs_deleted_jobs=False,
    clears_stuck_markers=False,
    receipts=True,
    reclaims_silently=True,
    spares_active_marker=True,
    delivery="attempted",
    alerts="attempted",
    admission="told",
    cancels="by_handle",
    drains=True,
    starts_without_ledger=False,
    names_owner=True,
    transactions=True,
    refreshes_copies=True,
)

OPENCLAW_2026_9_5 = OPENCLAW_2026_8_1.but(
    "openclaw-2026.9.5",
    "a marker names its receipt; a tick closes the rows that it finds cut off",
    source="npm openclaw@2026.9.5",
    reclaims_silently=False,
)

OPENCLAW_2026_9_6 = OPENCLAW_2026_9_5.but(
    "openclaw-2026.9.6",
    "receipts name the owner, the row is the history (8.1 to 9.6)",
    source="npm openclaw@2026.9.6; issue openclaw#139504",
    admission="reserved",
)

SHIPPED = (
    OPENCLAW_2026_4_2,
    OPENCLAW_2026_4_5,
    OPENCLAW_2026_4_15,
    OPENCLAW_2026_4_24,
    OPENCLAW_2026_4_25,
    OPENCLAW_2026_5_12,
    OPENCLAW_2026_5_28,
    OPENCLAW_2026_6_1,
    OPENCLAW_2026_6_8,
    OPENCLAW_2026_6_11,
    OPENCLAW_2026_6_33,
    OPENCLAW_2026_7_1,
    OPENCLAW_2026_8_1,
    OPENCLAW_2026_9_5,
    OPENCLAW_2026_9_6,
)
"""The modelled releases, in the order of their version numbers."""
