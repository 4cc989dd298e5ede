"""The search in time: which of the allowed ways can be walked by the clock, the shortest first.

A node of the search is a node of the allowed space, what has been told so far of the explanation, and the zone of all
moments at which one can be there. Of two ways to the same node one is enough if its zone holds all of the other's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from lostproof.actions import Action
from lostproof.drivers.timed import AGING
from lostproof.explaining.facts import tells
from lostproof.explaining.notes import Notes
from lostproof.explaining.space import Edge, Space
from lostproof.explaining.timing import NOW, STARTED, SWEEP, Clock, Stamp, not_before, since
from lostproof.explaining.watch import UNKNOWN
from lostproof.explaining.zones import NEVER, Bound, Zone
from lostproof.model import Model

__all__ = ["Past", "Search", "Step", "Told", "Way"]

ZERO = ("zero",)
SWEPT = ("swept",)
EFFECTIVE = ("effective",)
MOMENT = ("moment",)
FEW = 6
"""With more possible moments for a sweep than this, it stays open which of them it is."""
LIVES = ("start", "restart_in_process", "reload")


@dataclass(frozen=True, order=True)
class Told:
    """What matters about how one note is met.

    Attributes:
        note: the place of the note, from 0.
        by: who did it: ``first sweep`` (of a start), ``sweep``, ``offline pass``, ``start-up``, ``tick``, ``run``; or, for a
            gateway, what began or ended it.
        path: the path of the run, where that matters: if it is live, or does it itself.
        run: how the run fared when somebody else changed its row: ``live``, ``cut off`` (its process died in mid-work),
            ``over`` (its work had ended, and its process died or it had told everything), ``unbegun``.
        outlived: whether the run was at work for a cron service that is no more, in the same process.
    """

    note: int
    by: str
    path: str = ""
    run: str = ""
    outlived: bool = False


@dataclass(frozen=True)
class Past:
    """What a state does not say about what led to it.

    Attributes:
        life: how the cron service that is there now came to be (empty: it was there from the beginning).
        swept: the last sweep of this life: none, ``first``, ``regular``, or ``some`` (a regular one, and it is open which).
        told: what has been told so far of the explanation.
    """

    life: str = ""
    swept: str = ""
    told: tuple[Told, ...] = ()


@dataclass(frozen=True)
class Step:
    """A step of a way: the edge, the node it leads to, the past then, and the bounds of its moment.

    ``bounds`` speak of stamps; :data:`MOMENT` is the step's own moment. ``grid`` is set if the sweep that begins here lies a
    whole number of intervals after that stamp, and it is still open which; ``unswept`` if no moment of such a grid may lie
    between :data:`EFFECTIVE` and here.
    """

    edge: Edge
    node: int
    past: Past
    bounds: tuple[Bound, ...]
    grid: Stamp | None = None
    unswept: Stamp | None = None


@dataclass(frozen=True)
class Way:
    """A way from the beginning to where everything is met."""

    start: int
    steps: tuple[Step, ...]
    told: tuple[Hashable, ...]


_Choice = tuple[list[Bound], "str | None", "Stamp | None"]
"""Bounds of a step's moment; whether a sweep begins; and the stamp of a grid none of whose moments may be passed over."""


@dataclass
class _Node:
    node: int
    past: Past
    zone: Zone
    parent: int
    step: Step | None
    depth: int = 0


@dataclass
class Search:
    """The search through one space.

    Args:
        space: the allowed nodes.
        notes: what was seen.
        tell: what a step adds to the explanation: given the past, the node before it, and the edge.
        max_nodes: how many nodes to look at before giving up.
    """

    space: Space
    notes: Notes
    tell: Callable[[Past, int, Edge], tuple[Told, ...] | None]
    max_nodes: int
    looked: int = 0
    gave_up: bool = False
    _kept: dict[tuple[int, Past], list[Zone]] = field(default_factory=dict)
    _named: dict[tuple[int, bool], tuple[Stamp, ...]] = field(default_factory=dict)
    _waiting: dict[int, dict[Stamp, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model: Model = self.space.watch.model
        self.clock = Clock(self.model, self.notes)
        self._stamps = [_stamp_of(action) for action in self.model.actions]
        marks = self.space.watch.marks
        self._telling = [at for at, mark in enumerate(marks) if mark.note >= 0 and tells(mark.kind, mark.fact)]
        self._aging = {stamp: n for n, stamp in enumerate(self._stamps) if stamp[1] in AGING}

    def ways(self, known: set[tuple[Hashable, ...]]) -> Iterator[Way]:
        """Yield ways, shortest first, one for each explanation that is not ``known``; the caller adds to ``known``."""
        nodes: list[_Node] = []
        queue: list[tuple[int, int]] = []

        def push(one: _Node) -> None:
            kept = self._kept.setdefault((one.node, one.past), [])
            if any(one.zone.within(other) for other in kept):
                return
            kept[:] = [other for other in kept if not other.within(one.zone)]
            kept.append(one.zone)
            nodes.append(one)
            heapq.heappush(queue, (one.depth + self.space.distance[one.node], len(nodes) - 1))

        for start in self.space.initial:
            push(_Node(start, Past(), self._first_zone(start), -1, None))
        while queue:
            _, at = heapq.heappop(queue)
            one = nodes[at]
            if self.space.distance[one.node] == 0:
                told = self.told(one.node, one.past)
                if told not in known:
                    yield self._way(nodes, at, told)
                continue
            if not any(one.zone is zone for zone in self._kept[one.node, one.past]):
                continue
            if self.looked >= self.max_nodes:
                self.gave_up = True
                return
            if self._tells_all(one.node) and self.told(one.node, one.past) in known:
                continue
            self.looked += 1
            for edge in self.space.edges[one.node]:
                for step, zone in self._taken(one, edge):
                    push(_Node(step.node, step.past, zone, at, step, one.depth + 1))

    def told(self, node: int, past: Past) -> tuple[Hashable, ...]:
        """Return all that is told at the end: the facts, and which names stand for the same run."""
        binding = self.space.progress[node][1]
        return (*past.told, ("same", tuple(binding.index(run) for run in binding)))

    def _tells_all(self, node: int) -> bool:
        """Return whether nothing can be added to what is told."""
        done, binding, _ = self.space.progress[node]
        return UNKNOWN not in binding and all(done >> position & 1 for position in self._telling)

    def _way(self, nodes: Sequence[_Node], at: int, told: tuple[Hashable, ...]) -> Way:
        steps: list[Step] = []
        while nodes[at].step is not None:
            step = nodes[at].step
            assert step is not None
            steps.append(step)
            at = nodes[at].parent
        return Way(nodes[at].node, tuple(reversed(steps)), told)

    # -- one step

    def _first_zone(self, node: int) -> Zone:
        """Return the zone of the beginning: the gateway started at some moment that is not before the clock."""
        zone = Zone.of(ZERO).after(ZERO, MOMENT)
        return self.settled(zone, node, Past(), self.at_start(node))

    def at_start(self, node: int) -> dict[Stamp, Stamp]:
        """Return the stamps that there are at the beginning."""
        return {stamp: MOMENT for stamp in self._names(node, Past()) if stamp != ZERO} | {ZERO: ZERO}

    def _names(self, node: int, past: Past) -> tuple[Stamp, ...]:
        """Return the stamps that matter at a node."""
        key = (node, bool(past.swept))
        if key not in self._named:
            state = self.space.states[node]
            names = [ZERO, NOW, *self.clock.live(state), *self._up_next(node)]
            if past.swept and STARTED in names:
                names.append(SWEPT)
            if self.clock.effective(state):
                names.append(EFFECTIVE)
            self._named[key] = tuple(names)
        return self._named[key]

    def _up_next(self, node: int) -> dict[Stamp, int | None]:
        """Return what has to happen before long, as :meth:`Clock.waiting` does."""
        if node not in self._waiting:
            self._waiting[node] = self.clock.waiting(self.space.enabled[node])
        return self._waiting[node]

    def settled(self, zone: Zone, node: int, past: Past, sources: dict[Stamp, Stamp]) -> Zone:
        """Return the zone after a step, with the stamps that matter from there on.

        A stamp that did not matter for a while is not known any more; nothing is bound to it then.
        """
        return zone.keeping([(name, sources[name]) for name in self._names(node, past) if sources.get(name) in zone.names])

    def _taken(self, one: _Node, edge: Edge) -> Iterator[tuple[Step, Zone]]:
        told = self.tell(one.past, one.node, edge)
        if told is None:
            return
        past = self._past(one.past, edge, told)
        before = one.zone.after(NOW, MOMENT)
        for bounds, sweep, unswept in self._bounds(one, edge, before):
            zone = before.tightened(bounds)
            if zone is None:
                continue
            if sweep is None:
                step = Step(edge, edge.target, past, tuple(bounds), unswept=unswept)
                if one.past.swept != "some" or self._on_some_grid(zone):
                    yield step, self.settled(zone, edge.target, past, self.sources(step, one.node, one.past))
                continue
            for more, swept, grid in self._sweeps(zone, one.past):
                tighter = zone.tightened(more)
                if tighter is not None:
                    then = Past(past.life, swept, past.told)
                    step = Step(edge, edge.target, then, (*bounds, *more), grid, unswept)
                    yield step, self.settled(tighter, edge.target, then, self.sources(step, one.node, one.past))

    def _on_some_grid(self, zone: Zone) -> bool:
        """Return whether the last sweep can still lie a whole number of intervals after the start."""
        low, high = zone.span(SWEPT, STARTED)
        every = self.clock.constants.sweep_ms
        return high // every * every >= low

    def _past(self, past: Past, edge: Edge, told: tuple[Told, ...]) -> Past:
        name = "" if edge.mark is not None else self.model.actions[edge.label].name
        life, swept = past.life, past.swept
        if name in LIVES:
            life, swept = name, swept if name == "reload" else ""
        elif name in ("crash", "exit"):
            life, swept = "", ""
        return Past(life, swept, told)

    def sources(self, step: Step, before: int, past: Past) -> dict[Stamp, Stamp]:
        """Return, for every stamp after a step, the stamp (before it) or moment that it is equal to."""
        space, clock = self.space, self.clock
        old = self._names(before, past)
        sources: dict[Stamp, Stamp] = {stamp: stamp for stamp in old}
        label = step.edge.label
        if label >= 0:
            for stamp, same in clock.stamped(space.states[before], label, space.states[step.node]).items():
                sources[stamp] = MOMENT if same == NOW else same
            if self.model.actions[label].name == SWEEP:
                sources[SWEPT] = MOMENT
        sources[NOW] = MOMENT
        for name in self._names(step.node, step.past):
            if name[0] == "since":
                happened = label >= 0 and name == self.stamp_of(label)
                sources[name] = MOMENT if happened or name not in old else name
            elif name == EFFECTIVE:
                sources[name] = name if name in old else MOMENT
        return sources

    def stamp_of(self, number: int) -> Stamp:
        """Return the stamp of since when an action was possible."""
        return self._stamps[number]

    # -- bounds

    def _bounds(self, one: _Node, edge: Edge, before: Zone) -> Iterator[_Choice]:
        """Yield the bounds of a step's moment (where one of several has to hold: each), as :data:`_Choice` has them."""
        state = self.space.states[one.node]
        bounds = self._windows_of_marks(one.node, edge)
        latest = self.space.watch.latest(self.space.progress[edge.target])
        bounds += [Bound(MOMENT, ZERO, latest)] if latest is not None else []
        sweep = None
        if edge.mark is None:
            action = self.model.actions[edge.label]
            if action.name == SWEEP:
                sweep = SWEEP
            else:
                window = self.clock.window(state, edge.label)
                if window is None:
                    return
                for stamp, by, latest in window:
                    if stamp in before.names:
                        bounds.append(Bound(MOMENT, stamp, by) if latest else not_before(MOMENT, stamp, by))
                least = self.clock.least(edge.label, one.past.life)
                if least and self.stamp_of(edge.label) in before.names:
                    bounds.append(not_before(MOMENT, self.stamp_of(edge.label), least))
                bounds += self._due(action.name, action.get("job"), one.node)
        bounds += self._slots_kept(one.node)
        choices: list[list[Bound]] = [bounds]
        for stamp, patience in self._up_next(one.node).items():
            if patience is not None:
                bounds.append(Bound(MOMENT, stamp, patience))
            else:
                choices = [[*some, *more] for some in choices for more in self._of_age(state, stamp, before)]
        if EFFECTIVE not in before.names:
            yield from ((some, sweep, None) for some in choices)
            return
        for more, unswept in self._swept_in_time(one.past, before):
            yield from (([*some, *more], sweep, unswept) for some in choices)

    def _windows_of_marks(self, node: int, edge: Edge) -> list[Bound]:
        done, met = self.space.progress[node][0], self.space.progress[edge.target][0]
        bounds: list[Bound] = []
        if done == met:
            return bounds
        for position, mark in enumerate(self.space.watch.marks):
            if (met & ~done) >> position & 1:
                begin, end = mark.window
                bounds += [not_before(MOMENT, ZERO, begin)] if begin is not None else []
                bounds += [Bound(MOMENT, ZERO, end)] if end is not None else []
        return bounds

    def _due(self, name: str, job: int | None, node: int) -> list[Bound]:
        """Return the moment at which a job falls due, if its times are known."""
        if name != "slot_due" or job is None or not self.notes.jobs[job].due:
            return []
        at = self.notes.jobs[job].due[self.model.view(self.space.states[node]).fallen[job]]
        return [not_before(MOMENT, ZERO, at), Bound(MOMENT, ZERO, at)]

    def _slots_kept(self, node: int) -> list[Bound]:
        """Return that known times at which jobs fall due are not passed over."""
        if not any(job.due for job in self.notes.jobs):
            return []
        w = self.model.view(self.space.states[node])
        bounds = []
        for job, known in enumerate(self.notes.jobs):
            fallen = w.fallen[job]
            if fallen < len(known.due) and not w.job[job]:
                bounds.append(Bound(MOMENT, ZERO, known.due[fallen]))
        return bounds

    def _of_age(self, state: int, stamp: Stamp, before: Zone) -> list[list[Bound]]:
        """Return that a row or marker comes of age on the dot, or at once if it only can when it is late."""
        window = self.clock.window(state, self._aging[stamp])
        assert window is not None
        choices = []
        for own, by, latest in window:
            if not latest and own in before.names:
                choices.append([Bound(MOMENT, own, by)])
                if before.span(stamp, own)[1] > by:
                    choices.append([Bound(MOMENT, stamp, 0)])
        return choices or [[]]

    def _swept_in_time(self, past: Past, before: Zone) -> list[tuple[list[Bound], Stamp | None]]:
        """Return that what a sweep would change is not there for longer than until the next sweep.

        If it is open when that is, the stamp is returned from which its grid counts.
        """
        constants = self.clock.constants
        first, every = constants.first_sweep_ms, constants.sweep_ms
        at_first = [Bound(EFFECTIVE, STARTED, first), Bound(MOMENT, STARTED, first)]
        choices: list[tuple[list[Bound], Stamp | None]] = [] if past.swept else [(at_first, None)]
        least = [] if past.swept else [not_before(EFFECTIVE, STARTED, first)]
        base = SWEPT if past.swept in ("regular", "some") else STARTED
        low, high = before.span(EFFECTIVE, base)
        numbers = range(max(low // every, 0), min(high, NEVER) // every + 1)
        if len(numbers) > FEW:
            return [*choices, ([*least, Bound(MOMENT, EFFECTIVE, every)], base)]
        for number in numbers:
            begin, end = number * every, (number + 1) * every
            between = [not_before(EFFECTIVE, base, begin), Bound(EFFECTIVE, base, end)]
            choices.append(([*least, *between, Bound(MOMENT, base, end)], None))
        return choices

    def _sweeps(self, zone: Zone, past: Past) -> Iterator[tuple[list[Bound], str, Stamp | None]]:
        """Yield at which moments a sweep can begin, which one it is, and whether it stays open at which moment."""
        constants = self.clock.constants
        if not past.swept:
            at = constants.first_sweep_ms
            yield [Bound(MOMENT, STARTED, at), not_before(MOMENT, STARTED, at)], "first", None
        base = SWEPT if past.swept in ("regular", "some") else STARTED
        low, high = zone.span(MOMENT, base)
        every = constants.sweep_ms
        numbers = range(max(-(-low // every), 1), min(high, NEVER) // every + 1)
        if len(numbers) > FEW:
            yield [not_before(MOMENT, base, every)], "some", base
            return
        kind = "some" if past.swept == "some" else "regular"
        for number in numbers:
            yield [Bound(MOMENT, base, number * every), not_before(MOMENT, base, number * every)], kind, None


def _stamp_of(action: Action) -> Stamp:
    run = action.get("run")
    return since(action.name, run if run is not None else action.get("job"))
