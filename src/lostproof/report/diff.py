"""What two revisions differ in, as plain data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from lostproof import __version__
from lostproof.bounds import Slice
from lostproof.comparison import BETTER, OTHER, WORSE, Change, Comparison, Example, with_way
from lostproof.engine.verdicts import Result
from lostproof.evidence import DOMAIN
from lostproof.history import PinnedChange
from lostproof.pinned import word_for
from lostproof.report.data import steps_data
from lostproof.report.text import listing, plural, races_view

__all__ = [
    "KINDS", "MARKS", "diff_data", "diff_view", "fact_table", "headline", "new_races", "pinned_data", "pinned_headline",
    "pinned_view", "told_parts",
]

MARKS = {WORSE: ("✗", "bold red"), BETTER: ("✓", "green"), OTHER: ("~", "dim")}
"""The mark and the style of each kind of change."""

KINDS = {"actions": "actions", "edges": "chart edges", "evidence": "evidence that sweeps meet"}
FIRST = 5
"""Situations that are told as text; the JSON has all of them."""
ROWS = 12
"""Rows of the decision table that are told as text."""


# -- data


def diff_data(found: Comparison, bounds: str, slices: Sequence[Slice]) -> dict[str, Any]:
    """Return the JSON of ``diff``."""
    return {
        "lostproof": __version__,
        "bounds": {"name": bounds, "slices": {part.name: part.bounds.describe() for part in slices}},
        "was": found.was.revision.name,
        "is": found.now.revision.name,
        "verdicts": [_change_data(one) for one in found.changes],
        "worse": [one.now.property.id for one in found.worse],
        "inconclusive": found.inconclusive,
        "decisions": [{**row, **{part: _list(row[part]) for part in DOMAIN}} for row in found.rows],
        "facts": found.facts,
        "exercised": {
            kind: {"added": list(reach.added), "removed": list(reach.removed)} for kind, reach in found.exercised.items()
        },
        "situations": _situations_data(found),
        "slices": _slices_data(found),
    }


def _list(value: Any) -> Any:
    return value if value == "*" else list(value)


def _change_data(one: Change) -> dict[str, Any]:
    timed = one.now.race
    return {
        "property": one.now.property.id,
        "change": one.kind,
        "was": word_for(one.was),
        "is": word_for(one.now),
        "slice": one.now.slice,
        "race": steps_data(timed.race.model, timed.moments) if one.kind == WORSE and timed else None,
    }


def _situations_data(found: Comparison) -> dict[str, Any] | None:
    if not found.surveyed:
        return None
    told = [
        [*_with_ways(result, examples), *examples[FIRST:]]
        for result, examples in zip((found.now, found.was), found.situations, strict=True)
    ]
    return {name: [_example_data(one) for one in some] for name, some in zip(("added", "removed"), told, strict=True)}


def _example_data(one: Example) -> dict[str, Any]:
    return {
        **one.situation._asdict(), "words": str(one.situation), "states": one.seen.count, "steps": one.seen.depth,
        "slice": one.slice, "way": None if one.way is None else list(one.way),
    }


def _with_ways(result: Result, examples: Sequence[Example]) -> list[Example]:
    return [with_way(result, example) for example in examples[:FIRST]]


def _slices_data(found: Comparison) -> list[dict[str, Any]]:
    return [
        {"name": was.slice.name, "was": _size(was), "is": _size(now)}
        for was, now in zip(found.was.slices, found.now.slices, strict=True)
    ]


def _size(report: Any) -> dict[str, Any]:
    return {
        "states": report.states, "transitions": report.transitions, "depth": report.depth, "closed": report.closed,
    }


# -- text


def headline(found: Comparison) -> tuple[str, str]:
    """Return in one line whether something got worse, with its style."""
    if found.worse:
        names = ", ".join(one.now.property.id for one in found.worse)
        return f"✗ {plural(len(found.worse), 'verdict')} got worse: {names}", "bold red"
    if found.inconclusive:
        return "? not everything was explored: whether a verdict got worse is open", "magenta"
    return "✓ no verdict got worse", "green"


def diff_view(found: Comparison, bounds: str, races: str, width: int) -> RenderableType:
    """Return a comparison as text, with the races that newly exist (``none``, the ``first``, or ``all``)."""
    was, now = found.was.revision, found.now.revision
    parts: list[RenderableType] = [Text.assemble((was.name, "bold"), " → ", (now.name, "bold"), f"  bounds {bounds}")]
    for title, lines in told_parts(found):
        parts += ["", Text(title, "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    for result in new_races(found, races):
        parts += races_view(result, "all", width)
    line, style = headline(found)
    return Group(*parts, "", Text(line, style))


def new_races(found: Comparison, races: str) -> Iterator[Result]:
    """Yield the second result with the verdicts that got worse, as many as their ``races`` are to be shown."""
    shown = [one.now for one in found.worse]
    shown = shown if races == "all" else shown[:1] if races == "first" else []
    if shown:
        yield replace(found.now, verdicts=tuple(shown))


def told_parts(found: Comparison) -> Iterator[tuple[str, list[RenderableType]]]:
    """Yield the parts of a comparison that there is something to tell about, each with its title."""
    if found.changes:
        yield _counted(found), [_changes(found)]
    if found.rows:
        count = plural(len(found.rows), "row")
        yield f"the rule decides differently in {count} of the decision table", list(_rows(found.rows))
    if found.facts:
        yield "the revisions differ as data", list(_facts(found.facts))
    lines = list(_reached(found))
    if lines:
        yield "what is exercised", lines
    if not found.surveyed:
        yield "situations are not compared: not every slice was closed", []
    elif any(found.situations):
        added, removed = map(len, found.situations)
        yield f"situations of a run: {added} added, {removed} removed", list(_situations(found))
    rows = [_slice_row(one) for one in _slices_data(found) if one["was"] != one["is"]]
    if rows:
        yield "sizes", [listing(rows, ["slice", "states", "transitions", "depth"], header=True)]


def _counted(found: Comparison) -> str:
    kinds = [one.kind for one in found.changes]
    return f"verdicts: {kinds.count(WORSE)} worse, {kinds.count(BETTER)} better, {kinds.count(OTHER)} changed otherwise"


def _changes(found: Comparison) -> RenderableType:
    rows = [
        {"": MARKS[one.kind][0], "property": one.now.property.id, "was": word_for(one.was), "is": word_for(one.now)}
        for one in found.changes
    ]
    return listing(rows, ["", "property", "was", "is"], header=True)


def _rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    parts = [part for part in DOMAIN if any(row[part] != "*" for row in rows)]
    told = [
        {"decision": f"{row['was']} → {row['is']}", **{p: "*" if row[p] == "*" else " | ".join(row[p]) for p in parts}}
        for row in rows[:ROWS]
    ]
    yield listing(told, ["decision", *parts], header=True)
    if len(rows) > ROWS:
        yield Text(f"… and {len(rows) - ROWS} more", "dim")


def _facts(facts: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    short = [one for one in facts if one["of"] not in ("write order", "start-up")]
    if short:
        yield fact_table(short)
    for one in facts:
        if one not in short:
            yield Text(f"{one['of']} {one['name']}")
            yield _hanging(Text(f"− {one['was']}", "red"))
            yield _hanging(Text(f"+ {one['is']}", "green"))


def fact_table(facts: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return facts that differ as a table: what each is about, its name, and what it was and is."""
    return listing(
        [{"of": one["of"], "name": one["name"], "change": f"{one['was']} → {one['is']}"} for one in facts],
        ["of", "name", "change"],
    )


def _hanging(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2))


def _reached(found: Comparison) -> Iterator[RenderableType]:
    for kind, reach in found.exercised.items():
        for mark, style, names in (("+", "green", reach.added), ("−", "red", reach.removed)):
            if names:
                yield Text.assemble((f"{mark} {KINDS[kind]}  ", style), _some(names, 6 if kind != "evidence" else 2))


def _some(names: Sequence[str], most: int) -> str:
    told = ", ".join(names[:most])
    return told if len(names) <= most else f"{told}, and {len(names) - most} more"


def _situations(found: Comparison) -> Iterator[RenderableType]:
    sides = (("+", "green", found.now), ("−", "red", found.was))
    for (mark, style, result), examples in zip(sides, found.situations, strict=True):
        for one in _with_ways(result, examples):
            seen = f"  in {one.seen.count:,} states, first in slice {one.slice}"
            yield Text.assemble((f"{mark} ", style), str(one.situation), (seen, "dim"))
            yield _hanging(Text(" · ".join(one.way or ()), "dim"))
        if len(examples) > FIRST:
            yield Text(f"  … and {len(examples) - FIRST} more", "dim")


def _slice_row(one: Mapping[str, Any]) -> dict[str, str]:
    def told(name: str) -> str:
        return f"{one['was'][name]:,} → {one['is'][name]:,}"

    return {"slice": one["name"], **{name: told(name) for name in ("states", "transitions", "depth")}}


# -- pinned verdicts


def pinned_data(ref: str, changes: Sequence[PinnedChange], results: Mapping[str, Result]) -> dict[str, Any]:
    """Return the JSON of ``diff --pinned``."""
    return {
        "lostproof": __version__,
        "pinned": ref,
        "verdicts": [
            {"bounds": one.bounds, "revision": one.revision, "property": one.judged, "change": one.kind,
             "was": one.was, "is": one.now, "race": _pinned_race(one, results)}
            for one in changes
        ],
        "worse": [f"{one.revision} × {one.judged}" for one in changes if one.kind == WORSE],
    }


def _pinned_race(one: PinnedChange, results: Mapping[str, Result]) -> list[dict[str, Any]] | None:
    result = results.get(f"{one.bounds} {one.revision}")
    known = [v for v in result.verdicts if v.property.id == one.judged] if result and one.kind == WORSE else []
    timed = known[0].race if known else None
    return steps_data(timed.race.model, timed.moments) if timed else None


def pinned_headline(changes: Sequence[PinnedChange]) -> tuple[str, str]:
    """Return in one line whether a pinned verdict got worse, with its style."""
    worse = sum(one.kind == WORSE for one in changes)
    if worse:
        return f"✗ {plural(worse, 'pinned verdict')} got worse", "bold red"
    return "✓ no pinned verdict got worse", "green"


def pinned_view(ref: str, changes: Sequence[PinnedChange], races: Sequence[RenderableType]) -> RenderableType:
    """Return what became of the pinned verdicts of another commit as text."""
    rows = [
        {"": MARKS[one.kind][0], "bounds": one.bounds, "revision": one.revision, "property": one.judged, "was": one.was,
         "is": one.now}
        for one in sorted(changes, key=lambda one: (WORSE, BETTER, OTHER).index(one.kind))
    ]
    line, style = pinned_headline(changes)
    count = plural(len(changes), "pinned verdict")
    told: list[RenderableType] = [Text(f"pinned verdicts of {ref} → now: {count} changed", "bold")]
    if rows:
        told += [listing(rows, ["", "bounds", "revision", "property", "was", "is"], header=True)]
    return Group(*told, *races, "", Text(line, style))
