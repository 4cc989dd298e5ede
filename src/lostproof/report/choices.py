"""What came of each choice of a scenario's open moments: "what if it dies here?", one line per answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lostproof.replay import Outcome, Tried
from lostproof.report.timeline import clock_time

__all__ = ["choices_view", "lasting_view"]


def choices_view(outcome: Outcome, start_ms: int) -> RenderableType:
    """Return a table of the moments that were tried, those in a row with the same result as one line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("moment", no_wrap=True)
    table.add_column("rows at the end")
    table.add_column("violates")
    for (possible, violated, rows), group in groupby(outcome.tried, key=_result):
        told = ", ".join(f"{run.partition('.')[2]} {status}" for run, status in rows if status != "absent") or "none"
        broken = ", ".join(sorted(violated)) or "nothing"
        table.add_row(
            _moments([tried.at_ms for tried in group], start_ms),
            told if possible else "",
            Text(broken, "red" if violated else "dim") if possible else Text("not possible then", "dim"),
        )
    count = f"{len(outcome.tried)} moments tried, one line for those in a row with the same result"
    return Padding(Group(Text(count, "dim"), table, Text()), (0, 0, 0, 4))


def lasting_view(outcome: Outcome) -> list[RenderableType]:
    """Return a line that names what stays broken for ever after, if anything does."""
    if not outcome.lasting:
        return []
    told = ", ".join(f"{name} ({subject})" for name, subject in outcome.lasting)
    return [Text.assemble(("  ✗", "red"), f" and for ever after, if nobody interferes: {told}")]


def _result(tried: Tried) -> tuple[bool, frozenset[str], tuple[tuple[str, str], ...]]:
    return tried.possible, tried.violated, tuple(sorted(tried.rows.items()))


def _moments(chosen: Sequence[tuple[int, ...]], start_ms: int) -> str:
    first, last = (", ".join(clock_time(start_ms + at) for at in moments) for moments in (chosen[0], chosen[-1]))
    return first if first == last else f"{first} – {last}"
