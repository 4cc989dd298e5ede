"""Recording: a file then says what was seen, passes as it is, and everything else in it stays as it was, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lostproof.cli import cli
from lostproof.errors import BadInput
from lostproof.files import data_root
from lostproof.properties import PROPERTIES
from lostproof.recording import ALWAYS_ASKED, record
from lostproof.replay import run
from lostproof.revisions import REVISIONS
from lostproof.scenarios import OWN, SUFFIX, in_ranges, load

SHIPPED = [name for name, known in REVISIONS.items() if known.shipped]

HEAD = """# a story that somebody wrote down
scenario: told
title: told   # with a comment
about: told
timeline:
  - {at: 1m, do: slot_due}
  - {at:   1m 30s, do: end, run: job-a.run-1, end: ok, note: "it works"}
  - {at: 90s, do: crash}  # and dies
  - {at: 100s, do: start}
  - {at: 2m, do: end, run: job-a.run-2, end: ok, optional: true}
  - {at: 10m, do: wait}
"""
TAIL = """
# what comes after it
source: [npm openclaw@2026.4.15]
"""


def written(folder: Path, expect: str, head: str = HEAD, tail: str = TAIL, name: str = "told") -> Path:
    path = folder / f"{name}{SUFFIX}"
    path.write_text(f"{head}{expect}{tail}", encoding="utf-8", newline="")
    return path


def text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def passes(path: Path) -> bool:
    return all(outcome.passed for outcome in run(load(path)))


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("expect", [
    "expect: {others: {}}   # to be seen\n",
    "expect:\n    # nothing yet\n    reference:\n        rows: {job-a.run-1: succeeded}   # or so\n",
    "expect:\n  reference:\n    observe:\n      - {at: 1m, run: job-a.run-1, row: running}\n",
], ids=["flow", "block", "observe"])
def test_only_the_expectations_are_written(tmp_path: Path, expect: str, ending: str) -> None:
    """All before and after them is as it was; they speak of every revision, the file passes, and that is that."""
    head, tail = (part.replace("\n", ending) for part in (HEAD, TAIL))
    path = written(tmp_path, expect.replace("\n", ending), head, tail)
    (one,) = record([path])
    now = text(path)
    assert one.changed
    assert (now, now[: len(head)], now[-len(tail) :]) == (one.text, head, tail)
    assert "\n" not in now.replace(ending, "")
    assert now.count("observe") == expect.count("observe")
    assert set(load(path).expect) == set(REVISIONS)
    assert passes(path)
    (again,) = record([path])
    assert (again.changed, again.told, text(path)) == (False, (), now)


def test_a_file_may_end_with_its_expectations(tmp_path: Path) -> None:
    """Also one without an end of its last line."""
    path = written(tmp_path, "expect: {others: {}}", tail="")
    record([path])
    assert text(path).startswith(f"{HEAD}expect:\n  ")
    assert passes(path)


def test_what_was_seen_is_what_is_said(tmp_path: Path) -> None:
    """Each revision is said to break what it broke, and to keep what is always asked and what others break."""
    path = written(tmp_path, "expect: {others: {}}\n")
    record([path])
    scenario = load(path)
    outcomes = {outcome.revision: outcome for outcome in run(scenario)}
    broken = frozenset().union(*(outcome.violated for outcome in outcomes.values()))
    assert {"slot-runs-once", "vanished-run-is-closed"} <= broken
    for name, outcome in outcomes.items():
        said = scenario.expectation(name)
        assert set(said.violates) == outcome.violated
        assert set(said.holds) == (broken | set(ALWAYS_ASKED)) - outcome.violated
        ids = [judged.id for judged in PROPERTIES]
        assert sorted(said.violates, key=ids.index) == list(said.violates)
        assert sorted(said.holds, key=ids.index) == list(said.holds)
    assert scenario.expectation("openclaw-2026.4.15").rows == {"job-a.run-1": "lost", "job-a.run-2": "succeeded"}
    assert scenario.expectation("reference").rows == {"job-a.run-1": "interrupted"}


def test_what_a_file_asks_goes_on_being_asked(tmp_path: Path) -> None:
    """A property that the file says of one revision that it holds is asked of all."""
    path = written(tmp_path, "expect:\n  reference: {holds: [job-not-blocked]}\n")
    record([path])
    assert all("job-not-blocked" in one.holds for one in load(path).expect.values())


def test_runs_without_a_row_are_told(tmp_path: Path) -> None:
    """A run that came into being and has no row is said to have none."""
    head = HEAD.replace("{at:   1m 30s", "{at: 1m, do: fail_write, run: job-a.run-1, write: row}\n  - {at:   1m 30s")
    path = written(tmp_path, "expect: {others: {}}\n", head)
    record([path])
    assert {one.rows.get("job-a.run-1") for one in load(path).expect.values()} >= {"absent", "interrupted"}


def test_neighbours_are_told_together() -> None:
    """Releases that stand side by side in the registry are a range if the same is said of them; proposals never are."""
    assert in_ranges(dict.fromkeys(REVISIONS, 1)) == {
        f"{SHIPPED[0]} to {SHIPPED[-1]}": 1, **{name: 1 for name in REVISIONS if name not in SHIPPED}
    }
    first, second, third, last = SHIPPED[0], SHIPPED[1], SHIPPED[2], SHIPPED[-1]
    assert in_ranges({OWN: 1, third: 2, second: 1, first: 1}) == {f"{first} to {second}": 1, third: 2, OWN: 1}
    assert list(in_ranges({OWN: 1, third: 2, second: 1, first: 1})) == [f"{first} to {second}", third, OWN]
    assert in_ranges({first: 1, last: 1}) == {first: 1, last: 1}


def test_all_alike_are_others(tmp_path: Path) -> None:
    """Where every revision makes the same of it, one entry speaks for all."""
    head = HEAD.replace("  - {at: 90s, do: crash}  # and dies\n  - {at: 100s, do: start}\n", "")
    path = written(tmp_path, "expect: {reference: {}}\n", head)
    record([path])
    assert list(yaml.safe_load(text(path))["expect"]) == ["others"]
    assert passes(path)


def test_what_is_not_as_it_was_said_is_told(tmp_path: Path) -> None:
    """Whoever records is told what changes: verdicts and rows that were said otherwise, and revisions that are new."""
    said = "{violates: [no-invented-success], holds: [slot-runs-once], rows: {job-a.run-1: running}}"
    expect = f"expect:\n  openclaw-2026.4.15: {said}\n  reference: {{violates: [row-agrees-with-truth]}}\n"
    (one,) = record([written(tmp_path, expect)])
    told = dict(line.split(": ", 1) for line in one.told)
    assert "reference" not in told
    assert told.pop("openclaw-2026.4.15") == (
        "executed-run-never-lost is violated, was not spoken of; row-agrees-with-truth is violated, was not spoken of; "
        "slot-runs-once is violated, was said to hold; no-invented-success holds, was said to be violated; "
        "the row of job-a.run-1 ends lost, was said to end running"
    )
    rows = "job-a.run-1 running, job-a.run-2 succeeded"
    assert told["fix-skip"] == f"new; violates slot-runs-once, vanished-run-is-closed; {rows}"
    assert all(words.startswith("new; ") for words in told.values())


def test_some_revisions_can_be_recorded_alone(tmp_path: Path) -> None:
    """The file goes on saying of the others what it said, be it wrong."""
    others = "others: {rows: {job-a.run-1: failed}}"
    path = written(tmp_path, f"expect:\n  {others}\n  {SHIPPED[0]}: {{holds: [slot-runs-once]}}\n")
    record([path], ["reference"])
    said = yaml.safe_load(text(path))["expect"]
    assert list(said) == [SHIPPED[0], "reference", "others"]
    assert said["others"] == {"rows": {"job-a.run-1": "failed"}}
    assert said[SHIPPED[0]] == {"holds": ["slot-runs-once"]}
    assert said["reference"]["violates"] == ["row-agrees-with-truth"]


@pytest.mark.parametrize("others", ["", "  others: {}\n"], ids=["alone", "with others"])
def test_a_rule_of_ones_own_keeps_what_is_said_of_it(tmp_path: Path, others: str) -> None:
    """What the file says of its own rule is a demand, and not recorded; other revisions are if it speaks of them."""
    head = HEAD.replace("timeline:", 'rule: {subject: "openclaw@2026.4.15", base: openclaw-2026.4.15}\ntimeline:')
    path = written(tmp_path, f"expect:\n{others}  rule: {{rows: {{job-a.run-1: failed}}}}\n", head)
    record([path])
    assert yaml.safe_load(text(path))["expect"][OWN] == {"rows": {"job-a.run-1": "failed"}}
    assert set(load(path).expect) == {OWN, *(REVISIONS if others else ())}
    assert {outcome.revision for outcome in run(load(path)) if not outcome.passed} == {OWN}


@pytest.mark.parametrize(
    ("head", "expect", "line", "says"),
    [
        (HEAD.replace(", optional: true", ""), "expect: {others: {}}\n", 10, "end at 120000 ms, in openclaw-2026.4.2: "),
        (HEAD, 'expect: {others: {"at": 1}}\n', 12, "'at' was unexpected"),
        ("{", "scenario: a, title: a, about: a, timeline: [{at: 1, do: wait}], expect: {others: {}}}", 1, "within braces"),
    ],
    ids=["impossible", "bad", "braces"],
)
def test_nothing_is_written_if_one_cannot_be(tmp_path: Path, head: str, expect: str, line: int, says: str) -> None:
    """What cannot be recorded is told in one line, and no file is touched."""
    good = written(tmp_path, "expect: {others: {}}\n", name="a")
    bad = written(tmp_path, expect, head, "" if head == "{" else TAIL, name="b")
    before = text(good), text(bad)
    with pytest.raises(BadInput) as caught:
        record([good, bad])
    message = str(caught.value)
    assert message.startswith(f"{bad}:{line}: ")
    assert says in message
    assert "\n" not in message
    assert (text(good), text(bad)) == before


def lostproof(*arguments: str, code: int) -> tuple[str, str]:
    result = CliRunner().invoke(cli, ["run", *arguments], prog_name="lostproof")
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_the_command_records_and_then_replays(tmp_path: Path) -> None:
    """It says for each file whether it changed, and goes on as ever; what does not fit what was seen still fails."""
    path = written(tmp_path, "expect:\n  openclaw-2026.4.15: {observe: [{at: 3m, run: job-a.run-1, row: lost}]}\n")
    out, told = lostproof(str(path), "--record", code=1)
    assert told.splitlines()[0].endswith(f"told{SUFFIX}: recorded")
    assert [line for line in told.splitlines()[1:] if not line.startswith("  ")] == []
    assert "should become lost at 180000 ms" in out
    assert f"1 scenario, {len(REVISIONS)} replays, 1 not as expected" in out
    path.write_text(text(path).replace("at: 3m", "at: 6m, within: 1m"), encoding="utf-8")
    assert lostproof(str(path), "--record", code=0)[1].splitlines() == [f"{path}: nothing to record"]
    wrong = text(path).replace("    holds: [completed-run-never-lost, ", "    holds: [", 1)
    path.write_text(wrong, encoding="utf-8")
    assert lostproof(str(path), "--record", code=0)[1] == f"{path}: recorded; what it said has not changed\n"


def test_the_command_wants_files_to_write() -> None:
    """The built-in scenarios are not written unless they are named."""
    assert lostproof("--record", code=2)[1] == "lostproof: --record writes files; name them, or their folders\n"


def test_built_in_scenarios_are_as_they_would_be_recorded(tmp_path: Path) -> None:
    """Nobody has to wonder how a built-in file came to say what it says."""
    for path in sorted((data_root() / "scenarios" / "storage").glob(f"*{SUFFIX}")):
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        assert [one.told for one in record([copy])] == [()]
