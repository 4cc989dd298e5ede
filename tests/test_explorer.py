"""The explorer: layers, limits, determinism, and pinned sizes of known worlds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lostproof.bounds import FEATURES, PRESETS, Bounds
from lostproof.engine import explorer, graph
from lostproof.engine.explorer import Space, close, expand
from lostproof.model import Model
from lostproof.revisions import REVISIONS
from tests.support import BOUNDS, model

SIZES: dict[tuple[str, str, str], tuple[int, int, int]] = {
    # (revision, preset, slice): (states, transitions, depth)
    ("openclaw-2026.4.2", "smoke", "crash"): (434, 897, 14),
    ("openclaw-2026.4.2", "smoke", "offline"): (61, 123, 9),
    ("openclaw-2026.4.5", "smoke", "crash"): (492, 974, 14),
    ("openclaw-2026.4.5", "smoke", "offline"): (193, 425, 12),
    ("openclaw-2026.4.15", "smoke", "crash"): (492, 974, 14),
    ("openclaw-2026.4.15", "smoke", "offline"): (193, 425, 12),
    ("openclaw-2026.4.15", "ci", "identity"): (3_733, 8_890, 17),
    ("openclaw-2026.4.15", "ci", "one_shot"): (29_862, 85_189, 25),
    ("openclaw-2026.4.15", "ci", "jobs"): (49_956, 139_492, 23),
    ("openclaw-2026.4.24", "smoke", "crash"): (492, 974, 14),
    ("openclaw-2026.4.24", "smoke", "offline"): (193, 425, 12),
    ("openclaw-2026.4.25", "smoke", "crash"): (875, 1_620, 16),
    ("openclaw-2026.4.25", "smoke", "offline"): (317, 739, 13),
    ("openclaw-2026.4.25", "ci", "identity"): (9_665, 21_475, 21),
    ("openclaw-2026.5.12", "smoke", "crash"): (767, 1_448, 14),
    ("openclaw-2026.5.12", "smoke", "offline"): (261, 649, 11),
    ("openclaw-2026.5.12", "ci", "identity"): (6_738, 15_543, 18),
    ("openclaw-2026.5.28", "smoke", "crash"): (767, 1_448, 14),
    ("openclaw-2026.5.28", "smoke", "offline"): (261, 649, 11),
    ("openclaw-2026.5.28", "ci", "identity"): (6_738, 15_543, 18),
    ("openclaw-2026.5.28", "ci", "one_shot"): (185_369, 493_387, 29),
    ("openclaw-2026.6.1", "smoke", "crash"): (693, 1_289, 14),
    ("openclaw-2026.6.1", "smoke", "offline"): (205, 489, 10),
    ("openclaw-2026.6.1", "ci", "identity"): (3_519, 6_687, 16),
    ("openclaw-2026.6.1", "ci", "store"): (129_535, 295_230, 24),
    ("openclaw-2026.6.8", "smoke", "crash"): (679, 1_275, 13),
    ("openclaw-2026.6.8", "smoke", "offline"): (205, 489, 10),
    ("openclaw-2026.6.8", "ci", "store"): (124_667, 286_020, 23),
    ("openclaw-2026.6.8", "ci", "restart"): (157_087, 399_663, 27),
    ("openclaw-2026.6.11", "smoke", "crash"): (679, 1_275, 13),
    ("openclaw-2026.6.11", "smoke", "offline"): (205, 489, 10),
    ("openclaw-2026.6.33", "smoke", "crash"): (801, 1_581, 15),
    ("openclaw-2026.6.33", "smoke", "offline"): (205, 489, 10),
    ("openclaw-2026.7.1", "smoke", "crash"): (801, 1_581, 15),
    ("openclaw-2026.7.1", "smoke", "offline"): (205, 489, 10),
    ("openclaw-2026.8.1", "smoke", "crash"): (382, 750, 14),
    ("openclaw-2026.8.1", "smoke", "offline"): (48, 95, 9),
    ("openclaw-2026.8.1", "ci", "store"): (19_219, 44_655, 23),
    ("openclaw-2026.9.5", "smoke", "crash"): (382, 750, 14),
    ("openclaw-2026.9.5", "smoke", "offline"): (48, 95, 9),
    ("openclaw-2026.9.6", "smoke", "crash"): (382, 750, 14),
    ("openclaw-2026.9.6", "smoke", "offline"): (48, 95, 9),
    ("openclaw-2026.9.6", "ci", "identity"): (689, 1_471, 16),
    ("openclaw-2026.9.6", "ci", "one_shot"): (12_998, 32_538, 25),
    ("openclaw-2026.9.6", "ci", "jobs"): (27_812, 76_239, 22),
    ("openclaw-2026.9.6", "ci", "operator"): (20_421, 47_668, 22),
    ("openclaw-2026.9.6", "ci", "store"): (19_219, 44_655, 23),
    ("fix-skip", "smoke", "crash"): (434, 897, 14),
    ("fix-skip", "smoke", "offline"): (61, 123, 9),
    ("fix-durable", "smoke", "crash"): (494, 991, 14),
    ("fix-durable", "smoke", "offline"): (205, 518, 11),
    ("reference", "smoke", "crash"): (190, 419, 10),
    ("reference", "smoke", "offline"): (32, 68, 5),
    ("reference", "ci", "identity"): (416, 953, 8),
    ("reference", "ci", "one_shot"): (3_087, 9_189, 17),
    ("reference", "ci", "jobs"): (6_784, 20_600, 15),
}
"""Sizes of closed spaces, obtained by running the explorer; a change of one is a change of the model."""

WIDE = Bounds(outcomes=1, same_ms=1, restarts=1, manual=0)
"""States of more than eight bytes for the revision with the most fields."""

SOME = [
    pytest.param(model(revision, bounds), id=f"{revision}-{name}")
    for revision, name, bounds in (
        ("openclaw-2026.4.15", "store", BOUNDS["store"]),
        ("openclaw-2026.5.28", "wide", WIDE),
        ("reference", "crash", BOUNDS["crash"]),
    )
]

DIGEST = """
from lostproof.bounds import Bounds
from lostproof.revisions import revision
from tests.test_explorer import digest
from lostproof.model import Model
print(digest(Model(revision({revision!r}), {bounds!r})))
"""


def digest(m: Model) -> str:
    """Return a digest of all layers and all transitions, in the order in which they come."""
    space = close(m)
    known = graph.build(space)
    parts = [*space.layers, known.source, known.target, known.action, known.depth]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.mark.parametrize("world", SIZES, ids="-".join)
def test_size_is_as_pinned(world: tuple[str, str, str]) -> None:
    """A known world has as many states and transitions, and is as deep, as it was when it was pinned."""
    revision, preset, name = world
    bounds = next(known.bounds for known in PRESETS[preset] if known.name == name)
    space = close(model(revision, bounds))
    assert space.closed
    assert (space.count, space.transitions, space.depth) == SIZES[world]


FIRST = json.loads((Path(__file__).parent / "sizes.json").read_text(encoding="utf-8"))
"""States, transitions and depth of the first eleven slices of ``ci``, from before the world grew."""


@pytest.mark.parametrize(("revision", "name"), [(revision, name) for revision in FIRST for name in FIRST[revision]])
def test_what_is_switched_off_costs_nothing(revision: str, name: str) -> None:
    """The slices that were there before the larger world have exactly as many states and transitions as they had."""
    bounds = next(known.bounds for known in PRESETS["ci"] if known.name == name)
    assert not any(getattr(bounds, feature) for feature in FEATURES if feature != "gateways") and bounds.gateways == 1
    space = close(Model(REVISIONS[revision], bounds))
    assert [space.count, space.transitions, space.depth] == FIRST[revision][name]


def test_the_smoke_preset_is_pinned_for_every_revision() -> None:
    """The table of sizes covers the whole smoke preset."""
    wanted = {(revision, "smoke", known.name) for revision in REVISIONS for known in PRESETS["smoke"]}
    assert wanted <= set(SIZES)


def test_wide_world_is_wide() -> None:
    """One of the worlds of these tests has states that no integer type of eight bytes can hold."""
    assert model("openclaw-2026.5.28", WIDE).layout.width > 8


@pytest.mark.parametrize("m", SOME)
def test_layers_are_sorted_and_disjoint(m: Model) -> None:
    """Each layer is sorted without duplicates, and no state is in two layers."""
    space = close(m)
    for layer in space.layers:
        assert np.array_equal(layer, np.unique(layer))
    assert len(np.unique(np.concatenate(space.layers))) == space.count


@pytest.mark.parametrize("m", SOME)
def test_depth_is_minimal(m: Model) -> None:
    """A layer holds exactly the successors of the layer before that no earlier layer holds; the last has none."""
    space = close(m)
    assert m.layout.ints(space.layers[0]) == [m.initial()]
    earlier: set[int] = set()
    for depth, layer in enumerate(space.layers):
        earlier |= set(m.layout.ints(layer))
        reached = {state for expansion in expand(m, layer) for state in m.layout.ints(expansion.states)}
        following = space.layers[depth + 1 : depth + 2]
        assert reached - earlier == {state for states in following for state in m.layout.ints(states)}


@pytest.mark.parametrize("m", SOME)
def test_exceeding_the_limit_leaves_the_space_open(m: Model) -> None:
    """With too low a limit the space says that it is not closed, names the limit, and holds a prefix of the layers."""
    whole = close(m)
    part = close(m, max_states=whole.count // 3)
    assert not part.closed
    assert part.limit == whole.count // 3 < part.count < whole.count
    assert all(np.array_equal(a, b) for a, b in zip(part.layers, whole.layers, strict=False))


@pytest.mark.parametrize("m", SOME)
def test_a_limit_that_suffices_closes_the_space(m: Model) -> None:
    """A limit of exactly the number of states is no limit, and one less is."""
    whole = close(m)
    assert close(m, max_states=whole.count).closed
    assert not close(m, max_states=whole.count - 1).closed


@pytest.mark.parametrize("chunk", [1, 61, 1000])
@pytest.mark.parametrize("m", SOME)
def test_chunk_size_does_not_matter(m: Model, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """States, transitions and depths do not depend on how many states are expanded at a time."""
    small = Model(m.revision, Bounds(runs=1, outcomes=1, crashes=1, manual=0)) if chunk == 1 else m
    before, edges = close(small), _edges(small)
    monkeypatch.setattr(explorer, "CHUNK", chunk)
    monkeypatch.setattr(graph, "CHUNK", chunk)
    after = close(small)
    assert (after.count, after.transitions) == (before.count, before.transitions)
    assert all(np.array_equal(a, b) for a, b in zip(after.layers, before.layers, strict=True))
    assert _edges(small) == edges


def _edges(m: Model) -> list[tuple[int, int, int]]:
    known = graph.build(close(m))
    return sorted(zip(known.source.tolist(), known.action.tolist(), known.target.tolist(), strict=True))


@pytest.mark.parametrize("m", SOME)
def test_result_does_not_depend_on_hash_seeds(m: Model) -> None:
    """Processes with different hash seeds find the same layers and transitions, byte for byte and in one order."""
    code = DIGEST.format(revision=m.revision.name, bounds=m.bounds)
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {digest(m)}


@pytest.mark.parametrize("m", SOME)
def test_progress_is_told_after_each_layer(m: Model) -> None:
    """The callback sees the space grow by one layer at a time, up to the last."""
    depths: list[int] = []

    def note(space: Space) -> None:
        depths.append(space.depth)

    assert close(m, on_layer=note).depth == depths[-1]
    assert depths == list(range(depths[-1] + 1))


@pytest.mark.parametrize("m", SOME)
def test_exploring_from_elsewhere_with_some_actions(m: Model) -> None:
    """From given states with given actions the explorer stays inside the whole space and takes no other action."""
    whole = close(m)
    fair = [number for number, action in enumerate(m.actions) if action.fair]
    start = m.layout.ints(whole.layers[3])
    part = close(m, initial=start, actions=fair)
    known = graph.build(part, fair)
    assert part.closed
    assert set(m.layout.ints(part.layers[0])) == set(start)
    assert set(known.action.tolist()) <= set(fair)
    everything = {state for layer in whole.layers for state in m.layout.ints(layer)}
    assert {state for layer in part.layers for state in m.layout.ints(layer)} < everything
