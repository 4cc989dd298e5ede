"""The random driver: one seeded world. Same seed, same bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lostproof.bounds import BUDGETS, Bounds
from lostproof.drivers.concrete import LATENCY_MS
from lostproof.drivers.timed import AGING, Moment, Timed
from lostproof.model import Model
from lostproof.revisions import Revision

__all__ = ["SIMULATED", "RandomWorld", "simulate"]

SIMULATED = Bounds(
    jobs=2, runs=4, slots=3, outcomes=3, crashes=2, restarts=2, offline_passes=1, store_faults=1, operator_actions=1
)
"""The world that is simulated unless other bounds are given."""

WEIGHTS = {"end": 4, "slot_due": 3, "run_now": 1, "start": 6, "sweep_begin": 2}
"""How likely something is chosen; a step of the product counts 12, a fault or an operator's action 1."""


@dataclass(frozen=True)
class RandomWorld:
    """A simulated world: the model, the options that the seed drew, and what happened."""

    model: Model
    options: dict[str, int]
    trace: list[Moment]


def simulate(revision: Revision, seed: int, steps: int = 60, bounds: Bounds = SIMULATED) -> RandomWorld:
    """Simulate ``steps`` steps of a random world.

    Each seed first draws which kinds of trouble are on at all (a world with everything on hides what a world with one
    kind shows), then schedules. Delays are drawn too; timers fire on the dot.
    """
    rng = random.Random(f"lostproof {revision.name} {seed}")
    model = Model(revision, bounds)
    on = {budget: int(getattr(bounds, budget) > 0 and rng.random() < 0.5) for budget in BUDGETS}
    sim = Timed(model)
    for _ in range(20 * steps):
        choices = _choices(sim, on)
        if not choices or len(sim.trace) >= steps:
            break
        number = rng.choices([n for n, _ in choices], [weight for _, weight in choices])[0]
        at_ms = sim.on_the_dot(number, sim.now + _delay(sim, number, rng))
        urgent = _most_urgent(sim, choices)
        if urgent is not None and urgent[0] < at_ms:
            at_ms, number = urgent
        sim.advance(at_ms)
        if number in sim.enabled() and _in_time(sim, number):
            sim.do(number, sim.now)
    return RandomWorld(model, on, sim.trace[:steps])


def _most_urgent(sim: Timed, choices: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return by when something has to happen, and what, if anything does."""
    deadlines = [(latest, n) for n, _ in choices if sim.model.actions[n].fair and (latest := sim.window(n)[1]) is not None]
    return min(deadlines, default=None)


def _choices(sim: Timed, on: dict[str, int]) -> list[tuple[int, int]]:
    weighted = []
    for number in sim.enabled():
        action = sim.model.actions[number]
        latest = sim.window(number)[1]
        late = latest is not None and latest < sim.now
        if action.name in AGING or late or (action.budget and not on[action.budget]):
            continue
        weighted.append((number, WEIGHTS.get(action.name, 12 if action.fair else 1)))
    return weighted


def _delay(sim: Timed, number: int, rng: random.Random) -> int:
    name = sim.model.actions[number].name
    if name == "end":
        return int(10 ** rng.uniform(2, 6.2))
    if name in ("slot_due", "run_now", "accept", "start"):
        return int(10 ** rng.uniform(2, 5.8))
    return rng.randint(0, 2 * LATENCY_MS.get(name, 500))


def _in_time(sim: Timed, number: int) -> bool:
    earliest, latest = sim.window(number)
    return earliest <= sim.now and (latest is None or sim.now <= latest)
