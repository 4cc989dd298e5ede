"""JUnit XML: one suite a revision, one case a property, and what fails the command is a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from click.testing import CliRunner

from lostproof.cli import cli
from lostproof.engine.verdicts import check
from lostproof.properties import PROPERTIES

TINY = "crashes=1,runs=1,outcomes=1"


def junit(tmp_path: Path, *arguments: str, code: int) -> Any:
    found = CliRunner().invoke(cli, [*arguments, "--junit", str(tmp_path / "out" / "junit.xml")])
    assert found.exit_code == code, found.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["junit.xml"]
    return ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()


def told(element: Any) -> dict[str, str]:
    return {one.get("name"): one.get("value") for one in element.findall("properties/property")}


def test_what_is_violated_is_a_failure_with_its_race(tmp_path: Path) -> None:
    root = junit(tmp_path, "check", "openclaw-2026.4.15", "reference", "--bounds", TINY, code=1)
    results = {name: check(name, TINY) for name in ("openclaw-2026.4.15", "reference")}
    assert [suite.get("name") for suite in root] == list(results)
    for suite in root:
        result = results[suite.get("name")]
        assert told(suite) == {
            "bounds": TINY, "states": str(result.states), "transitions": str(result.transitions), "depth": str(result.depth),
        }
        for case, verdict in zip(suite.findall("testcase"), result.verdicts, strict=True):
            assert case.get("name") == verdict.property.id
            failures = case.findall("failure")
            assert bool(failures) == (verdict.verdict == "violated")
            for failure in failures:
                assert verdict.race is not None
                assert failure.get("message") == verdict.race.race.because
                assert failure.text.count("✗") == 2
                assert f"{len(verdict.race.moments)}  " in failure.text
        violated = sum(verdict.verdict == "violated" for verdict in result.verdicts)
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == (str(len(PROPERTIES)), str(violated), "0")
    assert root.get("failures") == root[0].get("failures") != "0"
    assert root[1].get("failures") == "0"


def test_what_was_not_explored_is_an_error(tmp_path: Path) -> None:
    root = junit(tmp_path, "check", "--bounds", TINY, "--max-states", "10", code=3)
    assert (root.get("failures"), root.get("errors")) == ("0", str(len(PROPERTIES)))
    assert {error.get("type") for error in root.iter("error")} == {"inconclusive"}
    assert all("more than 10 states" in error.get("message") for error in root.iter("error"))


def test_in_the_matrix_only_a_drift_fails(tmp_path: Path, monkeypatch: Any) -> None:
    """A violation that is pinned is what is known; one that is not is a failure."""
    assert junit(tmp_path, "matrix", "--bounds", "smoke", code=0).get("failures") == "0"
    from lostproof import pinned

    changed = {name: dict(row) for name, row in (pinned.pins("smoke") or {}).items()}
    changed["reference"]["no-invented-success"] = "violated in 2 steps"
    monkeypatch.setattr(pinned, "pins", lambda bounds: changed)
    root = junit(tmp_path, "matrix", "--bounds", "smoke", code=1)
    assert [failure.get("message") for failure in root.iter("failure")] == [
        "reference × no-invented-success: expected violated in 2 steps, found holds"
    ]


def test_the_file_of_a_saved_race_is_named(tmp_path: Path) -> None:
    races = tmp_path / "races"
    root = junit(tmp_path, "check", "openclaw-2026.4.15", "--bounds", TINY, "--save", str(races), code=1)
    named = {told(case)["race"] for case in root.iter("testcase") if "race" in told(case)}
    assert named == {path.as_posix() for path in races.iterdir()} != set()


def test_same_verdicts_same_bytes(tmp_path: Path) -> None:
    texts = []
    for name in "ab":
        junit(tmp_path / name, "check", "fix-skip", "--bounds", TINY, code=1)
        texts.append((tmp_path / name / "out" / "junit.xml").read_bytes())
    assert texts[0] == texts[1]


def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    found = CliRunner().invoke(cli, ["check", "--bounds", TINY, "--junit", str(tmp_path / "taken" / "junit.xml")])
    assert found.exit_code == 2
    assert found.stderr.count("\n") == 1
    assert "junit.xml: cannot be written" in found.stderr


def test_replays_are_cases_of_their_scenario(tmp_path: Path) -> None:
    scenario = Path(__file__).parent / "examples" / "incidents" / "wrong.scenario.yaml"
    root = junit(tmp_path, "run", str(scenario), code=1)
    (suite,) = root
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    assert suite.get("name") == "incidents/wrong"
    (case,) = suite.iter("testcase")
    assert case.get("name") == "openclaw-2026.4.15"
    assert "row-agrees-with-truth" in told(case)["violated"]
    (failure,) = case.iter("failure")
    assert failure.get("message") == "the row of job-a.run-1 should end lost, but is succeeded"
    assert "■ row lost→succeeded" in failure.text
