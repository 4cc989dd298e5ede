"""Revisions: versions of the world's rules, as data, and the registry that finds them by name."""

from __future__ import annotations

from lostproof.errors import unknown
from lostproof.revisions.openclaw import SHIPPED
from lostproof.revisions.proposals import FIX_DURABLE, FIX_SKIP, REFERENCE
from lostproof.revisions.revision import Constants, Revision, Section, WriteOrder
from lostproof.revisions.shipped_rules import EPOCHS, release_number

__all__ = [
    "REVISIONS", "Constants", "Revision", "Section", "WriteOrder", "nearest_revision", "revision", "shipped_revisions",
]

REVISIONS: dict[str, Revision] = {known.name: known for known in (*SHIPPED, FIX_SKIP, FIX_DURABLE, REFERENCE)}
"""All known revisions, by name: the releases in their order, then proposals."""


def revision(name: str) -> Revision:
    """Return the revision called ``name``.

    Raises:
        BadInput: there is none.
    """
    if name not in REVISIONS:
        raise unknown("revision", name, REVISIONS)
    return REVISIONS[name]


def shipped_revisions() -> list[Revision]:
    """Return the modelled releases, the oldest first."""
    return [known for known in REVISIONS.values() if known.shipped]


def nearest_revision(version: str) -> Revision | None:
    """Return the modelled release at or below ``version``, else the oldest one; None from before there was a ledger."""
    number = release_number(version)
    if number < EPOCHS[0].since:
        return None
    known = shipped_revisions()
    return next((one for one in reversed(known) if release_number(one.release) <= number), known[0])
