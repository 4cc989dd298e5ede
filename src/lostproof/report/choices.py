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

__all__ = ["NOT_POSSIBLE", "choices_rows", "choices_view", "lasting_view"]

NOT_POSSIBLE = "not possible then"


def choices_view(outcome: Outcome, start_ms: int) -> RenderableType:
    """Return a table of the moments that were tried, those in a row with the same result as one line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("moment", no_wrap=True)
    table.add_column("rows at the end")
    table.add_column("violates")
    for moments, rows, broken in choices_rows(outcome, start_ms):
        told = broken if broken is not None else NOT_POSSIBLE
        table.add_row(moments, rows, Text(told or "nothing", "red" if broken else "dim"))
    count = f"{len(outcome.tried)} moments tried, one line for those in a row with the same result"
    return Padding(Group(Text(count, "dim"), table, Text()), (0, 0, 0, 4))


def choices_rows(outcome: Outcome, start_ms: int) -> list[tuple[str, str, str | None]]:
    """Return the moments with the same result in a row, with the rows at the end and what is violated (None: impossible)."""
    found: list[tuple[str, str, str | None]] = []
    for (possible, violated, rows), group in groupby(outcome.tried, key=_result):
        told = ", ".join(f"{run.partition('.')[2]} {status}" for run, status in rows if status != "absent") or "none"
        moments = _moments([tried.at_ms for tried in group], start_ms)
        found.append((moments, told if possible else "", ", ".join(sorted(violated)) if possible else None))
    return found


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
