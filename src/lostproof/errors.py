"""What can go wrong: something that a user can mend, and something that only lostproof's authors can."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["BadInput", "Defect", "short", "unknown"]


class BadInput(Exception):
    """Wrong input. The message is one line and names the place and what would be right; the command exits with 2."""


class Defect(Exception):
    """lostproof contradicts itself (for example a race that does not replay). The command exits with 4."""


def unknown(kind: str, name: str, allowed: Iterable[str]) -> BadInput:
    """Return the error for a name that is not one of ``allowed``."""
    return BadInput(f"unknown {kind} {name!r}; there are: {', '.join(allowed)}")


def short(text: str) -> str:
    """Return ``text`` as a message may quote it: in one line that is not too long."""
    told = " ".join(text.split())
    return told if len(told) <= 120 else f"{told[:117]}…"
