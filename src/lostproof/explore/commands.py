"""The commands of an exploration: each takes a desk and words, and returns what to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from lostproof.errors import BadInput
from lostproof.explore.ahead import Ahead, TooLarge
from lostproof.explore.goals import FORMS, goal_named
from lostproof.explore.names import choices, label, meant, next_by_itself
from lostproof.explore.saving import save
from lostproof.explore.session import Session
from lostproof.properties import PROPERTIES, Property
from lostproof.report.exploring import (
    blocked_view,
    choices_view,
    outlook_view,
    reasons_view,
    state_view,
    step_view,
    timeline_view,
    world_view,
)
from lostproof.report.reasons import why_not
from lostproof.report.text import length_words, listing

__all__ = ["COMMANDS", "Desk", "Quit", "obey"]

QUICK = 20_000
"""States up to which the point of no return is looked for after every step."""

MANY = 8
"""Reasons asked for at once from which on a closer name is asked for."""


class Quit(Exception):
    """The person has had enough."""


@dataclass
class Desk:
    """What lies before a person: the session, what can look ahead in its world, and how wide the paper is."""

    session: Session
    ahead: Ahead
    width: int
    scenario: Path | None = None
    brief: bool = False
    _doomed: dict[int, set[tuple[str, object]] | None] = field(default_factory=dict)

    def here(self) -> list[RenderableType]:
        """Return where the session is and what can happen."""
        return [state_view(self.session), choices_view(self.session)]

    def moved(self, session: Session, before: Session) -> list[RenderableType]:
        """Go on with ``session``; return the steps since ``before``, and where that is unless little is to be said."""
        self.session = session
        shown: list[RenderableType] = [
            step_view(session, position, self._newly_doomed(session, position))
            for position in range(len(before.done) + 1, len(session.done) + 1)
        ]
        return shown if self.brief else [*shown, *self.here()]

    def _newly_doomed(self, session: Session, position: int) -> list[Property]:
        """Return the properties whose point of no return a step is, unless they are violated by then."""
        moment = session.done[position - 1]
        before, after = self._doom(moment.before), self._doom(moment.after)
        if before is None or after is None:
            return []
        broken = {pair for done in session.done[:position] for pair in done.broken}
        new = {name for name, _ in after - before - broken}
        return [judged for judged in PROPERTIES if judged.id in new]

    def _doom(self, state: int) -> set[tuple[str, object]] | None:
        if state not in self._doomed:
            self._doomed[state] = self.ahead.doomed(state, QUICK)
        return self._doomed[state]


@dataclass(frozen=True)
class Command:
    """A command: its names (the first is the proper one), what it takes, what it does, and how."""

    names: tuple[str, ...]
    takes: str
    what: str
    run: Callable[[Desk, Sequence[str]], list[RenderableType]]


def obey(desk: Desk, line: str) -> list[RenderableType]:
    """Do what ``line`` says and return what to show.

    Raises:
        BadInput: it cannot be understood, or cannot be done.
        Quit: it says so.
    """
    words = line.split()
    if not words:
        return _go(desk, [])
    command = _BY_NAME.get(words[0])
    try:
        return command.run(desk, words[1:]) if command else _act(desk, words)
    except TooLarge as error:
        return [Text(str(error), "magenta")]


# -- going


def _act(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    session, m = desk.session, desk.session.model
    if len(words) == 1 and words[0].isdecimal():
        offered = choices(m, session.possible)
        position = int(words[0])
        if not 1 <= position <= len(offered):
            raise BadInput(f"there is no choice {position}; there are {len(offered)}")
        return desk.moved(session.do(offered[position - 1]), session)
    found = meant(m, words)
    possible = [number for number in found if number in session.possible]
    if not possible:
        closest = min(found, key=lambda number: (len(why_not(m, session.state, number)), number))
        raise BadInput(f"{label(m, closest)} cannot happen now: {'; '.join(why_not(m, session.state, closest))}")
    exact = [number for number in possible if label(m, number) == " ".join(words)]
    possible = exact or possible
    labels = list(dict.fromkeys(label(m, number) for number in possible))
    if len(labels) > 1:
        raise BadInput(f"{' '.join(words)!r} may mean: {', '.join(labels)}")
    return desk.moved(session.do(possible[0]), session)


def _go(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    session = before = desk.session
    for _ in range(_count(words)):
        number = next_by_itself(session.model, session.possible)
        if number is None:
            if session is before:
                raise BadInput("the product does nothing by itself now; choose what happens")
            break
        session = session.do(number)
    return desk.moved(session, before)


def _goal(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    session = desk.session
    find = goal_named(session.model, words)
    future = desk.ahead.future(session.state)
    way = find(future)
    name = " ".join(words)
    if way is None:
        closed = f"the space from here is closed: {len(future.graph.states):,} states"
        return [Text(f"{name}: cannot be reached from here ({closed})", "bold")]
    if not way.actions:
        return [Text(f"{name}: it is so already", "bold")]
    told = f"{name}: shortest way, {length_words(len(way.actions), way.faults)}"
    return [Text(told, "bold"), *desk.moved(session.do(*way.actions), session)]


def _undo(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return _back(desk, desk.session.undo(_count(words)))


def _redo(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return desk.moved(desk.session.redo(_count(words)), desk.session)


def _restart(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return _back(desk, desk.session.restart())


def _back(desk: Desk, session: Session) -> list[RenderableType]:
    desk.session = session
    return [Text(f"back at step {len(session.done)}"), *([] if desk.brief else desk.here())]


def _count(words: Sequence[str]) -> int:
    if not words:
        return 1
    if len(words) > 1 or not words[0].isdecimal() or not 1 <= int(words[0]) <= 1_000:
        raise BadInput(f"{' '.join(words)!r} is no number of steps")
    return int(words[0])


# -- looking


def _look(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return desk.here()


def _why(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    if not words:
        raise BadInput("why what? give an action, as in: why sweep_begin")
    found = meant(desk.session.model, words)
    labels = dict.fromkeys(label(desk.session.model, number) for number in found)
    if len(labels) > MANY:
        raise BadInput(f"{' '.join(words)!r} may mean: {', '.join(labels)}")
    return [reasons_view(desk.session, found)]


def _blocked(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return [blocked_view(desk.session)]


def _status(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    outlooks = desk.ahead.outlook(desk.session)
    states = len(desk.ahead.future(desk.session.state).graph.states)
    return [outlook_view(desk.session.model, outlooks, states)]


def _world(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return [world_view(desk.session)]


def _timeline(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    return [timeline_view(desk.session, desk.width)]


def _save(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    if not words:
        raise BadInput("save where? give a file, as in: save my-race")
    path = save(desk.session, Path(" ".join(words)), desk.scenario)
    return [Text(f"saved {path} (lostproof run {path} replays it)")]


def _help(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    rows = [
        {"name": "NUMBER, or ACTION …", "what": "let that happen; the beginning of a name is enough: end ok, sweep_r"},
        *({"name": f"{', '.join(known.names)} {known.takes}".strip(), "what": known.what} for known in COMMANDS),
    ]
    goals = [{"name": f"  goal {form}", "what": what} for form, what in FORMS]
    return [listing(rows, ["name", "what"]), Text("goals", "dim"), listing(goals, ["name", "what"])]


def _quit(desk: Desk, words: Sequence[str]) -> list[RenderableType]:
    raise Quit


COMMANDS = (
    Command(("go", "g"), "[N]", "let the product go on by itself; on a terminal, an empty line does", _go),
    Command(("look", "l"), "", "where you are, and what can happen", _look),
    Command(("undo", "u"), "[N]", "take back the last step, or N", _undo),
    Command(("redo", "r"), "[N]", "do again what was undone", _redo),
    Command(("restart",), "", "begin again (after the scenario, if there is one)", _restart),
    Command(("why", "w"), "ACTION", "which guard keeps an action from happening", _why),
    Command(("blocked", "b"), "", "everything that cannot happen now, and why", _blocked),
    Command(("goal", "jump", "j"), "GOAL", "go the shortest way from here to a goal", _goal),
    Command(("status", "paths", "s"), "", "which properties can still be violated from here, and which cannot", _status),
    Command(("world",), "", "the whole world, home by home", _world),
    Command(("timeline", "t"), "", "the path so far, with times", _timeline),
    Command(("save",), "FILE", "write the path as a scenario that `lostproof run` replays", _save),
    Command(("help", "h", "?"), "", "this", _help),
    Command(("quit", "q"), "", "leave; so does the end of input", _quit),
)

_BY_NAME = {name: known for known in COMMANDS for name in known.names}
