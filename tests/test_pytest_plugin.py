"""The pytest plugin in projects of other people: nothing without opt-in, incidents as tests, rules judged in three lines."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lostproof.scenarios import load

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "tests" / "examples" / "project"
SCENARIO = ROOT / "scenarios" / "storage" / "row-close-fails.scenario.yaml"
NAMES = (
    "openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.9.6", "fix-skip", "fix-durable",
    "reference",
)
TINY = "crashes=1,runs=1,outcomes=1"
RULES = """
from lostproof import KEEP, LOST

def hasty(evidence):
    return LOST if evidence.expired else KEEP

def patient(evidence):
    return KEEP

def broken(evidence):
    return evidence.no_such_part
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    pytester.makepyfile(rules=RULES)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in the project. Where the plugin is not installed as such, it is named."""
    registered = any(one.value == "lostproof.pytest_plugin" for one in entry_points(group="pytest11"))
    named = () if registered else ("-p", "lostproof.pytest_plugin")
    return project.runpytest_subprocess(*named, "-p", "no:xdist" if "-n" not in arguments else "xdist", *arguments)


def story() -> str:
    """Return a built-in scenario with what seven revisions make of it, each in words of its own."""
    expected = {name: load(SCENARIO).expectation(name) for name in NAMES}
    told = [
        f"  {name}:\n    violates: [{', '.join(one.violates)}]\n    rows: {{job-a.run-1: {one.rows['job-a.run-1']}}}\n"
        for name, one in expected.items()
    ]
    return "".join([SCENARIO.read_text(encoding="utf-8").partition("expect:")[0], "expect:\n", *told])


def incident(project: pytest.Pytester, text: str | None = None, name: str = "one.scenario.yaml") -> None:
    (project.path / "incidents").mkdir(exist_ok=True)
    (project.path / "incidents" / name).write_text(text or story(), encoding="utf-8")


def wrong() -> str:
    """Return the scenario with an expectation that is not met in 2026.4.15."""
    head, _, tail = story().partition("  openclaw-2026.4.15:")
    return head + "  openclaw-2026.4.15:" + tail.replace("rows: {job-a.run-1: running}", "rows: {job-a.run-1: lost}", 1)


# -- incidents


def test_nothing_is_collected_without_opt_in(project: pytest.Pytester) -> None:
    incident(project)
    project.makepyfile(test_one="def test_one(): pass")
    run(project).assert_outcomes(passed=1)


@pytest.mark.parametrize("opted_in", ["--lostproof", "-olostproof=true"])
def test_scenarios_are_tests_one_for_each_revision(project: pytest.Pytester, opted_in: str) -> None:
    incident(project)
    found = run(project, opted_in, "-v")
    found.assert_outcomes(passed=7)
    found.stdout.fnmatch_lines(["incidents/one.scenario.yaml::openclaw-2026.4.15 PASSED*"])


def test_a_failure_has_line_timeline_and_replay_and_no_traceback(project: pytest.Pytester) -> None:
    incident(project, wrong())
    found = run(project, "--lostproof", "-k", "openclaw-2026.4.15")
    found.assert_outcomes(failed=1, deselected=6)
    text = str(found.stdout)
    line = next(n for n, words in enumerate(wrong().splitlines(), 1) if "job-a.run-1: lost" in words)
    assert f"incidents/one.scenario.yaml:{line}: the row of job-a.run-1 should end lost, but is running" in text
    assert "■ row running" in text
    assert "replay it: lostproof run incidents/one.scenario.yaml --revision openclaw-2026.4.15 -v" in text
    assert "Traceback" not in text
    assert ".py:" not in text


def test_items_are_chosen_by_id_and_listed(project: pytest.Pytester) -> None:
    incident(project)
    run(project, "--lostproof", "incidents/one.scenario.yaml::reference").assert_outcomes(passed=1)
    listed = run(project, "--lostproof", "--collect-only", "-q", "-m", "lostproof")
    listed.stdout.fnmatch_lines(["incidents/one.scenario.yaml::reference"])


def test_replays_leave_their_size_in_junit(project: pytest.Pytester) -> None:
    incident(project)
    run(project, "--lostproof", "--junitxml", "out.xml", "-k", "openclaw-2026.4.15").assert_outcomes(passed=1, deselected=6)
    (case,) = ElementTree.parse(project.path / "out.xml").iter("testcase")
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert told["revision"] == "openclaw-2026.4.15"
    assert told["violated"] == "completed-run-converges"
    assert int(told["steps"] or 0) > 5


def test_replays_run_in_parallel(project: pytest.Pytester) -> None:
    incident(project)
    run(project, "--lostproof", "-n", "2").assert_outcomes(passed=7)


def test_what_failed_is_replayed_again(project: pytest.Pytester) -> None:
    incident(project, wrong())
    run(project, "--lostproof").assert_outcomes(failed=1, passed=6)
    run(project, "--lostproof", "--lf").assert_outcomes(failed=1)


def test_an_entry_that_cannot_happen_is_told_with_its_line(project: pytest.Pytester) -> None:
    """It fails the revision in which it cannot happen, and no other."""
    text = story().replace("timeline:\n", "timeline:\n  - {at: 1s, do: start}\n")
    incident(project, text)
    found = run(project, "--lostproof", "-k", "reference")
    found.assert_outcomes(failed=1, deselected=6)
    line = text.splitlines().index("  - {at: 1s, do: start}") + 1
    assert f"\nincidents/one.scenario.yaml:{line}: start at 1000 ms, in reference: " in str(found.stdout)
    assert "Traceback" not in str(found.stdout)
    quiet = run(project, "--lostproof", "-k", "reference", "--tb=line")
    told = [words for words in quiet.outlines if words.startswith("incidents/one.scenario.yaml:")]
    assert told[0].startswith(f"incidents/one.scenario.yaml:{line}: start at 1000 ms, in reference: ")


def test_a_broken_file_is_told_in_one_line(project: pytest.Pytester) -> None:
    incident(project, story().replace("do: slot_due", "do: slot_do"))
    found = run(project, "--lostproof")
    found.assert_outcomes(errors=1)
    told = [line for line in found.outlines if re.search(r"incidents/one\.scenario\.yaml:\d+: ", line)]
    assert told
    assert "Traceback" not in str(found.stdout)


def test_saved_races_are_no_tests(project: pytest.Pytester) -> None:
    incident(project)
    run(project, "--lostproof", "--lostproof-save", "incidents").assert_outcomes()


@pytest.mark.parametrize(("arguments", "told"), [
    (["-olostproof=perhaps"], "write true or false"),
    (["--lostproof-save", "rules.py"], "no folder"),
    (["-olostproof_base=openclaw-1"], "lostproof_base: "),
    (["-olostproof_bounds=crashs=1"], "lostproof_bounds: "),
])
def test_wrong_settings_are_usage_errors(project: pytest.Pytester, arguments: list[str], told: str) -> None:
    project.makepyfile(test_one="def test_one(lostproof_check): pass")
    found = run(project, *arguments)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert told in str(found.stderr) + str(found.stdout)
    assert "Traceback" not in str(found.stderr)


def test_wrong_settings_are_told_by_the_tests_where_they_run_in_parallel(project: pytest.Pytester) -> None:
    rule_test(project, "lostproof_check(rules.patient)")
    found = run(project, "-n", "2", "-olostproof_base=openclaw-1")
    found.assert_outcomes(failed=1)
    assert "test_rule.py:4: unknown revision 'openclaw-1'; there are: " in str(found.stdout)
    assert "INTERNALERROR" not in str(found.stdout)


# -- rules


def rule_test(project: pytest.Pytester, body: str) -> None:
    project.makepyfile(test_rule=f"import rules\n\ndef test_rule(lostproof_check, lostproof_rule):\n    {body}\n")


def assert_replays(found: pytest.RunResult, folder: Path) -> None:
    """What a failure says about replaying is true in the folder that pytest was started in."""
    replay = re.search(r"^replay it: (lostproof run \S+ -v)$", str(found.stdout), re.MULTILINE)
    assert replay is not None
    command = [sys.executable, "-c", "from lostproof.cli import main; main()", *replay[1].split()[1:]]
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "0 not as expected" in again.stdout


def test_a_rule_is_judged_in_three_lines(project: pytest.Pytester) -> None:
    rule_test(project, f'lostproof_check(rules.patient, bounds="{TINY}", holds=["completed-run-never-lost"])')
    run(project).assert_outcomes(passed=1)


def test_a_rule_that_loses_runs_fails_with_a_race_that_replays(project: pytest.Pytester) -> None:
    rule_test(project, f'lostproof_check(rules.hasty, bounds="{TINY}", holds=["live-run-never-lost"])')
    found = run(project, "--lostproof-save", "races")
    found.assert_outcomes(failed=1)
    text = str(found.stdout)
    assert "test_rule.py:4: hasty@reference violates live-run-never-lost" in text
    assert "✗ why  the row of job-a.run-1 became lost while a living process was working on the run." in text
    assert "■ row running→lost" in text
    assert "checking.py" not in text
    assert "Traceback" not in text
    assert_replays(found, project.path)


def test_by_default_a_rule_must_be_no_worse_than_what_it_replaces(project: pytest.Pytester) -> None:
    """2026.4.15 violates much by itself; only what its own rule keeps is asked of another."""
    same = "from lostproof import revision; lostproof_check(revision(base).rule, base=base, bounds='smoke')"
    rule_test(project, f"base = 'openclaw-2026.4.15'; {same}")
    run(project).assert_outcomes(passed=1)
    rule_test(project, 'lostproof_check(rules.patient, base="openclaw-2026.4.15", bounds="smoke")')
    found = run(project)
    found.assert_outcomes(failed=1)
    assert "patient@openclaw-2026.4.15 violates vanished-run-is-closed" in str(found.stdout)
    rule_test(project, 'lostproof_check(rules.hasty, bounds="smoke")')
    found = run(project)
    found.assert_outcomes(failed=1)
    assert "✗ live-run-never-lost  " in str(found.stdout)
    assert "row-agrees-with-truth" not in str(found.stdout)  # accepted by the reference, and so by default


def test_a_violation_can_be_what_is_wanted(project: pytest.Pytester) -> None:
    body = 'lostproof_check(rules.{}, bounds="{}", holds=[], violates=["live-run-never-lost"])'
    rule_test(project, body.format("hasty", TINY))
    run(project).assert_outcomes(passed=1)
    rule_test(project, body.format("patient", TINY))
    found = run(project)
    found.assert_outcomes(failed=1)
    assert "live-run-never-lost should be violated, but holds" in str(found.stdout)


def test_what_was_not_explored_fails(project: pytest.Pytester) -> None:
    rule_test(project, f'lostproof_check("reference", bounds="{TINY}", max_states=5, holds=["no-invented-success"])')
    found = run(project)
    found.assert_outcomes(failed=1)
    assert "no-invented-success is inconclusive: slice custom has more than 5 states" in str(found.stdout)


def test_the_project_names_its_rule_once(project: pytest.Pytester) -> None:
    rule_test(project, 'assert lostproof_check(holds=["completed-run-never-lost"]).revision == lostproof_rule()')
    project.makeini(f"[pytest]\nlostproof_rule = rules.py:patient\nlostproof_base = fix-skip\nlostproof_bounds = {TINY}\n")
    run(project, "--junitxml", "out.xml").assert_outcomes(passed=1)
    (case,) = ElementTree.parse(project.path / "out.xml").iter("testcase")
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert told["revision"] == "patient@fix-skip"
    assert told["bounds"] == TINY
    assert told["completed-run-never-lost"] == "holds"
    assert int(told["states"] or 0) > 10


@pytest.mark.parametrize(("body", "told"), [
    ('lostproof_check("reference", holds=["completed-run-never-losst"])', "unknown property"),
    ('lostproof_check(rules.hasty, base="openclaw-1")', "unknown revision"),
    ('lostproof_check("rules.py:gone", holds=[])', "there is no function 'gone'"),
    ("lostproof_check()", "no rule: "),
    ('lostproof_check(rules.broken, holds=[])', "no_such_part"),
    ('lostproof_rule("no such program")', "no such program"),
])
def test_wrong_names_fail_in_one_line(project: pytest.Pytester, body: str, told: str) -> None:
    rule_test(project, body)
    found = run(project)
    found.assert_outcomes(failed=1)
    assert told in str(found.stdout)
    assert "checking.py" not in str(found.stdout)


def test_a_rule_without_a_name_is_judged_and_its_race_cannot_be_saved(project: pytest.Pytester) -> None:
    body = f'lostproof_check(lambda e: rules.hasty(e), bounds="{TINY}", holds=["live-run-never-lost"])'
    rule_test(project, body)
    found = run(project, "--lostproof-save", "races")
    found.assert_outcomes(failed=1)
    assert "let the rule be a function that a module has by name" in str(found.stdout)
    assert not (project.path / "races").exists()


def test_a_rule_is_explored_once_for_tests_that_ask_in_turn(project: pytest.Pytester) -> None:
    """And another rule is not taken for it."""
    project.makepyfile(test_rule=f"""
        import pytest, rules
        from lostproof.testing import checking

        explored = []

        @pytest.fixture(autouse=True)
        def counted(monkeypatch):
            def counting(subject, *more, check=checking.check):
                explored.append(subject.name)
                return check(subject, *more)

            monkeypatch.setattr(checking, "check", counting)

        @pytest.mark.parametrize("name", ["completed-run-never-lost", "executed-run-never-lost"])
        def test_rule(lostproof_check, name):
            lostproof_check(rules.patient, bounds="{TINY}", holds=name)
            lostproof_check(rules.hasty, bounds="{TINY}", holds=[], violates="live-run-never-lost")
            assert explored == ["patient@reference", "hasty@reference"]
    """)
    run(project).assert_outcomes(passed=2)


def test_a_marker_speaks_for_one_test(project: pytest.Pytester) -> None:
    project.makepyfile(test_rule=f"""
        import pytest

        @pytest.mark.lostproof(rule="rules.py:patient", base="fix-skip")
        class TestRules:
            @pytest.mark.lostproof(bounds="{TINY}")
            def test_marked(self, lostproof_check):
                assert lostproof_check(holds="slot-runs-once").revision.name == "patient@fix-skip"

            @pytest.mark.lostproof(bound="{TINY}")
            def test_misspelt(self, lostproof_check):
                lostproof_check(holds="slot-runs-once")
    """)
    found = run(project)
    found.assert_outcomes(passed=1, failed=1)
    assert "unknown argument of the marker lostproof 'bound'; there are: rule, base, bounds" in str(found.stdout)


@pytest.mark.parametrize("elsewhere", [
    "import os; os.chdir('..'); lostproof_check", "lostproof_check",
])
def test_a_saved_race_replays_wherever_pytest_was_started(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, elsewhere: str
) -> None:
    """Places count from pytest's root folder, not from the present one."""
    project.makeini(f"[pytest]\nlostproof_rule = rules.py:hasty\nlostproof_bounds = {TINY}\n")
    rule_test(project, f'{elsewhere}(holds=["live-run-never-lost"])')
    project.mkdir("below")
    monkeypatch.chdir(project.path / "below")
    found = run(project, "..")
    found.assert_outcomes(failed=1)
    assert "../test_rule.py:4: hasty@reference violates live-run-never-lost" in str(found.stdout)
    assert_replays(found, project.path / "below")


def test_races_that_cannot_be_saved_are_told(project: pytest.Pytester) -> None:
    project.mkdir("races")
    body = "import pathlib; pathlib.Path('races').rmdir(); pathlib.Path('races').write_text('')"
    rule_test(project, f'{body}; lostproof_check(rules.hasty, bounds="{TINY}", holds=["live-run-never-lost"])')
    found = run(project, "--lostproof-save", "races")
    found.assert_outcomes(failed=1)
    assert re.search(r"^not saved: \S*races\S*: cannot be written to \(", str(found.stdout), re.MULTILINE)
    assert "Traceback" not in str(found.stdout)


# -- a whole project


@pytest.mark.parametrize("fails", [True, False])
def test_a_project_fails_with_a_rule_that_loses_runs_and_passes_with_a_right_one(
    project: pytest.Pytester, fails: bool
) -> None:
    """As its users see it, with the bounds that are usual: incident and rule, in the console and in JUnit XML."""
    shutil.copytree(PROJECT, project.path, dirs_exist_ok=True)
    if not fails:
        shutil.copy(project.path / "rules_fixed.py", project.path / "rules.py")
    found = run(project, "--junitxml", "out.xml", "--lostproof-save", "races")
    found.assert_outcomes(**({"failed": 2} if fails else {"passed": 2}))
    cases = {case.get("name"): case for case in ElementTree.parse(project.path / "out.xml").iter("testcase")}
    assert set(cases) == {"rule", "test_no_completed_run_is_lost"}
    told = {one.get("name"): one.get("value") for one in cases["test_no_completed_run_is_lost"].iter("property")}
    assert told["completed-run-never-lost"] == ("violated in 7 steps" if fails else "holds")
    races = [path.name.removeprefix("decide-openclaw-2026-4-15-") for path in project.path.rglob("races/**/*.yaml")]
    lost = ["completed-run-never-lost.scenario.yaml", "live-run-never-lost.scenario.yaml"]
    assert sorted(races) == (lost if fails else [])
    if fails:
        text = str(found.stdout)
        assert "incidents/maintenance-at-night.scenario.yaml:14: live-run-never-lost should hold, but is violated" in text
        assert "tests/test_rules.py:3: decide@openclaw-2026.4.15 violates completed-run-never-lost" in text
        assert "Traceback" not in text


# -- cost


def test_the_plugin_alone_imports_nothing_of_lostproof() -> None:
    """Every pytest run that lostproof is installed for loads the plugin."""
    code = (
        "import pytest, sys; known = set(sys.modules); import lostproof.pytest_plugin; "
        "print(sorted(set(sys.modules) - known))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['lostproof', 'lostproof.pytest_plugin']"


def test_the_plugin_alone_is_quick() -> None:
    """At its best, so that a busy machine is not taken for a slow plugin."""
    code = (
        "import pytest, time, importlib, lostproof.pytest_plugin as plugin; "
        "times = [(time.perf_counter(), importlib.reload(plugin), time.perf_counter()) for _ in range(20)]; "
        "print(min(end - begin for begin, _, end in times))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout) < 0.005
