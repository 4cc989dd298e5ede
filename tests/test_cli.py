"""The command line: exit codes, messages, JSON, and that the same input gives the same bytes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from _pytest.mark import ParameterSet
from click.testing import CliRunner, Result

from lostproof import __version__
from lostproof.cli import cli
from lostproof.errors import Defect
from lostproof.evidence import Evidence
from lostproof.fields import Home
from lostproof.files import data_root, schema
from lostproof.revisions import REVISIONS
from lostproof.subjects.places import subject_at
from lostproof.subjects.releases import default_cache, install
from lostproof.subjects.subject import with_subject

EXAMPLES = Path(__file__).parent / "examples"
TINY = "runs=1,outcomes=1,manual=0,long_waits=0,crashes=1"


def lostproof(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, list(arguments), prog_name="lostproof")
    assert result.exit_code == code, result.output
    return result


def json_of(kind: str, *arguments: str, code: int = 0) -> Any:
    data = json.loads(lostproof(*arguments, "--format", "json", code=code).stdout)
    jsonschema.Draft202012Validator(schema(kind)).validate(data)
    return data


@cache
def checked(name: str) -> Any:
    return json_of("check", "check", name, "--bounds", "smoke", code=0 if name == "reference" else 1)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from lostproof.cli import main; main()", *arguments],
        capture_output=True, check=False, env={**os.environ, **environment},
    )


def test_schemas_say_the_same_about_the_same_things() -> None:
    """What several commands print is described alike, and a field lives in one of the homes that there are."""
    names = ("check", "conform", "diff", "explain", "map", "run", "simulate")
    for one, other in combinations([schema(name)["$defs"] for name in names], 2):
        assert {name: one[name] for name in one.keys() & other.keys()} == {
            name: other[name] for name in one.keys() & other.keys()
        }
    for name in (*names, "matrix"):
        homes = schema(name)["$defs"]["change"]["properties"]["home"]["enum"]
        assert homes == [home.name.lower() for home in Home]


# -- help


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_the_help_of_every_command_has_an_example(command: tuple[str, ...]) -> None:
    text = lostproof(*command, "--help").stdout
    assert "Example" in text
    assert f"lostproof {' '.join(command)}" in text.split("Example")[1]


def examples() -> list[str]:
    texts = [lostproof(*command, "--help").stdout for command in [(), *commands()]]
    found = re.findall(r"^ +(?:Example: +)?(?:eval \"\$\()?(lostproof [a-z].*?)(?:  .*|\)\")?$", "\n".join(texts), re.M)
    return list(dict.fromkeys(found))


def runnable(example: str) -> ParameterSet:
    """Return the example, marked with what it needs."""
    needs_release = "openclaw@" in example or "../product" in example
    needs_node = pytest.mark.skipif("node " in example and not shutil.which("node"), reason="needs Node")
    return pytest.param(example, marks=[needs_node, *([pytest.mark.releases] if needs_release else [])])


@pytest.mark.parametrize("example", [runnable(example) for example in examples()])
def test_every_example_in_a_help_text_works(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = shlex.split(example)[1:]
    if "../product" in arguments:
        build = install("2026.5.28", default_cache())
        shutil.copytree(build.folder, tmp_path / "product", symlinks=True)
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
    elif "my_rules.py:durable" in arguments or "node my-rule.mjs" in arguments:
        (tmp_path / "my_rules.py").write_text("from lostproof import KEEP\ndef durable(evidence):\n    return KEEP\n")
        shutil.copy(EXAMPLES / "durable.mjs", tmp_path / "my-rule.mjs")
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.chdir(data_root())
    if arguments[0] in ("check", "matrix"):
        arguments += ["--bounds", "smoke"]
    result = CliRunner().invoke(cli, arguments, prog_name="lostproof")
    assert result.exit_code in (0, 1), result.output
    assert result.stdout
    assert [line for line in result.stderr.splitlines() if not line.startswith("saved ")] == []


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from lostproof.cli import cli; cli(['-h'], standalone_mode=False); print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    for heavy in ("numpy", "scipy", "networkx", "rich", "statemachine"):
        assert f"'{heavy}'" not in result.stdout.splitlines()[-1]


def test_the_version_is_that_of_the_package() -> None:
    assert __version__ in lostproof("--version").stdout


# -- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "openclaw-2026.4.16"], "unknown revision 'openclaw-2026.4.16'; there are: openclaw-2026.4.2"),
        (["check", "--property", "no-such"], "unknown property 'no-such'; there are: completed-run-never-lost"),
        (["check", "--bounds", "huge"], "unknown bounds 'huge'; there are: smoke, ci, deep"),
        (["check", "--bounds", "crashs=1"], "unknown bound 'crashs'; there are: jobs"),
        (["check", "--bounds", "crashes=9"], "bound crashes=9 is out of range; allowed: 0 to 3"),
        (["check", "--bounds", "crashes=1, crashes=2"], "bound crashes is given twice in 'crashes=1, crashes=2'"),
        (["check", "--base", "reference"], "--base goes with --rule"),
        (["check", "--save", ""], "--save '': an empty name"),
        (["run", ""], "path '': an empty name"),
        (["matrix", "--bounds", "nothing"], "unknown bounds 'nothing'"),
        (["run", "no/such/place"], "no/such/place: no such file or folder"),
        (["simulate", "nobody", "--seed", "1"], "unknown revision 'nobody'"),
        (["show", "lifecycle", "moon"], "unknown lifecycle 'moon'; there are: task, run, gateway"),
        (["show", "revision", "nobody"], "unknown revision 'nobody'"),
        (["show", "rule", "nobody"], "unknown revision 'nobody'"),
        (["show", "property", "nothing"], "unknown property 'nothing'"),
    ],
)
def test_bad_input_gives_one_line_and_exits_with_2(arguments: list[str], message: str) -> None:
    result = lostproof(*arguments, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"lostproof: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "no such command 'chekc'"),
        (["--loud"], "no such option '--loud'"),
        (["check", "--races", "some"], "invalid value for '--races'"),
        (["check", "--max-states", "0"], "invalid value for '--max-states'"),
        (["simulate"], "missing option '--seed'"),
        (["list"], "missing argument"),
        (["list", "moons"], "invalid value for '{revisions|"),
        (["show", "lifecycle", "task", "--format", "svg"], "invalid value for '--format'"),
        (["completion", "tcsh"], "invalid value for '{bash|"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(arguments: list[str], message: str) -> None:
    result = lostproof(*arguments, code=2)
    assert result.stderr.lower().startswith(f"lostproof: {message}".lower())
    assert "-h shows the usage)" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["list", "revisions"], ["list", "revisions", "--format", "json"], ["--help"]])
@pytest.mark.parametrize(
    ("place", "message"),
    [(">&-", b"it is closed"), (">/dev/full", b"No space left on device"), ("| true", None)],
    ids=["closed", "full", "pipe"],
)
def test_output_that_cannot_be_written_is_one_line(arguments: list[str], place: str, message: bytes | None) -> None:
    if "full" in place and not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    line = f"{shlex.quote(sys.executable)} -c 'from lostproof.cli import main; main()' {' '.join(arguments)} {place}"
    result = subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    assert result.stderr == (b"lostproof: cannot write the output (%s)\n" % message if message else b"")
    assert result.returncode == (2 if message else 0)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SystemExit(0), "internal error: SystemExit: 0"),
        (Defect("a race does not replay"), "internal error: a race does not replay"),
        (ZeroDivisionError("division by zero\nsecond line"), "internal error: ZeroDivisionError: division by zero ("),
    ],
)
def test_internal_errors_exit_with_4(error: BaseException, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("lostproof.engine.verdicts.check_all", fail)
    monkeypatch.delenv("LOSTPROOF_DEBUG", raising=False)
    result = lostproof("check", code=4)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    if isinstance(error, Exception):
        monkeypatch.setenv("LOSTPROOF_DEBUG", "1")
        assert CliRunner().invoke(cli, ["check"]).exception is error


# -- check


def test_what_holds_exits_with_0_and_shows_no_race() -> None:
    text = lostproof("check", "--bounds", "smoke").stdout
    assert "reference" in text
    assert "accepted" in text
    assert "✗" not in text
    assert "exercised: " in text


def test_a_violation_exits_with_1_and_shows_its_race() -> None:
    arguments = ("check", "openclaw-2026.4.15", "--bounds", TINY, "--property", "live-run-never-lost")
    text = lostproof(*arguments, code=1).stdout
    assert "✗ live-run-never-lost" in text
    assert "row running→lost" in text
    assert "the row of job-a.run-1 became lost while a living process was working on the run." in " ".join(text.split())


def test_an_accepted_violation_shows_its_race_only_when_all_are_asked_for() -> None:
    arguments = ("check", "--bounds", TINY, "--property", "row-agrees-with-truth")
    assert "✗ why" not in lostproof(*arguments).stdout
    assert "✗ why" in lostproof(*arguments, "--races", "all").stdout


def test_a_space_that_is_too_large_is_inconclusive_and_exits_with_3() -> None:
    text = lostproof("check", "--bounds", "smoke", "--max-states", "5", code=3).stdout
    assert "inconclusive" in text
    assert "more than 5 states" in " ".join(text.split())


def test_check_answers_for_the_revisions_and_properties_in_the_order_asked() -> None:
    judged = ["slot-runs-once", "live-run-never-lost"]
    options = [part for name in [*judged, *judged] for part in ("--property", name)]
    data = json_of("check", "check", "reference", "fix-skip", "reference", "--bounds", TINY, *options)
    assert [result["revision"] for result in data["results"]] == ["reference", "fix-skip"]
    assert [[found["id"] for found in result["properties"]] for result in data["results"]] == [judged, judged]


def test_the_json_of_check_says_what_its_text_says() -> None:
    data = checked("openclaw-2026.4.15")
    assert data["lostproof"] == __version__
    assert set(data["bounds"]["slices"]) == {part["name"] for part in data["results"][0]["slices"]}
    found = {verdict["id"]: verdict for verdict in data["results"][0]["properties"]}
    lost = found["completed-run-never-lost"]
    assert (lost["verdict"], lost["slice"], lost["faults"]) == ("violated", "offline", 1)
    assert lost["race"][-1]["violates"][0] == {"property": "completed-run-never-lost", "subject": "job-a.run-1"}
    assert {
        "field": "row", "of": "job-a.run-1", "home": "ledger", "from": "succeeded", "to": "lost"
    } in lost["race"][-1]["changes"]
    assert found["no-invented-success"]["race"] is None


def test_races_in_json_are_numbered_and_never_go_back_in_time() -> None:
    for verdict in checked("openclaw-2026.4.15")["results"][0]["properties"]:
        race = (verdict["race"] or []) + (verdict["continuation"] or [])
        assert [step["step"] for step in race] == list(range(1, len(race) + 1))
        assert [step["at_ms"] for step in race] == sorted(step["at_ms"] for step in race)
        assert len(verdict["race"] or []) >= (verdict["steps"] or 0)
        assert verdict["point_of_no_return"] is None or 0 <= verdict["point_of_no_return"] <= len(race)


def test_saved_races_pass_as_scenarios(tmp_path: Path) -> None:
    saved = tmp_path / "races"
    arguments = ("check", "openclaw-2026.4.15", "--bounds", "smoke", "--property", "completed-run-never-lost")
    result = lostproof(*arguments, "--races", "none", "--save", str(saved), code=1)
    files = sorted(saved.iterdir())
    assert result.stderr == "".join(f"saved {file}\n" for file in files)
    assert len(files) == 1
    data = json_of("run", "run", str(saved))
    assert [outcome["passed"] for outcome in data["scenarios"][0]["outcomes"]] == [True]


def test_races_that_cannot_be_saved_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "races")
    result = lostproof("check", "fix-skip", "--bounds", "smoke", "--races", "none", "--save", place, code=2)
    assert "cannot be written to" in result.stderr
    assert result.stdout == ""


# -- a rule of one's own

RULES = '''\
print("loading")
from lostproof import KEEP, LOST, Decision, Evidence

def never(evidence: Evidence) -> Decision:
    return KEEP

def hasty(evidence):
    print("asked")
    return LOST if evidence.status == "running" else KEEP

def confused(evidence):
    return 3

def clumsy(evidence):
    table = {}
    return table[evidence.log]
'''


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.py"
    path.write_text(RULES)
    return path


def test_a_rule_of_ones_own_is_checked_in_a_revision_of_choice(rules: Path) -> None:
    arguments = ("--base", "openclaw-2026.4.15", "--bounds", TINY, "--property", "live-run-never-lost")
    data = json_of("check", "check", "--rule", f"{rules}:never", *arguments)
    assert data["results"][0]["revision"] == "never@openclaw-2026.4.15"
    assert data["results"][0]["properties"][0]["verdict"] == "holds"
    hasty = json_of("check", "check", "--rule", f"{rules}:hasty", *arguments, code=1)
    assert hasty["results"][0]["properties"][0]["verdict"] == "violated"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("confused", ":11: rule confused: answered 3 for Evidence("),
        ("clumsy", ":16: rule clumsy: raised KeyError ('none') for Evidence("),
        ("missing", ": there is no function 'missing'; there are: never, hasty, confused, clumsy"),
    ],
)
def test_a_rule_that_does_not_work_is_bad_input(rules: Path, function: str, message: str) -> None:
    result = lostproof("check", "--rule", f"{rules}:{function}", code=2)
    assert f"lostproof: {rules}{message}" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [("def f(:\n    pass", ":1: invalid syntax"), ("\nraise SystemExit(7)", ":2: raised SystemExit (7)")],
)
def test_a_rule_file_that_does_not_run_is_bad_input(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.py").write_text(text)
    result = lostproof("check", "--rule", f"{tmp_path / 'broken.py'}:f", code=2)
    assert result.stderr == f"lostproof: {tmp_path / 'broken.py'}{message}\n"


@pytest.mark.parametrize(
    "escape", ["sys.exit(0)", "sys.exit(1)", "sys.exit(3)", "raise BaseException", "raise GeneratorExit"]
)
@pytest.mark.parametrize("file", ["def rule(evidence):\n    {}", "{}"], ids=["asked", "loaded"])
def test_a_rule_cannot_end_the_program(tmp_path: Path, file: str, escape: str) -> None:
    path = tmp_path / "escape.py"
    path.write_text(f"import sys\n{file.format(escape)}\n")
    result = lostproof("check", "--rule", f"{path}:rule", "--bounds", TINY, code=2)
    line = 3 if "def" in file else 2
    assert result.stderr.startswith(f"lostproof: {path}:{line}: ")
    assert "raised " in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_rule_is_asked_twice_about_each_evidence(rules: Path) -> None:
    result = lostproof("check", "--rule", f"{rules}:hasty", "--bounds", TINY, "--races", "none", code=1)
    assert result.stderr.splitlines().count("asked") == 2 * len(list(Evidence.domain()))
    assert "asked" not in result.stdout.splitlines()


def test_a_rule_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    for name, early, late in (("one", "KEEP", "LOST"), ("two", "LOST", "KEEP")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "beside.py").write_text(f"from lostproof import {early} as EARLY\n")
        (folder / "lazily.py").write_text(f"from lostproof import {late} as LATE\n")
        (folder / "rules.py").write_text(
            "from beside import EARLY\ndef rule(evidence):\n"
            "    from lazily import LATE\n    return EARLY if evidence.expired else LATE\n"
        )
        mine = with_subject(REVISIONS["reference"], subject_at(f"{folder / 'rules.py'}:rule"))
        decided = {str(d) for e, d in zip(Evidence.domain(), mine.decisions, strict=True) if e.expired}
        assert decided == {early.lower()}
    assert not {"beside", "lazily"} & set(sys.modules)
    assert not [folder for folder in sys.path if folder.startswith(str(tmp_path))]


@pytest.mark.parametrize("place", ["rules.py", "rules.py:", ":f", "rules.py:not a name", "missing.py:f"])
def test_a_rule_that_is_nowhere_is_bad_input(place: str) -> None:
    assert "lostproof: " in lostproof("check", "--rule", place, code=2).stderr


def test_saved_races_of_a_rule_of_ones_own_replay_with_that_rule(rules: Path, tmp_path: Path) -> None:
    races = tmp_path / "races"
    lostproof("check", "--rule", f"{rules}:hasty", "--bounds", "smoke", "--save", str(races), code=1)
    assert list(races.glob("hasty-reference-*.scenario.yaml"))
    assert "0 not as expected" in lostproof("run", str(races)).stdout


# -- matrix, run, simulate


def test_the_matrix_says_nothing_about_drift_where_nothing_is_pinned() -> None:
    text = lostproof("matrix", "--bounds", TINY).stdout
    told = f"nothing pinned for bounds {TINY}: the exit code says only that everything was explored"
    assert told in " ".join(text.split())
    assert "completed-run-never-lost" in text


def test_a_matrix_that_is_not_explored_exits_with_3() -> None:
    text = lostproof("matrix", "--bounds", TINY, "--max-states", "3", code=3).stdout
    assert "not everything was explored" in " ".join(text.split())
    assert "drifted" in lostproof("matrix", "--bounds", "smoke", "--max-states", "3", code=1).stdout
    refused = lostproof("matrix", "--bounds", TINY, "--max-states", "3", "--pin", code=2).stderr
    assert "some verdicts are inconclusive" in refused


def test_the_small_matrix_is_as_pinned() -> None:
    assert "as pinned" in lostproof("matrix", "--bounds", "smoke").stdout


def test_the_matrix_names_each_cell_that_drifted(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = {"reference": {"slot-runs-once": "violated in 7 steps"}}
    monkeypatch.setattr("lostproof.pinned.pins", lambda bounds: pinned)
    text = lostproof("matrix", "--bounds", TINY, code=1).stdout
    assert "reference × slot-runs-once: expected violated in 7 steps, found holds" in text
    assert "drifted" in text
    data = json_of("matrix", "matrix", "--bounds", TINY, code=1)
    drifted = {(d["revision"], d["property"]): (d["expected"], d["found"]) for d in data["drift"]}
    assert drifted["reference", "slot-runs-once"] == ("violated in 7 steps", "holds")
    cells = {(r["revision"], v["id"]): v for r in data["results"] for v in r["properties"]}
    assert cells["reference", "slot-runs-once"]["expected"] == "violated in 7 steps"
    assert cells["reference", "slot-runs-once"]["drift"]


SCENARIO = """\
scenario: broken-promise
title: A run that is said to be lost
about: It is not.
timeline:
  - {at: 0s, do: slot_due}
  - {at: 5s, do: end, run: job-a.run-1, end: ok}
  - {at: 10s, do: wait}
expect:
  reference:
    rows: {job-a.run-1: EXPECTED}
"""


@pytest.mark.parametrize(("expected", "code"), [("succeeded", 0), ("lost", 1)])
def test_a_scenario_is_compared_with_what_it_expects(tmp_path: Path, expected: str, code: int) -> None:
    path = tmp_path / "promise.scenario.yaml"
    path.write_text(SCENARIO.replace("EXPECTED", expected))
    text = lostproof("run", str(path), code=code).stdout
    assert f"1 scenario, 1 replay, {code} not as expected" in text
    assert ("the row of job-a.run-1 should end lost, but is succeeded" in text) == bool(code)
    assert ("0:00:05.000" in text) == bool(code)
    assert "0:00:05.000" in lostproof("run", "-v", str(path), code=code).stdout
    data = json_of("run", "run", str(path), code=code)
    assert data["scenarios"][0]["outcomes"][0]["passed"] is not bool(code)


def test_a_broken_scenario_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "broken.scenario.yaml"
    path.write_text("scenario: [")
    assert lostproof("run", str(path), code=2).stderr.startswith(f"lostproof: {path}:1: not valid YAML")


def test_a_simulation_is_the_same_for_the_same_seed() -> None:
    first = json_of("simulate", "simulate", "--seed", "7", "--steps", "30")
    assert first == json_of("simulate", "simulate", "--seed", "7", "--steps", "30")
    other = json_of("simulate", "simulate", "--seed", "8", "--steps", "30")
    assert first["digest"] != other["digest"]
    assert f"sha256 {first['digest']}" in lostproof("simulate", "--seed", "7", "--steps", "30").stdout


def test_a_simulation_that_breaks_a_property_exits_with_1() -> None:
    arguments = ("simulate", "openclaw-2026.4.15", "--bounds", "crashes=1,runs=2", "--steps", "80")
    codes = {CliRunner().invoke(cli, [*arguments, "--seed", str(seed)]).exit_code for seed in range(8)}
    assert codes == {0, 1}


# -- list, show, completion


@pytest.mark.parametrize("kind", ["revisions", "properties", "actions"])
def test_lists_say_the_same_as_text_and_as_json(kind: str) -> None:
    text = lostproof("list", kind).stdout
    for row in json_of("list", "list", kind)[kind]:
        assert row.get("name", row.get("id")) in text


@pytest.mark.parametrize(
    "what",
    [("lifecycle", "task"), ("lifecycle", "run"), ("lifecycle", "gateway"), ("revision", "reference"),
     ("rule", "openclaw-2026.5.28"), ("property", "slot-runs-once")],
    ids=" ".join,
)
def test_everything_can_be_shown_as_text_and_as_json(what: tuple[str, str]) -> None:
    assert lostproof("show", *what).stdout
    assert what[1] in json.dumps(json_of("show", "show", *what))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    assert "lostproof" in lostproof("completion", shell).stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lostproof check openclaw-2026.5", "openclaw-2026.5.28"),
        ("lostproof check --property vanished", "vanished-run-is-closed"),
        ("lostproof matrix --bounds sm", "smoke"),
        ("lostproof check --bounds crashes=1,rest", "crashes=1,restarts="),
        ("lostproof show lifecycle gate", "gateway"),
    ],
)
def test_names_are_completed(words: str, completed: str) -> None:
    count = len(words.split()) - 1
    result = process(_LOSTPROOF_COMPLETE="zsh_complete", COMP_WORDS=words, COMP_CWORD=str(count))
    assert completed in result.stdout.decode()


# -- processes


def test_json_is_the_same_whatever_the_hash_seed() -> None:
    arguments = ("check", "openclaw-2026.4.15", "reference", "--bounds", TINY, "--format", "json")
    first, second = (process(*arguments, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.returncode == second.returncode == 1
    assert first.stderr == second.stderr == b""
    assert first.stdout == second.stdout


def test_text_off_a_terminal_has_no_escapes_and_no_trailing_blanks() -> None:
    result = process("check", "openclaw-2026.4.15", "--bounds", TINY, TERM="xterm-256color")
    assert b"\x1b" not in result.stdout
    assert not any(line.endswith(b" ") for line in result.stdout.splitlines())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_an_encoding_without_our_marks_gets_ascii_ones(encoding: str) -> None:
    shown = process("show", "property", "slot-runs-once", PYTHONIOENCODING=encoding).stdout.decode(encoding)
    assert "  X  openclaw-2026.4.2   violated" in shown
    assert "  ok reference           holds" in shown
    assert "[](executed => " in shown
    race = process("check", "openclaw-2026.4.15", "--bounds", TINY, PYTHONIOENCODING=encoding).stdout.decode(encoding)
    assert "X why  the row of job-a.run-1" in race
    assert "row running->lost" in race or "row running→lost" in race
    assert "?" not in shown + race
    assert "\\u" not in shown + race


def test_marks_in_ascii_keep_the_columns() -> None:
    arguments = ("matrix", "--bounds", "smoke")
    plain, marked = (process(*arguments, PYTHONIOENCODING=e).stdout.decode(e) for e in ("ascii", "utf-8"))
    for line, marked_line in zip(plain.splitlines()[:19], marked.splitlines(), strict=False):
        assert [m.start() for m in re.finditer(r"(?<= )\S", line)] == [
            m.start() for m in re.finditer(r"(?<= )\S", marked_line)
        ]
