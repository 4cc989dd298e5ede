"""Bounds: how large a world is and which troubles it may meet. They bound sizes and faults, never interleavings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from lostproof.errors import BadInput, unknown

__all__ = [
    "EVERYTHING", "FEATURES", "PRESETS", "Bounds", "Slice", "parse_bounds", "parse_pairs", "parse_slice",
]


def _hold_in(name: str, value: int, limits: tuple[int, int]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise BadInput(f"bound {name}={value} is out of range; allowed: {low} to {high}")


@dataclass(frozen=True)
class Bounds:
    """One configuration of the world.

    Attributes:
        jobs: number of cron jobs.
        runs: runs that each job may make, over all paths.
        slots: scheduled occurrences of each job that may fall due.
        outcomes: how work may end: 1 ok, 2 also failed, 3 also timed out.
        manual: 1 if an operator may start runs by hand.
        crashes: SIGKILLs of the gateway.
        restarts: SIGTERMs, in-process restarts and hot reloads, together.
        offline_passes: CLI ``maintenance --apply`` passes in a process of their own.
        store_faults: store writes (row, job state or log line) that fail.
        operator_actions: jobs disabled, deleted or (where it matters) given to another agent, and (from two on) enabled
            again.
        long_waits: 1 if two hours may pass while a marker is set (the stuck-marker rule).
        same_ms: 1 if two runs of a job may start in the same millisecond (with at most two runs).
        recurring: 1 for jobs that recur, 0 for one-shots (``at`` jobs).
        agents: 1 if the jobs run agent turns (later releases never run those at start-up).
        detached: 1 if the work of a run is done by a process of its own, which outlives the gateway.
        overruns: runs that the watchdog gives up as timed out while their work goes on.
        cancels: runs that an operator cancels.
        drain: 1 if a SIGTERM waits for runs in flight, and then aborts them, as far as the revision does so.
        deliveries: 1 if what a run has brought forth is to be delivered to somebody.
        admission: 1 if a manual run is acknowledged first and reserved later.
        clock_steps: steps of the wall clock, and suspends of the machine.
        read_faults: reads of evidence, or of the whole ledger at start-up, that fail.
        retention: 1 if old log lines and closed rows are deleted.
        catch_up_limit: jobs that a start-up catch-up starts at once; 0 for no limit.
        gateways: gateway processes on the same stores.
    """

    jobs: int = 1
    runs: int = 2
    slots: int = 1
    outcomes: int = 2
    manual: int = 1
    crashes: int = 0
    restarts: int = 0
    offline_passes: int = 0
    store_faults: int = 0
    operator_actions: int = 0
    long_waits: int = 1
    same_ms: int = 0
    recurring: int = 1
    agents: int = 0
    detached: int = 0
    overruns: int = 0
    cancels: int = 0
    drain: int = 0
    deliveries: int = 0
    admission: int = 0
    clock_steps: int = 0
    read_faults: int = 0
    retention: int = 0
    catch_up_limit: int = 0
    gateways: int = 1

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            _hold_in(name, getattr(self, name), limits)
        alone = next((name for name in ONE_GATEWAY if getattr(self, name)), None) if self.gateways > 1 else None
        if alone:
            both = f"gateways=2,{alone}={getattr(self, alone)}"
            raise BadInput(f"bounds {both} do not go together; allowed: one gateway with {alone}")
        if self.same_ms and self.runs > 2:
            raise BadInput(f"bounds same_ms=1,runs={self.runs} do not go together; allowed: runs up to 2 with same_ms=1")

    @property
    def ends(self) -> int:
        """How many ways there are in which work may really end: a run that is stopped ends as failed."""
        return max(self.outcomes, 2 if self.cancels or self.drain else 1)

    @property
    def told(self) -> tuple[int, ...]:
        """The codes of what a run's process may tell of its end: it takes an overrun for a time-out."""
        return tuple(sorted({*range(1, self.ends + 1), *((3,) if self.overruns else ())}))

    @property
    def faults(self) -> int:
        """How many budgeted faults a schedule may contain."""
        return sum(getattr(self, name) for name in BUDGETS)

    def describe(self) -> dict[str, int]:
        """Return the bounds as a plain dictionary, in declaration order."""
        return asdict(self)


BUDGETS = (
    "crashes", "restarts", "offline_passes", "store_faults", "operator_actions", "overruns", "cancels", "clock_steps",
    "read_faults",
)
"""The bounds that are spent: a world state holds what is left of each."""

LIMITS: dict[str, tuple[int, int]] = {
    "jobs": (1, 4),
    "runs": (1, 4),
    "slots": (1, 3),
    "outcomes": (1, 3),
    "manual": (0, 1),
    "crashes": (0, 3),
    "restarts": (0, 3),
    "offline_passes": (0, 3),
    "store_faults": (0, 3),
    "operator_actions": (0, 3),
    "long_waits": (0, 1),
    "same_ms": (0, 1),
    "recurring": (0, 1),
    "agents": (0, 1),
    "detached": (0, 1),
    "overruns": (0, 3),
    "cancels": (0, 3),
    "drain": (0, 1),
    "deliveries": (0, 1),
    "admission": (0, 1),
    "clock_steps": (0, 3),
    "read_faults": (0, 3),
    "retention": (0, 1),
    "catch_up_limit": (0, 3),
    "gateways": (1, 2),
}

FEATURES = (
    "detached", "overruns", "cancels", "drain", "deliveries", "admission", "clock_steps", "read_faults", "retention",
    "catch_up_limit", "gateways",
)
"""The bounds that switch on what a smaller world does without; switched off they cost no bit of a state."""

ONE_GATEWAY = (
    "detached", "overruns", "cancels", "drain", "deliveries", "admission", "clock_steps", "retention", "catch_up_limit",
)
"""The bounds that switch on what is modelled for a single gateway only."""


@dataclass(frozen=True)
class Slice:
    """A named configuration of a preset."""

    name: str
    bounds: Bounds


def _slices(**named: Bounds) -> tuple[Slice, ...]:
    return tuple(Slice(name, bounds) for name, bounds in named.items())


_CI = _slices(
    crash=Bounds(crashes=2),
    restart=Bounds(crashes=1, restarts=1, outcomes=1),
    offline=Bounds(crashes=1, offline_passes=1),
    store=Bounds(crashes=1, store_faults=1),
    operator=Bounds(crashes=1, operator_actions=1),
    slots=Bounds(slots=2, crashes=1),
    runs=Bounds(runs=3, outcomes=1, crashes=1),
    jobs=Bounds(jobs=2, runs=1, crashes=1, outcomes=1),
    agents=Bounds(agents=1, restarts=1),
    identity=Bounds(same_ms=1, outcomes=3),
    one_shot=Bounds(crashes=1, restarts=1, recurring=0, outcomes=1),
    executors=Bounds(detached=1, crashes=2, outcomes=1),
    overruns=Bounds(overruns=1, slots=2, outcomes=1),
    cancels=Bounds(cancels=1),
    drain=Bounds(drain=1, restarts=1, outcomes=1),
    peer=Bounds(gateways=2, crashes=1, outcomes=1, manual=0, long_waits=0),
    deliveries=Bounds(deliveries=1, crashes=1, manual=0, long_waits=0),
    admission=Bounds(admission=1, crashes=1, operator_actions=1, outcomes=1, long_waits=0),
    clock=Bounds(clock_steps=1, outcomes=1),
    reads=Bounds(read_faults=1, crashes=1, store_faults=1, runs=1, outcomes=1),
    retention=Bounds(retention=1, crashes=1, store_faults=1, runs=1, outcomes=1),
    catch_up=Bounds(catch_up_limit=1, crashes=1, jobs=2, runs=1, outcomes=1, manual=0, long_waits=0),
)

_ALL_TROUBLES: dict[str, int] = {
    "jobs": 2, "slots": 2, "outcomes": 3, "crashes": 1, "restarts": 1, "offline_passes": 1, "store_faults": 1,
    "operator_actions": 2, "same_ms": 1,
}
_ALL_FEATURES: dict[str, int] = {
    "detached": 1, "overruns": 1, "cancels": 1, "drain": 1, "deliveries": 1, "clock_steps": 1, "read_faults": 1,
    "retention": 1, "catch_up_limit": 1,
}
EVERYTHING: tuple[Bounds, ...] = (
    Bounds(**_ALL_TROUBLES, **_ALL_FEATURES),
    Bounds(**_ALL_TROUBLES, **_ALL_FEATURES, admission=1),
    Bounds(**_ALL_TROUBLES, gateways=2),
)
"""Worlds in one of which everything is possible that a revision can do. They are far too large to explore."""

PRESETS: dict[str, tuple[Slice, ...]] = {
    "smoke": _slices(
        crash=Bounds(crashes=1, runs=1, outcomes=1),
        offline=Bounds(offline_passes=1, runs=1, outcomes=1),
    ),
    "ci": _CI,
    "deep": (
        *_CI,
        *_slices(
            crash_restart=Bounds(crashes=1, restarts=1),
            crashes=Bounds(crashes=2, outcomes=3),
            store_offline=Bounds(crashes=1, store_faults=1, offline_passes=1),
            operator_restart=Bounds(restarts=1, operator_actions=1),
            jobs_manual=Bounds(jobs=2, runs=1, crashes=1, restarts=1, manual=1),
            agents_crash=Bounds(agents=1, crashes=1, restarts=1),
        ),
    ),
}
"""Named lists of slices. Each slice switches on one kind of trouble; a property holds if it holds in every slice."""


def parse_bounds(text: str) -> tuple[str, tuple[Slice, ...]]:
    """Return the name and the slices that ``text`` stands for: a preset, or ``name=number`` pairs joined by commas.

    Raises:
        BadInput: an unknown preset or bound, a bound given twice, or a value that is no number in range.
    """
    if text in PRESETS:
        return text, PRESETS[text]
    if "=" not in text:
        raise unknown("bounds", text, [*PRESETS, "or pairs like crashes=2,restarts=1"])
    return text, (Slice("custom", bounds_from(parse_pairs(text))),)


def parse_pairs(text: str, more: Mapping[str, tuple[int, int]] | None = None) -> dict[str, int]:
    """Return the bounds in ``text``, ``name=number`` pairs joined by commas; ``more`` are other names with their ranges.

    Raises:
        BadInput: an unknown bound, a bound given twice, or a value that is no number in range.
    """
    values: dict[str, int] = {}
    for name, value in (_pair(part, {**LIMITS, **(more or {})}) for part in text.split(",")):
        if name in values:
            raise BadInput(f"bound {name} is given twice in {text!r}; give it once")
        values[name] = value
    return values


def _pair(part: str, limits: Mapping[str, tuple[int, int]]) -> tuple[str, int]:
    name, _, value = part.strip().partition("=")
    if name not in limits:
        raise unknown("bound", name, limits)
    low, high = limits[name]
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadInput(f"bound {name}={value!r} is not a number; allowed: {low} to {high}")
    _hold_in(name, int(value), limits[name])
    return name, int(value)


def parse_slice(text: str) -> tuple[str, Bounds]:
    """Return the name and the bounds of the one slice that ``text`` stands for: ``PRESET:SLICE``, or pairs.

    Raises:
        BadInput: as :func:`parse_bounds`, or a preset of which it does not say which slice.
    """
    preset, _, named = text.partition(":")
    name, slices = parse_bounds(preset)
    if preset not in PRESETS and not named:
        return text, slices[0].bounds
    for part in slices:
        if part.name == named:
            return f"{name}:{named}", part.bounds
    raise BadInput(f"bounds {text!r} are not one slice; write {', '.join(f'{name}:{part.name}' for part in slices)}")


def bounds_from(values: Mapping[str, Any]) -> Bounds:
    """Return the default bounds with ``values`` in place of some of them."""
    for name in values:
        if name not in {field.name for field in fields(Bounds)}:
            raise unknown("bound", name, LIMITS)
    return replace(Bounds(), **values)
