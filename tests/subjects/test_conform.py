"""`lostproof conform`: what agrees is said to agree, and what does not is caught, told, listed and saved."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from lostproof import __version__
from lostproof.cli import cli
from lostproof.engine.verdicts import check, check_all
from lostproof.evidence import CANCELLED, KEEP, LOST, Decision, Evidence, TabulatedRule, recover
from lostproof.files import schema
from lostproof.report.data import dump, result_data
from lostproof.revisions import REVISIONS, revision
from lostproof.revisions.shipped_rules import active_set, durable_first, ledger_first
from lostproof.subjects.conform import conform
from lostproof.subjects.pinned_answers import PARTS
from lostproof.subjects.places import subject_at
from lostproof.subjects.random_worlds import random_worlds
from lostproof.subjects.subject import Subject, one_by_one, with_subject
from lostproof.subjects.worlds import evidence_in

EXAMPLES = Path(__file__).parents[1] / "examples"
DURABLE = [
    shlex.join([sys.executable, str(EXAMPLES / "durable.py")]),
    pytest.param(
        shlex.join(["node", str(EXAMPLES / "durable.mjs")]),
        marks=pytest.mark.skipif(not shutil.which("node"), reason="there is no node here"),
    ),
]
HASTY = shlex.join([sys.executable, str(EXAMPLES / "hasty.py")])
FEWER = {
    **PARTS, "log": ("none", "timed_out", "interrupted_earlier", "skipped", "unreadable"), "job": ("none", "failed"),
    "marker": ("none", "earlier"), "ledger": ("none", "ok"),
}
"""Some of what a release can be told of, so that a test need not ask about everything."""

TINY = "runs=1,outcomes=1,manual=0,long_waits=0,crashes=1"
QUESTION = jsonschema.Draft202012Validator(schema("subject-request"))


def lostproof(*arguments: str, code: int = 0) -> Result:
    # Where a line breaks must not hang on how long the path of this checkout is.
    result = CliRunner().invoke(cli, list(arguments), prog_name="lostproof", env={"COLUMNS": "1000"})
    assert result.exit_code == code, result.output
    return result


def json_of(*arguments: str, code: int = 0) -> Any:
    data = json.loads(lostproof(*arguments, "--format", "json", code=code).stdout)
    jsonschema.Draft202012Validator(schema(arguments[0])).validate(data)
    return data


def asked(rule: Any) -> Subject:
    """Return a rule as a subject."""

    def ask(evidences: Any) -> list[Decision]:
        return [rule(evidence) for evidence in evidences]

    return Subject(rule.__name__, rule.__name__, ask, one_by_one(ask))


@pytest.fixture
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lostproof.subjects.conform.PARTS", FEWER)


# -- what agrees


@pytest.mark.usefixtures("fewer")
@pytest.mark.parametrize("place", DURABLE)
def test_the_examples_decide_as_the_release_does(place: str) -> None:
    text = lostproof("conform", place, "--base", "openclaw-2026.5.28", "--worlds", "400").stdout
    assert "against durable_first, the rule of openclaw-2026.5.28" in text
    assert text.count("100 %") == 2
    assert "400 random worlds" in text
    assert "✓ decides as the rule does, everywhere" in text


@pytest.mark.parametrize("place", DURABLE)
def test_the_examples_race_as_the_release_does(place: str) -> None:
    """Tabulated and explored, a program gives the same spaces and the same races as the rule that it repeats."""
    mine = json_of("check", "--rule", place, "--base", "openclaw-2026.5.28", "--bounds", "smoke", code=1)["results"][0]
    known = json.loads(dump(result_data(check("openclaw-2026.5.28", "smoke"))))
    assert mine.pop("revision") == "durable@openclaw-2026.5.28"
    assert known.pop("revision") == "openclaw-2026.5.28"
    assert mine == known


def test_a_rule_agrees_with_itself_over_all_there_is() -> None:
    result = conform(asked(durable_first), durable_first, whole=True, worlds=50, seed=1)
    assert result.agrees
    assert result.parts == PARTS
    assert all(comparison.agreed == comparison.cases for comparison in result.comparisons)
    assert result.comparisons[0].cases == len(list(Evidence.domain(PARTS))) == 184_320
    assert result.comparisons[1].cases > 100
    assert result.differing_rows() == []
    assert result.modelled_decisions == [durable_first(e.told(PARTS)) for e in Evidence.domain()]


def test_a_rule_for_the_model_is_asked_about_modelled_evidence_only(tmp_path: Path) -> None:
    """A revision that is no release has no rule for what no modelled world can hold."""
    rules = tmp_path / "rules.py"
    rules.write_text(
        "from lostproof.revisions import revision\nknown = revision('reference').rule\n"
        "def mine(evidence):\n    assert evidence.modelled\n    return known(evidence)\n"
    )
    data = json_of("conform", f"{rules}:mine", "--worlds", "60")
    assert (data["revision"], data["agrees"], data["subject"]) == ("reference", True, f"{rules}:mine")
    assert [comparison["name"] for comparison in data["comparisons"]] == ["all evidence", "60 random worlds"]
    assert data["comparisons"][0]["cases"] == len(list(Evidence.domain()))


@pytest.mark.usefixtures("fewer")
def test_a_function_can_say_all_that_a_release_says(tmp_path: Path) -> None:
    """Rows that were cancelled on disk are no part of the model, but of the newest releases' rule."""
    assert ledger_first(Evidence(ledger="cancelled")) == CANCELLED
    rules = tmp_path / "rules.py"
    rules.write_text("from lostproof.revisions.shipped_rules import ledger_first\n")
    data = json_of("conform", f"{rules}:ledger_first", "--base", "openclaw-2026.9.6", "--worlds", "300")
    assert (data["agrees"], data["rule"]) == (True, "ledger_first")


# -- what does not


@pytest.mark.usefixtures("fewer")
def test_a_wrong_subject_is_caught_with_its_first_wrong_answer() -> None:
    text = lostproof("conform", HASTY, "--base", "openclaw-2026.4.15", "--worlds", "100", code=1).stdout
    assert "against active_set, the rule of openclaw-2026.4.15" in text
    assert "100 %" not in text
    assert "✓" not in text
    assert "keep → lost  status=running|queued expired=yes active=yes\n" in text
    first = text.split("first in all evidence:\n")[1].split("first in 100")[0]
    assert "row-0: running, run id 'cron:job-0:" in first
    assert "swept at +300,000 ms by an offline process; active jobs: job-0\n" in first
    assert "log of job-0: ok at -3,600,000 ms\n" in first
    assert first.rstrip().endswith("expected keep, found lost")
    assert text.rstrip().endswith("expected keep, found lost")


@pytest.mark.usefixtures("fewer")
def test_every_disagreement_is_listed_and_some_are_saved(tmp_path: Path) -> None:
    """The JSON has each with its world and both decisions; the files are the first of them, to be asked by hand."""
    arguments = ("conform", HASTY, "--base", "openclaw-2026.4.15", "--worlds", "150", "--seed", "3")
    data = json_of(*arguments, "--save", str(tmp_path / "wrong"), code=1)
    assert data == json_of(*arguments, code=1)
    assert (data["lostproof"], data["rule"], data["seed"], data["agrees"]) == (__version__, "active_set", 3, False)
    assert data["subject"] == HASTY
    assert (data["results"], data["worse"]) == ([], [])
    evidence, worlds = data["comparisons"]
    wrong = [one for one in Evidence.domain(FEWER) if active_set(one) != (LOST if hasty(one) else KEEP)]
    assert evidence["cases"] == len(list(Evidence.domain(FEWER)))
    assert [Evidence(**one["evidence"]) for one in evidence["disagreements"]] == wrong
    assert worlds["name"] == "150 random worlds"
    rows = [evidence_in(world, row) for world in random_worlds(3, 150) for row in world.rows]
    assert worlds["cases"] == len(rows)
    assert [Evidence(**one["evidence"]) for one in worlds["disagreements"]] == [
        one for one in rows if active_set(one) != (LOST if hasty(one) else KEEP)
    ]
    for comparison, kind in ((evidence, "evidence"), (worlds, "world")):
        told = comparison["disagreements"]
        assert comparison["agreed"] == comparison["cases"] - len(told)
        assert {(one["expected"], one["found"]) for one in told} == {("keep", "lost")}
        assert all(one["row"] in {row["row"] for row in one["question"]["rows"]} for one in told)
        for one in told[::50]:
            QUESTION.validate(one["question"])
        saved = sorted((tmp_path / "wrong").glob(f"disagreement-{kind}-*.json"))
        assert [json.loads(path.read_text()) for path in saved] == told[:20]
    assert data["differing"] == [{
        **dict.fromkeys(PARTS, "*"), "status": ["running", "queued"], "expired": ["yes"], "active": ["yes"],
        "decision": "keep → lost",
    }]


def hasty(evidence: Evidence) -> bool:
    return evidence.status in ("running", "queued") and evidence.expired


def test_rows_that_disturb_each_other_are_caught_in_worlds_of_several_rows() -> None:
    """A subject that is right about every row alone, but mistakes another row's job for its own, is not right."""
    right = asked(active_set)

    def sweep(worlds: Any) -> list[list[Decision]]:
        told = []
        for world in worlds:
            [first, *others] = right.sweep([world])[0]
            told.append([first, *(first for _ in others)])
        return told

    odd = Subject("odd", "odd", right.ask, sweep)
    result = conform(odd, active_set, whole=False, worlds=100, seed=1)
    alone, together = result.comparisons
    assert (alone.disagreements, result.agrees) == ([], False)
    assert 0 < len(together.disagreements) < together.cases / 2
    wrong = together.disagreements[0]
    assert wrong.row in [row.row for row in wrong.world.rows[1:]]
    assert {wrong.expected, wrong.found} == {KEEP, LOST}


def test_many_differing_rows_are_shortened_for_people(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(
        "from lostproof import KEEP, LOST\n"
        "def odd(e):\n    return LOST if len(e.log + e.job + e.marker) * len(e.owner) % 2 else KEEP\n"
    )
    text = lostproof("conform", f"{rules}:odd", "--worlds", "0", code=1).stdout
    assert "more rows\n" in text
    assert "0 random worlds  0          0" in text
    assert "first in 0 random worlds" not in text


# -- verdicts


@pytest.mark.usefixtures("fewer")
def test_verdicts_tell_what_a_wrong_rule_breaks(tmp_path: Path) -> None:
    """The properties that the revision keeps and the subject does not are named, and their races are saved and replay."""
    races = tmp_path / "races"
    arguments = ("conform", HASTY, "--base", "fix-skip", "--worlds", "20", "--verdicts", "--bounds", TINY)
    data = json_of(*arguments, "--save", str(races), code=1)
    mine = {one["id"]: one["verdict"] for one in data["results"][0]["properties"]}
    known = {one.property.id: one.verdict for one in check("fix-skip", TINY).verdicts}
    assert "live-run-never-lost" in data["worse"]
    assert data["worse"] == [name for name in mine if mine[name] == "violated" and known[name] != "violated"]
    saved = {path.name for path in races.glob("*.scenario.yaml")}
    assert len(saved) == sum(one["race"] is not None for one in data["results"][0]["properties"])
    again = lostproof("run", str(races / "hasty-fix-skip-live-run-never-lost.scenario.yaml")).stdout
    assert "1 scenario, 1 replay, 0 not as expected" in again
    text = lostproof(*arguments, code=1).stdout
    assert f"violated here, and not in fix-skip: {', '.join(data['worse'])}" in " ".join(text.split())
    assert "✗  live-run-never-lost" in text
    assert "against a rule without a name, the rule of fix-skip" in text


def test_verdicts_around_the_same_rule_are_no_worse(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("from lostproof.revisions import revision\nmine = revision('reference').rule\n")
    text = lostproof("conform", f"{rules}:mine", "--worlds", "5", "--verdicts", "--bounds", "smoke").stdout
    assert "violates nothing that reference does not violate as well" in text


def test_verdicts_that_are_open_are_not_taken_for_good_ones(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("from lostproof.revisions import revision\nmine = revision('reference').rule\n")
    judging = ("--worlds", "5", "--verdicts", "--bounds", "smoke", "--max-states", "20")
    text = lostproof("conform", f"{rules}:mine", *judging, code=3).stdout
    assert "not everything was explored: whether something is violated that was not is open" in text
    assert "violates nothing" not in text


def test_a_tabulated_rule_is_the_rule() -> None:
    """Every revision gives the same results with its own rule as a table."""
    for base in REVISIONS.values():
        mine = with_subject(base, asked(base.rule))
        assert isinstance(mine.rule, TabulatedRule)
        assert mine.decisions == base.decisions
        assert (mine.own_rule, mine.source) == ((base.rule.__name__, base.name), base.rule.__name__)
        assert base.caches_evidence <= mine.caches_evidence
    with pytest.raises(KeyError):
        mine.rule(Evidence(status="queued"))


def test_a_rule_that_reads_the_stores_reads_them_when_a_sweep_begins() -> None:
    """A rule that consults the job state races with its change; one that does not has nothing to remember."""
    base = revision("openclaw-2026.4.15")
    assert not base.caches_evidence
    assert not with_subject(base, asked(active_set)).caches_evidence
    marked = asked(lambda evidence: KEEP if evidence.marker == "exact" else active_set(evidence))
    assert with_subject(base, marked).caches_evidence
    reading = asked(lambda evidence: recover(evidence.job) if evidence.job == "failed" else KEEP)
    assert with_subject(base, reading).caches_evidence


def test_a_rule_of_ones_own_is_explored_in_processes_as_well() -> None:
    """A tabulated rule goes to other processes, and the same comes back, known revisions or not beside it."""
    mine = with_subject(revision("openclaw-2026.4.15"), asked(lambda e: LOST if hasty(e) else KEEP))
    subjects = [mine, "openclaw-2026.4.15"]
    said: list[str] = []
    here = check_all(subjects, "smoke")
    there = check_all(subjects, "smoke", on_progress=said.append, workers=2)
    assert len(said) == len(here[0].slices) + len(here[1].slices)
    for one, other in zip(here, there, strict=True):
        assert one.slices == other.slices
        for found, again in zip(one.verdicts, other.verdicts, strict=True):
            assert (found.property, found.verdict, found.slice) == (again.property, again.verdict, again.slice)
            assert found.race is None or (again.race is not None and found.race.moments == again.race.moments)
    assert here[0].verdict("live-run-never-lost").verdict == "violated"
    assert here[0].slices != here[1].slices


# -- bad input


@pytest.mark.usefixtures("fewer")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no-such-thing", "--base", "nobody"), "unknown revision 'nobody'; there are: "),
        (("no-such-thing", "--pin"), "no-such-thing: only the answers of a release are pinned; write openclaw@VERSION"),
        (("no-such-thing", "--bounds", "huge"), "unknown bounds 'huge'; there are: smoke, ci, deep"),
        ((str(EXAMPLES / "hasty.py"),), f"rule '{EXAMPLES / 'hasty.py'}': a file that cannot be run; write "),
        (("openclaw@2026",), "'2026' is not a version of openclaw; one looks like 2026.4.15"),
        (("openclaw@2026.4.15", "--dir", ""), "--dir '': an empty name"),
        (("no-such-thing",), "rule 'no-such-thing': no such program, file or folder; write openclaw@VERSION"),
        ((str(EXAMPLES),), f"{EXAMPLES} has no package.json; name an unpacked package of openclaw"),
        ((HASTY, "--base", "openclaw-2026.4.15", "--worlds", "1", "--save", f"{__file__}/races"),
         f"{__file__}/races: cannot be written to (Not a directory)"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments: tuple[str, ...], told: str) -> None:
    result = lostproof("conform", *arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"lostproof: {told}")
    assert result.stderr.count("\n") == 1


def test_a_subject_at_a_place_is_named_after_it() -> None:
    assert subject_at(HASTY).name == "hasty"
    assert subject_at(f"{EXAMPLES / 'rules.py'}:patient").name == "patient"
    assert subject_at("cat").name == "cat"
