"""What a grid cannot say: whether any grace at all is safe. The exhaustive explorer can, for it has no graces.

In the explorer a row is recent or past its grace, whatever the grace is, and may come of age at any moment that time can
pass. So what holds there holds with every grace, and a race that it finds is one with every grace: the waits in it only
get longer. That is not left at an argument: the race is replayed in milliseconds with the shortest and the longest grace
that the map tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lostproof.bounds import Slice
from lostproof.drivers.concrete import TimedRace, concrete
from lostproof.engine.race import Race
from lostproof.engine.verdicts import MAX_STATES, SliceReport, explore
from lostproof.errors import Defect
from lostproof.maps.grid import FALSE_LOST, LEFT_RUNNING, ZOMBIE, Grid, Lab
from lostproof.model import Model
from lostproof.properties import property_named

__all__ = ["KINDS", "Proof", "proofs"]

KINDS: dict[str, tuple[str, ...]] = {"false lost": FALSE_LOST, "zombie": (ZOMBIE, LEFT_RUNNING)}
"""The properties that must hold for there to be none of a kind, whatever the grace."""

DECISIVE: dict[str, tuple[str, ...]] = {"false lost": FALSE_LOST, "zombie": (ZOMBIE,)}
"""Those among them of which any violation is one of that kind."""


@dataclass(frozen=True)
class Proof:
    """What the explorer says about one kind of trouble in the world of a map, at all moments and with every grace.

    Attributes:
        kind: ``false lost`` or ``zombie``.
        verdict: ``never``, ``with every grace`` (there is a race whatever the grace is), or ``open``.
        states: how many states there are.
        closed: whether all of them were visited.
        race: the shortest race.
        graces: the graces with which the race was replayed in time.
    """

    kind: str
    verdict: str
    states: int
    closed: bool
    race: TimedRace | None = None
    graces: tuple[int, ...] = ()


def proofs(grid: Grid, graces: Sequence[int], max_states: int = MAX_STATES) -> tuple[Proof, ...]:
    """Return what the explorer says about the world that ``grid`` is drawn of.

    Raises:
        Defect: it contradicts the grid.
    """
    lab = grid.lab
    judged = [property_named(name) for names in KINDS.values() for name in names]
    report = explore(lab.model.revision, Slice(lab.world.name, lab.world.bounds), judged, max_states)
    found = tuple(_proof(lab, kind, report, sorted({min(graces), max(graces)})) for kind in KINDS)
    seen = {"false lost": False, "zombie": False}
    for row in grid.cells:
        for cell in row:
            seen["false lost"] |= cell.false_lost
            seen["zombie"] |= cell.zombie
    for proof in found:
        if proof.verdict == "never" and seen[proof.kind]:
            raise Defect(f"{lab.model.revision.name}: a {proof.kind} on the map that the explorer does not know")
    return found


def _proof(lab: Lab, kind: str, report: SliceReport, graces: Sequence[int]) -> Proof:
    size = (report.states, report.closed)
    if not report.closed:
        return Proof(kind, "open", *size)
    if not any(name in report.races for name in KINDS[kind]):
        return Proof(kind, "never", *size)
    broken = [name for name in DECISIVE[kind] if name in report.races]
    if not broken:
        return Proof(kind, "open", *size)
    shortest = min(broken, key=lambda name: report.races[name][0])
    timed = [_replayed(lab, report, shortest, grace) for grace in graces]
    return Proof(kind, "with every grace", *size, timed[0], tuple(graces))


def _replayed(lab: Lab, report: SliceReport, name: str, grace_ms: int) -> TimedRace:
    violation, actions, states = report.races[name]
    model, judged = Model(lab.model.revision, lab.world.bounds), property_named(name)
    race = Race(model, judged, judged.subjects(model)[violation.subject], actions, states, violation)
    return concrete(race, replace(model.revision.constants, grace_ms=grace_ms))
