"""What can happen: every action with its actor, guard and effect, written once for all engines.

An action's effect may write to at most one durable store, or to several in one transaction; a crash can therefore fall
between any two writes. Actions of one process interleave only where the product awaits, because a whole synchronous
section is one action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lostproof.evidence import ENDS
from lostproof.model import Model
from lostproof.revisions import Section
from lostproof.steps import (
    DELETED,
    DISABLED,
    ENABLED,
    MUTANT_REPAIRS,
    REPAIRS,
    STEPS,
    decide_row,
    put_row,
    restore_rows,
)
from lostproof.tables import chart
from lostproof.world import PATHS, WIPES, World, member, where

__all__ = ["ACTORS", "Action", "actions_of", "decision_parts"]

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")
RUNNING, LOST = TASK.codes("running", "lost")
STEP_ABSENT = RUN.code("absent")
SWEEPING = ("starting", "repaired", "catching_up", "running")
"""The gateway states in which maintenance is scheduled."""

ACTORS = ("gateway", "run", "sweep", "operator", "clock")


@dataclass(frozen=True)
class Action:
    """Something that can happen.

    Attributes:
        name: what happens; with ``params`` it names the action among those that can happen in one state.
        actor: who does it, one of :data:`ACTORS`.
        params: what it happens to, as codes: ``run``, ``job``, ``end``, ``fault`` …
        at: a field, its index and the values in which the action can happen at all; engines use it as an index.
        guard: where, in these states, it can happen.
        effect: what it changes.
        fair: whether it happens in the end if it can happen again and again (the product's own actors and the clock).
        budget: the bound that it spends, if it is a fault.
        writes_rows: whether it can change a row on disk.
        event: the chart event that it is, if it is one.
    """

    name: str
    actor: str
    at: tuple[str, tuple[int, ...], tuple[int, ...]]
    guard: Callable[[World], Any]
    effect: Callable[[World], None]
    params: tuple[tuple[str, int], ...] = ()
    fair: bool = True
    budget: str | None = None
    writes_rows: bool = False
    begins_run: bool = False
    event: tuple[str, str] | None = None
    moments: frozenset[str] = field(default_factory=frozenset)

    def get(self, name: str) -> int | None:
        """Return the parameter ``name``, or None."""
        return dict(self.params).get(name)

    def describe(self, m: Model) -> dict[str, Any]:
        """Return the parameters as people write them."""
        words: dict[str, Any] = {}
        for name, value in self.params:
            match name:
                case "run":
                    words[name] = m.run_name(value)
                case "job":
                    words[name] = m.job_name(value)
                case "end":
                    words[name] = ENDS[value]
                case _:
                    words[name] = bool(value)
        return words

    def label(self, m: Model) -> str:
        """Return the action's name with its parameters."""
        parts = [f"{name}={value}" if value is not True else name for name, value in self.describe(m).items() if value]
        return " ".join([self.name, *parts])


def actions_of(m: Model) -> tuple[Action, ...]:
    """Return all actions of ``m``, in a fixed order: shortest races prefer earlier ones."""
    return (
        *_clock_actions(m),
        *_reservations(m),
        *_run_actions(m),
        *_log_actions(m),
        *_gateway_actions(m),
        *_sweep_actions(m),
        *_offline_actions(m),
        *_operator_actions(m),
        *_fault_actions(m),
    )


def _gateway_at(*states: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    return ("gateway", (), GATEWAY.codes(*states))


def _always(w: World) -> Any:
    return True


def _spend(w: World, budget: str) -> None:
    setattr(w, budget, getattr(w, budget) - 1)


def _time_can_pass(m: Model, w: World) -> Any:
    return w.derived("time can pass", partial(_nobody_is_busy, m))


def _nobody_is_busy(m: Model, w: World) -> Any:
    """Return whether minutes can pass: nobody has anything to do that takes only moments.

    Sweeps, offline passes, start-up, shutdown, pending writes and runs between two sections are short against the grace.
    Nothing is lost by letting rows and markers come of age before or after them instead: neither changes the other.
    """
    idle: Any = (w.sweep == 0) & (member(w.gateway, GATEWAY.codes("starting", "repaired", "stopping")) == 0)
    idle = idle & (((w.gateway == GATEWAY.code("catching_up")) & _caught_up(m, w)) == 0)
    for k in m.runs:
        idle = idle & (w.plan[k] == 0) & (w.log_queue[k] == 0)
    return idle & _no_run_is_busy(m, w)


def _no_run_is_busy(m: Model, w: World) -> Any:
    """Return whether every run executes, waits for its batch, or is over: none is between two sections."""
    return w.derived("no run is busy", partial(_all_runs_rest, m))


def _all_runs_rest(m: Model, w: World) -> Any:
    rest: Any = True
    for k in m.runs:
        for path, order in m.revision.write_orders.items():
            for section, source in zip(order[1:], m.revision.states(path)[1:], strict=False):
                if section.event != "end":
                    ready = (w.path[k] == PATHS.index(path)) & (w.step[k] == RUN.code(source))
                    rest = rest & ((ready & (_waits(m, k, path, section, source, w) == 0)) == 0)
    return rest


# -- the clock


def _clock_actions(m: Model) -> Iterator[Action]:
    for job in m.jobs:
        yield Action(
            "slot_due", "clock", ("fallen", (job,), tuple(range(m.bounds.slots))),
            partial(_can_fall, job), partial(_fall, job), (("job", job),),
        )
    ages = (RUNNING, LOST) if m.rule_table.repairs_lost else (RUNNING,)
    for k in m.runs:
        yield Action(
            "expire", "clock", ("expired", (k,), (0,)), partial(_can_expire, m, k, ages), partial(_expire, m, k),
            (("run", k),),
        )
    if m.bounds.long_waits:
        for job in m.jobs:
            yield Action(
                "age_marker", "clock", ("marker_old", (job,), (0,)),
                partial(_can_age, m, job), partial(_age_marker, m, job), (("job", job),),
            )


def _can_fall(job: int, w: World) -> Any:
    return w.job[job] == ENABLED


def _fall(job: int, w: World) -> None:
    w.fallen[job] = w.fallen[job] + 1


def _ages(w: World, k: int, ages: tuple[int, ...]) -> Any:
    """Return whether the row of run ``k`` is up for a decision in some copy, and its last event is still recent."""
    return (member(w.row[k], ages) | member(w.memory[k], ages)) & (w.expired[k] == 0)


def _can_expire(m: Model, k: int, ages: tuple[int, ...], w: World) -> Any:
    can = _ages(w, k, ages) & _time_can_pass(m, w)
    for other in m.runs:
        if other != k:
            inverted = w.inverted[min(k, other), max(k, other)]
            older = inverted == (1 if other > k else 0)
            can = can & ((older & _ages(w, other, ages)) == 0)
    return can


def _expire(m: Model, k: int, w: World) -> None:
    for run, here in m.sharing_row(w, k, True):
        w.expired[run] = where(here, 1, w.expired[run])
    for other in m.runs:
        if other != k:
            w.inverted[min(k, other), max(k, other)] = 0
    _time_passes(m, w)


def _can_age(m: Model, job: int, w: World) -> Any:
    """A marker can get old if its run is gone, or is an agent turn without a time-out: others are cut off long before."""
    can = (w.marker[job] != 0) & _time_can_pass(m, w)
    if not m.bounds.agents:
        for k in m.runs_of(job):
            can = can & (((w.marker[job] == m.number(k)) & m.in_progress(w, k)) == 0)
    return can


def _age_marker(m: Model, job: int, w: World) -> None:
    """Two hours after the marker was set every row that was open then is past its grace as well."""
    w.marker_old[job] = 1
    for k in m.runs_of(job):
        marked = (w.marker[job] == m.number(k)) & member(w.memory[k], (RUNNING,))
        w.expired[k] = where(marked, 1, w.expired[k])
    _time_passes(m, w)


def _time_passes(m: Model, w: World) -> None:
    for job in m.jobs:
        w.instant[job] = 0


# -- reservations: a run comes into being


def _reservations(m: Model) -> Iterator[Action]:
    groups = [tuple(m.jobs)] if m.revision.batched else [(job,) for job in m.jobs]
    for jobs in groups:
        yield Action(
            "tick", "gateway", _gateway_at("running"), partial(_can_tick, m, jobs), partial(_tick, m, jobs),
            () if m.revision.batched else (("job", jobs[0]),), event=("run", m.revision.timer[0].event),
            writes_rows=_writes_rows(m.revision.timer[0]), begins_run=m.revision.timer[0].event == "open",
        )
    if m.bounds.manual:
        for job in m.jobs:
            for same_ms in (False, True) if m.layout.cell("instant", job).bits else (False,):
                yield Action(
                    "run_now", "operator", _gateway_at("catching_up", "running"), partial(_can_run_now, m, job, same_ms),
                    partial(_run_now, m, job, same_ms), (("job", job), *((("same_ms", 1),) if same_ms else ())), fair=False,
                    event=("run", m.revision.manual[0].event), writes_rows=_writes_rows(m.revision.manual[0]),
                )


def _writes_rows(section: Section) -> bool:
    return any(step in ("open_row", "finalize_row") for step in section.steps)


def _due(m: Model, job: int, w: World) -> Any:
    """Return whether the scheduler finds ``job`` due: a slot has fallen, no marker is set, and a run is left to use."""
    return (w.job[job] == ENABLED) & (w.fallen[job] > w.next[job]) & (w.marker[job] == 0) & m.has_free_run(w, job)


def _can_tick(m: Model, jobs: tuple[int, ...], w: World) -> Any:
    due: Any = False
    for job in jobs:
        due = due | _due(m, job, w)
    can = due & m.lock_free(w)
    if m.revision.batched:
        for k in m.runs:
            ticking = (w.path[k] == PATHS.index("timer")) & (w.age[k] == 0) & m.in_progress(w, k)
            can = can & (ticking == 0)
    return can


def _tick(m: Model, jobs: tuple[int, ...], w: World) -> None:
    for job, due in [(job, _due(m, job, w)) for job in jobs]:
        _start_run(m, "timer", job, due, w)


def _can_run_now(m: Model, job: int, same_ms: bool, w: World) -> Any:
    can = (w.job[job] == ENABLED) & (w.marker[job] == 0) & m.has_free_run(w, job) & m.lock_free(w)
    return can & (w.instant[job] == 1) if same_ms else can


def _run_now(m: Model, job: int, same_ms: bool, w: World) -> None:
    """Start a run by hand. Its start time is that of its reservation, so its identity is decided here."""
    if same_ms:
        earlier_used: Any = True
        for k in m.runs_of(job):
            w.twin[k] = where(earlier_used & (w.step[k] == STEP_ABSENT), 1, w.twin[k])
            earlier_used = w.step[k] != STEP_ABSENT
    _start_run(m, "manual", job, True, w)
    w.instant[job] = 1


def _start_run(m: Model, path: str, job: int, on: Any, w: World) -> None:
    """Use up the job's first unused run for ``path``, and do its first section."""
    section = m.revision.write_orders[path][0]
    landing = RUN.code(m.revision.states(path)[1])
    earlier_used: Any = True
    for k in m.runs_of(job):
        unused = w.step[k] == STEP_ABSENT
        here = on & unused & earlier_used
        earlier_used = unused == 0
        w.step[k] = where(here, landing, w.step[k])
        w.path[k] = where(here, PATHS.index(path), w.path[k])
        slot = m.bounds.slots if path == "manual" else w.next[job]
        w.slot[k] = where(here, slot, w.slot[k])
        for step in section.steps:
            STEPS[step].effect(m, w, k, here, True)


# -- a run on its way


def _run_actions(m: Model) -> Iterator[Action]:
    for k in m.runs:
        for path, order in m.revision.write_orders.items():
            if path == "manual" and not m.bounds.manual:
                continue
            states = m.revision.states(path)
            for position in range(1, len(order)):
                yield from _section_actions(m, k, path, order[position], states[position], states[position + 1])


def _section_actions(m: Model, k: int, path: str, section: Section, source: str, target: str) -> Iterator[Action]:
    variants: list[tuple[tuple[str, int], ...]] = [()]
    if section.event == "end":
        variants = [(("end", end),) for end in range(1, m.bounds.outcomes + 1)]
    if section.event == "begin":
        variants = [(("early", flag),) for flag in (1, 0)] if _may_be_early(m, k, path) else [()]
        if path != "manual" and m.layout.cell("twin", k).bits and m.number(k) > 1:
            variants.append((("same_ms", 1),))
    durable = any(STEPS[step].home.durable for step in section.steps)
    if durable and m.bounds.store_faults:
        variants += [(*variant, ("fault", 1)) for variant in variants if ("same_ms", 1) not in variant]
    for variant in variants:
        faulty = ("fault", 1) in variant
        yield Action(
            section.event, "run", ("step", (k,), RUN.codes(source)),
            partial(_can_advance, m, k, path, section, source, variant),
            partial(_advance, m, k, section, RUN.code(target), dict(variant)),
            (("run", k), *variant),
            fair=not faulty, budget="store_faults" if faulty else None,
            writes_rows=_writes_rows(section), begins_run=section.event == "begin",
            event=("run", section.event), moments=frozenset({path}),
        )


def _may_be_early(m: Model, k: int, path: str) -> bool:
    return path != "manual" and m.layout.cell("early", k).bits > 0


def _can_advance(
    m: Model, k: int, path: str, section: Section, source: str, variant: tuple[tuple[str, int], ...], w: World
) -> Any:
    can: Any = w.path[k] == PATHS.index(path)
    if section.needs_lock:
        can = can & m.lock_free(w, k)
    can = can & (_waits(m, k, path, section, source, w) == 0)
    if ("fault", 1) in variant:
        can = can & (w.store_faults > 0)
    if ("same_ms", 1) in variant:
        can = can & (w.instant[m.job_of(k)] == 1)
    return can


def _waits(m: Model, k: int, path: str, section: Section, source: str, w: World) -> Any:
    """Return whether run ``k`` has to wait for another run of its batch before ``section``."""
    waits: Any = False
    in_turn = section.in_turn and (m.revision.sequential or path != "timer")
    for other in m.runs:
        if m.job_of(other) == m.job_of(k) or not (section.barrier or (in_turn and other < k)):
            continue
        needed = RUN.code(source) if section.barrier else RUN.code("held")
        batch = m.same_batch(w, k, other)
        waits = waits | (batch & m.in_progress(w, other) & (w.step[other] < needed))
        if section.together and other < k:
            waits = waits | (batch & (w.step[other] == RUN.code(source)))
    return waits


def _advance(m: Model, k: int, section: Section, target: int, variant: dict[str, int], w: World) -> None:
    disk = not variant.get("fault")
    if not disk:
        _spend(w, "store_faults")
        if section.on_fault == "retry":
            return
    members: list[tuple[int, Any]] = [(k, True)]
    if section.together and m.bounds.jobs > 1:
        source = w.step[k]
        members += [(l, m.same_batch(w, k, l) & (w.step[l] == source)) for l in m.runs if m.job_of(l) != m.job_of(k)]
    if section.event == "begin":
        w.early[k] = variant.get("early", 0)
        if variant.get("same_ms"):
            w.twin[k] = 1
        w.instant[m.job_of(k)] = where(w.path[k] == PATHS.index("manual"), w.instant[m.job_of(k)], 1)
    if section.event == "end":
        w.end[k] = variant["end"]
    for run, here in members:
        for step in section.steps:
            STEPS[step].effect(m, w, run, here, disk)
        w.step[run] = where(here, target, w.step[run])
        if target in RUN.codes(*RUN.final):
            w.age[run] = where(here, 0, w.age[run])


# -- the run log


def _log_actions(m: Model) -> Iterator[Action]:
    for k in m.runs:
        at = ("log_queue", (k,), (1,))
        logged = ("run", k)
        if any("queue_log" in s.steps for order in m.revision.write_orders.values() for s in order):
            yield Action("append_log", "run", at, _always, partial(_append_log, k, True), (logged,))
            if m.bounds.store_faults:
                yield Action(
                    "append_log", "run", at, lambda w: w.store_faults > 0, partial(_append_log, k, False),
                    (logged, ("fault", 1)), fair=False, budget="store_faults",
                )
        if m.revision.logs_interrupted:
            yield Action(
                "append_interrupted", "run", ("interrupt_queue", (k,), (1,)),
                partial(_can_emit, k),
                partial(_append_interrupted, k), (logged,),
            )


def _can_emit(k: int, w: World) -> Any:
    """Interrupted lines are emitted when the catch-up is over, behind what is already queued."""
    return (w.gateway == GATEWAY.code("running")) & (w.log_queue[k] == 0)


def _append_log(k: int, disk: bool, w: World) -> None:
    w.log_queue[k] = 0
    if disk:
        w.log[k] = 2
        w.recorded[k] = 1
    else:
        _spend(w, "store_faults")


def _append_interrupted(k: int, w: World) -> None:
    w.interrupt_queue[k] = 0
    w.log[k] = where(w.log[k] == 0, 1, 3)


# -- the gateway


def _gateway_actions(m: Model) -> Iterator[Action]:
    yield _gateway_action("start", _always, partial(_start, m))
    # A start takes seconds: runs of the service before do not stay between two sections for so long.
    rested = partial(_no_run_is_busy, m)
    yield _gateway_action("repair", rested, partial(_repair, m, True), writes_rows=True)
    if m.bounds.store_faults and not m.revision.memory_first:
        yield _gateway_action(
            "repair", lambda w: (w.store_faults > 0) & rested(w), partial(_repair, m, False),
            params=(("fault", 1),), budget="store_faults",
        )
    yield _gateway_action("catch_up", partial(_lock_free, m), partial(_catch_up, m))
    yield _gateway_action("ready", partial(_caught_up, m), partial(_ready, m))
    if m.bounds.restarts:
        yield _gateway_action("exit", _always, partial(_wipe, m, "exit"))


def _gateway_action(
    event: str, guard: Callable[[World], Any], effect: Callable[[World], None], *,
    params: tuple[tuple[str, int], ...] = (), budget: str | None = None, writes_rows: bool = False,
) -> Action:
    return Action(
        event, "gateway", _gateway_at(*GATEWAY.sources(event)), guard, effect, params,
        fair=budget is None, budget=budget, writes_rows=writes_rows, event=("gateway", event),
    )


def _become(state: str, w: World) -> None:
    w.gateway = GATEWAY.code(state)


def _lock_free(m: Model, w: World) -> Any:
    return m.lock_free(w)


def _start(m: Model, w: World) -> None:
    _become("starting", w)
    restore_rows(m, w)
    _time_passes(m, w)


def _repair(m: Model, disk: bool, w: World) -> None:
    _become("repaired", w)
    if disk:
        for name in m.revision.repair:
            (REPAIRS.get(name) or MUTANT_REPAIRS[name])(m, w)
    else:
        _spend(w, "store_faults")


def _catch_up(m: Model, w: World) -> None:
    _become("catching_up", w)
    if m.revision.catch_up and (m.revision.catch_up_agents or not m.bounds.agents):
        for job, due in [(job, _due(m, job, w) & (w.skipped[job] == 0)) for job in m.jobs]:
            _start_run(m, "catch_up", job, due, w)
    for job in m.jobs:
        w.skipped[job] = 0


def _caught_up(m: Model, w: World) -> Any:
    done: Any = True
    for k in m.runs:
        catching_up = (w.path[k] == PATHS.index("catch_up")) & (w.age[k] == 0) & m.in_progress(w, k)
        done = done & (catching_up == 0)
    return done


def _ready(m: Model, w: World) -> None:
    _become("running", w)
    for name in m.revision.ready:
        REPAIRS[name](m, w)


def _wipe(m: Model, event: str, w: World) -> None:
    w.wipe(WIPES[event])


# -- the gateway's sweep


def _sweep_actions(m: Model) -> Iterator[Action]:
    yield Action(
        "sweep_begin", "sweep", ("sweep", (), (0,)), partial(_can_sweep, m), partial(_sweep_begin, m)
    )
    for k in m.runs:
        at = ("sweep", (), (k + 1,))
        yield Action(
            "sweep_row", "sweep", at, _always, partial(_sweep_row, m, k, True), (("run", k),), writes_rows=True
        )
        if m.bounds.store_faults:
            yield Action(
                "sweep_row", "sweep", at, partial(_sweep_write_can_fail, m, k), partial(_sweep_row, m, k, False),
                (("run", k), ("fault", 1)), fair=False, budget="store_faults",
            )


def _up_for_decision(m: Model, w: World, k: int) -> Any:
    return member(w.memory[k], (RUNNING, LOST) if m.rule_table.repairs_lost else (RUNNING,))


def _can_sweep(m: Model, w: World) -> Any:
    any_row: Any = False
    for k in m.runs:
        any_row = any_row | _up_for_decision(m, w, k)
    return any_row & member(w.gateway, GATEWAY.codes(*SWEEPING))


def _next_row(m: Model, w: World, first: int) -> Any:
    """Return the sweep's position at the first row from ``first`` on that is up for a decision, or 0 at the end."""
    position: Any = 0
    for k in reversed(range(first, len(m.runs))):
        position = where(_up_for_decision(m, w, k), k + 1, position)
    return position


def _sweep_begin(m: Model, w: World) -> None:
    for k in m.runs:
        w.seen[k] = m.evidence_class(w, k)
    w.sweep = _next_row(m, w, 0)


def decision_parts(m: Model, w: World, k: int) -> tuple[Any, ...]:
    """Return what the gateway's sweep has before it when it decides about row ``k``, as an index of the rule's table."""
    seen = w.seen[k] if m.revision.caches_evidence else m.evidence_class(w, k)
    owner = where(m.in_progress(w, k), 1, 2)
    lost = where(w.memory[k] == LOST, 1, 0)
    return lost, w.expired[k], 1, w.active[m.job_of(k)], owner, seen


def _answer(m: Model, w: World, k: int) -> Any:
    """Return what the rule answers about row ``k`` to the gateway's sweep: the status to write, or 0."""
    return m.rule_table.answers[decision_parts(m, w, k)]


def _sweep_row(m: Model, k: int, disk: bool, w: World) -> None:
    answer = _answer(m, w, k)
    decided = _up_for_decision(m, w, k) & (answer != 0)
    decide_row(m, w, k, decided, answer, disk)
    if not disk:
        _spend(w, "store_faults")
    w.seen[k] = 0
    w.sweep = _next_row(m, w, k + 1)


def _sweep_write_can_fail(m: Model, k: int, w: World) -> Any:
    return (w.store_faults > 0) & _up_for_decision(m, w, k) & (_answer(m, w, k) != 0)


# -- an offline CLI pass


def _offline_actions(m: Model) -> Iterator[Action]:
    if not m.bounds.offline_passes:
        return
    yield Action(
        "cli_begin", "operator", ("offline_passes", (), tuple(range(1, m.bounds.offline_passes + 1))),
        partial(_can_begin_cli, m), partial(_cli_begin, m), fair=False, budget="offline_passes",
    )
    for k in m.runs:
        for plan in range(1, len(m.rule_table.offline_answers)):
            yield Action(
                "cli_row", "operator", ("plan", (k,), (plan,)), partial(_is_next, k), partial(_cli_row, m, k, plan),
                (("run", k),), writes_rows=True,
            )


def _plan(m: Model, w: World, k: int) -> Any:
    """Return what an offline pass that starts now will write over row ``k``, as a position in the possible answers."""
    lost = where(w.row[k] == LOST, 1, 0)
    table = m.rule_table
    answer = table.answers[lost, w.expired[k], 0, 0, 0, m.evidence_class(w, k)]
    plan: Any = 0
    for position, status in enumerate(table.offline_answers):
        plan = where(answer == status, position, plan)
    return where(member(w.row[k], (RUNNING, LOST)), plan, 0)


def _can_begin_cli(m: Model, w: World) -> Any:
    some: Any = False
    idle: Any = True
    for k in m.runs:
        some = some | (_plan(m, w, k) != 0)
        idle = idle & (w.plan[k] == 0)
    return some & idle


def _cli_begin(m: Model, w: World) -> None:
    _spend(w, "offline_passes")
    plans = [_plan(m, w, k) for k in m.runs]
    for k in m.runs:
        w.plan[k] = plans[k]


def _is_next(k: int, w: World) -> Any:
    first: Any = True
    for earlier in range(k):
        first = first & (w.plan[earlier] == 0)
    return first


def _cli_row(m: Model, k: int, plan: int, w: World) -> None:
    """Write the whole row from the snapshot of the pass's start, over whatever the gateway has written since."""
    w.plan[k] = 0
    put_row(m, w, k, True, m.rule_table.offline_answers[plan])


# -- operator and faults


def _operator_actions(m: Model) -> Iterator[Action]:
    if not m.bounds.operator_actions:
        return
    for name, status in (("disable", DISABLED), ("delete", DELETED)):
        for job in m.jobs:
            yield Action(
                name, "operator", ("job", (job,), (ENABLED,)),
                lambda w: (w.operator_actions > 0) & m.lock_free(w), partial(_interfere, m, job, status),
                (("job", job),), fair=False, budget="operator_actions",
            )
    if m.bounds.operator_actions > 1:
        for job in m.jobs:
            yield Action(
                "enable", "operator", ("job", (job,), (DISABLED,)),
                lambda w: (w.operator_actions > 0) & m.lock_free(w), partial(_enable, job),
                (("job", job),), fair=False, budget="operator_actions",
            )


def _enable(job: int, w: World) -> None:
    _spend(w, "operator_actions")
    w.job[job] = ENABLED


def _interfere(m: Model, job: int, status: int, w: World) -> None:
    _spend(w, "operator_actions")
    w.job[job] = status
    if status == DELETED or m.revision.disabling_clears_marker:
        w.marker[job] = 0
        w.marker_old[job] = 0
    if status == DELETED:
        w.last[job] = 0


def _fault_actions(m: Model) -> Iterator[Action]:
    if m.bounds.long_waits and m.revision.clears_stuck_markers:
        for job in m.jobs:
            yield Action(
                "clear_stuck", "gateway", ("marker_old", (job,), (1,)),
                lambda w: (w.gateway == GATEWAY.code("running")) & m.lock_free(w),
                partial(_clear_stuck, m, job), (("job", job),),
            )
    if m.bounds.crashes:
        yield _fault(m, "crash", "crashes", lambda w: None)
    if m.bounds.restarts:
        yield _fault(m, "terminate", "restarts", _terminate)
        yield _fault(m, "restart_in_process", "restarts", partial(_restart, m, m.revision.reloads_memory))
        yield _fault(m, "reload", "restarts", partial(_restart, m, False))


def _clear_stuck(m: Model, job: int, w: World) -> None:
    w.marker[job] = 0
    w.marker_old[job] = 0


def _fault(m: Model, event: str, budget: str, effect: Callable[[World], None]) -> Action:
    def happen(w: World) -> None:
        _spend(w, budget)
        w.wipe(WIPES.get(event, ()))
        effect(w)

    def can_happen(w: World) -> Any:
        left = getattr(w, budget) > 0
        # A restart inside the process takes seconds: no run stays between two sections for so long.
        return left & _no_run_is_busy(m, w) if event in ("restart_in_process", "reload") else left

    return Action(
        event, "operator" if budget == "restarts" else "gateway", _gateway_at(*GATEWAY.sources(event)),
        can_happen, happen, fair=False, budget=budget, event=("gateway", event),
    )


def _terminate(w: World) -> None:
    """SIGTERM: timers and maintenance stop; runs in flight go on until the process exits."""
    _become("stopping", w)
    w.wipe(WIPES["restart_in_process"])


def _restart(m: Model, reload_memory: bool, w: World) -> None:
    """A new cron service starts in the same process, beside what is left of the old one."""
    _become("starting", w)
    for k in m.runs:
        w.age[k] = where(m.in_progress(w, k), w.age[k] + 1, w.age[k])
    if reload_memory:
        restore_rows(m, w)
    _time_passes(m, w)
