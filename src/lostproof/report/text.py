"""Results as text for people: short, and coloured on a terminal only."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import StringIO
from typing import IO, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lostproof.drivers.timed import Moment
from lostproof.engine.coverage import Coverage
from lostproof.engine.lag import UNBOUNDED
from lostproof.engine.verdicts import Result, Verdict
from lostproof.model import Model
from lostproof.pinned import KEPT, Drift, Pins
from lostproof.replay import Outcome
from lostproof.report.ascii import encodable
from lostproof.report.choices import choices_view, lasting_view
from lostproof.report.data import digest
from lostproof.report.heads import short_names
from lostproof.report.timeline import race_view, timeline
from lostproof.revisions import REVISIONS
from lostproof.scenarios import Scenario

__all__ = [
    "LOOKS", "console", "length_words", "listing", "matrix_view", "outcome_view", "plain", "plural", "races_view",
    "replays_line", "result_view", "scenario_view", "short_number", "show", "simulation_view", "size_line", "titled_race",
]

LOOKS = {
    "holds": ("✓", "green"),
    "violated": ("✗", "bold red"),
    "accepted": ("≈", "yellow"),
    "inconclusive": ("?", "magenta"),
}
"""The mark and the style of each verdict."""

SIZES = ("states", "transitions", "depth")
"""What tells the size of a state space."""

WIDTH = 110
"""Columns of a text that does not go to a terminal."""


def console(stream: IO[str] | None = None) -> Console:
    """Return the console for text on standard output (or on ``stream``)."""
    target: Any = stream or sys.stdout
    fixed = None if target.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(file=target, width=fixed, highlight=False, soft_wrap=False)


def show(*views: RenderableType) -> None:
    """Print ``views`` on standard output; where it is no terminal, without styles and without blanks at line ends.

    What the encoding of standard output lacks is written in ASCII.
    """
    out = console()
    with out.capture() as captured:
        for view in views:
            out.print(view)
    lines = captured.get().splitlines()
    text = "".join(f"{line if out.is_terminal else line.rstrip()}\n" for line in lines)
    out.file.write(encodable(text, out.encoding))


def plain(view: RenderableType, width: int) -> str:
    """Return ``view`` as plain lines of at most ``width`` columns, for a report."""
    out = Console(file=StringIO(), width=width, highlight=False, color_system=None, force_terminal=False)
    with out.capture() as captured:
        out.print(view)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


# -- check


def result_view(result: Result, verbose: bool = False) -> RenderableType:
    """Return one revision's verdicts, and what was exercised."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for verdict in result.verdicts:
        mark, style = LOOKS[verdict.verdict]
        table.add_row(Text(f"  {mark}", style), verdict.property.id, Text(verdict.verdict, style), _remark(verdict))
    heading = Text.assemble((result.revision.name, "bold"), f"  {result.revision.title}")
    slices = [_slices(result), ""] if verbose else []
    return Group(heading, Text(size_line(result), "dim"), "", table, "", *slices, *_exercised(result.coverage, verbose))


def size_line(result: Result) -> str:
    """Return how much was explored, and whether that was all."""
    unclosed = [report.slice.name for report in result.slices if not report.closed]
    closed = f"not closed: {', '.join(unclosed)}" if unclosed else "state space closed"
    return (
        f"{plural(len(result.slices), 'slice')} · {result.states:,} states · {result.transitions:,} transitions · "
        f"depth {result.depth} · {closed}"
    )


def _slices(result: Result) -> RenderableType:
    rows = [
        {
            "slice": f"  {report.slice.name}", "states": f"{report.states:,}", "depth": report.depth,
            "closed": "closed" if report.closed else f"more than {report.limit:,} states",
            "violated": ", ".join(report.races) or "—",
        }
        for report in result.slices
    ]
    return listing(rows, ["slice", "states", "depth", "closed", "violated"], header=True)


def _remark(verdict: Verdict) -> Text:
    parts = []
    if verdict.race is not None:
        parts.append(_measure(verdict))
    if verdict.reason:
        parts.append(verdict.reason)
    if verdict.sweeps is not None and verdict.verdict in KEPT:
        parts.append(_patience(verdict.sweeps))
    return Text(" · ".join(parts), "dim")


def _patience(sweeps: int) -> str:
    if sweeps == UNBOUNDED:
        return "no bound on the sweeps that leave such a row alone while a newer run of its job masks it"
    if not sweeps:
        return "by the first sweep that finds the row past its grace"
    return f"at most {plural(sweeps, 'sweep')} leave{'s' if sweeps == 1 else ''} a row alone that is past its grace"


def _measure(verdict: Verdict) -> str:
    assert verdict.race is not None
    race = verdict.race.race
    return f"{length_words(race.steps, race.faults)} · slice {verdict.slice}"


def length_words(steps: int, faults: int) -> str:
    """Return how long a way is, and how many faults there are in it if any."""
    return f"{plural(steps, 'step')}, {plural(faults, 'fault')}" if faults else plural(steps, "step")


def plural(count: int, word: str) -> str:
    """Return a count with its noun."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def _exercised(coverage: Coverage, verbose: bool) -> list[RenderableType]:
    if not coverage.actions:
        return []
    kinds = {"actions": "actions", "edges": "chart edges", "decisions": "rows of the rule's table"}
    described = coverage.describe()
    parts = []
    for kind, words in kinds.items():
        reached, unreached = described[kind]["reached"], described[kind]["unreached"]
        parts.append(f"{len(reached)} of {len(reached) + len(unreached)} {words}")
    lines: list[RenderableType] = [Text(f"exercised: {' · '.join(parts)}", "dim")]
    if verbose:
        unreached = [
            {"kind": f"  {words} not reached", "names": described[kind]["unreached"] or "none"}
            for kind, words in kinds.items()
        ]
        lines.append(listing(unreached, ["kind", "names"]))
    return lines


def races_view(result: Result, races: str, width: int) -> list[RenderableType]:
    """Return the races to show: ``none``, the ``first`` that is not accepted, or ``all``."""
    shown = [verdict for verdict in result.verdicts if verdict.race is not None]
    if races == "first":
        shown = [verdict for verdict in shown if verdict.verdict == "violated"][:1]
    views: list[RenderableType] = []
    for verdict in shown if races != "none" else ():
        views += [Text(), titled_race(result, verdict, width)]
    return views


def titled_race(result: Result, verdict: Verdict, width: int) -> RenderableType:
    """Return the race of ``verdict``, with what it violates above it."""
    assert verdict.race is not None
    mark, style = LOOKS[verdict.verdict]
    title = Text.assemble((f"{mark} {verdict.property.id}", style), f"  {verdict.property.sentence}")
    subtitle = Text(f"  {result.revision.name} · shortest race: {_measure(verdict)}", "dim")
    return Group(title, subtitle, race_view(verdict.race, width))


# -- matrix


def matrix_view(
    results: Sequence[Result], bounds: str, expected: Pins | None, drifted: Sequence[Drift], width: int
) -> RenderableType:
    """Return every revision against every property, and what drifted from the pinned verdicts.

    Where there is not room enough for all revisions beside each other, they follow in blocks.
    """
    cells = {(drift.revision, drift.property) for drift in drifted}
    unclosed = any(not report.closed for result in results for report in result.slices)
    prefix, heads = short_names(result.revision.name for result in results)
    columns = [_column(head, result, cells) for head, result in zip(heads, results, strict=True)]
    ids = [Text(verdict.property.id) for verdict in results[0].verdicts]
    names = [Text(prefix, "dim"), *ids, *(Text(name, "dim") for name in SIZES)]
    views: list[RenderableType] = []
    for block in _blocks(columns, width - max(map(len, names)), _gap(width)):
        table = Table.grid(padding=(0, _gap(width), 0, 0))
        table.add_column(overflow="fold")
        for _ in block:
            table.add_column(no_wrap=True)
        for row in zip(names, *block, strict=True):
            table.add_row(*row)
        views += [table, ""]
    legend = Text("✓ holds  ✗ violated, steps of the shortest race  ≈ accepted  ? inconclusive  ! drift", "dim")
    return Group(*views, legend, *_drift_lines(bounds, expected, drifted, unclosed))


def _gap(width: int) -> int:
    return 2 if width >= 100 else 1


def _column(head: str, result: Result, cells: Collection[tuple[str, str]]) -> list[Text]:
    """Return the cells of one revision, from top to bottom."""
    name = result.revision.name
    verdicts = [_matrix_cell(verdict, (name, verdict.property.id) in cells) for verdict in result.verdicts]
    sizes = [Text(short_number(getattr(result, size)), "dim") for size in SIZES]
    return [Text(head.replace("-", "-\n", 1), "bold"), *verdicts, *sizes]


def _blocks(columns: Sequence[list[Text]], room: int, gap: int) -> list[list[list[Text]]]:
    """Return the columns in as few blocks as there is room for: the names of the properties must stay readable."""
    blocks: list[list[list[Text]]] = []
    left = 0
    for column in columns:
        needed = gap + max(len(line) for cell in column for line in cell.plain.split("\n"))
        if not blocks or needed > left:
            blocks.append([])
            left = room
        blocks[-1].append(column)
        left -= needed
    return blocks


def _matrix_cell(verdict: Verdict, drifted: bool) -> Text:
    mark, style = LOOKS[verdict.verdict]
    steps = f" {verdict.race.race.steps}" if verdict.race else ""
    return Text.assemble((f"{mark}{steps}", style), (" !", "bold white on red") if drifted else "")


def short_number(number: int) -> str:
    """Return a number in at most four characters, rounded from a thousand on."""
    if number < 1_000:
        return str(number)
    size, unit = (number / 1e3, "k") if number < 999_500 else (number / 1e6, "M")
    return f"{size:.1f}{unit}" if size < 9.95 else f"{size:.0f}{unit}"


def _drift_lines(bounds: str, expected: Pins | None, drifted: Sequence[Drift], unclosed: bool) -> Iterable[Text]:
    if expected is None:
        told = "not everything was explored" if unclosed else "the exit code says only that everything was explored"
        yield Text(f"nothing pinned for bounds {bounds}: {told}", "dim")
    elif not drifted:
        yield Text("as pinned", "green")
    else:
        yield Text(f"{plural(len(drifted), 'cell')} drifted from what is pinned:", "bold red")
        for drift in drifted:
            yield Text(f"  {drift}")


# -- run and simulate


def scenario_view(scenario: Scenario, outcomes: Sequence[Outcome], verbose: bool, width: int) -> RenderableType:
    """Return what every revision made of a scenario; its timeline where that is asked for, or where it fails."""
    passed = all(outcome.passed for outcome in outcomes)
    mark, style = LOOKS["holds" if passed else "violated"]
    parts: list[RenderableType] = [
        Text.assemble((mark, style), " ", (f"{scenario.family}/{scenario.name}", "bold"), f"  {scenario.title}")
    ]
    if verbose and scenario.about:
        parts.append(Padding(Text(" ".join(scenario.about.split()), "dim"), (0, 0, 0, 2)))
    for outcome in outcomes:
        if verbose or not outcome.passed:
            parts += [outcome_view(outcome, width, scenario.clock_ms or 0), Text()]
    as_expected = [outcome.revision for outcome in outcomes if outcome.passed]
    if as_expected and not verbose:
        everywhere = passed and len(as_expected) == len(REVISIONS)
        where = f" in all {len(REVISIONS)} revisions" if everywhere else f": {', '.join(as_expected)}"
        parts.append(Text.assemble(("  ✓", "green"), f" as expected{where}"))
    return Group(*parts)


def replays_line(replayed: Sequence[tuple[Scenario, Sequence[Outcome]]]) -> Text:
    """Return how many scenarios were replayed, and how many replays were not as expected."""
    outcomes = [outcome for _, found in replayed for outcome in found]
    failed = sum(not outcome.passed for outcome in outcomes)
    line = f"{plural(len(replayed), 'scenario')}, {plural(len(outcomes), 'replay')}, {failed} not as expected"
    return Text(line, "bold red" if failed else "green")


def outcome_view(outcome: Outcome, width: int, start_ms: int, failures: bool = True) -> RenderableType:
    """Return what one revision made of a scenario: what it violates, what is not as expected, and the timeline."""
    mark, style = LOOKS["holds" if outcome.passed else "violated"]
    told = f"violates {', '.join(sorted(outcome.violated))}" if outcome.violated else "nothing violated"
    lines: list[RenderableType] = [Text.assemble((f"  {mark}", style), f" {outcome.revision}  ", (told, "dim"))]
    lines += [Text(f"      {failure}", "red") for failure in outcome.failures if failures]
    if outcome.tried:
        lines.append(choices_view(outcome, start_ms))
    point = outcome.point_of_no_return
    shown = timeline(outcome.model, outcome.moments, width, point, start_ms=start_ms)
    return Group(*lines, shown, *lasting_view(outcome))


def simulation_view(
    seed: int, m: Model, options: Mapping[str, int], trace: Sequence[Moment], broken: Sequence[str], width: int,
    at_rest: bool = False,
) -> RenderableType:
    """Return a simulated world: its timeline, whether it came to rest, what it broke, and the digest of its trace."""
    on = ", ".join(name for name, value in options.items() if value) or "none"
    lines: list[RenderableType] = [
        Text.assemble((m.revision.name, "bold"), f"  seed {seed} · {plural(len(trace), 'step')} · troubles on: {on}"),
        timeline(m, trace, width),
        Text(),
    ]
    if at_rest:
        lines.append(Text("at rest: all runs, slots and faults that the bounds allow are used up", "dim"))
    if broken:
        for name in broken:
            word = "accepted" if name in m.revision.accepts else "violated"
            mark, style = LOOKS[word]
            lines.append(Text.assemble((f"{mark} {name}", style), f"  {word}"))
    else:
        lines.append(Text("✓ no step or state property is broken", "green"))
    lines.append(Text(f"sha256 {digest(m, trace)}", "dim"))
    return Group(*lines)


# -- lists


def listing(rows: Sequence[Mapping[str, object]], columns: Sequence[str], header: bool = False) -> RenderableType:
    """Return ``rows`` as a plain table of some of their ``columns``; the first stands out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        table.add_column(column, no_wrap=position == 0, style="bold" if position == 0 else "")
    if header:
        table.add_row(*(Text(column, "dim") for column in columns))
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    return table


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
