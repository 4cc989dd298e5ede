"""Replaying scenarios: play the timeline in the timed simulator, judge it, and compare with what is expected."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

from lostproof.bounds import Bounds
from lostproof.drivers.script import Cue, Script, play
from lostproof.drivers.timed import Memory, Moment, Timed
from lostproof.engine.race import Race, Violation, with_point_of_no_return
from lostproof.errors import BadInput
from lostproof.fields import LOGS
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property, property_named
from lostproof.revisions import REVISIONS, Revision
from lostproof.scenarios import Entry, Expectation, Scenario
from lostproof.tables import chart

__all__ = ["CannotHappen", "Outcome", "Tried", "broken_for_ever", "run", "run_all", "stays_broken"]

TASK = chart("task")
MAX_CHOICES = 1_000
"""Choices of open moments that are tried for one scenario."""
MANY = 40
"""Scenarios from which on it is worth while to start processes."""


class CannotHappen(BadInput):
    """An entry of a timeline cannot happen in some revision, and is not optional."""


@dataclass(frozen=True)
class Tried:
    """One choice of a scenario's open moments, and what came of it.

    Attributes:
        at_ms: the chosen moments, in the order of the timeline.
        possible: whether everything in the timeline could happen then.
        violated: the properties that were broken.
        rows: what the rows on disk said at the end.
    """

    at_ms: tuple[int, ...]
    possible: bool
    violated: frozenset[str] = frozenset()
    rows: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a revision made of a scenario.

    If the scenario leaves moments open, ``violates`` is met by any choice of them and ``holds`` has to be met by all;
    rows and observations are compared with the choice that is shown, the one that breaks most of what is expected.

    Attributes:
        revision: the revision's name.
        passed: whether everything was as expected.
        failures: what was not, in words.
        violated: the properties that were broken.
        lasting: those among them that stay broken for ever after, with what they are about.
        model: the world.
        moments: what happened.
        tried: the choices of open moments, if there are any.
        lines: for each of ``failures``, the line of the scenario file that asks for something else.
    """

    revision: str
    passed: bool
    failures: tuple[str, ...]
    violated: frozenset[str]
    lasting: tuple[tuple[str, str], ...]
    model: Model
    moments: tuple[Moment, ...]
    tried: tuple[Tried, ...] = ()
    lines: tuple[int, ...] = ()

    @cached_property
    def point_of_no_return(self) -> int:
        """The step (from 1) after which nothing averts the first violation that the timeline shows, 0 if it shows none."""
        for steps, moment in enumerate(self.moments, start=1):
            for name, subject in moment.broken:
                shown = self.moments[:steps]
                states = (shown[0].before, *(each.after for each in shown))
                violation = Violation(steps, 0, 0, moment.action, 0, 0)
                race = Race(
                    self.model, property_named(name), subject, tuple(each.action for each in shown), states, violation
                )
                return with_point_of_no_return(race).point_of_no_return
        return 0


@dataclass(frozen=True)
class _Played:
    """One timeline, played: the trace, the rows at its end, and the properties broken in it or for ever after."""

    moments: tuple[Moment, ...]
    rows: dict[str, str]
    violated: frozenset[str]
    lasting: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Plays:
    """A scenario, played in one world with every choice of its open moments, and compared with nothing yet.

    Attributes:
        played: the choices with which everything in the timeline could happen.
        tried: all choices.
    """

    played: tuple[_Played, ...]
    tried: tuple[Tried, ...]


def run(scenario: Scenario, revisions: Sequence[str] | None = None) -> list[Outcome]:
    """Replay ``scenario`` in the revisions it speaks of (or in ``revisions``).

    Raises:
        CannotHappen: an entry cannot happen there, and is not optional.
        BadInput: the open moments leave too many choices.
    """
    return next(run_all([(scenario, revisions or scenario.revisions)], workers=1))


def run_all(
    wanted: Sequence[tuple[Scenario, Sequence[str]]], say: Callable[[str], None] | None = None, workers: int | None = None
) -> Iterator[list[Outcome]]:
    """Yield what each of some scenarios comes to in the revisions that are wanted of it, in this order.

    Many scenarios are played in processes of their own, two unless ``workers`` says how many; ``say`` is told of each.

    Raises:
        CannotHappen, BadInput: as :func:`run`.
    """
    if workers is None:
        workers = min(2, os.cpu_count() or 1) if len(wanted) >= MANY else 1
    for (scenario, names), plays in zip(wanted, _all_plays(wanted, say or (lambda line: None), workers), strict=True):
        yield [_outcome(scenario, name, one) for name, one in zip(names, plays, strict=True)]


def _all_plays(
    wanted: Sequence[tuple[Scenario, Sequence[str]]], say: Callable[[str], None], workers: int
) -> Iterator[list[_Plays]]:
    if workers < 2:
        for scenario, names in wanted:
            say(f"{scenario.family}/{scenario.name}")
            yield _plays_of(scenario, names)
        return
    # Fresh processes: forking one that has threads (a progress display has) can hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        # Expectations stay here. A rule of one's own may be a program that was started to be asked, and stays here, too.
        there = [
            None if scenario.own else pool.submit(_plays_of, replace(scenario, expect={}), names)
            for scenario, names in wanted
        ]
        for (scenario, names), future in zip(wanted, there, strict=True):
            say(f"{scenario.family}/{scenario.name}")
            yield future.result() if future else _plays_of(scenario, names)
    finally:
        pool.shutdown(cancel_futures=True)


def _plays_of(scenario: Scenario, names: Sequence[str]) -> list[_Plays]:
    """Return what comes of ``scenario`` in each of some revisions; those that are one world under several names share it."""
    found: dict[_World, _Plays] = {}
    plays = []
    for name in names:
        revision = scenario.revision(name)
        world = _world(revision, scenario.bounds)
        if world not in found:
            found[world] = _plays(scenario, world.under(revision))
        plays.append(found[world])
    return plays


def _plays(scenario: Scenario, world: _World) -> _Plays:
    played: list[_Played] = []
    tried: list[Tried] = []
    refused: CannotHappen | None = None
    for at_ms, cues in _choices(scenario, world, [], [e for e in scenario.entries if e.window is not None]):
        if len(tried) == MAX_CHOICES:
            raise BadInput(f"{scenario.path}: the open moments leave more than {MAX_CHOICES} choices; narrow their windows")
        try:
            one = _play(scenario, world, cues)
        except CannotHappen as error:
            refused = error
            tried.append(Tried(at_ms, possible=False))
            continue
        played.append(one)
        tried.append(Tried(at_ms, True, one.violated, one.rows))
    if not played:
        assert refused is not None
        raise refused
    return _Plays(tuple(played), tuple(tried))


def _outcome(scenario: Scenario, name: str, plays: _Plays) -> Outcome:
    revision = scenario.revision(name)
    model = _world(revision, scenario.bounds).under(revision).model
    expected = scenario.expectation(name)
    everything = frozenset().union(*(one.violated for one in plays.played))
    shown = max(plays.played, key=lambda one: (len(one.violated & set(expected.violates)), len(one.violated)))
    wrong = list(_failures(expected, everything, shown, model))
    failures, lines = tuple(told for _, told in wrong), tuple(line for line, _ in wrong)
    choices = plays.tried if plays.tried[0].at_ms else ()
    return Outcome(name, not failures, failures, everything, shown.lasting, model, shown.moments, choices, lines)


def _play(scenario: Scenario, world: _World, cues: Sequence[Cue]) -> _Played:
    model = world.model
    sim = Timed(model, memory=world.memory)
    play(sim, Script(cues, scenario.automatic, scenario.persist_ms, scenario.startup_ms), _cannot_happen(model))
    moments = tuple(sim.trace)
    rows = {model.run_name(k): TASK.states[sim.view().row[k]] for k in model.runs}
    violated = {name for moment in moments for name, _ in moment.broken}
    lasting = stays_broken(sim)
    return _Played(moments, rows, frozenset(violated | {name for name, _ in lasting}), lasting)


@dataclass(frozen=True, eq=False)
class _World:
    """A model, and what worlds of it need not work out again."""

    model: Model
    memory: Memory = field(default_factory=Memory)

    def under(self, revision: Revision) -> _World:
        """Return it under the name of a revision with the same semantics."""
        return _World(self.model.named(revision), self.memory)


_NUMBERS: dict[Hashable, int] = {}
_WORLDS: dict[tuple[int, Bounds], _World] = {}


def _world(revision: Revision, bounds: Bounds) -> _World:
    """Return the world of ``bounds`` under a revision, the same for every revision with the same semantics."""
    known = REVISIONS.get(revision.name) is revision
    key = _number_of(revision.name) if known else _number(revision.semantics), bounds
    if key not in _WORLDS:
        _WORLDS[key] = _World(Model(revision, bounds))
    return _WORLDS[key]


@cache
def _number_of(name: str) -> int:
    return _number(REVISIONS[name].semantics)


def _number(semantics: Hashable) -> int:
    """Return a number for a semantics, which is large and takes its time to be hashed."""
    return _NUMBERS.setdefault(semantics, len(_NUMBERS))


def stays_broken(sim: Timed) -> tuple[tuple[str, str], ...]:
    """Let ``sim`` go on by itself; return the leads-to properties that are broken then, with what they are about."""
    sim.settle(without=("slot_due",))  # the timeline says which slots there are
    return tuple((judged.id, judged.name_of(sim.model, subject)) for judged, subject in broken_for_ever(sim))


def broken_for_ever(sim: Timed) -> Iterator[tuple[Property, Any]]:
    """Yield the leads-to properties that are broken in a world in which nothing changes any more, with their subjects."""
    model, end = sim.model, sim.view()
    for judged in PROPERTIES:
        if judged.premise is not None and judged.goal is not None:
            for subject in judged.subjects(model):
                if judged.premise(model, end, subject) and not judged.goal(model, end, subject):
                    yield judged, subject


def _cannot_happen(model: Model) -> Callable[[Cue, str], BadInput]:
    def fail(cue: Cue, why: str) -> BadInput:
        return CannotHappen(f"{cue.where}: {cue.do} at {cue.at_ms} ms, in {model.revision.name}: {why}")

    return fail


def _choices(
    scenario: Scenario, world: _World, chosen: list[Cue], still_open: Sequence[Entry]
) -> Iterator[tuple[tuple[int, ...], list[Cue]]]:
    """Yield the timeline with every choice of the open moments that makes a difference.

    Something changes only when something else happens in between. So for each open entry in turn it is enough to try the
    ends of its window, and the moments just before and after each thing that happens in it, given the choices before.
    """
    fixed = [entry.cue for entry in scenario.entries if entry.window is None]
    if not still_open:
        yield tuple(cue.at_ms for cue in chosen), _in_order(scenario, [*fixed, *chosen])
        return
    entry, *others = still_open
    assert entry.window is not None
    low, high = entry.window
    so_far = [replace(cue, optional=True) for cue in _in_order(scenario, [*fixed, *chosen])]
    moments = {moment.at_ms for moment in _play(scenario, world, so_far).moments}
    near = {low, high} | {at + offset for at in moments for offset in (-1, 1)}
    for at in sorted(at for at in near if low <= at <= high):
        yield from _choices(scenario, world, [*chosen, replace(entry.cue, at_ms=at)], others)


def _in_order(scenario: Scenario, cues: list[Cue]) -> list[Cue]:
    """Return ``cues`` by time; what happens at the same moment keeps the order of the file."""
    place = {entry.cue.where: position for position, entry in enumerate(scenario.entries)}
    return sorted(cues, key=lambda cue: (cue.at_ms, place[cue.where]))


def _failures(expected: Expectation, everything: frozenset[str], shown: _Played, model: Model) -> Iterator[tuple[int, str]]:
    """Yield what is not as expected, each with the line that expects it."""
    for position, name in enumerate(expected.violates):
        if name not in everything:
            yield expected.line("violates", position), f"{name} should be violated, but holds"
    for position, name in enumerate(expected.holds):
        if name in everything:
            yield expected.line("holds", position), f"{name} should hold, but is violated"
    for run_name, status in expected.rows.items():
        if shown.rows[run_name] != status:
            told = f"the row of {run_name} should end {status}, but is {shown.rows[run_name]}"
            yield expected.line("rows", run_name), told
    for position, seen in enumerate(expected.observe):
        k = next(k for k in model.runs if model.run_name(k) == seen.run)
        values = TASK.states if seen.what == "row" else LOGS
        changes = [
            moment.at_ms
            for moment in shown.moments
            if values[getattr(model.view(moment.after), seen.what)[k]] == seen.value
            and values[getattr(model.view(moment.before), seen.what)[k]] != seen.value
        ]
        if not any(seen.at_ms <= at <= seen.at_ms + seen.within_ms for at in changes):
            when = ", ".join(f"{at} ms" for at in changes) or "never"
            told = f"the {seen.what} of {seen.run} should become {seen.value} at {seen.at_ms} ms; it did: {when}"
            yield expected.line("observe", position), told
