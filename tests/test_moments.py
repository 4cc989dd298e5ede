"""What the timed simulator tells of each moment, and how the product goes on by itself."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.timed import Timed
from lostproof.engine.stepper import enabled
from lostproof.properties import PROPERTIES
from lostproof.tables import chart
from tests.support import RICH, TYPICAL, model
from tests.test_timed import GRACE, SMALL, do, manual_run, orphan, rows, timed


@pytest.mark.parametrize("world", RICH)
@pytest.mark.parametrize("revision", TYPICAL)
def test_moments_tell_exactly_what_is_broken(revision: str, world: str) -> None:
    """Along random timed schedules every moment names exactly the properties that its step breaks newly."""
    m, named = model(revision, RICH[world]), 0
    for seed in range(6):
        sim, rng = Timed(m), Random(seed)
        for _ in range(60):
            if not (possible := enabled(m, sim.state)):
                break
            pick = rng.choice(possible)
            latest = sim.window(pick)[1]
            at_ms = sim.on_the_dot(pick, sim.now)
            if latest is None or at_ms <= latest:
                sim.do(pick, at_ms)
        assert [moment.at_ms for moment in sim.trace] == sorted(moment.at_ms for moment in sim.trace)
        for moment in sim.trace:
            old, new = m.view(moment.before), m.view(moment.after)
            expected: list[tuple[str, Any]] = []
            for judged in PROPERTIES:
                for subject in judged.subjects(m):
                    broken = judged.step is not None and judged.step(m, old, new, subject)
                    if judged.state is not None:
                        broken = judged.state(m, new, subject) and not judged.state(m, old, subject)
                    expected += [(judged.id, subject)] if broken else []
            assert list(moment.broken) == expected
            named += len(expected)
    assert named or revision != "openclaw-2026.4.15"


def test_the_monitor_can_be_switched_off() -> None:
    """Without the monitor the same happens, and no moment names anything."""
    traces = []
    for monitor in (True, False):
        sim = Timed(model("openclaw-2026.4.15", SMALL), monitor)
        manual_run(sim, 1_000)
        do(sim, "sweep_begin", 360_000)
        do(sim, "sweep_row", 360_001)
        traces.append(sim.trace)
    assert [moment.after for moment in traces[0]] == [moment.after for moment in traces[1]]
    assert [bool(trace[-1].broken) for trace in traces] == [True, False]


# -- going on by itself


CRASH = Bounds(runs=1, outcomes=1, crashes=1)


def test_settling_sweeps_an_orphan() -> None:
    """Left to itself a gateway that found an orphan sweeps it once it is old enough."""
    sim = timed(bounds=CRASH)
    orphan(sim)
    sim.settle()
    assert rows(sim) == ["lost"]
    assert sim.now >= 1_000 + GRACE


def test_settling_ends_held_runs_and_starts_gateways() -> None:
    """Left to itself a held run is written down, a gateway that is down starts, and a running one ends its start."""
    sim = timed(bounds=CRASH)
    manual_run(sim)
    do(sim, "end", 2_000, end=1)
    sim.settle()
    assert rows(sim) == ["succeeded"]
    assert sim.view().marker[0] == 0
    down = timed(bounds=CRASH)
    do(down, "crash", 1_000)
    down.settle()
    assert chart("gateway").states[down.view().gateway] == "running"


def test_settling_takes_no_faults() -> None:
    """Nothing unfair happens by itself: budgets stay as they are."""
    sim = timed(bounds=RICH["everything"])
    sim.settle()
    assert sim.trace
    assert all(sim.model.actions[moment.action].fair for moment in sim.trace)
    assert sim.model.faults_spent(sim.view()) == 0


def test_settling_ends() -> None:
    """Settling stops by itself, well before its limit, once everything that is possible has happened several times."""
    sim = timed("openclaw-2026.4.2", CRASH)
    orphan(sim)
    before = len(sim.trace)
    sim.settle(steps=10_000)
    assert len(sim.trace) - before < 100
    limited = timed("openclaw-2026.4.2", CRASH)
    limited.settle(steps=2)
    assert len(limited.trace) <= 3
