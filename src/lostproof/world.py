"""The world: one state, or a batch of states, seen field by field.

A :class:`World` is one state (plain ints) or a batch of states (NumPy arrays). Guards, effects and properties are written
against this view once, with ``&``, ``|``, comparisons and :func:`where`, and serve the scalar stepper and the vectorised
explorer alike.

A state is packed into bytes; a field that the bounds or the revision switch off takes no bits.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lostproof.bounds import Bounds
from lostproof.fields import PEER, Field, Home, fields_of
from lostproof.terms import Term, choose

if TYPE_CHECKING:
    from lostproof.revisions import Revision

__all__ = ["Cell", "Layout", "World", "look", "member", "where"]


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
