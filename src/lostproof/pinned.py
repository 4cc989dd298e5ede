"""Pinned verdicts: what is known to be true, in a file that people can read and compare (``spec/verdicts.json``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lostproof.errors import BadInput
from lostproof.files import data_root, in_checkout, write_whole

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result, Verdict

__all__ = [
    "FILE", "KEPT", "MISSING", "Drift", "Pins", "all_pins", "cells", "compared", "differences", "drift", "parse_pins", "pin",
    "pins", "require_checkout", "word_for",
]

Pins = Mapping[str, Mapping[str, str]]
"""The verdict on each property, by revision."""

Cell = TypeVar("Cell", bound=tuple[str, ...])

KEPT = ("holds", "accepted")
"""The verdicts with which a property is kept, or broken only as the revision openly says."""

MISSING = "nothing"
"""The word for a verdict that is not there."""

FILE = "spec/verdicts.json"
"""Where verdicts are pinned, in a checkout."""


@dataclass(frozen=True)
class Drift:
    """A cell of the matrix that is not what was pinned."""

    revision: str
    property: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say what drifted, in one line."""
        return f"{self.revision} × {self.property}: expected {self.expected}, found {self.found}"

    def describe(self) -> dict[str, str]:
        """Return the drift as a plain dictionary."""
        return asdict(self)


def word_for(verdict: Verdict) -> str:
    """Return a verdict as it is pinned: ``holds``, ``violated in 7 steps`` …"""
    if verdict.race is None:
        return verdict.verdict
    steps = verdict.race.race.steps
    return f"{verdict.verdict} in {steps} step{'' if steps == 1 else 's'}"


def pins(bounds: str) -> Pins | None:
    """Return what is pinned for ``bounds``, or None.

    Raises:
        BadInput: the file is broken.
    """
    return all_pins().get(bounds)


def _path() -> Path:
    return data_root() / FILE


def all_pins() -> dict[str, Pins]:
    """Return what is pinned, by bounds.

    Raises:
        BadInput: the file is broken.
    """
    path = _path()
    if not path.exists():
        return {}
    return parse_pins(path.read_text(encoding="utf-8"), str(path))


def parse_pins(text: str, place: str) -> dict[str, Pins]:
    """Return the pinned verdicts in ``text``, by bounds; ``place`` is where it stands.

    Raises:
        BadInput: it is nothing of the kind.
    """
    try:
        pinned = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{place}:{error.lineno}: not valid JSON: {error.msg}") from error
    if not _well_formed(pinned):
        raise BadInput(f"{place}: expected {{bounds: {{revision: {{property: verdict}}}}}}")
    return dict(pinned)


def _well_formed(pinned: object) -> bool:
    return isinstance(pinned, dict) and all(
        isinstance(revisions, dict)
        and all(
            isinstance(verdicts, dict) and all(isinstance(word, str) for word in verdicts.values())
            for verdicts in revisions.values()
        )
        for revisions in pinned.values()
    )


def drift(expected: Pins, results: Iterable[Result]) -> list[Drift]:
    """Return every cell in which ``results`` and what is ``expected`` differ, also cells that only one of them has."""
    found = cells({result.revision.name: _words(result) for result in results})
    return [Drift(*cell, was, now) for cell, was, now in differences(cells(expected), found)]


def differences(expected: Mapping[Cell, str], found: Mapping[Cell, str]) -> list[tuple[Cell, str, str]]:
    """Return every cell with another word in ``found``, and both words; :data:`MISSING` where only one side has it."""
    return [
        (cell, expected.get(cell, MISSING), found.get(cell, MISSING))
        for cell in dict.fromkeys([*found, *expected])
        if expected.get(cell) != found.get(cell)
    ]


def compared(bounds: str, result: Result) -> tuple[str, list[Drift]] | None:
    """Return what differs between ``result`` and what is pinned for its revision.

    A rule of one's own is compared with the revision that it went into. Only what was judged is compared. The name of
    the revision that was compared with comes first; None if nothing is pinned for these bounds.
    """
    known = pins(bounds) or {}
    base = result.revision.own_rule[1] if result.revision.own_rule else result.revision.name
    if base not in known:
        return None
    expected = {verdict.property.id: known[base].get(verdict.property.id, MISSING) for verdict in result.verdicts}
    return base, drift({result.revision.name: expected}, [result])


def cells(words: Pins) -> dict[tuple[str, str], str]:
    """Return the verdicts by revision and property."""
    return {(name, judged): word for name, row in words.items() for judged, word in row.items()}


def _words(result: Result) -> dict[str, str]:
    return {verdict.property.id: word_for(verdict) for verdict in result.verdicts}


def require_checkout() -> None:
    """Refuse to go on in an installed package.

    Raises:
        BadInput: this is not a source checkout.
    """
    if not in_checkout():
        raise BadInput("verdicts can be pinned in a source checkout only; this is an installed package")


def pin(bounds: str, results: Iterable[Result]) -> Path:
    """Write ``results`` as what is expected under ``bounds``, all at once or not at all, and return the file.

    Raises:
        BadInput: this is not a source checkout.
    """
    require_checkout()
    pinned = {**all_pins(), bounds: {result.revision.name: _words(result) for result in results}}
    return write_whole(_path(), json.dumps(pinned, indent=2, ensure_ascii=False) + "\n")
