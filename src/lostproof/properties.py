"""The properties: what an operator may rely on. One predicate each, used by every engine.

``recorded`` and ``executed`` are judged by ghost fields, because a ``lost`` written over a row erases what the row said;
all properties judge the durable row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lostproof.errors import unknown
from lostproof.evidence import ENDS
from lostproof.fields import LOGS, OUTBOX
from lostproof.model import Model
from lostproof.steps import DELETED, ENABLED, INFERRED, RUNNING, says_truth
from lostproof.tables import chart
from lostproof.world import World, look, member

__all__ = ["PROPERTIES", "Property", "property_named"]

TASK, RUN = chart("task"), chart("run")
ABSENT, LOST, SUCCEEDED = TASK.codes("absent", "lost", "succeeded")
TERMINAL = tuple(code for code in range(len(TASK.states)) if code not in (ABSENT, RUNNING))
STEP_ABSENT, HELD, GONE, SETTLED = RUN.codes("absent", "held", "gone", "settled")
BEGUN = RUN.codes("executing")
OK, GIVEN_UP = ENDS.index("ok"), OUTBOX.index("given up")
LINES = tuple(code for code, words in enumerate(LOGS) if words.startswith("ended"))
STRENGTH = tuple(
    {"succeeded": 4, "failed": 4, "cancelled": 3, "timed_out": 2, "interrupted": 1, "lost": 1}.get(s, 0) for s in TASK.states
)
"""How much a row status knows: a recorded end, an accepted cancel, a watchdog's timeout, an inference, nothing."""


@dataclass(frozen=True)
class Property:
    """One property.

    Attributes:
        id: what the command line calls it.
        kind: ``step`` (judged on every transition), ``state`` (on every state) or ``leads-to`` (on the closed graph,
            under strong fairness of the product's own actors).
        per: what it is about: each ``run``, ``job`` or ``slot``.
        sentence: what it says, in English.
        formula: what it says, in temporal logic; ``x'`` is x after the step.
        step: for ``step``: where the transition breaks it.
        state: for ``state``: where the state breaks it.
        premise, goal: for ``leads-to``: whenever the premise holds, the goal holds then or later.
        needs: the bound that switches on what it is about; without it the property holds, with nothing said.
        breakable_by: for ``step``: the fields of which one has to be written.
        because: why it is broken, in words, for the end of a race; ``{it}`` is the run, job or slot.
    """

    id: str
    kind: str
    per: str
    sentence: str
    formula: str
    because: str
    step: Callable[[Model, World, World, Any], Any] | None = None
    state: Callable[[Model, World, Any], Any] | None = None
    premise: Callable[[Model, World, Any], Any] | None = None
    goal: Callable[[Model, World, Any], Any] | None = None
    needs: str = ""
    breakable_by: tuple[str, ...] = ("row",)

    def subjects(self, m: Model) -> list[Any]:
        """Return everything that the property is about in ``m``: nothing in a world without what it ``needs``."""
        if self.needs and not getattr(m.bounds, self.needs):
            return []
        if self.per == "slot":
            return [(job, slot) for job in m.jobs for slot in range(m.bounds.slots)]
        return list(m.jobs if self.per == "job" else m.runs)

    def name_of(self, m: Model, subject: Any) -> str:
        """Return what people call ``subject``."""
        if self.per == "slot":
            return f"slot {subject[1] + 1} of {m.job_name(subject[0])}"
        return m.job_name(subject) if self.per == "job" else m.run_name(subject)


# -- predicates


def _becomes_lost(before: World, after: World, k: int) -> Any:
    return (before.row[k] != LOST) & (after.row[k] == LOST)


def _completed_lost(m: Model, before: World, after: World, k: int) -> Any:
    return _becomes_lost(before, after, k) & (before.recorded[k] == 1)


def _executed_lost(m: Model, before: World, after: World, k: int) -> Any:
    return _becomes_lost(before, after, k) & (before.end[k] != 0)


def _live_lost(m: Model, before: World, after: World, k: int) -> Any:
    return _becomes_lost(before, after, k) & m.live(before, k)


def _live_closed(m: Model, before: World, after: World, k: int) -> Any:
    inferred = (member(before.row[k], INFERRED) == 0) & member(after.row[k], INFERRED)
    return inferred & m.live(before, k)


def _record_overwritten(m: Model, before: World, after: World, k: int) -> Any:
    weaker = look(STRENGTH, after.row[k]) < look(STRENGTH, before.row[k])
    return says_truth(before, k, before.row[k]) & weaker


def _line_waits(m: Model, w: World, k: int) -> Any:
    waits: Any = False
    for process in m.processes(w):
        waits = waits | (process.log_queue[k] == 1)
    return waits


def _told(m: Model, w: World, k: int) -> Any:
    """Return whether log or job state say how run ``k`` really ended."""
    return (member(w.log[k], LINES) | (w.last[m.job_of(k)] == m.number(k))) & m.tells_truth(w, k)


def _evidence_destroyed(m: Model, before: World, after: World, k: int) -> Any:
    # A line that waits to be appended will say it again.
    kept = (_told(m, after, k) | _line_waits(m, after, k)) & (after.pruned[k] <= before.pruned[k])
    # Where there is no row there is nothing that the word could be of use for.
    useless = says_truth(after, k, after.row[k]) | (before.row[k] == ABSENT)
    return (before.end[k] != 0) & _told(m, before, k) & (kept == 0) & (useless == 0)


def _reported(status: Any) -> Any:
    """What the product's own status says: an interrupted row is a failed one."""
    return look(tuple(TASK.code("failed") if s == "interrupted" else TASK.code(s) for s in TASK.states), status)


def _contradicts(w: World, k: int) -> Any:
    return member(w.row[k], TERMINAL) & (w.end[k] != 0) & (says_truth(w, k, _reported(w.row[k])) == 0)


def _contradicts_record(m: Model, w: World, k: int) -> Any:
    pending = m.owned(w, k) | _line_waits(m, w, k) | (w.plan[k] != 0)
    return _contradicts(w, k) & (w.recorded[k] == 1) & (pending == 0)


def _contradicts_truth(m: Model, w: World, k: int) -> Any:
    return _contradicts(w, k)


def _invented(m: Model, w: World, k: int) -> Any:
    return (w.row[k] == SUCCEEDED) & (w.end[k] != 1)


def _begun_again(m: Model, before: World, after: World, subject: tuple[int, int]) -> Any:
    job, slot = subject
    begun: Any = False
    for k in m.runs_of(job):
        begins = (m.step(before, k) != m.step(after, k)) & member(m.step(after, k), BEGUN)
        begun = begun | (begins & (after.slot[k] == slot))
    return begun & m.executed(before, job, slot)


def _slot_fell(m: Model, w: World, subject: tuple[int, int]) -> Any:
    job, slot = subject
    return (w.fallen[job] > slot) & (w.job[job] == ENABLED)


def _slot_dealt_with(m: Model, w: World, subject: tuple[int, int]) -> Any:
    job, slot = subject
    done = m.executed(w, job, slot) | (w.noticed[job, slot] == 1) | (w.job[job] != ENABLED)
    # A slot that still is due when the bounds leave no run for it has not been dropped by anybody.
    return done | ((w.next[job] <= slot) & (m.has_free_run(w, job) == 0))


def _blocked(m: Model, w: World, job: int) -> Any:
    return (w.job[job] == ENABLED) & (w.marker[job] != 0)


def _free(m: Model, w: World, job: int) -> Any:
    return _blocked(m, w, job) == 0


def _vanished(m: Model, w: World, k: int) -> Any:
    over = member(m.step(w, k), (SETTLED, GONE)) & (m.live(w, k) == 0)
    return over & (w.recorded[k] == 0) & (_line_waits(m, w, k) == 0)


def _closed(m: Model, w: World, k: int) -> Any:
    return member(w.row[k], TERMINAL)


def _recorded(m: Model, w: World, k: int) -> Any:
    return w.recorded[k] == 1


def _row_true(m: Model, w: World, k: int) -> Any:
    return says_truth(w, k, w.row[k])


def _begins_beside(m: Model, before: World, after: World, job: int) -> Any:
    busy: Any = False
    begins: Any = False
    for k in m.runs_of(job):
        busy = busy | m.live(before, k)
        begins = begins | ((m.live(before, k) == 0) & m.live(after, k))
    return busy & begins


def _waits(m: Model, w: World, k: int) -> Any:
    free: Any = m.delivering(w, k)  # what it waits for then is its own
    for action in m.actions:
        if action.actor == "run" and action.get("run") == k and action.fair and HELD in action.at[2]:
            free = free | ((m.viewed_by(action, w).step[k] == HELD) & action.guard(w))
    return (m.step(w, k) == HELD) & (free == 0)


def _stale_job_state(m: Model, w: World, k: int) -> Any:
    job, number = m.job_of(k), m.number(k)
    latest: Any = w.moved_on[job] == 0
    for later in m.runs_of(job):
        if later > k:
            latest = latest & (m.step(w, later) == STEP_ABSENT)
    closed = member(w.row[k], TERMINAL) & (m.owned(w, k) == 0) & (w.job[job] != DELETED)
    return latest & closed & (w.last[job] != number) & (w.last[job] != m.bounds.runs + number)


def _false_lost(m: Model, w: World, k: int) -> Any:
    return (w.row[k] == LOST) & (w.recorded[k] == 1)


def _not_lost(m: Model, w: World, k: int) -> Any:
    return w.row[k] != LOST


def _received_again(m: Model, before: World, after: World, k: int) -> Any:
    had: Any = before.received[k] != 0
    for other in m.runs_of(m.job_of(k)):
        if other != k:
            same = (before.slot[k] == before.slot[other]) & (before.slot[k] < m.bounds.slots)
            alike = (m.told(before, k) == OK) == (m.told(before, other) == OK)
            had = had | (same & alike & (before.received[other] != 0))
    return (after.received[k] != before.received[k]) & had


def _brought_forth(m: Model, w: World, k: int) -> Any:
    return m.told(w, k) != 0


def _delivered_or_given_up(m: Model, w: World, k: int) -> Any:
    cut_off = member(w.row[k], INFERRED) | (w.last[m.job_of(k)] == m.bounds.runs + m.number(k))
    return (w.received[k] != 0) | (w.outbox[k] == GIVEN_UP) | cut_off


def _owed(m: Model, w: World, job: int) -> Any:
    return w.owed[job] != 0


def _answered(m: Model, w: World, job: int) -> Any:
    # A request that still waits when the bounds leave no run for it has not been dropped by anybody.
    waits = ((w.accepted[job] == 1) | (w.booked[job] == 1)) & (m.has_free_run(w, job) == 0)
    return (w.owed[job] == 0) | waits


PROPERTIES: tuple[Property, ...] = (
    Property(
        "completed-run-never-lost", "step", "run",
        "no row becomes lost when its run's end is recorded",
        "□(recorded ∧ row≠lost ⇒ row'≠lost)",
        "the row of {it} became lost although a durable store held how the run ended",
        step=_completed_lost,
    ),
    Property(
        "executed-run-never-lost", "step", "run",
        "no row becomes lost when its run really ended, recorded or not",
        "□(ended ∧ row≠lost ⇒ row'≠lost)",
        "the row of {it} became lost although its work had ended",
        step=_executed_lost,
    ),
    Property(
        "live-run-never-lost", "step", "run",
        "no row becomes lost while its run is live",
        "□(live ∧ row≠lost ⇒ row'≠lost)",
        "the row of {it} became lost while a living process was working on the run",
        step=_live_lost,
    ),
    Property(
        "live-run-never-closed", "step", "run",
        "no row becomes terminal by inference while its run is live",
        "□(live ∧ row∉inferred ⇒ row'∉inferred)",
        "the row of {it} was closed by inference while a living process was working on the run",
        step=_live_closed,
    ),
    Property(
        "record-never-overwritten", "step", "run",
        "a row that says how its run really ended is never replaced by something weaker",
        "□(row=truth ⇒ strength(row')≥strength(row))",
        "the row of {it} said how the run ended and was replaced by something weaker",
        step=_record_overwritten,
    ),
    Property(
        "evidence-outlives-its-use", "step", "run",
        "the last durable word about how a run ended is kept, and so is the row, until the row says so",
        "□(told ∧ row≠truth ⇒ told' ∧ ¬deleted(row)')",
        "the row of {it} did not say how the run ended when the last word of log and job state, or the row, was deleted",
        step=_evidence_destroyed, breakable_by=("log", "last", "pruned"),
    ),
    Property(
        "row-agrees-with-record", "state", "run",
        "a terminal row does not contradict the record, once no write of that run is pending",
        "□(recorded ∧ terminal ∧ ¬pending ⇒ row=truth)",
        "the row of {it} contradicts the record, and no write of the run is pending",
        state=_contradicts_record,
    ),
    Property(
        "row-agrees-with-truth", "state", "run",
        "a terminal row does not contradict how the run really ended",
        "□(ended ∧ terminal ⇒ row=truth)",
        "the row of {it} contradicts how the run really ended",
        state=_contradicts_truth,
    ),
    Property(
        "no-invented-success", "state", "run",
        "a row says succeeded only if that very run did",
        "□(row=succeeded ⇒ end=ok)",
        "the row of {it} says succeeded, but this run did not end so",
        state=_invented,
    ),
    Property(
        "job-runs-alone", "step", "job",
        "no run of a job begins while another run of it is live",
        "□(live(job) ⇒ ¬begin(job)')",
        "a run of {it} began while another was live",
        step=_begins_beside, breakable_by=("step", "work"),
    ),
    Property(
        "result-waits-for-nobody", "state", "run",
        "a run whose work has ended can write that down at once",
        "□(held ⇒ enabled(close))",
        "the work of {it} has ended, but its result has to wait for another run",
        state=_waits,
    ),
    Property(
        "job-state-agrees-with-row", "state", "run",
        "the job's last result is that of its latest run, once its row is terminal and no write of it is pending",
        "□(latest ∧ terminal ∧ ¬pending ⇒ last=run)",
        "the row of {it} is terminal, but the job's last result is that of an earlier run, or none",
        state=_stale_job_state,
    ),
    Property(
        "slot-runs-once", "step", "slot",
        "a slot whose work really ended is not begun again",
        "□(executed ⇒ ¬begin')",
        "{it} was begun again although its work had ended",
        step=_begun_again, breakable_by=("step",),
    ),
    Property(
        "slot-not-dropped", "leads-to", "slot",
        "a slot that fell due is, in the end, executed or visibly given up",
        "□(fallen ⇒ ◇(executed ∨ noticed))",
        "{it} fell due, was neither executed nor given up in any durable store, and never will be",
        premise=_slot_fell, goal=_slot_dealt_with,
    ),
    Property(
        "job-not-blocked", "leads-to", "job",
        "an enabled job can always run again",
        "□(enabled ∧ marker ⇒ ◇(¬marker ∨ ¬enabled))",
        "the marker of {it} stays for ever, so the job never runs again",
        premise=_blocked, goal=_free,
    ),
    Property(
        "vanished-run-is-closed", "leads-to", "run",
        "a run that is gone or abandoned without a record gets a terminal row",
        "□(vanished ⇒ ◇terminal)",
        "{it} is gone without a record, and its row never becomes terminal",
        premise=_vanished, goal=_closed,
    ),
    Property(
        "completed-run-converges", "leads-to", "run",
        "a recorded run's durable row ends with that outcome",
        "□(recorded ⇒ ◇row=truth)",
        "the end of {it} is recorded, but its row never says so",
        premise=_recorded, goal=_row_true,
    ),
    Property(
        "false-lost-is-repaired", "leads-to", "run",
        "a lost row whose run's end is, or becomes, recorded does not stay lost",
        "□(row=lost ∧ recorded ⇒ ◇row≠lost)",
        "the row of {it} stays lost although the run's end is recorded",
        premise=_false_lost, goal=_not_lost,
    ),
    Property(
        "result-delivered-once", "step", "run",
        "nobody gets the result of a run or slot, or the alert about its failure, twice",
        "□(received ⇒ ¬receive')",
        "somebody got what {it} brought forth although they had it already",
        step=_received_again, breakable_by=("received",), needs="deliveries",
    ),
    Property(
        "result-not-dropped", "leads-to", "run",
        "what a run brought forth, result or alert, is in the end delivered or visibly given up",
        "□(ended ⇒ ◇(received ∨ given up))",
        "what {it} brought forth was neither delivered nor given up in any durable store, and never will be",
        premise=_brought_forth, goal=_delivered_or_given_up, needs="deliveries",
    ),
    Property(
        "acknowledged-run-not-dropped", "leads-to", "job",
        "a manual run that was acknowledged is in the end begun or visibly given up",
        "□(acknowledged ⇒ ◇(begun ∨ given up))",
        "a manual run of {it} was acknowledged, has neither begun nor been given up in any durable store, and never will",
        premise=_owed, goal=_answered, needs="admission",
    ),
)
"""All properties, in the order in which they are shown."""

_BY_ID = {known.id: known for known in PROPERTIES}


def property_named(name: str) -> Property:
    """Return the property with id ``name``.

    Raises:
        BadInput: there is none.
    """
    if name not in _BY_ID:
        raise unknown("property", name, _BY_ID)
    return _BY_ID[name]
