"""The world: packing, cells and homes."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lostproof.actions import Action
from lostproof.bounds import BUDGETS, Bounds
from lostproof.engine.stepper import apply, changes, is_enabled
from lostproof.fields import FIELDS, WIPES, Home
from lostproof.model import Model
from lostproof.tables import chart
from lostproof.world import World, member, where
from tests.support import BOUNDS, RICH, TYPICAL, any_states, model

WORLDS = [
    pytest.param(model(revision, bounds), id=f"{revision}-{name}")
    for revision in TYPICAL
    for name, bounds in chain(BOUNDS.items(), RICH.items())
]
RICH_WORLDS = [
    pytest.param(model(revision, bounds), id=f"{revision}-{name}")
    for revision in TYPICAL
    for name, bounds in RICH.items()
]
VOLATILE = {Home.PROCESS, Home.LIFE, Home.SERVER, Home.SERVICE}
"""The homes in the memory of the gateway's process."""


def batches(m: Model) -> st.SearchStrategy[list[int]]:
    return st.lists(any_states(m), min_size=1, max_size=4)


@pytest.mark.parametrize("m", WORLDS)
def test_cells_do_not_overlap(m: Model) -> None:
    """Every bit of a state belongs to at most one cell, no cell straddles two bytes, and all of them fit."""
    used = 0
    for cell in m.layout.all_cells:
        assert cell.shift + cell.bits <= 8
        mask = cell.ones << (8 * cell.byte + cell.shift)
        assert used & mask == 0, cell
        used |= mask
    assert used.bit_count() == m.layout.bits
    assert used.bit_length() <= 8 * m.layout.width


@pytest.mark.parametrize("m", WORLDS)
def test_cells_are_as_large_as_their_values_need(m: Model) -> None:
    """A cell can hold every value in range, could not do so with one bit less, and takes none when switched off."""
    for cell in m.layout.all_cells:
        largest = max(cell.field.size(m.bounds, m.revision) - 1, 0)
        assert cell.bits == largest.bit_length()


def test_worlds_on_both_sides_of_eight_bytes_are_tested() -> None:
    """The worlds of these tests include states that fit an integer and states that need byte strings."""
    widths = {world.values[0].layout.width for world in WORLDS}
    kinds = {world.values[0].layout.dtype.kind for world in WORLDS}
    assert min(widths) == 8 < max(widths)
    assert kinds == {"u", "S"}


@pytest.mark.parametrize("m", RICH_WORLDS)
@given(data=st.data())
def test_packing_round_trips(m: Model, data: st.DataObject) -> None:
    """Packed ints become a batch and come back as they were, also through a batch that is packed again."""
    states = data.draw(batches(m))
    batch = m.layout.batch(states)
    assert batch.dtype == m.layout.dtype
    assert m.layout.ints(batch) == states
    assert m.layout.ints(World(m.layout, batch).pack()) == states
    assert [m.view(state).pack() for state in states] == states


@pytest.mark.parametrize("m", RICH_WORLDS)
@given(data=st.data())
def test_order_and_equality_of_a_batch_are_total(m: Model, data: st.DataObject) -> None:
    """Sorting and deduplicating a batch keeps exactly its distinct states, also those that end in zero bytes."""
    states = [0, *data.draw(batches(m)), 0]
    assert set(m.layout.ints(np.unique(m.layout.batch(states)))) == set(states)
    assert len(np.unique(m.layout.batch(states))) == len(set(states))


@pytest.mark.parametrize("m", RICH_WORLDS)
@given(data=st.data())
def test_one_state_and_a_batch_read_and_write_alike(m: Model, data: st.DataObject) -> None:
    """Every cell reads the same from one state and from a batch, and a write changes that cell and no other."""
    states = data.draw(batches(m))
    offset = data.draw(st.integers(0, 255))
    batch = World(m.layout, m.layout.batch(states))
    for cell in m.layout.all_cells:
        values = [m.view(state).read(cell) for state in states]
        assert np.broadcast_to(batch.read(cell), len(states)).tolist() == values
        if not cell.bits:
            assert set(values) == {0}
        fresh = [(value + offset) % (cell.ones + 1) for value in values]
        written = World(m.layout, m.layout.batch(states))
        written.write(cell, np.array(fresh, dtype=np.int64))
        assert np.broadcast_to(written.read(cell), len(states)).tolist() == fresh
        packed = m.layout.ints(written.pack())
        for state, value, result in zip(states, fresh, packed, strict=True):
            alone = m.view(state)
            alone.write(cell, value)
            assert alone.pack() == result
            assert [changed for changed, _, _ in changes(m, state, result)] in ([], [cell])
            assert m.view(result).read(cell) == value


@pytest.mark.parametrize("m", RICH_WORLDS)
def test_switched_off_fields_read_zero_and_ignore_writes(m: Model) -> None:
    """A field that bounds or revision switch off is 0 in every state, whatever is written to it."""
    everything = (1 << 8 * m.layout.width) - 1
    off = [cell for cell in m.layout.all_cells if cell.field.size(m.bounds, m.revision) <= 1]
    for cell in off:
        for view in (m.view(everything), World(m.layout, m.layout.batch([everything]))):
            before = view.pack()
            view.write(cell, 1)
            assert view.read(cell) == 0
            assert view.pack() == before


def test_some_fields_are_switched_off_somewhere() -> None:
    """Bounds without faults switch fields off, and the bits of a world without them are fewer."""
    calm, stormy = (model("openclaw-2026.5.28", bounds) for bounds in (Bounds(), RICH["everything"]))
    assert any(not cell.bits for cell in calm.layout.all_cells)
    assert calm.layout.bits < stormy.layout.bits


# -- homes


@pytest.mark.parametrize("m", RICH_WORLDS)
@pytest.mark.parametrize("event", WIPES)
@given(data=st.data())
def test_wipe_empties_exactly_the_homes_of_its_event(m: Model, event: str, data: st.DataObject) -> None:
    """After a wipe a cell of a wiped home holds what its field declares, and every other cell what it held before."""
    states = data.draw(batches(m))
    batch = World(m.layout, m.layout.batch(states))
    batch.wipe(WIPES[event])
    for state, wiped_in_batch in zip(states, m.layout.ints(batch.pack()), strict=True):
        before, view = m.view(state), m.view(state)
        view.wipe(WIPES[event])
        assert view.pack() == wiped_in_batch
        for field in FIELDS:
            for cell in m.layout.cells[field.name].values():
                value = before.read(cell)
                left = (field.wiped[value] if field.wiped else 0) if field.home in WIPES[event] else value
                assert view.read(cell) == left, (cell.field.name, cell.index)


def test_what_each_event_wipes_follows_from_what_dies() -> None:
    """Death wipes the whole process and nothing durable; a restart spares the process, a reload its server too.

    A SIGTERM stops both services; what the process remembers goes when it exits.
    """
    assert set(WIPES["crash"]) == set(WIPES["exit"]) == VOLATILE
    assert set(WIPES["restart_in_process"]) == VOLATILE - {Home.PROCESS}
    assert set(WIPES["terminate"]) == {Home.SERVER, Home.SERVICE}
    assert set(WIPES["reload"]) == {Home.SERVICE}
    assert not any(home.durable for homes in WIPES.values() for home in homes)


@pytest.mark.parametrize("m", RICH_WORLDS)
@given(data=st.data())
def test_death_of_the_gateway_changes_volatile_cells_only(m: Model, data: st.DataObject) -> None:
    """The actions ``crash`` and ``exit`` do nothing but wipe their homes, and spend a budget."""
    state = data.draw(any_states(m))
    for number, action in enumerate(m.actions):
        if action.name in ("crash", "exit"):
            view = m.view(state)
            view.gateway = chart("gateway").code("stopping")
            view.crashes = m.bounds.crashes
            stopping = view.pack()
            assert is_enabled(m, stopping, number)
            changed = changes(m, stopping, apply(m, stopping, number))
            assert {cell.field.home for cell, _, _ in changed if cell.field.name not in BUDGETS} <= VOLATILE
            assert {cell.field.name for cell, _, _ in changed} & set(BUDGETS) == _spent(action)


def _spent(action: Action) -> set[str]:
    return {action.budget} if action.budget else set()


@given(data=st.data())
def test_values_left_by_a_wipe_are_stable(data: st.DataObject) -> None:
    """Wiping twice leaves the same as wiping once."""
    m = model("openclaw-2026.5.28", RICH["everything"])
    once = m.view(data.draw(any_states(m)))
    once.wipe(WIPES["crash"])
    twice = m.view(once.pack())
    twice.wipe(WIPES["crash"])
    assert once.pack() == twice.pack()


# -- helpers


@given(st.lists(st.integers(0, 9), min_size=1), st.sets(st.integers(0, 9), min_size=1), st.integers(0, 9))
def test_where_and_member_agree_with_python(values: list[int], codes: set[int], other: int) -> None:
    """On one value and on arrays, ``member`` is ``in`` and ``where`` is a conditional expression."""
    array = np.array(values, dtype=np.uint8)
    assert member(array, codes).tolist() == [value in codes for value in values]
    assert [bool(member(value, codes)) for value in values] == [value in codes for value in values]
    expected = [value if value in codes else other for value in values]
    assert where(member(array, codes), array, other).tolist() == expected
    assert [where(member(value, codes), value, other) for value in values] == expected
