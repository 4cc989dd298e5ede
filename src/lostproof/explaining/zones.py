"""Zones: sets of moments that are bounded by differences, and nothing else.

A zone knows some named moments and, for each two of them, by how much the one can be later than the other. It is kept
closed: every bound is as tight as all the others together make it. Leaving out a moment therefore loses nothing about
those that stay.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEVER", "Bound", "Zone"]

NEVER = 1 << 50
"""No bound: later by anything (milliseconds)."""


@dataclass(frozen=True)
class Bound:
    """``later`` is at most ``by`` milliseconds after ``earlier`` (before it, if ``by`` is negative)."""

    later: Hashable
    earlier: Hashable
    by: int


class Zone:
    """A set of moments under difference bounds.

    Attributes:
        names: the moments.
        limits: by how many milliseconds the moment of the row can be later than that of the column, at most.
    """

    __slots__ = ("limits", "names")

    def __init__(self, names: Sequence[Hashable], limits: NDArray[np.int64]) -> None:
        self.names = tuple(names)
        self.limits = limits

    @classmethod
    def of(cls, name: Hashable) -> Zone:
        """Return the zone of one moment."""
        return cls((name,), np.zeros((1, 1), dtype=np.int64))

    def span(self, later: Hashable, earlier: Hashable) -> tuple[int, int]:
        """Return by how much ``later`` can be later than ``earlier``: at least, and at most."""
        i, j = self.names.index(later), self.names.index(earlier)
        return -int(self.limits[j, i]), int(self.limits[i, j])

    def after(self, last: Hashable, name: Hashable) -> Zone:
        """Return the zone with one more moment ``name``, which is not before ``last``."""
        count, known = len(self.names), self.names.index(last)
        limits = np.full((count + 1, count + 1), NEVER, dtype=np.int64)
        limits[:count, :count] = self.limits
        limits[:count, count] = self.limits[:, known]
        limits[count, count] = 0
        return Zone((*self.names, name), limits)

    def tightened(self, bounds: Sequence[Bound]) -> Zone | None:
        """Return what is left of the zone under ``bounds``, None if that is nothing."""
        place = {name: position for position, name in enumerate(self.names)}
        limits: Any = self.limits
        for bound in bounds:
            i, j, by = place[bound.later], place[bound.earlier], bound.by
            if by >= limits[i, j]:
                continue
            if limits[j, i] + by < 0:
                return None
            limits = np.minimum(limits, (limits[:, i] + by)[:, None] + limits[j])
            np.minimum(limits, NEVER, out=limits)
        return self if limits is self.limits else Zone(self.names, limits)

    def keeping(self, sources: Sequence[tuple[Hashable, Hashable]]) -> Zone:
        """Return the zone of the moments in ``sources``: pairs of a new name and the name that it has here."""
        place = {name: position for position, name in enumerate(self.names)}
        chosen = [place[source] for _, source in sources]
        return Zone(tuple(name for name, _ in sources), self.limits[chosen][:, chosen])

    def within(self, other: Zone) -> bool:
        """Return whether all of this zone lies in ``other``; if that knows other moments, it is not said to."""
        return self.names == other.names and not np.greater(self.limits, other.limits).any()
