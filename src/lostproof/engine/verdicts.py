"""Verdicts: a revision against the properties, slice by slice, with the shortest race for each violation."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lostproof.bounds import Slice, parse_bounds
from lostproof.drivers.concrete import TimedRace, concrete
from lostproof.engine.coverage import Coverage, CoverageWitness
from lostproof.engine.explorer import Space, close
from lostproof.engine.graph import Graph, build
from lostproof.engine.lag import UNBOUNDED, worst_sweeps
from lostproof.engine.race import (
    Race,
    StepJudge,
    Violation,
    lasting_violation,
    shortest_race,
    transient_violation,
    with_point_of_no_return,
)
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property, property_named
from lostproof.revisions import REVISIONS, Revision, revision

__all__ = ["MAX_STATES", "Result", "SliceReport", "Verdict", "check", "check_all", "explore", "timed_race"]

MAX_STATES = 60_000_000
"""States after which a slice is given up as inconclusive."""


@dataclass(frozen=True)
class SliceReport:
    """How far one slice was explored, and what was found in it (plain data, so that it can cross processes).

    Attributes:
        slice: the slice.
        states, transitions, depth: the size of its space.
        closed: whether the space was closed.
        limit: the bound on the number of states that was hit, if not.
        races: for each violated property, the violation and its schedule (numbers of actions, packed states).
        coverage: what was exercised.
        sweeps: the worst number of sweeps that leave the expired row of a vanished run alone.
        surveyed: what a survey of the closed graph found, if one was asked for.
    """

    slice: Slice
    states: int
    transitions: int
    depth: int
    closed: bool
    limit: int | None
    races: dict[str, tuple[Violation, tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)
    sweeps: int = 0
    surveyed: Any = None


Survey = Callable[[Graph], Any]
"""Something else to find out about a closed graph; it, and what it returns, can be sent to another process."""


@dataclass(frozen=True)
class Verdict:
    """What is known about one property of one revision.

    Attributes:
        property: the property.
        verdict: ``holds``, ``violated``, ``accepted`` or ``inconclusive``.
        slice: the slice with the shortest race, or the one that was not closed.
        race: the race, replayed in time.
        reason: which bound was hit, or the proof that an accepted violation cannot be avoided.
        sweeps: for ``vanished-run-is-closed``, the worst number of sweeps that leave such a row alone.
    """

    property: Property
    verdict: str
    slice: str | None = None
    race: TimedRace | None = None
    reason: str | None = None
    sweeps: int | None = None


@dataclass(frozen=True)
class Result:
    """The verdicts of one revision under some bounds."""

    revision: Revision
    bounds: str
    slices: tuple[SliceReport, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def states(self) -> int:
        """Distinct states over all slices."""
        return sum(report.states for report in self.slices)

    @property
    def transitions(self) -> int:
        """Transitions over all slices."""
        return sum(report.transitions for report in self.slices)

    @property
    def depth(self) -> int:
        """The depth of the deepest slice."""
        return max(report.depth for report in self.slices)

    @property
    def closed(self) -> bool:
        """Whether every slice was closed."""
        return all(report.closed for report in self.slices)

    @property
    def coverage(self) -> Coverage:
        """What all slices together exercised."""
        total = Coverage()
        for report in self.slices:
            total.add(report.coverage)
        return total

    def verdict(self, name: str) -> Verdict:
        """Return the verdict on the property with id ``name``."""
        return next(verdict for verdict in self.verdicts if verdict.property.id == name)


def check(
    subject: Revision | str,
    bounds: str = "ci",
    properties: Sequence[str] | None = None,
    max_states: int = MAX_STATES,
    on_progress: Callable[[str], None] | None = None,
) -> Result:
    """Explore ``subject`` and return its verdicts.

    Args:
        subject: a revision or its name.
        bounds: a preset, or a slice of one's own such as ``crashes=2,restarts=1``.
        properties: ids of the properties to judge, all unless given.
        max_states: states after which a slice is given up as inconclusive.
        on_progress: called with one line for each slice that is begun and each layer that is done.

    Raises:
        BadInput: an unknown name, or a rule that answers nonsense.
        Defect: a race that does not replay in the timed simulator.
    """
    return check_all([subject], bounds, properties, max_states, on_progress)[0]


def check_all(
    subjects: Sequence[Revision | str],
    bounds: str = "ci",
    properties: Sequence[str] | None = None,
    max_states: int = MAX_STATES,
    on_progress: Callable[[str], None] | None = None,
    workers: int = 1,
    survey: Survey | None = None,
) -> list[Result]:
    """Return the result of :func:`check` for each of ``subjects``; each slice's graph is also given to ``survey``.

    With more than one of ``workers`` the slices of known revisions, and of those with a tabulated rule of one's own, are
    explored in processes of their own. Revisions that differ in nothing that a model reads share one exploration.
    """
    revisions = [revision(subject) if isinstance(subject, str) else subject for subject in subjects]
    name, slices = parse_bounds(bounds)
    judged = [property_named(p) for p in properties] if properties else list(PROPERTIES)
    say = on_progress or (lambda line: None)
    distinct: dict[Hashable, Revision] = {}
    for subject in revisions:
        distinct.setdefault(subject.semantics, subject)
    tasks = [(subject, part) for subject in distinct.values() for part in slices]
    workers = min(workers, len(tasks))
    if workers > 1 and all(_is_known(subject) or subject.own_rule for subject in distinct.values()):
        reports = _in_processes(tasks, [p.id for p in judged], max_states, say, workers, survey)
    else:
        reports = []
        for subject, part in tasks:
            say(f"{subject.name} {part.name}")
            reports.append(explore(subject, part, judged, max_states, say, survey))
    found: dict[Hashable, list[SliceReport]] = {}
    for (subject, _), report in zip(tasks, reports, strict=True):
        found.setdefault(subject.semantics, []).append(report)
    return [_result(subject, name, judged, found[subject.semantics]) for subject in revisions]


def _in_processes(
    tasks: list[tuple[Revision, Slice]], judged: list[str], max_states: int, say: Callable[[str], None], workers: int,
    survey: Survey | None,
) -> list[SliceReport]:
    reports = []
    # Fresh processes: forking one that has threads (a progress display has) can hang.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = [
            pool.submit(_explore_there, subject.name if _is_known(subject) else subject, part, judged, max_states, survey)
            for subject, part in tasks
        ]
        for (subject, part), future in zip(tasks, futures, strict=True):
            say(f"{subject.name} {part.name}")
            reports.append(future.result())
    return reports


def _is_known(subject: Revision) -> bool:
    return REVISIONS.get(subject.name) is subject


def _explore_there(
    subject: Revision | str, part: Slice, judged: list[str], max_states: int, survey: Survey | None
) -> SliceReport:
    # A known revision goes by its name: its rule may be a function that cannot be sent.
    here = revision(subject) if isinstance(subject, str) else subject
    return explore(here, part, [property_named(p) for p in judged], max_states, survey=survey)


def explore(
    subject: Revision,
    part: Slice,
    judged: Sequence[Property],
    max_states: int = MAX_STATES,
    say: Callable[[str], None] = lambda line: None,
    survey: Survey | None = None,
) -> SliceReport:
    """Close one slice and return, with its size, the best race for each of ``judged`` that it violates."""
    model = Model(subject, part.bounds)

    def on_layer(space: Space) -> None:
        say(f"{subject.name} {part.name}: depth {space.depth}, {space.count:,} states")

    space = close(model, max_states=max_states, on_layer=on_layer)
    size = (space.count, space.transitions, space.depth, space.closed, space.limit)
    if not space.closed:
        return SliceReport(part, *size)
    judge, witness = StepJudge(model, judged), CoverageWitness(model)
    graph = build(space, witnesses=[judge, witness])
    races = {
        broken.id: (race.violation, race.actions, race.states) for broken in judged if (race := _race(graph, judge, broken))
    }
    return SliceReport(part, *size, races, witness.coverage, worst_sweeps(graph), survey(graph) if survey else None)


def _race(graph: Graph, judge: StepJudge, broken: Property) -> Race | None:
    """Return the best race against ``broken`` in ``graph``."""
    if broken.kind == "leads-to":
        lasting = lasting_violation(graph, broken)
        return shortest_race(graph, broken, lasting.violation, lasting) if lasting else None
    violation = judge.best.get(broken.id) if broken.kind == "step" else transient_violation(graph, broken)
    return shortest_race(graph, broken, violation) if violation else None


def _result(subject: Revision, bounds: str, judged: list[Property], reports: list[SliceReport]) -> Result:
    return Result(subject, bounds, tuple(reports), tuple(_verdict(subject, broken, reports) for broken in judged))


def _verdict(subject: Revision, judged: Property, reports: list[SliceReport]) -> Verdict:
    broken = [(report.races[judged.id][0], position) for position, report in enumerate(reports) if judged.id in report.races]
    sweeps = None
    if judged.id == "vanished-run-is-closed":
        worst = [report.sweeps for report in reports if report.closed]
        sweeps = UNBOUNDED if UNBOUNDED in worst else max(worst, default=None)
    if not broken:
        unfinished = [report for report in reports if not report.closed]
        if unfinished:
            first = unfinished[0]
            reason = f"slice {first.slice.name} has more than {first.limit:,} states"
            return Verdict(judged, "inconclusive", first.slice.name, None, reason, sweeps)
        return Verdict(judged, "holds", sweeps=sweeps)
    report = reports[min(broken, key=lambda pair: (pair[0].steps, pair[0].faults, pair[0].coincidences, pair[1]))[1]]
    race = timed_race(subject, report, judged)
    accepted = subject.accepts.get(judged.id)
    return Verdict(judged, "accepted" if accepted else "violated", report.slice.name, race, accepted, sweeps)


def timed_race(subject: Revision, report: SliceReport, judged: Property) -> TimedRace:
    """Return the race against ``judged`` that ``report`` holds, with its point of no return and concrete timestamps."""
    violation, actions, states = report.races[judged.id]
    model = Model(subject, report.slice.bounds)
    race = Race(model, judged, judged.subjects(model)[violation.subject], actions, states, violation)
    return concrete(with_point_of_no_return(race))

