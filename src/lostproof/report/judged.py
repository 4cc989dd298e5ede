"""What a command found out, as reports of all kinds need it, and the reports that it is asked to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lostproof.errors import BadInput
from lostproof.files import write_whole
from lostproof.output import complain

if TYPE_CHECKING:
    from lostproof.bounds import Slice
    from lostproof.engine.verdicts import Result, Verdict
    from lostproof.pinned import Drift, Pins

__all__ = ["Judged", "Wanted", "write_judged", "write_reports"]


@dataclass(frozen=True)
class Judged:
    """Verdicts, and what they are held against.

    Attributes:
        command: ``check``, which a violation fails, or ``matrix``, which only a difference from what is pinned fails.
        bounds: the name of the preset or slice.
        slices: its slices.
        results: the verdicts, one result for each revision.
        expected: the verdicts that are pinned for these bounds; None if nothing is, or nobody asked.
        drifted: where ``results`` and ``expected`` differ.
        saved: the scenario file of a race, by names of revision and property, for the races that were saved.
    """

    command: str
    bounds: str
    slices: Sequence[Slice]
    results: Sequence[Result]
    expected: Pins | None = None
    drifted: Sequence[Drift] = ()
    saved: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    def race_file(self, result: Result, verdict: Verdict) -> Path | None:
        """Return the scenario file that replays the race of ``verdict``, if it was saved."""
        return self.saved.get((result.revision.name, verdict.property.id))

    def problem(self, result: Result, verdict: Verdict) -> str | None:
        """Return why the build should not pass because of ``verdict``, in one line; None if it may."""
        name, judged = result.revision.name, verdict.property.id
        if verdict.verdict == "inconclusive":
            return f"inconclusive: {verdict.reason}"
        if self.command == "check":
            return verdict.race.race.because if verdict.verdict == "violated" and verdict.race else None
        return next((str(drift) for drift in self.drifted if (drift.revision, drift.property) == (name, judged)), None)


@dataclass(frozen=True)
class Wanted:
    """The reports that a command is asked for: GitHub's on its usual ways, the others as files."""

    github: bool = False
    junit: Path | None = None
    sarif: Path | None = None
    html: Path | None = None


def write_reports(
    wanted: Wanted, texts: Mapping[str, Callable[[], str]], github: Callable[[], tuple[Sequence[str], str]]
) -> None:
    """Write the reports that are wanted; each is complete before its file is touched.

    Args:
        wanted: where to.
        texts: what makes the text of each kind of file, by its name in ``wanted``.
        github: what makes the annotations and the text for the step's summary.

    Raises:
        BadInput: a file cannot be written.
    """
    for kind, text in texts.items():
        path = getattr(wanted, kind)
        if path:
            _write(path, text())
    if wanted.github:
        _tell_github(*github())


def write_judged(wanted: Wanted, judged: Judged) -> None:
    """Write the reports on verdicts that are wanted.

    Raises:
        BadInput: a file cannot be written.
    """

    def junit() -> str:
        from lostproof.report.junit import junit_xml

        return junit_xml(judged)

    def sarif() -> str:
        from lostproof.report.sarif import sarif_log

        return sarif_log(judged)

    def html() -> str:
        from lostproof.report.html import html_page

        return html_page(judged)

    def github() -> tuple[Sequence[str], str]:
        from lostproof.report.github import problem_annotations, step_summary

        return problem_annotations(judged), step_summary(judged)

    write_reports(wanted, {"junit": junit, "sarif": sarif, "html": html}, github)


def _tell_github(told: Sequence[str], summary: str) -> None:
    """Print annotations on standard error, which GitHub reads as well, and append to the step's summary."""
    from lostproof.report.github import SUMMARY, append_summary

    for line in told:
        click.echo(line, err=True)
    if not append_summary(summary):
        complain(f"no step summary is written: {SUMMARY} is not set")


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from error
