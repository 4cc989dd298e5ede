"""The timed simulator: the same actions and guards, in milliseconds.

Ages are not chosen here but follow from the clock: a row expires when the grace has passed since its last event, a marker
is stuck after two hours. Every other action has a window of moments in which it may happen.

Moments are those of a clock that nobody sets, and that stands still while the machine sleeps: timers follow it. Rows and
markers have the time of the wall clock, which can be set; how far it is off is kept beside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lostproof.actions import Action
from lostproof.actions.wall_clock import CLOCK_STEPS
from lostproof.engine.stepper import apply, enabled
from lostproof.fields import PATHS
from lostproof.model import Model
from lostproof.properties import PROPERTIES, Property
from lostproof.revisions import Constants
from lostproof.tables import chart
from lostproof.world import World

__all__ = ["AGING", "Impossible", "Memory", "Moment", "Timed", "broken_by"]

TASK, RUN = chart("task"), chart("run")
STOPPING = chart("gateway").code("stopping")
AGING = ("expire", "age_marker")
"""Actions that the clock takes by itself."""


class Impossible(Exception):
    """An action cannot happen at that moment; the message says why."""


@dataclass(frozen=True)
class Moment:
    """One step of a timed schedule.

    Attributes:
        at_ms: when it happened, in milliseconds since the schedule's beginning.
        action: the number of the action.
        before, after: packed states.
        broken: the step and state properties that it broke, with the subject of each.
    """

    at_ms: int
    action: int
    before: int
    after: int
    broken: tuple[tuple[str, Any], ...] = ()


@dataclass
class Stamps:
    """When things last happened, in milliseconds.

    Attributes:
        started, swept: what a gateway's timers go by, for each gateway (None: the first).
        wall: how far the wall clock is ahead of the moments.
        row, marker: the times that rows and markers hold, by the wall clock.
        closed: when rows came to what they say, by the wall clock.
        put_off: until when jobs are put off.
        logged: when a line was last written into the log of each job.
        begun: the start time of each run, by the wall clock.
    """

    started: dict[int | None, int] = field(default_factory=dict)
    wall: int = 0
    swept: dict[int | None, int] = field(default_factory=dict)
    offline: int = 0
    terminated: int = 0
    reserved: dict[int, int] = field(default_factory=dict)
    start: dict[int, int] = field(default_factory=dict)
    begun: dict[int, int] = field(default_factory=dict)
    row: dict[int, int] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)
    logged: dict[int, int] = field(default_factory=dict)
    put_off: dict[int, int] = field(default_factory=dict)
    marker: dict[int, int] = field(default_factory=dict)


@dataclass
class Memory:
    """What worlds of one model need not work out again: states hold no times, so all clocks pass the same ones.

    Attributes:
        enabled: by state, the numbers of the actions that can happen.
        after: by state and action, the state that follows.
        broken: by state and action, what that step breaks.
        idle: states in which a whole sweep changes nothing.
    """

    enabled: dict[int, list[int]] = field(default_factory=dict)
    after: dict[tuple[int, int], int] = field(default_factory=dict)
    broken: dict[tuple[int, int], tuple[tuple[str, Any], ...]] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)


class Timed:
    """A world with a clock. Time is given in milliseconds since the (running) gateway started.

    Args:
        model: the model.
        monitor: whether each step tells what it breaks.
        constants: time constants other than the revision's.
        memory: what it and other worlds of this model have worked out already.
    """

    def __init__(
        self, model: Model, monitor: bool = True, constants: Constants | None = None, memory: Memory | None = None
    ) -> None:
        self.model = model
        self.constants = constants or model.revision.constants
        self.state = model.initial()
        self.now = 0
        self.stamps = Stamps()
        self.trace: list[Moment] = []
        self._monitor = monitor
        self.memory = memory or Memory()
        self._aging = [number for number, action in enumerate(model.actions) if action.name in AGING]

    def view(self) -> World:
        """Return a view of the present state."""
        return self.model.view(self.state)

    def enabled(self) -> list[int]:
        """Return the numbers of the actions that can happen now or at a later moment without anything in between."""
        found = self.memory.enabled.get(self.state)
        if found is None:
            found = self.memory.enabled[self.state] = enabled(self.model, self.state)
        return found

    # -- time

    def advance(self, to_ms: int) -> None:
        """Let time pass; rows and markers that come of age on the way do so on the dot (or when a pass has ended)."""
        while True:
            due = [
                (max(self.window(number)[0], self.now), number)
                for number in self._aging
                if number in self.enabled()
            ]
            if not due or min(due)[0] > to_ms:
                break
            at, number = min(due)
            self._happen(number, at)
        self.now = max(self.now, to_ms)

    def window(self, number: int) -> tuple[int, int | None]:
        """Return the earliest and the latest moment at which an enabled action may happen (None: no latest)."""
        action, stamps, constants = self.model.actions[number], self.stamps, self.constants
        match action.name:
            case "expire":
                return stamps.row.get(action.get("run") or 0, 0) + constants.grace_ms - stamps.wall, None
            case "age_marker":
                return stamps.marker.get(action.get("job") or 0, 0) + constants.stuck_ms - stamps.wall, None
            case "sweep_begin":
                return self._sweep_due(action.get("gateway")), None
            case "cli_row":
                return self.now, stamps.offline + constants.offline_pass_ms
            case "put_off_due":
                return stamps.put_off.get(action.get("job") or 0, 0), None
            case "prune_row" | "prune_log":
                return self._kept_until(number), None
            case "abort" if self.view().gateway == STOPPING:
                return stamps.terminated + constants.drain_ms, None
            case "begin" | "run_now":
                return self._start_window(number)
            case _:
                return self.now, None

    def on_the_dot(self, number: int, at_ms: int) -> int:
        """Return the first moment from ``at_ms`` on at which the action's timer fires (``at_ms`` if it has none)."""
        earliest = max(at_ms, self.window(number)[0])
        if self.model.actions[number].name != "sweep_begin":
            return earliest
        constants, gateway = self.constants, self.model.actions[number].get("gateway")
        started = self.stamps.started.get(gateway, 0)
        if gateway not in self.stamps.swept and earliest <= started + constants.first_sweep_ms:
            return earliest
        return earliest + (started - earliest) % constants.sweep_ms

    def _sweep_due(self, gateway: int | None) -> int:
        constants, started = self.constants, self.stamps.started.get(gateway, 0)
        if gateway not in self.stamps.swept:
            return started + constants.first_sweep_ms
        since = max(self.stamps.swept[gateway] - started, 0)
        return started + (since // constants.sweep_ms + 1) * constants.sweep_ms

    def _kept_until(self, number: int) -> int:
        """Return when a row has been kept long enough, or when so many runs have followed that no line is left."""
        action, stamps, constants = self.model.actions[number], self.stamps, self.constants
        if action.name == "prune_log":
            return stamps.logged.get(action.get("job") or 0, 0) + constants.log_runs * constants.sweep_ms
        k = action.get("run") or 0
        lost = self.model.copy(self.view(), k) == TASK.code("lost")
        return stamps.closed.get(k, 0) + (constants.lost_retention_ms if lost else constants.retention_ms) - stamps.wall

    def _start_window(self, number: int) -> tuple[int, int | None]:
        """Return when a run may take its start time: it decides the run's identity."""
        action, view = self.model.actions[number], self.view()
        if action.name == "run_now":
            runs = self.model.runs_of(action.get("job") or 0)
            k = next(k for k in runs if self.model.step(view, k) == RUN.code("absent"))
        else:
            k = action.get("run") or 0
            if view.path[k] == PATHS.index("manual"):
                return self.now, None
        previous = self.stamps.start.get(k - 1) if self.model.number(k) > 1 else None
        if action.get("same_ms"):
            return (self.now, -1) if previous is None else (previous, previous)
        distinct = self.now if previous is None or self.model.revision.unique_ids else previous + 1
        if action.name == "run_now" or not self.model.layout.cell("early", k).bits:
            return distinct, None
        reserved = self.stamps.reserved[k]
        return (max(distinct, reserved + 1), None) if action.get("early") else (reserved, reserved)

    # -- what happens

    def do(self, number: int, at_ms: int) -> Moment:
        """Let the action with ``number`` happen at ``at_ms``.

        Raises:
            Impossible: its guard is false then, or its timing does not allow it.
        """
        action = self.model.actions[number]
        if at_ms < self.now:
            raise Impossible(f"{action.label(self.model)} at {at_ms} ms: time has already reached {self.now} ms")
        if number in self._aging:
            self.advance(at_ms - 1)
        else:
            self.advance(at_ms)
        self.now = max(self.now, at_ms)
        if number not in self.enabled():
            raise Impossible(f"{action.label(self.model)} cannot happen in this state")
        earliest, latest = self.window(number)
        if self.now < earliest:
            raise Impossible(f"{action.label(self.model)} is not due before {earliest} ms")
        if latest is not None and self.now > latest:
            raise Impossible(f"{action.label(self.model)} would have to happen by {latest} ms")
        return self._happen(number, self.now)

    def follow(self, moment: Moment) -> None:
        """Take a moment over that has happened elsewhere, so that :attr:`stamps` say when things last happened."""
        self.now, self.state = moment.at_ms, moment.after
        self._stamp(moment.action, moment.before)

    def _happen(self, number: int, at_ms: int) -> Moment:
        before = self.state
        self.now = at_ms
        self.state = self._after(before, number)
        self._stamp(number, before)
        broken = self._broken(number, before) if self._monitor else ()
        moment = Moment(at_ms, number, before, self.state, broken)
        self.trace.append(moment)
        return moment

    def _stamp(self, number: int, before: int) -> None:
        action = self.model.actions[number]
        name, gateway = action.name, action.get("gateway")
        if name in ("start", "restart_in_process"):
            self.stamps.started[gateway] = self.now
            self.stamps.swept.pop(gateway, None)
        elif name == "sweep_begin":
            self.stamps.swept[gateway] = self.now
        elif name == "cli_begin":
            self.stamps.offline = self.now
        elif name in CLOCK_STEPS:
            self.stamps.wall += self._step_of_clock(name, before)
        elif name == "terminate":
            self.stamps.terminated = self.now
        old, new = self.model.view(before), self.view()
        for k in self.model.runs:
            was, now = self.model.step(old, k), self.model.step(new, k)
            if was == RUN.code("absent") != now:
                self.stamps.reserved[k] = self.now
                self._take_start(k)
            if now == RUN.code("activated") != was:
                self._take_start(k)
            if now == RUN.code("executing") != was:
                if new.path[k] != PATHS.index("manual") and was != RUN.code("activated"):
                    self._take_start(k)
                self.stamps.row[k] = self.stamps.begun[k]
            if new.log[k] > old.log[k]:
                self.stamps.logged[self.model.job_of(k)] = self.now
            if self.model.copy(new, k) != self.model.copy(old, k):
                self.stamps.closed[k] = self.now + self.stamps.wall
            if name == "sweep_row" and self._loses(action, old, new, k):
                self.stamps.row[k] = self.now + self.stamps.wall
        for job in self.model.jobs:
            if new.put_off[job] > old.put_off[job]:
                before_it = sum(new.put_off[other] for other in range(job))
                self.stamps.put_off[job] = self.now + (before_it + 1) * self.constants.stagger_ms
            if new.marker[job] not in (0, old.marker[job]):
                self.stamps.marker[job] = self.now + self.stamps.wall

    def _take_start(self, k: int) -> None:
        """Let run ``k`` read the clock for its start time."""
        self.stamps.start[k] = self.now
        self.stamps.begun[k] = self.now + self.stamps.wall

    def _step_of_clock(self, name: str, before: int) -> int:
        """Return how far the wall clock is set: by a whole step beyond everything that is open, so that all of it turns."""
        view, stamps, constants = self.model.view(before), self.stamps, self.constants
        now, aging = self.now + stamps.wall, self.model.aging_rows
        rows = [at for k, at in stamps.row.items() if view.row[k] in aging or view.memory[k] in aging]
        times = [now, *rows, *(at for job, at in stamps.marker.items() if view.marker[job])]
        step = max(constants.clock_step_ms, constants.grace_ms, constants.stuck_ms)
        return min(times) - now - step if name == "clock_back" else max(times) - now + step

    def _loses(self, action: Action, old: World, new: World, k: int) -> bool:
        """Return whether the row of run ``k`` becomes lost in the memory of the gateway that does ``action``."""
        before, after = (self.model.viewed_by(action, w).memory[k] for w in (old, new))
        return bool(after == TASK.code("lost") != before)

    def _after(self, before: int, number: int) -> int:
        found = self.memory.after.get((before, number))
        if found is None:
            found = self.memory.after[before, number] = apply(self.model, before, number)
        return found

    def _broken(self, number: int, before: int) -> tuple[tuple[str, Any], ...]:
        found = self.memory.broken.get((before, number))
        if found is None:
            found = self.memory.broken[before, number] = broken_by(self.model, before, self.state)
        return found

    # -- going on by itself

    def settle(self, steps: int = 400, without: tuple[str, ...] = ()) -> None:
        """Let the product's own actors and the clock go on, fairly and without faults, for at most ``steps`` steps.

        Actions named in ``without`` do not happen.

        Each time that happens which has happened least often; it ends early once everything that is still possible has
        happened several times.
        """
        taken: dict[int, int] = {}
        for _ in range(steps):
            choices = [
                number
                for number in self.enabled()
                if (action := self.model.actions[number]).fair
                and action.name not in without
                and not self._too_late(number)
            ]
            if not choices or min(taken.get(number, 0) for number in choices) > 2:
                return
            number = min(choices, key=lambda n: (taken.get(n, 0), n))
            taken[number] = taken.get(number, 0) + 1
            self.do(number, self.on_the_dot(number, self.now))

    def _too_late(self, number: int) -> bool:
        latest = self.window(number)[1]
        return latest is not None and latest < self.now


def broken_by(model: Model, before: int, after: int) -> tuple[tuple[str, Any], ...]:
    """Return the step and state properties that the step between two packed states newly breaks, with their subjects."""
    old, new = model.view(before), model.view(after)
    return tuple(
        (judged.id, subject)
        for judged in PROPERTIES
        for subject in judged.subjects(model)
        if breaks(model, judged, old, new, subject)
    )


def breaks(model: Model, judged: Property, old: World, new: World, subject: Any) -> bool:
    """Return whether the step from ``old`` to ``new`` newly breaks a step or state property for ``subject``."""
    if judged.step is not None:
        return bool(judged.step(model, old, new, subject))
    if judged.state is not None:
        return bool(judged.state(model, new, subject)) and not bool(judged.state(model, old, subject))
    return False
