"""2026.5.28's rule, for which an interrupted result that lies a little before the row's start is one of this run as well."""

from dataclasses import replace

from lostproof import Decision, Evidence
from lostproof.revisions import revision


def tolerant(evidence: Evidence) -> Decision:
    """Take what a start-up wrote for the run's marker for the run's own result."""
    nearly = {"interrupted_earlier": "interrupted"}
    log, job = (nearly.get(result, result) for result in (evidence.log, evidence.job))
    return revision("openclaw-2026.5.28").rule(replace(evidence, log=log, job=job))
