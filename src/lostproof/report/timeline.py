"""A schedule as a timeline: one line per step, one lane per actor, and only what changed and matters.

``■`` marks what changed on disk, ``□`` what changed in some process's memory. A lane's line shows how long its actor
lives: the gateway while it is up, a run while a process works on it, a sweep or an offline pass while it is on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD, Box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lostproof.actions import Action
from lostproof.drivers.concrete import TimedRace
from lostproof.drivers.timed import Moment
from lostproof.model import Model
from lostproof.properties import Property
from lostproof.report.data import subject_name
from lostproof.report.phrases import GHOST, KEPT, SECOND, Words, run_word
from lostproof.tables import chart
from lostproof.world import World

__all__ = [
    "FAULT", "SEEN", "Line", "alive", "clock_time", "folded", "lanes_of", "lines_of", "no_return_words", "race_view",
    "timeline", "why_words",
]

FAULT, BROKEN, DECISIVE, SEEN = "bold red", "bold white on red", "bold yellow", "bold green"
LIFELINE = "│"
RULED = Box(str(SIMPLE_HEAD), ascii=True)
"""Never replaced by rich: what an encoding lacks is replaced afterwards, so that all lines keep their columns."""
ROOM_FOR_CHANGES = 30
"""Columns that the changes need beside the lanes; with less, the lanes become one column."""
ROOM_BESIDE = 20
"""Columns that the changes need beside anything; with less, they get lines of their own."""
FOLDED = 3
"""Sweeps in a row that change nothing are shown as one line from this many on."""

UNREAD = {"unread": "(read fails)", "torn": "(log line torn)"}
LANES = ("clock", "gateway", f"gateway{SECOND}", "run", "sweep", f"sweep{SECOND}", "operator")


def clock_time(at_ms: int) -> str:
    """Return a moment as h:mm:ss.mmm."""
    seconds, ms = divmod(at_ms, 1_000)
    return f"{seconds // 3_600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def race_view(timed: TimedRace, width: int) -> RenderableType:
    """Return a race as a timeline, with a last line that says in words why the property is false."""
    model, judged, point = timed.race.model, timed.race.property, timed.point_of_no_return
    lines = [timeline(model, timed.moments, width, point or 0, judged, steps=timed.steps)]
    told = no_return_words(timed)
    if told:
        lines.append(Text(f"◆ {told}", style=DECISIVE))
    lines.append(Text.assemble(("✗ why  ", "bold red"), f"{why_words(timed)}."))
    return Group(*lines)


def why_words(timed: TimedRace) -> str:
    """Return why the property is false, and for how long, in words."""
    because = timed.race.because
    if timed.race.property.kind != "leads-to":
        return because
    if timed.race.doomed:
        return f"{because}; nothing changes that any more, in every fair continuation"
    return f"{because}; there is a fair continuation in which nothing ever changes that"


def no_return_words(timed: TimedRace) -> str:
    """Return after which step nothing averts the violation, in words; nothing if only the last step decides it."""
    step = timed.point_of_no_return
    if step is None:
        return "no point of no return: luck in what follows could still avert it"
    if step == len(timed.moments) and timed.race.property.kind != "leads-to":
        return ""
    after = f"after step {step}" if step else "from the beginning"
    return f"no return {after}: every fair continuation without faults and operators ends in the violation"


def timeline(
    m: Model, moments: Sequence[Moment], width: int, point_of_no_return: int = 0, judged: Property | None = None,
    start_ms: int = 0, steps: int | None = None, seen: Mapping[int, str] | None = None,
) -> RenderableType:
    """Return ``moments`` as a table of at most ``width`` columns.

    Args:
        m: the model.
        moments: what happened.
        width: columns to use.
        point_of_no_return: the step (from 1) to mark as such, 0 for none.
        judged: the property to mark the violation of; all unless given.
        start_ms: what the clock shows at the beginning.
        steps: how many of the moments are the race proper, if it has a continuation.
        seen: what somebody saw, by the step (from 1) in which it happened.
    """
    lines = [_with_seen(line, (seen or {}).get(line.number)) for line in lines_of(m, moments, judged, start_ms, steps)]
    rows = list(folded(lines, point_of_no_return))
    lanes = lanes_of(m, rows)
    plan = _Plan.of(rows, lanes, width)
    if plan.room < ROOM_BESIDE:
        return _stacked(rows, width, point_of_no_return, steps)
    table = Table(box=RULED, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), width=width)
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for lane in lanes if plan.swimming else ("actor", "what happens"):
        table.add_column(lane, no_wrap=plan.swimming or lane == "actor")
    table.add_column("changed  ■ on disk  □ in memory" if plan.room > 30 else "■ disk  □ memory", ratio=1)
    for row in rows:
        if steps and row.number == steps + 1:
            table.add_row(*[""] * (len(table.columns) - 1), Text("and it goes on:", GHOST))
        mark = _mark(row, point_of_no_return)
        swimmers = [_lane_cell(m, lane, row) for lane in lanes]
        cells = swimmers if plan.swimming else [Text(row.lane), Text(row.label, row.style)]
        table.add_row(mark, Text(row.numbers, "dim"), row.time, *cells, row.told(plan.room))
    return table


def _stacked(rows: Sequence[Line], width: int, point_of_no_return: int, steps: int | None) -> RenderableType:
    """Return the timeline for narrow places: what changed stands on lines of its own, below what happened."""
    numbers = _longest(row.numbers for row in rows)
    lines: list[RenderableType] = [Text("time, actor: what happens\n    ■ changed on disk  □ in memory", "dim")]
    for row in rows:
        if steps and row.number == steps + 1:
            lines.append(Text("and it goes on:", GHOST))
        head = Text.assemble(
            _mark(row, point_of_no_return), "  ", (row.numbers.rjust(numbers), "dim"), f"  {row.time}  ",
            f"{row.lane}: ", (row.label, row.style),
        )
        lines.append(head)
        if row.changed:
            lines.append(Padding(row.told(width - 4), (0, 0, 0, 4)))
    return Group(*lines)


def _with_seen(line: Line, words: str | None) -> Line:
    return replace(line, changed=(*line.changed, (SEEN, f"◀ {words}"))) if words else line


def _mark(row: Line, point_of_no_return: int) -> Text:
    mark = Text("◆" if row.number == point_of_no_return else " ", style=DECISIVE)
    return mark.append("✗" if row.broken else " ", style="bold red")


@dataclass(frozen=True)
class _Plan:
    """How the columns are laid out: whether there are lanes, and how much room is left for what changed."""

    swimming: bool
    room: int

    @classmethod
    def of(cls, rows: Sequence[Line], lanes: Sequence[str], width: int) -> _Plan:
        """Return the plan with lanes if ``width`` allows, else the one with a column for the actor."""
        gap = 2
        fixed = 2 + gap + _longest(row.numbers for row in rows) + gap + _longest(row.time for row in rows) + gap
        swimming = sum(gap + _longest([lane, *(row.label for row in rows if row.lane == lane)]) for lane in lanes)
        if fixed + swimming + ROOM_FOR_CHANGES <= width:
            return cls(True, width - fixed - swimming)
        actors = gap + _longest(["actor", *lanes])
        labels = min(_longest(row.label for row in rows), width - fixed - actors - gap - ROOM_FOR_CHANGES)
        return cls(False, width - fixed - actors - gap - max(labels, len("what happens")))


def _longest(words: Iterable[str]) -> int:
    return max(map(len, words), default=0)


# -- one step


@dataclass(frozen=True)
class Line:
    """One step of a timeline in words, or several that were folded into one.

    Attributes:
        number: the step, from 1.
        numbers: the step, or the steps that are folded here.
        time: what the clock shows.
        moment: what happened.
        lane: the lane of the actor.
        label: what the actor does, without what the lane says already.
        style: how the label looks.
        changed: what changed, as pairs of style and words.
        broken: whether the violation happens here.
        fault: whether it is a fault that the bounds budget.
    """

    number: int
    numbers: str
    time: str
    moment: Moment
    lane: str
    label: str
    style: str
    changed: tuple[tuple[str, str], ...]
    broken: bool
    fault: bool

    @property
    def begins_sweep(self) -> bool:
        """Whether a sweep begins here."""
        return self.sweeps and self.label == "begin"

    @property
    def sweeps(self) -> bool:
        """Whether it is a part of a sweep, whichever gateway's."""
        return self.lane in ("sweep", f"sweep{SECOND}")

    @property
    def told_anything(self) -> bool:
        """Whether something changed, other than that a sweep looked at a row and kept it."""
        return any(words != KEPT for _, words in self.changed)

    def told(self, room: int) -> Text:
        """Return what changed, in lines of at most ``room`` columns where words allow it."""
        text, used = Text(), 0
        for style, words in self.changed:
            if used:
                gap = "  " if used + 2 + len(words) <= room else "\n"
                text.append(gap)
                used = used + 2 if gap == "  " else 0
            text.append(words, style)
            used += len(words)
        return text


def folded(rows: Sequence[Line], point_of_no_return: int) -> Iterator[Line]:
    """Yield the lines, with one line in place of several sweeps in succession that keep everything."""
    position = 0
    while position < len(rows):
        sweeps = list(_idle_sweeps(rows, position, point_of_no_return))
        if len(sweeps) < FOLDED:
            yield rows[position]
            position += 1
            continue
        last = rows[sweeps[-1] - 1]
        yield replace(
            rows[position], numbers=f"{rows[position].number}–{last.number}", label=f"{len(sweeps)} times",
            moment=last.moment, changed=((GHOST, f"nothing, until {last.time}"),),
        )
        position = sweeps[-1]


def _idle_sweeps(rows: Sequence[Line], start: int, point_of_no_return: int) -> Iterator[int]:
    """Yield where each whole sweep ends (exclusively) that begins at ``start`` or right after the one before."""
    while start < len(rows) and rows[start].begins_sweep:
        end = start + 1
        while end < len(rows) and rows[end].sweeps and not rows[end].begins_sweep:
            end += 1
        part = rows[start:end]
        if any(row.broken or row.told_anything for row in part) or start < point_of_no_return <= end:
            return
        yield end
        start = end


def lines_of(
    m: Model, moments: Sequence[Moment], judged: Property | None = None, start_ms: int = 0, steps: int | None = None
) -> list[Line]:
    """Return each of ``moments`` in words; the arguments are those of :func:`timeline`."""
    words = Words.over(m, moments, judged)
    lines = [_line(m, number, moment, judged, words, start_ms) for number, moment in enumerate(moments, 1)]
    if judged is not None and judged.kind == "leads-to" and steps:
        lines[steps - 1] = replace(lines[steps - 1], broken=True, style=BROKEN)
    return lines


def _line(m: Model, number: int, moment: Moment, judged: Property | None, words: Words, start_ms: int) -> Line:
    action = m.actions[moment.action]
    lane = _lane(m, action)
    broken = [pair for pair in moment.broken if judged is None or pair[0] == judged.id]
    fault = bool(action.budget) and not action.fair
    style = BROKEN if broken else FAULT if fault else ""
    changed = words.of(moment)
    if judged is None:
        changed += [(FAULT, f"✗ {name} ({subject_name(m, name, subject)})") for name, subject in broken]
    time, label = clock_time(start_ms + moment.at_ms), _label(m, moment.action, lane)
    return Line(number, str(number), time, moment, lane, label, style, tuple(changed), bool(broken), fault)


def _label(m: Model, number: int, lane: str) -> str:
    """Return an action without what its lane says already."""
    action = m.actions[number]
    name = action.name.removeprefix("sweep_") if action.actor == "sweep" else action.name
    words = [f"╳ {name}" if name == "crash" else name]
    for param, value in action.describe(m).items():
        if param == "run":
            words += [] if action.actor == "run" else [run_word(m, action.get("run") or 0)]
        elif param == "job":
            words += [str(value)] if m.bounds.jobs > 1 else []
        elif param == "end":
            words.append(str(value))
        elif param == "gateway":
            words += [f"gateway{SECOND}"] if action.actor == "operator" else []
        elif value:
            words.append({"fault": "(write fails)", "early": "(later)", "same_ms": "(same ms)", **UNREAD}.get(param, param))
    return " ".join(words)


def _lane(m: Model, action: Action) -> str:
    """Return the lane that an action is shown in: that of its run, or that of its actor."""
    run = action.get("run")
    if action.actor == "run" and run is not None:
        return run_word(m, run)
    lane = action.actor + (SECOND if action.get("gateway") else "")
    return lane if lane in LANES else action.actor


# -- lanes


def lanes_of(m: Model, rows: Iterable[Line], always: Iterable[str] = ()) -> list[str]:
    """Return the lanes that are used, and those that are shown ``always``, in their order."""
    used = {*always, *(row.lane for row in rows)}
    runs = [run_word(m, k) for k in m.runs]
    ordered = [word for lane in LANES for word in (runs if lane == "run" else [lane])]
    return [lane for lane in ordered if lane in used]


def _lane_cell(m: Model, lane: str, row: Line) -> Text:
    if lane == row.lane:
        return Text(row.label, style=row.style)
    return Text(LIFELINE if alive(m, lane, m.view(row.moment.after)) else "", style="dim")


def alive(m: Model, lane: str, w: World) -> bool:
    """Return whether the actor of ``lane`` lives in ``w``: is up, at work, or on its way."""
    if lane in LANES and lane.endswith(SECOND):
        return alive(m, lane.removesuffix(SECOND), w.peer)
    match lane:
        case "clock":
            return False
        case "gateway":
            return bool(w.gateway != chart("gateway").code("down"))
        case "sweep":
            return bool(w.sweep)
        case "operator":
            return any(w.plan[k] for k in m.runs)
        case _:
            k = next(k for k in m.runs if run_word(m, k) == lane)
            return bool(m.owned(w, k))
