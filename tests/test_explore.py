"""Exploring by hand: sessions, goals, outlooks, and the command in a script and on a terminal."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lostproof.bounds import Bounds, parse_slice
from lostproof.cli import cli
from lostproof.commands.explore import BOUNDS
from lostproof.engine.stepper import apply, enabled
from lostproof.engine.verdicts import check
from lostproof.errors import BadInput
from lostproof.explore.ahead import Ahead, TooLarge
from lostproof.explore.commands import COMMANDS, Desk, Quit, obey
from lostproof.explore.goals import goal_named
from lostproof.explore.names import choices, label, meant, next_by_itself
from lostproof.explore.session import Session
from lostproof.files import data_root
from lostproof.model import Model
from lostproof.properties import PROPERTIES
from lostproof.replay import run
from lostproof.report.data import ACTIONS, value_name
from lostproof.report.text import plain
from lostproof.revisions import REVISIONS
from lostproof.scenarios import load
from tests.support import RICH

LIMIT = 50_000
SEED_BUG = ["run_now", "begin", "end", "crash", "start", "repair", "catch_up", "ready", "expire", "sweep_begin", "sweep_row"]
"""A run that completed, and a restart: every choice of the reported bug, by hand."""


def desk(revision: str = "openclaw-2026.4.15", bounds: str = BOUNDS, limit: int = LIMIT) -> Desk:
    model = Model(REVISIONS[revision], parse_slice(bounds)[1])
    return Desk(Session(model), Ahead(model, limit), 100, brief=True)


def tell(at: Desk, *lines: str) -> str:
    """Obey commands; return what the last one shows."""
    shown: list[object] = []
    for line in lines:
        shown = list(obey(at, line))
    return "\n".join(plain(view, 160) for view in shown)


def explore(*arguments: str, script: str = "", code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["explore", *arguments], input=script, prog_name="lostproof", env={"COLUMNS": "120"})
    assert result.exit_code == code, result.output
    return result


# -- the reported bug, by hand


def test_the_reported_bug_in_fewer_than_fifteen_choices() -> None:
    assert len(SEED_BUG) < 15
    shown = explore(script="\n".join([*SEED_BUG, "look", "status", ""])).stdout
    assert "■ row running→lost" in shown
    assert "✗ executed-run-never-lost: the row of job-a.run-1 became lost although its work had ended" in shown
    assert re.search(r"✗ +executed-run-never-lost +violated at step 11", shown)
    # The crash is where it could no longer be averted.
    crash = shown.index("> crash")
    assert crash < shown.index("◆ no return") < shown.index("> start")


def test_the_choices_by_number_are_those_by_name() -> None:
    named, numbered = desk(), desk()
    for name in SEED_BUG:
        number = next(n for n in meant(named.session.model, [name]) if n in named.session.possible)
        position = choices(numbered.session.model, numbered.session.possible).index(number) + 1
        obey(named, name)
        obey(numbered, str(position))
    assert named.session.done == numbered.session.done


def test_a_recorded_run_is_lost_by_the_shortest_way() -> None:
    at = desk()
    assert "shortest way, 7 steps, 1 fault" in tell(at, "goal violates completed-run-never-lost")
    assert "completed-run-never-lost" in at.session.broken
    verdict = check("openclaw-2026.4.15", BOUNDS, ["completed-run-never-lost"]).verdict("completed-run-never-lost")
    assert verdict.race is not None
    assert [moment.action for moment in at.session.done] == list(verdict.race.race.actions)


@pytest.mark.parametrize("name", REVISIONS)
def test_the_ways_to_violations_are_as_long_as_the_shortest_races(name: str) -> None:
    at = desk(name, "smoke:crash")
    for verdict in check(name, "crashes=1,runs=1,outcomes=1").verdicts:
        told = tell(at, "restart", f"goal violates {verdict.property.id}")
        if verdict.race is None:
            assert "cannot be reached" in told
        else:
            assert len(at.session.done) == verdict.race.race.steps


def test_the_reference_never_loses_a_completed_run() -> None:
    told = tell(desk("reference"), "goal violates completed-run-never-lost")
    assert "cannot be reached from here (the space from here is closed:" in told
    assert re.search(r"✓ +completed-run-never-lost +cannot be violated from here", tell(desk("reference"), "status"))


def test_a_goal_is_reached_by_as_few_faults_as_its_length_allows() -> None:
    at = desk("openclaw-2026.4.15", "crashes=1,restarts=1,runs=1,outcomes=1")
    tell(at, "goal lost")
    m = at.session.model
    states = {m.initial()}
    for _ in range(len(at.session.done)):
        assert not any(m.view(state).row[0] == 6 for state in states)
        states = {apply(m, state, number) for state in states for number in enabled(m, state)}
    best = min(int(m.faults_spent(m.view(state))) for state in states if m.view(state).row[0] == 6)
    assert m.view(at.session.state).row[0] == 6
    assert int(m.faults_spent(m.view(at.session.state))) == best


@pytest.mark.parametrize(
    ("goal", "field", "value"),
    [("succeeded", "row", "succeeded"), ("lost run-1", "row", "lost"), ("gateway=down", "gateway", "down"),
     ("marker=run-1", "marker", "run-1"), ("row@job-a.run-1=running", "row", "running"), ("row@run-1=lost", "row", "lost")],
)
def test_goals_get_there(goal: str, field: str, value: str) -> None:
    at = desk()
    tell(at, f"goal {goal}")
    cell = next(iter(at.session.model.layout.cells[field].values()))
    assert value_name(at.session.model, cell, at.session.model.view(at.session.state).read(cell)) == value


def test_a_goal_can_be_that_something_can_happen_or_that_a_run_is_over() -> None:
    at = desk()
    tell(at, "goal can sweep_row")
    assert any(at.session.model.actions[number].name == "sweep_row" for number in at.session.possible)
    assert "it is so already" in tell(at, "goal can sweep_row")
    tell(at, "restart", "goal done")
    assert len(at.session.done) == 2  # a run that is reserved when the gateway is killed
    assert "cannot be reached" in tell(at, "goal row=failed")


# -- what cannot happen, and what can still


def test_why_names_the_guard_that_blocks() -> None:
    at = desk()
    assert "step of job-a.run-1 is absent, and would have to be executing" in tell(at, "why end")
    assert "can happen now: it is choice 2" in tell(at, "why run_now")
    with pytest.raises(BadInput, match=r"end run-1 ok cannot happen now: step of job-a\.run-1 is absent"):
        obey(at, "end")


def test_blocked_tells_everything_that_cannot_happen() -> None:
    at = desk()
    told = tell(at, "run_now", "begin", "blocked")
    m = at.session.model
    possible = {label(m, number) for number in at.session.possible}
    told_of = {label(m, n) for n in range(len(m.actions)) if re.search(rf"^{re.escape(label(m, n))}  ", told, re.M)}
    assert told_of == {label(m, n) for n in range(len(m.actions))} - possible


def test_status_agrees_with_the_goals() -> None:
    """What can still be violated can be reached, what cannot, cannot; and what is violated was seen on the path."""
    at = desk("openclaw-2026.4.15", "crashes=1,offline_passes=1,runs=1,outcomes=1")
    for line in ("run_now", "begin", "end", "crash", "start"):
        obey(at, line)
        here = at.session
        for outlook in at.ahead.outlook(here):
            way = goal_named(here.model, ["violates", outlook.property.id])(at.ahead.future(here.state))
            if outlook.kind == "open":
                assert way == outlook.way
            elif outlook.kind == "safe":
                assert way is None
            elif outlook.kind == "violated":
                assert outlook.property.id in here.broken
            else:
                assert way is not None


def test_past_the_point_of_no_return_every_schedule_ends_in_the_violation() -> None:
    """The oracle: walk on fairly, without faults, whatever happens first."""
    at = desk()
    for line in SEED_BUG[:4]:
        obey(at, line)
    kinds = {outlook.property.id: outlook.kind for outlook in at.ahead.outlook(at.session)}
    assert kinds["executed-run-never-lost"] == "doomed"
    m = at.session.model
    for preference in (1, -1):
        session = at.session
        for _ in range(60):
            fair = [number for number in session.possible if m.actions[number].fair]
            fresh = [n for n in fair if n not in [moment.action for moment in session.done[-6:]]] or fair
            if not fresh or "executed-run-never-lost" in session.broken:
                break
            session = session.do(fresh[::preference][0])
        assert "executed-run-never-lost" in session.broken
    obey(at, "undo")
    before = {outlook.property.id: outlook.kind for outlook in at.ahead.outlook(at.session)}
    assert before["executed-run-never-lost"] == "open"


def test_a_marker_that_stays_for_ever_is_told_of_lasting_properties() -> None:
    at = desk("openclaw-2026.4.15", BOUNDS)
    obey(at, "goal violates completed-run-converges")
    kinds = {outlook.property.id: outlook.kind for outlook in at.ahead.outlook(at.session)}
    assert kinds["completed-run-converges"] in ("doomed", "stuck")


def test_what_is_too_large_is_inconclusive() -> None:
    at = desk("openclaw-2026.4.15", "crashes=2,runs=3,outcomes=3", limit=500)
    for line in ("status", "goal lost"):
        assert tell(at, line) == "inconclusive: more than 500 states can follow (--max-states is the limit)"
    assert at.session.done == ()
    with pytest.raises(TooLarge):
        at.ahead.future(at.session.state)
    # The nearer the end, the less can follow: there it is known again.
    near = desk("openclaw-2026.4.15", "crashes=1,runs=1,outcomes=1", limit=300)
    assert "inconclusive" in tell(near, "status")
    assert "is closed" in tell(near, "run_now", "crash", "status")


# -- back and forth


def test_undo_redo_and_restart() -> None:
    at = desk()
    for line in ("run_now", "begin", "end"):
        obey(at, line)
    there = at.session.done
    assert tell(at, "undo 2") == "back at step 1"
    assert at.session.done == there[:1]
    obey(at, "redo")
    obey(at, "r")
    assert at.session.done == there
    obey(at, "undo")
    obey(at, "undo")
    obey(at, "redo 2")
    assert at.session.done == there
    obey(at, "undo")
    obey(at, "crash")
    with pytest.raises(BadInput, match="nothing to redo"):
        obey(at, "redo")
    obey(at, "restart")
    assert at.session.done == ()
    for line, wrong in (("undo", "nothing to undo"), ("undo x", "no number of steps"), ("undo 0", "no number of steps")):
        with pytest.raises(BadInput, match=wrong):
            obey(at, line)


def test_the_product_goes_on_by_itself() -> None:
    at = desk()
    obey(at, "run_now")
    obey(at, "")  # an empty line is the product's next step
    assert [at.session.model.actions[moment.action].name for moment in at.session.done] == ["run_now", "begin"]
    obey(at, "end")
    obey(at, "go 50")
    assert next_by_itself(at.session.model, at.session.possible) is None
    assert "succeeded" in tell(at, "look")
    with pytest.raises(BadInput, match="nothing by itself"):
        obey(at, "go")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    world=st.sampled_from(sorted(RICH)), name=st.sampled_from(sorted(REVISIONS)),
    commands=st.lists(st.sampled_from(["choose"] * 3 + ["undo", "undo 2", "redo", "go", "restart"]), max_size=25),
    picks=st.lists(st.integers(1, 30), min_size=25, max_size=25),
)
def test_wherever_one_is_the_path_leads_there(world: str, name: str, commands: list[str], picks: list[int]) -> None:
    model = Model(REVISIONS[name], RICH[world])
    at = Desk(Session(model), Ahead(model, 1), 100, brief=True)
    at.ahead.doomed = lambda state, limit: None  # type: ignore[method-assign]
    for command, pick in zip(commands, picks, strict=False):
        before = at.session
        try:
            obey(at, str(pick) if command == "choose" else command)
        except BadInput:
            assert at.session is before
        state = model.initial()
        for moment in at.session.done:
            assert moment.before == state
            assert moment.action in enabled(model, state)
            state = apply(model, state, moment.action)
        assert at.session.state == state
        for moment in at.session.undone:
            assert moment.before == state
            state = moment.after


# -- names


def test_no_command_is_called_like_an_action() -> None:
    assert not {name for known in COMMANDS for name in known.names} & set(ACTIONS)


@pytest.mark.parametrize("name", REVISIONS)
@pytest.mark.parametrize("world", RICH)
def test_every_action_can_be_meant(name: str, world: str) -> None:
    """The label of an action means it, and otherwise only the same section on another path."""
    m = Model(REVISIONS[name], RICH[world])
    for number, action in enumerate(m.actions):
        found = meant(m, label(m, number).split())
        assert number in found
        assert {m.actions[n].name for n in found} == {action.name}
        assert {label(m, n) for n in found if action.params == m.actions[n].params} == {label(m, number)}


def test_a_failing_write_has_to_be_asked_for() -> None:
    at = desk("openclaw-2026.4.15", "store_faults=1,runs=1,outcomes=1,crashes=1")
    obey(at, "run_now")
    other = Desk(at.session, at.ahead, 100, brief=True)
    obey(at, "begin")
    obey(other, "begin fails")
    m = at.session.model
    assert label(m, at.session.done[-1].action) == "begin run-1"
    assert label(m, other.session.done[-1].action) == "begin run-1 fails"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("99", "there is no choice 99; there are 3"),
        ("fly", "'fly' is neither a command nor an action of this world"),
        ("end failed", "there is no 'end failed' here; there are: end run-1 ok"),
        ("goal", "which goal?"),
        ("goal gold", "unknown goal 'gold'"),
        ("goal violates", "unknown property ''"),
        ("goal violates completed", "may mean: completed-run-never-lost, completed-run-converges"),
        ("goal lost run-7", "unknown run 'run-7'"),
        ("goal row=gold", "unknown value of row 'gold'"),
        ("goal rows=lost", "unknown field 'rows'"),
        ("goal token=none", "there is no token in this world"),
        ("why", "why what?"),
        ("save", "save where?"),
        ("start", "start cannot happen now: gateway is running, and would have to be down"),
    ],
)
def test_what_cannot_be_understood_is_told_in_one_line_and_ends_a_script(line: str, message: str) -> None:
    result = explore(script=f"# a comment\n\nlook\n{line}\nrun_now\n", code=2)
    assert result.stderr.startswith(f"lostproof: line 4: {line}: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "> run_now" not in result.stdout


# -- files


def test_a_saved_path_is_a_scenario_that_passes_as_is(tmp_path: Path) -> None:
    file = tmp_path / "by-hand"
    explore(script="\n".join([*SEED_BUG, f"save {file}", ""]))
    saved = file.with_name("by-hand.scenario.yaml")
    assert load(saved).expect["openclaw-2026.4.15"].violates == (
        "executed-run-never-lost", "row-agrees-with-truth", "job-state-agrees-with-row"
    )
    replayed = CliRunner().invoke(cli, ["run", str(saved)], prog_name="lostproof")
    assert replayed.exit_code == 0, replayed.output
    assert yaml.safe_load(saved.read_text(encoding="utf-8"))["expect"]["openclaw-2026.4.15"]["rows"] == {
        "job-a.run-1": "lost"
    }


@pytest.mark.parametrize("name", ["openclaw-2026.4.15", "openclaw-2026.9.6", "fix-durable"])
def test_jumps_can_be_saved_too(name: str, tmp_path: Path) -> None:
    at = desk(name, "crashes=1,store_faults=1,runs=1,outcomes=1")
    for judged in PROPERTIES:
        tell(at, "restart", f"goal violates {judged.id}", f"save {tmp_path / judged.id}")
        outcome = run(load(tmp_path / f"{judged.id}.scenario.yaml"))[0]
        assert outcome.passed, outcome.failures
        assert judged.kind == "leads-to" or (judged.id in outcome.violated) == bool(at.session.done)


@pytest.mark.parametrize("world", RICH)
def test_whatever_was_done_can_be_saved_and_passes(world: str, tmp_path: Path) -> None:
    rng = random.Random(world)
    saved = 0
    for name in REVISIONS:
        model = Model(REVISIONS[name], RICH[world])
        at = Desk(Session(model), Ahead(model, 1), 100, brief=True)
        for _ in range(14):
            at.session = at.session.do(rng.choice(at.session.possible)) if at.session.possible else at.session
        if isinstance(at.session.timing, str):
            with pytest.raises(BadInput, match="not saved"):
                obey(at, f"save {tmp_path / name}")
            continue
        obey(at, f"save {tmp_path / name}")
        outcome = run(load(tmp_path / f"{name}.scenario.yaml"))[0]
        assert outcome.passed, outcome.failures
        assert outcome.moments[-1].after == at.session.state
        saved += 1
    assert saved > 2


def test_one_goes_on_from_a_scenario_and_keeps_its_times(tmp_path: Path) -> None:
    scenario = data_root() / "scenarios" / "witness-failure" / "scheduled-run-longer-than-the-grace.scenario.yaml"
    file = tmp_path / "longer.scenario.yaml"
    shown = explore("openclaw-2026.4.15", str(scenario), script=f"run_now\nundo 2\nrestart\nrun_now\nsave {file}\n")
    assert "after the timeline of witness-failure/scheduled-run-longer-than-the-grace" in shown.stdout
    given = [entry.cue.at_ms for entry in load(scenario).entries if entry.cue.do != "wait"]
    assert set(given) <= {entry.cue.at_ms for entry in load(file).entries}
    assert CliRunner().invoke(cli, ["run", str(file)]).exit_code == 0
    assert explore(str(scenario)).stdout.startswith("openclaw-2026.4.15")
    original = scenario.read_bytes()
    assert "is the scenario that this began with" in explore(str(scenario), script=f"save {scenario}\n", code=2).stderr
    assert scenario.read_bytes() == original


def test_a_path_that_time_cannot_follow_is_told_and_not_saved(tmp_path: Path) -> None:
    """Six whole sweeps take six minutes; a row cannot be younger than its grace after them."""
    sweeps = ["run_now", "begin", *["sweep_begin", "sweep_row"] * 8]
    script = "\n".join([*sweeps, "look", "timeline", f"save {tmp_path / 'never'}", ""])
    result = explore(script=script, code=2)
    assert "time cannot follow this path" in result.stdout
    assert "not saved: time cannot follow this path" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "cannot be written" in explore(script=f"run_now\nsave {tmp_path / 'file' / 'x'}\n", code=2).stderr


def test_ones_own_rule_is_explored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("from lostproof import KEEP\ndef mine(evidence):\n    return KEEP\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    base = ("--rule", "mine.py:mine", "--base", "openclaw-2026.4.15")
    shown = explore(*base, script="goal lost\ngoal succeeded\nsave mine\n").stdout
    assert "lost: cannot be reached from here" in shown
    assert CliRunner().invoke(cli, ["run", "mine.scenario.yaml"]).exit_code == 0


# -- the command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such"], "unknown revision 'no-such'"),
        (["--bounds", "ci"], "are not one slice; write ci:crash, "),
        (["--bounds", "ci:nothing"], "are not one slice"),
        (["--bounds", "nothing"], "unknown bounds 'nothing'"),
        (["--base", "reference"], "--base goes with --rule"),
        (["reference", "--rule", "x.py:y"], "give either a REVISION or --rule"),
        (["reference", "no-such.scenario.yaml"], "no such file"),
        (["reference", "scenarios/slots"], "is a folder with"),
        (["reference", "scenarios/slots/one-shot-runs-again.scenario.yaml", "--bounds", "ci:crash"], "bounds of its own"),
    ],
)
def test_bad_arguments_are_told(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data_root())
    result = explore(*arguments, code=2)
    assert message in result.stderr
    assert result.stdout == ""


def test_the_end_of_input_ends_it_and_quit_does_so_before() -> None:
    assert explore(script="run_now").stdout.endswith("run_now             ■ marker run-1\n")
    assert "> begin" not in explore(script="run_now\nquit\nbegin\n").stdout
    with pytest.raises(Quit):
        obey(desk(), "q")
    assert explore("--do", "run_now; begin").stdout.count("> ") == 2
    assert "command 2: fly: " in explore("--do", "run_now; fly; begin", code=2).stderr


def test_every_command_is_in_the_help_and_can_be_given() -> None:
    told = tell(desk(), "help")
    for known in COMMANDS:
        assert known.names[0] in told
        assert known.what in told
    for line in ("look", "world", "timeline", "status", "blocked", "why crash", "?"):
        assert tell(desk(), line)


def test_the_world_shows_every_cell() -> None:
    at = desk()
    told = tell(at, "run_now", "world")
    for cell in at.session.model.layout.all_cells:
        assert not cell.bits or cell.field.doc in told
    assert "cron store on disk" in told


def test_the_same_commands_give_the_same_bytes() -> None:
    script = "\n".join([*SEED_BUG, "look", "status", "blocked", "undo 5", "world", "goal violates slot-not", "timeline", ""])
    outputs = set()
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "lostproof.cli", "explore"], input=script.encode(), capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.stderr == b""
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_input_that_is_no_text_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lostproof.cli", "explore"], input=b"run_now\n\xff\xfe\n", capture_output=True, check=False,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict"},
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_person_on_a_terminal_is_asked_and_may_mistype() -> None:
    pexpect = pytest.importorskip("pexpect")
    child = pexpect.spawn(
        sys.executable, ["-m", "lostproof.cli", "explore"], encoding="utf-8", timeout=30, dimensions=(40, 100),
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "1"},
    )
    child.expect("an empty line lets the product go on")
    child.expect("> ")
    child.sendline("run_now")
    child.expect("marker run-1")
    child.expect("> ")
    child.sendline("")
    child.expect(r"begin run-1 +■ row running")
    child.expect("> ")
    child.sendline("start")
    child.expect("lostproof: start cannot happen now: gateway is running")
    child.expect("> ")
    child.sendline("undo")
    child.expect("back at step 1")
    child.expect("> ")
    child.sendintr()
    child.expect("leaves")
    child.expect("> ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_one_slice_of_a_preset_can_be_named() -> None:
    assert parse_slice("smoke:crash") == ("smoke:crash", Bounds(crashes=1, runs=1, outcomes=1))
    assert parse_slice("crashes=2")[1] == Bounds(crashes=2)
