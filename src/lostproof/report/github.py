"""Verdicts for a GitHub Actions job: annotations within GitHub's limits, and a step summary.

GitHub silently drops what exceeds its limits: 10 annotations of a kind in a step, and 1 MiB of step summary.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lostproof.errors import BadInput
from lostproof.pinned import compared
from lostproof.properties import PROPERTIES
from lostproof.report.mermaid import race_block
from lostproof.report.sources import line_of_revision
from lostproof.report.spec import table
from lostproof.report.text import LOOKS

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result, Verdict
    from lostproof.report.judged import Judged
    from lostproof.report.sources import SourceLine

__all__ = [
    "ANNOTATIONS", "SUMMARY", "SUMMARY_BYTES", "annotation", "append_summary", "capped", "problem_annotations",
    "step_summary",
]

ANNOTATIONS = 10
"""Annotations of one kind that GitHub shows for a step."""
SUMMARY_BYTES = 1024 * 1024
"""Bytes that GitHub takes as a step's summary."""
SUMMARY = "GITHUB_STEP_SUMMARY"
"""The environment variable with the file that a step's summary goes to."""


# -- annotations


def annotation(level: str, title: str, message: str, line: SourceLine | None = None) -> str:
    """Return the workflow command for one annotation (``level`` is ``error``, ``warning`` or ``notice``)."""
    place = {"file": line.file, "line": str(line.line)} if line and line.mine else {}
    properties = ",".join(f"{name}={_property(value)}" for name, value in {**place, "title": title}.items())
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def problem_annotations(judged: Judged) -> list[str]:
    """Return one annotation for each problem, at the rule or revision that it is about, as many as GitHub shows."""
    errors, warnings = [], []
    for result in judged.results:
        for verdict in result.verdicts:
            problem = judged.problem(result, verdict)
            if problem is None:
                continue
            title = f"{result.revision.name}: {verdict.property.id}"
            line = line_of_revision(result.revision)
            if verdict.verdict == "inconclusive":
                warnings.append(annotation("warning", title, problem, line))
            else:
                errors.append(annotation("error", title, _told(judged, result, verdict, problem), line))
    return [*capped("error", errors), *capped("warning", warnings)]


def _told(judged: Judged, result: Result, verdict: Verdict, problem: str) -> str:
    lines = [f"{problem}."]
    if verdict.race is not None:
        lines.append(f"Broken: {verdict.property.sentence}.")
        lines.append(f"Shortest race: {verdict.race.race.steps} steps (slice {verdict.slice}).")
    saved = judged.race_file(result, verdict)
    if saved is not None:
        lines.append(f"Replay it: lostproof run {saved.as_posix()}")
    return "\n".join(lines)


def capped(level: str, told: Sequence[str]) -> list[str]:
    """Return as many of ``told`` as GitHub shows; if that is not all, the last says how many more there are."""
    if len(told) <= ANNOTATIONS:
        return list(told)
    left = len(told) - ANNOTATIONS + 1
    return [*told[: ANNOTATIONS - 1], annotation(level, "lostproof", f"{left} more; the step's summary has all of them")]


# -- the step summary


def append_summary(text: str) -> bool:
    """Append Markdown to the step's summary; return whether there is one.

    Raises:
        BadInput: the file cannot be written.
    """
    place = os.environ.get(SUMMARY)
    if not place:
        return False
    try:
        with Path(place).open("a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as error:
        raise BadInput(f"{SUMMARY}={place}: cannot be written to ({error.strerror})") from error
    return True


def step_summary(judged: Judged) -> str:
    """Return the step's summary: the matrix, what differs from the pinned verdicts, and the shortest races as diagrams."""
    text = "\n".join([f"## {_headline(judged)}", *_matrix(judged), *_against_pins(judged)])
    left = SUMMARY_BYTES - len(text.encode()) - 1_000
    races = list(_races(judged))
    shown = 0
    for race in races:
        left -= len(race.encode())
        if left < 0:
            break
        text += race
        shown += 1
    if shown < len(races):
        text += f"\n*{len(races) - shown} more races have no room here; `--save` or `--html` has all of them.*\n"
    return text + "\n"


def _headline(judged: Judged) -> str:
    problems = [judged.problem(result, verdict) for result in judged.results for verdict in result.verdicts]
    count = sum(problem is not None for problem in problems) + len(_missing(judged))
    if not count:
        kept = "as pinned" if judged.expected is not None else "nothing is violated that is not accepted"
        return f"✓ lostproof {judged.command}: {kept if judged.command == 'check' or judged.expected else 'explored'}"
    return f"✗ lostproof {judged.command}: {count} of {len(problems)} verdicts {'is' if count == 1 else 'are'} not as wanted"


def _missing(judged: Judged) -> list[str]:
    """Return what drifted in cells that are pinned and were not found."""
    found = {(result.revision.name, verdict.property.id) for result in judged.results for verdict in result.verdicts}
    return [str(drift) for drift in judged.drifted if (drift.revision, drift.property) not in found]


def _matrix(judged: Judged) -> Iterator[str]:
    names = [result.revision.name for result in judged.results]
    ids = [known.id for known in PROPERTIES if any(v.property.id == known.id for v in judged.results[0].verdicts)]
    rows = [[f"`{name}`", *(_cell(judged, result, result.verdict(name)) for result in judged.results)] for name in ids]
    rows.append(["states", *(f"{result.states:,}" for result in judged.results)])
    yield table(["property", *(f"`{name}`" for name in names)], rows)
    yield f"Bounds `{judged.bounds}`. ✓ holds · ✗ violated, steps of the shortest race · ≈ accepted · ? inconclusive"


def _cell(judged: Judged, result: Result, verdict: Verdict) -> str:
    steps = f" {verdict.race.race.steps}" if verdict.race else ""
    cell = f"{LOOKS[verdict.verdict][0]}{steps}"
    return f"**{cell}**" if judged.problem(result, verdict) else cell


def _against_pins(judged: Judged) -> Iterator[str]:
    for result in judged.results:
        against = compared(judged.bounds, result)
        if against is None:
            continue
        name, drifted = against
        if drifted:
            yield f"\n### `{result.revision.name}` against the pinned verdicts of `{name}`"
            yield table(["property", "pinned", "now"], [(f"`{d.property}`", d.expected, d.found) for d in drifted])
        elif name != result.revision.name:
            yield f"\nThe verdicts of `{result.revision.name}` are the pinned ones of `{name}`."
    missing = _missing(judged)
    if missing:
        yield "\n### Pinned, and not found"
        yield "\n".join(f"- {line}" for line in missing)


def _races(judged: Judged) -> Iterator[str]:
    for result in judged.results:
        for verdict in result.verdicts:
            if verdict.race is None or judged.problem(result, verdict) is None:
                continue
            yield f"\n{race_block(verdict, judged.race_file(result, verdict))}\n"
