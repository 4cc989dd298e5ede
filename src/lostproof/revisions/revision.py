"""What a revision is: one version of the world's rules, as data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from lostproof.bounds import Bounds
from lostproof.errors import Defect
from lostproof.evidence import ENDS, Decision, Rule, RuleTable, tabulate
from lostproof.tables import Table, chart

__all__ = ["ADMISSION", "DELIVERY", "Constants", "Revision", "Section", "WriteOrder"]


@dataclass(frozen=True)
class Section:
    """One synchronous section of a run: a chart event and the steps done in it.

    No actor of the same process can fall into a section; a crash can fall before or after it. A section writes to at
    most one durable store, or to several in one transaction, so it is one action of the model.

    Attributes:
        event: the event of the run's chart.
        steps: names in :data:`lostproof.steps.STEPS`, in order.
        barrier: waits until all runs of the batch have ended.
        in_turn: waits until all earlier runs of the batch have ended.
        needs_lock: cannot happen while another run holds the cron store's lock.
        keeps_lock: the lock is held until the run's next section.
        together: done for all runs of the batch at once.
        fenced: left out by a run whose token is not in the active set any more: it comes to its end without these steps.
        serving: likewise left out by a run whose cron service was stopped; in both cases the run still takes out its token.
        on_fault: what a failing durable write does: ``skip`` (logged, the run goes on), ``retry``, or ``release`` (the run
            gives its reservation back and does not begin).
    """

    event: str
    steps: tuple[str, ...] = ()
    barrier: bool = False
    in_turn: bool = False
    needs_lock: bool = False
    keeps_lock: bool = False
    together: bool = False
    fenced: bool = False
    serving: bool = False
    on_fault: str = "skip"


WriteOrder = tuple[Section, ...]

INTERRUPTING = frozenset({"interrupt_markers", "recover_jobs", "settle_dead_owners"})
"""The start-up steps that write into a job's state that its run was interrupted."""
APPLYING = frozenset({"queue_log", "write_log", "record_result", "record_job"})
"""The steps with which a result is applied to the job; the log line belongs to the same moment."""


DELIVERY: dict[str, str] = {
    "direct": "sent at once; nothing durable says that it was to be sent, or that it was",
    "queued": "put into the delivery queue, sent, acknowledged there; a start sends what is not acknowledged",
    "attempted": "likewise, but the queue is told before it is sent; a start gives up what may have been sent",
}
"""The ways in which something is delivered."""


ADMISSION: dict[str, str] = {
    "lane": "it waits in memory; if the job is busy or gone when its turn comes it is dropped, and only a log line says so",
    "told": "likewise, but what is dropped gets a row that says so",
    "reserved": "the job is reserved for it before it is acknowledged; a receipt names it, whatever becomes of it",
    "booked": "it is booked with the job before it is acknowledged, and waits there until its run opens, after a start too",
}
"""What may become of a manual run between its acknowledgement and its reservation."""


PRODUCT = "openclaw-"
"""What the name of a shipped revision begins with; the version follows."""

DESCRIBED = ("name", "title", "source", "own_rule", "accepts")
"""The attributes that say something about a revision to people; the model reads none of them."""


@dataclass(frozen=True)
class Constants:
    """The product's time constants, in milliseconds.

    ``clock_step_ms`` is how far the wall clock jumps at least, and not the product's. ``stagger_ms`` is how far apart the
    jobs come that a catch-up has put off. ``retention_ms`` and ``lost_retention_ms`` say how long a closed row, and a lost
    one, is kept; ``log_runs`` is how many later runs push a line out of the log (they come one a minute).
    """

    grace_ms: int = 300_000
    sweep_ms: int = 60_000
    first_sweep_ms: int = 5_000
    stuck_ms: int = 7_200_000
    offline_pass_ms: int = 60_000
    clock_step_ms: int = 10_800_000
    stagger_ms: int = 5_000
    retention_ms: int = 604_800_000
    lost_retention_ms: int = 604_800_000
    log_runs: int = 2_000
    drain_ms: int = 315_000


@dataclass(frozen=True)
class Revision:
    """One version of the world's rules.

    Attributes:
        name: what the command line calls it.
        title: one line for people.
        source: where the facts come from.
        rule: the reconcile rule.
        guards: the value of every guard that the task chart names.
        timer, catch_up, manual: the write order of each path; without one for catch-up, missed slots are left to the
            timer.
        repair: start-up steps before any cron run, done in one write (:data:`lostproof.steps.REPAIRS`).
        ready: start-up steps when the catch-up is done, before the timer is armed.
        memory_first: the registry changes its memory before the disk, so that a failed write leaves them different.
        reloads_memory: an in-process restart reloads the rows from disk.
        caches_evidence: a sweep reads log and job state once, when it begins.
        sweep_releases_job: a recovery by the sweep also writes the job's state and clears the run's marker.
        early_markers: the marker is written some time before the row's start time is taken.
        logs_interrupted: start-up queues an ``interrupted`` line for the run log.
        unique_ids: run ids differ even if two runs start in the same millisecond.
        sequential: timer runs of a batch execute one after the other.
        batched: one tick reserves all due jobs at once, and their outcomes wait for each other.
        catch_up_agents: start-up catch-up also runs agent turns.
        disabling_clears_marker: disabling a job clears its marker, even while a run of it goes on.
        logs_deleted_jobs: a run whose job was deleted still logs an ok end.
        clears_stuck_markers: markers older than two hours are cleared.
        tokens: the active set holds a token of the run for each job, and a run takes out its own only.
        receipts: a durable receipt names the owner of a job's run, and no other run of the job is reserved while that one
            is alive; start-up and tick release the jobs of dead owners in one write and close their rows in another.
        delivery: how the result of a run that ended ok is delivered: ``direct``, past the delivery queue; ``queued``, put
            there, sent, and acknowledged there; or ``attempted``, where the queue is told before it is sent, too. It is
            done before the end is recorded, unless the run's own write puts it into the queue (the step ``enqueue``).
        alerts: how the alert about a run that failed is delivered, in one of the same ways. It goes out when the result is
            applied to the job; nobody waits for it.
        admission: where a manual run waits once it is acknowledged: in the ``lane``, in memory; there, with a row if it is
            dropped (``told``); with its job ``reserved``; or ``booked`` with the job until it opens.
        reclaims_silently: a tick that releases the job of a dead owner says nothing about its row; a start-up does.
        rereads_rows: sweep, start-up and finalizer work on the rows on disk; a gateway has no copies of them in memory.
        executor_records: where work is done by a process of its own, that process closes its run, whether or not there is
            a gateway; else its end reaches nobody once the gateway that waited for it is gone.
        gives_up_overruns: the watchdog takes a run whose work ignores its abort for ended.
        cancels: what an operator's cancel does: it is ``refused``; ``by_handle``, it closes the row of a run that this
            process is executing, and tells the work to stop; ``by_row``, it also closes a row whose run is not executing;
            ``by_owner``, it tells the work to stop, and the run writes how it ended.
        drains: a SIGTERM waits for runs in flight, and stops them at its deadline.
        spares_active_marker: disabling a job clears its marker only if the job is not in the active set.
        starts_without_ledger: a start that cannot read the ledger goes on with an empty one; otherwise it does not proceed,
            and is tried again.
        names_owner: the store names the process that owns a run, so that another process can tell whether it lives.
        transactions: finding a job due and reserving it is one transaction of the store. Without it nothing but a lock in
            the process keeps the two together, and another process can come in between.
        refreshes_copies: who has a copy of a row in memory brings it up to date from disk before deciding about it. A single
            gateway has what is on disk.
        constants: time constants.
        own_rule: for a rule loaded from a file, its place (``FILE.py:FUNCTION``) and the name of the revision it went into.
        accepts: the properties that this revision openly violates, each with the spec section that proves it must.
    """

    name: str
    title: str
    source: str
    rule: Rule
    guards: Mapping[str, bool]
    timer: WriteOrder
    manual: WriteOrder
    catch_up: WriteOrder | None = None
    repair: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    memory_first: bool = True
    reloads_memory: bool = False
    caches_evidence: bool = False
    sweep_releases_job: bool = False
    early_markers: bool = True
    logs_interrupted: bool = False
    unique_ids: bool = False
    sequential: bool = True
    batched: bool = True
    catch_up_agents: bool = True
    disabling_clears_marker: bool = True
    logs_deleted_jobs: bool = False
    clears_stuck_markers: bool = True
    tokens: bool = False
    receipts: bool = False
    reclaims_silently: bool = False
    spares_active_marker: bool = False
    delivery: str = "direct"
    alerts: str = "queued"
    admission: str = "lane"
    starts_without_ledger: bool = True
    rereads_rows: bool = False
    executor_records: bool = False
    gives_up_overruns: bool = True
    cancels: str = "refused"
    drains: bool = False
    names_owner: bool = False
    transactions: bool = False
    refreshes_copies: bool = False
    constants: Constants = field(default_factory=Constants)
    own_rule: tuple[str, str] | None = None
    accepts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.write_orders:
            self.states(path)
        for way in (self.delivery, self.alerts):
            if way not in DELIVERY:
                raise Defect(f"{self.name}: nothing is delivered {way!r}; the ways are {', '.join(DELIVERY)}")
        if self.admission not in ADMISSION:
            raise Defect(f"{self.name}: nothing is admitted {self.admission!r}; the ways are {', '.join(ADMISSION)}")

    @property
    def shipped(self) -> bool:
        """Whether this is a release of the product as it was published."""
        return self.name.startswith(PRODUCT)

    @property
    def release(self) -> str:
        """The version that was published, for example ``2026.4.15``; for what is not shipped, the name."""
        return self.name.removeprefix(PRODUCT)

    @cached_property
    def write_orders(self) -> dict[str, WriteOrder]:
        """The write orders by path, for the paths that there are."""
        orders = {"timer": self.timer, "catch_up": self.catch_up, "manual": self.manual}
        return {path: order for path, order in orders.items() if order}

    @property
    def queues_log(self) -> bool:
        """Whether runs queue a line for the run log."""
        return any("queue_log" in section.steps for order in self.write_orders.values() for section in order)

    @property
    def has_log(self) -> bool:
        """Whether there is a run log at all."""
        return self.logs_interrupted or self.queues_log

    def states(self, path: str) -> tuple[str, ...]:
        """Return the chart states that a run of ``path`` passes, the one before each section and the last.

        Raises:
            Defect: the write order takes an edge that the chart does not have.
        """
        known = self._states.get(path)
        if known is not None:
            return known
        run = chart("run")
        targets = {(edge.source, edge.event): edge.target for edge in run.edges}
        states = [run.initial]
        for section in self.write_orders[path]:
            target = targets.get((states[-1], section.event))
            if target is None:
                raise Defect(f"{self.name}: {path} takes {section.event!r} in {states[-1]!r}; the chart has no such edge")
            states.append(target)
        return self._states.setdefault(path, tuple(states))

    @cached_property
    def _states(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """What the rule decides for every evidence value."""
        return tabulate(self.rule, self.name)

    @cached_property
    def semantics(self) -> Hashable:
        """Everything that a model reads: revisions with equal semantics are the same world under two names.

        The rule counts by what it decides about every evidence value, everything else as it is written.
        """
        read = [f.name for f in fields(self) if f.name not in (*DESCRIBED, "rule", "guards")]
        return self.decisions, tuple(sorted(self.guards.items())), tuple((name, getattr(self, name)) for name in read)

    def rule_table(self, bounds: Bounds) -> RuleTable:
        """Return the rule as tables over what a world of ``bounds`` can produce."""
        interrupted = ("interrupted", *(("interrupted_earlier",) if self.early_markers else ()))
        results = ("none", *(ENDS[end] for end in bounds.told), *(interrupted if self.interrupts_jobs else ()))
        if results not in self._tables:
            self._tables[results] = RuleTable(self.decisions, results)
        return self._tables[results]

    @cached_property
    def _tables(self) -> dict[tuple[str, ...], RuleTable]:
        return {}

    @property
    def waits_in_lane(self) -> bool:
        """Whether an acknowledged manual run waits in the memory of the gateway only."""
        return self.admission in ("lane", "told")

    @property
    def queues_deliveries(self) -> bool:
        """Whether anything that a run brings forth goes through the delivery queue."""
        return self.delivery != "direct" or self.alerts != "direct"

    def delivers_by(self, way: str) -> tuple[int, ...]:
        """Return the ends of runs that bring forth something which is delivered in this ``way``, as codes.

        Ends are those that the run's process tells of: a run that the watchdog gives up brings forth an alert.
        """
        ok, *others = range(1, len(ENDS))
        return (*((ok,) if self.delivery == way else ()), *(others if self.alerts == way else ()))

    def queues_at_the_end(self, path: str) -> bool:
        """Return whether a run's own write puts what it brought forth into the delivery queue."""
        return any("enqueue" in section.steps for section in self.write_orders[path])

    def applies_result(self, path: str, section: Section) -> bool:
        """Return whether it is in ``section`` that the result is applied to the job, in memory at least."""
        applying = (s for s in self.write_orders[path] if not APPLYING.isdisjoint(s.steps))
        return section is next(applying, None)

    @property
    def interrupts_jobs(self) -> bool:
        """Whether a job state can say that a run was interrupted."""
        return self.sweep_releases_job or not INTERRUPTING.isdisjoint(self.repair)

    @cached_property
    def task_table(self) -> Table:
        """The task chart under this revision's guards."""
        return chart("task").table(self.guards)

    def skips_interrupted_jobs(self, bounds: Bounds) -> bool:
        """Return whether a start leaves jobs whose run was cut off out of its catch-up."""
        always = "skip_interrupted_jobs" in self.repair
        return always or ("skip_interrupted_one_shots" in self.repair and not bounds.recurring)

    def puts_off(self, bounds: Bounds) -> bool:
        """Return whether a start's catch-up can have more to do than it may start at once."""
        catches_up = self.catch_up is not None and (self.catch_up_agents or not bounds.agents)
        return catches_up and 0 < bounds.catch_up_limit < bounds.jobs

    def cancels_at_once(self, bounds: Bounds) -> bool:
        """Return whether a cancel closes the row before the work has stopped."""
        return bool(bounds.cancels) and self.cancels in ("by_handle", "by_row")

    def matches_marker_time(self, bounds: Bounds) -> bool:
        """Return whether it matters that a marker's time differs from the row's start time."""
        table = self.rule_table(bounds)
        tells = table.tells_early_markers or table.tells_early_results
        return self.early_markers and (self.logs_interrupted or tells)

    def with_constants(self, constants: Mapping[str, int]) -> Revision:
        """Return this revision with other time constants; its rule, which knows of none, is not asked again."""
        if not constants:
            return self
        changed = replace(self, constants=replace(self.constants, **constants))
        vars(changed).update(decisions=self.decisions, _tables=self._tables, task_table=self.task_table)
        return changed

    def but(self, name: str, title: str, **changes: Any) -> Revision:
        """Return this revision under another name, with ``changes``."""
        return replace(self, name=name, title=title, **changes)
