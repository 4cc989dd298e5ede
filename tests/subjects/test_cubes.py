"""Decision tables that people can read: they say all that the decisions say, once, and no more than is needed."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lostproof.cubes import rows_of, table_of, word
from lostproof.evidence import Domain, Evidence
from lostproof.revisions.shipped_rules import durable_first_repairing
from lostproof.subjects.pinned_answers import PARTS

VALUES = ((False, True), ("none",), ("none", "ok"), ("a", "b", "c", "a b"))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Domain, list[str]]:
    """Return a small domain, and decisions about it; often such that some parts do not matter."""
    parts = {f"part-{n}": draw(st.sampled_from(VALUES)) for n in range(draw(st.integers(1, 4)))}
    size = prod(map(len, parts.values()))
    period = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    told = draw(st.lists(st.sampled_from(["keep", "lost", "recover(ok)"]), min_size=period, max_size=period))
    repeated = told * (size // period) if draw(st.booleans()) else [one for one in told for _ in range(size // period)]
    return parts, repeated


def covered(parts: Domain, row: dict[str, Any]) -> int:
    """Return how many values of the domain a row speaks about."""
    return prod(len(values) if row[part] == "*" else len(row[part]) for part, values in parts.items())


@given(tables())
def test_a_table_is_found_again_in_its_rows(table: tuple[Domain, list[str]]) -> None:
    """Nothing is lost, and no two rows speak about the same: they cover as much as there is, and leave nothing open."""
    parts, decisions = table
    rows = rows_of(parts, decisions)
    assert table_of(parts, rows) == decisions
    assert table_of(parts, rows[::-1]) == decisions
    assert sum(covered(parts, row) for row in rows) == len(decisions)
    assert {row["decision"] for row in rows} == set(decisions)
    assert all(set(row) == {*parts, "decision"} for row in rows)


@given(tables(), st.data())
def test_what_does_not_matter_is_a_star(table: tuple[Domain, list[str]], data: st.DataObject) -> None:
    """A part that makes no difference stands nowhere in the table, wherever it comes among the parts."""
    parts, decisions = table
    place = data.draw(st.integers(0, len(parts)))
    names = [*[*parts][:place], "idle", *[*parts][place:]]
    more = {name: parts.get(name, ("x", "y")) for name in names}
    inner = prod(len(parts[name]) for name in names[place + 1 :])
    repeated = [one for n in range(0, len(decisions), inner) for _ in "xy" for one in decisions[n : n + inner]]
    rows = rows_of(more, repeated)
    assert {row["idle"] for row in rows} == {"*"}
    assert [{part: row[part] for part in (*parts, "decision")} for row in rows] == rows_of(parts, decisions)


def test_one_decision_is_one_row() -> None:
    parts: Domain = {"a": (False, True), "b": ("x", "y")}
    assert rows_of(parts, ["keep"] * 4) == [{"a": "*", "b": "*", "decision": "keep"}]
    assert rows_of(parts, ["keep", "lost", "keep", "lost"]) == [
        {"a": "*", "b": ["x"], "decision": "keep"}, {"a": "*", "b": ["y"], "decision": "lost"},
    ]


def test_where_no_row_speaks_there_is_no_decision() -> None:
    parts: Domain = {"a": (False, True), "b": ("x", "y")}
    assert table_of(parts, [{"a": ["yes"], "b": "*", "decision": "lost"}]) == [None, None, "lost", "lost"]
    assert table_of(parts, []) == [None] * 4


@pytest.mark.parametrize(("value", "told"), [(True, "yes"), (False, "no"), ("none", "none"), (3, "3")])
def test_values_have_words(value: object, told: str) -> None:
    assert word(value) == told


def test_the_table_of_a_shipped_rule_is_short() -> None:
    """Over everything that a release can be told of, even the most careful rule takes a page or two."""
    decisions = [str(durable_first_repairing(evidence)) for evidence in Evidence.domain(PARTS)]
    rows = rows_of(PARTS, decisions)
    assert len(rows) <= 60
    assert table_of(PARTS, rows) == decisions
