"""Holding a replayed schedule against the notes, note by note, without the automaton that found it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lostproof.drivers.timed import Moment
from lostproof.explaining.facts import ABOUT_RUNS, happens, holds, runs_of_subject
from lostproof.explaining.notes import Notes, Seen
from lostproof.model import Model

__all__ = ["Met", "contradicted", "meetings"]


@dataclass(frozen=True)
class Met:
    """Where a note is met: in or after which step (from 1; 0 is the beginning), and at which moment since the clock."""

    step: int
    at_ms: int


def meetings(
    m: Model, notes: Notes, moments: Sequence[Moment], start_ms: int, until_ms: int, names: Mapping[str, int]
) -> list[Met | None]:
    """Return where each note of ``seen`` is met, None where it is not."""
    return [_meeting(m, one, moments, start_ms, until_ms, names) for one in notes.seen]


def contradicted(
    m: Model, notes: Notes, moments: Sequence[Moment], start_ms: int, until_ms: int, names: Mapping[str, int]
) -> list[Seen]:
    """Return the notes of ``not_seen`` that happened all the same."""
    wrong = []
    for one in notes.not_seen:
        begin, end = one.first[0], (one.last or (None, None))[0]
        low = begin if begin is not None else 0
        high = end if end is not None else until_ms + start_ms
        if any(_in(at, low, high) for at in _occasions(m, one, moments, start_ms, until_ms, names)):
            wrong.append(one)
    return wrong


def _in(span: tuple[int, int, int], low: int, high: int) -> bool:
    """Return whether a span of time shares more than its end with a window."""
    _, begin, end = span
    return low < begin < high or (begin < high and end > low)


def _meeting(
    m: Model, one: Seen, moments: Sequence[Moment], start_ms: int, until_ms: int, names: Mapping[str, int]
) -> Met | None:
    low, high = one.first
    if one.last is not None:
        return _lasting(m, one, moments, start_ms, until_ms, names)
    for step, begin, end in _occasions(m, one, moments, start_ms, until_ms, names):
        at = max(begin, low if low is not None else begin)
        if at <= end and (high is None or at <= high):
            return Met(step, at)
    return None


def _lasting(
    m: Model, one: Seen, moments: Sequence[Moment], start_ms: int, until_ms: int, names: Mapping[str, int]
) -> Met | None:
    """Return where something that lasted is met: one span of time has to reach from the first window into the last."""
    assert one.last is not None
    for k in _subjects(m, one, names):
        for step, begin, end in _joined(_spans(m, one, moments, start_ms, until_ms, k)):
            if begin <= (one.first[1] or 0) and end >= (one.last[0] or 0):
                return Met(step, max(begin, one.first[0] or 0))
    return None


def _occasions(
    m: Model, one: Seen, moments: Sequence[Moment], start_ms: int, until_ms: int, names: Mapping[str, int]
) -> Iterator[tuple[int, int, int]]:
    """Yield when something happened or was so: the step, and from when to when, since the clock."""
    for k in _subjects(m, one, names):
        if one.fact.lasts:
            yield from _joined(_spans(m, one, moments, start_ms, until_ms, k))
            continue
        for step, moment in enumerate(moments, start=1):
            action = m.actions[moment.action]
            if happens(m, action, one.fact, k, m.view(moment.before), m.view(moment.after)):
                yield step, start_ms + moment.at_ms, start_ms + moment.at_ms


def _spans(
    m: Model, one: Seen, moments: Sequence[Moment], start_ms: int, until_ms: int, k: int
) -> Iterator[tuple[int, int, int]]:
    states = [m.initial(), *(moment.after for moment in moments)]
    times = [0, *(moment.at_ms for moment in moments), until_ms]
    for step, state in enumerate(states):
        if holds(m, m.view(state), one.fact, k):
            yield step, start_ms + times[step], start_ms + times[step + 1]


def _joined(spans: Iterator[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield spans of time, with those in one that follow each other step by step."""
    current: tuple[int, int, int] | None = None
    last = -1
    for step, begin, end in spans:
        if current is not None and step == last + 1:
            current = (current[0], current[1], end)
        else:
            if current is not None:
                yield current
            current = (step, begin, end)
        last = step
    if current is not None:
        yield current


def _subjects(m: Model, one: Seen, names: Mapping[str, int]) -> list[int]:
    runs = runs_of_subject(m, one.fact)
    if runs is None:
        assert one.fact.kind in ABOUT_RUNS
        return [names[one.fact.subject]]
    return runs
