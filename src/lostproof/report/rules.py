"""A revision's rule as a decision table."""

from __future__ import annotations

from typing import Any

from lostproof.cubes import rows_of
from lostproof.evidence import DOMAIN
from lostproof.revisions import Revision

__all__ = ["rule_rows"]


def rule_rows(revision: Revision) -> list[dict[str, Any]]:
    """Return the rule of ``revision`` as rows that do not overlap: evidence values (lists, or ``*``) and a decision."""
    return rows_of(DOMAIN, [str(decision) for decision in revision.decisions])
