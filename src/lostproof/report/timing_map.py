"""A timing map as plain data and as text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from lostproof import __version__
from lostproof.maps.axes import duration_words
from lostproof.maps.grid import MARKS, SHOWN, Cell, Grid, Tested
from lostproof.maps.proof import Proof
from lostproof.maps.worlds import GRACE
from lostproof.report.data import steps_data
from lostproof.report.text import listing, plural

__all__ = ["Segment", "map_data", "map_view", "segments", "settings", "table_digest", "verdict_lines"]

STYLES = {
    "right": "dim", "false lost": "bold yellow", "zombie": "bold blue", "false lost and zombie": "bold magenta",
    "impossible": "",
}


@dataclass(frozen=True)
class Segment:
    """Cells of one row, side by side, of which the same is to be said: positions on the x axis, the last included."""

    first: int
    last: int
    cell: Cell


def segments(row: Sequence[Cell]) -> list[Segment]:
    """Return a row of the map as few segments."""
    found = []
    for _, group in groupby(enumerate(row), key=lambda pair: (pair[1].kind, pair[1].violated)):
        cells = list(group)
        found.append(Segment(cells[0][0], cells[-1][0], cells[0][1]))
    return found


# -- data


def map_data(grid: Grid, proofs: Sequence[Proof]) -> dict[str, Any]:
    """Return the JSON of ``map``."""
    return {
        "lostproof": __version__,
        **_table(grid),
        "counts": grid.counts,
        "grace": {
            "tested": [_tested(one) for one in grid.tested],
            "smallest_safe_ms": grid.safe_ms,
        },
        "every_grace": [_proof_data(proof) for proof in proofs],
        "digest": table_digest(grid),
    }


def _table(grid: Grid) -> dict[str, Any]:
    """Return what the map shows: everything that its picture is drawn from."""
    lab = grid.lab
    return {
        "revision": lab.model.revision.name,
        "world": {"name": lab.world.name, "title": lab.world.title, "bounds": lab.world.bounds.describe()},
        "timings_ms": _fixed(grid),
        "x": {"name": lab.x.name, "values_ms": list(lab.x.values)},
        "y": {"name": lab.y.name, "values_ms": list(lab.y.values)},
        "cells": [
            [
                {
                    "kind": cell.kind, "violated": list(cell.violated), "rows": list(cell.rows),
                    "impossible": cell.impossible,
                }
                for cell in row
            ]
            for row in grid.cells
        ],
    }


def _fixed(grid: Grid) -> dict[str, int]:
    """Return the timings that are the same all over the map."""
    drawn = (grid.lab.x.name, grid.lab.y.name)
    return {
        name: value for name, value in {**grid.lab.timings, GRACE: grid.grace_ms}.items() if name not in drawn
    }


def _tested(one: Tested) -> dict[str, Any]:
    wrong = None if one.wrong is None else {"x_ms": one.wrong[0], "y_ms": one.wrong[1], "kind": one.kind}
    return {"grace_ms": one.grace_ms, "safe": one.wrong is None, "wrong": wrong}


def _proof_data(proof: Proof) -> dict[str, Any]:
    timed = proof.race
    return {
        "kind": proof.kind,
        "verdict": proof.verdict,
        "states": proof.states,
        "closed": proof.closed,
        "property": timed.race.property.id if timed else None,
        "steps": timed.race.steps if timed else None,
        "replayed_with_grace_ms": list(proof.graces),
        "race": steps_data(timed.race.model, timed.moments[: timed.steps]) if timed else None,
    }


def table_digest(grid: Grid) -> str:
    """Return the SHA-256 of what the map shows, in canonical form."""
    return hashlib.sha256(json.dumps(_table(grid), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# -- text


def map_view(grid: Grid, proofs: Sequence[Proof], width: int) -> RenderableType:
    """Return a map as characters, its boundary as a table, and which graces are safe."""
    lab = grid.lab
    heading = Text.assemble((lab.model.revision.name, "bold"), f"  {lab.model.revision.title}")
    return Group(
        heading, Text(f"world {lab.world.name}: {lab.world.title}"), Text(settings(grid), "dim"), "",
        *_characters(grid, width), "", _legend(grid), "", _boundary(grid), "",
        *(Text(line, style) for line, style in verdict_lines(grid, proofs)), Text(f"sha256 {table_digest(grid)}", "dim"),
    )


def settings(grid: Grid) -> str:
    """Return the timings that are the same all over the map, in words."""
    return " · ".join(f"{name} {duration_words(value)}" for name, value in _fixed(grid).items())


def _characters(grid: Grid, width: int) -> Iterator[Text]:
    """Yield the map, longest on top, with two columns for a cell where there is room."""
    x, y = grid.lab.x, grid.lab.y
    heads = [duration_words(value) for value in y.values]
    margin = max(len(y.name), *map(len, heads))
    pitch = 2 if margin + 2 + 2 * len(x.values) <= width else 1
    yield Text(y.name.rjust(margin), "bold")
    for head, row in reversed(list(zip(heads, grid.cells, strict=True))):
        line = Text(f"{head.rjust(margin)}  ")
        for cell in row:
            line.append(MARKS[cell.kind].ljust(pitch), STYLES[cell.kind])
        yield line
    yield Text(" " * (margin + 2) + _ruler([duration_words(value) for value in x.values], pitch))
    yield Text(" " * (margin + 2) + x.name, "bold")


def _ruler(words: Sequence[str], pitch: int) -> str:
    """Return the values below a map, as many as there is room for: each begins below its column."""
    line = ""
    for position, word in enumerate(words):
        if not line or len(line) + 2 <= position * pitch:
            line = line.ljust(position * pitch) + word
    return line


def _legend(grid: Grid) -> Text:
    told = [f"{MARKS[kind]} {kind} {count}" for kind, count in grid.counts.items() if count or kind in SHOWN]
    return Text("   ".join(told), "dim")


def _boundary(grid: Grid) -> RenderableType:
    """Return the map as a table that is exact: rows of which the same is to be said are one line."""
    lab = grid.lab
    lines: list[dict[str, str]] = []
    for _, group in groupby(zip(lab.y.values, grid.cells, strict=True), key=lambda pair: _shape(pair[1])):
        rows = list(group)
        down = _range(rows[0][0], rows[-1][0])
        for segment in segments(rows[0][1]):
            across = _range(lab.x.values[segment.first], lab.x.values[segment.last])
            lines.append({lab.y.name: down, lab.x.name: across, "": segment.cell.kind, "violated": _violated(segment.cell)})
            down = ""
    return listing(lines, [lab.y.name, lab.x.name, "", "violated"], header=True)


def _shape(row: Sequence[Cell]) -> list[tuple[int, int, str, tuple[str, ...]]]:
    return [(one.first, one.last, one.cell.kind, one.cell.violated) for one in segments(row)]


def _range(first: int, last: int) -> str:
    return duration_words(first) if first == last else f"{duration_words(first)} – {duration_words(last)}"


def _violated(cell: Cell) -> str:
    return cell.impossible or ", ".join(cell.violated) or "—"


def verdict_lines(grid: Grid, proofs: Sequence[Proof]) -> Iterator[tuple[str, str]]:
    """Yield what is to be said about the grace, each line with its style."""
    yield _on_the_grid(grid)
    for proof in proofs:
        yield _in_general(grid, proof)


def _on_the_grid(grid: Grid) -> tuple[str, str]:
    count, last = len(grid.tested), grid.tested[-1]
    tested = f"{plural(count, 'grace')} tested, {_range(grid.tested[0].grace_ms, last.grace_ms)}"
    if grid.safe_ms is None:
        x, y = last.wrong or (0, 0)
        places = ", ".join(
            f"{axis.name} {duration_words(value)}"
            for axis, value in ((grid.lab.x, x), (grid.lab.y, y)) if axis.name != GRACE
        )
        none = f"no grace up to {duration_words(last.grace_ms)} is safe on this grid"
        return f"✗ {none} ({tested}; the last still gives a {last.kind} at {places})", "red"
    smallest = f"smallest safe grace on this grid: {duration_words(grid.safe_ms)}"
    if count == 1:
        return f"✓ {smallest}, the smallest that was tested", "green"
    return f"✓ {smallest} ({tested}; every smaller one is wrong somewhere)", "green"


def _in_general(grid: Grid, proof: Proof) -> tuple[str, str]:
    size = f"{proof.states:,} states"
    match proof.verdict:
        case "never":
            return f"✓ no {proof.kind} in this world, at any moment and with any grace (state space closed, {size})", "green"
        case "open":
            return f"? whether there can be a {proof.kind} with some grace is open ({size})", "magenta"
        case _:
            assert proof.race is not None
            race, graces = proof.race.race, " and ".join(map(duration_words, proof.graces))
            return (
                f"✗ no grace excludes a {proof.kind} in this world: a race of {plural(race.steps, 'step')} breaks "
                f"{race.property.id} whatever the grace is (replayed with {graces})", "red",
            )
