"""The model: a revision in a world of some bounds, and the questions that guards and properties ask about it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lostproof.bounds import BUDGETS, Bounds
from lostproof.evidence import ENDS, INTERRUPTED, INTERRUPTED_EARLIER
from lostproof.fields import PATHS, SENDING
from lostproof.revisions import Revision
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import Cell, Layout, World, look, member, where

if TYPE_CHECKING:
    from lostproof.actions import Action

__all__ = ["Model"]

TASK, RUN = chart("task"), chart("run")
GATEWAY = chart("gateway")
IN_PROGRESS = RUN.codes("reserved", "activated", "executing", "held", "recorded", "applied")
LIVE = RUN.codes("executing", "held", "recorded", "applied")
GIVEN_UP_ENDS = (0, ENDS.index("timed_out"), ENDS.index("failed"))
STEP_ABSENT, APPLIED = RUN.codes("absent", "applied")
TO_BE_SENT, SENT = SENDING.index("to be sent"), SENDING.index("sent")
ABSENT = TASK.code("absent")


class Model:
    """A revision in a world of some bounds.

    Runs are numbered over all jobs; run ``k`` belongs to job ``k // runs``, and its *number* within the job (from 1) is
    what markers and job states refer to it by. Runs of a job are used up in order.
    """

    def __init__(self, revision: Revision, bounds: Bounds) -> None:
        self.revision = revision
        self.bounds = bounds
        self.layout = Layout(bounds, revision)
        self.rule_table = revision.rule_table(bounds)
        self.aging_rows = TASK.codes("running", *(("lost",) if self.rule_table.repairs_lost else ()))
        self.jobs = range(bounds.jobs)
        self.runs = range(bounds.jobs * bounds.runs)
        self.lock_holders = tuple(
            (PATHS.index(path), RUN.code(state))
            for path, order in revision.write_orders.items()
            for section, state in zip(order, revision.states(path)[1:], strict=True)
            if section.keeps_lock
        )

    @property
    def torn_reservations(self) -> bool:
        """Whether another process can come between finding a job due and reserving it."""
        return self.layout.cell("collected", 0).bits > 0

    @property
    def refreshes_copies(self) -> bool:
        """Whether a process brings a copy of a row up to date before it decides: another one may have changed the row."""
        return self.revision.refreshes_copies and self.bounds.gateways > 1

    @property
    def goes_by_disk(self) -> bool:
        """Whether nobody decides by a copy of a row that differs from the row on disk."""
        return self.bounds.gateways > 1 and (self.revision.rereads_rows or self.revision.refreshes_copies)

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """Everything that can happen, in a fixed order."""
        from lostproof.actions import actions_of

        return actions_of(self)

    @cached_property
    def actions_at(self) -> tuple[tuple[Cell, dict[int, list[int]]], ...]:
        """The cells that actions have as their index, with the numbers of the actions for each value."""
        found: dict[int, tuple[Cell, dict[int, list[int]]]] = {}
        for number, action in enumerate(self.actions):
            name, index, values = action.at
            cell = self.layout.cell(name, *index)
            for value in values:
                found.setdefault(cell.key, (cell, {}))[1].setdefault(value, []).append(number)
        return tuple(found.values())

    def named(self, revision: Revision) -> Model:
        """Return this model under the name of another revision, one with the same semantics."""
        twin = copy(self)
        twin.revision = revision
        return twin

    def initial(self) -> int:
        """Return the packed initial state: every gateway runs, no runs yet, all budgets full."""
        w = World(self.layout, 0)
        w.gateway = GATEWAY.code(GATEWAY.initial)
        for budget in BUDGETS:
            setattr(w, budget, getattr(self.bounds, budget))
        if self.bounds.gateways > 1:
            w.peer.gateway = w.gateway
        return int(w.pack())

    def view(self, state: int) -> World:
        """Return a view of one packed state."""
        return World(self.layout, state)

    # -- naming

    def job_of(self, k: int) -> int:
        """Return the job of run ``k``."""
        return k // self.bounds.runs

    def number(self, k: int) -> int:
        """Return the number of run ``k`` within its job, from 1."""
        return k % self.bounds.runs + 1

    def runs_of(self, job: int) -> range:
        """Return the runs of ``job``, in the order in which they are used."""
        return range(job * self.bounds.runs, (job + 1) * self.bounds.runs)

    def run_name(self, k: int) -> str:
        """Return what people call run ``k``."""
        return f"{self.job_name(self.job_of(k))}.run-{self.number(k)}"

    def job_name(self, job: int) -> str:
        """Return what people call ``job``."""
        return f"job-{'abcd'[job]}"

    # -- questions about a state (or a batch of them)

    def processes(self, w: World) -> tuple[World, ...]:
        """Return the state as each gateway sees it: first the one whose view ``w`` is, then the other, if there is one."""
        return (w,) if self.bounds.gateways == 1 else (w, w.peer)

    def viewed_by(self, action: Action, w: World) -> World:
        """Return ``w`` as the gateway sees it that does ``action``."""
        return w if action.get("gateway") is None else w.peer

    def step(self, w: World, k: int) -> Any:
        """Return how far run ``k`` has come, in whichever process it is; a run stays in the one that started it."""
        here = w.step[k]
        return here if self.bounds.gateways == 1 else where(here == STEP_ABSENT, w.peer.step[k], here)

    def in_progress(self, w: World, k: int) -> Any:
        """Return whether the process itself is working on run ``k``."""
        return member(w.step[k], IN_PROGRESS)

    def owned(self, w: World, k: int) -> Any:
        """Return whether any living process is working on run ``k``."""
        return member(self.step(w, k), IN_PROGRESS)

    def seen_alive(self, w: World, k: int) -> Any:
        """Return whether the process can tell that run ``k`` is in progress: by itself, or as the store names its owner."""
        return self.owned(w, k) if self.revision.names_owner else self.in_progress(w, k)

    def keeps_receipt(self, w: World, k: int) -> Any:
        """Return whether the receipt of run ``k`` is alive: its owner works on it, or work that was given up goes on there.

        Work in a process of its own is waited for no longer than its run.
        """
        alive = self.seen_alive(w, k)
        waited_for = self.layout.cell("work", k).bits > 0 and not self.bounds.detached
        return alive | (w.work[k] == 1) if waited_for else alive

    def live(self, w: World, k: int) -> Any:
        """Return whether run ``k`` is executing, or its result held, in a living process."""
        live = member(self.step(w, k), LIVE)
        return live | (w.work[k] == 1) if self.layout.cell("work", k).bits else live

    def told(self, w: World, k: int) -> Any:
        """Return how run ``k`` ended as its gateway tells: the truth, or what it takes a run for that was given up."""
        if not self.layout.cell("given_up", k).bits:
            return w.end[k]
        return where(w.given_up[k] == 0, w.end[k], look(GIVEN_UP_ENDS, w.given_up[k]))

    def tells_truth(self, w: World, k: int) -> Any:
        """Return whether what the gateway tells of the end of run ``k`` is how it ended."""
        return self.told(w, k) == w.end[k] if self.layout.cell("given_up", k).bits else True

    def copy(self, w: World, k: int) -> Any:
        """Return the row of run ``k`` as the gateway sees it: on disk, if it reads that, else its own copy."""
        if self.refreshes_copies:
            return where(w.memory[k] == ABSENT, ABSENT, w.row[k])
        if not self.revision.rereads_rows:
            return w.memory[k]
        return where(w.pruned[k] == 1, ABSENT, w.row[k]) if self.bounds.retention else w.row[k]

    def same_batch(self, w: World, k: int, other: int) -> Any:
        """Return whether both runs were reserved together (one tick, or one catch-up, of one cron service)."""
        if self.job_of(k) == self.job_of(other) or not self.revision.batched:
            return False
        manual = PATHS.index("manual")
        return (w.path[k] == w.path[other]) & (w.path[k] != manual) & (w.age[k] == w.age[other])

    def active(self, w: World, job: int) -> Any:
        """Return whether ``job`` is in the active set of the gateway."""
        return where(w.token[job] != 0, 1, 0) if self.revision.tokens else w.active[job]

    def startable(self, w: World, job: int) -> Any:
        """Return whether nothing that the gateway can see forbids another run of ``job``: no marker, no live receipt."""
        free = (w.job[job] == ENABLED) & (w.marker[job] == 0) & self.has_free_run(w, job)
        if self.revision.receipts:
            for k in self.runs_of(job):
                free = free & (self.keeps_receipt(w, k) == 0)
        return free

    def delivering(self, w: World, k: int) -> Any:
        """Return whether the gateway's process is about to deliver what run ``k`` brought forth, or to say that it has."""
        return member(w.sending[k], (TO_BE_SENT, SENT)) if self.bounds.deliveries else False

    def superseded(self, w: World, k: int) -> Any:
        """Return whether run ``k`` has lost its receipt, and its row does not say so yet."""
        if not self.layout.cell("reassigned", 0).bits:
            return False
        return (w.step[k] == APPLIED) & (w.path[k] != PATHS.index("manual"))

    def all_told(self, w: World) -> Any:
        """Return whether no row waits to be closed of a run that was interrupted, or has lost its receipt."""
        told: Any = True
        if self.revision.receipts:
            for k in self.runs:
                told = told & (w.unclosed[k] == 0) & (self.superseded(w, k) == 0)
        return told

    def lock_free(self, w: World, but: int | None = None) -> Any:
        """Return whether no run of this process, except ``but`` and its batch, holds its lock on the cron store."""
        if but is None:
            return w.derived("the store's lock is free", lambda view: self._lock_free(view, None))
        return self._lock_free(w, but)

    def _lock_free(self, w: World, but: int | None) -> Any:
        free = self.all_told(w)
        if self.torn_reservations:
            for job in self.jobs:
                free = free & (w.collected[job] == 0)
        for k in self.runs:
            if k == but:
                continue
            holds: Any = False
            for path, step in self.lock_holders:
                holds = holds | ((w.path[k] == path) & (w.step[k] == step))
            if but is not None and self.bounds.jobs > 1:
                holds = holds & (self.same_batch(w, but, k) == 0)
            free = free & (holds == 0)
        return free

    def has_free_run(self, w: World, job: int) -> Any:
        """Return whether the bounds allow another run of ``job``."""
        return self.step(w, self.runs_of(job)[-1]) == STEP_ABSENT

    def executed(self, w: World, job: int, slot: int) -> Any:
        """Return whether work for ``slot`` of ``job`` has really ended."""
        done: Any = False
        for k in self.runs_of(job):
            done = done | ((w.slot[k] == slot) & (w.end[k] != 0))
        return done

    def sharing_row(self, w: World, k: int, on: Any) -> Iterator[tuple[int, Any]]:
        """Yield the runs that have the row of run ``k``, with where they do: itself, and its twins."""
        yield k, on
        if not self.layout.cell("twin", k).bits:
            return
        if self.number(k) > 1:
            yield k - 1, on & (w.twin[k] == 1)
        if self.number(k) < self.bounds.runs:
            yield k + 1, on & (w.twin[k + 1] == 1)

    def faults_spent(self, w: World) -> Any:
        """Return how many budgeted faults have happened."""
        spent: Any = 0
        for budget in BUDGETS:
            spent = spent + (getattr(self.bounds, budget) - getattr(w, budget))
        return spent

    def coincidences(self, w: World) -> Any:
        """Return how many runs started in the very millisecond of their reservation although nothing made them."""
        count: Any = 0
        for k in self.runs:
            if self.layout.cell("early", k).bits:
                begun = member(self.step(w, k), (*LIVE, *RUN.codes("settled", "gone")))
                count = count + where(begun & (w.path[k] != PATHS.index("manual")) & (w.early[k] == 0), 1, 0)
        return count

    # -- evidence

    def log_evidence(self, w: World, k: int) -> Any:
        """Return what the last matching run-log line says about run ``k`` (0 none, an end, or an interrupted code)."""
        found: Any = 0
        for other, same in self.sharing_row(w, k, True):
            theirs = self._result(w, other, member(w.log[other], (2, 3)), member(w.log[other], (1, 3)))
            found = where(same & (theirs != 0) & ((found == 0) | (other > k)), theirs, found)
        return found

    def job_evidence(self, w: World, k: int) -> Any:
        """Return what the job state says about run ``k`` (coded as :meth:`log_evidence`)."""
        last = w.last[self.job_of(k)]
        found: Any = 0
        for other, same in self.sharing_row(w, k, True):
            number = self.number(other)
            theirs = self._result(w, other, last == number, last == self.bounds.runs + number)
            found = where(same & (theirs != 0), theirs, found)
        return found

    def marker_evidence(self, w: World, k: int) -> Any:
        """Return how the job's marker lies to the start of run ``k`` (0 none, 1 exact, 2 earlier, 3 later)."""
        marker = w.marker[self.job_of(k)]
        own = where(w.early[k] == 1, 2, 1)
        other = where(self._starts_earlier(w, marker, k), 2, 3)
        return where(marker == 0, 0, where(marker == self.number(k), own, other))

    def _starts_earlier(self, w: World, marker: Any, k: int) -> Any:
        """Return whether the time of ``marker``, which is of another run, is earlier than the start of run ``k``."""
        earlier: Any = marker < self.number(k)
        if self.layout.cell("ahead", k).bits:
            # A run that began after the clock was set back has an earlier time than one that began before.
            for other in self.runs_of(self.job_of(k)):
                here = (marker == self.number(other)) & (w.ahead[other] != w.ahead[k])
                earlier = where(here, w.ahead[k] == 1, earlier)
        return earlier

    def evidence_class(self, w: World, k: int) -> Any:
        """Return the class of everything about run ``k`` that the cron store says."""
        table = self.rule_table
        if table.classes == 1:
            return 0
        return table.class_of[self.job_evidence(w, k), self.marker_evidence(w, k)]

    def _result(self, w: World, k: int, ended: Any, interrupted: Any) -> Any:
        """Return the code of what a store says of run ``k``; what is interrupted has the time of the run's marker."""
        early = where(ended, self.told(w, k), where(interrupted, INTERRUPTED_EARLIER, 0))
        return where(interrupted & (w.early[k] == 0), INTERRUPTED, early)
