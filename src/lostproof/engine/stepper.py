"""The scalar stepper: one state at a time, with the same guards and effects as the explorer."""

from __future__ import annotations

from lostproof.model import Model
from lostproof.world import Cell, World, member

__all__ = ["apply", "changes", "enabled", "is_enabled"]


def is_enabled(model: Model, state: int, number: int) -> bool:
    """Return whether the action with ``number`` can happen in ``state``."""
    return _can_happen(model, model.view(state), number)


def enabled(model: Model, state: int) -> list[int]:
    """Return the numbers of the actions that can happen in ``state``, in the model's order."""
    view = model.view(state)
    actions = model.actions
    return sorted(
        number
        for cell, numbers in model.actions_at
        for number in numbers.get(view.read(cell), ())
        if actions[number].guard(view)
    )


def _can_happen(model: Model, view: World, number: int) -> bool:
    action = model.actions[number]
    name, index, values = action.at
    return bool(member(view.read(model.layout.cell(name, *index)), values)) and bool(action.guard(view))


def apply(model: Model, state: int, number: int) -> int:
    """Return the state after the action with ``number`` happened in ``state`` (where it must be enabled)."""
    view = model.view(state)
    model.actions[number].effect(view)
    return int(view.pack())


def changes(model: Model, before: int, after: int) -> list[tuple[Cell, int, int]]:
    """Return the cells that differ between two states, with both values."""
    old, new = World(model.layout, before), World(model.layout, after)
    pairs = ((cell, old.read(cell), new.read(cell)) for cell in model.layout.all_cells if cell.bits)
    return [(cell, a, b) for cell, a, b in pairs if a != b]

