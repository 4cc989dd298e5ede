"""A second gateway on the same stores: the same product code in another process's memory.

Nothing is written twice: whatever a gateway can do, the second one can do as well, with guard and effect applied to the
state as it sees it (:attr:`lostproof.world.World.peer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from lostproof.actions.action import Action
from lostproof.model import Model
from lostproof.world import World

__all__ = ["each_gateway"]


def each_gateway(m: Model, actions: Iterable[Action]) -> Iterator[Action]:
    """Yield ``actions`` of a gateway process, and then, if there is a second one, what it does."""
    own = tuple(actions)
    yield from own
    if m.bounds.gateways > 1:
        for action in own:
            yield _of_peer(m, action)


def _of_peer(m: Model, action: Action) -> Action:
    name, index, values = action.at
    cell = m.layout.of_peer[name][index]
    return replace(
        action, at=(cell.field.name, index, values), guard=partial(_guard, action.guard),
        effect=partial(_effect, action.effect), params=(*action.params, ("gateway", 2)),
    )


def _guard(guard: Callable[[World], Any], w: World) -> Any:
    return guard(w.peer)


def _effect(effect: Callable[[World], None], w: World) -> None:
    effect(w.peer)
