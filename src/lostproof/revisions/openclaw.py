"""Shipped releases, as their published packages have them.

Every statement is one of the lineage of the product's rule: what the sweep consults, in which order a run writes, what a
start-up does with the markers it finds, and which writes a terminal row refuses.
"""

from __future__ import annotations

from lostproof.revisions.revision import Revision, Section
from lostproof.revisions.shipped_rules import active_set, always_backed, durable_first, ledger_first

__all__ = ["OPENCLAW_2026_4_2", "OPENCLAW_2026_4_15", "OPENCLAW_2026_5_28", "OPENCLAW_2026_9_6"]

# One tick: reserve all due jobs in one write; start each with a clock reading of its own; hold every outcome until the
# slowest has ended; then, under the lock, close row after row and persist the store once.
TIMER = (
    Section("reserve", ("set_marker",), needs_lock=True),
    Section("begin", ("mark_active", "open_row"), in_turn=True),
    Section("end"),
    Section("record", ("clear_active", "finalize_row", "queue_log"), barrier=True, needs_lock=True, keeps_lock=True),
    Section("settle", ("record_job", "skip_slots"), barrier=True, together=True),
)

# Start-up catch-up is never marked active, but clears the entry all the same.
CATCH_UP = (
    TIMER[0],
    Section("begin", ("open_row",), in_turn=True),
    *TIMER[2:],
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

OPENCLAW_2026_4_15 = Revision(
    name="openclaw-2026.4.15",
    title="alive if the job is in an in-memory set (4.5 to 4.24)",
    source="npm openclaw@2026.4.15; issue openclaw#68191",
    rule=active_set,
    guards={"finish_overrides_lost": True, "late_finish_wins": True},
    timer=TIMER,
    catch_up=CATCH_UP,
    manual=MANUAL,
    repair=("skip_interrupted_one_shots", "clear_markers"),
    ready=("drop_overdue_slots",),
)

OPENCLAW_2026_4_2 = OPENCLAW_2026_4_15.but(
    "openclaw-2026.4.2",
    "a cron row is never lost (up to 4.2)",
    source="npm openclaw@2026.4.2",
    rule=always_backed,
    repair=("skip_interrupted_jobs", "clear_markers"),
)

OPENCLAW_2026_5_28 = OPENCLAW_2026_4_15.but(
    "openclaw-2026.5.28",
    "durable results first, then the in-memory set (4.25 to 6.11)",
    source="npm openclaw@2026.5.28; issues openclaw#71963, #78233, #96161",
    rule=durable_first,
    guards={"finish_overrides_lost": False, "late_finish_wins": False},
    timer=(TIMER[0], Section("begin", ("mark_active", "open_row")), *TIMER[2:]),
    manual=(
        MANUAL[0],
        Section("begin", ("open_row", "mark_active")),
        *MANUAL[2:5],
        Section("settle", ("record_job", "skip_slots", "clear_active")),
    ),
    repair=("interrupt_markers",),
    ready=(),
    reloads_memory=True,
    caches_evidence=True,
    logs_interrupted=True,
    sequential=False,
    catch_up_agents=False,
    logs_deleted_jobs=True,
)

# From 2026.8.1 on every run goes through the same primitives, whoever started it. One transaction reserves the job, the
# next one starts the clock of the run; only then its row is opened. An outcome waits for nobody: row, then job. A manual
# run writes its row once more, to add the id of the request, and so gets a second chance to close it.
RECEIPT = (
    Section("reserve", ("reserve_job",), needs_lock=True),
    Section("activate", ("activate_job",), needs_lock=True, keeps_lock=True, on_fault="release"),
    Section("begin", ("open_row", "take_token")),
    Section("end"),
    Section("record", ("open_row", "finalize_row"), needs_lock=True, keeps_lock=True),
)

OPENCLAW_2026_9_6 = Revision(
    name="openclaw-2026.9.6",
    title="receipts name the owner, the row is the history (8.1 to 9.6)",
    source="npm openclaw@2026.9.6",
    rule=ledger_first,
    guards={"finish_overrides_lost": True, "late_finish_wins": False},
    timer=(*RECEIPT, Section("settle", ("record_job", "skip_slots", "drop_token"))),
    catch_up=(*RECEIPT, Section("settle", ("record_job", "skip_slots", "drop_token"))),
    manual=(
        *RECEIPT,
        Section("apply", ("record_job",), keeps_lock=True),
        Section("settle", ("open_row", "finalize_row", "drop_token")),
    ),
    repair=("recover_jobs",),
    memory_first=False,
    reloads_memory=True,
    early_markers=False,
    unique_ids=True,
    sequential=False,
    batched=False,
    catch_up_agents=False,
    disabling_clears_marker=False,
    clears_stuck_markers=False,
    tokens=True,
    receipts=True,
    spares_active_marker=True,
    names_owner=True,
    transactions=True,
    rereads_rows=True,
)
