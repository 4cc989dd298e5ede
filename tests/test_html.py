"""The HTML report as a file: one file, all of the data, nothing that a name could break out of, the same bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lostproof.bounds import parse_bounds
from lostproof.cli import cli
from lostproof.drivers.timed import Timed
from lostproof.engine.coverage import edge_name
from lostproof.engine.verdicts import Result, check
from lostproof.fields import FIELD
from lostproof.files import data_root
from lostproof.report.data import check_data, steps_data
from lostproof.report.html import html_page, replays_page
from lostproof.report.judged import Judged
from lostproof.report.page_charts import charts_data, exercised
from lostproof.report.page_timelines import Timelines, fields_data, grace_spans
from lostproof.revisions import REVISIONS
from lostproof.scenarios import load
from lostproof.tables import chart
from tests.support import lucky_result

TINY = "crashes=1,runs=1,outcomes=1"
NASTY = "</script><script>alert(1)</script><!--"
LIMIT = 3_000_000


def lostproof(*arguments: str, code: int = 0) -> Any:
    found = CliRunner().invoke(cli, arguments)
    assert found.exit_code == code, found.output
    return found


@cache
def checked(name: str) -> Result:
    return check(name, TINY)


@cache
def page_of(*names: str) -> str:
    return html_page(Judged("check", TINY, parse_bounds(TINY)[1], [checked(name) for name in names]))


def data_of(page: str) -> Any:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def worlds_of(data: Any, timeline: Any) -> list[dict[tuple[str, str], str]]:
    """Return the world at the beginning and after each step, as the page adds them up."""
    cells = [tuple(cell) for cell in data["worlds"][timeline["world"]]]
    worlds = [dict(zip(cells, (data["names"][value] for value in timeline["start"]), strict=True))]
    for step in timeline["steps"]:
        changed = zip(step["set"][::2], step["set"][1::2], strict=True)
        worlds.append({**worlds[-1], **{cells[cell]: data["names"][value] for cell, value in changed}})
    return worlds


def steps_of(data: Any, timeline: Any) -> list[dict[str, Any]]:
    """Return a timeline of the page in the form of the commands' JSON."""
    homes = {field["name"]: field["home"].lower() for field in data["fields"]}
    worlds = worlds_of(data, timeline)
    return [
        {
            "step": number,
            "at_ms": step["at"],
            **{name: step[name] for name in ("actor", "action", "params")},
            "changes": [
                {"field": field, "of": of, "home": homes[field], "from": worlds[number - 1][field, of], "to": value}
                for (field, of), value in worlds[number].items() if worlds[number - 1][field, of] != value
            ],
            "violates": [{"property": name, "subject": subject} for name, subject in step["broken"]],
        }
        for number, step in enumerate(timeline["steps"], 1)
    ]


# -- what is in it


def test_the_page_says_what_the_json_of_check_says() -> None:
    names = ("openclaw-2026.4.15", "fix-skip", "reference")
    data = data_of(page_of(*names))
    told = check_data(TINY, parse_bounds(TINY)[1], [checked(name) for name in names])
    assert data["bounds"] == told["bounds"]
    assert [one["revision"] for one in data["revisions"]] == list(names)
    races = iter(data["races"])
    for shown, result in zip(data["revisions"], told["results"], strict=True):
        for name in ("states", "transitions", "depth", "closed", "slices"):
            assert shown[name] == result[name]
        for cell, verdict in zip(shown["properties"], result["properties"], strict=True):
            assert {name: cell[name] for name in ("id", "verdict", "steps", "faults", "slice", "reason")} == {
                name: verdict[name] for name in ("id", "verdict", "steps", "faults", "slice", "reason")
            }
            assert (cell["race"] is None) == (verdict["race"] is None)
            if cell["race"] is not None:
                race = next(races)
                assert race is data["races"][cell["race"]]
                assert race["key"] == f"{result['revision']}/{verdict['id']}"
                timeline = race["timeline"]
                assert steps_of(data, timeline) == [*verdict["race"], *verdict["continuation"]]
                assert timeline["proper"] == len(verdict["race"])
                assert timeline["point"] == verdict["point_of_no_return"]
                assert [step["breaks"] for step in timeline["steps"]].index(True) + 1 == timeline["proper"]
    assert next(races, None) is None


def test_a_replay_is_shown_with_its_expectation(tmp_path: Path) -> None:
    place, page = str(data_root() / "scenarios" / "slots"), tmp_path / "new" / "page.html"
    lostproof("run", place, "--html", str(page))
    data, told = data_of(page.read_text()), json.loads(lostproof("run", place, "--format", "json").stdout)
    races = iter(data["races"])
    for scenario in told["scenarios"]:
        expected = load(next((data_root() / "scenarios" / "slots").glob(f"{scenario['scenario']}.*")))
        for outcome in scenario["outcomes"]:
            race = next(races)
            assert race["key"] == f"{scenario['scenario']}/{outcome['revision']}"
            assert steps_of(data, race["timeline"]) == outcome["timeline"]
            assert race["violated"] == outcome["violated"]
            assert race["expected"]["violates"] == list(expected.expectation(outcome["revision"]).violates)
    assert next(races, None) is None


def test_scenarios_of_one_name_have_addresses_of_their_own(tmp_path: Path) -> None:
    for family in "ab":
        (tmp_path / family).mkdir()
        source = next((data_root() / "scenarios" / "slots").glob("*.yaml"))
        (tmp_path / family / source.name).write_text(source.read_text())
    lostproof("run", str(tmp_path), "--revision", "reference", "--html", str(tmp_path / "page.html"))
    keys = [race["key"] for race in data_of((tmp_path / "page.html").read_text())["races"]]
    assert keys == [keys[0], f"{keys[0]} (2)"]


def test_the_matrix_is_small_and_shows_what_drifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lostproof import pinned

    real = pinned.pins
    changed = {name: dict(row) for name, row in (real("smoke") or {}).items()}
    changed["reference"]["no-invented-success"] = "violated in 2 steps"
    monkeypatch.setattr(pinned, "pins", lambda bounds: changed)
    page = tmp_path / "page.html"
    lostproof("matrix", "--bounds", "smoke", "--html", str(page), code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    data = data_of(page.read_text())
    assert data["drift"] == [{"revision": "reference", "property": "no-invented-success",
                              "expected": "violated in 2 steps", "found": "holds"}]
    drifted = [(one["revision"], cell["id"]) for one in data["revisions"] for cell in one["properties"] if cell["drift"]]
    assert drifted == [("reference", "no-invented-success")]
    a_race = len(json.dumps(data["races"])) / len(data["races"])
    races = sum(word.startswith("violated") for row in (real("ci") or {}).values() for word in row.values())
    # Each of the races of the daily preset in a world with twice as many cells.
    assert page.stat().st_size + 2 * a_race * races < LIMIT


def test_what_was_not_explored_is_shown_too(tmp_path: Path) -> None:
    lostproof("check", "--bounds", TINY, "--max-states", "10", "--html", str(tmp_path / "page.html"), code=3)
    data = data_of((tmp_path / "page.html").read_text())
    assert {cell["verdict"] for cell in data["revisions"][0]["properties"]} == {"inconclusive"}
    assert data["races"] == []


# -- one file, and the same


def test_the_file_needs_nothing_else() -> None:
    page = page_of("openclaw-2026.4.15", "reference")
    assert not re.search(r"""<(link|script|img|iframe)[^>]*\s(src|href)=["'](?!data:)""", page)
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|\bimport\(", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("folder", ["htm", "preact"])
def test_the_library_comes_with_its_licence(folder: str) -> None:
    vendor = Path(sys.modules["lostproof.report.html"].__file__ or "").parent / "page" / "vendor"
    assert (vendor / f"LICENSE-{folder}").stat().st_size > 1_000
    assert "Permission is hereby granted" in page_of("reference")


def test_no_name_breaks_out_of_the_data(tmp_path: Path) -> None:
    nasty = replace(REVISIONS["openclaw-2026.4.15"], name=NASTY, title=NASTY)
    page = html_page(Judged("check", TINY, parse_bounds(TINY)[1], [check(nasty, TINY)]))
    clean = page_of("openclaw-2026.4.15")
    for tag in ("<script", "</script", "<!--"):
        assert page.count(tag) == clean.count(tag)
    data = data_of(page)
    assert data["revisions"][0]["revision"] == NASTY
    assert data["races"][0]["key"].startswith(NASTY)


def test_no_title_breaks_out_of_the_data(tmp_path: Path) -> None:
    source = next((data_root() / "scenarios" / "slots").glob("*.yaml"))
    told = {**yaml.safe_load(source.read_text()), "title": NASTY, "about": NASTY}
    (tmp_path / source.name).write_text(yaml.safe_dump(told, sort_keys=False))
    lostproof("run", str(tmp_path), "--revision", "reference", "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert page.count("<script") == page_of("reference").count("<script")
    assert data_of(page)["scenarios"][0]["title"] == NASTY


def test_same_verdicts_same_bytes(tmp_path: Path) -> None:
    pages = []
    for seed in "12":
        page = tmp_path / f"{seed}.html"
        arguments = ("check", "fix-skip", "--bounds", TINY, "--races", "none", "--html", str(page))
        command = [sys.executable, "-c", "from lostproof.cli import main; main()", *arguments]
        subprocess.run(command, check=False, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        pages.append(page.read_bytes())
    assert pages[0] == pages[1]
    assert data_of(pages[0].decode()) == data_of(page_of("fix-skip"))


@pytest.mark.parametrize("command", [["check", "--bounds", TINY], ["run", "--revision", "reference"]])
def test_a_file_that_cannot_be_written_is_told_in_one_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    place = [str(data_root() / "scenarios" / "slots")] if command[0] == "run" else []
    found = lostproof(*command, *place, "--html", str(tmp_path / "taken" / "page.html"), code=2)
    assert found.stderr.count("\n") == 1
    assert "page.html: cannot be written" in found.stderr


def test_nothing_replayed_is_a_page(tmp_path: Path) -> None:
    assert data_of(replays_page([]))["races"] == []


# -- what the timelines say


def all_races() -> Iterable[Any]:
    for name in ("openclaw-2026.4.15", "openclaw-2026.9.6", "fix-durable"):
        yield from (verdict.race for verdict in checked(name).verdicts if verdict.race)


def test_a_grace_runs_from_the_last_event_of_a_row_until_it_expires() -> None:
    found = 0
    for timed in all_races():
        m, moments = timed.race.model, timed.moments
        for span in grace_spans(m, moments):
            expires = [number for number, moment in enumerate(moments, 1)
                       if m.actions[moment.action].name == "expire" and number > span["from"]]
            if span["expired"]:
                found += 1
                assert span["to"] == expires[0]
                assert moments[span["to"] - 1].at_ms >= span["since"] + span["ms"]
                assert moments[span["from"] - 1].at_ms >= span["since"]
    assert found > 3


def test_following_a_timeline_gives_the_stamps_of_the_one_that_played_it() -> None:
    for timed in all_races():
        played, follower = Timed(timed.race.model), Timed(timed.race.model)
        for moment in timed.moments:
            if moment not in played.trace:
                played.do(moment.action, moment.at_ms)
            follower.follow(moment)
            assert follower.state == moment.after
        assert played.trace == list(timed.moments)
        assert follower.stamps == played.stamps


def test_every_store_has_a_name_and_every_other_field_an_actor_or_none() -> None:
    unnamed = {field["name"] for field in fields_data() if field["store"] is None and field["home"] != "GHOST"}
    actors = {"gateway", "sweep", "step", "age", "work"}
    assert unnamed == actors | {FIELD[name].of_peer.name for name in actors}


def test_a_lasting_race_that_luck_could_avert_has_no_point_of_no_return() -> None:
    lucky = html_page(Judged("check", "restart", [lucky_result().slices[0].slice], [lucky_result()]))
    assert [race["timeline"]["point"] for race in data_of(lucky)["races"]] == [None]
    for page in (lucky, page_of("openclaw-2026.4.15"), page_of("openclaw-2026.9.6")):
        for race in data_of(page)["races"]:
            assert (race["timeline"]["point"] is None) == race["decided"].startswith("no point")


# -- lifecycles


def test_every_edge_of_a_lifecycle_is_drawn_with_its_counts() -> None:
    result = checked("openclaw-2026.4.15")
    for drawn in charts_data({"it": result.coverage}):
        compiled = chart(drawn["name"])
        assert [state["name"] for state in drawn["states"]] == list(compiled.states)
        places = {(state["x"], state["y"]) for state in drawn["states"]}
        assert len(places) == len(compiled.states)
        shown = {
            (edge["source"], event["event"], edge["target"]): event["counts"]["it"]
            for edge in drawn["edges"] for event in edge["events"]
        }
        assert shown == {
            (edge.source, edge.event, edge.target): result.coverage.edges[edge_name(compiled, edge)]
            for edge in compiled.edges if edge.source != edge.target
        }
        loops = sum(len(loop["events"]) for loop in drawn["loops"])
        assert len(shown) + loops == len(compiled.edges)


def test_a_replay_exercises_what_happens_in_it() -> None:
    for timed in all_races():
        m = timed.race.model
        counted = exercised(m, timed.moments)
        assert sum(counted.actions.values()) == len(timed.moments)
        before, after = m.view(timed.moments[0].before), m.view(timed.moments[-1].after)
        assert before.row[0] == 0
        if after.row[0] == chart("task").code("lost"):
            assert counted.edges["task: absent→running"] == counted.edges["task: running→lost"] == 1


def test_timelines_share_their_names_and_worlds() -> None:
    timelines = Timelines()
    races = list(all_races())
    for timed in races:
        assert steps_data(timed.race.model, timed.moments) == steps_of(
            {**timelines_data(timelines, timed), "fields": fields_data()}, timelines_data(timelines, timed)["timeline"]
        )
    assert len(timelines.shared()["worlds"]) == 3 < len(races)


def timelines_data(timelines: Timelines, timed: Any) -> dict[str, Any]:
    timeline = timelines.timeline(timed.race.model, timed.moments)
    return {**timelines.shared(), "timeline": timeline}
