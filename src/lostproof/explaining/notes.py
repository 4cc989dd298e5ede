"""What an operator noted down: facts with moments, some of them about runs whose identity is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lostproof.bounds import Bounds, parse_pairs
from lostproof.errors import BadInput
from lostproof.files import data_root

__all__ = ["NOTES_SUFFIX", "Expected", "Fact", "Job", "Notes", "Seen", "Tempo", "find_notes", "load_notes", "with_bounds"]

NOTES_SUFFIX = ".observed.yaml"
"""How the name of a file with notes ends."""

MOST_FAULTS = (0, 6)
"""How many faults an explanation may be asked to have at most."""


@dataclass(frozen=True)
class Fact:
    """Something that can be said about a world, or that can happen in it.

    Attributes:
        kind: ``row``, ``log``, ``work``, ``job``, ``gateway`` or ``did``.
        subject: a run (``job-a.run-2``), a name that stands for one, a job (for any run of it), ``any``, or nothing.
        value: what is said of it.
        lasts: whether it can be so for some time; else it is a change, or something that happens.
    """

    kind: str
    subject: str
    value: str
    lasts: bool


@dataclass(frozen=True)
class Seen:
    """One note, in milliseconds since the clock.

    Attributes:
        fact: what it is about.
        words: the note as it was written, in short.
        line: where it stands in the file.
        first: when it was seen: not before, and not after. A window without a beginning or an end is open.
        last: for what lasted, until when it was seen at least; with ``first``, all the time in between.
    """

    fact: Fact
    words: str
    line: int
    first: tuple[int | None, int | None]
    last: tuple[int | None, int | None] | None = None


@dataclass(frozen=True)
class Job:
    """What is known about a job: when it falls due (if that is known), and how long its work takes (milliseconds)."""

    due: tuple[int, ...] = ()
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class Tempo:
    """How slow the product may have been, in milliseconds; what took longer is no explanation."""

    step: int = 10_000
    sweep: int = 1_000
    startup: int = 120_000
    shutdown: int = 300_000
    work: int = 3_600_000


@dataclass(frozen=True)
class Expected:
    """What a file says should be found: how many explanations (0: none), and what stands in their titles, or must not."""

    at_least: int = 1
    ways: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notes:
    """A file with notes.

    Attributes:
        path: the file.
        name, title, about, source: what it tells, and where from.
        clock_ms: the time of day of the moment zero.
        jobs: what is known about the jobs.
        seen, not_seen: the notes.
        different: sets of names of runs that are not the same.
        tempo: how slow the product may have been.
        bounds: the largest world of an explanation.
        faults: how many faults it may contain together.
        expect: what should be found, by revision.
    """

    path: Path
    name: str
    title: str
    about: str
    source: tuple[str, ...]
    clock_ms: int
    jobs: tuple[Job, ...]
    seen: tuple[Seen, ...]
    not_seen: tuple[Seen, ...]
    different: tuple[tuple[str, ...], ...]
    tempo: Tempo
    bounds: Bounds
    faults: int
    expect: Mapping[str, Expected] = field(default_factory=dict)

    def expected(self, revision: str) -> Expected | None:
        """Return what should be found under ``revision``, None if the file does not say."""
        return self.expect.get(revision) or self.expect.get("others")


def find_notes(paths: Iterable[Path] = ()) -> list[Path]:
    """Return the files with notes at ``paths`` (files, or folders to search), the built-in ones unless given.

    Raises:
        BadInput: a path does not exist, or there are no notes.
    """
    found: list[Path] = []
    for path in list(paths) or [data_root() / "scenarios" / "observed"]:
        if not path.exists():
            raise BadInput(f"{path}: no such file or folder")
        files = sorted(path.rglob(f"*{NOTES_SUFFIX}")) if path.is_dir() else [path]
        if not files:
            raise BadInput(f"{path}: there is no file *{NOTES_SUFFIX} in this folder")
        found += files
    return found


def load_notes(path: Path) -> Notes:
    """Read a file with notes.

    Raises:
        BadInput: it cannot be read, or does not say what it must; the message names file, line and field.
    """
    from lostproof.explaining.notes_reader import NotesReader

    return NotesReader(path).notes()


def with_bounds(notes: Notes, text: str) -> Notes:
    """Return ``notes`` with other bounds for some, given as ``name=number`` pairs; ``faults`` is how many together.

    Raises:
        BadInput: an unknown bound, or a value that is no number in range.
    """
    values = parse_pairs(text, {"faults": MOST_FAULTS})
    faults = values.pop("faults", notes.faults)
    return replace(notes, bounds=replace(notes.bounds, **values), faults=faults)
