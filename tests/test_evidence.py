"""Evidence and rules: the domain, the tables, what is refused, and what the shipped packages really answered."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import count, product
from typing import Any

import numpy as np
import pytest

from lostproof.bounds import Bounds
from lostproof.errors import BadInput
from lostproof.evidence import (
    CACHED_PARTS,
    CANCELLED,
    DOMAIN,
    ENDS,
    KEEP,
    LIVE_PARTS,
    LOST,
    WHOLE,
    Decision,
    Evidence,
    RuleTable,
    TabulatedRule,
    ask_all,
    recover,
    tabulate,
)
from lostproof.model import Model
from lostproof.revisions import REVISIONS, revision
from lostproof.tables import chart

EVERYTHING = (*ENDS, "interrupted", "interrupted_earlier")

RULES: dict[str, Callable[[Evidence], Decision]] = {
    **{name: known.rule for name, known in REVISIONS.items()},
    "marker only": lambda e: KEEP if e.marker == "exact" else LOST,
    "log against job": lambda e: recover("failed") if e.log != e.job else KEEP,
    "all at once": lambda e: LOST if (e.active, e.owner, e.log, e.marker) == (True, "live", "ok", "later") else KEEP,
}
RESULTS = (("none", "ok"), ("none", "ok", "failed", "interrupted"), EVERYTHING)


# -- the domain


def test_the_domain_is_every_combination_once() -> None:
    """The domain has every combination of the parts' values exactly once, in table order."""
    everything = list(Evidence.domain())
    assert len(everything) == len(set(everything)) == 2 * 2 * 2 * 2 * 3 * 6 * 6 * 4
    told = [tuple(getattr(one, part) for part in DOMAIN) for one in everything]
    assert told == list(product(*DOMAIN.values()))
    assert (*LIVE_PARTS, *CACHED_PARTS) == tuple(DOMAIN)


def test_the_whole_domain_begins_with_what_a_modelled_world_produces() -> None:
    """A real ledger has further parts and further values; the model's come first, so that their places agree."""
    assert tuple(WHOLE) == tuple(Evidence().describe())
    for part, values in WHOLE.items():
        modelled = DOMAIN.get(part, (getattr(Evidence(), part),))
        assert values[: len(modelled)] == modelled


def test_the_usual_evidence_is_of_the_domain() -> None:
    """The evidence that nothing is known about an old row, which rules are usually tried with, is in the domain."""
    assert Evidence() in set(Evidence.domain())


# -- tables


def decided(rule: Callable[[Evidence], Decision], live: tuple[Any, ...], cached: tuple[Any, ...]) -> Decision:
    """Return what a rule says about a value of the live and a value of the cached parts."""
    return rule(Evidence(**dict(zip((*LIVE_PARTS, *CACHED_PARTS), (*live, *cached), strict=True))))


def values(parts: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Return every combination of the values of some parts."""
    return list(product(*(DOMAIN[part] for part in parts)))


@pytest.mark.parametrize("name", RULES)
def test_tabulating_asks_about_everything_in_order(name: str) -> None:
    """The table of a rule holds its answer to every value of the domain, in the domain's order."""
    rule = RULES[name]
    assert tabulate(rule, name) == tuple(rule(evidence) for evidence in Evidence.domain())


@pytest.mark.parametrize("results", RESULTS)
@pytest.mark.parametrize("name", RULES)
def test_a_class_is_what_the_rule_never_tells_apart(name: str, results: tuple[str, ...]) -> None:
    """Two cached values that can occur are in one class if and only if no value of the live parts tells them apart."""
    rule = RULES[name]
    table = RuleTable(tabulate(rule, name), results)
    answers: dict[tuple[Decision, ...], set[int]] = {}
    for cached in values(CACHED_PARTS):
        if cached[0] in results:
            index = tuple(DOMAIN[part].index(value) for part, value in zip(CACHED_PARTS, cached, strict=True))
            column = tuple(decided(rule, live, cached) for live in values(LIVE_PARTS) if live[-1] in results)
            answers.setdefault(column, set()).add(table.class_of[index])
    assert all(len(classes) == 1 for classes in answers.values())
    assert sorted(min(classes) for classes in answers.values()) == list(range(table.classes))


@pytest.mark.parametrize("name", RULES)
def test_answers_are_what_the_decisions_write(name: str) -> None:
    """The table's answer is the code of the status that the decision writes, 0 for keep, for one or for many."""
    rule, task = RULES[name], chart("task")
    table = RuleTable(tabulate(rule, name), EVERYTHING)
    for evidence in Evidence.domain():
        at = {part: values.index(getattr(evidence, part)) for part, values in DOMAIN.items()}
        seen = table.class_of[tuple(at[part] for part in CACHED_PARTS)]
        index = (*(at[part] for part in LIVE_PARTS), seen)
        decision = rule(evidence)
        written = {"keep": 0, "lost": task.code("lost")}.get(decision.kind)
        expected = task.code(str(decision.status)) if written is None else written
        assert table.answers[index] == expected
        assert table.answers[tuple(np.array([part]) for part in index)].tolist() == [expected]


@pytest.mark.parametrize(
    ("name", "active", "lost", "offline"),
    [
        ("openclaw-2026.4.2", False, False, ()),
        ("openclaw-2026.4.15", True, False, ((0, 1),)),
        ("openclaw-2026.5.28", True, False, ((0, 0), (0, 1))),
        ("openclaw-2026.9.6", True, False, ()),
        ("fix-skip", False, False, ()),
        ("fix-durable", False, False, ((0, 0), (0, 1))),
        ("reference", False, False, ()),
    ],
)
def test_what_a_world_needs_to_know_about_a_rule(
    name: str, active: bool, lost: bool, offline: tuple[tuple[int, int], ...]
) -> None:
    """The table says whether the active set matters, lost rows are repaired, and which rows an offline pass writes."""
    table = RuleTable(revision(name).decisions, EVERYTHING)
    assert (table.consults_active_set, table.repairs_lost) == (active, lost)
    assert table.offline_rows == offline
    assert not table.tells_early_markers


def test_a_rule_can_tell_early_markers() -> None:
    """A rule that trusts a marker of the row's very millisecond only makes the difference matter, in every revision."""
    strict = revision("openclaw-2026.4.15").but(
        "strict", "keep for an exact marker", rule=lambda evidence: KEEP if evidence.marker == "exact" else LOST
    )
    assert strict.rule_table(Bounds()).tells_early_markers
    assert Model(strict, Bounds()).layout.cell("early", 0).bits == 1


def test_a_smaller_world_has_fewer_classes() -> None:
    """What a world cannot produce needs no class: with fewer outcomes a sweep has less to remember."""
    sizes = [revision("openclaw-2026.5.28").rule_table(Bounds(outcomes=outcomes)).classes for outcomes in (1, 2, 3)]
    assert sizes == [3, 4, 5]


# -- what is refused


@pytest.mark.parametrize(
    "answer",
    [
        None, "lost", True, 1, recover("lost"), recover("running"), recover(""), Decision("recover"), Decision("kept"),
        Decision("keep", "failed"), Decision("lost", "lost"), Decision, [LOST], np.array([1, 2]), np.array(["a\nb"]),
    ],
    ids=repr,
)
def test_nonsense_is_refused(answer: Any) -> None:
    """An answer that is no decision is refused in one line that names the rule, the evidence and what is allowed."""
    odd = Evidence(log="failed", marker="later")
    with pytest.raises(BadInput) as caught:
        tabulate(lambda evidence: answer if evidence == odd else KEEP, "mine")
    message = str(caught.value)
    assert "rule mine" in message
    assert str(odd) in message
    assert message.endswith(
        "allowed: keep, lost, recover(succeeded), recover(failed), recover(timed_out), recover(interrupted)"
    )
    assert "\n" not in message


def test_only_what_no_modelled_world_has_can_be_cancelled() -> None:
    """A rule may say that a row was cancelled where the ledger on disk can tell; in the model nobody cancels."""
    there = Evidence(ledger="cancelled")
    assert ask_all(lambda evidence: CANCELLED, [there], "mine") == [CANCELLED]
    with pytest.raises(BadInput, match=r"rule mine: answered 7 for .*; allowed: keep, .*, recover\(cancelled\)$"):
        ask_all(lambda evidence: 7, [there], "mine")
    with pytest.raises(BadInput, match=r"rule mine: .*recover.* for .*; allowed: keep, .*, recover\(interrupted\)$"):
        ask_all(lambda evidence: CANCELLED, [Evidence()], "mine")


def test_what_one_is_not_told_is_the_first_value() -> None:
    """Evidence as one is told of it who cannot know all: hidden values give way to the first that one can be told."""
    parts = {**WHOLE, "owner": WHOLE["owner"][:1], "log": ("none", "ok")}
    assert Evidence(owner="live", log="failed", job="failed").told(parts) == Evidence(owner="unknown", job="failed")
    assert all(evidence.told(DOMAIN) == evidence for evidence in Evidence.domain())


@pytest.mark.parametrize(
    ("changes", "modelled"),
    [
        ({}, True), ({"marker": "later", "log": "interrupted_earlier"}, True), ({"status": "queued"}, False),
        ({"log": "skipped"}, False), ({"job": "unreadable"}, False), ({"run_id": "loose"}, False), ({"ledger": "ok"}, False),
    ],
)
def test_what_a_modelled_world_can_produce(changes: dict[str, str], modelled: bool) -> None:
    evidence = Evidence(**changes)
    assert evidence.modelled is modelled
    assert (evidence in set(Evidence.domain())) is modelled


def test_a_tabulated_rule_survives_the_way_to_another_process() -> None:
    """It knows its decisions only: what it was made from need not be sent."""
    rule = TabulatedRule([LOST if evidence.marker == "later" else KEEP for evidence in Evidence.domain()])
    again = pickle.loads(pickle.dumps(rule))
    assert [again(evidence) for evidence in Evidence.domain()] == [rule(evidence) for evidence in Evidence.domain()]
    assert again(Evidence(marker="later")) == LOST
    with pytest.raises(ValueError):
        TabulatedRule([KEEP])


@pytest.mark.parametrize("error", [ValueError("no idea"), KeyError("x"), ValueError("one line\nanother")], ids=repr)
def test_a_rule_that_raises_is_refused(error: Exception) -> None:
    """A rule that raises is refused in one line that names the evidence and the error."""
    odd = Evidence(status="lost", job="ok")

    def rule(evidence: Evidence) -> Decision:
        if evidence == odd:
            raise error
        return KEEP

    with pytest.raises(BadInput) as caught:
        tabulate(rule, "mine")
    message = str(caught.value)
    assert message.startswith(f"rule mine: raised {type(error).__name__}")
    assert str(odd) in message
    assert "\n" not in message
    assert caught.value.__cause__ is error


def test_a_rule_must_answer_the_same_again() -> None:
    """A rule that answers differently when it is asked again is refused, with both answers and the evidence."""
    asked, odd = count(), Evidence(active=True)
    with pytest.raises(BadInput) as caught:
        tabulate(lambda evidence: LOST if evidence == odd and next(asked) % 2 else KEEP, "mine")
    assert str(caught.value) == f"rule mine: answered keep and then lost for the same {odd}"


def test_an_answer_may_not_depend_on_what_was_asked_before() -> None:
    calls = count()
    with pytest.raises(BadInput, match="answered keep and then lost for the same "):
        tabulate(lambda evidence: LOST if next(calls) > 5_000 else KEEP, "mine")


def test_a_revision_asks_its_rule_once() -> None:
    """A revision asks its rule twice about each value, and never again."""
    asked: list[Evidence] = []
    mine = revision("openclaw-2026.4.15").but("mine", "counts", rule=lambda e: asked.append(e) or KEEP)
    tables = [mine.rule_table(Bounds(outcomes=outcomes)) for outcomes in (1, 2, 3, 3)]
    assert asked == [*Evidence.domain(), *reversed(list(Evidence.domain()))]
    assert tables[2] is tables[3]


# -- the shipped rules, as the published packages answered when they were asked

PROBES: dict[str, tuple[Evidence, tuple[str, str, str]]] = {
    "a: no evidence, job not active": (Evidence(), ("running", "lost", "lost")),
    "b: run log ok, this run": (Evidence(log="ok"), ("running", "lost", "succeeded")),
    "c: run log ok, other run": (Evidence(log="none"), ("running", "lost", "lost")),
    "d: no log, job state ok at this start": (Evidence(job="ok"), ("running", "lost", "succeeded")),
    "e: job active in memory": (Evidence(active=True, owner="live"), ("running", "running", "running")),
    "f: as a, not authoritative": (Evidence(authoritative=False), ("running", "lost", "running")),
    "g: already lost, log ok": (Evidence(status="lost", log="ok"), ("lost", "lost", "lost")),
    "h: malformed run id, log ok": (Evidence(run_id="malformed", log="ok"), ("running", "lost", "lost")),
    "i: log says timed out": (Evidence(log="timed_out"), ("running", "lost", "timed_out")),
    "i2: log error, other text": (Evidence(log="failed"), ("running", "lost", "failed")),
    "i3: log skipped": (Evidence(log="skipped"), ("running", "lost", "succeeded")),
    "j: marker set, job not active": (Evidence(marker="exact"), ("running", "lost", "lost")),
    "k: entry 3 ms off the run id": (Evidence(log="none", marker="earlier"), ("running", "lost", "lost")),
    "l: job active and log ok": (Evidence(active=True, owner="live", log="ok"), ("running", "running", "succeeded")),
    "m: a millisecond younger than the grace": (Evidence(expired=False), ("running", "running", "running")),
    "m: exactly as old as the grace": (Evidence(expired=True), ("running", "lost", "lost")),
    "n: one minute old, log ok": (Evidence(expired=False, log="ok"), ("running", "running", "succeeded")),
    "o: not authoritative, log ok": (Evidence(authoritative=False, log="ok"), ("running", "lost", "succeeded")),
    "q: queued, no evidence": (Evidence(status="queued"), ("queued", "lost", "lost")),
    "r: reading the evidence throws": (Evidence(log="unreadable", job="unreadable"), ("running", "lost", "lost")),
    "s: lost for another error, log ok": (Evidence(status="lost_otherwise", log="ok"), ("lost", "lost", "lost")),
    "t: lost, job active again, log ok": (Evidence(status="lost", active=True, log="ok"), ("lost", "lost", "lost")),
    "v: old run's row, other run active": (Evidence(active=True, owner="dead"), ("running", "running", "running")),
}
"""What 2026.4.2, 2026.4.15 and 2026.5.28 made of a row in one sweep."""


@pytest.mark.parametrize("case", PROBES)
@pytest.mark.parametrize(
    ("column", "name"), list(enumerate(("openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28")))
)
def test_shipped_rules_answer_as_the_packages_did(column: int, name: str, case: str) -> None:
    """A shipped release's rule makes of every probed case what the published package made of it."""
    evidence, statuses = PROBES[case]
    decision = revision(name).rule(evidence)
    before = "lost" if evidence.status == "lost_otherwise" else evidence.status
    found = {"keep": before, "lost": "lost"}.get(decision.kind, decision.status)
    assert found == statuses[column]


@pytest.mark.parametrize("name", [name for name in REVISIONS if name.startswith("openclaw")])
def test_shipped_rules_do_not_know_owners(name: str) -> None:
    """No shipped rule looks at who executes the run, or at the marker."""
    rule = revision(name).rule
    for evidence in Evidence.domain():
        same = {**evidence.describe(), "owner": "dead", "marker": "none"}
        assert rule(evidence) == rule(Evidence(**same))


def test_interrupted_lines_are_failures_that_the_product_inferred() -> None:
    """5.28 recovers a row from an interrupted line or job state, and the log's word goes before the job state's."""
    rule = revision("openclaw-2026.5.28").rule
    assert rule(Evidence(log="interrupted")) == rule(Evidence(job="interrupted")) == recover("interrupted")
    assert rule(Evidence(log="interrupted", job="ok")) == recover("interrupted")
    assert rule(Evidence(log="ok", job="failed")) == recover("succeeded")
