"""The releases themselves, asked again: `pytest -m releases` (needs npm, and downloads what is not in the cache)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from lostproof.cli import cli
from lostproof.errors import BadInput
from lostproof.evidence import Evidence
from lostproof.files import schema
from lostproof.revisions import nearest_revision
from lostproof.revisions.shipped_rules import active_set, epoch_of, release_number
from lostproof.subjects.conform import conform
from lostproof.subjects.pinned_answers import PARTS, pinned_answers, pinned_releases
from lostproof.subjects.places import subject_at
from lostproof.subjects.releases import default_cache, install

pytestmark = pytest.mark.releases

TINY = "runs=1,outcomes=1,manual=0,long_waits=0,crashes=1"
BACKED = "function hasBackingSession(task, context) {"


def lostproof(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, list(arguments), prog_name="lostproof")
    assert result.exit_code == code, result.output
    return result


def unpacked(version: str, folder: Path) -> Path:
    """Return a copy of an installed release, to be changed."""
    shutil.copytree(install(version, default_cache()).folder, folder, symlinks=True)
    return folder


def maintenance(folder: Path, text: str) -> Path:
    """Return the file of a release's maintenance module that has some text."""
    return next(path for path in folder.glob("dist/task-registry.maintenance*.js") if text in path.read_text())


def change(folder: Path, old: str, new: str) -> None:
    path = maintenance(folder, old)
    path.write_text(path.read_text().replace(old, new))


# -- as shipped


@pytest.mark.parametrize("version", pinned_releases())
def test_a_release_still_answers_as_pinned_and_as_its_rule(version: str) -> None:
    """Over everything that a release can be told of, and in random worlds."""
    epoch, pinned = epoch_of(release_number(version)), pinned_answers(version)
    assert epoch is not None
    assert pinned is not None
    subject = subject_at(f"openclaw@{version}")
    base = nearest_revision(version)
    assert base is not None
    assert (subject.version, subject.base) == (version, base.name)
    result = conform(subject, epoch.rule, whole=True, worlds=2_000, seed=7)
    assert [wrong.describe() for comparison in result.comparisons for wrong in comparison.disagreements][:1] == []
    assert result.comparisons[1].cases > 4_000
    table = pinned.decisions()
    assert result.decisions == [table[evidence] for evidence in Evidence.domain(PARTS)]
    assert subject.told is not None
    assert {key: pinned.obtained[key] for key in ("module", "via")} == {
        key: value for key, value in subject.told().items() if key != "node"
    }


def test_the_command_agrees_about_a_release() -> None:
    text = lostproof("conform", "openclaw@2026.4.15", "--worlds", "300").stdout
    assert "openclaw@2026.4.15  against active_set, the rule of openclaw-2026.4.15" in text
    assert "all evidence       184,320    184,320  100 %" in text
    assert "✓ decides as the rule does, everywhere" in text


def test_a_release_of_another_epoch_is_told_apart() -> None:
    """With a base of another epoch the differences are the history of the rule."""
    told = lostproof("conform", "openclaw@2026.5.28", "--base", "openclaw-2026.4.15", "--worlds", "50", code=1).stdout
    assert "against active_set, the rule of openclaw-2026.4.15" in told
    assert "keep → recover(succeeded)" in told
    assert "lost → keep" in told


def test_a_release_is_checked_and_its_races_replay_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    races = tmp_path / "races"
    arguments = ("--bounds", "smoke", "--property", "completed-run-never-lost", "--save", str(races))
    text = lostproof("check", "--rule", "openclaw@2026.4.15", *arguments, code=1).stdout
    assert "✗  completed-run-never-lost" in text
    [saved] = races.iterdir()
    assert yaml.safe_load(saved.read_text())["rule"] == {"subject": "openclaw@2026.4.15", "base": "openclaw-2026.4.15"}
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LOSTPROOF_CACHE", str(tmp_path / "cache"))
    assert "1 scenario, 1 replay, 0 not as expected" in lostproof("run", str(saved)).stdout


# -- folders


def test_an_unpacked_package_agrees_as_the_release_does(tmp_path: Path) -> None:
    """Where it lies does not matter, and verdicts come with it; what the release breaks, it breaks as well."""
    folder = unpacked("2026.5.28", tmp_path / "package")
    text = lostproof("conform", str(folder), "--worlds", "200", "--bounds", TINY).stdout
    assert "against durable_first, the rule of openclaw-2026.5.28" in " ".join(text.split())
    assert "✓ decides as the rule does, everywhere" in text
    assert "✗  live-run-never-lost" in text
    assert "violates nothing that openclaw-2026.5.28 does not violate as well" in text


def test_a_build_that_forgets_the_active_set_is_stopped(tmp_path: Path) -> None:
    """The guard for a build of one's own: the disagreement, the properties that get worse, and races that replay with it."""
    folder = unpacked("2026.5.28", tmp_path / "package")
    change(folder, BACKED, f'{BACKED}\n\tif (task.runtime === "cron") return false;')
    races = tmp_path / "races"
    arguments = ("conform", str(folder), "--worlds", "200", "--bounds", "smoke", "--save", str(races), "--format", "json")
    data: dict[str, Any] = json.loads(lostproof(*arguments, code=1).stdout)
    jsonschema.Draft202012Validator(schema("conform")).validate(data)
    assert (data["agrees"], data["revision"]) == (False, "openclaw-2026.5.28")
    evidence, worlds = data["comparisons"]
    assert 0 < evidence["agreed"] < evidence["cases"]
    assert 0 < worlds["agreed"] < worlds["cases"]
    for wrong in evidence["disagreements"]:
        assert (wrong["expected"], wrong["found"]) == ("keep", "lost")
        assert wrong["evidence"]["active"] or not wrong["evidence"]["authoritative"]
    verdicts = {one["id"]: one["verdict"] for one in data["results"][0]["properties"]}
    assert {"completed-run-never-lost", "record-never-overwritten"} <= set(data["worse"])
    assert all(verdicts[name] == "violated" for name in data["worse"])
    assert (races / "disagreement-evidence-01.json").is_file()
    assert (races / "disagreement-world-01.json").is_file()
    saved = next(races.glob("*completed-run-never-lost.scenario.yaml"))
    assert yaml.safe_load(saved.read_text())["rule"] == {"subject": "../package", "base": "openclaw-2026.5.28"}
    assert "1 scenario, 1 replay, 0 not as expected" in lostproof("run", str(saved)).stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("listTaskRecords", "everyRecord", "everyRecord"),
        ("markTaskLostById", "markGone", "markGone"),
        ("taskRegistryMaintenanceRuntime.listTaskRecords(", "taskRegistryMaintenanceRuntime.everyRecord(", "everyRecord"),
        ("async function sweepTaskRegistry(", "async function sweepRegistry(", "sweepTaskRegistry"),
    ],
)
def test_a_module_of_another_shape_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    """A build whose module is not as we know it is not believed: one line says what is strange."""
    monkeypatch.chdir(tmp_path)
    folder = unpacked("2026.5.28", tmp_path / "package")
    change(folder, old, new)
    result = lostproof("conform", str(folder), "--worlds", "5", code=2)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert told in result.stderr


def test_a_release_that_does_not_exist_is_told() -> None:
    result = lostproof("conform", "openclaw@2026.4.999", code=2)
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)
    assert "npm knows no openclaw@2026.4.999" in result.stderr


def test_answers_of_one_row_and_of_many_are_the_same() -> None:
    """Asking about many rows in one world is only faster."""
    subject = subject_at("openclaw@2026.4.15")
    evidences = list(Evidence.domain(PARTS))[::997]
    assert subject.ask(evidences) == subject.ask_all(evidences) == list(map(active_set, evidences))


def test_a_release_that_is_too_slow_is_told(tmp_path: Path) -> None:
    """A build that hangs in its sweep is left after its time, and the question is kept."""
    folder = unpacked("2026.5.28", tmp_path / "package")
    change(folder, BACKED, f"{BACKED}\n\twhile (task.taskId === 'row-3') {{}}")
    arguments = ("conform", str(folder), "--timeout", "5", "--save", str(tmp_path / "races"))
    told = lostproof(*arguments, code=2).stderr
    assert f"{folder}: did not answer within 5 s; the question is in" in told
    assert json.loads((tmp_path / "races" / "offending-question.json").read_text())["rows"][3]["row"] == "row-3"
    with pytest.raises(BadInput):
        subject_at(str(folder / "dist"))
