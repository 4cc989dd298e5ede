"""Pinned verdicts: what is compared, what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lostproof import pinned
from lostproof.engine.verdicts import Result, check
from lostproof.errors import BadInput
from lostproof.properties import PROPERTIES
from lostproof.revisions import REVISIONS

TINY = "runs=1,outcomes=1,manual=0,long_waits=0"


@pytest.fixture(scope="module")
def result() -> Result:
    return check("openclaw-2026.4.15", TINY)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pinned, "data_root", lambda: tmp_path)
    return tmp_path / "spec" / "verdicts.json"


def test_what_is_pinned_is_read_back_without_drift(elsewhere: Path, result: Result) -> None:
    assert pinned.pins(TINY) is None
    assert pinned.pin(TINY, [result]) == elsewhere
    expected = pinned.pins(TINY)
    assert expected is not None
    assert pinned.drift(expected, [result]) == []
    assert [file.name for file in elsewhere.parent.iterdir()] == ["verdicts.json"]


def test_pinning_some_bounds_leaves_the_others_alone(elsewhere: Path, result: Result) -> None:
    elsewhere.parent.mkdir()
    elsewhere.write_text('{"other": {"reference": {"slot-runs-once": "holds"}}}')
    pinned.pin(TINY, [result])
    assert list(json.loads(elsewhere.read_text())) == ["other", TINY]
    assert pinned.pins("other") == {"reference": {"slot-runs-once": "holds"}}


def test_a_pin_is_one_readable_line_for_each_cell(elsewhere: Path, result: Result) -> None:
    pinned.pin(TINY, [result])
    lines = elsewhere.read_text().splitlines()
    for verdict in result.verdicts:
        assert sum(f'"{verdict.property.id}": "{pinned.word_for(verdict)}"' in line for line in lines) == 1


def test_drift_names_cells_that_changed_appeared_or_went(result: Result) -> None:
    name = result.revision.name
    words = {verdict.property.id: pinned.word_for(verdict) for verdict in result.verdicts}
    expected = {name: {**words, "no-invented-success": "violated in 3 steps", "gone": "holds"}, "old": {"x": "holds"}}
    del expected[name]["slot-runs-once"]
    drifted = {(d.revision, d.property): (d.expected, d.found) for d in pinned.drift(expected, [result])}
    assert drifted == {
        (name, "no-invented-success"): ("violated in 3 steps", "holds"),
        (name, "slot-runs-once"): ("nothing", "holds"),
        (name, "gone"): ("holds", "nothing"),
        ("old", "x"): ("holds", "nothing"),
    }


def test_nothing_is_pinned_in_an_installed_package(
    elsewhere: Path, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned, "in_checkout", lambda: False)
    with pytest.raises(BadInput, match="in a source checkout only"):
        pinned.pin(TINY, [result])
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", r":1: not valid JSON"), ("[]", "expected {bounds"), ('{"ci": {"reference": "holds"}}', "expected {bounds")],
)
def test_a_broken_file_is_bad_input(elsewhere: Path, text: str, message: str) -> None:
    elsewhere.parent.mkdir()
    elsewhere.write_text(text)
    with pytest.raises(BadInput, match=message):
        pinned.pins("ci")


def test_the_pins_of_the_project_name_known_revisions_and_properties() -> None:
    known = {judged.id for judged in PROPERTIES}
    for bounds in ("smoke", "ci"):
        for name, verdicts in (pinned.pins(bounds) or {}).items():
            assert name in REVISIONS
            assert set(verdicts) == known
