"""Our reconcile rule, mended: what a durable store says of a run decides; where none says anything, nothing is inferred."""

from lostproof import KEEP, Decision, Evidence, recover

STATUS_OF = {"ok": "succeeded", "failed": "failed", "timed_out": "timed_out"}


def decide(evidence: Evidence) -> Decision:
    """Close a row as the log or the job state says that its run ended; leave it alone otherwise."""
    if evidence.status != "running":
        return KEEP
    recorded = next((result for result in (evidence.log, evidence.job) if result in STATUS_OF), None)
    return recover(STATUS_OF[recorded]) if recorded else KEEP
