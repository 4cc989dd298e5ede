"""`lostproof explore`: a person chooses what happens next, step by step, in a terminal or from a file of commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.errors import BadInput
from lostproof.options import Name, ScenarioPath, subject_options
from lostproof.output import complain, print_line, print_views, progress, width

if TYPE_CHECKING:
    from lostproof.explore.commands import Desk
    from lostproof.explore.session import Session
    from lostproof.revisions import Revision

__all__ = ["explore"]

REVISION = "openclaw-2026.4.15"
BOUNDS = "crashes=1,offline_passes=1,runs=1,outcomes=1"
"""The smallest world in which the reported bug happens: after a restart, and in an offline pass."""
MAX_STATES = 2_000_000
SUFFIXES = (".yaml", ".yml")
PROMPT = "> "


@click.command()
@click.argument("revision", required=False, type=Name("revision"))
@click.argument("scenario", required=False, type=ScenarioPath(path_type=Path))
@click.option("--bounds", type=Name("bounds"), metavar="SLICE",
              help=f"The world: PRESET:SLICE, or pairs; the default is {BOUNDS}.")
@click.option("--rule", metavar="SUBJECT", help="Explore around a reconcile rule of your own, or a release's own code.")
@click.option("--base", type=Name("revision"), metavar="REVISION",
              help="The revision that --rule goes into; the default is the release's own, else reference.")
@click.option("--do", "script", metavar="COMMANDS", help="Do these first, separated by semicolons.")
@click.option("--max-states", type=click.IntRange(min=1), default=MAX_STATES, show_default=True, metavar="N",
              help="Look no further ahead than this; what needs it is inconclusive.")
@subject_options
def explore(
    revision: str | None, scenario: Path | None, bounds: str | None, rule: str | None, base: str | None,
    script: str | None, max_states: int, cache: Path | None, timeout: float,
) -> None:
    """Explore a world by hand: see what can happen next, choose, undo, and ask why something cannot.

    \b
    Examples:
      lostproof explore
      lostproof explore reference --do "run_now; end ok; crash; why sweep_begin; status"
      lostproof explore openclaw-2026.4.15 scenarios/witness-failure/original-report.scenario.yaml
      lostproof explore openclaw-2026.9.6 --bounds ci:store --do "goal violates completed-run-never; timeline"

    A scenario's timeline is replayed first, in its own bounds, and you go on from there. Commands are read line by line
    from standard input; `help` lists them. Where that is no terminal, they are shown with their answers, empty lines and
    lines with # are skipped, and one that cannot be understood or done ends it with exit code 2.
    """
    from lostproof.explore.ahead import Ahead
    from lostproof.explore.commands import Desk

    if revision and scenario is None and revision.endswith(SUFFIXES):
        scenario, revision = Path(revision), None
    with progress() as say:
        session, heading = _session(revision, scenario, bounds, _ruled(revision, rule, base, cache, timeout, say))
    desk = Desk(session, Ahead(session.model, max_states), width(), scenario)
    print_views(*_heading(session, heading))
    if script is not None:
        desk.brief = True
        done = _follow(desk, ((f"command {at}", line) for at, line in enumerate(script.split(";"), 1)))
        desk.brief = False
        if done or not sys.stdin.isatty():
            return
    if sys.stdin is not None and sys.stdin.isatty():
        _converse(desk)
    else:
        desk.brief = True
        _follow(desk, _lines())


def _ruled(
    revision: str | None, rule: str | None, base: str | None, cache: Path | None, timeout: float,
    say: Callable[[str], None] | None,
) -> Revision | None:
    """Return the revision around a rule of one's own, if there is one."""
    if rule is None:
        if base:
            raise BadInput("--base goes with --rule; to explore a revision as it is, give its name as an argument")
        return None
    if revision is not None:
        raise BadInput("give either a REVISION or --rule; --base says which revision a rule goes into")
    from lostproof.subjects.places import Asking, revision_around

    return revision_around(rule, base, Asking(cache, timeout, say=say))


def _session(revision: str | None, scenario: Path | None, bounds: str | None, ruled: Revision | None) -> tuple[Session, str]:
    """Return the session to begin with, and what is to be said of its world."""
    from lostproof.bounds import parse_slice
    from lostproof.explore.session import Session
    from lostproof.model import Model
    from lostproof.revisions import revision as named

    if scenario is None:
        name, world = parse_slice(bounds or BOUNDS)
        return Session.after(Model(ruled or named(revision or REVISION), world)), f"bounds {name}"
    if bounds:
        raise BadInput("--bounds does not go with a scenario, which has bounds of its own; change 'bounds' in the file")
    return _replayed(revision, scenario, ruled)


def _replayed(revision: str | None, place: Path, ruled: Revision | None) -> tuple[Session, str]:
    """Return the session after a scenario's timeline."""
    from dataclasses import replace

    from lostproof.explore.session import Session
    from lostproof.replay import run
    from lostproof.revisions import revision as named
    from lostproof.scenarios import OWN, find, load

    paths = find([place])
    if len(paths) > 1:
        raise BadInput(f"{place}: is a folder with {len(paths)} scenarios; give one file")
    scenario = load(paths[0])
    if ruled is not None:
        scenario, name = replace(scenario, own=ruled), OWN
    elif revision is None and scenario.own is not None:
        name = OWN
    else:
        name = named(revision or REVISION).name
    outcome = run(scenario, [name])[0]
    told = f"after the timeline of {scenario.family}/{scenario.name}"
    if outcome.tried:
        told += ", with its open moments as `lostproof run` shows them"
    return Session.after(outcome.model, outcome.moments), told


def _heading(session: Session, told: str) -> list[object]:
    from lostproof.report.exploring import heading_view, state_view

    heading = heading_view(session.model, told)
    return [heading, state_view(session)] if session.given else [heading]


def _lines() -> Iterator[tuple[str, str]]:
    """Yield the lines of standard input, with their places."""
    number = 0
    while True:
        number += 1
        try:
            line = sys.stdin.readline() if sys.stdin is not None else ""
        except UnicodeDecodeError as error:
            raise BadInput(f"line {number}: standard input is not {error.encoding} text") from error
        if not line:
            return
        yield f"line {number}", line


def _follow(desk: Desk, lines: Iterator[tuple[str, str]]) -> bool:
    """Do what the lines of a script say, and show both; return whether it says to quit.

    Raises:
        BadInput: a line cannot be understood or done.
    """
    from lostproof.explore.commands import Quit, obey

    for place, line in lines:
        command = line.partition("#")[0].strip()
        if not command:
            continue
        print_line(f"{PROMPT}{command}")
        try:
            with _looking(desk):
                shown = obey(desk, command)
        except Quit:
            return True
        except BadInput as error:
            raise BadInput(f"{place}: {command}: {error}") from error
        print_views(*shown)
    return False


class _looking:
    """Tells on a terminal how far it looks ahead, while a command is obeyed."""

    def __init__(self, desk: Desk) -> None:
        self._ahead = desk.ahead
        self._progress = progress()

    def __enter__(self) -> None:
        self._ahead.say = self._progress.__enter__()

    def __exit__(self, *error: object) -> None:
        self._ahead.say = None
        self._progress.__exit__(None, None, None)


def _converse(desk: Desk) -> None:
    """Ask on a terminal what to do, until the person leaves."""
    from lostproof.explore.commands import Quit, obey

    _prepare_editing(desk)
    print_views(*desk.here(), "help lists the commands; an empty line lets the product go on")
    while True:
        try:
            line = input(PROMPT)
        except EOFError:
            print_line("")
            return
        except KeyboardInterrupt:
            print_line("\n(quit, or end of input, leaves)")
            continue
        try:
            with _looking(desk):
                shown = obey(desk, line)
        except Quit:
            return
        except BadInput as error:
            complain(str(error))
        except KeyboardInterrupt:
            complain("interrupted")
        else:
            print_views(*shown)


def _prepare_editing(desk: Desk) -> None:
    """Let the line be edited and completed, where Python can."""
    from lostproof.explore.commands import COMMANDS

    with suppress(ImportError):
        import readline

        words = sorted({name for known in COMMANDS for name in known.names if len(name) > 1})
        words += sorted({action.name for action in desk.session.model.actions})

        def complete(begun: str, position: int) -> str | None:
            found = [word for word in words if word.startswith(begun)]
            return f"{found[position]} " if position < len(found) else None

        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
