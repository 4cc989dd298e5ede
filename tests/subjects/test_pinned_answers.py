"""Pinned answers: what releases answered when they were asked is what our rules say, over everything, without a network."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lostproof.cli import cli
from lostproof.cubes import table_of
from lostproof.engine.verdicts import check
from lostproof.errors import BadInput
from lostproof.evidence import CANCELLED, KEEP, Evidence, Rule
from lostproof.revisions import Revision, revision, shipped_revisions
from lostproof.revisions.shipped_rules import EPOCHS, epoch_of, ledger_first, release_number
from lostproof.scenarios import save_races
from lostproof.subjects import pinned_answers as pinned
from lostproof.subjects.pinned_answers import PARTS, pin_answers, pinned_answers, pinned_releases, pinned_subject
from lostproof.subjects.places import Asking, subject_at
from lostproof.subjects.subject import with_subject

ASKED_FOR = (
    "2026.4.2", "2026.4.5", "2026.4.15", "2026.4.24", "2026.4.25", "2026.5.12", "2026.5.28", "2026.6.1", "2026.6.8",
    "2026.6.11", "2026.6.33", "2026.7.1", "2026.8.1", "2026.8.2", "2026.9.5", "2026.9.6",
)
OBTAINED = {"on": "2026-01-02", "by": "hand"}


@cache
def everything() -> tuple[Evidence, ...]:
    return tuple(Evidence.domain(PARTS))


@cache
def answers(rule: Rule) -> list[str]:
    return [str(rule(evidence)) for evidence in everything()]


# -- what is pinned


def test_all_releases_of_interest_are_pinned() -> None:
    """Every form that the rule has had is pinned by a release at least, and the oldest come first."""
    assert set(pinned_releases()) >= set(ASKED_FOR)
    assert pinned_releases() == sorted(pinned_releases(), key=release_number)
    assert {epoch_of(release_number(version)) for version in pinned_releases()} == set(EPOCHS)


@pytest.mark.parametrize("version", pinned_releases())
def test_our_rule_agrees_with_what_the_release_answered(version: str) -> None:
    """Over everything that a release can be told of, the rule of its epoch says what the release's own code said."""
    told = pinned_answers(version)
    epoch = epoch_of(release_number(version))
    assert told is not None
    assert epoch is not None
    found = table_of(PARTS, told.rows)
    expected = answers(epoch.rule)
    if found != expected:
        first = next(n for n, pair in enumerate(zip(expected, found, strict=True)) if pair[0] != pair[1])
        pytest.fail(f"{everything()[first]}: expected {expected[first]}, {version} says {found[first]}")


@pytest.mark.parametrize("shipped", shipped_revisions(), ids=lambda shipped: shipped.release)
def test_a_shipped_revision_decides_as_its_release_answered(shipped: Revision) -> None:
    """Every release that is a revision was asked itself, and the revision's rule says the same about everything."""
    told = pinned_answers(shipped.release)
    assert told is not None, f"lostproof conform openclaw@{shipped.release} --pin"
    assert table_of(PARTS, told.rows) == answers(shipped.rule)


@pytest.mark.parametrize("version", pinned_releases())
def test_a_pinned_file_says_how_it_was_obtained_and_is_small(version: str) -> None:
    told = pinned_answers(version)
    assert told is not None
    assert told.release == version
    assert set(told.obtained) == {"on", "by", "module", "via", "node"}
    assert told.obtained["by"] == f"lostproof conform openclaw@{version} --pin"
    text = pinned._file(version).read_text()
    assert len(text) < 16_000
    assert len(text.splitlines()) < 100


def test_epochs_are_told_apart() -> None:
    """Each rule has been another one: no two agree over everything, so a release in the wrong epoch would be noticed."""
    told = [tuple(answers(epoch.rule)) for epoch in EPOCHS]
    assert len(set(told)) == len(EPOCHS)


# -- pinning


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "releases"
    monkeypatch.setattr(pinned, "_folder", lambda: made)
    return made


def test_what_is_pinned_is_found_again(folder: Path) -> None:
    """The file gives back each decision, and pinning the same again gives the same bytes."""
    decisions = [ledger_first(evidence) for evidence in everything()]
    assert CANCELLED in decisions
    for version in ("2026.10.1", "2026.9.30"):
        path = pin_answers(version, decisions, OBTAINED)
        assert path == folder / f"openclaw-{version}.json"
    text = path.read_text()
    assert pin_answers("2026.9.30", decisions, OBTAINED).read_text() == text
    assert sorted(file.name for file in folder.iterdir()) == ["openclaw-2026.10.1.json", "openclaw-2026.9.30.json"]
    assert pinned_releases() == ["2026.9.30", "2026.10.1"]
    told = pinned_answers("2026.9.30")
    assert told is not None
    assert (told.release, told.obtained) == ("2026.9.30", OBTAINED)
    assert told.decisions() == dict(zip(everything(), decisions, strict=True))


def test_one_other_decision_is_not_lost(folder: Path) -> None:
    """A single evidence that is decided otherwise stands in the file, and is found again."""
    odd = Evidence(owner="unknown", ledger="ok")
    decisions = [KEEP if evidence == odd else ledger_first(evidence) for evidence in everything()]
    pin_answers("2026.9.30", decisions, OBTAINED)
    told = pinned_answers("2026.9.30")
    assert told is not None
    wrong = {evidence for evidence, decision in told.decisions().items() if decision != ledger_first(evidence)}
    assert wrong == {odd}


def test_a_release_that_is_not_pinned_has_no_answers(folder: Path) -> None:
    assert pinned_releases() == []
    assert pinned_answers("2026.9.30") is None
    assert pinned_subject("2026.9.30") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{", "", "not a table of a release's answers (JSONDecodeError("),
        ('"rows": [', '"row": [', "not a table of a release's answers (KeyError('rows'))"),
        ('"obtained"', '"how"', "not a table of a release's answers (KeyError('obtained'))"),
        ('"decision": "keep"}', '"decision": "kept"}', "made for other questions than lostproof asks; "),
        ('"decision": "lost"', '"verdict": "lost"', "not a table of a release's answers (KeyError('decision'))"),
        ('"status": ["lost_otherwise", "closed"]', '"status": ["closed"]', "made for other questions than lostproof asks; "),
        ('"status": ["lost_otherwise", "closed"]', '"status": "closed"', "not a table of a release's answers (TypeError("),
        ('"ledger": ["none", "ok"', '"ledger": ["none", "good"', "made for other questions than lostproof asks; "),
        ('"owner": ["unknown"]', '"owner": ["unknown", "live"]', "made for other questions than lostproof asks; "),
    ],
)
def test_a_broken_file_is_told_in_one_line(folder: Path, old: str, new: str, told: str) -> None:
    path = pin_answers("2026.9.30", [ledger_first(evidence) for evidence in everything()], OBTAINED)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        pinned_answers("2026.9.30")
    message = str(caught.value)
    assert message.startswith(f"{path}: {told}")
    assert "\n" not in message
    if "other questions" in told:
        assert message.endswith("; lostproof conform openclaw@2026.9.30 --pin")


@pytest.mark.parametrize("text", ["[]", "null", '{"rows": 3}', '{"rows": [3]}', '{"rows": [], "asked": {}, "release": "x"}'])
def test_what_is_no_table_is_told_in_one_line(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "openclaw-2026.9.30.json").write_text(text)
    with pytest.raises(BadInput, match="not a table of a release's answers"):
        pinned_answers("2026.9.30")


# -- releases without a network


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be installed or asked: there is no npm and no Node, and nothing in the cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("LOSTPROOF_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("version", ["2026.4.15", "2026.5.28", "2026.9.6"])
def test_a_pinned_release_races_as_its_revision(version: str) -> None:
    """Around its answers there are the verdicts of the revision that stands for it."""
    subject = subject_at(f"openclaw@{version}", Asking(install=False))
    assert (subject.place, subject.version, subject.base) == (f"openclaw@{version}", version, f"openclaw-{version}")
    tiny = "runs=1,outcomes=1,manual=0,long_waits=0,crashes=1"
    base = revision(f"openclaw-{version}")
    mine, known = check(with_subject(base, subject), tiny), check(base, tiny)
    assert mine.slices == known.slices
    assert [verdict.verdict for verdict in mine.verdicts] == [verdict.verdict for verdict in known.verdicts]


@pytest.mark.usefixtures("offline")
def test_a_scenario_with_a_pinned_release_is_replayed_without_it(tmp_path: Path) -> None:
    """The races around a release's own answers, saved, are replayed where no release is."""
    base = revision("openclaw-2026.4.15")
    mine = with_subject(base, subject_at("openclaw@2026.4.15", Asking(install=False)))
    result = check(mine, "smoke", ["completed-run-never-lost", "live-run-never-lost"])
    saved = save_races(result.verdicts, tmp_path / "races")
    assert saved
    for path in saved.values():
        assert "rule:\n  subject: openclaw@2026.4.15\n  base: openclaw-2026.4.15\n" in path.read_text()
    found = CliRunner().invoke(cli, ["run", str(tmp_path / "races"), "--format", "json"])
    assert found.exit_code == 0, found.output
    told: list[Any] = json.loads(found.stdout)["scenarios"]
    assert [outcome["passed"] for one in told for outcome in one["outcomes"]] == [True] * len(saved)
    assert not (tmp_path / "cache").exists()
