"""A reconcile rule of one's own: 2026.4.15's, made more patient."""

from lostproof import KEEP, LOST, Decision, Evidence


def patient(evidence: Evidence) -> Decision:
    """Leave a row alone while its job is active, or has a marker at all."""
    if evidence.status != "running" or not evidence.expired:
        return KEEP
    if evidence.active or evidence.marker != "none":
        return KEEP
    return LOST
