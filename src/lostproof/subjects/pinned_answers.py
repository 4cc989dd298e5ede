"""What the shipped releases answered when they were asked: decision tables, kept as data.

A table says for every evidence that a release can be told of (:data:`PARTS`) what its own code decided, so that the
revisions can be compared with the releases, and races explored around a release's rule, without the release.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lostproof.cubes import rows_of, table_of, word
from lostproof.errors import BadInput
from lostproof.evidence import CANCELLED, DECISIONS, WHOLE, Decision, Domain, Evidence
from lostproof.files import data_root, write_whole
from lostproof.revisions import nearest_revision
from lostproof.revisions.shipped_rules import release_number
from lostproof.subjects.subject import Subject, one_by_one

__all__ = ["PARTS", "PinnedAnswers", "pin_answers", "pinned_answers", "pinned_releases", "pinned_subject"]

PARTS: Domain = {**WHOLE, "owner": WHOLE["owner"][:1]}
"""What a release can be told of: its sweep has no way to ask which process executes a run."""

_DECISION = {str(decision): decision for decision in (*DECISIONS, CANCELLED)}


@dataclass(frozen=True)
class PinnedAnswers:
    """The answers of one release.

    Attributes:
        release: its version.
        obtained: how and when they were obtained.
        rows: the decision table, as rows that do not overlap.
    """

    release: str
    obtained: dict[str, str]
    rows: list[dict[str, Any]]

    def decisions(self) -> dict[Evidence, Decision]:
        """Return the decision about every evidence of :data:`PARTS`."""
        answers = table_of(PARTS, self.rows)
        return {
            evidence: _DECISION[str(answer)] for evidence, answer in zip(Evidence.domain(PARTS), answers, strict=True)
        }


def _folder() -> Path:
    return data_root() / "spec" / "releases"


def _file(version: str) -> Path:
    return _folder() / f"openclaw-{version}.json"


def pinned_releases() -> list[str]:
    """Return the releases whose answers are pinned, oldest first."""
    versions = [path.stem.removeprefix("openclaw-") for path in _folder().glob("openclaw-*.json")]
    return sorted(versions, key=release_number)


def pinned_answers(version: str) -> PinnedAnswers | None:
    """Return the pinned answers of a release, None if there are none.

    Raises:
        BadInput: the file is broken, or was made for another set of questions.
    """
    path = _file(version)
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = [{**{part: _words(row, part) for part in PARTS}, "decision": row["decision"]} for row in data["rows"]]
        asked, pinned = data["asked"], PinnedAnswers(data["release"], data["obtained"], rows)
        complete = set(table_of(PARTS, rows)) <= set(_DECISION)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: not a table of a release's answers ({error!r})") from error
    if asked != _asked() or not complete:
        raise BadInput(f"{path}: made for other questions than lostproof asks; lostproof conform openclaw@{version} --pin")
    return pinned


def _words(row: dict[str, Any], part: str) -> Any:
    words = row.get(part, "*")
    if words != "*" and not isinstance(words, list):
        raise TypeError(f"{part} is no list")
    return words


def pin_answers(version: str, decisions: Sequence[Decision], obtained: dict[str, str]) -> Path:
    """Write what a release decided about every evidence of :data:`PARTS`, and return the file."""
    rows = rows_of(PARTS, [str(decision) for decision in decisions])
    told = [{part: values for part, values in row.items() if values != "*"} for row in rows]
    head = {"release": version, "obtained": obtained, "asked": _asked()}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    lines.append('  "rows": [\n    ' + ",\n    ".join(json.dumps(row) for row in told) + "\n  ]")
    return write_whole(_file(version), "{\n" + ",\n".join(lines) + "\n}\n")


def _asked() -> dict[str, list[str]]:
    return {part: [word(value) for value in values] for part, values in PARTS.items()}


def pinned_subject(version: str) -> Subject | None:
    """Return the release as a subject that answers from its table, None if its answers are not pinned."""
    pinned = pinned_answers(version)
    if pinned is None:
        return None
    table = pinned.decisions()

    def ask(evidences: Sequence[Evidence]) -> list[Decision]:
        return [table[evidence.told(PARTS)] for evidence in evidences]

    base = nearest_revision(version)
    return Subject(
        f"npm-{version}", f"openclaw@{version}", ask, one_by_one(ask), version=version, base=base.name if base else None
    )
