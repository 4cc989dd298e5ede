"""The random driver: same seed same bytes, every step legal, and worlds with different kinds of trouble."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest

from lostproof.bounds import BUDGETS, FEATURES, Bounds
from lostproof.drivers.random import SIMULATED, RandomWorld, simulate
from lostproof.drivers.timed import AGING, Timed
from lostproof.engine.stepper import apply, is_enabled
from lostproof.revisions import revision
from tests.support import TYPICAL

DIGEST = """
import hashlib
from lostproof.drivers.random import simulate
from lostproof.revisions import revision
trace = simulate(revision("openclaw-2026.5.28"), 7).trace
print(hashlib.sha256(repr([(m.at_ms, m.action, m.after, m.broken) for m in trace]).encode()).hexdigest())
"""

USUAL = tuple(budget for budget in BUDGETS if budget not in FEATURES)
"""The kinds of trouble of the world that is simulated by default."""


@cache
def world(name: str, seed: int, steps: int = 60) -> RandomWorld:
    """Return a random world."""
    return simulate(revision(name), seed, steps)


def test_same_seed_same_trace() -> None:
    """Simulating again with the same seed gives the same options and the same moments."""
    for name in ("reference", "openclaw-2026.5.28"):
        again = simulate(revision(name), 3)
        assert (again.options, again.trace) == (world(name, 3).options, world(name, 3).trace)


def test_different_seeds_differ() -> None:
    """Ten seeds give ten different traces, and the same seed another trace in another revision."""
    traces = [tuple((m.at_ms, m.action) for m in world("reference", seed).trace) for seed in range(10)]
    assert len(set(traces)) == 10
    assert world("openclaw-2026.4.15", 3).trace != world("fix-skip", 3).trace


def test_hash_seeds_do_not_matter() -> None:
    """Processes with different hash seeds simulate the same world."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], capture_output=True, check=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


@pytest.mark.parametrize("name", TYPICAL)
def test_every_step_is_legal(name: str) -> None:
    """Each step of a random world is enabled, leads where the stepper says, and lies in its window of time."""
    for seed in range(3):
        found = world(name, seed)
        m, sim = found.model, Timed(found.model)
        state, now = m.initial(), 0
        for moment in found.trace:
            assert moment.before == state
            assert is_enabled(m, state, moment.action)
            assert moment.after == apply(m, state, moment.action)
            assert moment.at_ms >= now
            if m.actions[moment.action].name not in AGING:
                sim.advance(moment.at_ms)
                earliest, latest = sim.window(moment.action)
                assert earliest <= moment.at_ms
                assert latest is None or moment.at_ms <= latest
                sim.do(moment.action, moment.at_ms)
            state, now = moment.after, moment.at_ms
        sim.advance(now)
        assert sim.trace == found.trace


def test_sweeps_are_on_the_dot() -> None:
    """In random worlds too, sweeps begin five seconds or full minutes after the start of maintenance."""
    offsets = set()
    for seed in range(20):
        found, started = world("openclaw-2026.4.15", seed), 0
        for moment in found.trace:
            name = found.model.actions[moment.action].name
            if name in ("start", "restart_in_process"):
                started = moment.at_ms
            elif name == "sweep_begin":
                offsets.add((moment.at_ms - started) % 60_000)
    assert offsets == {0, 5_000}


@pytest.mark.parametrize("steps", [0, 1, 10, 40])
def test_worlds_are_as_long_as_asked(steps: int) -> None:
    """A world has as many steps as asked for, as long as something can happen."""
    assert len(world("reference", 1, steps).trace) == steps


def test_a_longer_world_begins_like_a_shorter_one() -> None:
    """The seed decides the world, not how long one looks at it."""
    assert world("reference", 1, 40).trace == world("reference", 1).trace[:40]


def test_a_world_can_come_to_its_end() -> None:
    """Where everything has happened that can, the world ends before its time."""
    tiny = Bounds(runs=1, outcomes=1, manual=0, long_waits=0)
    found = simulate(revision("reference"), 1, 400, tiny)
    assert 0 < len(found.trace) < 400


# -- kinds of trouble


def test_each_kind_of_trouble_is_on_in_some_worlds_only() -> None:
    """Over 50 seeds every kind of fault is drawn in some worlds only, and happens in no others."""
    for budget in USUAL:
        assert {world("openclaw-2026.4.15", seed).options[budget] for seed in range(50)} == {0, 1}
    happened = set()
    for seed in range(50):
        found = world("openclaw-2026.4.15", seed)
        spent = {found.model.actions[moment.action].budget for moment in found.trace} - {None}
        assert spent <= {budget for budget, on in found.options.items() if on}
        happened |= spent
    assert happened == set(USUAL)


def test_what_the_bounds_rule_out_is_never_drawn() -> None:
    """A kind of trouble for which there is no budget is never on."""
    quiet = Bounds(crashes=1)
    drawn = [simulate(revision("reference"), seed, 5, quiet).options for seed in range(30)]
    assert {options["crashes"] for options in drawn} == {0, 1}
    assert {options[budget] for options in drawn for budget in BUDGETS if budget != "crashes"} == {0}


def test_the_simulated_world_has_every_trouble() -> None:
    """The world that is simulated by default has a budget for every kind of trouble."""
    assert [budget for budget in USUAL if not getattr(SIMULATED, budget)] == []


# -- what they break


def broken(name: str, seed: int) -> set[str]:
    """Return the properties that a world breaks."""
    return {judged for moment in world(name, seed).trace for judged, _ in moment.broken}


def test_the_reference_breaks_only_what_it_accepts() -> None:
    """Over 40 seeds the reference breaks no property but those that it accepts."""
    assert set().union(*(broken("reference", seed) for seed in range(40))) <= set(revision("reference").accepts)


def test_the_reported_release_breaks_some() -> None:
    """Over 40 seeds the release of the original report calls live runs lost, and the worlds say so."""
    found = set().union(*(broken("openclaw-2026.4.15", seed) for seed in range(40)))
    assert "live-run-never-lost" in found
