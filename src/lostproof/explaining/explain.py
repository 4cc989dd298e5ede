"""Explanations: what a revision's rules allow for some notes, with the fewest faults first, or that they allow nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from lostproof.bounds import Bounds
from lostproof.drivers.timed import Moment
from lostproof.explaining.checking import Met, contradicted, meetings
from lostproof.explaining.moments import Schedule, schedules
from lostproof.explaining.notes import Notes
from lostproof.explaining.search import Search, Way
from lostproof.explaining.space import KINDS, TooLarge, allowed, outlook
from lostproof.explaining.telling import Told, teller
from lostproof.explaining.watch import Watch
from lostproof.model import Model
from lostproof.revisions import Revision

__all__ = ["KINDS", "LIMIT", "MAX_STATES", "Answer", "Explanation", "explain", "mix_words", "unexpected"]

LIMIT = 6
"""How many explanations are listed unless asked otherwise."""
MAX_STATES = 300_000
"""How many states are looked at in one world, without regard to time, before it is given up."""
LOOKED = 100
"""One in so many of them is looked at in time, which is that much more work."""
TRIES = 20
"""How many ways of one explanation are tried if no moments are found for them."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Explanation:
    """One way in which everything that was seen can have come about.

    Attributes:
        model: the world.
        faults: what it takes: how many of each kind of fault, and of runs by hand.
        told: what matters about how the notes are met.
        names: the run that each name stands for.
        start_ms: when the gateway began that is there at the beginning, since the notes' clock.
        moments: what happened, as replayed in the timed simulator.
        until_ms: when the last note is met, since the beginning.
        met: where each note of ``seen`` is met.
    """

    model: Model
    faults: dict[str, int]
    told: tuple[Told, ...]
    names: dict[str, int]
    start_ms: int
    moments: tuple[Moment, ...]
    until_ms: int
    met: tuple[Met, ...]


@dataclass(frozen=True)
class Answer:
    """What one revision makes of some notes.

    Attributes:
        revision: the revision.
        explanations: what was found, with the fewest faults first.
        complete: whether nothing else is possible within the bounds.
        limits: what kept it from being complete, in words.
        nodes: how many states, with what is met in them, were looked at.
        unmet: the notes of ``seen`` (from 0) that nothing in these worlds meets, whatever the times.
    """

    revision: Revision
    explanations: tuple[Explanation, ...]
    complete: bool
    limits: tuple[str, ...]
    nodes: int
    unmet: tuple[int, ...] = ()

    @property
    def verdict(self) -> str:
        """``explained``, ``impossible`` (within the bounds), or ``inconclusive``."""
        if self.explanations:
            return "explained"
        return "impossible" if self.complete else "inconclusive"


def explain(
    notes: Notes, revision: Revision, limit: int = LIMIT, max_states: int = MAX_STATES, say: Say | None = None
) -> Answer:
    """Return the explanations of ``notes`` under ``revision``, at most ``limit``.

    Args:
        notes: what was seen.
        revision: the revision that ran.
        limit: how many explanations are wanted.
        max_states: how many states to look at in one world before giving up.
        say: called with what is going on.
    """
    found: list[Explanation] = []
    known: set[tuple[Hashable, ...]] = set()
    failed: Counter[tuple[Hashable, ...]] = Counter()
    limits: list[str] = []
    if say:
        say(f"{revision.name}: any faults")
    chosen, met, nodes = _worth_looking(notes, revision, max_states)
    for faults in chosen:
        if say:
            say(f"{revision.name}: {mix_words(faults)}")
        model = Model(revision, _world(notes.bounds, faults))
        watch = Watch(model, notes)
        if not watch.possible:
            continue
        try:
            space = allowed(watch, max_states)
        except TooLarge:
            limits.append(f"more than {max_states} states with {mix_words(faults)}")
            continue
        nodes += space.explored
        met |= space.met
        search = Search(space, notes, teller(space), max_states // LOOKED)
        for way in search.ways(known):
            confirmed = _confirmed(search, notes, way, faults)
            if confirmed is None:
                failed[way.told] += 1
                limits.append(f"a way with {mix_words(faults)} that no moments were found for")
                if failed[way.told] == TRIES:
                    known.add(way.told)
                continue
            known.add(way.told)
            found.append(confirmed)
            if len(found) == limit:
                return Answer(revision, tuple(found), False, tuple(dict.fromkeys(limits)), nodes)
        if search.gave_up:
            limits.append(f"more than {max_states // LOOKED} ways with {mix_words(faults)}")
    unmet = Watch(Model(revision, notes.bounds), notes).blocking(met)
    return Answer(revision, tuple(found), not limits, tuple(dict.fromkeys(limits)), nodes, tuple(sorted(unmet)))


def _worth_looking(notes: Notes, revision: Revision, max_states: int) -> tuple[list[dict[str, int]], int, int]:
    """Return which faults to look at, the fewest first; what can be met at all with any of them; and the states for that.

    One look at everything together rules most of it out. If that is too large, each is looked at.
    """
    watch = Watch(Model(revision, notes.bounds), notes, notes.faults)
    every = list(mixes(notes))
    if not watch.possible:
        return [], 0, 0
    try:
        promising, met, nodes = outlook(watch, max_states)
    except TooLarge:
        return every, 0, 0
    return [faults for faults in every if faults in promising], met, nodes


def mixes(notes: Notes) -> Iterator[dict[str, int]]:
    """Yield which faults to look at together: the fewest first."""
    most = {kind: getattr(notes.bounds, kind) for kind in KINDS if getattr(notes.bounds, kind)}
    choices = list(product(*(range(count + 1) for count in most.values())))
    for total in range(notes.faults + 1):
        for counts in reversed(choices):
            if sum(counts) == total:
                yield {kind: count for kind, count in zip(most, counts, strict=True) if count}


def mix_words(faults: dict[str, int]) -> str:
    """Return some faults in words."""
    return ", ".join(f"{kind}={count}" for kind, count in faults.items()) or "no faults"


def _world(bounds: Bounds, faults: dict[str, int]) -> Bounds:
    return replace(bounds, **{kind: faults.get(kind, 0) for kind in KINDS})


def _confirmed(search: Search, notes: Notes, way: Way, faults: dict[str, int]) -> Explanation | None:
    """Return the explanation if some choice of moments replays and meets every note."""
    space = search.space
    binding = space.progress[way.steps[-1].node][1]
    names = dict(zip(space.watch.names, binding, strict=True))
    for one in schedules(search, way):
        met = _met(search.model, notes, one, names)
        if met is not None:
            told = tuple(each for each in way.told if isinstance(each, Told))
            return Explanation(
                search.model, faults, told, names, one.start_ms, one.moments, one.until_ms, tuple(met)
            )
    return None


def _met(m: Model, notes: Notes, one: Schedule, names: dict[str, int]) -> Sequence[Met] | None:
    met = meetings(m, notes, one.moments, one.start_ms, one.until_ms, names)
    if contradicted(m, notes, one.moments, one.start_ms, one.until_ms, names):
        return None
    found = [each for each in met if each is not None]
    return found if len(found) == len(met) else None


def unexpected(notes: Notes, answer: Answer, titles: Sequence[str]) -> list[str]:
    """Return what is not as the file expects of the revision, in words; ``titles`` are those of the explanations."""
    expected = notes.expected(answer.revision.name)
    if expected is None:
        return []
    if not expected.at_least:
        return [] if answer.verdict == "impossible" else [f"should be impossible, but is {answer.verdict}"]
    found = len(answer.explanations)
    few = [f"should have {expected.at_least} explanations, but has {found}"] if found < expected.at_least else []
    missing = [f"no explanation says: {way}" for way in expected.ways if not any(way in title for title in titles)]
    wrong = [f"an explanation says: {never}" for never in expected.never if any(never in title for title in titles)]
    return [*few, *missing, *wrong]
