"""When things can happen: the clock of the timed simulator, as bounds between moments.

Nothing about windows and stamps is said here again. :class:`Clock` asks the timed simulator: it gives every stamp a value of
its own and looks which of them an answer is made of.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from lostproof.drivers.timed import AGING, Moment, Stamps, Timed
from lostproof.engine.stepper import apply, is_enabled
from lostproof.errors import Defect
from lostproof.explaining.notes import Notes
from lostproof.explaining.zones import Bound
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World

__all__ = ["NOW", "STARTED", "SWEEP", "Clock", "Stamp", "since"]

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")
NOW = ("now",)
STARTED = ("started",)
SWEEP = "sweep_begin"
Stamp = tuple[Any, ...]
"""A moment that is remembered: ``("row", 0)``, ``("started",)``, or ``("since", "end", 0)``."""

APART = 10**12
"""What lies between the values of two stamps when the simulator is asked; no window is as long."""

PROMPT = {
    **dict.fromkeys(
        ("activate", "fence", "begin", "record", "apply", "settle", "supersede", "disown", "append_log",
         "append_interrupted", "close_interrupted", "catch_up", "ready", "tick", "reclaim"),
        "step",
    ),
    "sweep_row": "sweep", "repair": "startup", "exit": "shutdown", "end": "work",
}
"""How long what the product does by itself can be put off, by the names of :class:`lostproof.explaining.notes.Tempo`.

What is not here can be put off for ever: the world outside decides about it, or it is not known how long it may take.
"""

STARTUP_LEAST = 1_000
"""No gateway comes from scheduling its maintenance to cron in less, in milliseconds."""


OF_JOBS = ("marker", "logged", "put_off")
"""The stamps that jobs have, and not runs."""
NO_STAMPS = ("swept", "wall")
"""What the simulator remembers that is no stamp here: sweeps are told apart otherwise, and nobody sets the wall clock."""


def _key(stamp: Stamp) -> Hashable:
    """Return where a stamp is kept among several: for what each gateway has, the first gateway's."""
    return stamp[1] if len(stamp) > 1 else None


def since(name: str, about: Hashable) -> Stamp:
    """Return the stamp of the moment from which on something was possible."""
    return ("since", name, about)


class Clock:
    """When things can happen in worlds of a model, in terms of stamps."""

    def __init__(self, model: Model, notes: Notes) -> None:
        self.model = model
        self.constants = model.revision.constants
        self._notes = notes
        self._sim = Timed(model, monitor=False)
        self._stamps = self._all_stamps()
        self._windows: dict[tuple[int, int], list[tuple[Stamp, int, bool]] | None] = {}
        self._set: dict[tuple[int, int], dict[Stamp, Stamp]] = {}
        self._live: dict[int, tuple[Stamp, ...]] = {}
        self._effective: dict[int, bool] = {}

    def _all_stamps(self) -> list[Stamp]:
        """Return the stamps that the simulator keeps, except that of the last sweep; of two, the later one matters more."""
        count = max(len(self.model.runs), len(self.model.jobs))
        kept = {name: isinstance(value, dict) for name, value in vars(Stamps()).items() if name not in NO_STAMPS}
        plain = [(name,) for name, several in kept.items() if not several or (name,) == STARTED]
        indexed = [(name, k) for k in range(count) for name, several in kept.items() if several and (name,) != STARTED]
        return [*plain, *indexed, NOW]

    def _ask(self, state: int, values: dict[Stamp, int]) -> Timed:
        """Return the simulator in ``state`` with these stamps."""
        sim = self._sim
        sim.state, sim.now, sim.stamps = state, values[NOW], Stamps()
        for stamp, value in values.items():
            if stamp != NOW:
                if isinstance(getattr(sim.stamps, stamp[0]), dict):
                    getattr(sim.stamps, stamp[0])[_key(stamp)] = value
                else:
                    setattr(sim.stamps, stamp[0], value)
        return sim

    def window(self, state: int, number: int) -> list[tuple[Stamp, int, bool]] | None:
        """Return the bounds of an action's moment: stamp, milliseconds after it, and whether that is the latest moment.

        None if it cannot happen at any moment.
        """
        key = (state, number)
        if key not in self._windows:
            values = {stamp: (position + 1) * APART for position, stamp in enumerate(self._stamps)}
            earliest, latest = self._ask(state, values).window(number)
            if latest is not None and latest < 0:
                self._windows[key] = None
            else:
                found = [(*self._told(earliest), False)]
                found += [(*self._told(latest), True)] if latest is not None else []
                self._windows[key] = [one for one in found if one[0] != NOW or one[2]]
        return self._windows[key]

    def _told(self, value: int) -> tuple[Stamp, int]:
        position = max(round(value / APART), 1)
        return self._stamps[position - 1], value - position * APART

    def stamped(self, before: int, number: int, after: int) -> dict[Stamp, Stamp]:
        """Return which stamps a step changes, with the stamp that each becomes equal to."""
        key = (before, number)
        if key not in self._set:
            values = {stamp: (position + 1) * APART for position, stamp in enumerate(self._stamps)}
            sim = self._ask(before, values)
            sim.follow(Moment(values[NOW], number, before, after))
            changed = {}
            for stamp in self._stamps[:-1]:
                kept = vars(sim.stamps)[stamp[0]]
                value = kept[_key(stamp)] if isinstance(kept, dict) else kept
                if value != values[stamp]:
                    same, off = self._told(value)
                    if off:
                        raise Defect(f"{stamp} is set to a moment that is not there yet")
                    changed[stamp] = same
            self._set[key] = changed
        return self._set[key]

    def live(self, state: int) -> tuple[Stamp, ...]:
        """Return the stamps that can still matter in ``state``."""
        if state not in self._live:
            w = self.model.view(state)
            self._live[state] = tuple(stamp for stamp in self._stamps[:-1] if self._matters(stamp, w))
        return self._live[state]

    def _matters(self, stamp: Stamp, w: World) -> bool:
        m = self.model
        name, about = stamp[0], stamp[-1]
        if len(stamp) > 1 and about >= (len(m.jobs) if name in OF_JOBS else len(m.runs)):
            return False
        match name:
            case "started":
                return bool(w.gateway != GATEWAY.code("down"))
            case "offline":
                return any(w.plan[k] for k in m.runs)
            case "terminated":
                return bool(m.bounds.drain and w.gateway == GATEWAY.code("stopping"))
            case "closed" | "logged":
                return bool(m.bounds.retention)
            case "put_off":
                return bool(m.bounds.catch_up_limit)
            case "reserved" | "start" | "begun":
                return bool(w.step[about] in RUN.codes("reserved", "activated"))
            case "row":
                open_ = TASK.codes("running", "lost") if m.rule_table.repairs_lost else TASK.codes("running")
                return not w.expired[about] and bool(w.row[about] in open_ or w.memory[about] in open_)
            case "marker":
                return bool(m.bounds.long_waits and w.marker[about] and not w.marker_old[about])
            case _:
                return True

    # -- what has to happen

    def waiting(self, enabled: list[int]) -> dict[Stamp, int | None]:
        """Return, for what is possible and cannot be put off for ever, the stamp of since when, and how long it can wait.

        Rows and markers come of age on the dot; how long they can wait is None.
        """
        found: dict[Stamp, int | None] = {}
        for number in enabled:
            action = self.model.actions[number]
            about = action.get("run") if action.get("run") is not None else action.get("job")
            if action.name in AGING:
                found[since(action.name, about)] = None
            elif action.name in PROMPT and action.fair:
                found[since(action.name, about)] = self._patience(action.name, about)
        return found

    def _patience(self, name: str, about: int | None) -> int:
        if name == "end" and about is not None:
            known = self._notes.jobs[self.model.job_of(about)].at_most
            if known is not None:
                return known
        tempo = self._notes.tempo
        if name == "tick" and self.model.bounds.agents:  # agent turns that are due at a start are put off for two minutes
            return tempo.startup + tempo.step
        return int(getattr(tempo, PROMPT[name]))

    def least(self, number: int, life: str) -> int:
        """Return how long it takes at least from where an action is possible until it happens; ``life``: what began last."""
        action = self.model.actions[number]
        run = action.get("run")
        if action.name == "end" and run is not None:
            return self._notes.jobs[self.model.job_of(run)].at_least
        return STARTUP_LEAST if action.name == "repair" and life != "reload" else 0

    def effective(self, state: int) -> bool:
        """Return whether a whole sweep would change a row now."""
        if state not in self._effective:
            self._effective[state] = self._sweeps_something(state)
        return self._effective[state]

    def _sweeps_something(self, state: int) -> bool:
        m = self.model
        begin = next(number for number, action in enumerate(m.actions) if action.name == SWEEP)
        if m.view(state).sweep or not is_enabled(m, state, begin):
            return False
        old, now = m.view(state), apply(m, state, begin)
        while m.view(now).sweep:
            k = m.view(now).sweep - 1
            decide = (number for number, a in enumerate(m.actions) if a.name == "sweep_row" and a.params == (("run", k),))
            now = apply(m, now, next(decide))
        new = m.view(now)
        return any(old.row[k] != new.row[k] or old.memory[k] != new.memory[k] for k in m.runs)


def not_before(moment: Hashable, stamp: Hashable, by: int) -> Bound:
    """Return the bound that ``moment`` is at least ``by`` milliseconds after ``stamp``."""
    return Bound(stamp, moment, -by)
