"""GitHub: annotations within its limits, escaped as it reads them, and a step summary with matrix, differences and races."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lostproof.cli import cli
from lostproof.drivers.concrete import concrete
from lostproof.engine.race import with_point_of_no_return
from lostproof.engine.verdicts import check
from lostproof.properties import PROPERTIES
from lostproof.report.github import ANNOTATIONS, SUMMARY_BYTES, annotation, capped, step_summary
from lostproof.report.judged import Judged
from lostproof.report.mermaid import race_mermaid
from lostproof.report.sources import SourceLine
from lostproof.revisions import REVISIONS
from tests.support import lucky_race

TINY = "crashes=1,runs=1,outcomes=1"
COMMAND = re.compile(r"::(?P<level>error|warning) (?P<properties>[^:]*)::(?P<message>.*)")
RULES = """from lostproof import KEEP, LOST


def hasty(evidence):
    return LOST if evidence.expired else KEEP


def patient(evidence):
    return KEEP
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules.py").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path


def lostproof(*arguments: str, code: int) -> Result:
    found = CliRunner().invoke(cli, [*arguments, "--github"])
    assert found.exit_code == code, found.output
    return found


def told(found: Result) -> list[dict[str, Any]]:
    """Return the annotations, read as GitHub reads them."""
    commands = [COMMAND.fullmatch(line) for line in found.stderr.splitlines() if line.startswith("::")]
    assert all(commands)
    read = []
    for command in commands:
        assert command is not None
        properties = dict(pair.split("=", 1) for pair in command["properties"].split(","))
        read.append({
            "level": command["level"],
            **{name: unescaped(value) for name, value in properties.items()},
            "message": unescaped(command["message"]),
        })
    return read


def unescaped(text: str) -> str:
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_each_violation_is_annotated_at_the_rule(project: Path) -> None:
    found = lostproof("check", "--rule", "rules.py:hasty", "--bounds", TINY, "--save", "races", code=1)
    subject = check("fix-skip", TINY)  # only to know the ids
    annotated = told(found)
    assert annotated
    for one in annotated:
        assert (one["level"], one["file"], one["line"]) == ("error", "rules.py", "4")
        name = one["title"].removeprefix("hasty@reference: ")
        assert name in {verdict.property.id for verdict in subject.verdicts}
        replay = one["message"].splitlines()[-1].removeprefix("Replay it: lostproof run ")
        assert (project / replay).is_file()
    assert len({one["title"] for one in annotated}) == len(annotated)


def test_a_rule_that_loses_nothing_passes_without_annotations(project: Path) -> None:
    judged = ("--property", "completed-run-never-lost")
    found = lostproof("check", "--rule", "rules.py:patient", "--bounds", TINY, *judged, code=0)
    assert told(found) == []
    assert "✓ lostproof check" in (project / "summary.md").read_text()


def test_lostproofs_own_files_are_no_places_in_a_project(project: Path) -> None:
    for one in told(lostproof("check", "openclaw-2026.4.15", "--bounds", TINY, code=1)):
        assert "file" not in one
        assert one["title"].startswith("openclaw-2026.4.15: ")


def test_there_are_never_more_annotations_than_github_shows(project: Path) -> None:
    names = ("openclaw-2026.4.2", "openclaw-2026.4.15")
    annotated = told(lostproof("check", *names, "--bounds", "smoke", code=1))
    assert len(annotated) == ANNOTATIONS
    violated = sum(verdict.verdict == "violated" for name in names for verdict in check(name, "smoke").verdicts)
    assert annotated[-1]["message"].startswith(f"{violated - ANNOTATIONS + 1} more")
    assert capped("error", ["x"] * ANNOTATIONS) == ["x"] * ANNOTATIONS


def test_annotations_are_escaped() -> None:
    line = annotation("error", "a: b, 100%", "one\ntwo: 5%", SourceLine("f,1.py", 3, True))
    assert line == "::error file=f%2C1.py,line=3,title=a%3A b%2C 100%25::one%0Atwo: 5%25"
    assert "file" not in annotation("error", "t", "m", SourceLine("f.py", 3, False))


def test_what_was_not_explored_is_a_warning(project: Path) -> None:
    annotated = told(lostproof("check", "--bounds", TINY, "--max-states", "10", code=3))
    assert {one["level"] for one in annotated} == {"warning"}
    assert len(annotated) == ANNOTATIONS


def test_the_summary_has_matrix_differences_and_races(project: Path) -> None:
    """What is told against: the pinned verdicts of the revision that the rule went into."""
    lostproof("check", "--rule", "rules.py:hasty", "--bounds", "smoke", "--save", "races", code=1)
    text = (project / "summary.md").read_text(encoding="utf-8")
    assert "| `live-run-never-lost` | **✗ 4** |" in text
    assert "### `hasty@reference` against the pinned verdicts of `reference`" in text
    assert "| `live-run-never-lost` | holds | violated in 4 steps |" in text
    assert "| `row-agrees-with-truth` | ≈ 5 |" in text
    assert "Replay it: `lostproof run races/hasty-reference-live-run-never-lost.scenario.yaml`" in text
    assert text.count("```mermaid\nsequenceDiagram\n") == text.count("<details open>") == text.count("</details>") >= 5
    assert "row-agrees-with-truth</code>" not in text  # accepted: no race to look at


def test_the_matrix_summary_tells_what_drifted(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lostproof import pinned

    lostproof("matrix", "--bounds", "smoke", code=0)
    assert (project / "summary.md").read_text(encoding="utf-8").startswith("## ✓ lostproof matrix: as pinned\n")
    changed = {name: dict(row) for name, row in (pinned.pins("smoke") or {}).items()}
    changed["reference"]["no-invented-success"] = "violated in 2 steps"
    changed["gone"] = {"no-invented-success": "holds"}
    monkeypatch.setattr(pinned, "pins", lambda bounds: changed)
    found = lostproof("matrix", "--bounds", "smoke", code=1)
    assert [one["title"] for one in told(found)] == ["reference: no-invented-success"]
    text = (project / "summary.md").read_text(encoding="utf-8")
    assert f"2 of {len(REVISIONS) * len(PROPERTIES)} verdicts are not as wanted" in text
    assert "| `no-invented-success` | violated in 2 steps | holds |" in text
    assert "- gone × no-invented-success: expected holds, found nothing" in text


def test_a_summary_never_exceeds_what_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [check(name, "smoke") for name in ("openclaw-2026.4.2", "openclaw-2026.4.15")]
    judged = Judged("check", "smoke", (), results)
    whole = step_summary(judged)
    assert len(whole.encode()) < SUMMARY_BYTES
    monkeypatch.setattr("lostproof.report.github.SUMMARY_BYTES", 9_000)
    short = step_summary(judged)
    assert len(short.encode()) <= 9_000
    left = int(re.search(r"\*(\d+) more races have no room here", short)[1])  # type: ignore[index]
    assert left == whole.count("```mermaid") - short.count("```mermaid") > 0


def test_without_a_summary_file_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert "GITHUB_STEP_SUMMARY is not set" in lostproof("check", "--bounds", TINY, code=0).stderr
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "such" / "folder.md"))
    assert "cannot be written to" in lostproof("check", "--bounds", TINY, code=2).stderr


def test_json_keeps_standard_output_for_itself(project: Path) -> None:
    import json

    found = lostproof("check", "--rule", "rules.py:hasty", "--bounds", TINY, "--format", "json", code=1)
    assert json.loads(found.stdout)["results"][0]["revision"] == "hasty@reference"
    assert told(found)


# -- diagrams


@pytest.mark.parametrize("name", ["openclaw-2026.4.15", "openclaw-2026.9.6", "reference"])
def test_a_race_is_a_sequence_diagram_with_every_step(name: str) -> None:
    """One message a step, numbered; what is on disk goes to the disk; the end of the race and of hope are marked."""
    for verdict in check(name, "smoke").verdicts:
        if verdict.race is None:
            continue
        text = race_mermaid(verdict.race)
        numbers = [int(found) for found in re.findall(r"->>\w+: (\d+)\. ", text)]
        assert numbers == list(range(1, len(verdict.race.moments) + 1))
        declared = set(re.findall(r"participant (\w+) as", text))
        used = {end for pair in re.findall(r"  (\w+)->>(\w+):", text) for end in pair}
        assert used <= declared
        assert text.count("✗ broken") == 1
        assert text.count("\n  rect ") == text.count("\n  end")
        assert ";" not in text.replace("#35;", "")
        assert all("→" in words for words in re.findall(r"->>disk: (.*)", text))


def test_a_diagram_marks_no_return_only_where_nothing_averts_the_violation() -> None:
    lucky = lucky_race()
    assert "◆" not in race_mermaid(lucky)
    assert "rect" not in race_mermaid(lucky)
    doomed = concrete(with_point_of_no_return(lucky.race))
    assert doomed.point_of_no_return
    assert race_mermaid(doomed).count("◆ no return from here") == 1


# -- replays


def test_an_expectation_that_is_not_met_is_annotated_in_its_file(project: Path) -> None:
    text = (Path(__file__).parent / "examples" / "incidents" / "wrong.scenario.yaml").read_text(encoding="utf-8")
    (project / "one.scenario.yaml").write_text(text, encoding="utf-8")
    (one,) = told(lostproof("run", "one.scenario.yaml", code=1))
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "rows:" in words)
    assert (one["file"], one["line"]) == ("one.scenario.yaml", str(line))
    assert one["message"] == "the row of job-a.run-1 should end lost, but is succeeded"
    summary = (project / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("## ✗ lostproof run: 1 of 1 replays not as expected")
    (project / "one.scenario.yaml").write_text(text.replace("run-1: lost", "run-1: succeeded"), encoding="utf-8")
    assert told(lostproof("run", "one.scenario.yaml", code=0)) == []
    assert "✓ lostproof run: all 1 replays" in (project / "summary.md").read_text(encoding="utf-8")
