"""Timing maps: a cell says what its world does, the smallest safe grace is exact, and pictures are of the map."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from random import Random

import pytest

from lostproof.drivers.script import Cue, play
from lostproof.drivers.timed import Timed
from lostproof.engine import verdicts
from lostproof.errors import BadInput, Defect
from lostproof.files import data_root
from lostproof.maps import proof
from lostproof.maps.axes import Axis, axis_from, duration_words, timings_from, values_from
from lostproof.maps.examples import save_cell
from lostproof.maps.grid import FALSE_LOST, MARKS, ZOMBIE, Grid, Lab
from lostproof.maps.proof import proofs
from lostproof.maps.worlds import BEGIN_MS, GRACE, TIMINGS, WORLDS
from lostproof.replay import run
from lostproof.report.map_picture import LOOKS, picture
from lostproof.report.timing_map import map_data, segments, table_digest
from lostproof.revisions import REVISIONS
from lostproof.scenarios import load
from tests.support import DISTINCT
from tests.test_cli import json_of, lostproof

MINUTE = 60_000
OWN_GRACE = 5 * MINUTE


@cache
def lab(revision: str, world: str, x: str = "", y: str = "") -> Lab:
    mapped = WORLDS[world]
    across, up = (axis_from(asked or own, mapped) for asked, own in zip((x, y), mapped.axes, strict=True))
    return Lab(REVISIONS[revision], mapped, timings_from((), mapped), across, up)


def coarse(revision: str, world: str) -> Grid:
    """Return a small map with every world's own axes."""
    values = {"duration": "2m..20m/6m", GRACE: "2m..20m/6m", "downtime": "0s..20m/10m"}
    asked = [f"{name}={values.get(name, '1m..19m/6m')}" for name in WORLDS[world].axes]
    return Grid.of(lab(revision, world, *asked), OWN_GRACE, (OWN_GRACE,))


# -- what is written


@pytest.mark.parametrize(
    ("text", "values"),
    [("5m 30s", (330_000,)), ("0s..2m/1m", (0, 60_000, 120_000)), ("0ms..5ms/2ms", (0, 2, 4)), ("1m..1m/1m", (60_000,))],
)
def test_values_are_read_as_they_are_written(text: str, values: tuple[int, ...]) -> None:
    assert values_from(text, "x") == values


@pytest.mark.parametrize("ms", [0, 1, 1_000, 61_001, 330_000, 3_600_000, 90_061_001])
def test_durations_are_written_as_they_are_read(ms: int) -> None:
    assert values_from(duration_words(ms), "x") == (ms,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--world", "moon"], "unknown world 'moon'; there are: restart, restart-after-end"),
        (["--x", "age"], "unknown timing of the world restart 'age'; there are: duration, kill, downtime, startup, grace"),
        (["--x", "downtime", "--y", "downtime"], "both axes are downtime"),
        (["--x", "downtime=5m..0s/1m"], "downtime=5m..0s/1m: a range goes upwards"),
        (["--x", "downtime=0s..5m"], "downtime=0s..5m: a range needs a step"),
        (["--x", "downtime=0s..5m/0s"], "downtime=0s..5m/0s: a range goes upwards"),
        (["--x", "downtime=0s..5m/1ms"], "downtime=0s..5m/1ms: more than 200 values"),
        (["--x", "downtime=soon"], "downtime=soon: 'soon' is no duration; write such as 5m 30s"),
        (["--x", "downtime=31d"], "downtime=31d: a timeline lasts at most 30 days"),
        (["--grace", "-5m"], "grace=-5m: '-5m' is no duration"),
        (["--x", "grace", "--grace", "5m"], "--grace goes with maps that have the grace on no axis"),
        (["--set", "kill"], "kill=: '' is no duration"),
        (["--set", "kill=1m", "--set", "kill=2m"], "timing kill is given twice"),
        (["--set", "grace=1m"], "unknown timing of the world restart 'grace'"),
        (["--set", "downtime=1m"], "--set downtime=1m: this timing is an axis"),
        (["--world", "offline", "--set", "takes=2m"], "takes=2m: an offline pass lasts at most 1m"),
        (["--out", "map.pdf"], "--out map.pdf: pictures are drawn as .svg or .png"),
        (["--out", "no/such/folder/map.svg", "--x", "downtime=0s", "--y", "duration=1m", "--grace", "5m"],
         "--out no/such/folder/map.svg: cannot be written (No such file or directory)"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    result = lostproof("map", "reference", *arguments, code=2)
    assert result.stderr.startswith(f"lostproof: {message}")
    assert result.stderr.count("\n") == 1


def test_a_picture_without_the_library_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(Lab, "cell", lambda *arguments: pytest.fail("simulated all the same"))
    result = lostproof("map", "reference", "--out", str(tmp_path / "map.svg"), code=2)
    assert "pip install 'lostproof[map]'" in result.stderr


def test_the_help_names_every_world_with_its_timings() -> None:
    told = " ".join(lostproof("map", "--help").stdout.split("their timings:")[1].split())
    assert told == " ".join(f"{name} {world.title} ({', '.join(world.timings)})" for name, world in WORLDS.items())
    for world in WORLDS.values():
        assert set(world.timings) | set(world.axes) <= set(TIMINGS)


def test_the_help_needs_no_explorer() -> None:
    loaded = "import sys, lostproof.cli, lostproof.maps.worlds; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


# -- a cell is what its world does


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("revision", ["openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.9.6", "fix-durable"])
def test_a_world_that_came_to_rest_is_one_that_was_watched_for_long(revision: str, world: str) -> None:
    """Sweeps that are passed over would have changed nothing: the clock, let run for hours, breaks the same."""
    rng, one = Random(f"{revision} {world}"), lab(revision, world)
    for _ in range(4):
        x, y = rng.choice(one.x.values), rng.choice(one.y.values)
        timings = {**one.timings, one.x.name: x, one.y.name: y}
        constants = replace(one.model.revision.constants, grace_ms=timings.pop(GRACE, OWN_GRACE))
        script = one.world.script(timings)
        hours = replace(script, cues=[*script.cues, Cue(150 * MINUTE, "wait")])
        sim = Timed(one.model, constants=constants)
        play(sim, hours, lambda cue, why: AssertionError(why))
        moments = one.moments(x, y, OWN_GRACE)
        assert one.model.view(moments[-1].after).row[0] == sim.view().row[0]
        told = [[(m.at_ms, m.broken) for m in trace if m.broken] for trace in (moments, sim.trace)]
        assert told[0] == told[1]
        changed = [[(m.at_ms, m.after) for m in trace if not _sweeps(one, m)] for trace in (moments, sim.trace)]
        assert changed[0] == changed[1]


def _sweeps(one: Lab, moment: object) -> bool:
    return one.model.actions[moment.action].actor == "sweep"  # type: ignore[attr-defined]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("revision", ["openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.9.6"])
def test_cells_replay_as_scenarios(revision: str, world: str, tmp_path: Path) -> None:
    """What the map says of a cell is what `lostproof run` finds when it replays the same steps from a file."""
    grid = coarse(revision, world)
    seen: set[str] = set()
    for (x, y), cell in zip(grid.lab.places(), (cell for row in grid.cells for cell in row), strict=True):
        if cell.kind not in seen:
            seen.add(cell.kind)
            [outcome] = run(load(save_cell(grid, x, y, cell, tmp_path)))
            assert outcome.failures == ()
            judged = {*FALSE_LOST, ZOMBIE}
            assert outcome.violated & judged == set(cell.violated) & judged
            assert bool(outcome.violated & set(FALSE_LOST)) == cell.false_lost


def test_the_known_failures_are_on_the_maps() -> None:
    kinds = {(r, w): set(coarse(r, w).counts.items()) for r, w in product(DISTINCT, WORLDS)}

    def has(revision: str, world: str) -> set[str]:
        return {kind for kind, count in kinds[revision, world] if count} - {"right"}

    assert has("openclaw-2026.4.15", "restart") == {"false lost"}
    assert has("openclaw-2026.4.2", "restart") == has("fix-skip", "restart-after-end") == {"zombie"}
    assert has("openclaw-2026.5.28", "restart-after-end") == {"false lost"}
    assert has("openclaw-2026.4.15", "no-restart") == {"false lost"}
    assert has("openclaw-2026.5.28", "no-restart") == set()
    assert has("openclaw-2026.9.6", "restart-in-process") == {"false lost"}
    assert all(has("reference", world) == set() for world in WORLDS)


def test_an_impossible_cell_says_why() -> None:
    """A cue that cannot happen with some timings makes the cell blank, not the map fail."""
    world = WORLDS["restart"]
    broken = replace(world, beats=(*world.beats, replace(world.beats[1], at=("kill",))))
    one = Lab(REVISIONS["reference"], broken, timings_from((), broken), Axis("downtime", (MINUTE,)), Axis("duration", (1,)))
    cell = one.cell(MINUTE, 1, OWN_GRACE)
    assert (cell.kind, MARKS[cell.kind], cell.wrong) == ("impossible", " ", False)
    assert "crash cannot happen in this state" in str(cell.impossible)


# -- the smallest safe grace


@pytest.mark.parametrize("duration", [3 * MINUTE, 10 * MINUTE + 30_000, 7 * MINUTE + 1])
def test_the_smallest_safe_grace_is_exact(duration: int) -> None:
    """A manual run of 2026.4.15 is safe with a grace that the last sweep before its end does not find expired."""
    world = WORLDS["no-restart"]
    last_sweep = (BEGIN_MS + duration) // MINUTE * MINUTE
    smallest = last_sweep - BEGIN_MS + 1
    graces = range(smallest - 3, smallest + 3)
    one = Lab(REVISIONS["openclaw-2026.4.15"], world, timings_from((), world), Axis("startup", (3_000,)),
              Axis("duration", (MINUTE, duration)))
    grid = Grid.of(one, OWN_GRACE, graces)
    assert grid.safe_ms == smallest
    assert [tested.grace_ms for tested in grid.tested] == [*range(smallest - 3, smallest + 1)]
    assert [tested.wrong for tested in grid.tested] == [*[(3_000, duration)] * 3, None]


def test_a_grace_on_an_axis_gives_the_same_answer() -> None:
    durations, graces = "duration=1m..9m/2m", "1m..12m/1m"
    world = WORLDS["no-restart"]
    searched = Grid.of(lab("openclaw-2026.4.15", "no-restart", "startup=3s", durations), OWN_GRACE, values_from(graces, "g"))
    across = Grid.of(lab("openclaw-2026.4.15", "no-restart", f"grace={graces}", durations), OWN_GRACE, ())
    upwards = Grid.of(
        Lab(REVISIONS["openclaw-2026.4.15"], world, timings_from((), world), across.lab.y, across.lab.x), OWN_GRACE, ()
    )
    assert searched.safe_ms == across.safe_ms == upwards.safe_ms == 10 * MINUTE
    assert [list(row) for row in zip(*across.cells, strict=True)] == [list(row) for row in upwards.cells]
    for grid in (across, upwards):
        for tested in grid.tested:
            assert (tested.wrong is None) == (tested.grace_ms == 10 * MINUTE)


def test_what_no_grid_can_say_is_proved_or_refuted() -> None:
    def verdict(revision: str, world: str) -> dict[str, str]:
        one = lab(revision, world, *(f"{name}=6m" for name in WORLDS[world].axes))
        return {known.kind: known.verdict for known in proofs(Grid.of(one, OWN_GRACE, (OWN_GRACE,)), (MINUTE, 60 * MINUTE))}

    assert verdict("reference", "restart") == {"false lost": "never", "zombie": "never"}
    assert verdict("openclaw-2026.4.15", "restart") == {"false lost": "with every grace", "zombie": "never"}
    assert verdict("fix-skip", "restart") == {"false lost": "never", "zombie": "with every grace"}
    assert verdict("openclaw-2026.5.28", "no-restart") == {"false lost": "never", "zombie": "never"}


def test_the_refutation_waits_out_the_longest_grace() -> None:
    grid = Grid.of(lab("openclaw-2026.4.15", "no-restart", "grace=5m", "duration=10m"), OWN_GRACE, ())
    [lost, _] = proofs(grid, (20 * MINUTE, MINUTE, 10 * MINUTE))
    assert lost.race is not None
    assert lost.graces == (MINUTE, 20 * MINUTE)
    assert lost.race.moments[-1].at_ms >= MINUTE
    longest = proof._replayed(
        grid.lab, verdicts.explore(REVISIONS["openclaw-2026.4.15"], verdicts.Slice("x", grid.lab.world.bounds),
                                   [lost.race.race.property]), lost.race.race.property.id, 20 * MINUTE)
    assert longest.moments[-1].at_ms >= 20 * MINUTE


def test_a_map_that_contradicts_the_explorer_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    real = verdicts.explore
    monkeypatch.setattr(proof, "explore", lambda *arguments: replace(real(*arguments), races={}))
    grid = Grid.of(lab("openclaw-2026.4.15", "no-restart", "grace=5m", "duration=10m"), OWN_GRACE, ())
    with pytest.raises(Defect, match="a false lost on the map that the explorer does not know"):
        proofs(grid, (OWN_GRACE,))


def test_a_world_that_is_too_large_is_left_open() -> None:
    grid = Grid.of(lab("reference", "restart", "downtime=1m", "duration=1m"), OWN_GRACE, (OWN_GRACE,))
    assert [one.verdict for one in proofs(grid, (OWN_GRACE,), max_states=5)] == ["open", "open"]


# -- views


SMALL = ("map", "openclaw-2026.4.15", "--x", "downtime=0s..4m/1m", "--y", "duration=3m..8m/1m", "--grace", "5m..9m/1m")


def test_the_json_says_what_the_cells_are() -> None:
    data = json_of("map", *SMALL)
    assert data["counts"]["false lost"] == sum(cell["kind"] == "false lost" for row in data["cells"] for cell in row) == 15
    assert [len(row) for row in data["cells"]] == [5] * 6
    assert data["timings_ms"] == {"kill": 180_000, "startup": 3_000, "grace": 300_000}
    assert data["grace"]["smallest_safe_ms"] == 480_000
    assert [one["safe"] for one in data["grace"]["tested"]] == [False, False, False, True]
    assert [one["verdict"] for one in data["every_grace"]] == ["with every grace", "never"]
    assert data["every_grace"][0]["race"][-1]["violates"]


def test_the_text_shows_the_map() -> None:
    text = lostproof(*SMALL).stdout
    lines = [line.split() for line in text.splitlines() if re.match(r" *\dm  [·LZB]", line)]
    assert [line[0] for line in lines] == ["8m", "7m", "6m", "5m", "4m", "3m"]
    assert ["".join(line[1:]) for line in lines] == ["LLLLL"] * 3 + ["·····"] * 3
    assert re.search(r"^6m – 8m +0s – 4m +false lost +live-run-never-lost$", text, re.MULTILINE)
    assert "smallest safe grace on this grid: 8m" in text
    assert "no grace excludes a false lost in this world" in " ".join(text.split())
    narrow = lostproof("map", "openclaw-2026.4.2", "--x", "downtime=0s", "--y", "duration=9m", "--grace", "5m..6m/1m").stdout
    assert "no grace up to 6m is safe on this grid" in narrow
    assert "Z zombie 1" in narrow


def test_segments_say_what_the_cells_say() -> None:
    for row in coarse("openclaw-2026.4.15", "offline").cells:
        again = [one.cell.kind for one in segments(row) for _ in range(one.first, one.last + 1)]
        assert again == [cell.kind for cell in row]


def test_a_rule_of_ones_own_is_mapped() -> None:
    rule = Path(__file__).parent / "examples" / "rules.py"
    data = json_of("map", "map", "openclaw-2026.4.15", "--rule", f"{rule}:patient", "--x", "downtime=0s", "--y",
                   "duration=3m..9m/3m", "--grace", "5m")
    assert data["revision"] == "patient@openclaw-2026.4.15"
    assert data["counts"]["false lost"] == 0


def test_examples_are_saved(tmp_path: Path) -> None:
    result = lostproof(*SMALL, "--save", str(tmp_path))
    assert result.stderr.count("saved ") == 1
    [path] = tmp_path.iterdir()
    assert path.name == "openclaw-2026-4-15-restart-false-lost.scenario.yaml"
    lostproof("run", str(path))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_pictures_are_the_same_bytes_each_time(form: str, tmp_path: Path) -> None:
    made = set()
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.{form}"
        subprocess.run(
            [sys.executable, "-m", "lostproof.cli", *SMALL, "--out", str(path)], check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        made.add(path.read_bytes())
    [data] = made
    assert (b"<svg" in data) == (form == "svg")
    digest = json_of("map", *SMALL)["digest"]
    assert f"sha256 {digest}".encode() in data


def test_the_picture_has_every_kind_of_cell_in_its_own_hatching() -> None:
    assert set(LOOKS) == set(MARKS)
    assert len(set(LOOKS.values())) == len({hatch for _, hatch in LOOKS.values()}) == len(LOOKS)
    grid = coarse("openclaw-2026.4.15", "offline")
    drawn = picture(grid, (), "svg").decode()
    for kind in ("right", "false lost"):
        assert f"fill: {LOOKS[kind][0]}" in drawn or f'fill="{LOOKS[kind][0]}"' in drawn
        assert f"{kind} ({grid.counts[kind]})" in drawn
    assert LOOKS["zombie"][0] in drawn  # the legend


PICTURES = sorted((data_root() / "spec" / "maps").glob("*.svg"))


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_pictures_in_the_spec_are_of_the_maps_of_today(path: Path) -> None:
    """If not: ``lostproof map REVISION --world WORLD --out spec/maps/REVISION.WORLD.svg``."""
    revision, _, world = path.name.removesuffix(".svg").rpartition(".")
    one = lab(revision, world)
    grid = Grid.of(one, OWN_GRACE, (OWN_GRACE,))
    assert f"sha256 {table_digest(grid)}" in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 60_000


def test_there_are_pictures_of_the_first_release_and_of_the_reference() -> None:
    assert {"openclaw-2026.4.15.restart.svg", "reference.restart.svg"} <= {path.name for path in PICTURES}


def test_the_digest_is_of_what_is_shown() -> None:
    grid = coarse("openclaw-2026.4.15", "offline")
    told = map_data(grid, ())
    assert told["digest"] == table_digest(grid)
    other = [list(row) for row in grid.cells]
    other[0][0] = replace(other[0][0], false_lost=not other[0][0].false_lost)
    assert table_digest(replace(grid, cells=tuple(map(tuple, other)))) != told["digest"]
    with pytest.raises(BadInput):
        axis_from("moon", grid.lab.world)
