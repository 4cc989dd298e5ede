"""Watching for what was seen: notes as an automaton that goes along with a schedule.

A note becomes one or two *marks*: moments of the schedule at which it is met, each with a window of time. What has to be
so all the time between two marks, or must not happen there, becomes a *filter*. How far the automaton has come is a
:class:`Progress`: which marks are met, and which runs the names in the notes stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from lostproof.actions import Action
from lostproof.explaining.facts import ABOUT_RUNS, can_be_told, happens, holds, runs_of_subject
from lostproof.explaining.notes import Fact, Notes, Seen
from lostproof.fields import PATHS
from lostproof.model import Model
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import World, member

__all__ = ["UNKNOWN", "Mark", "Progress", "Watch", "by_hand"]

GATEWAY = chart("gateway")
STEP_ABSENT = chart("run").code("absent")
UNKNOWN = -1
Window = tuple[int | None, int | None]

BEGIN = ("run", "begin")
"""The chart event by which the work of a run begins, where that is a step of its own."""


@dataclass(frozen=True)
class Mark:
    """A moment of the schedule at which something is seen.

    Attributes:
        kind: ``happens`` (with a step), ``holds`` (between two steps), or ``clock`` (a moment that delimits a filter).
        fact: what is seen.
        window: when, in milliseconds since the notes' clock.
        note: the place of the note in ``seen`` (from 0), -1 for one that delimits a note of ``not_seen``.
    """

    kind: str
    fact: Fact
    window: Window
    note: int


@dataclass(frozen=True)
class Filter:
    """What must be so all the time between two marks (None: from the beginning, to the end), or must not happen there."""

    fact: Fact
    wanted: bool
    begin: int | None
    end: int | None

    def active(self, done: int) -> bool:
        """Return whether it counts when the marks in ``done`` are met."""
        begun = self.begin is None or bool(done >> self.begin & 1)
        return begun and (self.end is None or not done >> self.end & 1)


Progress = tuple[int, tuple[int, ...], tuple[int, ...]]
"""The marks that are met, as bits; the run of each name (-1: not known yet); and, for each run, when its work began at the
earliest (milliseconds since the clock), while it is certainly too young to come of age (else -1)."""


class Watch:
    """The automaton of some notes in the worlds of a model.

    Args:
        model: the model.
        notes: what was seen.
        faults: how many faults, and runs by hand, may happen together; all of the bounds unless given.
    """

    def __init__(self, model: Model, notes: Notes, faults: int | None = None) -> None:
        self.model = model
        self._faults = faults
        self.marks: list[Mark] = []
        self.filters: list[Filter] = []
        self.never: set[str] = set()
        for position, seen in enumerate(notes.seen):
            self._add_seen(seen, position)
        for seen in notes.not_seen:
            self._add_not_seen(seen)
        facts = [one.fact for one in (*notes.seen, *notes.not_seen)]
        named = dict.fromkeys(f.subject for f in facts if f.kind in ABOUT_RUNS and runs_of_subject(model, f) is None)
        self.names = tuple(named)
        self._different = notes.different
        self.all_done = (1 << len(self.marks)) - 1
        self.possible = all(can_be_told(model, mark.fact) for mark in self.marks if mark.kind == "happens")
        self._before = [self._earlier(mark) for mark in self.marks]
        self._grace = model.revision.constants.grace_ms
        self._step = notes.tempo.step

    def _add_seen(self, seen: Seen, note: int) -> None:
        kind = "holds" if seen.fact.lasts else "happens"
        self.marks.append(Mark(kind, seen.fact, seen.first, note))
        if seen.last is not None:
            self.marks.append(Mark(kind, seen.fact, seen.last, note))
            self.filters.append(Filter(seen.fact, True, len(self.marks) - 2, len(self.marks) - 1))

    def _add_not_seen(self, seen: Seen) -> None:
        # Just before the window: what happens in its first millisecond is in it.
        begin, end = seen.first[0], (seen.last or (None, None))[0]
        ends: list[int | None] = []
        for at in (begin - 1 if begin else None, end):
            ends.append(None if at is None else len(self.marks))
            if at is not None:
                self.marks.append(Mark("clock", seen.fact, (at, at), -1))
        if seen.fact.kind == "did" and ends == [None, None] and not seen.fact.subject:
            self.never.add(seen.fact.value)
        else:
            self.filters.append(Filter(seen.fact, False, ends[0], ends[1]))

    def _earlier(self, mark: Mark) -> int:
        """Return the marks, as bits, that are met before ``mark`` can be: their windows end before its window begins."""
        begin = mark.window[0]
        bits = 0
        for position, other in enumerate(self.marks):
            end = other.window[1]
            if begin is not None and end is not None and end < begin:
                bits |= 1 << position
        for one in self.filters:
            if one.begin is not None and one.end is not None and self.marks[one.end] is mark:
                bits |= 1 << one.begin
        return bits

    # -- progress

    def initial(self) -> list[Progress]:
        """Return how things stand at the beginning; names that filters speak of are decided there and then."""
        early = {one.fact.subject for one in self.filters}
        choices = [self.model.runs if name in early else (UNKNOWN,) for name in self.names]
        nobody = (UNKNOWN,) * len(self.model.runs)
        return [(0, binding, nobody) for binding in product(*choices) if self._apart(binding)]

    def earliest(self, progress: Progress) -> int:
        """Return which moment has certainly been reached."""
        return max((m.window[0] or 0 for at, m in enumerate(self.marks) if progress[0] >> at & 1), default=0)

    def latest(self, progress: Progress) -> int | None:
        """Return which moment has certainly not been passed: the next mark has to be met before."""
        ends = [m.window[1] for at, m in enumerate(self.marks) if not progress[0] >> at & 1 and m.window[1] is not None]
        return min(ends, default=None)

    def _apart(self, binding: tuple[int, ...]) -> bool:
        """Return whether names for different runs stand for different runs."""
        for names in self._different:
            known = [binding[self.names.index(name)] for name in names if name in self.names]
            known = [run for run in known if run != UNKNOWN]
            if len(set(known)) < len(known):
                return False
        return True

    def bound(self, fact: Fact, binding: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the runs that ``fact`` may be about, each with what the names stand for then."""
        runs = runs_of_subject(self.model, fact)
        if runs is not None:
            yield from ((k, binding) for k in runs)
            return
        place = self.names.index(fact.subject)
        if binding[place] != UNKNOWN:
            yield binding[place], binding
            return
        for k in self.model.runs:
            bound = (*binding[:place], k, *binding[place + 1 :])
            if self._apart(bound):
                yield k, bound

    def open(self, done: int, kind: str) -> Iterator[int]:
        """Yield the marks of ``kind`` that can be met next."""
        for position, mark in enumerate(self.marks):
            if mark.kind == kind and not done >> position & 1 and not self._before[position] & ~done:
                yield position

    def steps(self, progress: Progress, action: Action, before: World, after: World) -> list[tuple[Progress, Any]]:
        """Return how far a step can take the automaton, each with where (True: everywhere)."""
        allowed: Any = True
        for one in self.filters:
            if not one.wanted and not one.fact.lasts and one.active(progress[0]):
                for k, _ in self.bound(one.fact, progress[1]):
                    allowed = allowed & (_not(happens(self.model, action, one.fact, k, before, after)))
        reached: list[tuple[Progress, Any]] = [(progress, allowed)]
        for position in self.open(progress[0], "happens"):
            fact = self.marks[position].fact
            for (done, binding, begun), where in list(reached):
                for k, bound in self.bound(fact, binding):
                    met = where & happens(self.model, action, fact, k, before, after)
                    if _somewhere(met):
                        reached.append(((done | 1 << position, bound, begun), met))
        aged = [one for some in reached for one in self._aged(some, action)]
        return [one for one in aged if _somewhere(one[1])]

    def _aged(self, reached: tuple[Progress, Any], action: Action) -> Iterator[tuple[Progress, Any]]:
        """Yield a step with which rows are too young to come of age, unless one of those comes of age by it."""
        (done, binding, begun), where = reached
        latest = self.latest((done, binding, begun))
        if latest is None:
            yield (done, binding, (UNKNOWN,) * len(begun)), where
            return
        begun = tuple(at if at != UNKNOWN and at + self._grace > latest else UNKNOWN for at in begun)
        run = action.get("run")
        if action.name == "expire" and run is not None and begun[run] != UNKNOWN:
            return
        # A run by hand takes its start time a step before its row is opened.
        since = self.earliest((done, binding, begun)) - self._step
        begins = action.event == BEGIN and run is not None and since + self._grace > latest
        if begins and run is not None:
            begun = (*begun[:run], since, *begun[run + 1 :])
        yield (done, binding, begun), where

    def looks(self, progress: Progress, w: World) -> list[tuple[int, Progress, Any]]:
        """Return what can be met between two steps: the mark, how far that takes the automaton, and where."""
        done, binding, begun = progress
        found: list[tuple[int, Progress, Any]] = [
            (position, (done | 1 << position, binding, begun), True) for position in self.open(done, "clock")
        ]
        for position in self.open(done, "holds"):
            fact = self.marks[position].fact
            for k, bound in self.bound(fact, binding):
                met = holds(self.model, w, fact, k)
                if _somewhere(met):
                    found.append((position, (done | 1 << position, bound, begun), met))
        return found

    def admits(self, progress: Progress, w: World) -> Any:
        """Return where nothing that the notes say is contradicted, and where the bounds do not starve a job."""
        fine: Any = _not(_starved(self.model, w)) & (by_hand(self.model, w) <= self.model.bounds.manual)
        if self._faults is not None:
            fine = fine & (self.model.faults_spent(w) + by_hand(self.model, w) <= self._faults)
        for one in self.filters:
            if one.fact.lasts and one.active(progress[0]):
                for k, _ in self.bound(one.fact, progress[1]):
                    so = holds(self.model, w, one.fact, k)
                    fine = fine & (so if one.wanted else _not(so))
        return fine

    def blocking(self, met: int) -> set[int]:
        """Return the notes that cannot be met next if all that can be met is ``met`` (marks, as bits)."""
        return {
            mark.note for position, mark in enumerate(self.marks)
            if mark.note >= 0 and not met >> position & 1 and not self._before[position] & ~met
        }

    def usable(self) -> list[int]:
        """Return the numbers of the actions that the notes do not rule out."""
        return [number for number, action in enumerate(self.model.actions) if action.name not in self.never]


def _starved(m: Model, w: World) -> Any:
    """Return whether a job is due and has no run left to use: a larger world would go on differently."""
    starved: Any = False
    for job in m.jobs:
        due = (w.fallen[job] > w.next[job]) & (w.job[job] == ENABLED) & (w.marker[job] == 0)
        starved = starved | (due & (w.step[m.runs_of(job)[-1]] != STEP_ABSENT))
    return starved & member(w.gateway, GATEWAY.codes("repaired", "running"))


def by_hand(m: Model, w: World) -> Any:
    """Return how many runs were started by hand."""
    count: Any = 0
    if m.bounds.manual:
        for k in m.runs:
            count = count + ((w.path[k] == PATHS.index("manual")) & (w.step[k] != STEP_ABSENT))
    return count


def _not(value: Any) -> Any:
    return value == 0


def _somewhere(where: Any) -> bool:
    return bool(where.any()) if hasattr(where, "any") else bool(where)
