"""What a revision changed against another: everything that differs, nothing that does not, as text and as JSON."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from itertools import pairwise, product
from typing import Any

import pytest

from lostproof.comparison import BOTH, IS, WAS
from lostproof.cubes import table_of
from lostproof.evidence import Evidence
from lostproof.report import changes
from lostproof.report.changes import changes_data, decision_pairs, domain_of, one_world
from lostproof.report.show import revision_data
from lostproof.revisions import REVISIONS, Revision, revision, shipped_revisions
from lostproof.subjects.pinned_answers import PARTS
from tests.support import TYPICAL
from tests.test_cli import json_of, lostproof

OLD, NEW = "openclaw-2026.4.25", "openclaw-2026.5.12"
NEIGHBOURS = list(pairwise(known.name for known in shipped_revisions()))
SOME = [*NEIGHBOURS, ("openclaw-2026.4.15", "reference"), ("fix-durable", "openclaw-2026.9.6"), ("reference", "fix-skip")]


@cache
def between(was: str, now: str) -> Any:
    return changes_data(revision(was), revision(now))


def test_what_is_the_same_is_not_told() -> None:
    for name in REVISIONS:
        found = between(name, name)
        assert found["one_world"]
        assert not any(found[part] for part in ("described", "decisions", "facts", "write_orders"))


WAYS = ("delivery", "alerts", "admission", "cancels")
"""The attributes that choose one of several ways."""


@pytest.mark.parametrize(("was", "now"), SOME)
def test_every_flag_guard_and_start_up_step_that_differs_is_told(was: str, now: str) -> None:
    one, other, found = revision(was), revision(now), between(was, now)
    told = {(fact["of"], fact["name"]) for fact in found["facts"]}
    flags = {f.name for f in fields(Revision) if isinstance(getattr(one, f.name), bool)}
    assert told == {
        *(("flags", name) for name in flags if getattr(one, name) != getattr(other, name)),
        *(("ways", name) for name in WAYS if getattr(one, name) != getattr(other, name)),
        *(
            ("constants", name) for name in vars(one.constants)
            if getattr(one.constants, name) != getattr(other.constants, name)
        ),
        *(("guards", name) for name in one.guards if one.guards[name] != other.guards[name]),
        *(("start-up", name) for name in ("repair", "ready") if getattr(one, name) != getattr(other, name)),
        *(("accepts", name) for name in {*one.accepts} ^ {*other.accepts}),
    }
    for fact in found["facts"]:
        if fact["of"] == "flags":
            words = {True: "yes", False: "no"}
            assert (fact["was"], fact["is"]) == (words[getattr(one, fact["name"])], words[getattr(other, fact["name"])])


@pytest.mark.parametrize(("was", "now"), SOME)
def test_each_write_order_can_be_read_back(was: str, now: str) -> None:
    """Without what only one side has, the lines of a path are the sections of the other side, in their order."""
    found = between(was, now)["write_orders"]
    orders = [revision_data(revision(name))["write_orders"] for name in (was, now)]
    assert set(found) == {path for path in {**orders[0], **orders[1]} if orders[0].get(path) != orders[1].get(path)}
    for (side, order), path in product(zip((WAS, IS), orders, strict=True), found):
        events = [line["section"].split("(")[0].split()[0] for line in found[path] if line["in"] in (side, BOTH)]
        assert events == [section["event"] for section in order.get(path, ())]


@pytest.mark.parametrize(("was", "now"), [("openclaw-2026.6.11", "openclaw-2026.6.33"), ("fix-durable", "reference")])
def test_decisions_are_told_exactly(was: str, now: str) -> None:
    """The rows cover what is decided differently, with both decisions, and nothing else."""
    one, other, found = revision(was), revision(now), between(was, now)
    parts = domain_of(one, other)
    table = table_of(parts, [{**row, "decision": f"{row['was']} {row['is']}"} for row in found["decisions"]])
    for evidence, told in zip(Evidence.domain(parts), table, strict=True):
        before, after = one.rule(evidence), other.rule(evidence)
        assert told == (f"{before} {after}" if before != after else None)
    counted = {pair["decision"]: pair["values"] for pair in decision_pairs(found)}
    assert sum(counted.values()) == sum(told is not None for told in table)


def test_releases_are_compared_over_everything_that_a_ledger_can_hold() -> None:
    """5.28 decides about loose run ids only otherwise, which no modelled world has."""
    old, new = "openclaw-2026.5.12", "openclaw-2026.5.28"
    assert revision(old).decisions == revision(new).decisions
    assert domain_of(revision(old), revision(new)) is PARTS
    found = between(old, new)["decisions"]
    assert found
    assert {tuple(row["run_id"]) for row in found} == {("loose",)}


def test_one_world_is_what_has_equal_semantics() -> None:
    for was, now in NEIGHBOURS:
        assert between(was, now)["one_world"] == (revision(was).semantics == revision(now).semantics)
    assert not any(one_world(revision(was), revision(now)) for was, now in pairwise(TYPICAL))


def test_the_command_tells_what_a_release_changed() -> None:
    text = lostproof("show", "revision", NEW, "--diff", OLD).stdout
    assert text.startswith(f"{OLD} → {NEW}")
    assert "reloads_memory" in text
    assert "no → yes" in text
    assert "drop_overdue_slots → drop_deferred_slots" in text
    assert "memory_first" not in text
    assert "timer run" not in text
    for was, now in ((OLD, NEW), ("fix-durable", "reference")):
        data = json_of("show", "show", "revision", now, "--diff", was)
        assert (data["was"], data["is"], data["one_world"]) == (was, now, False)
        assert data == between(was, now)


def test_sections_are_marked_by_where_they_are() -> None:
    lines = lostproof("show", "revision", "openclaw-2026.6.8", "--diff", "openclaw-2026.6.1").stdout.splitlines()
    run = lines[lines.index("manual run") + 1 :]
    assert run[0] == "    reserve(set_marker) +needs_lock +keeps_lock"
    assert run[1] == "  − begin(open_row mark_active)"
    assert run[2] == "  + begin(open_row take_token)"


def test_twins_are_said_to_be_twins() -> None:
    text = lostproof("show", "revision", "openclaw-2026.4.24", "--diff", "openclaw-2026.4.15").stdout
    assert "no model can tell them apart" in text
    assert "no model can tell" not in lostproof("show", "revision", NEW, "--diff", OLD).stdout


def test_a_wrong_name_is_told_in_one_line() -> None:
    told = lostproof("show", "revision", NEW, "--diff", "nobody", code=2).stderr
    assert "unknown revision 'nobody'" in told
    assert len(told.splitlines()) == 1


def test_pairs_of_decisions_come_with_their_largest_part() -> None:
    asked = {"a": ["x", "y"], "b": ["1", "2", "3"]}
    rows = [
        {"was": "keep", "is": "lost", "a": ["x"], "b": ["1"]}, {"was": "keep", "is": "lost", "a": ["y"], "b": ["2", "3"]},
        {"was": "lost", "is": "keep", "a": ["x"], "b": ["2"]},
    ]
    assert changes.decision_pairs({"asked": asked, "decisions": rows}) == [
        {"decision": "keep → lost", "values": 3, "most of them": "a y, b 2 | 3"},
        {"decision": "lost → keep", "values": 1, "most of them": "a x, b 2"},
    ]
