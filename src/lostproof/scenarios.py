"""Scenario files: an incident as a timeline, with what every revision makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lostproof.bounds import FEATURES, Bounds
from lostproof.drivers.concrete import TimedRace
from lostproof.drivers.script import Cue
from lostproof.drivers.timed import AGING, Moment
from lostproof.errors import BadInput
from lostproof.files import SUFFIX, data_root, write_whole, writing_into
from lostproof.model import Model
from lostproof.revisions import REVISIONS, Revision

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Verdict

__all__ = [
    "OTHERS", "OWN", "PRODUCT", "RANGE", "SUFFIX", "Expectation", "Scenario", "find", "in_ranges", "load",
    "save_race", "save_races", "slug", "write_path",
]

USUAL = Bounds()
OTHERS = "others"
OWN = "rule"
"""What ``expect`` calls all revisions that it does not name, and the one with the file's own rule."""
PRODUCT = "openclaw"
"""The system that a report is about unless a file says otherwise."""
RANGE = " to "
"""What stands between the ends of a range of releases in ``expect``."""


@dataclass(frozen=True)
class Observation:
    """A change that must be seen: the durable ``what`` (row or log) of ``run`` becomes ``value`` in a window of time."""

    at_ms: int
    within_ms: int
    run: str
    what: str
    value: str


@dataclass(frozen=True)
class Expectation:
    """What one revision makes of a scenario.

    Attributes:
        violates, holds: ids of properties.
        rows: what the rows on disk say at the end, by run.
        observe: changes that must be seen.
        lines: on which line of the file each part stands: ``("rows", "job-a.run-1")``, ``("holds", 0)``; ``()`` is the
            whole.
    """

    violates: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    observe: tuple[Observation, ...] = ()
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    def line(self, *place: str | int) -> int:
        """Return the line of a part (of the whole, if none is named); 0 if it was not read from a file."""
        return self.lines.get(place, 0)


@dataclass(frozen=True)
class Entry:
    """One entry of a timeline: a cue, or one whose moment is still to be chosen between two moments."""

    cue: Cue
    window: tuple[int, int] | None = None


@dataclass(frozen=True)
class Scenario:
    """A scenario file.

    Attributes:
        path: the file.
        name, title, about, source: what it tells, and where from.
        system: the system that the report is about.
        report: the report that it retells, as project and number; empty if it retells none.
        closest: why a revision stands in for the system or the version that the report is about; empty if none does.
        automatic: whether the product's own steps happen by themselves.
        persist_ms: how much earlier a marker is than its row.
        startup_ms: how long a start takes until cron begins.
        bounds: the world that it needs.
        constants: time constants that differ from the product's.
        entries: the timeline.
        expect: expectations by revision; those of a range of releases have one in common.
        own: the revision with the rule that the file names, if it names one; ``expect`` calls it ``rule``.
    """

    path: Path
    name: str
    title: str
    about: str
    source: tuple[str, ...]
    clock_ms: int | None
    automatic: bool
    persist_ms: int
    startup_ms: int
    bounds: Bounds
    constants: Mapping[str, int]
    entries: tuple[Entry, ...]
    expect: Mapping[str, Expectation]
    own: Revision | None = None
    system: str = PRODUCT
    report: str = ""
    closest: str = ""

    @property
    def family(self) -> str:
        """The folder that the scenario is in."""
        return self.path.resolve().parent.name

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revisions in which it is replayed: those it names, and all if it says something about the others."""
        named = [name for name in self.expect if name != OTHERS]
        return tuple(dict.fromkeys([*(REVISIONS if OTHERS in self.expect else ()), *named]))

    def expectation(self, revision: str) -> Expectation:
        """Return what is expected of ``revision``."""
        return self.expect.get(revision) or self.expect.get(OTHERS) or Expectation()

    def revision(self, name: str) -> Revision:
        """Return the revision that ``expect`` calls ``name``, with the scenario's time constants."""
        revision = self.own if name == OWN and self.own is not None else REVISIONS[name]
        return revision.with_constants(self.constants)

    def model(self, name: str) -> Model:
        """Return the world that the scenario happens in, under the revision that ``expect`` calls ``name``."""
        return Model(self.revision(name), self.bounds)


def find(paths: Iterable[Path] = ()) -> list[Path]:
    """Return the scenario files at ``paths`` (files, or folders to search), the built-in ones unless given.

    Raises:
        BadInput: a path does not exist, or holds no scenario.
    """
    found: list[Path] = []
    for path in list(paths) or [data_root() / "scenarios"]:
        if not path.exists():
            raise BadInput(f"{path}: no such file or folder")
        files = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not files:
            raise BadInput(f"{path}: there is no file *{SUFFIX} in this folder")
        found += files
    return found


def in_ranges(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said by revision, in the registry's order, with neighbouring releases as a range if it is the same.

    What is no revision's comes last.
    """
    found: dict[str, Any] = {}
    group: list[str] = []

    def close() -> None:
        if group:
            found[group[0] if len(group) == 1 else f"{group[0]}{RANGE}{group[-1]}"] = said[group[0]]
            group.clear()

    for name, known in REVISIONS.items():
        joins = group and known.shipped and name in said and said[name] == said[group[0]]
        if not joins:
            close()
        if name in said:
            group.append(name)
        if not known.shipped:
            close()
    close()
    return {**found, **{name: words for name, words in said.items() if name not in REVISIONS}}


def load(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        BadInput: it cannot be read, is no YAML, does not match the schema, or contradicts itself; the message names
            file, line and field.
    """
    from lostproof.scenario_reader import Reader

    return Reader(path).scenario()


# -- writing


def save_races(verdicts: Iterable[Verdict], directory: Path) -> dict[tuple[str, str], Path]:
    """Write each race of ``verdicts`` as a scenario file that replays it; return the files by revision and property.

    Raises:
        BadInput: the folder cannot be written to.
    """
    races = [verdict.race for verdict in verdicts if verdict.race is not None]
    with writing_into(directory):
        return {(one.race.model.revision.name, one.race.property.id): save_race(one, directory) for one in races}


def save_race(race: TimedRace, directory: Path, here: Path = Path()) -> Path:
    """Write ``race`` as a scenario file that replays it, and return the file.

    ``here`` is the folder from which the place of a rule of one's own counts.
    """
    model, judged = race.race.model, race.race.property
    name = slug(f"{model.revision.name} {judged.id}")
    return write_path(
        directory / f"{name}{SUFFIX}", model, race.moments,
        title=f"{model.revision.name}: {judged.sentence}, and here it is broken",
        about=f"A shortest race, found by exhaustive exploration: {race.race.because}.",
        expect={"violates": [judged.id]}, here=here,
    )


def slug(text: str) -> str:
    """Return ``text`` as the name of a scenario."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def write_path(
    path: Path, model: Model, moments: Sequence[Moment], *, title: str, about: str, expect: Mapping[str, Any],
    here: Path = Path(),
) -> Path:
    """Write what happened in a world as a scenario file that replays it, and return the file.

    Args:
        path: the file; its name is that of the scenario.
        model: the world.
        moments: what happened in it, from the beginning on.
        title, about: what it tells.
        expect: what its revision makes of it.
        here: the folder from which the place of a rule of one's own counts.
    """
    timeline = [
        {"at": moment.at_ms, "do": model.actions[moment.action].name, **_params(model, moment.action)}
        for moment in moments
        if model.actions[moment.action].name not in AGING
    ]
    # What comes of age after the last step is part of it: wait for that.
    timeline.append({"at": moments[-1].at_ms if moments else 0, "do": "wait"})
    own: dict[str, Any] = {}
    base = REVISIONS.get(model.revision.name)
    if model.revision.own_rule is not None:
        from lostproof.subjects.places import moved

        place, named = model.revision.own_rule
        base = REVISIONS[named]
        own = {"rule": {"subject": moved(place, path.parent, here), "base": named}}
    usual = vars(base.constants) if base else {}
    constants = {name: value for name, value in vars(model.revision.constants).items() if value != usual.get(name, value)}
    data = {
        "scenario": slug(path.name.removesuffix(SUFFIX)),
        "title": title,
        "about": about,
        "source": [f"the rule of {model.revision.source}" if own else model.revision.source],
        **({"revision": constants} if constants else {}),
        "timers": "explicit",
        "bounds": {
            name: value
            for name, value in model.bounds.describe().items()
            if name not in ("jobs", "recurring", "agents") and (name not in FEATURES or value != getattr(USUAL, name))
        },
        **own,
        "jobs": {model.job_name(job): {
            "kind": "recurring" if model.bounds.recurring else "one-shot",
            "payload": "agent" if model.bounds.agents else "command",
        } for job in model.jobs},
        "timeline": timeline,
        "expect": {OWN if own else model.revision.name: dict(expect)},
    }
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return write_whole(path, text)


def _params(model: Model, number: int) -> dict[str, Any]:
    return {name: value for name, value in model.actions[number].describe(model).items() if value is not False}
