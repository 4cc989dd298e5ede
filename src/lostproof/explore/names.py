"""What people type to mean an action, and in which order actions are offered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lostproof.actions import Action
from lostproof.drivers.concrete import LATENCY_MS
from lostproof.drivers.script import NEVER_BY_ITSELF
from lostproof.drivers.timed import AGING
from lostproof.errors import BadInput
from lostproof.evidence import ENDS
from lostproof.model import Model

__all__ = ["GROUPS", "by_itself", "choices", "group_of", "label", "meant", "next_by_itself"]

GROUPS = ("product", "world", "operator", "fault")
"""Who does something: the product by itself, the world around it, a person, or bad luck."""

FLAGS = {("fault", 1): "fails", ("early", 1): "later", ("early", 0): "at-once", ("same_ms", 1): "same-ms",
         ("unread", 1): "unread", ("torn", 1): "torn"}
"""What variants of an action are called: its write fails; a read fails, or the log's line is torn; the row's time is later
than the marker's, or is it; the run starts in the very millisecond of the one before it."""

SPECIAL = {"fails", "at-once", "same-ms", "unread", "torn"}
"""Variants that are not meant unless somebody says so."""


def _words(m: Model, action: Action) -> list[tuple[str, ...]]:
    """Return an action's words, each with the other ways to say the same."""
    words: list[tuple[str, ...]] = []
    for name, value in action.params:
        match name:
            case "run":
                full = m.run_name(value)
                short = f"run-{m.number(value)}"
                words.append((short, full, f"run={full}") if m.bounds.jobs == 1 else (full, f"run={full}"))
            case "job":
                words.append((m.job_name(value), f"job={m.job_name(value)}"))
            case "end":
                words.append((ENDS[value], f"end={ENDS[value]}"))
            case "gateway":
                words.append((f"gateway-{value}", f"gateway={value}"))
            case _:
                words.append((FLAGS[name, value], name) if (name, value) in FLAGS and value else (FLAGS[name, value],))
    return words


def label(m: Model, number: int) -> str:
    """Return what an action is called, as it can be typed."""
    action = m.actions[number]
    shown = [words[0] for words in _words(m, action)]
    if m.bounds.jobs == 1:
        shown = [word for word in shown if word != m.job_name(0)]
    return " ".join([action.name, *shown])


def group_of(action: Action) -> str:
    """Return which of :data:`GROUPS` an action belongs to."""
    if action.actor == "operator" and not action.fair:
        return "operator"
    if not action.fair and action.budget:
        return "fault"
    return "world" if action.actor == "clock" or action.name in NEVER_BY_ITSELF else "product"


def choices(m: Model, possible: Iterable[int]) -> list[int]:
    """Return ``possible`` in the order in which they are offered: group by group."""
    return sorted(possible, key=lambda number: (GROUPS.index(group_of(m.actions[number])), number))


def by_itself(action: Action) -> bool:
    """Return whether the product does something by itself, without time or the world doing anything first."""
    return action.fair and action.name not in AGING and action.name not in NEVER_BY_ITSELF


def next_by_itself(m: Model, possible: Iterable[int]) -> int | None:
    """Return what the product usually does next by itself: what takes least time."""
    own = [number for number in possible if by_itself(m.actions[number])]
    return min(own, key=lambda number: (LATENCY_MS.get(m.actions[number].name, 60_000), number), default=None)


def meant(m: Model, words: Sequence[str]) -> list[int]:
    """Return the actions that ``words`` may mean: the beginning of a name, and of any of their parameters.

    Raises:
        BadInput: there is no such action in this world.
    """
    name, *rest = words
    exact = [number for number, action in enumerate(m.actions) if action.name == name]
    begun = exact or [number for number, action in enumerate(m.actions) if action.name.startswith(name)]
    found = [number for number in begun if _fits(_words(m, m.actions[number]), rest)]
    if not found and begun:
        labels = dict.fromkeys(label(m, number) for number in begun)
        raise BadInput(f"there is no {' '.join(words)!r} here; there are: {', '.join(labels)}")
    if not found:
        names = dict.fromkeys(action.name for action in m.actions)
        raise BadInput(f"{name!r} is neither a command nor an action of this world; actions: {', '.join(names)}")
    plain = [number for number in found if not _unasked(m, number, rest)]
    return plain or found


def _fits(words: list[tuple[str, ...]], typed: Sequence[str]) -> bool:
    """Return whether every typed word begins a word of the action, each another one."""
    left = list(words)
    for word in typed:
        match = next((ways for ways in left if any(way == word for way in ways)), None)
        match = match or next((ways for ways in left if any(way.startswith(word) for way in ways)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _unasked(m: Model, number: int, typed: Sequence[str]) -> bool:
    """Return whether an action is a special variant that nobody asked for."""
    special = [words for words in _words(m, m.actions[number]) if words[0] in SPECIAL]
    return any(not any(way.startswith(word) for way in words for word in typed) for words in special)
