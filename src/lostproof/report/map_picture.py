"""A timing map as a picture, SVG or PNG. What a cell is can be told by its hatching as well as by its colour.

The same map gives the same bytes with one version of the plotting library; which map it is stands in the picture's
metadata, as the digest of the table that it was drawn from.
"""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lostproof.errors import BadInput
from lostproof.maps.axes import Axis, duration_words
from lostproof.maps.grid import SHOWN, Grid
from lostproof.maps.proof import Proof
from lostproof.maps.worlds import TIMINGS
from lostproof.report.timing_map import segments, settings, table_digest, verdict_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["demand_picture", "picture", "write_picture"]

SUFFIXES = (".svg", ".png")
LOOKS = {
    "right": ("#eef3f7", ""),
    "false lost": ("#e69f00", "//"),
    "zombie": ("#56b4e9", "xx"),
    "false lost and zombie": ("#cc79a7", "//xx"),
    "impossible": ("#ffffff", ".."),
}
"""The colour (told apart by the colour-blind as well) and the hatching of each kind of cell."""
INK = "#1f2933"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "lostproof", "svg.fonttype": "none", "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"], "font.size": 10, "text.color": INK, "axes.edgecolor": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "hatch.linewidth": 0.8, "figure.dpi": 100,
    "text.parse_math": False,
}
TICKS = 11
WRAP = 104


def demand_picture(out: Path) -> None:
    """Refuse a file that cannot be drawn, before anything is simulated.

    Raises:
        BadInput: its suffix is none of a picture, or the plotting library is not there.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise BadInput(f"--out {out}: pictures are drawn as {' or '.join(SUFFIXES)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise BadInput("--out needs matplotlib; install it with: pip install 'lostproof[map]'")


def write_picture(grid: Grid, proofs: Sequence[Proof], out: Path) -> None:
    """Draw a map into ``out``.

    Raises:
        BadInput: the file cannot be written.
    """
    data = picture(grid, proofs, out.suffix.lower().removeprefix("."))
    try:
        out.write_bytes(data)
    except OSError as error:
        raise BadInput(f"--out {out}: cannot be written ({error.strerror})") from error


def picture(grid: Grid, proofs: Sequence[Proof], form: str) -> bytes:
    """Return a map as the bytes of an ``svg`` or ``png`` file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    told = list(_told(grid, proofs))
    lines = sum(text.count("\n") + 1 for text, _ in told)
    with mpl.rc_context(STYLE):
        height = 6.8 + 0.2 * lines
        figure = Figure(figsize=(8, height), facecolor="white")
        axes = figure.add_axes((0.1, 1 - 5.9 / height, 0.87, 4.9 / height))
        _cells(axes, grid)
        _scale(axes, grid.lab.x, across=True)
        _scale(axes, grid.lab.y, across=False)
        _title(axes, grid)
        _legend(axes, grid)
        down = 1 - 6.75 / height
        for text, style in told:
            colour = {"red": "#9b1c1c", "green": "#1b5e20"}.get(style, INK)
            figure.text(0.1, down, text, color=colour, fontsize=9, verticalalignment="top")
            down -= 0.2 * (text.count("\n") + 1) / height
        data = BytesIO()
        figure.savefig(data, format=form, metadata=_metadata(grid, form))
    return data.getvalue()


def _told(grid: Grid, proofs: Sequence[Proof]) -> Iterator[tuple[str, str]]:
    for line, style in verdict_lines(grid, proofs):
        yield "\n    ".join(textwrap.wrap(line, WRAP, break_on_hyphens=False)), style


def _cells(axes: Axes, grid: Grid) -> None:
    """Draw the cells, those of which the same is to be said as one rectangle: equal rows together, and side by side."""
    from matplotlib.patches import Rectangle

    shapes = [[(one.first, one.last, one.cell.kind) for one in segments(row)] for row in grid.cells]
    bottom = 0
    while bottom < len(shapes):
        top = bottom + 1
        while top < len(shapes) and shapes[top] == shapes[bottom]:
            top += 1
        for first, last, kind in shapes[bottom]:
            colour, hatch = LOOKS[kind]
            axes.add_patch(Rectangle(
                (first - 0.5, bottom - 0.5), last - first + 1, top - bottom,
                facecolor=colour, edgecolor=INK, hatch=hatch, linewidth=0,
            ))
        bottom = top
    axes.set_xlim(-0.5, len(grid.lab.x.values) - 0.5)
    axes.set_ylim(-0.5, len(grid.lab.y.values) - 0.5)
    axes.set_xticks([n - 0.5 for n in range(1, len(grid.lab.x.values))], minor=True)
    axes.set_yticks([n - 0.5 for n in range(1, len(grid.lab.y.values))], minor=True)
    axes.grid(which="minor", color="white", linewidth=0.8)
    axes.tick_params(which="minor", length=0)


def _scale(axes: Axes, axis: Axis, across: bool) -> None:
    """Label an axis, with a tick in the middle of a cell and at most :data:`TICKS` of them."""
    every = -(-len(axis.values) // TICKS)
    chosen = range(0, len(axis.values), every)
    words = [duration_words(axis.values[position]) for position in chosen]
    label = f"{axis.name}: {TIMINGS[axis.name].words}"
    if across:
        axes.set_xticks(list(chosen), words)
        axes.set_xlabel(label)
    else:
        axes.set_yticks(list(chosen), words)
        axes.set_ylabel(label)


def _title(axes: Axes, grid: Grid) -> None:
    lab = grid.lab
    axes.text(0, 1.115, f"False lost and zombies: {lab.model.revision.name}", fontsize=14, fontweight="bold",
              transform=axes.transAxes)
    axes.text(0, 1.065, f"{lab.world.name}: {lab.world.title}", transform=axes.transAxes)
    axes.text(0, 1.02, settings(grid), fontsize=9, transform=axes.transAxes)


def _legend(axes: Axes, grid: Grid) -> None:
    from matplotlib.patches import Patch

    shown = {kind: count for kind, count in grid.counts.items() if count or kind in SHOWN}
    handles = [
        Patch(facecolor=LOOKS[kind][0], edgecolor=INK, hatch=LOOKS[kind][1] * 2, linewidth=0.6, label=f"{kind} ({count})")
        for kind, count in shown.items()
    ]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, -0.115), ncols=len(handles), frameon=False, borderaxespad=0,
        borderpad=0, handlelength=2.4, handleheight=1.3,
    )


def _metadata(grid: Grid, form: str) -> dict[str, Any]:
    """Return what the file says about itself, without a date: which map it is."""
    title = f"Timing map of {grid.lab.model.revision.name}, {grid.lab.world.name}"
    told = f"sha256 {table_digest(grid)}"
    if form == "png":
        return {"Title": title, "Description": told, "Software": "lostproof"}
    return {"Title": title, "Description": told, "Creator": "lostproof", "Date": None}
