"""Parameters that commands share, and the completion of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from lostproof.errors import BadInput

__all__ = [
    "Name", "Place", "ScenarioPath", "bounds_option", "format_option", "from_here", "known_names",
    "max_states_option", "output_option", "report_options", "subject_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])


class Name(click.types.StringParamType):
    """A name with completion; whether it is known is checked where it is used."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the known names that begin with ``incomplete``."""
        earlier, comma, begun = incomplete.rpartition(",") if self.name == "bounds" else ("", "", incomplete)
        return [CompletionItem(f"{earlier}{comma}{name}") for name in known_names(self.name) if name.startswith(begun)]


def known_names(kind: str) -> Iterable[str]:
    """Return the names of all revisions, properties, bounds or lifecycles."""
    match kind:
        case "revision":
            from lostproof.revisions import REVISIONS

            return REVISIONS
        case "property":
            from lostproof.properties import PROPERTIES

            return [known.id for known in PROPERTIES]
        case "bounds":
            from lostproof.bounds import LIMITS, PRESETS

            return [*PRESETS, *(f"{name}=" for name in LIMITS)]
        case "lifecycle":
            from lostproof.lifecycles import CHARTS

            return CHARTS
        case _:
            return []


class Place(click.Path):
    """A file or folder to write; no name at all is not taken for the present one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as a path."""
        return super().convert(_named(value, param), param, ctx)


class ScenarioPath(click.Path):
    """A scenario file or folder, with completion of the built-in ones as well as of files."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the file or folder as a path."""
        return super().convert(_named(value, param), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the built-in scenarios that begin with ``incomplete``, and leave files to the shell."""
        from lostproof.scenarios import find

        try:
            known = [CompletionItem(str(from_here(path))) for path in find()]
        except BadInput:
            known = []
        return [item for item in known if item.value.startswith(incomplete)] + [CompletionItem(incomplete, type="file")]


def _named(value: Any, param: click.Parameter | None) -> Any:
    if value == "":
        name = param.opts[0] if param and param.param_type_name == "option" else "path"
        raise BadInput(f"{name} '': an empty name; write . for the present folder")
    return value


def from_here(path: Path) -> Path:
    """Return ``path`` as people write it in the present folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def format_option(*formats: str) -> Callable[[Command], Command]:
    """Return the option ``--format`` with these choices; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True,
        help="JSON is deterministic and has standard output for itself.",
    )


output_option = format_option("text", "json")
bounds_option = click.option(
    "--bounds", type=Name("bounds"), metavar="PRESET|SLICE", default="ci", show_default=True,
    help="smoke, ci, deep, or a slice of your own such as crashes=2,restarts=1.",
)

max_states_option = click.option(
    "--max-states", type=click.IntRange(min=1), metavar="N", help="Give up a slice, as inconclusive, above this size."
)


def subject_options(command: Command) -> Command:
    """Add the options that say how a subject is asked."""
    command = click.option(
        "--timeout", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True, metavar="SECONDS",
        help="How long the subject may take over a batch of questions.",
    )(command)
    return click.option(
        "--dir", "cache", type=Place(file_okay=False, path_type=Path), metavar="DIR",
        help="Where releases are installed; the default is LOSTPROOF_CACHE, or the user's cache.",
    )(command)


REPORTS = {
    "github": click.option("--github", is_flag=True, help="Annotate, and write the step summary, in a GitHub Actions job."),
    "junit": click.option("--junit", type=Place(dir_okay=False, path_type=Path), metavar="FILE",
                          help="Write what was judged as JUnit XML."),
    "sarif": click.option("--sarif", type=Place(dir_okay=False, path_type=Path), metavar="FILE",
                          help="Write what is violated as SARIF, with the races as code flows."),
    "html": click.option("--html", type=Place(dir_okay=False, path_type=Path), metavar="FILE",
                         help="Write a page to step through all of it: one file that a browser opens."),
}
"""The options for reports, by their names in :class:`lostproof.report.judged.Wanted`."""


def report_options(*kinds: str) -> Callable[[Command], Command]:
    """Return the options for these kinds of reports; the command gets them as one ``wanted``."""

    def add(command: Command) -> Command:
        @wraps(command)
        def with_reports(*arguments: Any, **more: Any) -> Any:
            from lostproof.report.judged import Wanted

            return command(*arguments, wanted=Wanted(**{kind: more.pop(kind) for kind in kinds}), **more)

        decorated: Any = with_reports
        for kind in reversed(kinds):
            decorated = REPORTS[kind](decorated)
        return cast(Command, decorated)

    return add
