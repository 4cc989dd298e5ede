"""The difference of two revisions: exactly what differs, nothing between a revision and itself, and no worse than it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from lostproof import history, pinned
from lostproof.bounds import Slice
from lostproof.comparison import BETTER, OTHER, WORSE, Comparison, change_of, compare, deciding_rows, facts, with_way
from lostproof.cubes import word
from lostproof.engine.explorer import close
from lostproof.engine.graph import build
from lostproof.engine.situations import PARTS, Seen, Situation, situations, way_to
from lostproof.engine.stepper import apply
from lostproof.engine.verdicts import MAX_STATES, Result, check_all
from lostproof.errors import BadInput
from lostproof.evidence import DECISIONS, DOMAIN, KEEP, Evidence, TabulatedRule
from lostproof.model import Model
from lostproof.pinned import Pins, word_for
from lostproof.report.diff_markdown import edges_mermaid
from lostproof.revisions import REVISIONS, Revision
from lostproof.scenarios import SUFFIX
from tests.support import BOUNDS, TYPICAL, model, plain_search
from tests.test_cli import json_of, lostproof

EXAMPLES = Path(__file__).parent / "examples"
OLD, NEW = "openclaw-2026.4.15", "openclaw-2026.5.28"


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds this small are explored sooner than another process starts; tests/test_verdicts.py has those."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


@cache
def explored() -> dict[str, Result]:
    return {result.revision.name: result for result in check_all(list(REVISIONS), "smoke", survey=situations)}


def between(one: str, other: str) -> Comparison:
    return Comparison(explored()[one], explored()[other])


# -- decisions and data


def test_one_decision_more_is_exactly_one_row() -> None:
    """Whichever decision is changed, the difference is that one row, with everything about it told."""
    rng, base = Random(4), REVISIONS[OLD]
    evidences = list(Evidence.domain())
    for _ in range(8):
        at = rng.randrange(len(evidences))
        changed = list(base.decisions)
        changed[at] = rng.choice([one for one in DECISIONS if one != changed[at]])
        other = replace(base, rule=TabulatedRule(changed))
        [row] = deciding_rows(base, other)
        told = {part: [word(value)] for part, value in evidences[at].describe().items() if part in DOMAIN}
        assert row == {"was": str(base.decisions[at]), "is": str(changed[at]), **told}
        assert facts(base, other) == []


@pytest.mark.parametrize("other", REVISIONS)
def test_rows_say_where_the_rules_differ_and_how(other: str) -> None:
    one, two = REVISIONS[OLD], REVISIONS[other]
    rows = deciding_rows(one, two)
    for evidence, was, now in list(zip(Evidence.domain(), one.decisions, two.decisions, strict=True))[::7]:
        words = {part: word(value) for part, value in evidence.describe().items()}
        meant = [row for row in rows if all(row[p] == "*" or words[p] in row[p] for p in DOMAIN)]
        assert [(row["was"], row["is"]) for row in meant] == ([(str(was), str(now))] if was != now else [])


def test_facts_name_what_differs_in_the_data() -> None:
    base = REVISIONS[OLD]
    other = base.but(
        "other", "other", guards={**base.guards, "late_finish_wins": False}, sequential=False,
        constants=replace(base.constants, grace_ms=1), ready=(), accepts={"slot-runs-once": "why"},
        timer=(base.timer[0], replace(base.timer[1], in_turn=False), *base.timer[2:]), catch_up=None,
    )
    found = {(one["of"], one["name"]): (one["was"], one["is"]) for one in facts(base, other)}
    assert found.pop(("write order", "catch_up"))[1] == "none"
    assert found == {
        ("guards", "late_finish_wins"): ("yes", "no"),
        ("flags", "sequential"): ("yes", "no"),
        ("constants", "grace_ms"): ("300000", "1"),
        ("accepts", "slot-runs-once"): ("none", "why"),
        ("start-up", "ready"): ("drop_overdue_slots", "none"),
        ("write order", "timer"): ("begin(mark_active open_row) +in_turn", "begin(mark_active open_row)"),
    }


# -- verdicts


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("holds", "violated in 3 steps", WORSE), ("accepted in 5 steps", "violated in 5 steps", WORSE),
        ("violated in 3 steps", "holds", BETTER), ("violated in 1 step", "accepted in 1 step", BETTER),
        ("violated in 3 steps", "violated in 4 steps", OTHER), ("holds", "accepted in 5 steps", OTHER),
        ("inconclusive", "violated in 3 steps", OTHER), ("holds", "inconclusive", OTHER), ("nothing", "holds", OTHER),
    ],
)
def test_how_a_verdict_changed(was: str, now: str, kind: str) -> None:
    assert change_of(was, now) == kind


@pytest.mark.parametrize(("one", "other"), list(permutations(TYPICAL, 2)))
def test_verdicts_gained_and_lost_are_those_of_the_pinned_matrix(one: str, other: str) -> None:
    pins = pinned.pins("smoke")
    assert pins is not None
    expected = {judged: (was, pins[other][judged]) for judged, was in pins[one].items() if was != pins[other][judged]}
    found = between(one, other)
    assert {c.now.property.id: (word_for(c.was), word_for(c.now)) for c in found.changes} == expected
    worse = {j for j, (was, now) in expected.items() if not was.startswith("violated") and now.startswith("violated")}
    assert {c.now.property.id for c in found.worse} == worse
    order = [(WORSE, BETTER, OTHER).index(change.kind) for change in found.changes]
    assert order == sorted(order)


@pytest.mark.parametrize("name", REVISIONS)
def test_nothing_differs_between_a_revision_and_itself(name: str) -> None:
    found = between(name, name)
    assert found.changes == found.worse == ()
    assert found.rows == found.facts == []
    assert all(reach.added == reach.removed == () for reach in found.exercised.values())
    assert found.situations == ((), ())


# -- what can be reached


@pytest.mark.parametrize("world", ["crash", "restart", "offline", "jobs"])
@pytest.mark.parametrize("name", [OLD, "openclaw-2026.9.6", "reference"])
def test_situations_are_those_that_a_plain_search_sees(name: str, world: str) -> None:
    """One state at a time, in words: the same situations, in as many states, and as soon."""
    m = model(name, BOUNDS[world])
    counts: Counter[Situation] = Counter()
    soonest: dict[Situation, int] = {}
    for depth, layer in enumerate(plain_search(name, BOUNDS[world]).layers):
        for state in layer:
            w = m.view(state)
            for k in m.runs:
                values = {"gateway": w.gateway, **{part: getattr(w, part)[k] for part in PARTS if part != "gateway"}}
                seen = Situation(**{part: PARTS[part][value] for part, value in values.items()})
                counts[seen] += 1
                soonest.setdefault(seen, depth)
    found = situations(build(close(m)))
    assert found == {one: Seen(count, soonest[one]) for one, count in counts.items()}


@pytest.mark.parametrize("name", [OLD, "reference"])
def test_the_way_to_a_situation_leads_there_and_is_shortest(name: str) -> None:
    m = model(name, BOUNDS["crash"])
    for wanted, seen in situations(build(close(m))).items():
        way, state = way_to(m, wanted), m.initial()
        for number in way:
            state = apply(m, state, number)
        w = m.view(state)
        assert len(way) == seen.depth
        assert any(
            (PARTS["step"][w.step[k]], PARTS["row"][w.row[k]], PARTS["gateway"][w.gateway], PARTS["end"][w.end[k]])
            == (wanted.step, wanted.row, wanted.gateway, wanted.end)
            for k in m.runs
        )


def test_situations_of_several_slices_are_counted_together() -> None:
    added, removed = between(OLD, "reference").situations
    slices = {report.slice.name: report.surveyed for report in explored()["reference"].slices}
    assert added and removed
    for example in added:
        seen = {name: found[example.situation] for name, found in slices.items() if example.situation in found}
        assert example.seen == Seen(sum(s.count for s in seen.values()), min(s.depth for s in seen.values()))
        assert seen[example.slice].depth == example.seen.depth
        assert example.situation not in {s for report in explored()[OLD].slices for s in report.surveyed}
    assert [one.seen.depth for one in added] == sorted(one.seen.depth for one in added)
    assert with_way(explored()["reference"], added[0]).way is not None
    assert between("reference", OLD).situations == (removed, added)


def test_the_soonest_slice_is_told() -> None:
    """Of several slices with a situation the one counts that has it soonest, and the first of those."""
    one = Situation("executing", "none", "no", "running", "running")
    result = explored()["reference"]
    for depths, expected in (((5, 3, 3), (3, "b")), ((3, 5, 3), (3, "a"))):
        slices = [
            replace(result.slices[0], slice=Slice(name, result.slices[0].slice.bounds), surveyed={one: Seen(2, depth)})
            for name, depth in zip("abc", depths, strict=True)
        ]
        empty = replace(result, slices=tuple(replace(part, surveyed={}) for part in slices))
        [[example], []] = Comparison(empty, replace(result, slices=tuple(slices))).situations
        assert ((example.seen.depth, example.slice), example.seen.count) == (expected, 6)


def test_what_only_one_side_exercises() -> None:
    found = between("reference", "fix-skip").exercised
    assert "run: absent -open→ executing" in found["edges"].removed
    assert "run: absent -reserve→ reserved" in found["edges"].added
    assert {"record", "append_log"} <= set(found["actions"].added)
    assert not any("store=" in name for reach in found.values() for name in (*reach.added, *reach.removed))


def test_a_rule_that_keeps_everything_loses_no_row_and_leaves_zombies() -> None:
    """What the rule no longer does is gone from what can be reached, and nothing else is claimed to be."""
    base = REVISIONS[OLD]
    never = base.but("never", "never", rule=lambda evidence: KEEP)
    found = compare(base, never, "runs=1,outcomes=1,crashes=1,long_waits=0", MAX_STATES)
    added, removed = found.situations
    assert {one.situation.row for one in removed} == {"lost"}
    assert added == ()
    assert [one.now.property.id for one in found.worse] == ["vanished-run-is-closed"]
    back = compare(never, base, "runs=1,outcomes=1,crashes=1,long_waits=0", MAX_STATES)
    assert {one.now.property.id for one in back.worse} >= {"executed-run-never-lost", "live-run-never-lost"}


# -- the command


TINY = "runs=1,outcomes=1,crashes=1,long_waits=0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "diff compares two revisions, 0 given; name A and B, or --pinned COMMIT"),
        (["reference"], "diff compares two revisions, 1 given"),
        (["reference", "nobody"], "unknown revision 'nobody'; there are: openclaw-2026.4.2"),
        (["reference", "reference", "--base", "nobody"], "unknown revision 'nobody'"),
        (["reference", "reference", "--bounds", "huge"], "unknown bounds 'huge'"),
        (["--pinned", "HEAD", "reference", "fix-skip"], "--pinned compares commits; it takes no revisions"),
        (["reference", "no/such.py:rule"], "no/such.py"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    result = lostproof("diff", *arguments, code=2)
    assert result.stderr.startswith("lostproof: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_exit_code_says_whether_something_got_worse() -> None:
    assert "no verdict got worse" in lostproof("diff", OLD, OLD, "--bounds", TINY).stdout
    worse = lostproof("diff", "reference", OLD, "--bounds", TINY, code=1).stdout
    assert "verdicts got worse:" in worse
    better = lostproof("diff", OLD, "reference", "--bounds", TINY).stdout
    assert "no verdict got worse" in better
    open_ = lostproof("diff", "reference", "fix-skip", "--bounds", TINY, "--max-states", "3", code=3).stdout
    assert "whether a verdict got worse is open" in open_
    assert "situations are not compared: not every slice was closed" in open_


def test_the_json_has_everything(tmp_path: Path) -> None:
    data = json_of("diff", "diff", "reference", OLD, "--bounds", TINY, "--save", str(tmp_path), code=1)
    assert (data["was"], data["is"], data["inconclusive"]) == ("reference", OLD, False)
    worse = [one for one in data["verdicts"] if one["change"] == "worse"]
    assert [one["property"] for one in worse] == data["worse"]
    assert all(one["race"] for one in worse)
    assert all(one["race"] is None for one in data["verdicts"] if one["change"] != "worse")
    rows = deciding_rows(REVISIONS["reference"], REVISIONS[OLD])
    assert data["decisions"] == json.loads(json.dumps(rows))
    [size] = data["slices"]
    spaces = [close(Model(REVISIONS[name], BOUNDS_OF_TINY)) for name in ("reference", OLD)]
    assert [size[side]["states"] for side in ("was", "is")] == [space.count for space in spaces]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"openclaw-2026-4-15-{name}{SUFFIX}" for name in data["worse"]
    )
    lostproof("run", str(tmp_path))
    situation = data["situations"]["added"][0]
    assert len(situation["way"]) == situation["steps"]
    same = json_of("diff", "diff", OLD, OLD, "--bounds", TINY)
    assert [same[part] for part in ("verdicts", "worse", "decisions", "facts")] == [[]] * 4
    assert same["situations"] == {"added": [], "removed": []}


BOUNDS_OF_TINY = replace(BOUNDS["crash"], outcomes=1, long_waits=0)


def test_the_text_shows_the_race_that_newly_exists() -> None:
    arguments = ("diff", "fix-skip", OLD, "--bounds", TINY)
    first = lostproof(*arguments, code=1).stdout
    every = lostproof(*arguments, "--races", "all", code=1).stdout
    none = lostproof(*arguments, "--races", "none", code=1).stdout
    worse = json_of("diff", *arguments, code=1)["worse"]
    assert len(worse) > 1
    assert [text.count("✗ why") for text in (none, first, every)] == [0, 1, len(worse)]
    assert "keep → lost" in first


def test_rules_are_compared_with_the_release_on_the_other_side(tmp_path: Path) -> None:
    rule = f"{EXAMPLES / 'rules.py'}:patient"
    data = json_of("diff", "diff", OLD, rule, "--bounds", TINY)
    assert data["is"] == f"patient@{OLD}"
    assert [(row["was"], row["is"]) for row in data["decisions"]] == [("lost", "keep")]
    assert json_of("diff", "diff", rule, NEW, "--bounds", TINY, "--base", OLD, code=1)["was"] == f"patient@{OLD}"
    (tmp_path / "mine.py").write_text((EXAMPLES / "rules.py").read_text().replace("evidence.active or", ""))
    changed = json_of("diff", "diff", rule, f"{tmp_path / 'mine.py'}:patient", "--bounds", TINY, "--base", OLD)
    [row] = changed["decisions"]
    assert (row["was"], row["is"], row["active"], row["marker"]) == ("keep", "lost", ["yes"], ["none"])


def test_the_markdown_is_for_a_pull_request() -> None:
    text = lostproof("diff", "reference", "fix-skip", "--bounds", TINY, "--format", "markdown", code=1).stdout
    assert text.startswith("## ✗ ")
    assert "| ✗ | `vanished-run-is-closed` | holds | violated in 3 steps |" in text
    assert text.count("```") % 2 == 0
    assert "<details open><summary>✗ <code>vanished-run-is-closed</code> in <code>fix-skip</code>: violated in 3" in text
    assert text.count("```mermaid\nsequenceDiagram\n") == text.count("<details open>") == text.count("</details>") >= 1
    assert "```mermaid\nflowchart LR" in text
    assert "run_absent[absent] ==>|reserve| run_reserved[reserved]" in text
    assert "run_absent[absent] -.->|open| run_executing[executing]" in text
    same = lostproof("diff", OLD, OLD, "--bounds", TINY, "--format", "markdown").stdout
    assert same == f"## ✓ no verdict got worse\n\n`{OLD}` → `{OLD}`, bounds `{TINY}`\n"


def test_every_edge_of_the_markdown_is_one_that_changed() -> None:
    edges = between("reference", NEW).exercised["edges"]
    drawn = edges_mermaid(edges)
    assert (drawn.count("==>"), drawn.count("-.->")) == (len(edges.added), len(edges.removed))
    assert drawn.count("subgraph") == drawn.count("  end")


def test_the_same_bytes_on_any_hash_seed() -> None:
    told = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "lostproof.cli", "diff", "reference", OLD, "--bounds", TINY, "--format", "json"],
            capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.returncode == 1
        told.add(done.stdout)
    assert len(told) == 1


# -- pinned verdicts


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository that has verdicts pinned, in a folder below its top, and is taken for the checkout."""
    root = tmp_path / "below"
    (root / "spec").mkdir(parents=True)
    for module in (history, pinned):
        monkeypatch.setattr(module, "data_root", lambda: root)
        monkeypatch.setattr(module, "in_checkout", lambda: True)
    git(root, "init", "-q", str(tmp_path))
    return root


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def commit(root: Path, text: str) -> None:
    (root / "spec" / "verdicts.json").write_text(text, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "verdicts", "--allow-empty")


def pins_of_today() -> dict[str, Pins]:
    """Return real pins of a small world, which can be explored again."""
    row = {v.property.id: word_for(v) for v in check_all([OLD], TINY)[0].verdicts}
    return {TINY: {OLD: row, "gone-1": {"no-invented-success": "holds"}}}


def test_pinned_verdicts_of_another_commit(repository: Path, tmp_path: Path) -> None:
    now = pins_of_today()
    was: dict[str, dict[str, dict[str, str]]] = json.loads(json.dumps(now))
    was[TINY][OLD].update({"executed-run-never-lost": "holds", "job-not-blocked": "violated in 4 steps",
                           "live-run-never-lost": "violated in 50 steps"})
    was[TINY]["gone-2"] = was[TINY].pop("gone-1")
    commit(repository, json.dumps(was))
    git(repository, "tag", "before")
    commit(repository, json.dumps(now))
    folder = tmp_path / "races"
    data = json_of("diff", "diff", "--pinned", "before", "--save", str(folder), code=1)
    assert data["worse"] == [f"{OLD} × executed-run-never-lost"]
    kinds = {(one["revision"], one["property"]): one["change"] for one in data["verdicts"]}
    assert kinds == {
        (OLD, "executed-run-never-lost"): WORSE, (OLD, "job-not-blocked"): BETTER, (OLD, "live-run-never-lost"): OTHER,
        ("gone-1", "no-invented-success"): OTHER, ("gone-2", "no-invented-success"): OTHER,
    }
    [worse] = [one for one in data["verdicts"] if one["change"] == WORSE]
    assert any(broken["property"] == "executed-run-never-lost" for broken in worse["race"][-1]["violates"])
    [saved] = folder.iterdir()
    lostproof("run", str(saved))
    text = lostproof("diff", "--pinned", "before", code=1).stdout
    assert "pinned verdicts of before → now: 5 pinned verdicts changed" in text
    assert "✗ why  the row of job-a.run-1 became lost although its work had ended" in text
    assert "✗ why" not in lostproof("diff", "--pinned", "before", "--races", "none", code=1).stdout
    told = lostproof("diff", "--pinned", "before", "--format", "markdown", code=1).stdout
    assert f"| ✗ | {TINY} | `{OLD}` | `executed-run-never-lost` | holds |" in told
    assert "no pinned verdict got worse" in lostproof("diff", "--pinned", "HEAD").stdout
    assert json_of("diff", "diff", "--pinned", "HEAD")["verdicts"] == []
    assert "Nothing differs." in lostproof("diff", "--pinned", "HEAD", "--format", "markdown").stdout


def test_what_is_in_the_folder_counts_not_what_is_committed(repository: Path) -> None:
    commit(repository, '{"ci": {"some": {"x": "violated in 2 steps"}}}')
    (repository / "spec" / "verdicts.json").write_text('{"ci": {"some": {"x": "holds"}}}')
    [change] = history.changes_since("HEAD")
    assert (change.was, change.now, change.kind) == ("violated in 2 steps", "holds", BETTER)


@pytest.mark.parametrize("ref", ["nobody", "--help", "-p", "HEAD:spec", "a b", "", "HEAD^{tree}", "\0"])
def test_a_commit_that_is_not_there_is_bad_input(ref: str, repository: Path) -> None:
    commit(repository, "{}")
    with pytest.raises(BadInput, match=r"--pinned.*(git knows no such commit|no name of a commit)"):
        history.changes_since(ref)


def test_other_files_and_places_are_bad_input(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "commit", "-q", "-m", "nothing", "--allow-empty")
    git(repository, "tag", "empty")
    commit(repository, '{"ci": ["holds"]}')
    git(repository, "tag", "shape")
    commit(repository, "{")
    for ref, message in (
        ("empty", "there is no spec/verdicts.json in that commit"), ("shape", "shape:spec/verdicts.json: expected {bounds"),
        ("HEAD", "HEAD:spec/verdicts.json:1: not valid JSON"),
    ):
        with pytest.raises(BadInput, match=message):
            history.pins_at(ref)
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    monkeypatch.setattr(history, "data_root", lambda: outside)
    with pytest.raises(BadInput, match="is no git checkout"):
        history.pins_at("HEAD")
    monkeypatch.setattr(history, "in_checkout", lambda: False)
    with pytest.raises(BadInput, match="this is an installed package"):
        history.pins_at("HEAD")
    monkeypatch.setattr(history, "in_checkout", lambda: True)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="needs git, which is not there"):
        history.pins_at("HEAD")


def test_a_revision_that_is_not_known_any_more_has_no_race(repository: Path) -> None:
    commit(repository, '{"ci": {"openclaw-2020": {"slot-runs-once": "holds"}}}')
    now = '{"ci": {"openclaw-2020": {"slot-runs-once": "violated in 2 steps"}}}'
    (repository / "spec" / "verdicts.json").write_text(now)
    data = json_of("diff", "diff", "--pinned", "HEAD", code=1)
    assert [one["race"] for one in data["verdicts"]] == [None]


def test_a_revision_by_another_name_is_one_subject() -> None:
    """Both sides the same: it is explored once, and is the same on both sides."""
    one: Revision = REVISIONS["reference"]
    found = compare(one, one, TINY, MAX_STATES)
    assert found.was is found.now
