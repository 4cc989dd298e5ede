"""The worlds that a timing map can be drawn of, as data: what happens to the product, at moments that are sums of timings.

In every world a job is due one minute after the gateway has started, its run begins, and its work takes ``duration``. What
the product does in between, and afterwards, is the clock's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lostproof.bounds import Bounds

if TYPE_CHECKING:
    from lostproof.drivers.script import Script

__all__ = ["BEGIN_MS", "GRACE", "TIMINGS", "WORLDS", "Beat", "MappedWorld", "Timing"]

BEGIN_MS = 60_000
"""When the slot falls, or the operator starts the run; timings count from here."""

GRACE = "grace"
"""The timing that is a constant of the product, and no part of what happens to it."""


@dataclass(frozen=True)
class Timing:
    """Something that takes time: what it is, and over which values a map has it unless told otherwise."""

    name: str
    words: str
    values: str


TIMINGS: dict[str, Timing] = {
    known.name: known
    for known in (
        Timing("downtime", "how long the gateway is down", "0s..20m/1m"),
        Timing("duration", "how long the work takes", "1m..20m/1m"),
        Timing("kill", "how long after the run's start the gateway dies", "0s..20m/1m"),
        Timing("restart", "how long after the run's start the gateway restarts", "0s..20m/1m"),
        Timing("startup", "how long a start takes until cron begins", "0s..2m/5s"),
        Timing("after", "how long after the end of the work the gateway dies", "0ms..20ms/1ms"),
        Timing("slower", "how long the work of the slower job of the batch takes", "1m..40m/2m"),
        Timing("pass", "how long after the run's start the offline pass begins", "0s..20m/1m"),
        Timing("takes", "how long the offline pass works before it writes", "0s..1m/3s"),
        Timing(GRACE, "how long a row is left alone after its last event", "1m..30m/1m"),
    )
}
"""All timings; each world has some of them, and the grace."""


@dataclass(frozen=True)
class Beat:
    """One thing that happens to the product, at the sum of the timings in ``at`` after the slot.

    Attributes:
        at: names of timings.
        do: the action.
        params: its parameters.
        takes: for an offline pass, the timing that says how long it works.
        optional: skip it where it cannot happen.
    """

    at: tuple[str, ...]
    do: str
    params: tuple[tuple[str, int], ...] = ()
    takes: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class MappedWorld:
    """A world with timings.

    Attributes:
        name: what ``--world`` calls it.
        title: what happens in it, in one line.
        bounds: the world of the model that it happens in. The exhaustive explorer closes the same one.
        timings: its timings with their usual values.
        axes: the timings that are drawn unless others are asked for.
        beats: what happens.
        work: for each job, the timing that says how long its work takes.
        startup: the timing that says how long a start takes until cron begins.
    """

    name: str
    title: str
    bounds: Bounds
    timings: Mapping[str, str]
    axes: tuple[str, str]
    beats: tuple[Beat, ...]
    work: tuple[str, ...] = ("duration",)
    startup: str = "startup"

    def script(self, timings: Mapping[str, int]) -> Script:
        """Return what happens with these timings, in milliseconds."""
        from lostproof.drivers.script import Cue, Script

        cues = [
            Cue(
                BEGIN_MS + sum(timings[name] for name in beat.at), beat.do, beat.params,
                takes_ms=timings[beat.takes] if beat.takes else 0, optional=beat.optional, where=f"the world {self.name}",
            )
            for beat in self.beats
        ]
        # The order of the beats decides what comes first in one millisecond.
        cues.sort(key=lambda cue: cue.at_ms)
        return Script(cues, startup_ms=timings[self.startup], work_ms=tuple(timings[name] for name in self.work))


DUE = Beat((), "slot_due", (("job", 0),))
BY_HAND = Beat((), "run_now", (("job", 0),))
STARTUP = {"startup": "3s"}

WORLDS: dict[str, MappedWorld] = {
    known.name: known
    for known in (
        MappedWorld(
            "restart", "a scheduled run; the gateway is killed some time after its start, and started again",
            Bounds(outcomes=1, manual=0, crashes=1), {"duration": "5m", "kill": "3m", "downtime": "1m", **STARTUP},
            ("downtime", "duration"), (DUE, Beat(("kill",), "crash"), Beat(("kill", "downtime"), "start")),
        ),
        MappedWorld(
            "restart-after-end", "a scheduled run; the gateway is killed when its work has just ended, and started again",
            Bounds(outcomes=1, manual=0, crashes=1), {"duration": "5m", "after": "4ms", "downtime": "1m", **STARTUP},
            ("downtime", "duration"),
            (DUE, Beat(("duration", "after"), "crash"), Beat(("duration", "after", "downtime"), "start")),
        ),
        MappedWorld(
            "restart-in-batch", "two jobs due at once; the gateway is killed while the slower one works, and started again",
            Bounds(jobs=2, runs=1, outcomes=1, manual=0, crashes=1),
            {"duration": "5m", "slower": "30m", "kill": "10m", "downtime": "1m", **STARTUP},
            ("downtime", "duration"),
            (
                DUE, Beat((), "slot_due", (("job", 1),)), Beat(("kill",), "crash"), Beat(("kill", "downtime"), "start"),
            ),
            work=("duration", "slower"),
        ),
        MappedWorld(
            "restart-in-process", "a scheduled run outlives a restart of the gateway inside its process",
            Bounds(outcomes=1, manual=0, restarts=1), {"duration": "10m", "restart": "3m", "downtime": "1m"},
            ("downtime", "duration"), (DUE, Beat(("restart",), "restart_in_process")), startup="downtime",
        ),
        MappedWorld(
            "reload", "a scheduled run outlives a hot reload of the cron service",
            Bounds(outcomes=1, manual=0, restarts=1), {"duration": "10m", "restart": "3m", **STARTUP},
            ("restart", "duration"), (DUE, Beat(("restart",), "reload")),
        ),
        MappedWorld(
            "no-restart", "a run that an operator starts by hand, and nothing else happens",
            Bounds(runs=1, outcomes=1), {"duration": "10m", **STARTUP}, (GRACE, "duration"), (BY_HAND,),
        ),
        MappedWorld(
            "offline", "a scheduled run, and a maintenance pass of a CLI some time after its start",
            Bounds(outcomes=1, manual=0, offline_passes=1),
            {"duration": "10m", "pass": "6m", "takes": "100ms", **STARTUP}, ("pass", "duration"),
            (DUE, Beat(("pass",), "cli_begin", takes="takes", optional=True)),
        ),
    )
}
"""The worlds, by name."""
