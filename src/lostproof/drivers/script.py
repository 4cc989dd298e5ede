"""The script driver: a scenario's timeline, with a clock that does what the product does by itself in between.

A timeline says what happens *to* the product (slots fall due, work ends, the gateway dies, an operator interferes). With
automatic timers the product's own steps follow on the dot; with explicit timers only what is written happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lostproof.drivers.concrete import LATENCY_MS
from lostproof.drivers.timed import AGING, Impossible, Timed
from lostproof.errors import Defect
from lostproof.evidence import ENDS
from lostproof.fields import Home
from lostproof.steps import STEPS

__all__ = ["WRITES", "Cue", "Script", "play"]

WRITES = {"row": Home.LEDGER, "job": Home.JOBS, "log": Home.LOG, "outbox": Home.OUTBOX}
"""What a cue can hold back or let fail: a run's next write to one of these stores."""

NEVER_BY_ITSELF = ("end", "start", "slot_due")
"""Fair actions that a script has to name: the world outside decides about them."""

SLOW = {"clear_stuck": 60_000}

AT_REST = 10_000
"""Steps after which a world that goes on by itself should long have come to rest."""

BESIDE_MS = 1_000
"""Sweeps so close before something else happens are not passed over: that could fall into them."""

WHY_NOT = {"cli_begin": ": the pass would find no row that its rule can write (or another pass is on its way)"}


@dataclass(frozen=True)
class Cue:
    """One entry of a timeline.

    Attributes:
        at_ms: when it happens.
        do: the name of an action, or ``hold``, ``release``, ``fail_write`` or ``wait``.
        params: the action's parameters (codes), as far as given.
        write: for ``hold``, ``release`` and ``fail_write``, the store: a key of :data:`WRITES`.
        takes_ms: for ``cli_begin``, how long the pass works before it writes.
        optional: skip it where it cannot happen.
        where: the place in the file, for messages.
    """

    at_ms: int
    do: str
    params: tuple[tuple[str, int], ...] = ()
    write: str | None = None
    takes_ms: int = 0
    optional: bool = False
    where: str = ""

    def get(self, name: str) -> int | None:
        """Return the parameter ``name``, or None."""
        return dict(self.params).get(name)


@dataclass
class Script:
    """What a timeline amounts to: its cues in order, and how the product behaves in between.

    Attributes:
        cues: the entries, by time.
        automatic: whether the product's own steps happen by themselves.
        persist_ms: how long a reservation takes to be written, so how much earlier the marker is than the row.
        startup_ms: how long a start takes until cron looks at what the last process left behind.
        work_ms: how long the work of each job's runs takes; without it only cues say when work ends.
    """

    cues: Sequence[Cue]
    automatic: bool = True
    persist_ms: int = 2
    startup_ms: int = 3_000
    work_ms: tuple[int, ...] = ()


@dataclass
class _Stage:
    """What the clock has to remember while a script is played."""

    sim: Timed
    script: Script
    since: dict[int, int] = field(default_factory=dict)
    held: set[tuple[int, str]] = field(default_factory=set)
    failing: set[tuple[int, str]] = field(default_factory=set)
    offline_ms: int = 0


def play(sim: Timed, script: Script, fail: Callable[[Cue, str], Exception], to_rest: bool = False) -> None:
    """Play ``script`` on ``sim``; ``fail`` makes the error for a cue that cannot happen.

    With ``to_rest`` the product goes on by the clock after the last cue, until nothing happens any more but sweeps that
    change nothing. Such sweeps are passed over.
    """
    stage = _Stage(sim, script)
    for cue in script.cues:
        _run_clock(stage, cue.at_ms)
        try:
            _perform(stage, cue)
        except Impossible as impossible:
            if not cue.optional:
                raise fail(cue, str(impossible)) from impossible
    if to_rest:
        _come_to_rest(stage)


def _perform(stage: _Stage, cue: Cue) -> None:
    sim = stage.sim
    if cue.do in ("hold", "release", "fail_write"):
        target = (cue.get("run") or 0, cue.write or "row")
        marks = stage.failing if cue.do == "fail_write" else stage.held
        (marks.discard if cue.do == "release" else marks.add)(target)
        sim.advance(cue.at_ms)
        return
    if cue.do == "wait":
        sim.advance(cue.at_ms)
        return
    sim.advance(cue.at_ms)
    if cue.do == "cli_begin":
        stage.offline_ms = cue.takes_ms
    sim.do(_choose(sim, cue), cue.at_ms)


def _choose(sim: Timed, cue: Cue) -> int:
    """Return the action that a cue means: the first enabled one with its name and parameters whose moment this is."""
    enabled = sim.enabled()
    reasons = []
    for number, action in enumerate(sim.model.actions):
        if action.name != cue.do or not set(cue.params) <= set(action.params):
            continue
        if number not in enabled:
            reasons.append(f"{action.label(sim.model)} cannot happen in this state{WHY_NOT.get(cue.do, '')}")
            continue
        # Which run it is says which gateway does it.
        known = {"early", "same_ms", *(["gateway"] if action.actor == "run" else [])}
        extra = {name for name, _ in set(action.params) - set(cue.params)} - known
        earliest, latest = sim.window(number)
        if cue.at_ms < earliest or (latest is not None and cue.at_ms > latest):
            reasons.append(f"{action.label(sim.model)} is not possible at this moment")
        elif not extra:
            return number
    words = ", ".join(sim.model.actions[number].label(sim.model) for number in enabled)
    raise Impossible(f"{reasons[0] if reasons else _no_such(sim, cue)}; possible now: {words}")


def _no_such(sim: Timed, cue: Cue) -> str:
    """Return why no action answers to a cue: it does not exist in this world, or is given what it does not take."""
    takes = {name for action in sim.model.actions if action.name == cue.do for name, _ in action.params}
    stray = [name for name, _ in cue.params if name not in takes]
    if not any(action.name == cue.do for action in sim.model.actions):
        return f"there is no {cue.do} in this world"
    if stray:
        return f"{cue.do} takes {', '.join(sorted(takes)) or 'nothing'}; not {', '.join(stray)}"
    return f"{cue.do} does not exist with these values here"


def _run_clock(stage: _Stage, until_ms: int) -> None:
    """Let the product do what is due before ``until_ms``."""
    while stage.script.automatic:
        due = _due(stage)
        aging = _next_aging(stage)
        if aging is not None and aging < until_ms and (due is None or aging < due[0]):
            stage.sim.advance(aging)
            continue
        if due is None or due[0] >= until_ms:
            return
        _happen(stage, *due)


def _next_aging(stage: _Stage) -> int | None:
    """Return when a row or marker comes of age next: the product may have something to do then."""
    sim = stage.sim
    aging = [number for number in sim.enabled() if sim.model.actions[number].name in AGING]
    return min((max(sim.window(number)[0], sim.now) for number in aging), default=None)


def _happen(stage: _Stage, at_ms: int, number: int) -> None:
    """Let the product do what is due at ``at_ms``, unless it cannot any more."""
    sim = stage.sim
    sim.advance(at_ms)
    if number in sim.enabled() and sim.window(number)[0] <= sim.now:
        sim.do(number, sim.now)
        if sim.model.actions[number].get("fault"):  # it was the next write that had to fail, not all of them
            run = sim.model.actions[number].get("run")
            stage.failing -= {(run, store) for store in _stores(stage, number) if run is not None}
    stage.since.pop(number, None)


def _come_to_rest(stage: _Stage) -> None:
    """Let the product go on by the clock until nothing happens any more but sweeps that change nothing."""
    sim = stage.sim
    before: int | None = None
    swept: set[int | None] = set()
    for _ in range(AT_REST):
        due = _due(stage)
        if due is None or _is_sweep(stage, due[1]):
            other = _next_but_sweeps(stage)
            if other is None and (due is None or sim.state in sim.memory.idle):
                return
            if other is not None and (due is None or (sim.state in sim.memory.idle and due[0] < other - BESIDE_MS)):
                sim.advance(other if due is None else other - BESIDE_MS)
                continue
            if sim.state != before and not _sweeping(sim):
                before, swept = sim.state, set()
            swept |= {sim.model.actions[due[1]].get("gateway")} if due else set()
        assert due is not None
        if sim.model.actions[due[1]].actor != "sweep":
            before = None
        _happen(stage, *due)
        if sim.state == before and not _sweeping(sim) and swept >= _sweepers(stage):
            sim.memory.idle.add(sim.state)
    raise Defect(f"{sim.model.revision.name}: a world does not come to rest within {AT_REST} steps")


def _sweeping(sim: Timed) -> bool:
    return any(process.sweep for process in sim.model.processes(sim.view()))


def _sweepers(stage: _Stage) -> set[int | None]:
    """Return the gateways that can begin a sweep (None: the first)."""
    return {stage.sim.model.actions[n].get("gateway") for n in stage.sim.enabled() if _is_sweep(stage, n)}


def _is_sweep(stage: _Stage, number: int) -> bool:
    return stage.sim.model.actions[number].name == "sweep_begin"


def _next_but_sweeps(stage: _Stage) -> int | None:
    """Return when something happens by itself next that is no sweep: a step of the product, or rows coming of age."""
    moments = [at_ms for at_ms, number in _moments(stage) if not _is_sweep(stage, number)]
    aging = _next_aging(stage)
    return min([*moments, *([] if aging is None else [aging])], default=None)


def _due(stage: _Stage) -> tuple[int, int] | None:
    """Return the moment and the number of what the product does next."""
    return min(_moments(stage), default=None)


def _moments(stage: _Stage) -> list[tuple[int, int]]:
    """Return all that the product does by itself if nothing comes in between: the moment, and the number."""
    sim = stage.sim
    possible = [number for number in sim.enabled() if _happens_by_itself(stage, number)]
    stage.since = {number: stage.since.get(number, sim.now) for number in possible}
    moments = []
    for number in possible:
        at_ms = sim.on_the_dot(number, max(_from(stage, number), sim.now))
        latest = sim.window(number)[1]
        if latest is None or at_ms <= latest:
            moments.append((at_ms, number))
    return moments


def _from(stage: _Stage, number: int) -> int:
    """Return when the product is ready for a step."""
    action = stage.sim.model.actions[number]
    if action.name == "end":
        run = action.get("run") or 0
        return stage.sim.stamps.start[run] + stage.script.work_ms[stage.sim.model.job_of(run)]
    return stage.since[number] + _latency(stage, number)


def _latency(stage: _Stage, number: int) -> int:
    name = stage.sim.model.actions[number].name
    if name == "begin":
        return stage.script.persist_ms
    if name == "repair":
        return stage.script.startup_ms
    if name == "cli_row":
        return max(stage.offline_ms, LATENCY_MS["cli_row"])
    return SLOW.get(name, LATENCY_MS.get(name, 1))


def _happens_by_itself(stage: _Stage, number: int) -> bool:
    action = stage.sim.model.actions[number]
    if action.name == "end" and stage.script.work_ms:
        return action.get("end") == ENDS.index("ok")
    if action.name in AGING or action.name in NEVER_BY_ITSELF:
        return False
    writes = {(run, store) for run in [action.get("run")] if run is not None for store in _stores(stage, number)}
    if writes & stage.held:
        return False
    wanted_fault = bool(writes & stage.failing) and _has_faulty_twin(stage, number)
    if action.get("fault"):
        return bool(writes & stage.failing)
    return action.fair and not wanted_fault


def _has_faulty_twin(stage: _Stage, number: int) -> bool:
    action = stage.sim.model.actions[number]
    enabled = (stage.sim.model.actions[n] for n in stage.sim.enabled())
    return any(a.name == action.name and a.get("run") == action.get("run") and a.get("fault") for a in enabled)


def _stores(stage: _Stage, number: int) -> set[str]:
    """Return the stores that an action of a run writes to."""
    action = stage.sim.model.actions[number]
    if action.name in ("append_log", "append_interrupted"):
        return {"log"}
    if action.name in ("enqueue", "attempt", "acknowledge", "give_up"):
        return {"outbox"}
    homes = {
        STEPS[step].home
        for path, order in stage.sim.model.revision.write_orders.items()
        if path in action.paths
        for section in order
        if section.event == action.name
        for step in section.steps
    }
    return {store for store, home in WRITES.items() if home in homes}
