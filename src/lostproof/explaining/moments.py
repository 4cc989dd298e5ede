"""Moments for a way: concrete ones, which the timed simulator replays, and which are held against the notes once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lostproof.drivers.concrete import LATENCY_MS
from lostproof.drivers.timed import AGING, Impossible, Moment, Timed
from lostproof.explaining.search import EFFECTIVE, MOMENT, ZERO, Past, Search, Step, Way
from lostproof.explaining.timing import PROMPT, not_before
from lostproof.explaining.zones import Bound, Zone

__all__ = ["Schedule", "schedules"]

TRIED = 60
"""How many choices of the moments of sweeps are tried."""
MINUTE_MS, SECOND_MS = 60_000, 1_000


@dataclass(frozen=True)
class Schedule:
    """A way with its moments, as the timed simulator replays it.

    Attributes:
        start_ms: when the gateway began that is there at the beginning, in milliseconds since the notes' clock.
        moments: what happened.
        sim: the simulator, at the end.
        until_ms: when the last note was met, since the beginning.
    """

    start_ms: int
    moments: tuple[Moment, ...]
    sim: Timed
    until_ms: int


def schedules(search: Search, way: Way) -> Iterator[Schedule]:
    """Yield replays of ``way``, with some choice of its moments."""
    drawn = _drawn(search, way)
    if drawn is None:
        return
    every = search.clock.constants.sweep_ms
    grids = _on_the_grid(drawn.zone, drawn.sweeps, every)
    choices = [_at_usual_pace(one, drawn.usual) for one in islice(grids, TRIED)]
    for _, chosen in sorted(choices, key=lambda choice: -choice[0]):
        at = _chosen(search, way, chosen)
        replayed = at and _replay(search, way, at)
        if replayed:
            yield replayed


@dataclass(frozen=True)
class _Drawn:
    """A way drawn in time: the zone of its moments (0 is the beginning, 1 the first step).

    Attributes:
        zone: the zone.
        sweeps: where a grid has to be respected: from where it counts, and the first and the last moment of which none of
            its moments lies between; both are the same for a sweep, which is itself one.
        usual: how long steps usually take.
    """

    zone: Zone
    sweeps: list[tuple[int, int, int]]
    usual: list[Bound]


def _drawn(search: Search, way: Way) -> _Drawn | None:
    """Return a way drawn in time, None if there is no time for it."""
    zone = Zone.of(ZERO).after(ZERO, 0)
    own: dict[Any, Any] = {stamp: ZERO if source == ZERO else 0 for stamp, source in search.at_start(way.start).items()}
    sweeps, usual = [], []
    node, past = way.start, Past()
    for position, step in enumerate(way.steps, start=1):
        own[MOMENT] = position
        tightened = zone.after(position - 1, position).tightened(
            [Bound(own[bound.later], own[bound.earlier], bound.by) for bound in step.bounds]
        )
        if tightened is None:
            return None
        zone = tightened
        if step.grid is not None:
            sweeps.append((own[step.grid], position, position))
        if step.unswept is not None:
            sweeps.append((own[step.unswept], own[EFFECTIVE], position))
        usual += _usual_pace(search, step, own, position)
        own = {stamp: own[source] for stamp, source in search.sources(step, node, past).items() if source in own}
        node, past = step.node, step.past
    return _Drawn(zone, sweeps, usual)


def _usual_pace(search: Search, step: Step, own: dict[Any, Any], position: int) -> list[Bound]:
    """Return how long a step usually takes after what made it possible, if the product does it by itself."""
    if step.edge.mark is not None:
        return []
    name = search.model.actions[step.edge.label].name
    stamp = search.stamp_of(step.edge.label)
    if name not in PROMPT or name == "end" or stamp not in own:
        return []
    usually = LATENCY_MS.get(name, SECOND_MS)
    return [not_before(position, own[stamp], usually), Bound(position, own[stamp], usually)]


def _at_usual_pace(zone: Zone, usual: list[Bound]) -> tuple[int, Zone]:
    """Return the zone in which as much as possible takes as long as usual, and how much that is."""
    kept = 0
    for bound in usual:
        tightened = zone.tightened([bound])
        if tightened is not None:
            zone, kept = tightened, kept + 1
    return kept, zone


def _on_the_grid(zone: Zone, open_: list[tuple[int, int, int]], every: int) -> Iterator[Zone]:
    """Yield the zone with each choice of the moments of grids."""
    if not open_:
        yield zone
        return
    (base, first, last), *others = open_
    low, high = zone.span(first, base)
    for number in range(low // every, high // every + 1):
        at = number * every
        bounds = [not_before(first, base, at), Bound(last, base, at if first == last else at + every)]
        chosen = zone.tightened(bounds) if number or first != last else None
        if chosen is not None:
            yield from _on_the_grid(chosen, others, every)


def _chosen(search: Search, way: Way, zone: Zone) -> list[int] | None:
    """Return a moment for the beginning and for each step, in milliseconds since the clock."""
    space, marks = search.space, search.space.watch.marks
    at: dict[int, int] = {}
    left: Zone | None = zone

    def fix(position: int, wanted: int) -> None:
        nonlocal left
        assert left is not None
        low, high = left.span(position, ZERO)
        at[position] = min(max(wanted, low), high)
        left = left.tightened([Bound(position, ZERO, at[position]), Bound(ZERO, position, -at[position])])

    node = way.start
    for position, step in enumerate(way.steps, start=1):
        new = space.progress[step.node][0] & ~space.progress[node][0]
        for number, mark in enumerate(marks):
            begin, end = mark.window
            if new >> number & 1 and begin is not None and end is not None and position not in at:
                fix(position, (begin + end) // 2 // SECOND_MS * SECOND_MS)
        node = step.node
    for position in range(len(way.steps) + 1):
        if position in at:
            continue
        assert left is not None
        low, high = left.span(position, ZERO)
        fix(position, _usual(search, way, position, at, low, high))
    return [at[position] for position in range(len(way.steps) + 1)]


def _usual(search: Search, way: Way, position: int, at: dict[int, int], low: int, high: int) -> int:
    """Return when a step would usually happen: a while after the one before it, or at a round time in what is possible."""
    name = ""
    if position and way.steps[position - 1].edge.mark is None:
        name = search.model.actions[way.steps[position - 1].edge.label].name
    if name in PROMPT and name != "end":
        return at[position - 1] + LATENCY_MS.get(name, 1_000)
    middle = (low + high) // 2
    for unit in (MINUTE_MS, SECOND_MS):
        rounded = middle // unit * unit
        if rounded >= low:
            return rounded
    return middle


def _replay(search: Search, way: Way, at: list[int]) -> Schedule | None:
    """Replay a way in the timed simulator; None if that is not possible, or a sweep would have come between."""
    sim = Timed(search.model)
    start = at[0]
    try:
        for step, moment in zip(way.steps, at[1:], strict=True):
            if step.edge.mark is None and search.model.actions[step.edge.label].name not in AGING:
                sim.do(step.edge.label, moment - start)
        sim.advance(at[-1] - start)
    except Impossible:
        return None
    if not _swept_on_the_dot(search, sim, at[-1] - start):
        return None
    return Schedule(start, tuple(sim.trace), sim, at[-1] - start)


def _swept_on_the_dot(search: Search, sim: Timed, until_ms: int) -> bool:
    """Return whether no sweep was passed over that would have changed something."""
    clock = search.clock
    again = Timed(search.model, monitor=False)
    ends = [moment.at_ms for moment in sim.trace[1:]] + [until_ms]
    for moment, end in zip(sim.trace, ends, strict=True):
        again.follow(moment)
        if clock.effective(moment.after):
            begin = next(n for n, a in enumerate(search.model.actions) if a.name == "sweep_begin")
            if moment.at_ms < again.on_the_dot(begin, moment.at_ms + 1) < end:
                return False
    return True
