"""The reconcile rules of shipped releases, one function for each that the product has had.

They answer for everything that a real ledger can hold, not only for what a modelled world produces: each is compared
with the releases' own code over the whole domain of the evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lostproof.evidence import CANCELLED, KEEP, LOST, Decision, Evidence, Rule, recover

__all__ = ["EPOCHS", "STATUS_OF", "Epoch", "epoch_of", "recorded_result", "release_number"]

STATUS_OF = {"ok": "succeeded", "failed": "failed", "timed_out": "timed_out", "interrupted": "interrupted"}
"""The row status that a recovery writes for a result found in the log or in the job state."""

OPEN = ("running", "queued")


def recorded_result(evidence: Evidence) -> str:
    """Return what the durable stores say about this very run: the log's word, else the job state's, else ``none``."""
    return next((result for result in (evidence.log, evidence.job) if result in STATUS_OF), "none")


def always_backed(evidence: Evidence) -> Decision:
    """Up to 2026.4.2: there is no cron branch, so a cron row always counts as backed."""
    return KEEP


def active_set(evidence: Evidence) -> Decision:
    """2026.4.5 to 2026.4.24: a cron row is backed if and only if its job is in the active set of the asking process."""
    if evidence.status not in OPEN or not evidence.expired or evidence.active:
        return KEEP
    return LOST


def durable_first(evidence: Evidence) -> Decision:
    """2026.5.28 to 2026.6.11: recover from log or job state, at once; infer only as the authoritative process."""
    if evidence.status not in OPEN:
        return KEEP
    if evidence.run_id == "well_formed":
        # A skipped run counts as a success; what cannot be read says nothing.
        result = next((r for r in (evidence.log, evidence.job) if r in STATUS_OF or r == "skipped"), "none")
        if result != "none":
            return recover(STATUS_OF.get(result, "succeeded"))
    return active_set(evidence) if evidence.authoritative else KEEP


def durable_first_loosely(evidence: Evidence) -> Decision:
    """2026.4.25 to 2026.5.12 at least: as later, but the start time in a run id may be any number."""
    return durable_first(_loosely(evidence))


def durable_first_repairing(evidence: Evidence) -> Decision:
    """2026.6.33 to 2026.7.35: as before, and a row lost with "backing session missing" is recovered as well."""
    if evidence.status == "lost":
        decision = durable_first(Evidence(**{**evidence.describe(), "status": "running"}))
        return decision if decision.kind == "recover" else KEEP
    return durable_first(evidence)


def ledger_first(evidence: Evidence) -> Decision:
    """From 2026.8.1: a row whose job is active is left alone, else it follows the ledger on disk; nothing else is read."""
    if evidence.status in (*OPEN, "lost") and not (evidence.authoritative and evidence.active) and evidence.ledger != "none":
        return CANCELLED if evidence.ledger == "cancelled" else recover(STATUS_OF[evidence.ledger])
    return active_set(evidence) if evidence.authoritative else KEEP


def _loosely(evidence: Evidence) -> Evidence:
    if evidence.run_id != "loose":
        return evidence
    return Evidence(**{**evidence.describe(), "run_id": "well_formed"})


@dataclass(frozen=True)
class Epoch:
    """The releases that share a reconcile rule.

    Attributes:
        since: the first release known to have it; it goes on until the next epoch's first.
        rule: the rule.
    """

    since: tuple[int, ...]
    rule: Rule


EPOCHS = (
    Epoch((2026, 3, 31), always_backed),
    Epoch((2026, 4, 5), active_set),
    Epoch((2026, 4, 25), durable_first_loosely),
    Epoch((2026, 5, 28), durable_first),
    Epoch((2026, 6, 33), durable_first_repairing),
    Epoch((2026, 8, 1), ledger_first),
)
"""The rule's history, by the release where each form of it was first seen."""


def epoch_of(version: tuple[int, ...]) -> Epoch | None:
    """Return the epoch of a release, None for one from before there was a ledger."""
    return next((epoch for epoch in reversed(EPOCHS) if epoch.since <= version), None)


def release_number(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, for example ``2026.4.15`` or ``2026.7.2-beta.1``, to compare releases by.

    Dates of publication do not order releases: some are maintenance branches.
    """
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))
