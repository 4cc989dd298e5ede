"""Views: names of cells and values, timelines, decision tables and diagrams."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from lostproof.bounds import EVERYTHING, Bounds
from lostproof.cubes import word
from lostproof.drivers.concrete import concrete
from lostproof.drivers.random import simulate
from lostproof.drivers.timed import Timed
from lostproof.engine.race import with_point_of_no_return
from lostproof.engine.verdicts import check
from lostproof.evidence import DOMAIN, Evidence
from lostproof.model import Model
from lostproof.report import data, show, spec
from lostproof.report.heads import ranges, short_names
from lostproof.report.rules import rule_rows
from lostproof.report.text import matrix_view, result_view, short_number
from lostproof.report.timeline import clock_time, race_view, timeline
from lostproof.revisions import REVISIONS
from lostproof.tables import chart
from tests.support import lucky_race, lucky_result

TINY = "runs=1,outcomes=1,manual=0,long_waits=0"
OFFLINE = "runs=1,outcomes=1,offline_passes=1"


def model(name: str, bounds: Bounds) -> Model:
    return Model(REVISIONS[name], bounds)


def text_of(view: RenderableType, width: int = 110) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


# -- names


def test_numbers_of_runs_slots_and_rows_become_names() -> None:
    m = model("openclaw-2026.5.28", Bounds(jobs=2, runs=2, slots=2, offline_passes=1))
    named = {
        ("marker", 0): ["none", "run-1", "run-2"],
        ("last", 1): ["none", "run-1", "run-2", "interrupted(run-1)", "interrupted(run-2)"],
        ("slot", 3): ["slot-1", "slot-2", "none"],
        ("row", 3): ["absent", "running", "succeeded"],
        ("log", 0): ["none", "interrupted", "ended", "ended+interrupted"],
    }
    for (name, index), words in named.items():
        cell = m.layout.cell(name, index)
        assert [data.value_name(m, cell, value) for value in range(len(words))] == words
    sweep = m.layout.cell("sweep")
    assert [data.value_name(m, sweep, value) for value in (0, 1, 4)] == ["none", "job-a.run-1", "job-b.run-2"]


def test_cells_are_named_after_what_they_belong_to() -> None:
    m = model("openclaw-2026.4.15", Bounds(jobs=2, runs=1, slots=2))
    names = [data.cell_name(m, cell) for cell in m.layout.all_cells]
    assert len(set(names)) == len(names)
    assert {"gateway", "marker of job-b", "row of job-b.run-1", "noticed of slot-2 of job-a"} <= set(names)


@pytest.mark.parametrize("name", REVISIONS)
def test_every_value_of_every_cell_has_a_name_of_its_own(name: str) -> None:
    for bounds in EVERYTHING:
        m = Model(REVISIONS[name], bounds)
        for cell in m.layout.all_cells:
            size = max(cell.field.size(m.bounds, m.revision), 1)
            words = [data.value_name(m, cell, value) for value in range(size)]
            assert len(set(words)) == size, cell


def test_every_action_of_every_revision_is_explained() -> None:
    used = {row["name"] for row in show.actions_data()}
    assert used <= set(data.ACTIONS)
    assert "enable" in used
    assert "`enable`" in spec.actions()


def test_write_orders_are_told_once() -> None:
    assert spec.write_orders("fix-skip") == spec.write_orders("fix-durable")
    assert "as in 4.5 to 4.25." in spec.write_orders("fix-skip")
    assert "| section |" in spec.write_orders("openclaw-2026.4.15")


# -- timelines


def test_moments_are_written_as_a_clock_shows_them() -> None:
    assert [clock_time(ms) for ms in (0, 61_001, 3_600_000, 90_061_250)] == [
        "0:00:00.000", "0:01:01.001", "1:00:00.000", "25:01:01.250"
    ]


def test_a_race_has_a_line_for_each_step_and_ends_with_the_reason() -> None:
    race = check("openclaw-2026.4.15", OFFLINE).verdict("completed-run-never-lost").race
    assert race is not None
    text = text_of(race_view(race, 110))
    lines = text.splitlines()
    steps = [line for line in lines if ":0" in line[:20]]
    assert len(steps) == len(race.moments)
    assert "operator" in lines[0]
    assert steps[-1].startswith(" ✗")
    assert "■ row succeeded→lost" in steps[-1]
    assert steps[race.point_of_no_return - 1].startswith("◆")
    assert "✗ why  the row of job-a.run-1 became lost although a durable store held how the run ended." in text


@pytest.mark.parametrize("width", [60, 110])
def test_no_step_is_marked_where_luck_could_still_avert_a_lasting_race(width: int) -> None:
    """It is marked where a race is doomed: the last line of the race says so too."""
    lucky = lucky_race()
    text = text_of(race_view(lucky, width), width)
    assert "◆ no point of no return: luck" in text
    assert text.count("◆") == 1
    assert "there is a fair continuation" in " ".join(text.split())
    assert data.check_data("restart", [lucky_result().slices[0].slice], [lucky_result()])["results"][0]["properties"][0][
        "point_of_no_return"
    ] is None
    doomed = concrete(with_point_of_no_return(lucky.race))
    assert doomed.point_of_no_return
    assert text_of(race_view(doomed, width), width).count("◆") == 2


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_timeline_keeps_to_its_width(width: int) -> None:
    world = simulate(REVISIONS["openclaw-2026.5.28"], seed=3, steps=60)
    text = text_of(timeline(world.model, world.trace, width), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert steps_in(text) == list(range(1, len(world.trace) + 1))


def steps_in(text: str) -> list[int]:
    spans = re.findall(r"^[ ◆][ ✗] +(\d+)(?:–(\d+))?  +\d+:\d\d:", text, flags=re.MULTILINE)
    return [number for first, last in spans for number in range(int(first), int(last or first) + 1)]


def test_sweeps_that_keep_everything_are_folded() -> None:
    m = model("openclaw-2026.4.2", Bounds(runs=1, outcomes=1))
    sim = Timed(m)
    for _ in range(5):
        for name in ("run_now", "begin", "sweep_begin", "sweep_row"):
            number = next((n for n in sim.enabled() if m.actions[n].name == name), None)
            if number is not None:
                sim.do(number, sim.on_the_dot(number, sim.now))
    text = text_of(timeline(m, sim.trace, 110))
    assert len(sim.trace) > 9
    assert steps_in(text) == list(range(1, len(sim.trace) + 1))
    assert len(text.splitlines()) < len(sim.trace)
    assert "5 times" in text


def test_lanes_are_lifelines_while_there_is_room() -> None:
    race = check("openclaw-2026.4.15", f"{TINY},crashes=1").verdict("live-run-never-lost").race
    assert race is not None
    wide, narrow, tiny = (text_of(race_view(race, width), width) for width in (120, 70, 40))
    assert "│" in wide
    assert "│" not in narrow
    assert re.search(r"time +actor +what happens", narrow)
    assert "    ■ row running→lost" in [line.rstrip() for line in tiny.splitlines()]


def test_a_lasting_violation_says_that_it_lasts() -> None:
    race = check("openclaw-2026.4.15", OFFLINE).verdict("false-lost-is-repaired").race
    assert race is not None
    text = " ".join(text_of(race_view(race, 110)).split())
    assert "stays lost although the run's end is recorded; nothing changes that any more, in every fair" in text


def test_a_world_in_which_nothing_happens_is_shown_too() -> None:
    m = model("reference", Bounds())
    assert "time" in text_of(timeline(m, [], 100))


def test_the_digest_covers_every_step() -> None:
    world = simulate(REVISIONS["reference"], seed=1, steps=20)
    assert data.digest(world.model, world.trace) == data.digest(world.model, list(world.trace))
    assert data.digest(world.model, world.trace) != data.digest(world.model, world.trace[:-1])


# -- results


def test_a_result_tells_sweeps_slices_and_what_was_not_reached() -> None:
    result = check("reference", TINY)
    brief, full = text_of(result_view(result)), text_of(result_view(result, verbose=True))
    assert "vanished-run-is-closed" in brief
    assert "not reached" not in brief
    assert "chart edges not reached" in full
    assert "custom" in full


def test_a_matrix_without_pins_says_so() -> None:
    results = [check("reference", OFFLINE), check("openclaw-2026.4.15", OFFLINE)]
    text = text_of(matrix_view(results, OFFLINE, None, [], 110))
    assert f"nothing pinned for bounds {OFFLINE}" in text
    lost = next(line.split() for line in text.splitlines() if line.startswith("completed-run-never-lost"))
    assert lost == ["completed-run-never-lost", "✓", "✗", str(results[1].verdict(lost[0]).race.race.steps)]


@pytest.mark.parametrize("width", [40, 60, 80, 110])
def test_a_matrix_keeps_the_names_of_its_rows(width: int) -> None:
    results = [check(name, TINY) for name in REVISIONS]
    lines = text_of(matrix_view(results, TINY, None, [], width), width).splitlines()
    named = [line for line in lines if line.startswith("completed-run-never-lost ")]
    assert sum(len(line.split()) - 1 - line.count("✗") for line in named) == len(REVISIONS)
    assert len(named) <= {40: 10, 60: 4, 80: 3, 110: 2}[width]
    assert not any("…" in line or len(line) > width for line in lines)


def test_heads_leave_out_what_all_releases_have() -> None:
    assert short_names(["openclaw-2026.4.2", "openclaw-2026.10.1", "reference"]) == (
        "openclaw-2026.", ["4.2", "10.1", "reference"]
    )
    two_years = ["openclaw-2026.4.2", "openclaw-2027.1.1"]
    assert short_names(two_years) == ("", two_years)
    assert short_names(["reference"]) == ("", ["reference"])


def test_many_revisions_are_told_in_few_words() -> None:
    known = [f"openclaw-2026.{number}" for number in ("4.2", "4.5", "4.15", "5.28", "6.1")] + ["fix-skip", "reference"]
    told = {
        (): "none", (0,): "4.2", (0, 1): "4.2, 4.5", (0, 1, 2): "4.2 to 4.15", (1, 2, 3, 5): "4.5 to 5.28, fix-skip",
        (0, 2, 3, 4, 5, 6): "4.2, 4.15 to 6.1, fix-skip, reference", tuple(range(7)): "all", (5, 6): "fix-skip, reference",
    }
    for positions, words in told.items():
        assert ranges([known[position] for position in positions], known) == words


def test_sizes_take_four_characters() -> None:
    told = {
        0: "0", 999: "999", 1_000: "1.0k", 9_949: "9.9k", 9_950: "10k", 999_499: "999k", 999_500: "1.0M", 12_345_678: "12M",
    }
    assert {number: short_number(number) for number in told} == told


# -- decision tables


@pytest.mark.parametrize("name", REVISIONS)
def test_the_rows_of_a_decision_table_cover_all_evidence_once(name: str) -> None:
    rows = rule_rows(REVISIONS[name])

    def matches(row: dict[str, Any], evidence: Evidence) -> bool:
        return all(row[part] == "*" or word(getattr(evidence, part)) in row[part] for part in DOMAIN)

    for evidence, decision in zip(Evidence.domain(), REVISIONS[name].decisions, strict=True):
        assert [row["decision"] for row in rows if matches(row, evidence)] == [str(decision)]
    assert len(rows) <= 16


def test_a_rule_that_looks_at_nothing_has_one_row() -> None:
    assert len(rule_rows(REVISIONS["fix-skip"])) == 1
    assert "never looked at: status, expired" in text_of(show.rule_view(REVISIONS["fix-skip"]))


# -- lifecycles and revisions


@pytest.mark.parametrize("name", ["task", "run", "gateway"])
def test_diagrams_show_every_change_of_state(name: str) -> None:
    compiled = chart(name)
    mermaid, dot = show.lifecycle_mermaid(compiled), show.lifecycle_dot(compiled)
    assert mermaid.startswith(f"stateDiagram-v2\n    [*] --> {compiled.initial}\n")
    assert dot.startswith(f"digraph {name} {{") and dot.endswith("}")
    for edge in compiled.edges:
        if edge.source != edge.target:
            for lines, arrow in ((mermaid.splitlines(), "-->"), (dot.splitlines(), "->")):
                drawn = [line for line in lines if f"{edge.source} {arrow} {edge.target}" in line]
                assert any(edge.event in line for line in drawn)


@pytest.mark.parametrize("name", REVISIONS)
def test_a_revision_is_shown_with_everything_that_it_is_made_of(name: str) -> None:
    shown = show.revision_data(REVISIONS[name])
    text = text_of(show.revision_view(REVISIONS[name]), 160)
    for path, sections in shown["write_orders"].items():
        assert f"{path.replace('_', '-')} run" in text
        for section in sections:
            assert section["event"] in text
            assert all(step in text for step in section["steps"])
    for repair in shown["repair"]:
        assert repair in text
    assert "``" not in text
    assert json.loads(data.dump(shown)) == shown


def test_every_fact_of_a_revision_is_explained() -> None:
    docs = show._attribute_docs(type(REVISIONS["reference"]))
    assert set(show.revision_data(REVISIONS["reference"])["flags"]) <= set(docs)
