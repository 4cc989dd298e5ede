"""A race as a mermaid sequence diagram, for places that render it: pull requests, step summaries, documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lostproof.pinned import word_for
from lostproof.report.timeline import lanes_of, lines_of, why_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lostproof.drivers.concrete import TimedRace
    from lostproof.engine.verdicts import Verdict
    from lostproof.report.timeline import Line

__all__ = ["race_block", "race_mermaid"]

DISK = "disk"
FOR_THE_EYE = "rgba(200, 60, 60, 0.12)"
"""The ground behind everything after the point of no return; visible in light and dark themes."""


def race_block(verdict: Verdict, saved: Path | None = None) -> str:
    """Return the race of a verdict as Markdown that folds: why the property is false, and the diagram.

    ``saved`` is the scenario file that replays it, if there is one.
    """
    assert verdict.race is not None
    name = verdict.race.race.model.revision.name
    head = f"<code>{verdict.property.id}</code> in <code>{name}</code>: {word_for(verdict)}"
    words = f"{verdict.property.sentence}. Here {why_words(verdict.race)}."
    replay = f"\nReplay it: `lostproof run {saved.as_posix()}`\n" if saved else ""
    diagram = f"```mermaid\n{race_mermaid(verdict.race)}\n```"
    return f"<details open><summary>✗ {head}</summary>\n\n{words}\n{replay}\n{diagram}\n\n</details>"


def race_mermaid(timed: TimedRace) -> str:
    """Return a race as a sequence diagram: who does what in which order, and what that changes on disk."""
    race = timed.race
    rows = lines_of(race.model, timed.moments, race.property, steps=timed.steps)
    lines = ["sequenceDiagram"]
    lines += [f"  participant {_name(lane)} as {_text(lane)}" for lane in [*lanes_of(race.model, rows), DISK]]
    shaded = False
    for row in rows:
        if row.number == timed.steps + 1:
            lines.append(f"  Note over {_name(row.lane)}: and it goes on")
        lines += _step(row)
        if row.number == timed.point_of_no_return and row.number < len(rows):
            lines += [f"  Note over {_name(row.lane)}: ◆ no return from here", f"  rect {FOR_THE_EYE}"]
            shaded = True
    lines += ["  end"] if shaded else []
    return "\n".join(lines)


def _step(row: Line) -> Iterator[str]:
    lane = _name(row.lane)
    disk = [words.removeprefix("■ ") for _, words in row.changed if words.startswith("■")]
    other = [words.removeprefix("□ ") for _, words in row.changed if not words.startswith("■")]
    label = _text(f"{row.number}. {row.label}")
    if disk:
        yield f"  {lane}->>{DISK}: {label} → {_text(', '.join(disk))}"
    else:
        yield f"  {lane}->>{lane}: {label}" + (f" ({_text(', '.join(other))})" if other else "")
    if row.broken:
        yield f"  Note over {lane},{DISK}: ✗ broken at {row.time}"


def _name(lane: str) -> str:
    """Return a lane as an identifier."""
    return re.sub(r"\W", "_", lane)


def _text(words: str) -> str:
    """Return words as mermaid reads them: a semicolon or a hash would end the line or begin an entity."""
    return words.replace("#", "#35;").replace(";", ",").replace("<", "‹").replace(">", "›")
