"""Concrete time for paths: what was found in whole ticks must also happen in milliseconds, or it is not reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lostproof.drivers.timed import AGING, Impossible, Moment, Timed
from lostproof.engine.race import Race
from lostproof.errors import Defect
from lostproof.fields import PATHS
from lostproof.model import Model
from lostproof.revisions import Constants

__all__ = ["TimedRace", "concrete", "timed"]

LATENCY_MS = {
    "collect": 1, "activate": 2, "begin": 2, "record": 2, "supersede": 2, "disown": 2, "apply": 2, "settle": 5,
    "append_log": 20, "append_interrupted": 20, "sweep_row": 1, "cli_row": 100, "start": 5_000, "repair": 3_000,
    "close_interrupted": 5, "catch_up": 50, "ready": 10, "exit": 500,
    "enqueue": 2, "attempt": 2, "send": 300, "acknowledge": 5, "take_up": 500, "give_up": 500,
}
"""How long a step usually takes after the one before it; everything else takes a second."""

APART_MS = 61_000
"""Rows opened this far apart can expire on different sides of a sweep."""


TRIES = ((None, 0), (None, APART_MS), (0, 0), (0, APART_MS))
"""Latencies (None: the usual ones) and pauses between runs that are tried in turn."""


@dataclass(frozen=True)
class TimedRace:
    """A race with the moments at which it happens, as replayed in the timed simulator.

    Attributes:
        race: the race.
        moments: all that happens, with rows and markers coming of age where the clock says so.
        steps: how many of ``moments`` are the race proper; the rest is its continuation.
        point_of_no_return: the step of ``moments`` (from 1) after which nothing averts the violation, 0 if all was decided
            from the beginning; None for a leads-to property that luck in what follows could still save.
    """

    race: Race
    moments: tuple[Moment, ...]
    steps: int
    point_of_no_return: int | None


def concrete(race: Race, constants: Constants | None = None) -> TimedRace:
    """Give ``race`` concrete timestamps and replay it, with the revision's time constants or with others.

    Raises:
        Defect: no timing reproduces the violation. The model then allows something that time forbids.
    """
    reasons = []
    for latency, apart in TRIES:
        sim = Timed(race.model, constants=constants)
        try:
            ends = _replay(race.model, race.actions, race.states, sim, latency, apart)
        except Impossible as impossible:
            reasons.append(str(impossible))
            continue
        moments = tuple(sim.trace)
        if reproduces(race, sim):
            return TimedRace(race, moments, _end(ends, race.steps), _decided(race, ends))
        reasons.append("the violation does not occur")
    schedule = " | ".join(race.model.actions[number].label(race.model) for number in race.actions)
    raise Defect(
        f"{race.model.revision.name}: a race against {race.property.id} does not replay in time "
        f"({'; '.join(dict.fromkeys(reasons))}): {schedule}"
    )


def _end(ends: Sequence[int], steps: int) -> int:
    """Return how many moments there are after the first ``steps`` of a race's actions."""
    return ends[steps - 1] if steps else 0


def _decided(race: Race, ends: Sequence[int]) -> int | None:
    """Return how many moments there are up to the point of no return; None if there is no such point."""
    return _end(ends, race.point_of_no_return) if race.doomed or race.property.kind != "leads-to" else None


def timed(model: Model, actions: Sequence[int], states: Sequence[int], given: Sequence[Moment] = ()) -> tuple[Moment, ...]:
    """Return the moments of a path that leads through ``states``: those ``given``, and then timestamps for ``actions``.

    Rows and markers come of age where the clock says so, which may be a little before or after the path has it; all that
    is told in the end is the same.

    Raises:
        Impossible: no timing leads to the last state.
    """
    reasons = []
    for latency, apart in TRIES:
        sim = Timed(model)
        try:
            for moment in given:
                if model.actions[moment.action].name not in AGING:
                    sim.do(moment.action, moment.at_ms)
            if given:
                sim.advance(given[-1].at_ms)
            _replay(model, actions, states, sim, latency, apart)
        except Impossible as impossible:
            reasons.append(str(impossible))
            continue
        if sim.state == states[-1]:
            return tuple(sim.trace)
        reasons.append("rows or markers come of age at another point of it")
    raise Impossible("; ".join(dict.fromkeys(reasons)))


def _replay(
    model: Model, actions: Sequence[int], states: Sequence[int], sim: Timed, latency: int | None, apart: int
) -> list[int]:
    """Replay a path in ``sim``; return for each of its actions how many moments there are after it."""
    at_once = _same_moment(model, actions, states)
    ends = []
    for position, number in enumerate(actions):
        action = model.actions[number]
        if action.name in AGING:
            if number in sim.enabled():
                sim.advance(max(sim.window(number)[0], sim.now))
        else:
            pause = LATENCY_MS.get(action.name, 1_000) if latency is None else latency
            if action.event in (("run", "reserve"), ("run", "open")):
                pause += apart
            if position in at_once:
                pause = 0
            sim.do(number, sim.on_the_dot(number, sim.now + pause))
        ends.append(len(sim.trace))
    return ends


def _same_moment(model: Model, actions: Sequence[int], states: Sequence[int]) -> set[int]:
    """Return the positions of actions that happen in the same millisecond as the one before them."""
    together: set[int] = set()
    reserved: dict[int, int] = {}
    started: dict[int, int] = {}
    for position, number in enumerate(actions):
        action = model.actions[number]
        before, after = model.view(states[position]), model.view(states[position + 1])
        for k in model.runs:
            if model.step(before, k) == 0 != model.step(after, k):
                reserved[k] = started[k] = position
                if action.get("same_ms"):
                    together |= set(range(started.get(k - 1, -1) + 1, position + 1))
        run = action.get("run")
        if action.name != "begin" or run is None or after.path[run] == PATHS.index("manual"):
            continue
        started[run] = position
        if action.get("same_ms"):
            together |= set(range(started.get(run - 1, -1) + 1, position + 1))
        elif model.layout.cell("early", run).bits and not action.get("early"):
            together |= set(range(reserved.get(run, -1) + 1, position + 1))
    return together


def reproduces(race: Race, sim: Timed) -> bool:
    """Return whether the simulated race ends in the violation; a lasting one must outlast a fair continuation."""
    judged = race.property
    if judged.kind != "leads-to":
        return (judged.id, race.subject) in sim.trace[-1].broken
    assert judged.premise is not None and judged.goal is not None
    sim.settle()
    tail = sim.view()
    return bool(judged.premise(race.model, tail, race.subject)) and not bool(judged.goal(race.model, tail, race.subject))
