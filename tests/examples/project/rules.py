"""Our reconcile rule: a run is alive as long as its job is in the active set."""

from lostproof import KEEP, LOST, Decision, Evidence


def decide(evidence: Evidence) -> Decision:
    """Call a row lost when its grace is over and this process does not know its job."""
    if evidence.status != "running" or not evidence.expired or evidence.active:
        return KEEP
    return LOST
