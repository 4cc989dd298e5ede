"""Programs behind a pipe: what goes wrong is told in one line, with the question, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from lostproof.cli import cli
from lostproof.errors import BadInput
from lostproof.evidence import DECISIONS, KEEP, LOST, Evidence, recover
from lostproof.files import schema
from lostproof.subjects.pipe import Misbehaviour, Pipe
from lostproof.subjects.places import Asking, moved, subject_at
from lostproof.subjects.programs import program_subject
from lostproof.subjects.random_worlds import random_worlds
from lostproof.subjects.subject import Subject
from lostproof.subjects.worlds import SmallWorld, evidence_in, world_of

HEAD = """\
import json, os, subprocess, sys, time

def answer(world, **changes):
    rows = [dict(row=row["row"], status=row["status"]) for row in world["rows"]]
    return dict(dict(ask=world["ask"], rows=rows), **changes)

def say(told):
    print(told if isinstance(told, str) else json.dumps(told), flush=True)

asked = -1
for line in sys.stdin:
    asked += 1
    world = json.loads(line)
    rows = answer(world)["rows"]
"""
TAIL = "\n    say(answer(world))\n"
ODD = "    if asked == 5:\n        "
"""Something happens at the sixth question, and only there."""

WORLDS = list(random_worlds(3, 100))
PLAIN = [world_of([Evidence(), Evidence(active=True, owner="live")])] * 10


def program(folder: Path, text: str, name: str = "odd.py") -> Path:
    (folder / name).write_text(text)
    return folder / name


def subject(path: Path, timeout: float = 20) -> Subject:
    return program_subject(path.stem, path.name, [sys.executable, str(path)], timeout=timeout, keep=path.parent / "kept")


def offended(folder: Path, text: str, worlds: list[SmallWorld] = PLAIN, timeout: float = 20) -> tuple[str, dict[str, Any]]:
    """Return what is told about a misbehaving program, and the question that was saved for it."""
    with pytest.raises(BadInput) as caught:
        subject(program(folder, text), timeout).sweep(worlds)
    message, kept = str(caught.value), folder / "kept" / "offending-question.json"
    assert message.startswith("odd.py: ")
    assert message.endswith(f"; the question is in {kept}")
    assert "\n" not in message
    question = json.loads(kept.read_text())
    assert question == json.loads(json.dumps(worlds[question["ask"]].request(question["ask"])))
    return message, question


def gone(pid: int) -> bool:
    """Return whether a process is gone, or only waits for somebody to take note of its end."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    with suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    return False


# -- what is right


@pytest.mark.parametrize("decision", DECISIONS, ids=str)
def test_an_answer_is_read_as_a_decision(tmp_path: Path, decision: Any) -> None:
    """Each decision has its way of being said; other rows of the same world are not touched by it."""
    after = {"keep": {}, "lost": {"status": "lost", "error": "gone"}}.get(decision.kind, {"status": decision.status})
    if decision == recover("interrupted"):
        after = {"status": "failed", "error": "cron: job interrupted by gateway restart"}
    text = f"{HEAD}    rows[1].update({after!r})\n    say(answer(world, rows=rows[::-1]))\n"
    found = subject(program(tmp_path, text)).sweep(PLAIN)
    assert found == [[KEEP, decision]] * len(PLAIN)


def test_what_a_program_is_asked_matches_the_schema_and_comes_back_in_order(tmp_path: Path) -> None:
    """The questions are the worlds, twice, the second time backwards; what a row's name is does not matter."""
    log = tmp_path / "asked"
    text = f"log = open({str(log)!r}, 'w')\n{HEAD}    log.write(line)\n    log.flush()\n" \
        "    for row in rows:\n        row['status'] = 'lost' if row['row'] == 'row-2' else row['status']\n" \
        "    say(answer(world, rows=rows))"
    found = subject(program(tmp_path, text)).sweep(WORLDS)
    for world, decisions in zip(WORLDS, found, strict=True):
        for row, decision in zip(world.rows, decisions, strict=True):
            assert decision == (LOST if row.row == "row-2" and row.status != "lost" else KEEP)
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    assert [question["ask"] for question in asked] == [*range(100), *reversed(range(100))]
    assert asked[:100] == asked[:99:-1]
    for question in asked[:100]:
        jsonschema.Draft202012Validator(schema("subject-request")).validate(question)


def test_equal_evidence_is_asked_about_once(tmp_path: Path) -> None:
    """Rows are asked about once for each value, also where the owner cannot be told: one by one, and then in other worlds,
    or many in a world."""
    log = tmp_path / "asked"
    text = f"log = open({str(log)!r}, 'a')\n{HEAD}    log.write('%d ' % len(rows))\n    log.flush()" + TAIL
    path = program(tmp_path, text)
    evidences = [Evidence(owner=owner, log=log) for log in ("ok", "none") for owner in ("live", "dead", "unknown")] * 2

    def rows(ask: Any) -> list[int]:
        log.unlink(missing_ok=True)
        assert ask(evidences) == [KEEP] * len(evidences)
        return [int(count) for count in log.read_text().split()]

    blind = program_subject("odd", "odd.py", [sys.executable, str(path)], sees_owner=False)
    assert rows(subject(path).ask) == [1] * 6 * 2 + [3] * 6 * 2
    assert rows(subject(path).ask_all) == [4, 2, 2, 4]
    assert rows(blind.ask) == [1] * 2 * 2 + [3] * 2 * 2
    assert rows(blind.ask_all) == [2, 2]


def test_the_fast_way_gives_what_the_slow_way_gives() -> None:
    """Many rows in one world are answered as each alone, by a program that looks at all there is."""
    path = Path(__file__).parents[1] / "examples" / "durable.py"
    evidences = list(Evidence.domain())[::17]
    asked = program_subject("durable", "durable.py", [sys.executable, str(path)])
    assert asked.ask_all(evidences) == asked.ask(evidences)
    assert set(asked.ask(evidences)) == set(DECISIONS)


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a name for this Python that is short wherever it is installed: long commands are cut in messages."""
    here = Path(sys.executable)
    monkeypatch.setenv("PATH", f"{here.parent}{os.pathsep}{os.environ['PATH']}")
    return here.name


def test_a_command_may_be_longer_than_the_name_of_a_file(tmp_path: Path, python: str) -> None:
    code = f"{HEAD}{TAIL}# {'x' * 5_000}"
    place = shlex.join([python, "-c", code])
    assert subject_at(place).sweep(PLAIN[:1]) == [[KEEP, KEEP]]
    assert moved(place, tmp_path) == place
    with pytest.raises(BadInput, match=r"^\S+ -c 'import json[^\n]*…: ended with exit code 1 before it had [^\n]*$"):
        program_subject("x", shlex.join([python, "-c", f"{code}\n1 / 0"]), [python, "-c", "1 / 0"],
                        keep=tmp_path).sweep(PLAIN)
    assert moved("python3 rules/odd.py", Path("races")) == "python3 rules/odd.py"


# -- what is wrong


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ("say('no idea')", "answered with something that is no JSON: no idea"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe{}\\n'); sys.stdout.flush()", "answered with something that is no JSON: "),
        ("say('[' * 100_000)", "answered with something that is no JSON: [[["),
        ("say('')", "answered with something that is no JSON: "),
        ("say([])", "answered nonsense: the answer: [] is not of type 'object'"),
        ("say('null')", "answered nonsense: the answer: None is not of type 'object'"),
        ("say({})", "answered nonsense: the answer: 'ask' is a required property"),
        ("say(answer(world, ask='5'))", "answered nonsense: ask: '5' is not of type 'integer'"),
        ("say(answer(world, rows=None))", "answered nonsense: rows: None is not of type 'array'"),
        ("say(answer(world, rows=[rows[0], 2]))", "answered nonsense: rows.1: 2 is not of type 'object'"),
        ("del rows[1]['status']; say(answer(world, rows=rows))", "answered nonsense: rows.1: 'status' is a required"),
        ("rows[1]['row'] = [1]; say(answer(world, rows=rows))", "answered nonsense: rows.1.row: [1] is not of type"),
        ("rows[1].update(status='failed', error=7); say(answer(world, rows=rows))", "rows.1.error: 7 is not of type"),
        ("say(answer(world, ask=6))", "answered question 6 when 5 was up"),
        ("say(answer(world, rows=rows[:1]))", "answered about 1 rows; asked about row-0, row-1, each once"),
        ("say(answer(world, rows=rows[:1] * 2))", "answered about 2 rows; asked about row-0, row-1, each once"),
        ("say(answer(world, rows=rows + rows[:1]))", "answered about 3 rows; asked about row-0, row-1, each once"),
        ("rows[1]['row'] = 'row-9'; say(answer(world, rows=rows))", "answered about 2 rows; asked about row-0, row-1"),
        ("rows[1]['status'] = 'queued'; say(answer(world, rows=rows))", "row-1 goes from running to 'queued', which no"),
        ("rows[1]['status'] = 'closed'; say(answer(world, rows=rows))", "row-1 goes from running to 'closed', which no"),
        ("rows[1]['status'] = ['lost']; say(answer(world, rows=rows))", "row-1 goes from running to ['lost'], which no"),
        ("continue", "answered question 6 when 5 was up"),
        ("sys.exit()", "ended with exit code 0 before it had answered"),
        ("sys.exit('error: I am tired')", "ended with exit code 1 before it had answered: error: I am tired"),
        ("1 / 0", "ended with exit code 1 before it had answered: ZeroDivisionError: division by zero"),
        ("print('last words', file=sys.stderr); os.abort()", "was ended by SIGABRT before it had answered: last words"),
        ("sys.stdout.flush(); os.close(1); time.sleep(60)", "closed its output before it had answered"),
    ],
)
def test_a_program_that_misbehaves_is_told_with_the_question(tmp_path: Path, odd: str, told: str) -> None:
    """Crashes and nonsense are told in one line, and the question is saved to which there is no proper answer."""
    message, question = offended(tmp_path, HEAD + ODD + odd + ("" if odd == "continue" else "\n        continue") + TAIL)
    assert told in message
    assert question["ask"] == 5


def test_a_program_that_crashes_at_once_stumbles_over_the_first_question(tmp_path: Path) -> None:
    message, question = offended(tmp_path, "import no_such_module")
    assert "ended with exit code 1 before it had answered: ModuleNotFoundError: No module named 'no_such_module'" in message
    assert question["ask"] == 0


@pytest.mark.parametrize(
    ("changing", "worlds"),
    [
        ("    rows[0]['status'] = 'lost' if asked > 12 else 'running'", PLAIN),
        ("    rows[0]['status'] = 'lost' if asked % 3 == 0 else 'running'", PLAIN),
        ("    rows[0]['status'] = 'lost' if time.time() - began > 0.4 else 'running'\n    time.sleep(0.05)", PLAIN),
        ("    rows[0]['status'], last = last or rows[0]['status'], 'lost' if len(rows) > 3 else None", WORLDS),
    ],
    ids=["how often", "every third time", "when", "what came before"],
)
def test_an_answer_must_depend_on_its_question_alone(tmp_path: Path, changing: str, worlds: list[SmallWorld]) -> None:
    """All is asked again, backwards: who counts, looks at the clock, or remembers, is found out."""
    text = f"import time\nbegan, last = time.time(), None\n{HEAD}{changing}\n    say(answer(world, rows=rows))\n"
    message, question = offended(tmp_path, text, worlds)
    assert "answered differently when it was asked the same question again" in message
    assert 0 <= question["ask"] < len(worlds)


def test_another_wording_of_the_same_answer_is_no_contradiction(tmp_path: Path) -> None:
    """A time, an order of rows, another error: what is decided counts."""
    text = HEAD + "    rows = [{**row, 'error': str(asked), 'ended': asked} for row in rows]\n" \
        "    say(answer(world, rows=rows if asked % 2 else rows[::-1]))"
    assert subject(program(tmp_path, text)).sweep(PLAIN) == [[KEEP, KEEP]] * len(PLAIN)


@pytest.mark.parametrize("worlds", [PLAIN, [world_of(list(Evidence.domain())[48 * 7 : 48 * 8])] * 70], ids=["few", "many"])
@pytest.mark.parametrize(("text", "ask"), [("import time\ntime.sleep(60)", 0), (HEAD + ODD + "time.sleep(60)" + TAIL, 5)],
                         ids=["at once", "in the middle"])
def test_a_program_that_hangs_is_left_after_its_time(tmp_path: Path, text: str, ask: int, worlds: list[SmallWorld]) -> None:
    """A program that reads nothing, or stops in between, does not keep anybody, however much it was to read."""
    began = time.monotonic()
    message, question = offended(tmp_path, text, worlds, timeout=1.5)
    assert "did not answer within 1.5 s" in message
    assert question["ask"] == ask
    assert time.monotonic() - began < 15


def test_a_program_may_write_much_before_it_reads(tmp_path: Path) -> None:
    """More than a pipe holds, in both directions at once: nobody waits for the other for ever."""
    many = [world_of(list(Evidence.domain())[48 * 7 : 48 * 8])] * 70
    text = "import json, sys\nsys.stderr.write('x' * 300_000)\n" \
        f"rows = [dict(row='row-%d' % n, status='running', error='x' * 3_000) for n in range({len(many[0].rows)})]\n" \
        "for ask in [*range(70), *range(69, -1, -1)]:\n" \
        "    print(json.dumps(dict(ask=ask, rows=rows)), flush=True)\n" \
        "    if ask == 63:\n        for _ in range(64): sys.stdin.readline()\n"
    assert subject(program(tmp_path, text)).sweep(many) == [[KEEP] * len(many[0].rows)] * 70


@pytest.mark.parametrize(
    ("text", "told"),
    [("'y' * 50 + '\\n'", "no JSON: yyyy"), ("'y' * 9999", "a line of more than 16,000,000 bytes")],
    ids=["lines", "one line"],
)
def test_a_program_that_writes_without_end_is_stopped(tmp_path: Path, text: str, told: str) -> None:
    message, question = offended(tmp_path, f"import sys\nwhile True: sys.stdout.write({text})")
    assert told in message
    assert question["ask"] == 0


# -- what is left


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("end", ["say(answer(world))", "say('nonsense')", "os.abort()", "time.sleep(60)"])
def test_no_process_outlives_the_questions(tmp_path: Path, end: str) -> None:
    """The program and its children are gone, however it ended."""
    pids = tmp_path / "pids"
    start = "import os, subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n" \
        f"open({str(pids)!r}, 'w').write('%d %d' % (os.getpid(), child.pid))\n"
    with suppress(BadInput):
        subject(program(tmp_path, f"{start}{HEAD}    {end}\n"), timeout=1.5).sweep(PLAIN)
    program_pid, child_pid = map(int, pids.read_text().split())
    assert gone(program_pid)
    assert gone(child_pid)


def test_a_program_that_dies_before_its_children_is_told_so(tmp_path: Path) -> None:
    """A child that keeps the output open hides the end of its parent only until the time is up."""
    start = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    message, question = offended(tmp_path, f"{start}sys.exit('error: too young')", timeout=1)
    assert "ended with exit code 1 before it had answered: error: too young" in message
    assert question["ask"] == 0


def test_a_program_that_is_done_may_clean_up(tmp_path: Path) -> None:
    """The end of its input is the end of the questions, and there is time for last words."""
    text = HEAD + TAIL + f"open({str(tmp_path / 'clean')!r}, 'w').write('clean')\n"
    subject(program(tmp_path, text)).sweep(PLAIN)
    assert (tmp_path / "clean").read_text() == "clean"


def test_a_pipe_is_closed_when_something_else_goes_wrong(tmp_path: Path) -> None:
    path = program(tmp_path, "import sys\nfor line in sys.stdin: print('x', flush=True)")
    with pytest.raises(ZeroDivisionError), Pipe([sys.executable, str(path)]) as pipe:
        assert list(pipe.ask([b"1\n", b"2\n"])) == [b"x\n", b"x\n"]
        raise ZeroDivisionError
    assert pipe._process.returncode == -signal.SIGKILL


# -- where a subject cannot be had, or its question not be kept


def test_a_question_that_cannot_be_saved_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    with pytest.raises(Misbehaviour, match=r"the question could not be saved in .*offending-question\.json \(.*\)$"):
        subject(program(tmp_path, "print('nonsense')")).sweep(PLAIN)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("no-such-program --fast", "rule 'no-such-program --fast': no such program, file or folder; write openclaw@VERSION"),
        ("", "rule '': no such program, file or folder; write openclaw@VERSION"),
        ("odd 'unfinished", "rule \"odd 'unfinished\": No closing quotation; write openclaw@VERSION"),
        ("./odd.py", "rule './odd.py': a file that cannot be run; write FILE.py:FUNCTION, or such as"),
        ("x" * 5_000, f"rule '{'x' * 5_000}': no such program, file or folder"),
        ("./odd.py --fast", "rule './odd.py --fast': no such program, file or folder"),
    ],
)
def test_a_program_that_is_nowhere_is_told(tmp_path: Path, place: str, told: str) -> None:
    program(tmp_path, HEAD + TAIL)  # which nobody may run
    with pytest.raises(BadInput) as caught:
        subject_at(place, Asking(folder=tmp_path))
    assert str(caught.value).startswith(told)


def test_a_program_that_cannot_be_run_is_told(tmp_path: Path) -> None:
    path = program(tmp_path, "this is no program of any kind\n", "odd")
    path.chmod(0o755)
    with pytest.raises(BadInput, match=r"^\./odd: cannot be run \(Exec format error\)$"):
        subject_at("./odd", Asking(folder=tmp_path)).sweep(PLAIN)


@pytest.mark.parametrize("command", ["check --bounds smoke --rule", "conform --worlds 3"])
def test_the_command_line_tells_in_one_line_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, command: str
) -> None:
    """Nothing but the line is printed, the question lies in the folder for races, and the exit code says bad input."""
    monkeypatch.chdir(tmp_path)
    program(tmp_path, HEAD + ODD + "1 / 0" + TAIL)
    place = f"{python} odd.py"
    result = CliRunner().invoke(cli, [*command.split(), place, "--save", "races"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"lostproof: {place}: ended with exit code 1 before it had answered: ZeroDivisionError: division by zero; "
        "the question is in races/offending-question.json\n"
    )
    assert json.loads((tmp_path / "races" / "offending-question.json").read_text())["ask"] == 5


def test_the_time_out_is_for_a_batch_and_not_for_each_answer(tmp_path: Path) -> None:
    """Who always answers just in time is stopped all the same: it would take for ever over everything."""
    began = time.monotonic()
    message, _ = offended(tmp_path, f"{HEAD}    time.sleep(0.1){TAIL}", PLAIN * 7, 2)
    assert "did not answer within 2 s" in message
    assert time.monotonic() - began < 2 + 70 * 0.1 - 2


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        ("world['now'] - row['started'] > 600_000", {}),
        ("row['row'].endswith('1')", {}),
        ("world['ask'] % 2 == 1", {}),
        ("len(rows) > 1", {}),
        ("world['process']['active_jobs'] and row['job'] not in world['process']['active_jobs']", {}),
        ("any(row['job'] == one['job'] and one['started'] > row['started'] for one in world['rows'])", {}),
        ("'ok' in [line['status'] for line in world['log'] if line['job'] == row['job']]", {}),
        ("world['jobs'][0]['last']['status'] == 'ok'", {}),
        ("world['now'] - row['started'] < 100_000", {"expired": False}),
        ("world['log'][-1]['duration'] == 1_000", {"log": "ok"}),
        ("any(one['job'] == row['job'] and one['enabled'] for one in world['jobs'])", {}),
    ],
)
def test_a_program_that_decides_by_what_is_no_evidence_is_refused(tmp_path: Path, rule: str, parts: dict[str, Any]) -> None:
    """Its answers are no table of evidence. Both questions are saved, can be put again, and differ in the answer."""
    text = f"{HEAD}    for row, mine in zip(world['rows'], rows):\n        if {rule}: mine['status'] = 'lost'\n"
    path = program(tmp_path, f"{text}    say(answer(world, rows=rows))")
    with pytest.raises(BadInput) as caught:
        subject(path).ask([Evidence(active=active, **parts) for active in (False, True)])
    told, kept = str(caught.value), tmp_path / "kept" / "offending-questions.jsonl"
    decided = re.match(r"odd\.py: decides (\w+) about row-0 and (\w+) about task:1, with the same evidence \(status ", told)
    assert decided
    assert set(decided.groups()) == {"keep", "lost"}
    assert told.endswith(f"job none, marker none); the questions are in {kept}")
    done = subprocess.run([sys.executable, str(path)], input=kept.read_bytes(), capture_output=True, check=True)
    one, other = (json.loads(line)["rows"][-1]["status"] for line in done.stdout.splitlines())
    assert {one, other} == {"running", "lost"}


@pytest.mark.parametrize("example", ["durable.py", "hasty.py"])
def test_a_saved_question_can_be_put_by_hand(example: str) -> None:
    """The protocol is no more than lines: what is saved can be piped into the program again, and is answered the same."""
    path = Path(__file__).parents[1] / "examples" / example
    world = WORLDS[4]
    line = json.dumps(world.request(7))
    done = subprocess.run([sys.executable, str(path)], input=line, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema("subject-answer")).validate(answer)
    assert (answer["ask"], [row["row"] for row in answer["rows"]]) == (7, [row.row for row in world.rows])
    assert all(isinstance(evidence_in(world, row), Evidence) for row in world.rows)
