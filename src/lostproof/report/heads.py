"""Short names of revisions: for the heads of tables that have a column for each, and for lists of many."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lostproof.revisions import REVISIONS
from lostproof.revisions.revision import PRODUCT

__all__ = ["ranges", "short_names"]


def short_names(names: Iterable[str]) -> tuple[str, list[str]]:
    """Return what the names of all releases among ``names`` begin with, and what is left of each name without it.

    That is the product and the year, if it is the same year; other names stay as they are.
    """
    known = list(names)
    years = {name.removeprefix(PRODUCT).partition(".")[0] for name in known if name.startswith(PRODUCT)}
    if len(years) != 1:
        return "", known
    prefix = f"{PRODUCT}{years.pop()}."
    return prefix, [name.removeprefix(prefix) for name in known]


def ranges(names: Collection[str], among: Iterable[str] = REVISIONS) -> str:
    """Return ``names`` in few words: ``4.2 to 5.28, fix-skip``, ``all`` if nothing of ``among`` is missing, or ``none``."""
    known = list(among)
    if not names:
        return "none"
    if len(known) > 1 and set(names) == set(known):
        return "all"
    shorts = short_names(known)[1]
    runs: list[list[str]] = []
    together = False
    for name, short in zip(known, shorts, strict=True):
        if name in names:
            if together and name.startswith(PRODUCT):
                runs[-1].append(short)
            else:
                runs.append([short])
        together = name in names
    return ", ".join(_run(run) for run in runs)


def _run(run: Sequence[str]) -> str:
    return f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run)
