"""The model: a revision in a world of some bounds, and the questions that guards and properties ask about it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lostproof.bounds import BUDGETS, Bounds
from lostproof.evidence import INTERRUPTED, INTERRUPTED_EARLIER
from lostproof.revisions import Revision
from lostproof.steps import ENABLED
from lostproof.tables import chart
from lostproof.world import PATHS, Layout, World, member, where

if TYPE_CHECKING:
    from lostproof.actions import Action

__all__ = ["Model"]

RUN = chart("run")
GATEWAY = chart("gateway")
IN_PROGRESS = RUN.codes("reserved", "activated", "executing", "held", "recorded", "applied")
LIVE = RUN.codes("executing", "held", "recorded", "applied")
STEP_ABSENT, APPLIED = RUN.codes("absent", "applied")


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
    def rereads_rows(self) -> bool:
        """Whether a sweep reads rows again that another process may have changed."""
        return self.revision.rereads_rows and self.bounds.gateways > 1

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """Everything that can happen, in a fixed order."""
        from lostproof.actions import actions_of

        return actions_of(self)

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

    def live(self, w: World, k: int) -> Any:
        """Return whether run ``k`` is executing, or its result held, in a living process."""
        return member(self.step(w, k), LIVE)

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
                free = free & (self.seen_alive(w, k) == 0)
        return free

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
            theirs = _result(w, other, member(w.log[other], (2, 3)), member(w.log[other], (1, 3)))
            found = where(same & (theirs != 0) & ((found == 0) | (other > k)), theirs, found)
        return found

    def job_evidence(self, w: World, k: int) -> Any:
        """Return what the job state says about run ``k`` (coded as :meth:`log_evidence`)."""
        last = w.last[self.job_of(k)]
        found: Any = 0
        for other, same in self.sharing_row(w, k, True):
            number = self.number(other)
            theirs = _result(w, other, last == number, last == self.bounds.runs + number)
            found = where(same & (theirs != 0), theirs, found)
        return found

    def marker_evidence(self, w: World, k: int) -> Any:
        """Return how the job's marker lies to the start of run ``k`` (0 none, 1 exact, 2 earlier, 3 later)."""
        marker = w.marker[self.job_of(k)]
        own = where(w.early[k] == 1, 2, 1)
        other = where(marker < self.number(k), 2, 3)
        return where(marker == 0, 0, where(marker == self.number(k), own, other))

    def evidence_class(self, w: World, k: int) -> Any:
        """Return the class of everything about run ``k`` that the cron store says."""
        table = self.rule_table
        if table.classes == 1:
            return 0
        return table.class_of[self.job_evidence(w, k), self.marker_evidence(w, k)]


def _result(w: World, k: int, ended: Any, interrupted: Any) -> Any:
    """Return the code of what a store says of run ``k``; what is interrupted has the time of the run's marker."""
    early = where(ended, w.end[k], where(interrupted, INTERRUPTED_EARLIER, 0))
    return where(interrupted & (w.early[k] == 0), INTERRUPTED, early)
