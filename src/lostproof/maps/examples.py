"""Cells of a map as scenario files: what the map says of them can be replayed step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lostproof.maps.axes import duration_words
from lostproof.maps.grid import MARKS, Cell, Grid
from lostproof.maps.worlds import GRACE
from lostproof.model import Model
from lostproof.scenarios import SUFFIX, slug, write_path

__all__ = ["save_cell", "save_examples"]


def save_examples(grid: Grid, folder: Path) -> list[Path]:
    """Write the first cell of each kind of trouble as a scenario file; return the files."""
    found: dict[str, tuple[int, int, Cell]] = {}
    for (x, y), cell in zip(grid.lab.places(), (cell for row in grid.cells for cell in row), strict=True):
        if cell.wrong:
            found.setdefault(cell.kind, (x, y, cell))
    return [save_cell(grid, *found[kind], folder) for kind in MARKS if kind in found]


def save_cell(grid: Grid, x: int, y: int, cell: Cell, folder: Path) -> Path:
    """Write the cell at ``x`` and ``y`` as a scenario file that expects what the map says of it; return the file."""
    lab = grid.lab
    timings = {**lab.timings, GRACE: grid.grace_ms, lab.x.name: x, lab.y.name: y}
    told = ", ".join(f"{name} {duration_words(value)}" for name, value in timings.items())
    expected = {
        "violates": list(cell.violated),
        "rows": {lab.model.run_name(k): status for k, status in zip(lab.model.runs, cell.rows, strict=True)},
    }
    constants = replace(lab.model.revision.constants, grace_ms=timings[GRACE])
    name = slug(f"{lab.model.revision.name} {lab.world.name} {cell.kind}")
    return write_path(
        folder / f"{name}{SUFFIX}", Model(replace(lab.model.revision, constants=constants), lab.world.bounds),
        lab.moments(x, y, grid.grace_ms), title=f"{lab.model.revision.name}: {cell.kind}, with {told}",
        about=f"A cell of a timing map. The world {lab.world.name}: {lab.world.title}.", expect=expected,
    )
