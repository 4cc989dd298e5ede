"""How pinned verdicts change: from one commit to another, read through git, and from one release to the next."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lostproof import pinned
from lostproof.comparison import OTHER, change_of
from lostproof.errors import BadInput, short
from lostproof.files import data_root, in_checkout
from lostproof.pinned import FILE, MISSING, Pins, all_pins, parse_pins

__all__ = ["PinnedChange", "Turn", "changes_since", "pins_at", "turning_points"]


# -- along the shipped line


@dataclass(frozen=True)
class Turn:
    """A release that changed the verdict on a property, or the length of its shortest race.

    Attributes:
        release: the name of the revision.
        judged: the id of the property.
        was: the verdict of the release before it, as it is pinned.
        now: its own.
    """

    release: str
    judged: str
    was: str
    now: str

    @property
    def kind(self) -> str:
        """How the verdict changed, as :func:`lostproof.comparison.change_of` says."""
        return change_of(self.was, self.now)


def turning_points(pinned: Pins, line: Sequence[str]) -> list[Turn]:
    """Return where along ``line``, revisions in their order, the ``pinned`` verdict on a property changes.

    A revision of which nothing is pinned is passed over; so is a property of which one side knows nothing.
    """
    known = [name for name in line if name in pinned]
    return [
        Turn(later, judged, pinned[earlier][judged], word)
        for earlier, later in pairwise(known)
        for judged, word in pinned[later].items()
        if pinned[earlier].get(judged, word) != word
    ]


# -- from one commit to another


@dataclass(frozen=True)
class PinnedChange:
    """A pinned verdict that is another one now; ``nothing`` is pinned where one side lacks it."""

    bounds: str
    revision: str
    judged: str
    was: str
    now: str

    @property
    def kind(self) -> str:
        """How it changed, as :func:`lostproof.comparison.change_of` says; what is new or gone did neither way."""
        return OTHER if MISSING in (self.was, self.now) else change_of(self.was, self.now)


def changes_since(ref: str) -> list[PinnedChange]:
    """Return what differs between the verdicts pinned at the commit ``ref`` and those pinned now.

    Raises:
        BadInput: there is no such commit, or its file has another shape, or this is no checkout.
    """
    return differences(pins_at(ref), all_pins())


def differences(was: Mapping[str, Pins], now: Mapping[str, Pins]) -> list[PinnedChange]:
    """Return every pinned verdict in which ``was`` and ``now`` differ, also where only one has it."""
    return [PinnedChange(*cell, *words) for cell, *words in pinned.differences(_cells(was), _cells(now))]


def _cells(pins: Mapping[str, Pins]) -> dict[tuple[str, str, str], str]:
    return {(bounds, *cell): word for bounds, words in pins.items() for cell, word in pinned.cells(words).items()}


def pins_at(ref: str) -> dict[str, Pins]:
    """Return the verdicts that were pinned at the commit ``ref``, by bounds.

    Raises:
        BadInput: there is no such commit or file, the file has another shape, or this is no checkout.
    """
    if not in_checkout():
        raise BadInput("--pinned reads the history of a source checkout; this is an installed package")
    if _git("rev-parse", "--git-dir") is None:
        raise BadInput(f"--pinned {short(ref)}: {data_root()} is no git checkout")
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        raise BadInput(f"--pinned {short(ref)}: git knows no such commit; name a branch, a tag or a commit")
    text = _git("show", f"{commit.strip()}:./{FILE}")
    if text is None:
        raise BadInput(f"--pinned {short(ref)}: there is no {FILE} in that commit")
    return parse_pins(text, f"{short(ref)}:{FILE}")


def _git(*arguments: str) -> str | None:
    """Return what git prints, None if it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(data_root()), *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise BadInput("--pinned needs git, which is not there") from error
    except ValueError as error:
        raise BadInput(f"--pinned: no name of a commit ({error})") from error
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
