"""The fields of a state, each with the home that decides what a crash, a restart or a reload wipes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from lostproof.bounds import Bounds
from lostproof.evidence import ENDS
from lostproof.tables import chart

if TYPE_CHECKING:
    from lostproof.revisions import Revision

__all__ = [
    "FIELD", "FIELDS", "GIVEN_UP", "LOGS", "NO_YES", "OUTBOX", "PATHS", "PEER", "PEER_FIELDS", "SENDING", "WIPES", "Field",
    "Home", "fields_of",
]

TASK = chart("task")
RUN = chart("run")
GATEWAY = chart("gateway")


class Home(Enum):
    """Where a field lives."""

    LEDGER = "task ledger on disk"
    JOBS = "cron store on disk"
    LOG = "run log on disk"
    OUTBOX = "delivery queue on disk"
    PROCESS = "memory of the gateway process"
    LIFE = "memory of one life of the gateway in its process"
    SERVER = "memory of the maintenance service"
    SERVICE = "memory of the cron service"
    CLI = "memory of the CLI process"
    EXECUTOR = "memory of the process that does a run's work"
    GHOST = "the model (truth, time and budgets)"

    @property
    def durable(self) -> bool:
        """Whether the field survives every process."""
        return self in (Home.LEDGER, Home.JOBS, Home.LOG, Home.OUTBOX)

    @property
    def of_gateway(self) -> bool:
        """Whether it is memory of a gateway process, so that each gateway has one."""
        return self in (Home.PROCESS, Home.LIFE, Home.SERVER, Home.SERVICE)


WIPES: dict[str, tuple[Home, ...]] = {
    "crash": (Home.PROCESS, Home.LIFE, Home.SERVER, Home.SERVICE),
    "terminate": (Home.SERVER, Home.SERVICE),
    "exit": (Home.PROCESS, Home.LIFE, Home.SERVER, Home.SERVICE),
    "restart_in_process": (Home.LIFE, Home.SERVER, Home.SERVICE),
    "reload": (Home.SERVICE,),
}
"""What each event wipes: whole homes, never single fields, and those of the one process that it happens to.

``terminate`` begins a shutdown that ``exit`` ends.
"""

PEER = "peer."
"""What the names of fields in the memory of a second gateway begin with."""


@dataclass(frozen=True)
class Field:
    """A declared field: what it says, per what it exists, where it lives, and its values.

    ``size`` gives the number of values under some bounds and revision (0 or 1 switches the field off); ``wiped`` maps a
    value to what is left of it when its home is wiped (0 unless given). ``elsewhere`` names another home for worlds in
    which the field lives there. ``peer`` marks a field in the memory of the second gateway.
    """

    name: str
    per: str
    home: Home
    doc: str
    size: Callable[[Bounds, Revision], int]
    values: tuple[str, ...] = ()
    wiped: tuple[int, ...] = ()
    elsewhere: Callable[[Bounds, Revision], Home | None] = lambda bounds, revision: None
    peer: bool = False

    def home_in(self, bounds: Bounds, revision: Revision) -> Home:
        """Return where the field lives in a world of ``bounds`` under ``revision``."""
        return self.elsewhere(bounds, revision) or self.home

    @property
    def base(self) -> str:
        """The name that the gateway in whose memory it is has for it."""
        return self.name.removeprefix(PEER)

    @property
    def of_peer(self) -> Field:
        """The field of the second gateway that says the same of it."""
        return replace(self, name=PEER + self.name, doc=f"second gateway: {self.doc}", peer=True)

    def label(self, value: int) -> str:
        """Return the word for ``value``."""
        return self.values[value] if value < len(self.values) else str(value)


def _of(*values: str) -> Callable[[Bounds, Revision], int]:
    return lambda bounds, revision: len(values)


def _after_death(state: str) -> int:
    targets = [e.target for e in RUN.edges if e.source == state and e.event == "die"]
    return RUN.code(targets[0] if targets else state)


PATHS = ("timer", "catch_up", "manual")
LOGS = ("none", "interrupted", "ended", "ended+interrupted")
GIVEN_UP = ("no", "timed out", "cancelled")
NO_YES = ("no", "yes")
OUTBOX = ("none", "pending", "attempted", "acknowledged", "given up")
SENDING = ("no", "to be sent", "sent", "left behind")

FIELDS: tuple[Field, ...] = (
    Field(
        "gateway", "world", Home.PROCESS, "state of the gateway", _of(*GATEWAY.states), GATEWAY.states,
        tuple(GATEWAY.code("down") for _ in GATEWAY.states),
    ),
    Field(
        "sweep", "world", Home.SERVER, "the row that the gateway's sweep decides next (0: no sweep)",
        lambda b, r: b.jobs * b.runs + 1,
    ),
    Field("crashes", "world", Home.GHOST, "crashes left", lambda b, r: b.crashes + 1),
    Field("restarts", "world", Home.GHOST, "restarts left", lambda b, r: b.restarts + 1),
    Field("offline_passes", "world", Home.GHOST, "offline passes left", lambda b, r: b.offline_passes + 1),
    Field("store_faults", "world", Home.GHOST, "store faults left", lambda b, r: b.store_faults + 1),
    Field("operator_actions", "world", Home.GHOST, "operator actions left", lambda b, r: b.operator_actions + 1),
    Field("overruns", "world", Home.GHOST, "overruns left", lambda b, r: b.overruns + 1),
    Field("cancels", "world", Home.GHOST, "cancels left", lambda b, r: b.cancels + 1),
    Field("clock_steps", "world", Home.GHOST, "clock steps left", lambda b, r: b.clock_steps + 1),
    Field("read_faults", "world", Home.GHOST, "read faults left", lambda b, r: b.read_faults + 1),
    # -- per job
    Field(
        "active", "job", Home.PROCESS, "the job is in the active set",
        lambda b, r: 2 if r.rule_table(b).consults_active_set and not r.tokens else 0, NO_YES,
    ),
    Field(
        "token", "job", Home.LIFE, "the run whose token the active set holds for the job (0: none)",
        lambda b, r: b.runs + 1 if r.tokens else 0,
    ),
    Field(
        "marker", "job", Home.JOBS, "the run whose reservation time is in runningAtMs (0: none)",
        lambda b, r: b.runs + 1,
    ),
    Field(
        "queued", "job", Home.JOBS, "the marker is only a reservation (queuedAtMs), and its run has not begun",
        lambda b, r: 2 if r.receipts else 0, NO_YES,
    ),
    Field("marker_old", "job", Home.GHOST, "the marker is older than two hours", lambda b, r: b.long_waits + 1, NO_YES),
    Field(
        "last", "job", Home.JOBS,
        "job state: the run whose result it holds (0: none; above the number of runs: its 'interrupted')",
        lambda b, r: 2 * b.runs + 1,
    ),
    Field("next", "job", Home.JOBS, "slots consumed: nextRunAtMs lies after them", lambda b, r: b.slots + 1),
    Field("fallen", "job", Home.GHOST, "slots that have fallen due", lambda b, r: b.slots + 1),
    Field(
        "job", "job", Home.JOBS, "what the operator did to the job", lambda b, r: 3 if b.operator_actions else 0,
        ("enabled", "disabled", "deleted"),
    ),
    Field(
        "reassigned", "job", Home.JOBS, "the job now runs as another agent than the receipt of its run says",
        lambda b, r: 2 if r.receipts and b.operator_actions else 0, NO_YES,
    ),
    Field(
        "skipped", "job", Home.SERVICE, "the job is left out of this start's catch-up",
        lambda b, r: 2 if r.skips_interrupted_jobs(b) else 0, NO_YES,
    ),
    Field(
        "deferred", "job", Home.SERVICE, "the job is over the limit of this start's catch-up, and to be put off",
        lambda b, r: 2 if r.puts_off(b) else 0, NO_YES,
    ),
    Field(
        "moved_on", "job", Home.GHOST, "thousands of further runs have followed, which are not shown",
        lambda b, r: 2 if b.retention and r.has_log else 0, NO_YES,
    ),
    Field(
        "put_off", "job", Home.JOBS, "the job's due slot was put off by some seconds: nextRunAtMs lies ahead",
        lambda b, r: 2 if r.puts_off(b) else 0, NO_YES,
    ),
    Field(
        "instant", "job", Home.GHOST, "the job's latest run started in the current millisecond",
        lambda b, r: 2 if b.same_ms and not r.unique_ids else 0, NO_YES,
    ),
    Field(
        "collected", "job", Home.SERVICE, "the slot that the job was found due for, not reserved yet (0: none)",
        lambda b, r: b.slots + 1 if b.gateways > 1 and not r.transactions else 0,
    ),
    Field(
        "accepted", "job", Home.PROCESS, "a manual run has been acknowledged, and waits in the gateway's lane",
        lambda b, r: 2 if b.admission and b.manual and r.waits_in_lane else 0, NO_YES,
    ),
    Field(
        "booked", "job", Home.JOBS, "a manual run has been acknowledged, and is booked until it is opened",
        lambda b, r: 2 if b.admission and b.manual and r.admission == "booked" else 0, NO_YES,
    ),
    Field(
        "owed", "job", Home.GHOST,
        "an acknowledged manual run has not begun, nor was it given up (1: it waits; n + 1: run n is to be it)",
        lambda b, r: b.runs + 2 if b.admission and b.manual else 0,
    ),
    Field("noticed", "slot", Home.GHOST, "some durable store has said that the slot was given up", _of(*NO_YES), NO_YES),
    # -- per run
    Field(
        "step", "run", Home.PROCESS, "how far the run has come in its process", _of(*RUN.states), RUN.states,
        tuple(_after_death(state) for state in RUN.states),
        lambda b, r: Home.EXECUTOR if b.detached and r.executor_records else None,
    ),
    Field(
        "work", "run", Home.PROCESS, "a process of its own, or one that ignores its abort, is doing the run's work",
        lambda b, r: 2 if b.detached or b.overruns or r.cancels_at_once(b) else 0, NO_YES,
        elsewhere=lambda b, r: Home.EXECUTOR if b.detached else None,
    ),
    Field(
        "given_up", "run", Home.GHOST, "why the run takes its course although its work has not ended",
        lambda b, r: len(GIVEN_UP) if r.cancels_at_once(b) else 2 if b.overruns else 0, GIVEN_UP,
    ),
    Field(
        "cancelling", "run", Home.PROCESS, "an operator's cancel has told the run's work to stop",
        lambda b, r: 2 if b.cancels and r.cancels == "by_owner" else 0, NO_YES,
    ),
    Field("path", "run", Home.GHOST, "how the run came about", lambda b, r: 3 if b.manual else 2, PATHS),
    Field("slot", "run", Home.GHOST, "the slot that the run executes (the number of slots: none)", lambda b, r: b.slots + 1),
    Field(
        "age", "run", Home.PROCESS, "how many cron services ago the run was started",
        lambda b, r: b.restarts + 1,
    ),
    Field(
        "early", "run", Home.GHOST, "the marker's time is earlier than the row's start time",
        lambda b, r: 2 if r.matches_marker_time(b) else 0, NO_YES,
    ),
    Field(
        "twin", "run", Home.GHOST, "the run has the id, and so the row, of the job's run before it",
        lambda b, r: 2 if b.same_ms and not r.unique_ids else 0, NO_YES,
    ),
    Field(
        "ahead", "run", Home.GHOST, "the wall clock has been set back since the run began",
        lambda b, r: 2 if b.clock_steps else 0, NO_YES,
    ),
    Field("end", "run", Home.GHOST, "how the run really ended", lambda b, r: b.ends + 1, ENDS),
    Field("recorded", "run", Home.GHOST, "some durable store has held how the run really ended", _of(*NO_YES), NO_YES),
    Field("log", "run", Home.LOG, "lines of the run in the run log", lambda b, r: 4 if r.logs_interrupted else 3, LOGS),
    Field("log_queue", "run", Home.PROCESS, "a finished line of the run waits to be appended", _of(*NO_YES), NO_YES),
    Field(
        "interrupt_queue", "run", Home.SERVICE, "an interrupted line of the run waits to be emitted",
        lambda b, r: 2 if r.logs_interrupted else 0, NO_YES,
    ),
    Field(
        "unclosed", "run", Home.SERVICE, "the run was found cut off, and its row waits to be closed",
        lambda b, r: 2 if r.receipts else 0, NO_YES,
    ),
    Field("row", "run", Home.LEDGER, "the row on disk", _of(*TASK.states), TASK.states),
    Field(
        "pruned", "run", Home.LEDGER, "the row was deleted; its last status is what it said until then",
        lambda b, r: b.retention + 1 if b.retention else 0, NO_YES,
    ),
    Field("memory", "run", Home.PROCESS, "the row in the gateway's memory", _of(*TASK.states), TASK.states),
    Field(
        "orphan", "run", Home.PROCESS, "the run could not create its row and holds no handle to it",
        lambda b, r: 2 if b.store_faults and r.memory_first else 0, NO_YES,
    ),
    Field("expired", "run", Home.GHOST, "the row's last event is older than the grace", _of(*NO_YES), NO_YES),
    Field(
        "seen", "run", Home.SERVER, "what the sweep has read in the cron store about the row (a class of the rule's table)",
        lambda b, r: r.rule_table(b).classes if r.caches_evidence else 0,
    ),
    Field(
        "plan", "run", Home.CLI, "what the offline pass's snapshot says about the row, until its turn (0: nothing)",
        lambda b, r: 1 + len(r.rule_table(b).offline_rows) if b.offline_passes else 0,
    ),
    Field(
        "outbox", "run", Home.OUTBOX, "what the delivery queue says about what the run brought forth",
        lambda b, r: len(OUTBOX) if b.deliveries and r.queues_deliveries else 0, OUTBOX,
    ),
    Field(
        "sending", "run", Home.PROCESS, "what the gateway's process is doing about what the run brought forth",
        lambda b, r: len(SENDING) if b.deliveries else 0, SENDING,
    ),
    Field(
        "received", "run", Home.GHOST, "how often somebody has got what the run brought forth (2: more than once)",
        lambda b, r: 3 if b.deliveries else 0,
    ),
    # -- per pair of runs
    Field("inverted", "pair", Home.GHOST, "the later-numbered row was opened first", _of(*NO_YES), NO_YES),
)
"""All fields, in packing order."""

PEER_FIELDS: tuple[Field, ...] = tuple(field.of_peer for field in FIELDS if field.home.of_gateway)
"""What a second gateway has in its memory: everything that the first has, once more."""

FIELD: dict[str, Field] = {field.name: field for field in (*FIELDS, *PEER_FIELDS)}


def fields_of(bounds: Bounds) -> tuple[Field, ...]:
    """Return the fields of a world of ``bounds``."""
    return (*FIELDS, *PEER_FIELDS) if bounds.gateways > 1 else FIELDS
