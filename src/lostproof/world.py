"""The world: every field of a state, with the home that decides what a crash, a restart or a reload wipes.

A :class:`World` is one state (plain ints) or a batch of states (NumPy arrays), seen field by field. Guards, effects and
properties are written against this view once, with ``&``, ``|``, comparisons and :func:`where`, and serve the scalar
stepper and the vectorised explorer alike.

A state is packed into bytes; a field that the bounds or the revision switch off takes no bits.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lostproof.bounds import Bounds
from lostproof.evidence import ENDS
from lostproof.tables import chart
from lostproof.terms import Term, choose

if TYPE_CHECKING:
    from lostproof.revisions import Revision

__all__ = [
    "FIELDS", "GIVEN_UP", "NO_YES", "PEER_FIELDS", "WIPES", "Field", "Home", "Layout", "World", "fields_of", "member",
    "where",
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


@dataclass(frozen=True)
class Cell:
    """Where one field of one job, run, slot or pair sits in a packed state; it never straddles two bytes."""

    field: Field
    index: tuple[int, ...]
    byte: int
    shift: int
    bits: int
    key: int

    @property
    def ones(self) -> int:
        """The largest value."""
        return (1 << self.bits) - 1


class Layout:
    """How a world of some bounds and revision is packed.

    One state is an int. A batch of states is an array of ``dtype``: uint64 where eight bytes suffice, else byte strings;
    both sort and compare at C speed, and both can be seen as a matrix of bytes.
    """

    def __init__(self, bounds: Bounds, revision: Revision) -> None:
        self.bounds = bounds
        count = bounds.jobs * bounds.runs
        indices: dict[str, list[tuple[int, ...]]] = {
            "world": [()],
            "job": [(j,) for j in range(bounds.jobs)],
            "run": [(k,) for k in range(count)],
            "slot": list(product(range(bounds.jobs), range(bounds.slots))),
            "pair": list(combinations(range(count), 2)),
        }
        wanted = [
            (field, index, max(field.size(bounds, revision) - 1, 0).bit_length())
            for field in fields_of(bounds)
            for index in indices[field.per]
        ]
        self.cells: dict[str, dict[tuple[int, ...], Cell]] = {}
        free: list[int] = []
        placed: dict[int, Cell] = {}
        for key in sorted(range(len(wanted)), key=lambda key: -wanted[key][2]):
            field, index, bits = wanted[key]
            byte = next((b for b, room in enumerate(free) if room >= bits), len(free))
            if byte == len(free):
                free.append(8)
            placed[key] = Cell(field, index, byte, 8 - free[byte], bits, key)
            free[byte] -= bits
        for key, (field, index, _) in enumerate(wanted):
            self.cells.setdefault(field.name, {})[index] = placed[key]
        self.bits = sum(bits for _, _, bits in wanted)
        self.width = max(8, len(free) + -len(free) % 8)
        self.dtype = np.dtype(np.uint64) if self.width == 8 else np.dtype(f"S{self.width}")
        self._flip = self.width == 8 and sys.byteorder == "big"
        self.all_cells = tuple(placed[key] for key in range(len(wanted)))
        self.of_peer = {name: self.cells.get(PEER + name, cells) for name, cells in self.cells.items()}
        """The cells by name, as the second gateway sees them: what is in a gateway's memory is in its own."""
        self.homes, self.peer_homes = (
            {
                home: tuple(
                    cell for cell in self.all_cells
                    if cell.bits and cell.field.home_in(bounds, revision) is home and cell.field.peer is peer
                )
                for home in Home
            }
            for peer in (False, True)
        )

    def cell(self, name: str, *index: int) -> Cell:
        """Return the cell of field ``name`` at ``index``."""
        return self.cells[name][index]

    def bytes_of(self, states: NDArray[Any]) -> NDArray[np.uint8]:
        """Return a batch as a matrix of bytes, one row a state, sharing its memory."""
        matrix = states.view(np.uint8).reshape(len(states), self.width)
        return matrix[:, ::-1] if self._flip else matrix

    def batch(self, states: Iterable[int]) -> NDArray[Any]:
        """Return packed ints as a batch."""
        raw = b"".join(state.to_bytes(self.width, "little") for state in states)
        matrix = np.frombuffer(raw, dtype=np.uint8).reshape(-1, self.width)
        return np.array(matrix[:, ::-1] if self._flip else matrix, order="C").view(self.dtype).ravel()

    def ints(self, states: NDArray[Any]) -> list[int]:
        """Return a batch as packed ints."""
        return [int.from_bytes(row.tobytes(), "little") for row in self.bytes_of(states)]


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where ``condition`` holds and ``no`` elsewhere, for one state, for a batch, or as a term."""
    if isinstance(condition, _NOT_PLAIN):
        if isinstance(condition, Term):
            return choose(condition, yes, no)
        return np.where(condition, _small(yes), _small(no))
    return yes if condition else no


_NOT_PLAIN = (np.ndarray, Term)


def _small(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else np.uint8(value)


def member(value: Any, codes: Iterable[int]) -> Any:
    """Return whether ``value`` is one of ``codes``."""
    ordered = sorted(codes)
    if isinstance(value, Term) and len(ordered) > 1:
        return Term("in", value, tuple(ordered))
    low, high = ordered[0], ordered[-1]
    if len(ordered) == 1:
        return value == low
    if high - low + 1 == len(ordered):
        return (value >= low) & (value <= high)
    found = value == low
    for code in ordered[1:]:
        found = found | (value == code)
    return found


class _Cells:
    """Indexed access to a field: ``world.row[k]``, ``world.noticed[j, s]``."""

    __slots__ = ("_cells", "_world")

    def __init__(self, world: World, cells: dict[tuple[int, ...], Cell]) -> None:
        self._world = world
        self._cells = cells

    def __getitem__(self, index: int | tuple[int, ...]) -> Any:
        cell = self._cells[index if isinstance(index, tuple) else (index,)]
        value = self._world._values.get(cell.key)  # most reads are not the first: one call less for them
        return self._world.read(cell) if value is None else value

    def __setitem__(self, index: int | tuple[int, ...], value: Any) -> None:
        self._world.write(self._cells[index if isinstance(index, tuple) else (index,)], value)


class World:
    """One state (``states`` is an int) or a batch of states (an array), seen field by field.

    A field that exists once is an attribute (``world.gateway``); the others are indexed (``world.row[k]``). Writes are
    seen by later reads of the same view and reach the packed form through :meth:`pack`.

    Where there are two gateways, a view shows what one of them sees: its own memory under the plain names, and all that the
    two share. :attr:`peer` is the same states as the other one sees them.
    """

    __slots__ = (
        "__weakref__", "_bytes", "_derived", "_first", "_names", "_peer", "_pending", "_source", "_values", "layout",
        "states",
    )

    layout: Layout
    states: Any
    _bytes: NDArray[np.uint8] | None
    _values: dict[int, Any]
    _pending: dict[int, tuple[Cell, Any]]
    _derived: dict[str, Any]
    _source: tuple[World, NDArray[Any]] | None
    _names: dict[str, dict[tuple[int, ...], Cell]]
    _peer: World | None
    _first: weakref.ref[World] | None

    def __init__(self, layout: Layout, states: Any, source: tuple[World, NDArray[Any]] | None = None) -> None:
        put = object.__setattr__
        put(self, "layout", layout)
        put(self, "states", states)
        put(self, "_bytes", layout.bytes_of(states) if isinstance(states, np.ndarray) else None)
        put(self, "_values", {})
        put(self, "_pending", {})
        put(self, "_derived", {})
        put(self, "_source", source)
        put(self, "_names", layout.cells)
        put(self, "_peer", None)
        put(self, "_first", None)

    @property
    def peer(self) -> World:
        """The same states, and the same writes, as the other gateway sees them (where there are two)."""
        if self._first is not None:
            first = self._first()
            assert first is not None
            return first
        if self._peer is None:
            put, peer = object.__setattr__, object.__new__(type(self))
            for name in ("layout", "states", "_bytes", "_values", "_pending"):
                put(peer, name, getattr(self, name))
            put(peer, "_derived", {})
            put(peer, "_source", None if self._source is None else (self._source[0].peer, self._source[1]))
            put(peer, "_names", self.layout.of_peer)
            put(peer, "_peer", None)
            # Weak: a cycle would keep whole batches in memory until somebody collects it.
            put(peer, "_first", weakref.ref(self))
            put(self, "_peer", peer)
        assert self._peer is not None
        return self._peer

    def __getattr__(self, name: str) -> Any:
        cells = self._names.get(name)
        if cells is None:
            raise AttributeError(name)
        single = cells.get(())
        return self.read(single) if single is not None else _Cells(self, cells)

    def __setattr__(self, name: str, value: Any) -> None:
        self.write(self._names[name][()], value)

    def read(self, cell: Cell) -> Any:
        """Return the value of ``cell`` (0 where the field is switched off)."""
        if not cell.bits:
            return 0
        value = self._values.get(cell.key)
        if value is None:
            if self._bytes is None:
                value = (self.states >> (8 * cell.byte + cell.shift)) & cell.ones
            else:
                value = (self._bytes[:, cell.byte] >> cell.shift) & cell.ones
            self._values[cell.key] = value
        return value

    def write(self, cell: Cell, value: Any) -> None:
        """Set ``cell`` to ``value`` (ignored where the field is switched off)."""
        if cell.bits:
            if isinstance(value, np.ndarray) and value.dtype != np.uint8:
                value = value.astype(np.uint8)
            self._values[cell.key] = value
            self._pending[cell.key] = (cell, value)

    def touches(self, names: Sequence[str]) -> bool:
        """Return whether anything may have been written to the fields with ``names``: if nothing was here, who knows."""
        return not self._pending or any(cell.field.base in names for cell, _ in self._pending.values())

    def wipe(self, homes: Iterable[Home]) -> None:
        """Wipe everything that lives in ``homes`` of the gateway whose view this is."""
        held = self.layout.homes if self._first is None else self.layout.peer_homes
        for home in homes:
            for cell in held[home]:
                wiped = cell.field.wiped
                self.write(cell, look(wiped, self.read(cell)) if wiped else 0)

    def fork(self) -> World:
        """Return a view of the same states that can be written without touching this one."""
        twin = World(self.layout, self.states)
        twin._values.update(self._values)
        return twin

    def take(self, positions: NDArray[Any]) -> World:
        """Return the view of the states of a batch at ``positions``."""
        return World(self.layout, self.states[positions], (self, positions))

    def derived(self, name: str, compute: Callable[[World], Any]) -> Any:
        """Return ``compute(self)``, worked out only once for a batch and all its parts under the same ``name``."""
        if self._pending:
            return compute(self)
        if name not in self._derived:
            if self._source is None:
                value = compute(self)
            else:
                batch, positions = self._source
                value = batch.derived(name, compute)
                value = value[positions] if isinstance(value, np.ndarray) else value
            self._derived[name] = value
        return self._derived[name]

    def pack(self) -> Any:
        """Return the packed states with all writes applied."""
        if self._bytes is None:
            state = self.states
            for cell, value in self._pending.values():
                at = 8 * cell.byte + cell.shift
                state = (state & ~(cell.ones << at)) | (int(value) << at)
            return state
        states = self.states.copy()
        matrix = self.layout.bytes_of(states)
        for cell, value in self._pending.values():
            column = matrix[:, cell.byte]
            column &= 0xFF ^ (cell.ones << cell.shift)
            column |= value << cell.shift
        return states


def look(values: Sequence[int], index: Any) -> Any:
    """Return ``values[index]`` for one state, for a batch, or as a term."""
    if isinstance(index, _NOT_PLAIN):
        return Term("look", values.__getitem__, index) if isinstance(index, Term) else np.asarray(values, np.uint8)[index]
    return values[index]
