"""Views of an exploration: where one is, what can happen, what cannot and why, and what the properties come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lostproof.bounds import BUDGETS
from lostproof.drivers.timed import Moment
from lostproof.engine.race import why
from lostproof.explore.ahead import Outlook
from lostproof.explore.names import choices, group_of, label
from lostproof.explore.session import Session
from lostproof.fields import Home
from lostproof.model import Model
from lostproof.properties import Property, property_named
from lostproof.report.data import ACTIONS, cell_name, owner_name, value_name
from lostproof.report.phrases import Words
from lostproof.report.reasons import cells_of, why_not
from lostproof.report.text import LOOKS, length_words
from lostproof.report.timeline import clock_time, timeline
from lostproof.tables import chart

__all__ = [
    "blocked_view", "choices_view", "heading_view", "outlook_view", "reasons_view", "state_view", "step_view",
    "timeline_view", "world_view",
]

HEADINGS = {
    "product": "the product, by itself",
    "world": "the world around it: work, clock, supervisor",
    "operator": "an operator",
    "fault": "faults",
}
STYLES = {"product": "green", "world": "cyan", "operator": "yellow", "fault": "bold red"}
DOOMED = ("◆", "bold yellow")


# -- where one is


def heading_view(m: Model, bounds: str) -> RenderableType:
    """Return what is explored."""
    return Text.assemble((m.revision.name, "bold"), f"  {m.revision.title}\n", (bounds, "dim"))


def state_view(session: Session) -> RenderableType:
    """Return where the session is, in a few lines: only what differs from a gateway that runs and has done nothing."""
    m = session.model
    view = m.view(session.state)
    now = "no time" if session.now_ms is None else clock_time(session.now_ms)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text(f"step {len(session.done)}", "bold"), Text(now, "bold"), *_of_gateway(session))
    told = Words(m).between(m.initial(), session.state)
    for owner, lead in _owners(m, session.state):
        parts = [
            (words, style) for cell, style, words in told
            if owner_name(m, cell).endswith(owner) and cell.field.base != "step"
        ]
        if parts or lead:
            texts = [Text(words, style) for words, style in [(lead, ""), *parts] if words]
            table.add_row("", Text(owner), Text("  ").join(texts))
    left = [f"{budget} {value}" for budget in BUDGETS if (value := getattr(view, budget))]
    if left:
        table.add_row("", Text("faults left", "dim"), Text(", ".join(left), "dim"))
    lines: list[RenderableType] = [table]
    if isinstance(session.timing, str):
        lines.append(Text(f"time cannot follow this path: {session.timing}", "yellow"))
    return Group(*lines)


def _of_gateway(session: Session) -> Iterator[Text]:
    m = session.model
    text = Text()
    for number, view in enumerate(m.processes(m.view(session.state)), start=1):
        name = f"\ngateway {number}: " if number > 1 else "gateway "
        text.append(f"{name}{chart('gateway').states[view.gateway]}")
        if view.sweep:
            text.append(f"  □ sweep on its way, next: the row of {m.run_name(view.sweep - 1)}", "dim")
    yield text


def _owners(m: Model, state: int) -> Iterator[tuple[str, str]]:
    """Yield jobs and begun runs, each with what is to be said of it first."""
    view = m.view(state)
    for job in m.jobs:
        waiting = view.fallen[job] - view.next[job]
        yield m.job_name(job), f"{waiting} due" if waiting > 0 else ""
        for k in m.runs_of(job):
            if m.step(view, k):
                yield m.run_name(k), chart("run").states[m.step(view, k)]


# -- what can happen


def choices_view(session: Session) -> RenderableType:
    """Return what can happen next, numbered, group by group."""
    m = session.model
    numbered = list(enumerate(choices(m, session.possible), start=1))
    if not numbered:
        return Text("nothing can happen any more: all runs, slots and faults that the bounds allow are used up", "dim")
    longest = max(len(label(m, number)) for _, number in numbered)
    lines: list[RenderableType] = []
    for group, members in groupby(numbered, key=lambda pair: group_of(m.actions[pair[1]])):
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(justify="right", no_wrap=True, min_width=4)
        table.add_column(no_wrap=True, min_width=longest)
        table.add_column()
        for position, number in members:
            what = ACTIONS[m.actions[number].name]
            table.add_row(str(position), Text(label(m, number), STYLES[group]), Text(what, "dim"))
        lines += [Text(HEADINGS[group], "dim"), table]
    return Group(*lines)


def step_view(session: Session, position: int, newly_doomed: Sequence[Property] = ()) -> RenderableType:
    """Return one step of the path (from 1): what happened, what changed, what that breaks, and what it makes inevitable."""
    m, moment = session.model, session.done[position - 1]
    told = Words.over(m, session.done[:position]).of(moment)
    style = STYLES[group_of(m.actions[moment.action])]
    line = Text.assemble((f"{position:>4}  ", "dim"), (f"{label(m, moment.action):<18}", style))
    for mark, words in told:
        line.append("  ").append(words, mark)
    remarks = _violations(m, moment)
    if newly_doomed:
        names = ", ".join(judged.id for judged in newly_doomed)
        remarks.append(Text(f"◆ no return, but by a fault or an operator: {names}", DOOMED[1]))
    return Group(line, *(Padding(remark, (0, 0, 0, 6)) for remark in remarks))


def _violations(m: Model, moment: Moment) -> list[Text]:
    """Return what a step breaks, in words."""
    return [
        Text(f"✗ {name}: {why(m, property_named(name), subject)}", LOOKS["violated"][1]) for name, subject in moment.broken
    ]


# -- what cannot happen


def reasons_view(session: Session, numbers: Sequence[int]) -> RenderableType:
    """Return for each of some actions why it cannot happen, or that it can."""
    m = session.model
    offered = choices(m, session.possible)
    lines: list[RenderableType] = []
    for number in _one_of_each(session, numbers):
        name, what = label(m, number), ACTIONS[m.actions[number].name]
        if number in session.possible:
            lines.append(Text(f"{name} can happen now: it is choice {offered.index(number) + 1} ({what})"))
            continue
        lines.append(Text.assemble((name, "bold"), f" cannot happen now ({what}):"))
        lines += [Padding(Text(f"- {words}"), (0, 0, 0, 2)) for words in why_not(m, session.state, number)]
        fields = dict.fromkeys((cell.field.name, cell.field.doc) for cell in cells_of(m, session.state, number))
        if fields:
            docs = "; ".join(f"{field}: {doc}" for field, doc in fields)
            lines.append(Padding(Text(docs, "dim"), (0, 0, 0, 4)))
    return Group(*lines)


def blocked_view(session: Session) -> RenderableType:
    """Return everything that cannot happen now, with the reasons."""
    m = session.model
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    possible = {label(m, number) for number in session.possible}
    for number in _one_of_each(session, range(len(m.actions))):
        if label(m, number) not in possible:
            reasons = why_not(m, session.state, number)
            table.add_row(Text(label(m, number), STYLES[group_of(m.actions[number])]), "; ".join(reasons))
    return table


def _one_of_each(session: Session, numbers: Iterable[int]) -> list[int]:
    """Return one action for each name: what can happen, or else what least is missing for.

    The sections of a run exist once for each path, and are called alike.
    """
    m = session.model
    best: dict[str, tuple[int, int]] = {}
    for number in numbers:
        missing = len(why_not(m, session.state, number))
        name = label(m, number)
        best[name] = min(best.get(name, (missing, number)), (missing, number))
    return [number for _, number in best.values()]


# -- what the properties come to


def outlook_view(m: Model, outlooks: Sequence[Outlook], states: int) -> RenderableType:
    """Return what every property comes to from here on."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for outlook in outlooks:
        mark, style, words = _outlook(m, outlook)
        table.add_row(Text(f" {mark}", style), outlook.property.id, Text(words, style))
    closed = f"the space from here is closed: {states:,} states"
    return Group(table, Text(closed, "dim"))


def _outlook(m: Model, outlook: Outlook) -> tuple[str, str, str]:
    judged = outlook.property
    name = judged.name_of(m, outlook.subject) if outlook.subject is not None else ""
    lasting = judged.kind == "leads-to"
    match outlook.kind:
        case "violated":
            return (*LOOKS["violated"], f"violated at step {outlook.step} ({name})")
        case "stuck":
            return (*LOOKS["violated"], f"violated for ever ({name}): nothing can mend it any more, whatever happens")
        case "doomed":
            return (*DOOMED, f"past the point of no return ({name}): only faults or an operator could avert it")
        case "open":
            assert outlook.way is not None
            how = "can still stay broken for ever" if lasting else "can still be violated"
            return "·", "", f"{how}: {length_words(len(outlook.way.actions), outlook.way.faults)} ({name})"
        case _:
            return (*LOOKS["holds"], "cannot stay broken from here" if lasting else "cannot be violated from here")


# -- everything


def world_view(session: Session) -> RenderableType:
    """Return the whole world, home by home."""
    m = session.model
    view, initial = m.view(session.state), m.view(m.initial())
    table = Table.grid(padding=(0, 2, 0, 0))
    for home in Home:
        cells = [cell for cell in m.layout.all_cells if cell.field.home is home and cell.bits]
        if cells:
            table.add_row(Text(home.value, "bold"))
        for cell in cells:
            value = view.read(cell)
            style = "" if value != initial.read(cell) else "dim"
            words = (f"  {cell_name(m, cell)}", value_name(m, cell, value))
            table.add_row(*(Text(word, style) for word in words), Text(cell.field.doc, "dim"))
    return table


def timeline_view(session: Session, width: int) -> RenderableType:
    """Return the path as a timeline; without times, if time cannot follow it."""
    if isinstance(session.timing, str):
        steps = [step_view(session, position) for position in range(1, len(session.done) + 1)]
        return Group(*steps, Text(f"time cannot follow this path: {session.timing}", "yellow"))
    if not session.timing:
        return Text("nothing has happened yet", "dim")
    return timeline(session.model, session.timing, width)


