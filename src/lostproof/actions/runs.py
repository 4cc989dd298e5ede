"""Runs: how they come into being, and how they get through the sections of their write order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from lostproof.actions.action import Action, always, gateway_at, spend
from lostproof.actions.patience import waits
from lostproof.evidence import ENDS
from lostproof.fields import PATHS, Home
from lostproof.model import Model
from lostproof.revisions import Section
from lostproof.steps import ENABLED, STEPS, answer_request, bring_forth, disown_row, drop_marker, put_line
from lostproof.tables import chart
from lostproof.world import World, where

__all__ = [
    "can_run_now", "collect_due", "due_now", "found_due", "log_actions", "reservations", "run_actions", "run_now",
    "start_run",
]

RUN, GATEWAY = chart("run"), chart("gateway")
OK = ENDS.index("ok")
STEP_ABSENT, RECORDED, APPLIED, SETTLED, RELEASED = RUN.codes("absent", "recorded", "applied", "settled", "released")


# -- reservations: a run comes into being


def reservations(m: Model) -> Iterator[Action]:
    """Yield what brings runs into being: the tick of the timer, and the operator. The catch-up belongs to start-up."""
    groups = [tuple(m.jobs)] if m.revision.batched else [(job,) for job in m.jobs]
    for jobs in groups:
        if m.torn_reservations:
            yield Action(
                "collect", "gateway", gateway_at("running"), partial(_timer_fires, m, jobs), partial(collect_due, m, jobs),
                () if m.revision.batched else (("job", jobs[0]),),
            )
        yield Action(
            "tick", "gateway", gateway_at("running"), partial(_can_tick, m, jobs), partial(_tick, m, jobs),
            () if m.revision.batched else (("job", jobs[0]),), event=("run", m.revision.timer[0].event),
        )
    if m.bounds.manual and not m.bounds.admission:
        for job in m.jobs:
            for same_ms in (False, True) if m.layout.cell("instant", job).bits else (False,):
                yield Action(
                    "run_now", "operator", gateway_at("catching_up", "running"), partial(can_run_now, m, job, same_ms),
                    partial(run_now, m, job, same_ms), (("job", job), *((("same_ms", 1),) if same_ms else ())), fair=False,
                    event=("run", m.revision.manual[0].event),
                )


def due_now(m: Model, job: int, w: World) -> Any:
    """Return whether the scheduler finds ``job`` due: a slot has fallen, no marker is set, and a run is left to use."""
    return (w.fallen[job] > w.next[job]) & (w.put_off[job] == 0) & m.startable(w, job)


def found_due(m: Model, job: int, w: World) -> Any:
    """Return whether ``job`` is reserved now: it is due, or it was when the store was read, whatever has happened since."""
    if not m.torn_reservations:
        return due_now(m, job, w)
    return (w.collected[job] != 0) & (w.job[job] == ENABLED) & m.has_free_run(w, job)


def collect_due(m: Model, jobs: Iterable[int], w: World) -> None:
    """Read the store and remember which jobs are due; their reservation is written next."""
    for job, due in [(job, due_now(m, job, w) & (w.skipped[job] == 0)) for job in jobs]:
        w.collected[job] = where(due, w.next[job] + 1, 0)


def _can_tick(m: Model, jobs: tuple[int, ...], w: World) -> Any:
    if not m.torn_reservations:
        return _timer_fires(m, jobs, w)
    collected: Any = False
    for job in jobs:
        collected = collected | (w.collected[job] != 0)
    return collected


def _timer_fires(m: Model, jobs: tuple[int, ...], w: World) -> Any:
    due: Any = False
    for job in jobs:
        due = due | due_now(m, job, w)
    can = due & m.lock_free(w)
    if m.revision.batched:
        for k in m.runs:
            ticking = (w.path[k] == PATHS.index("timer")) & (w.age[k] == 0) & m.in_progress(w, k)
            can = can & (ticking == 0)
    return can


def _tick(m: Model, jobs: tuple[int, ...], w: World) -> None:
    for job, due in [(job, found_due(m, job, w)) for job in jobs]:
        start_run(m, "timer", job, due, w)
        w.collected[job] = 0


def can_run_now(m: Model, job: int, same_ms: bool, w: World) -> Any:
    """Return whether ``job`` can be started by hand."""
    can = m.startable(w, job) & m.lock_free(w)
    return can & (w.instant[job] == 1) & _started_here(w, m.runs_of(job)[0]) if same_ms else can


def _started_here(w: World, k: int) -> Any:
    """Return whether run ``k`` belongs to this process: rows of another one are never mistaken for its own."""
    return w.step[k] != STEP_ABSENT


def run_now(m: Model, job: int, same_ms: bool, w: World) -> None:
    """Start a run by hand. Its start time is that of its reservation, so its identity is decided here."""
    if same_ms:
        earlier_used: Any = True
        for k in m.runs_of(job):
            w.twin[k] = where(earlier_used & (m.step(w, k) == STEP_ABSENT), 1, w.twin[k])
            earlier_used = m.step(w, k) != STEP_ABSENT
    start_run(m, "manual", job, True, w)
    w.instant[job] = 1


def start_run(m: Model, path: str, job: int, on: Any, w: World) -> None:
    """Use up the job's first unused run for ``path``, and do its first section."""
    section = m.revision.write_orders[path][0]
    landing = RUN.code(m.revision.states(path)[1])
    earlier_used: Any = True
    for k in m.runs_of(job):
        unused = m.step(w, k) == STEP_ABSENT
        here = on & unused & earlier_used
        earlier_used = unused == 0
        w.step[k] = where(here, landing, w.step[k])
        w.path[k] = where(here, PATHS.index(path), w.path[k])
        slot = m.bounds.slots if path == "manual" else w.collected[job] - 1 if m.torn_reservations else w.next[job]
        w.slot[k] = where(here, slot, w.slot[k])
        if section.event == "open" and m.bounds.detached:
            w.work[k] = where(here, 1, w.work[k])
        w.moved_on[job] = where(here, 0, w.moved_on[job])
        for step in section.steps:
            STEPS[step].effect(m, w, k, here, True)


# -- a run on its way


def run_actions(m: Model) -> Iterator[Action]:
    """Yield the sections of every run, on every path, with their variants."""
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
            partial(_advance, m, k, path, section, RUN.code(target), dict(variant)),
            (("run", k), *variant),
            fair=not faulty, budget="store_faults" if faulty else None,
            event=("run", section.event), paths=frozenset({path}),
        )
    if source == "recorded" and m.layout.cell("reassigned", m.job_of(k)).bits:
        yield from _disowning(m, k, path)
    if section.event == "activate":
        yield Action(
            "fence", "run", ("step", (k,), RUN.codes(source)), partial(_is_fenced, m, k, path), partial(_fence, m, k),
            (("run", k),), event=("run", "fence"), paths=frozenset({path}),
        )


def _is_fenced(m: Model, k: int, path: str, w: World) -> Any:
    """Return whether the reservation of run ``k`` was taken away before its run began."""
    return (w.path[k] == PATHS.index(path)) & (w.marker[m.job_of(k)] != m.number(k)) & m.lock_free(w, k)


def _disowning(m: Model, k: int, path: str) -> Iterator[Action]:
    """Yield what happens instead of the job's part of the end if the receipt is no longer valid."""
    step, manual = ("step", (k,), (RECORDED,)), path == "manual"
    writing = ("step", (k,), (APPLIED,))
    yield Action(
        "supersede", "run", step, lambda w: (w.path[k] == PATHS.index(path)) & (w.reassigned[m.job_of(k)] == 1),
        partial(_supersede, m, k, manual), (("run", k),), event=("run", "settle" if manual else "apply"),
        paths=frozenset({path}),
    )
    if not manual:
        yield Action(
            "disown", "run", writing, lambda w: w.path[k] == PATHS.index(path), partial(_disown, m, k), (("run", k),),
            event=("run", "settle"), paths=frozenset({path}),
        )


def _supersede(m: Model, k: int, manual: bool, w: World) -> None:
    """Give the job back as if the run had not been; a run that was started by hand or has no token leaves it at that."""
    job = m.job_of(k)
    current = w.token[job] == m.number(k)
    drop_marker(job, w, current & (w.marker[job] == m.number(k)))
    _leave(m, k, current & (not manual), w)


def _disown(m: Model, k: int, w: World) -> None:
    disown_row(m, w, k, disk=True)
    _leave(m, k, False, w)


def _leave(m: Model, k: int, writing: Any, w: World) -> None:
    """Let run ``k`` be over, except where it is still ``writing``."""
    STEPS["drop_token"].effect(m, w, k, writing == 0, True)
    w.step[k] = where(writing, APPLIED, SETTLED)
    w.age[k] = where(writing, w.age[k], 0)


def _fence(m: Model, k: int, w: World) -> None:
    """Let run ``k`` not begin; its receipt says so."""
    answer_request(m, w, k, True)
    w.step[k] = RELEASED
    w.age[k] = 0


def _may_be_early(m: Model, k: int, path: str) -> bool:
    return path != "manual" and m.layout.cell("early", k).bits > 0


def _can_advance(
    m: Model, k: int, path: str, section: Section, source: str, variant: tuple[tuple[str, int], ...], w: World
) -> Any:
    can: Any = w.path[k] == PATHS.index(path)
    if section.needs_lock:
        can = can & m.lock_free(w, k)
    if section.event == "activate":
        can = can & (w.marker[m.job_of(k)] == m.number(k))
    if source == "recorded":
        can = can & (w.reassigned[m.job_of(k)] == 0)
    if source == "held":
        can = can & (m.delivering(w, k) == 0)
    can = can & (waits(m, k, path, section, source, w) == 0)
    if ("fault", 1) in variant:
        can = can & (w.store_faults > 0)
    if ("same_ms", 1) in variant:
        can = can & (w.instant[m.job_of(k)] == 1) & _started_here(w, k - 1)
    return can


def _advance(m: Model, k: int, path: str, section: Section, target: int, variant: dict[str, int], w: World) -> None:
    disk = not variant.get("fault")
    if not disk:
        spend(w, "store_faults")
        if section.on_fault == "retry":
            return
        if section.on_fault == "release":
            drop_marker(m.job_of(k), w)
            _fence(m, k, w)
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
        w.work[k] = 0
    if section.event in ("begin", "open") and m.bounds.detached:
        w.work[k] = 1
    for run, here in members:
        entitled = here & _is_entitled(m, run, section, w)
        for step in section.steps:
            on = here if STEPS[step].home is Home.LIFE else entitled
            STEPS[step].effect(m, w, run, on, disk)
        if m.bounds.deliveries and not m.revision.queues_at_the_end(path):
            _bring_forth(m, w, run, path, section, entitled)
        w.step[run] = where(here, target, w.step[run])
        if section.event == "begin":
            answer_request(m, w, run, here)
        if target in RUN.codes(*RUN.final):
            w.age[run] = where(here, 0, w.age[run])
            w.cancelling[run] = where(here, 0, w.cancelling[run])


def _bring_forth(m: Model, w: World, k: int, path: str, section: Section, on: Any) -> None:
    """Let a run that ended ok deliver its result at once, and one that did not raise an alert when the job hears of it."""
    if section.event == "end":
        bring_forth(m, w, k, on & (m.told(w, k) == OK))
    if m.revision.applies_result(path, section):
        bring_forth(m, w, k, on & (m.told(w, k) != OK))


def _is_entitled(m: Model, k: int, section: Section, w: World) -> Any:
    """Return whether run ``k`` may write what ``section`` says, by its token and by what became of its service."""
    entitled: Any = True
    if section.fenced:
        entitled = entitled & (w.token[m.job_of(k)] == m.number(k))
    if section.serving:
        entitled = entitled & (w.age[k] == 0)
    return entitled


# -- the run log


def log_actions(m: Model) -> Iterator[Action]:
    """Yield the appending of queued lines to the run log."""
    for k in m.runs:
        at = ("log_queue", (k,), (1,))
        logged = ("run", k)
        if m.revision.queues_log:
            yield Action("append_log", "run", at, always, partial(_append_log, m, k, True), (logged,))
            if m.bounds.store_faults:
                yield Action(
                    "append_log", "run", at, lambda w: w.store_faults > 0, partial(_append_log, m, k, False),
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


def _append_log(m: Model, k: int, disk: bool, w: World) -> None:
    w.log_queue[k] = 0
    if disk:
        put_line(m, w, k, True)
    else:
        spend(w, "store_faults")


def _append_interrupted(k: int, w: World) -> None:
    w.interrupt_queue[k] = 0
    w.log[k] = where(w.log[k] == 0, 1, 3)
