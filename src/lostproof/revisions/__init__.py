"""Revisions: versions of the world's rules, as data, and the registry that finds them by name."""

from __future__ import annotations

from lostproof.errors import unknown
from lostproof.revisions.openclaw import (
    OPENCLAW_2026_4_2,
    OPENCLAW_2026_4_15,
    OPENCLAW_2026_5_28,
    OPENCLAW_2026_9_6,
)
from lostproof.revisions.proposals import FIX_DURABLE, FIX_SKIP, REFERENCE
from lostproof.revisions.revision import Constants, Revision, Section, WriteOrder

__all__ = ["REVISIONS", "Constants", "Revision", "Section", "WriteOrder", "revision"]

REVISIONS: dict[str, Revision] = {
    known.name: known
    for known in (
        OPENCLAW_2026_4_2, OPENCLAW_2026_4_15, OPENCLAW_2026_5_28, OPENCLAW_2026_9_6, FIX_SKIP, FIX_DURABLE, REFERENCE
    )
}
"""All known revisions, by name."""


def revision(name: str) -> Revision:
    """Return the revision called ``name``.

    Raises:
        BadInput: there is none.
    """
    if name not in REVISIONS:
        raise unknown("revision", name, REVISIONS)
    return REVISIONS[name]
