"""The steps that sections are made of: each changes one thing in one home.

Every step is written once, for one state or for a batch: ``on`` says where it happens, ``disk`` whether its durable write
reaches the disk. A revision's write orders and start-up protocol name steps; nothing else writes to a store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lostproof.evidence import ENDS
from lostproof.fields import LOGS, OUTBOX, PATHS, SENDING, Home
from lostproof.tables import REFUSED, chart
from lostproof.world import World, look, member, where

if TYPE_CHECKING:
    from lostproof.model import Model

__all__ = [
    "MUTANT_REPAIRS",
    "REPAIRS",
    "STEPS",
    "Step",
    "answer_request",
    "bring_forth",
    "close_interrupted",
    "decide_row",
    "disown_row",
    "drop_marker",
    "forget_rows",
    "has_dead_owner",
    "inferred",
    "put_line",
    "put_row",
    "recover_job",
    "release_job",
    "restore_rows",
    "says_truth",
    "settle_row",
]

TASK = chart("task")
ABSENT, RUNNING = TASK.codes("absent", "running")
INFERRED = TASK.codes("interrupted", "lost")
INTERRUPTED, CANCELLED = TASK.codes("interrupted", "cancelled")
TRUTH = TASK.codes("absent", "succeeded", "failed", "timed_out")
"""The row status that tells the truth, by the code of the run's end."""
FINISH = (0, *(TASK.events.index(f"finish_{status}") for status in ("succeeded", "failed", "timed_out")))
OPEN, DISOWN, CANCEL = (TASK.events.index(event) for event in ("open", "disown", "cancel"))
INFER = tuple(
    TASK.events.index(event) if event in TASK.events else OPEN
    for event in ("lose" if status == "lost" else f"recover_{status}" for status in TASK.states)
)
"""The event by which a row comes to a status that somebody infers, by the code of the status."""
DOWN = chart("gateway").code("down")
OK = ENDS.index("ok")
FINISHED_LINE = LOGS.index("ended")
ENABLED, DISABLED, DELETED = 0, 1, 2


@dataclass(frozen=True)
class Step:
    """A step of a section: the home of what it changes, and its effect on run ``k``."""

    home: Home
    effect: Callable[[Model, World, int, Any, bool], None]

    @property
    def doc(self) -> str:
        """What the step does, in one line."""
        return (self.effect.__doc__ or "").strip().split("\n")[0]


STEPS: dict[str, Step] = {}
REPAIRS: dict[str, Callable[[Model, World], None]] = {}
MUTANT_REPAIRS: dict[str, Callable[[Model, World], None]] = {}
"""Start-up steps of mutants: no revision of the registry uses them."""


def _step(home: Home) -> Callable[[Callable[[Model, World, int, Any, bool], None]], Any]:
    def register(effect: Callable[[Model, World, int, Any, bool], None]) -> Any:
        STEPS[effect.__name__] = Step(home, effect)
        return effect

    return register


def _repair(effect: Callable[[Model, World], None]) -> Callable[[Model, World], None]:
    REPAIRS[effect.__name__] = effect
    return effect


# -- rows


def says_truth(w: World, k: int, status: Any) -> Any:
    """Return whether ``status`` says how run ``k`` really ended; a cancelled run did not succeed, and no more is claimed."""
    true = status == look(TRUTH, w.end[k])
    if w.layout.bounds.cancels:
        true = true | ((status == CANCELLED) & (w.end[k] != OK))
    return (w.end[k] != 0) & true


def put_row(m: Model, w: World, k: int, on: Any, status: Any) -> None:
    """Write the row of run ``k`` to disk where ``on``; keep the ghosts that remember what the disk has said."""
    for run, here in m.sharing_row(w, k, on):
        w.row[run] = where(here, status, w.row[run])
        w.pruned[run] = where(here, 0, w.pruned[run])
        w.recorded[run] = w.recorded[run] | (here & says_truth(w, run, status))
        _notice(m, w, run, here & _gives_up(w, run, status))


def _gives_up(w: World, k: int, status: Any) -> Any:
    """Return whether ``status`` says that run ``k`` was cut off: inferred, or told of work that goes on."""
    inferred = member(status, INFERRED)
    if not w.layout.cell("given_up", k).bits:
        return inferred
    return inferred | ((w.given_up[k] != 0) & (status != RUNNING))


def put_memory(m: Model, w: World, k: int, on: Any, status: Any) -> None:
    """Change the gateway's copy of the row of run ``k`` where ``on``; the change is the row's last event."""
    if m.bounds.detached and m.revision.executor_records:
        on = on & (w.gateway != DOWN)
    for run, here in m.sharing_row(w, k, on):
        w.memory[run] = where(here, status, w.memory[run])
        w.expired[run] = where(here, 0, w.expired[run])


def _notice(m: Model, w: World, k: int, on: Any) -> None:
    job = m.job_of(k)
    answer_request(m, w, k, on)
    for slot in range(m.bounds.slots):
        w.noticed[job, slot] = w.noticed[job, slot] | (on & (w.slot[k] == slot))


def answer_request(m: Model, w: World, k: int, on: Any) -> None:
    """Owe nobody an answer any more whose request run ``k`` was to be, where ``on``: it has begun, or is given up."""
    job = m.job_of(k)
    w.owed[job] = where(on & (w.owed[job] == m.number(k) + 1), 0, w.owed[job])


def inferred(m: Model, copy: Any, status: Any) -> Any:
    """Return what becomes of a row's ``copy`` when ``status`` is inferred for it, REFUSED where the chart forbids it."""
    return m.revision.task_table[copy, look(INFER, status)]


def decide_row(m: Model, w: World, k: int, on: Any, status: Any, disk: bool) -> None:
    """Write what a sweep or a start-up decided about run ``k``: memory first, or only what reached the disk."""
    status = inferred(m, m.copy(w, k), status)
    on = on & (status != REFUSED)
    if disk or m.revision.memory_first:
        put_memory(m, w, k, on, status)
    if disk:
        put_row(m, w, k, on, status)
        if m.revision.sweep_releases_job:
            release_job(m, w, k, on & (status == INTERRUPTED))


def restore_rows(m: Model, w: World) -> None:
    """Load the gateway's copies of the rows from disk."""
    for k in m.runs:
        w.memory[k] = where(w.pruned[k] == 1, ABSENT, w.row[k])


def forget_rows(m: Model, w: World) -> None:
    """Go on with an empty ledger in memory; the rows on disk stay as they are."""
    for k in m.runs:
        w.memory[k] = ABSENT


@_step(Home.LEDGER)
def open_row(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Create the row as running, or reuse one with the same id; if that fails the run holds no handle to it."""
    if m.layout.cell("twin", k).bits and m.number(k) > 1:
        shared = on & (w.twin[k] == 1)
        for name in ("row", "memory", "expired"):
            copies = getattr(w, name)
            copies[k] = where(shared, copies[k - 1], copies[k])
    created = on & (m.copy(w, k) == ABSENT)
    opened = m.revision.task_table[m.copy(w, k), OPEN]
    for other in m.runs:
        if other == k:
            continue
        pair = (min(k, other), max(k, other))
        w.inverted[pair] = where(created, _opened_in_other_order(m, w, k, other), w.inverted[pair])
    if disk or m.revision.memory_first:
        put_memory(m, w, k, created, opened)
    if disk:
        put_row(m, w, k, created, opened)
    else:
        w.orphan[k] = where(on, 1, w.orphan[k])


def _opened_in_other_order(m: Model, w: World, k: int, other: int) -> Any:
    """Return whether the row of run ``k``, which is new, and that of ``other`` are not as old as their numbers say."""
    running: Any = False
    for process in m.processes(w):
        running = running | (process.memory[other] == RUNNING)
    if not m.bounds.clock_steps:
        return running & (w.expired[other] == 0) & (k < other)
    # A row from before the clock was set back has a time that lies ahead, until it expires.
    younger = running & (w.ahead[other] == 1) & (w.expired[other] == 0)
    return younger if k > other else running & (younger == 0)


@_step(Home.LEDGER)
def finalize_row(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Close the row with how the run ended, unless the task chart refuses."""
    event = look(FINISH, m.told(w, k))
    if m.revision.cancels == "by_owner" and w.layout.cell("cancelling", k).bits:
        event = where((w.cancelling[k] == 1) & (m.told(w, k) != OK), CANCEL, event)
    status = m.revision.task_table[m.copy(w, k), event]
    applied = on & (w.orphan[k] == 0) & (status != REFUSED)
    if disk or m.revision.memory_first:
        put_memory(m, w, k, applied, status)
    if disk:
        put_row(m, w, k, applied, status)


# -- job state and log


@_step(Home.JOBS)
def set_marker(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Set the job's marker to this run's reservation time."""
    job = m.job_of(k)
    if disk:
        w.marker[job] = where(on, m.number(k), w.marker[job])
        w.marker_old[job] = where(on, 0, w.marker_old[job])


@_step(Home.JOBS)
def reserve_job(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Reserve the job for this run: a receipt names its owner, queuedAtMs says that nothing has begun."""
    if disk:
        set_marker(m, w, k, on, disk)
        w.queued[m.job_of(k)] = where(on, 1, w.queued[m.job_of(k)])
        w.reassigned[m.job_of(k)] = where(on, 0, w.reassigned[m.job_of(k)])


@_step(Home.JOBS)
def activate_job(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Turn the reservation into the job's marker, with the time that the row will start at."""
    job = m.job_of(k)
    if disk:
        w.queued[job] = where(on, 0, w.queued[job])
        w.marker_old[job] = where(on, 0, w.marker_old[job])


@_step(Home.JOBS)
def clear_marker(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Clear whatever marker the job has."""
    job = m.job_of(k)
    if disk:
        drop_marker(job, w, on)


def drop_marker(job: int, w: World, on: Any = True) -> None:
    """Clear the marker of ``job``, and its age with it, where ``on``."""
    w.marker[job] = where(on, 0, w.marker[job])
    w.queued[job] = where(on, 0, w.queued[job])
    w.marker_old[job] = where(on, 0, w.marker_old[job])


@_step(Home.JOBS)
def record_result(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Write how the run ended into the job state, if the job still exists."""
    job = m.job_of(k)
    if disk:
        exists = on & (w.job[job] != DELETED)
        w.last[job] = where(exists, m.number(k), w.last[job])
        w.recorded[k] = w.recorded[k] | (exists & m.tells_truth(w, k))


@_step(Home.JOBS)
def record_job(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Write the result into the job state and clear whatever marker the job has, also another run's."""
    record_result(m, w, k, on, disk)
    clear_marker(m, w, k, on, disk)


@_step(Home.JOBS)
def skip_slots(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Move nextRunAtMs past now: every slot that has fallen due counts as consumed."""
    job = m.job_of(k)
    if disk:
        w.next[job] = where(on, w.fallen[job], w.next[job])
        w.put_off[job] = where(on, 0, w.put_off[job])


@_step(Home.JOBS)
def consume_slot(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Move nextRunAtMs past the run's own slot."""
    job = m.job_of(k)
    if disk:
        w.next[job] = where(on & (w.slot[k] < m.bounds.slots), w.slot[k] + 1, w.next[job])


@_step(Home.PROCESS)
def queue_log(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Queue the finished line for the run log; it is appended some time later, or never."""
    kept = w.job[m.job_of(k)] != DELETED
    if m.revision.logs_deleted_jobs:
        kept = kept | ((m.told(w, k) == OK) & (w.path[k] != PATHS.index("manual")))
    w.log_queue[k] = w.log_queue[k] | (on & kept)


@_step(Home.LOG)
def write_log(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Append the finished line to the run log at once."""
    if disk:
        put_line(m, w, k, on & (w.job[m.job_of(k)] != DELETED))


def put_line(m: Model, w: World, k: int, on: Any) -> None:
    """Append the finished line of run ``k`` to the run log where ``on``."""
    w.log[k] = where(on, FINISHED_LINE, w.log[k])
    w.recorded[k] = w.recorded[k] | (on & m.tells_truth(w, k))


# -- what a run brings forth

PENDING = OUTBOX.index("pending")
TO_BE_SENT = SENDING.index("to be sent")


def bring_forth(m: Model, w: World, k: int, on: Any) -> None:
    """Let the gateway's process have what run ``k`` brought forth, to be sent, where ``on``."""
    w.sending[k] = where(on, TO_BE_SENT, w.sending[k])


@_step(Home.OUTBOX)
def enqueue(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Put what the run brought forth into the delivery queue; a gateway that is up sends it at once."""
    if disk:
        direct = m.revision.delivers_by("direct")
        queued = on & (member(m.told(w, k), direct) == 0) if direct else on
        w.outbox[k] = where(queued, PENDING, w.outbox[k])
    bring_forth(m, w, k, on & (w.gateway != DOWN))


# -- the active set


@_step(Home.PROCESS)
def mark_active(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Put the job into the active set."""
    w.active[m.job_of(k)] = where(on, 1, w.active[m.job_of(k)])


@_step(Home.PROCESS)
def clear_active(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Take the job out of the active set, whoever put it there."""
    w.active[m.job_of(k)] = where(on, 0, w.active[m.job_of(k)])


@_step(Home.LIFE)
def take_token(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Put the job into the active set with a token of this run."""
    w.token[m.job_of(k)] = where(on, m.number(k), w.token[m.job_of(k)])


@_step(Home.LIFE)
def drop_token(m: Model, w: World, k: int, on: Any, disk: bool) -> None:
    """Take the job out of the active set if it is there with this run's token."""
    job = m.job_of(k)
    w.token[job] = where(on & (w.token[job] == m.number(k)), 0, w.token[job])


# -- start-up repairs


@_repair
def clear_markers(m: Model, w: World) -> None:
    """Clear every marker; nothing records that a run was cut off."""
    for job in m.jobs:
        drop_marker(job, w)


@_repair
def skip_interrupted_jobs(m: Model, w: World) -> None:
    """Leave jobs that have a marker out of this start's catch-up."""
    for job in m.jobs:
        w.skipped[job] = w.marker[job] != 0


@_repair
def skip_interrupted_one_shots(m: Model, w: World) -> None:
    """Leave one-shot jobs that have a marker out of this start's catch-up; recurring ones replay."""
    if not m.bounds.recurring:
        skip_interrupted_jobs(m, w)


@_repair
def drop_interrupted_slots(m: Model, w: World) -> None:
    """Move nextRunAtMs of jobs that have a marker past now; their due slots are consumed."""
    for job in m.jobs:
        w.next[job] = where(w.marker[job] != 0, w.fallen[job], w.next[job])


@_repair
def drop_overdue_slots(m: Model, w: World) -> None:
    """Move nextRunAtMs of every recurring job past now; what fell due during the start is dropped without a word."""
    if m.bounds.recurring:
        for job in m.jobs:
            # What is put off has got a due time that lies ahead.
            w.next[job] = where(w.deferred[job] == 1, w.next[job], w.fallen[job])


@_repair
def drop_deferred_slots(m: Model, w: World) -> None:
    """Take the due time of recurring jobs that were put off for a wrong one and compute it anew: their slots are dropped."""
    if m.bounds.recurring:
        for job in m.jobs:
            w.next[job] = where(w.deferred[job] == 1, w.fallen[job], w.next[job])


@_repair
def interrupt_markers(m: Model, w: World) -> None:
    """Turn every marker into an ``interrupted`` job state at the marker's time, and queue a log line for later."""
    drop_interrupted_slots(m, w)
    for k in m.runs:
        marked = w.marker[m.job_of(k)] == m.number(k)
        # A line that is not of the row's own time is kept only if the rule would look at it.
        told = marked if m.rule_table.tells_early_lines else marked & (w.early[k] == 0)
        w.interrupt_queue[k] = w.interrupt_queue[k] | told
        _interrupt_job(m, w, k, marked)


@_repair
def recover_jobs(m: Model, w: World) -> None:
    """Release jobs whose run is dead: by its row if that says how it ended, else as interrupted, with the row to follow."""
    for job in m.jobs:
        recover_job(m, w, job, startup=True)


def recover_job(m: Model, w: World, job: int, startup: bool) -> None:
    """Release ``job`` if its run is dead. A one-shot that was cut off stays due only if a start-up finds it."""
    replayed = startup and not m.bounds.recurring
    for k in m.runs_of(job):
        dead = (w.marker[job] == m.number(k)) & (m.keeps_receipt(w, k) == 0)
        begun = dead & (w.queued[job] == 0)
        told = begun & member(w.row[k], TRUTH[1:]) & (w.pruned[k] == 0)
        w.last[job] = where(told, m.number(k), w.last[job])
        consume_slot(m, w, k, told, True)
        cut_off = begun & (told == 0)
        if not replayed:
            w.next[job] = where(cut_off, w.fallen[job], w.next[job])
        if startup or not m.revision.reclaims_silently:
            w.unclosed[k] = w.unclosed[k] | cut_off
        _interrupt_job(m, w, k, cut_off)
        answer_request(m, w, k, dead)
        drop_marker(job, w, dead)


def disown_row(m: Model, w: World, k: int, disk: bool) -> None:
    """Close the row of a run whose receipt is no longer valid as cut off, also if it says how the run ended."""
    status = m.revision.task_table[m.copy(w, k), DISOWN]
    if disk:
        put_memory(m, w, k, status != REFUSED, status)
        put_row(m, w, k, status != REFUSED, status)


def close_interrupted(m: Model, w: World, k: int, disk: bool) -> None:
    """Close the row of a run that was found cut off as interrupted, over ``lost`` too; create it first if there is none."""
    w.unclosed[k] = 0
    open_row(m, w, k, m.copy(w, k) == ABSENT, disk)
    decide_row(m, w, k, True, INTERRUPTED, disk)


@_repair
def settle_dead_owners(m: Model, w: World) -> None:
    """Close every running row that no living process owns as interrupted, with its job state and marker."""
    for k in m.runs:
        dead = has_dead_owner(m, w, k)
        settle_row(m, w, k, dead, INTERRUPTED)
        release_job(m, w, k, dead)


def has_dead_owner(m: Model, w: World, k: int) -> Any:
    """Return whether the row of run ``k`` is running, the process has read it, and nobody who lives owns the run."""
    return (w.row[k] == RUNNING) & (m.copy(w, k) == RUNNING) & (m.seen_alive(w, k) == 0)


def settle_row(m: Model, w: World, k: int, on: Any, status: int) -> None:
    """Write ``status`` over the row of run ``k``, in memory and on disk, where ``on``."""
    put_memory(m, w, k, on, status)
    put_row(m, w, k, on, status)


def release_job(m: Model, w: World, k: int, on: Any) -> None:
    """Write into the job of run ``k`` that the run was interrupted, and drop its marker, where ``on`` and it is its own."""
    _interrupt_job(m, w, k, on & (w.marker[m.job_of(k)] == m.number(k)))


def _interrupt_job(m: Model, w: World, k: int, on: Any) -> None:
    job = m.job_of(k)
    w.last[job] = where(on, m.bounds.runs + m.number(k), w.last[job])
    _notice(m, w, k, on)
    drop_marker(job, w, on)
