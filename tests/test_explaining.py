"""Explanations: zones, notes and their messages, the search against a plain oracle, and every built-in file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from lostproof.bounds import BUDGETS
from lostproof.cli import cli
from lostproof.errors import BadInput
from lostproof.evidence import ENDS, KEEP, LOST, Decision, Evidence
from lostproof.explaining.checking import contradicted, meetings
from lostproof.explaining.explain import Answer, explain, mixes, unexpected
from lostproof.explaining.notes import Fact, Job, Notes, Seen, find_notes, load_notes
from lostproof.explaining.search import Past
from lostproof.explaining.timing import NOW, Clock
from lostproof.explaining.zones import NEVER, Bound, Zone
from lostproof.fields import LOGS, PATHS
from lostproof.files import data_root, schema
from lostproof.model import Model
from lostproof.replay import run
from lostproof.report.explanations import title_of
from lostproof.revisions import REVISIONS
from lostproof.scenarios import load
from lostproof.tables import chart

OLD = REVISIONS["openclaw-2026.4.15"]
INCIDENT = data_root() / "scenarios" / "observed" / "incident-2026-04-17.observed.yaml"
NOTES = """\
observed: notes
title: "A row became lost"
about: Something happened.
clock: "12:00:00"
seen:
  - {row: x, became: lost, at: "12:10:00"}
"""


def notes_of(tmp_path: Path, text: str = NOTES) -> Notes:
    path = tmp_path / "notes.observed.yaml"
    path.write_text(text, encoding="utf-8")
    return load_notes(path)


@cache
def as_expected(path: Path, name: str) -> Answer:
    """Return the explanations that a file expects under a revision; no more than that are looked for."""
    notes = load_notes(path)
    expected = notes.expect[name]
    return explain(notes, REVISIONS[name], limit=max(expected.at_least, len(expected.ways), 1))


def titles(notes: Notes, answer: Answer) -> list[str]:
    return [title_of(notes, one) for one in answer.explanations]


# -- zones

SMALL = st.integers(-4, 4)
BOUNDS = st.lists(st.builds(Bound, st.sampled_from("abc"), st.sampled_from("abc"), SMALL), max_size=6)


def moments_of(bounds: Sequence[Bound]) -> list[dict[str, int]]:
    """Return all moments up to 8 after the first one that satisfy ``bounds``, by trying them."""
    found = []
    for b, c in product(range(9), range(9)):
        at = {"a": 0, "b": b, "c": c}
        if b <= c and all(at[one.later] - at[one.earlier] <= one.by for one in bounds):  # type: ignore[index]
            found.append(at)
    return found


@given(BOUNDS)
def test_a_zone_holds_the_moments_that_its_bounds_allow(bounds: list[Bound]) -> None:
    bounds = [*bounds, Bound("c", "a", 8), Bound("b", "a", 8)]
    zone = Zone.of("a").after("a", "b").after("b", "c").tightened(bounds)
    real = moments_of(bounds)
    assert (zone is None) == (not real)
    if zone is not None:
        for later, earlier in product("abc", "abc"):
            differences = [at[later] - at[earlier] for at in real]
            assert zone.span(later, earlier) == (min(differences), max(differences))


def test_leaving_a_moment_out_keeps_what_it_implied() -> None:
    zone = Zone.of("a").after("a", "b").after("b", "c").tightened([Bound("b", "a", 3), Bound("c", "b", 2)])
    assert zone is not None
    assert zone.keeping([("x", "a"), ("y", "c")]).span("y", "x") == (0, 5)
    assert Zone.of("a").after("a", "b").span("b", "a") == (0, NEVER)


def test_a_zone_lies_in_a_wider_one() -> None:
    wide = Zone.of("a").after("a", "b")
    narrow = wide.tightened([Bound("b", "a", 3)])
    assert narrow is not None
    assert narrow.within(wide)
    assert not wide.within(narrow)
    assert np.array_equal(wide.limits, Zone.of("a").after("a", "b").limits)


# -- the clock is the simulator's


def test_windows_and_stamps_are_those_of_the_timed_simulator(tmp_path: Path) -> None:
    notes = notes_of(tmp_path)
    m = Model(OLD, replace(notes.bounds, crashes=1, restarts=0, offline_passes=1, manual=0))
    clock = Clock(m, notes)
    number = {action.label(m): at for at, action in enumerate(m.actions)}
    state = m.initial()
    for label in ("slot_due job=job-a", "tick", "begin run=job-a.run-1"):
        before = state
        state = _after(m, state, number[label])
    assert clock.stamped(before, number["begin run=job-a.run-1"], state)["row", 0] == NOW
    assert clock.window(state, number["expire run=job-a.run-1"]) == [(("row", 0), 300_000, False)]
    state = _after(m, _after(m, state, number["expire run=job-a.run-1"]), number["cli_begin"])
    assert (("offline",), 60_000, True) in (clock.window(state, number["cli_row run=job-a.run-1"]) or [])


def _after(m: Model, state: int, number: int) -> int:
    from lostproof.engine.stepper import apply

    return apply(m, state, number)


# -- reading notes

WRONG = {
    "no moment": ('at: "12:10:00"', 'at: "noon"', ":6: seen[0].at: 'noon' is no moment"),
    "no such day": ('clock: "12:00:00"', 'clock: "2026-02-30 12:00"', ":4: clock: '2026-02-30 12:00': there is no such day"),
    "a date without one in the clock": ('at: "12:10:00"', 'at: "2026-04-17 12:10"', "has a date, but 'clock' has none"),
    "an unknown status": ("became: lost", "became: gone", ":6: seen[0].became: unknown word for row 'gone'; there are:"),
    "two subjects": ("row: x", "row: x, log: y", ":6: seen[0]: say what it is about, in one of: row, log"),
    "nothing said": (", became: lost", "", ":6: seen[0]: row takes either 'became' or 'is'"),
    "a state at no time": ('became: lost, at: "12:10:00"', "is: lost", ":6: seen[0]: say when it was so"),
    "an unknown action": ("row: x, became: lost", "did: explode", ":6: seen[0].did: unknown action 'explode'"),
    "an unknown field": ("row: x", "rows: x", ":6: seen[0]: "),
    "a job that is not there": ("row: x", "row: job-b", ":6: seen[0].row: 'job-b' is no run or job here"),
    "backwards": ('at: "12:10:00"', 'from: "12:10:00", to: "12:05:00"', ":6: seen[0].to: time goes backwards"),
    "no duration": ('at: "12:10:00"', 'at: "12:10:00", within: long', ":6: seen[0].within: 'long' is no duration"),
    "an unknown bound": ("seen:", "bounds: {crashs: 1}\nseen:", ":5: bounds: unknown bound 'crashs'"),
    "an unknown revision": ("seen:", "expect: {openclaw-1: none}\nseen:", ":5: expect.openclaw-1: unknown revision"),
    "a name from nowhere": (
        "seen:", "not_seen: [{row: y, became: lost}]\nseen:", ":5: not_seen[0]: 'y' is no run of 'seen'; 'any' is any run",
    ),
    "different from nothing": ("seen:", "different: [[x, z]]\nseen:", ":5: different[0]: unknown run 'z'; there are: x"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_notes_are_told_with_file_line_and_field(case: str, tmp_path: Path) -> None:
    old, new, message = WRONG[case]
    assert old in NOTES
    with pytest.raises(BadInput) as caught:
        notes_of(tmp_path, NOTES.replace(old, new))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_moment_covers_what_it_is_written_to(tmp_path: Path) -> None:
    def window(text: str) -> Any:
        return notes_of(tmp_path, NOTES.replace('at: "12:10:00"', text)).seen[0].first

    assert window('at: "12:10:00"') == (600_000, 600_999)
    assert window('at: "12:10"') == (600_000, 659_999)
    assert window('at: "12:10:00.250"') == (600_250, 600_250)
    assert window('at: "12:10:00", within: 5s') == (595_000, 605_999)
    assert window('from: "12:10:00"') == (600_000, None)
    assert window('at: "11:59:59"') == (86_399_000, 86_399_999)


def test_faults_are_looked_at_together_the_fewest_first(tmp_path: Path) -> None:
    told = list(mixes(notes_of(tmp_path)))
    assert told[0] == {}
    assert [sum(one.values()) for one in told] == sorted(sum(one.values()) for one in told)
    assert max(sum(one.values()) for one in told) == 2
    assert {"crashes": 2} in told
    assert {"restarts": 2} not in told


# -- explanations


@pytest.mark.parametrize("path", find_notes(), ids=lambda path: path.name.removesuffix(".observed.yaml"))
def test_every_built_in_file_is_explained_as_it_expects(path: Path) -> None:
    notes = load_notes(path)
    assert notes.name == path.name.removesuffix(".observed.yaml")
    assert notes.expect
    for name in notes.expect:
        answer = as_expected(path, name)
        assert unexpected(notes, answer, titles(notes, answer)) == []
        for one in answer.explanations:
            names = one.names
            told = meetings(one.model, notes, one.moments, one.start_ms, one.until_ms, names)
            assert None not in told
            assert contradicted(one.model, notes, one.moments, one.start_ms, one.until_ms, names) == []
        assert len(set(titles(notes, answer))) == len(answer.explanations)


def test_the_incident_has_the_three_mechanisms_that_were_found_by_hand() -> None:
    """The scenario files tell them; the fourth, that the lost run finishes itself, is not among the explanations."""
    notes = load_notes(INCIDENT)
    answer = as_expected(INCIDENT, OLD.name)
    told = [one.told[0] for one in answer.explanations]
    assert ("first sweep", "cut off") in {(one.by, one.run) for one in told}
    assert ("sweep", "catch_up", "live") in {(one.by, one.path, one.run) for one in told}
    assert ("offline pass", "timer", "live") in {(one.by, one.path, one.run) for one in told}
    for one in answer.explanations:
        assert one.names["reported"] != one.names["finished"]
        lost = next(at for at, moment in enumerate(one.moments) if _became_lost(one.model, moment, one.names["reported"]))
        at_ms = notes.clock_ms + one.start_ms + one.moments[lost].at_ms
        assert 7 * 3_600_000 + 40 * 60_000 + 44_000 <= at_ms <= 7 * 3_600_000 + 40 * 60_000 + 44_999


def _became_lost(m: Model, moment: Any, k: int) -> bool:
    lost = m.view(moment.after).row[k] != m.view(moment.before).row[k]
    return bool(lost) and m.actions[moment.action].name in ("sweep_row", "cli_row")


def test_a_rule_that_no_longer_loses_rows_explains_nothing(tmp_path: Path) -> None:
    """The same notes under 4.15 with another rule: what explains them is the rule, and nothing else."""

    def keep(evidence: Evidence) -> Decision:
        return KEEP

    notes = replace(load_notes(INCIDENT), faults=1)
    assert explain(notes, OLD, limit=1).verdict == "explained"
    answer = explain(notes, replace(OLD, name="kept", rule=keep))
    assert (answer.verdict, answer.complete, answer.unmet) == ("impossible", True, (0,))


def test_no_explanation_needs_a_shorter_grace_than_there_is(tmp_path: Path) -> None:
    """Nineteen seconds after its start no row is lost; with a grace of ten seconds it can be."""
    text = NOTES.replace("seen:", 'seen:\n  - {row: x, became: running, at: "12:09:41"}') + "not_seen: [{did: cli_begin}]\n"
    notes = replace(notes_of(tmp_path, text), faults=1)
    assert explain(notes, OLD).verdict == "impossible"
    hasty = replace(OLD, name="hasty", constants=replace(OLD.constants, grace_ms=10_000))
    answer = explain(notes, hasty, limit=1)
    assert answer.verdict == "explained"


def test_a_sweep_that_would_have_come_before_rules_an_explanation_out(tmp_path: Path) -> None:
    """Nothing that a sweep would lose lives longer than a minute beside a gateway that nobody stops."""

    def at_once(evidence: Evidence) -> Decision:
        return LOST if evidence.status == "running" and evidence.expired and evidence.authoritative else KEEP

    text = NOTES.replace('became: lost, at: "12:10:00"', "became: running, at: {}").replace("{}", '"12:01:00"')
    text += '  - {row: x, is: running, at: "12:08:00"}\n'
    text += "not_seen: [{gateway: stopped}, {gateway: started}, {did: reload}, {did: terminate}]\n"
    strict = replace(OLD, name="strict", rule=at_once)
    notes = replace(notes_of(tmp_path, text), faults=1)
    assert explain(notes, strict).verdict == "impossible"
    assert explain(notes, OLD, limit=1).verdict == "explained"
    sooner = replace(notes_of(tmp_path, text.replace("12:08:00", "12:06:00")), faults=1)
    assert explain(sooner, strict, limit=1).verdict == "explained"


def test_what_was_not_seen_rules_explanations_out(tmp_path: Path) -> None:
    notes = replace(load_notes(INCIDENT), faults=1)
    found = explain(notes, OLD)
    assert {one.told[0].run for one in found.explanations} == {"cut off", "over"}
    path = tmp_path / "notes.observed.yaml"
    more = '\nnot_seen:\n  - {work: reported, became: ok, from: "07:25:00", to: "07:40:44"}\nexpect:'
    path.write_text(INCIDENT.read_text(encoding="utf-8").replace("\nexpect:", more), encoding="utf-8")
    stricter = explain(replace(load_notes(path), faults=1), OLD)
    assert [one.told[0].run for one in stricter.explanations] == ["cut off"]


def test_names_for_different_runs_stand_for_different_runs(tmp_path: Path) -> None:
    text = NOTES.replace('row: x, became: lost, at: "12:10:00"', 'work: x, became: ok, at: "12:05:00"')
    text += '  - {work: y, became: ok, at: "12:05:00"}\n'
    notes = replace(notes_of(tmp_path, text), faults=0)
    same = explain(notes, OLD)
    assert [one.names for one in same.explanations] == [{"x": 0, "y": 0}]
    apart = replace(notes_of(tmp_path, f"{text}different: [[x, y]]\n"), faults=0)
    assert explain(apart, OLD).verdict == "impossible"


def test_known_times_of_a_job_are_kept(tmp_path: Path) -> None:
    text = NOTES.replace('row: x, became: lost, at: "12:10:00"', 'work: x, became: running, at: "12:05:00"')
    due = 'jobs: {job-a: {due: ["12:04:55"], takes: {at_least: 2m, at_most: 3m}}}\nseen:'
    answer = explain(replace(notes_of(tmp_path, text.replace("seen:", due)), faults=0), OLD)
    assert answer.verdict == "explained"
    ended = f'{text}  - {{work: x, became: ok, at: "12:06:30"}}\n'
    assert explain(replace(notes_of(tmp_path, ended.replace("seen:", due)), faults=0), OLD).verdict == "impossible"
    early = due.replace("12:04:55", "12:04:00")  # a tick does not wait for a minute
    assert explain(replace(notes_of(tmp_path, text.replace("seen:", early)), faults=0), OLD).verdict == "impossible"


def test_a_row_is_opened_by_its_run_whoever_brings_that_into_being(tmp_path: Path) -> None:
    text = NOTES.replace("became: lost", "became: running")
    for name in ("openclaw-2026.4.15", "reference"):
        (first, *_) = explain(replace(notes_of(tmp_path, text), faults=0), REVISIONS[name]).explanations
        assert [(one.by, one.path) for one in first.told] == [("run", "timer")]


def test_bounds_that_cannot_be_searched_in_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r":5: bounds: bound gateways=2 cannot be explained with; the only value is 1"):
        notes_of(tmp_path, NOTES.replace("seen:", "bounds: {gateways: 2}\nseen:"))


def test_too_small_a_limit_is_inconclusive() -> None:
    notes = load_notes(INCIDENT)
    answer = explain(notes, OLD, max_states=50)
    assert (answer.verdict, answer.complete) == ("inconclusive", False)
    assert any(limit.startswith("more than 50 states") for limit in answer.limits)


def test_pasts_differ_in_what_they_tell() -> None:
    assert Past() == Past()
    assert Past("start") != Past()


# -- the command


def lostproof(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, list(arguments), prog_name="lostproof")
    assert result.exit_code == code, result.output
    return result


def test_json_has_its_schema_and_is_the_same_again() -> None:
    arguments = ("explain", str(INCIDENT), "--revision", OLD.name, "--bounds", "faults=1", "--format", "json")
    first = lostproof(*arguments).stdout
    data = json.loads(first)
    jsonschema.Draft202012Validator(schema("explain")).validate(data)
    assert first == lostproof(*arguments).stdout
    (result,) = data["results"]
    assert result["verdict"] == "explained"
    assert [one["faults"] for one in result["explanations"]] == [{"crashes": 1}, {"crashes": 1}]


def test_exit_codes_say_whether_there_is_an_explanation() -> None:
    revision = ("--revision", "openclaw-2026.4.2", "--bounds", "faults=1")
    none = lostproof("explain", str(INCIDENT), *revision, code=1)
    assert "this cannot have been openclaw-2026.4.2" in " ".join(none.stdout.split())
    lostproof("explain", str(INCIDENT), *revision, "--max-states", "1", code=3)
    lostproof("explain", str(INCIDENT), "--bounds", "crashes=9", code=2)
    lostproof("explain", "nowhere.observed.yaml", code=2)


def test_saved_explanations_replay_and_show_what_was_observed(tmp_path: Path) -> None:
    arguments = ("explain", str(INCIDENT), "--revision", OLD.name, "--bounds", "faults=1", "--brief")
    lostproof(*arguments, "--save", str(tmp_path))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    for path in files:
        scenario = load(path)
        (outcome,) = run(scenario)
        assert outcome.passed, outcome.failures
        observed = scenario.expectation("openclaw-2026.4.15").observe
        assert {one.value for one in observed} == {"lost", LOGS[2]}


def test_what_is_not_as_expected_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wrong.observed.yaml"
    text = INCIDENT.read_text(encoding="utf-8").split("expect:")[0]
    path.write_text(f"{text}expect:\n  openclaw-2026.4.15: none\nbounds: {{faults: 1}}\n", encoding="utf-8")
    told = lostproof("explain", str(path), "--brief", "--expected", code=1)
    assert "openclaw-2026.4.15: should be impossible, but is explained" in told.stderr


# -- what the simulator can do, the search finds

REPLAYED = ("real-rule-of-2026-4-15", "original-report", "incident-2026-04-17-slow-start", "one-shot-runs-again",
            "offline-maintenance-over-a-live-run", "catch-up-run-longer-than-the-grace")


def notes_of_replay(model: Model, moments: Sequence[Any], base: Notes) -> Notes:
    """Return notes of all that a replay shows of rows, logs and starts, to the millisecond, with the faults that it took."""
    seen = []
    for moment in moments:
        before, after = model.view(moment.before), model.view(moment.after)
        window = (moment.at_ms, moment.at_ms)
        for k in model.runs:
            if before.row[k] != after.row[k]:
                fact = Fact("row", f"run-{k}", chart("task").states[after.row[k]], False)
                seen.append(Seen(fact, str(fact), 1, window))
            if LOGS[after.log[k]] == "ended" != LOGS[before.log[k]]:
                fact = Fact("log", f"run-{k}", ENDS[after.end[k]], False)
                seen.append(Seen(fact, str(fact), 1, window))
        if model.actions[moment.action].name == "start":
            seen.append(Seen(Fact("gateway", "", "started", False), "started", 1, window))
    last = model.view(moments[-1].after)
    spent = {budget: getattr(model.bounds, budget) - getattr(last, budget) for budget in BUDGETS}
    manual = int(any(last.path[k] == PATHS.index("manual") for k in model.runs))
    bounds = replace(model.bounds, **spent, manual=manual)
    return replace(base, seen=tuple(seen), jobs=(Job(),), bounds=bounds, faults=sum(spent.values()) + manual)


@pytest.mark.parametrize("name", REPLAYED)
def test_what_a_scenario_shows_is_never_called_impossible(name: str, tmp_path: Path) -> None:
    (path,) = (data_root() / "scenarios").rglob(f"{name}.scenario.yaml")
    (outcome,) = run(load(path), [OLD.name])
    notes = notes_of_replay(outcome.model, outcome.moments, notes_of(tmp_path))
    assert notes.seen
    assert explain(notes, outcome.model.revision, limit=1).verdict == "explained"
