"""Replaying scenarios: play the timeline in the timed simulator, judge it, and compare with what is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from lostproof.drivers.script import Cue, Script, play
from lostproof.drivers.timed import Moment, Timed
from lostproof.engine.race import Race, Violation, with_point_of_no_return
from lostproof.errors import BadInput
from lostproof.model import Model
from lostproof.properties import PROPERTIES, property_named
from lostproof.scenarios import Expectation, Scenario
from lostproof.tables import chart
from lostproof.world import LOGS

__all__ = ["Outcome", "run"]

TASK = chart("task")
MAX_PLACEMENTS = 4_000
"""Timelines that are tried for a scenario that leaves moments open."""


@dataclass(frozen=True)
class Outcome:
    """What a revision made of a scenario.

    Attributes:
        revision: the revision's name.
        passed: whether everything was as expected.
        failures: what was not, in words.
        violated: the properties that were broken.
        model: the world.
        moments: what happened, in the placement that shows most.
        placements: how many placements of open moments were tried.
    """

    revision: str
    passed: bool
    failures: tuple[str, ...]
    violated: frozenset[str]
    model: Model
    moments: tuple[Moment, ...]
    placements: int = 1

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
    """One placement, played: the trace, the rows at its end, and the properties broken in it or for ever after."""

    moments: tuple[Moment, ...]
    rows: dict[str, str]
    violated: frozenset[str]


def run(scenario: Scenario, revisions: Sequence[str] | None = None) -> list[Outcome]:
    """Replay ``scenario`` in the revisions it speaks of (or in ``revisions``).

    Raises:
        BadInput: an entry cannot happen there, or the open moments leave too many placements.
    """
    return [_outcome(scenario, name) for name in (revisions or scenario.revisions)]


def _outcome(scenario: Scenario, name: str) -> Outcome:
    model = scenario.model(name)
    expected = scenario.expectation(name)
    played = [_play(scenario, model, cues) for cues in _placements(scenario, model)]
    everything = frozenset().union(*(one.violated for one in played))
    shown = max(played, key=lambda one: (len(one.violated & set(expected.violates)), len(one.violated)))
    failures = tuple(_failures(expected, everything, shown, model))
    return Outcome(name, not failures, failures, everything, model, shown.moments, len(played))


def _play(scenario: Scenario, model: Model, cues: Sequence[Cue]) -> _Played:
    sim = Timed(model)
    play(sim, Script(cues, scenario.automatic, scenario.persist_ms, scenario.startup_ms), _cannot_happen(model))
    moments = tuple(sim.trace)
    rows = {model.run_name(k): TASK.states[sim.view().row[k]] for k in model.runs}
    violated = {name for moment in moments for name, _ in moment.broken}
    sim.settle()
    for judged in PROPERTIES:
        if judged.premise is not None and judged.goal is not None:
            for subject in judged.subjects(model):
                if judged.premise(model, sim.view(), subject) and not judged.goal(model, sim.view(), subject):
                    violated.add(judged.id)
    return _Played(moments, rows, frozenset(violated))


def _cannot_happen(model: Model) -> Callable[[Cue, str], BadInput]:
    def fail(cue: Cue, why: str) -> BadInput:
        return BadInput(f"{cue.where}: {cue.do} at {cue.at_ms} ms, in {model.revision.name}: {why}")

    return fail


def _placements(scenario: Scenario, model: Model) -> Iterator[list[Cue]]:
    """Yield the timeline with every choice of the open moments that makes a difference.

    Something changes only when something else happens in between, so it is enough to try the ends of a window and the
    moments just before and after each thing that happens in it without the open entries.
    """
    fixed = [entry.cue for entry in scenario.entries if entry.window is None]
    without = [replace(cue, optional=True) for cue in fixed]
    open_entries = [entry for entry in scenario.entries if entry.window is not None]
    if not open_entries:
        yield fixed
        return
    moments = {moment.at_ms for moment in _play(scenario, model, without).moments}
    choices = []
    for entry in open_entries:
        assert entry.window is not None
        low, high = entry.window
        near = {low, high} | {at + offset for at in moments for offset in (-1, 1)}
        choices.append([replace(entry.cue, at_ms=at) for at in sorted(near) if low <= at <= high])
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_PLACEMENTS:
        raise BadInput(f"{scenario.path}: the open moments leave {count} placements; at most {MAX_PLACEMENTS} are tried")
    for chosen in product(*choices):
        yield sorted([*fixed, *chosen], key=lambda cue: cue.at_ms)


def _failures(expected: Expectation, everything: frozenset[str], shown: _Played, model: Model) -> Iterator[str]:
    for name in expected.violates:
        if name not in everything:
            yield f"{name} should be violated, but holds"
    for name in expected.holds:
        if name in everything:
            yield f"{name} should hold, but is violated"
    for run_name, status in expected.rows.items():
        if shown.rows[run_name] != status:
            yield f"the row of {run_name} should end {status}, but is {shown.rows[run_name]}"
    for seen in expected.observe:
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
            yield f"the {seen.what} of {seen.run} should become {seen.value} at {seen.at_ms} ms; it did: {when}"
