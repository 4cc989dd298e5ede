"""How a subject is named: `openclaw@VERSION`, a folder, `FILE.py:FUNCTION`, or a command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lostproof.errors import BadInput
from lostproof.files import is_file, is_folder
from lostproof.revisions import Revision, nearest_revision, revision
from lostproof.subjects import releases
from lostproof.subjects.npm import offline
from lostproof.subjects.pinned_answers import pinned_subject
from lostproof.subjects.programs import program_subject
from lostproof.subjects.subject import Subject, with_subject

__all__ = ["FORMS", "Asking", "moved", "revision_around", "source_of", "subject_at"]

FORMS = "openclaw@VERSION, the folder of a package, FILE.py:FUNCTION, or a command that speaks the protocol"

RELEASE = re.compile(r"openclaw@(?P<version>.*)")
FUNCTION = re.compile(r"(?P<file>.*\.py):(?P<name>[^:/\\]*)")


@dataclass(frozen=True)
class Asking:
    """How subjects are asked.

    Attributes:
        cache: where releases are installed; None for the usual place.
        timeout: how many seconds a batch of questions may take.
        keep: where the question is saved over which a subject stumbled.
        folder: where commands are run, and from where relative files count.
        install: whether a release may be downloaded that is not there yet; if not, its pinned answers do as well.
        say: is told what takes long.
    """

    cache: Path | None = None
    timeout: float = 30
    keep: Path = Path()
    folder: Path = Path()
    install: bool = True
    say: Callable[[str], None] | None = None


def subject_at(place: str, asking: Asking | None = None) -> Subject:
    """Return the subject called ``place``.

    Raises:
        BadInput: there is no such thing, or it cannot be had.
    """
    asking = asking or Asking()
    if release := RELEASE.fullmatch(place):
        return _release(place, release["version"], asking)
    if function := FUNCTION.fullmatch(place):
        from lostproof.subjects.functions import function_subject

        return replace(function_subject(f"{asking.folder / function['file']}:{function['name']}"), place=place)
    if place and is_folder(asking.folder / place):
        return _folder(place, asking)
    return _command(place, asking)


def revision_around(
    place: str, base: str | None = None, asking: Asking | None = None, otherwise: str = "reference"
) -> Revision:
    """Return the revision around the subject called ``place``: ``base``, else the release's own, else ``otherwise``.

    Raises:
        BadInput: there is no such subject or base, or the subject answers nonsense.
    """
    if base:
        revision(base)  # a wrong name is told before anything is installed
    subject = subject_at(place, asking)
    return with_subject(revision(base or subject.base or otherwise), subject)


def moved(place: str, folder: Path, old: Path = Path()) -> str:
    """Return ``place``, which counts from ``old``, as it is written in a file in ``folder``."""

    def relative(file: str) -> str:
        return Path(os.path.relpath(old / file, folder)).as_posix()

    if RELEASE.fullmatch(place):
        return place
    if function := FUNCTION.fullmatch(place):
        return f"{relative(function['file'])}:{function['name']}"
    if is_folder(old / place):
        return relative(place)
    words = shlex.split(place)
    beside = [not Path(word).is_absolute() and is_file(old / word) for word in words]
    if Path(words[0]).name == words[0] and shutil.which(words[0]):
        beside[0] = False  # a program by its name alone is looked for on the PATH
    return shlex.join(_beside(relative(word)) if here else word for word, here in zip(words, beside, strict=True))


def source_of(place: str) -> tuple[Path, str | None] | None:
    """Return the file in which the subject called ``place`` is written, and its function's name; None if nobody knows."""
    if RELEASE.fullmatch(place):
        return None
    if function := FUNCTION.fullmatch(place):
        return Path(function["file"]), function["name"]
    beside = [Path(place, "package.json")] if is_folder(Path(place)) else map(Path, reversed(shlex.split(place)))
    return next(((path, None) for path in beside if is_file(path)), None)


def _beside(file: str) -> str:
    """Return a relative path so that neither a shell nor a program takes it for something else."""
    return file if file.startswith("../") else f"./{file}"


def _release(place: str, version: str, asking: Asking) -> Subject:
    if not asking.install:
        pinned = pinned_subject(version)
        if pinned is not None:
            return pinned
    with offline(not asking.install):
        build = releases.install(version, asking.cache or releases.default_cache(), asking.say)
    return _build(f"npm-{version}", place, build, asking)


def _folder(place: str, asking: Asking) -> Subject:
    with offline(not asking.install):
        build = releases.local(asking.folder / place, asking.cache or releases.default_cache(), asking.say)
    return _build(f"build-{build.version}", place, build, asking)


def _build(name: str, place: str, build: releases.Build, asking: Asking) -> Subject:
    base = nearest_revision(build.version)

    def told() -> dict[str, str]:
        found = build.describe()
        return {"module": found["module"], "via": found["via"], "node": found["node"]}

    asked = program_subject(
        name, place, build.command(), timeout=asking.timeout, keep=asking.keep, sees_owner=False,
    )
    return replace(asked, version=build.version, base=base.name if base else None, told=told)


def _command(place: str, asking: Asking) -> Subject:
    try:
        words = shlex.split(place)
    except ValueError as error:
        raise BadInput(f"rule {place!r}: {error}; write {FORMS}") from error
    program = words[0] if words else ""
    beside = asking.folder / program
    if is_file(asking.folder / place) and not os.access(asking.folder / place, os.X_OK):
        raise BadInput(f"rule {place!r}: a file that cannot be run; write FILE.py:FUNCTION, or such as \"node FILE\"")
    if not program or not (shutil.which(program) or (is_file(beside) and os.access(beside, os.X_OK))):
        raise BadInput(f"rule {place!r}: no such program, file or folder; write {FORMS}")
    scripts = [Path(word).stem for word in words if is_file(asking.folder / word)]
    return program_subject(
        scripts[-1] if scripts else Path(program).stem, place, words, cwd=asking.folder, timeout=asking.timeout,
        keep=asking.keep,
    )
