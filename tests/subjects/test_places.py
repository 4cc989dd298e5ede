"""Where subjects are: how they are named, and that a scenario finds its own again from wherever it is replayed."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from lostproof.cli import cli
from lostproof.errors import BadInput
from lostproof.evidence import KEEP, LOST, Evidence
from lostproof.scenarios import load
from lostproof.subjects.places import Asking, moved, subject_at

EXAMPLES = Path(__file__).parents[1] / "examples"
TINY = "runs=1,outcomes=1,manual=0,long_waits=0,crashes=1"
PYTHON = shlex.quote(sys.executable)


def lostproof(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, list(arguments), prog_name="lostproof")
    assert result.exit_code == code, result.output
    return result


# -- names that move


@pytest.mark.parametrize(
    ("place", "there"),
    [
        ("openclaw@2026.4.15", "openclaw@2026.4.15"),
        ("rules.py:mine", "../work/rules.py:mine"),
        ("./rules.py:mine", "../work/rules.py:mine"),
        ("deep/more.py:mine", "../work/deep/more.py:mine"),
        ("build", "../work/build"),
        ("./build", "../work/build"),
        ("python my-rule.py --fast 3", "python ../work/my-rule.py --fast 3"),
        ("python 'deep/odd name.py'", "python '../work/deep/odd name.py'"),
        ("./tool my-rule.py", "../work/tool ../work/my-rule.py"),
        ("node absent.mjs", "node absent.mjs"),
        ("sh my-rule.py", "sh ../work/my-rule.py"),
    ],
)
def test_a_place_is_written_for_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, there: str
) -> None:
    """Files and folders count from the new place; what is no file stays, as does a program that the PATH has anyway."""
    work = tmp_path / "work"
    (work / "deep").mkdir(parents=True)
    (work / "build").mkdir()
    (tmp_path / "races").mkdir()
    for name in ("rules.py", "my-rule.py", "deep/more.py", "deep/odd name.py", "tool", "sh"):
        (work / name).write_text("")
    assert moved(place, tmp_path / "races", work) == there
    monkeypatch.chdir(work)
    assert moved(place, Path("../races")) == there
    assert moved(there, work, tmp_path / "races").replace("./", "") == place.replace("./", "")


def test_absolute_places(tmp_path: Path) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text("")
    assert moved(f"{PYTHON} {rules}", tmp_path / "races") == f"{PYTHON} {rules}"
    assert moved(f"{rules}:mine", tmp_path / "races") == "../rules.py:mine"


# -- subjects at places


def test_relative_places_count_from_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a command the program too, if it is not on the PATH, and its own working directory is there."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "mine.py").write_text("from lostproof import LOST\ndef rule(evidence): return LOST\n")
    shutil.copy(EXAMPLES / "hasty.py", folder / "hasty.py")
    (folder / "tool").write_text(f"#!/bin/sh\nexec {PYTHON} hasty.py\n")
    (folder / "tool").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    asking = Asking(folder=folder)
    for place, name in (("mine.py:rule", "rule"), (f"{PYTHON} hasty.py", "hasty"), ("./tool", "tool")):
        found = subject_at(place, asking)
        assert (found.name, found.place, found.base) == (name, place, None)
        assert found.ask([Evidence()]) == [LOST]
        with pytest.raises(BadInput):
            subject_at(place).ask([Evidence()])
    assert subject_at("./tool", asking).ask([Evidence(expired=False)]) == [KEEP]


def test_a_release_that_is_neither_pinned_nor_installed_is_not_fetched_for_a_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # nor would there be an npm
    with pytest.raises(BadInput) as caught:
        subject_at("openclaw@2026.4.3", Asking(cache=tmp_path, install=False))
    assert str(caught.value) == (
        "openclaw@2026.4.3 is not installed, and nothing is downloaded here; lostproof conform installs it"
    )
    assert not list(tmp_path.rglob("*.tgz")) + list(tmp_path.rglob("package.json"))


# -- scenarios


@pytest.mark.parametrize("place", [f"{PYTHON} rules/hasty.py", "rules/mine.py:hasty"])
def test_races_of_a_subject_are_replayed_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What is saved names its rule from where it lies: another working directory changes nothing, another rule does."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "elsewhere").mkdir()
    hasty = tmp_path / "rules" / "hasty.py"
    shutil.copy(EXAMPLES / "hasty.py", hasty)
    mine = tmp_path / "rules" / "mine.py"
    mine.write_text(
        "from lostproof import KEEP, LOST\n"
        "def hasty(e): return LOST if e.status == 'running' and e.expired else KEEP\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = ("--base", "openclaw-2026.4.15", "--bounds", TINY, "--property", "live-run-never-lost")
    told = lostproof("check", "--rule", place, *arguments, "--save", "out/races", code=1)
    [saved] = (tmp_path / "out" / "races").iterdir()
    assert saved.name == "hasty-openclaw-2026-4-15-live-run-never-lost.scenario.yaml"
    assert told.stderr == f"saved {saved.relative_to(tmp_path)}\n"
    assert "✗ live-run-never-lost" in told.stdout
    data = yaml.safe_load(saved.read_text())
    assert data["rule"] == {"subject": moved(place, saved.parent), "base": "openclaw-2026.4.15"}
    assert list(data["expect"]) == ["rule"]

    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "1 scenario, 1 replay, 0 not as expected" in lostproof("run", str(saved)).stdout
    assert "0 not as expected" in lostproof("run", "../out/races").stdout
    # With another rule at this place the race does not happen.
    hasty.write_text((EXAMPLES / "durable.py").read_text())
    mine.write_text("from lostproof import KEEP\ndef hasty(evidence): return KEEP\n")
    failed = lostproof("run", str(saved), code=1).stdout
    assert "1 scenario, 1 replay, 1 not as expected" in failed
    shutil.rmtree(tmp_path / "rules")
    gone = lostproof("run", str(saved), code=2)
    assert gone.stdout == ""
    assert gone.stderr.startswith(f"lostproof: {saved}:")
    assert "rule.subject: " in gone.stderr


SCENARIO = """\
scenario: live-and-old
title: A run that takes longer than the grace
about: It is alive, and its job is in the active set.
rule:
  subject: SUBJECT
  base: BASE
timeline:
  - {at: 0s, do: slot_due}
  - {at: 7m, do: wait}
expect:
  rule:
    rows: {job-a.run-1: ROW}
"""


@pytest.mark.parametrize(
    ("subject", "row"),
    [(f"{PYTHON} ../hasty.py", "lost"), ("../rules.py:patient", "running"), ("../rules.py:hasty", "lost")],
)
def test_a_scenario_may_name_a_subject_beside_it(tmp_path: Path, subject: str, row: str) -> None:
    (tmp_path / "races").mkdir()
    for name in ("hasty.py", "rules.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    with (tmp_path / "rules.py").open("a") as file:
        file.write("\ndef hasty(e):\n    return LOST if e.status == 'running' and e.expired else KEEP\n")
    path = tmp_path / "races" / "live.scenario.yaml"
    text = SCENARIO.replace("SUBJECT", subject).replace("BASE", "openclaw-2026.4.15")
    path.write_text(text.replace("ROW", row))
    assert "0 not as expected" in lostproof("run", str(path)).stdout
    path.write_text(text.replace("ROW", "lost" if row == "running" else "running"))
    assert "1 not as expected" in lostproof("run", str(path), code=1).stdout


@pytest.mark.parametrize(
    ("subject", "base", "line", "told"),
    [
        ("cat", "nobody", 6, "rule.base: unknown revision 'nobody'; there are: "),
        ("no-such-program", "reference", 5, "rule.subject: rule 'no-such-program': no such program, file or folder"),
        ("absent.py:mine", "reference", 5, "rule.subject: "),
        ("yes", "reference", 5, "rule.subject: yes: answered with something that is no JSON: y; the question is in "),
        ("openclaw@1.2.3", "reference", 5, "rule.subject: openclaw@1.2.3 is not installed, and nothing is downloaded here"),
    ],
)
def test_a_scenario_whose_subject_does_not_work_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: str, base: str, line: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOSTPROOF_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "odd.scenario.yaml"
    path.write_text(SCENARIO.replace("SUBJECT", subject).replace("BASE", base).replace("ROW", "lost"))
    with pytest.raises(BadInput) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: {told}")
    assert "\n" not in str(caught.value)
