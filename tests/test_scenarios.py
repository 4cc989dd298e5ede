"""Scenario files: the built-in ones pass and are complete; bad ones are refused with their line and what is allowed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from lostproof.drivers.concrete import TimedRace
from lostproof.engine.verdicts import check
from lostproof.errors import BadInput
from lostproof.files import schema
from lostproof.replay import Outcome, run
from lostproof.revisions import REVISIONS, Constants
from lostproof.scenarios import OWN, SUFFIX, find, load, save_race
from lostproof.tables import chart

FILES = find()
NAMES = {path.name.removesuffix(SUFFIX): path for path in FILES}

THEMES = {
    "original-report": "the minimal repro of the original report",
    "incident-2026-04-17": "the real incident",
    "offline-maintenance-over-a-live-run": "an offline pass over a live run",
    "offline-maintenance-while-the-run-ends": "an offline pass over a run that ends while it works",
    "manual-run-longer-than-the-grace": "a manual run longer than the grace",
    "catch-up-run-longer-than-the-grace": "a catch-up run longer than the grace",
    "batch-not-finalized-at-the-crash": "a batch that is not finalized at the crash",
    "log-says-ok-row-lost": "a row lost although the log says ok",
    "reservation-before-start": "a reservation before the start",
    "newer-run-masks-an-orphan": "a newer run that masks an orphan",
    "crashed-row-runs-for-ever": "a crashed row that runs for ever",
}
SHIPPED = [name for name, known in REVISIONS.items() if known.shipped]
WHOLE = f"{SHIPPED[0]} to {SHIPPED[-1]}"
MARK = "# yaml-language-server: $schema=../../spec/schemas/scenario.schema.json\n"


@cache
def outcomes(path: Path) -> list[Outcome]:
    """Replay a built-in scenario in every revision that it names."""
    return run(load(path))


# -- what there is


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_built_in_scenarios_pass(path: Path) -> None:
    """Every revision makes of a built-in scenario what the scenario says, and every revision has its say."""
    assert [(each.revision, each.failures) for each in outcomes(path) if not each.passed or each.failures] == []
    assert {each.revision for each in outcomes(path)} <= {*REVISIONS, OWN}
    assert outcomes(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(SUFFIX))
def test_built_in_scenarios_are_well_formed(path: Path) -> None:
    """A built-in scenario matches the schema, tells editors of it, and is called what its file is called."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith(MARK)
    scenario = load(path)
    assert scenario.name == path.name.removesuffix(SUFFIX)
    assert scenario.source
    assert NAMES[scenario.name] == path


def test_names_are_unique_and_the_schema_is_one() -> None:
    """No two scenarios have one name, and the schema is valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(schema("scenario"))
    assert len(NAMES) == len(FILES)


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_has_a_scenario(theme: str) -> None:
    """Each kind of race that was asked for is told by some scenario, and some revision gets it wrong."""
    told = [path for name, path in NAMES.items() if name.startswith(theme)]
    assert told
    assert any(each.violated for path in told for each in outcomes(path))


def test_the_real_incident_has_its_three_times() -> None:
    """Some telling of the real incident observes lost at 07:40:44, the start-up, and the ok line at 07:41:46."""
    clock = ((7 * 60) + 30) * 60_000
    seen, started = set(), set()
    for name, path in NAMES.items():
        if name.startswith("incident-2026-04-17"):
            scenario = load(path)
            base = scenario.clock_ms or 0
            for expectation in scenario.expect.values():
                seen |= {(base + one.at_ms - clock, one.what, one.value) for one in expectation.observe}
            started |= {base + entry.cue.at_ms - clock for entry in scenario.entries if entry.cue.do == "start"}
    assert {(644_000, "row", "lost"), (706_000, "log", "ended")} <= seen
    assert 657_000 in started


def durable(each: Outcome) -> dict[tuple[str, tuple[int, ...]], int]:
    """Return everything durable at the end of a replay."""
    view = each.model.view(each.moments[-1].after)
    cells = [cell for cell in each.model.layout.all_cells if cell.field.home.durable]
    return {(cell.field.name, cell.index): view.read(cell) for cell in cells}


@pytest.mark.parametrize("name", REVISIONS)
def test_the_impossible_pair_leaves_the_same_disk(name: str) -> None:
    """A crash before and a crash after the end of the work leave the same durable state, though the truth differs."""
    before, after = (
        next(each for each in outcomes(NAMES[f"crash-{when}-the-end"]) if each.revision == name)
        for when in ("before", "after")
    )
    assert durable(before) == durable(after)
    assert len(durable(before)) > 5
    ends = [each.model.view(each.moments[-1].after).end[0] for each in (before, after)]
    assert ends[0] == 0 != ends[1]


@pytest.mark.parametrize("name", REVISIONS)
def test_the_pair_around_a_send_leaves_the_same_disk(name: str) -> None:
    """A crash before and a crash after a send leave the same durable state; only one recipient has got anything."""
    before, after = (
        next(each for each in outcomes(NAMES[f"crash-{when}-the-send"]) if each.revision == name)
        for when in ("before", "after")
    )
    assert durable(before) == durable(after)
    received = [each.model.view(each.moments[-1].after).received[0] for each in (before, after)]
    assert received == [0, 1]


# -- what is refused

TOLD = """scenario: told
title: told
about: told
timeline:
  - {at: 1m, do: slot_due}
  - {at: 2m, do: end, run: job-a.run-1, end: ok}
  - {at: 3m, do: wait}
expect:
  reference:
    holds: [slot-runs-once]
    rows: {job-a.run-1: succeeded}
"""


def written(folder: Path, text: str) -> Path:
    """Write a scenario file."""
    path = folder / f"told{SUFFIX}"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_good_file_passes(tmp_path: Path) -> None:
    """The file from which the bad ones below are made is good."""
    assert [each.failures for each in run(load(written(tmp_path, TOLD)))] == [()]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("title: told", "title: [", 4, ["not valid YAML"]),
        ("title: told", "title: told\ntitle: twice", 3, ["'title' is given twice"]),
        ("title: told", "title: told\nmood: bad", 1, ["mood", "allowed: scenario, title"]),
        ("title: told", "title: ''", 2, ["title"]),
        ("title: told\n", "", 1, ["'title' is a required property"]),
        ("title: told", "title: told\nsystem: Air Flow", 3, ["'Air Flow' does not fit", "the report is about"]),
        ("title: told", "title: told\nreport: '#7'", 3, ["'#7' does not fit", "project and number: openclaw#68191"]),
        ("title: told", "title: told\nclosest: |\n  one\n  two", 3, ["does not fit", "in one line"]),
        ("do: slot_due", "do: fall", 5, ["'fall' cannot be done here", "slot_due", "hold"]),
        ("do: slot_due", "do: expire", 5, ["'expire' cannot be done here"]),
        ("do: slot_due", "do: slot_due, color: red", 5, ["color", "allowed: at, between"]),
        ("at: 1m", "at: 3m", 6, ["time goes backwards: 120000 ms comes after 180000 ms"]),
        ("at: 1m", "at: soon", 5, ["'soon' is no moment", "5m 30s"]),
        ("at: 1m", "at: 10:30:00", 5, ["'10:30:00' is a time of day", "clock"]),
        ("at: 1m", "at: -1", 5, ["-1"]),
        ("at: 1m, ", "", 5, ["exactly one of: at, between, anytime"]),
        ("at: 1m", "between: [2m, 1m]", 5, ["time goes backwards"]),
        ("run: job-a.run-1, end: ok", "run: job-b.run-1, end: ok", 6, ["unknown job 'job-b'", "job-a"]),
        ("run: job-a.run-1, end: ok", "run: job-a.run-4, end: ok", 6, ["at most 3 runs", "bounds.runs"]),
        ("run: job-a.run-1, end: ok", "run: job-a.run-1", 6, ["ok, failed or timed_out"]),
        ("end: ok", "end: maybe", 6, ["'maybe' is not allowed; allowed: ok, failed, timed_out"]),
        ("do: slot_due", "do: hold", 5, ["hold needs a 'run'", "row, job, log"]),
        ("  reference:", "  future:", 9, ["unknown revision 'future'", *REVISIONS, "others"]),
        ("  reference:", "  openclaw-2026.4.1 to openclaw-2026.9.6:", 9, ["unknown release 'openclaw-2026.4.1'", *SHIPPED]),
        ("  reference:", "  openclaw-2026.4.2 to reference:", 9, ["unknown release 'reference'", *SHIPPED]),
        ("  reference:", "  openclaw-2026.9.6 to openclaw-2026.4.2:", 9, ["a range goes from a release to a later one"]),
        ("  reference:", "  openclaw-2026.4.2 to openclaw-2026.4.2:", 9, ["a range goes from a release to a later one"]),
        ("  reference:", "  openclaw-2026.4.2 to openclaw-2026.4.15 to openclaw-2026.9.6:", 9, ["to a later one; in order"]),
        ("  reference:", f"  {WHOLE}: {{}}\n  openclaw-2026.5.28:", 10, [f"openclaw-2026.5.28 is also in '{WHOLE}'"]),
        ("  reference:", f"  openclaw-2026.4.15: {{}}\n  {WHOLE}:", 10, ["2026.4.15 is also in 'openclaw-2026.4.15'"]),
        ("  reference:", f"  openclaw-2026.4.2 to openclaw-2026.4.15: {{}}\n  {WHOLE}:", 10, ["name a revision once"]),
        ("[slot-runs-once]", "[slot-runs-twice]", 10, ["unknown property 'slot-runs-twice'", "slot-runs-once"]),
        ("[slot-runs-once]", "[slot-runs-once]\n    violates: [slot-runs-once]", 9, ["cannot both be violated"]),
        ("job-a.run-1: succeeded", "job-a.run-1: fine", 11, ["unknown status 'fine'", *chart("task").states]),
        ("expect:", "bounds: {crash: 1}\nexpect:", 8, ["unknown bound 'crash'", "crashes"]),
        ("expect:", "bounds: {crashes: 9}\nexpect:", 8, ["crashes=9 is out of range", "0 to 3"]),
        ("expect:", "revision: {grace: 1}\nexpect:", 8, ["unknown constant 'grace'", *Constants.__dataclass_fields__]),
        ("expect:", "jobs: {job-b: {}}\nexpect:", 8, ["job-a, job-b"]),
        ("do: end, run: job-a.run-1, end: ok", "do: start", 6, ["start cannot happen in this state", "possible now"]),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path: Path, old: str, new: str, line: int, says: list[str]) -> None:
    """A bad file is refused in one line that names the file, the line and what would be right."""
    assert old in TOLD
    path = written(tmp_path, TOLD.replace(old, new))
    with pytest.raises(BadInput) as caught:
        run(load(path))
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert [part for part in says if part not in message] == []
    assert "\n" not in message


def test_a_file_says_which_report_it_retells(tmp_path: Path) -> None:
    """The system is the product unless something else is said."""
    plain = load(written(tmp_path, TOLD))
    assert (plain.system, plain.report, plain.closest) == ("openclaw", "", "")
    more = "title: told\nsystem: argo workflows\nreport: argo#12625\nclosest: reference, which has no watcher either"
    other = load(written(tmp_path, TOLD.replace("title: told", more)))
    assert (other.system, other.report) == ("argo workflows", "argo#12625")
    assert other.closest == "reference, which has no watcher either"


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00", None], ids=repr)
def test_files_without_a_scenario_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty, or no text is refused in one line that names it."""
    path = tmp_path / f"told{SUFFIX}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_open_moments_are_refused(tmp_path: Path) -> None:
    """A file whose open moments leave too many choices is refused, with how many there may be."""
    more = "".join(f"  - {{anytime: true, do: {name}, optional: true}}\n" for name in ("crash", "start") * 3)
    with pytest.raises(BadInput, match=r"told\.scenario\.yaml.*leave more than 1000 choices; narrow"):
        run(load(written(tmp_path, TOLD.replace("expect:", f"{more}expect:"))))


def test_folders_and_paths_are_searched(tmp_path: Path) -> None:
    """A folder stands for the scenarios in it; one without any, and a path that does not exist, are refused."""
    path = written(tmp_path, TOLD)
    assert find([tmp_path]) == find([path]) == [path]
    for nowhere in (tmp_path / "nowhere", tmp_path.parent / "none.scenario.yaml"):
        with pytest.raises(BadInput, match="no such file or folder"):
            find([nowhere])
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="there is no file"):
        find([tmp_path / "empty"])


def test_a_range_stands_for_each_of_its_releases(tmp_path: Path) -> None:
    """A range means the releases from its first to its last, in order; what is wrong is told at the line of the range."""
    text = TOLD.replace("  reference:", f"  {SHIPPED[1]} to {SHIPPED[-1]}:")
    assert [each.revision for each in run(load(written(tmp_path, text)))] == SHIPPED[1:]
    outcomes = run(load(written(tmp_path, text.replace("run-1: succeeded", "run-1: lost"))))
    assert [(each.revision, each.lines) for each in outcomes] == [(name, (11,)) for name in SHIPPED[1:]]
    rest = load(written(tmp_path, f"{text}  others: {{}}\n"))
    assert rest.revisions == tuple(REVISIONS)
    assert rest.expectation(SHIPPED[0]) != rest.expectation(SHIPPED[1]) == rest.expectation(SHIPPED[-1])


# -- races as files, and what is expected


@cache
def smoke_races(name: str) -> list[TimedRace]:
    """Return the races of a revision under smoke."""
    return [verdict.race for verdict in check(name, "smoke").verdicts if verdict.race]


@pytest.mark.parametrize("name", REVISIONS)
def test_saved_races_replay(name: str, tmp_path: Path) -> None:
    """Every race is saved as a scenario that is valid and passes as it is; a tampered expectation fails in words."""
    for race in smoke_races(name):
        path = save_race(race, tmp_path)
        (outcome,) = run(load(path))
        assert (outcome.passed, outcome.failures) == (True, ())
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        judged = race.race.property.id
        data["expect"][name] = {"holds": [judged]}
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        (tampered,) = run(load(path))
        assert (tampered.passed, tampered.failures) == (False, (f"{judged} should hold, but is violated",))


def expected(folder: Path, expectation: str) -> tuple[str, ...]:
    """Return how the good file fails with another expectation."""
    text = TOLD[: TOLD.index("    holds")] + f"    {expectation}\n"
    return run(load(written(folder, text)))[0].failures


@pytest.mark.parametrize(
    ("expectation", "failure"),
    [
        ("violates: [slot-runs-once]", "slot-runs-once should be violated, but holds"),
        ("rows: {job-a.run-1: lost}", "the row of job-a.run-1 should end lost, but is succeeded"),
        ("observe: [{at: 3m, run: job-a.run-1, row: succeeded}]",
         "the row of job-a.run-1 should become succeeded at 180000 ms; it did: 120005 ms"),
        ("observe: [{at: 3m, run: job-a.run-1, row: lost}]",
         "the row of job-a.run-1 should become lost at 180000 ms; it did: never"),
    ],
)
def test_what_is_not_as_expected_is_said_in_words(tmp_path: Path, expectation: str, failure: str) -> None:
    """An expectation that is not met is told with what happened instead."""
    assert expected(tmp_path, expectation) == (failure,)


@pytest.mark.parametrize("moment", ["between: [1m 30s, 2m 1s]", "anytime: true"])
def test_open_moments_find_the_bad_moment(tmp_path: Path, moment: str) -> None:
    """A crash whose moment is open is tried where it hurts: after the end of the work and before it is written down."""
    more = f"- {{{moment}, do: crash}}\n  - {{at: 4m, do: start, optional: true}}\n  - {{at: 12m, do: wait}}"
    text = TOLD.replace("expect:", f"  {more}\nexpect:")
    text = text[: text.index("  reference:")] + "  openclaw-2026.4.15: {violates: [executed-run-never-lost]}\n"
    text = text.replace("end: ok}", "end: ok, optional: true}")
    (outcome,) = run(load(written(tmp_path, text)))
    assert outcome.failures == ()
    assert len(outcome.tried) > 3
    fixed = text.replace(moment, "at: 3m")
    assert run(load(written(tmp_path, fixed)))[0].failures == ("executed-run-never-lost should be violated, but holds",)
