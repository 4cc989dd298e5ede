"""What one revision changed against another, as data: nothing is explored, and nothing that is the same is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from lostproof.comparison import BOTH, IS, WAS, deciding_rows, facts, section_lines
from lostproof.cubes import word
from lostproof.evidence import DOMAIN, Domain
from lostproof.report.diff import fact_table
from lostproof.report.show import revision_data
from lostproof.report.text import listing
from lostproof.revisions import Revision
from lostproof.subjects.pinned_answers import PARTS

__all__ = ["SECTION_MARKS", "changes_data", "changes_view", "decision_pairs", "domain_of", "one_world"]

SECTION_MARKS = {WAS: ("−", "red"), IS: ("+", "green"), BOTH: (" ", "dim")}
"""The mark and the style of a section of a write order, by where it is."""


def domain_of(*revisions: Revision) -> Domain:
    """Return what their rules are compared over: for releases everything that a real ledger can hold."""
    return PARTS if all(known.shipped for known in revisions) else DOMAIN


def changes_data(was: Revision, now: Revision) -> Mapping[str, Any]:
    """Return in what ``now`` differs from ``was``: what it is called, its decisions, its facts, and its write orders."""
    before, after = revision_data(was), revision_data(now)
    parts = domain_of(was, now)
    orders = {
        path: section_lines(before["write_orders"].get(path, ()), after["write_orders"].get(path, ()))
        for path in dict.fromkeys([*before["write_orders"], *after["write_orders"]])
    }
    return {
        "was": was.name,
        "is": now.name,
        "one_world": one_world(was, now),
        "described": list(_described(before, after)),
        "asked": {part: [word(value) for value in values] for part, values in parts.items()},
        "decisions": deciding_rows(was, now, parts),
        "facts": [one for one in facts(was, now) if one["of"] != "write order"],
        "write_orders": {
            path: [{"in": where, "section": words} for where, words in lines]
            for path, lines in orders.items()
            if any(where != BOTH for where, _ in lines)
        },
    }


def one_world(was: Revision, now: Revision) -> bool:
    """Return whether no model can tell the two apart."""
    return was.semantics == now.semantics


def _described(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for name in ("title", "source"):
        if before[name] != after[name]:
            yield {"name": name, "was": before[name], "is": after[name]}
    if before["rule"]["name"] != after["rule"]["name"]:
        yield {"name": "rule", "was": before["rule"]["name"], "is": after["rule"]["name"]}


def changes_view(was: Revision, now: Revision) -> RenderableType:
    """Return the same as text."""
    data = changes_data(was, now)
    parts: list[RenderableType] = [Text.assemble((was.name, "bold"), " → ", (now.name, "bold"), f"  {now.title}")]
    for title, lines in _told(data):
        parts += ["", Text(title, "bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    if data["one_world"]:
        parts += ["", Text("nothing else: no model can tell them apart, so they have the same verdicts", "dim")]
    return Group(*parts)


def _told(data: Mapping[str, Any]) -> Iterator[tuple[str, list[RenderableType]]]:
    described = [{"of": "", **one} for one in data["described"] if one["name"] != "title"]
    if described:
        yield "what it is called", [fact_table(described)]
    if data["decisions"]:
        pairs = decision_pairs(data)
        differing = sum(one["values"] for one in pairs)
        asked = prod(map(len, data["asked"].values()))
        rows = [{**one, "values": f"{one['values']:,}"} for one in pairs]
        title = f"the rule decides {differing:,} of {asked:,} values of the evidence differently"
        yield title, [listing(rows, ["decision", "values", "most of them"], header=True)]
    if data["facts"]:
        yield "facts", [fact_table(data["facts"])]
    for path, lines in data["write_orders"].items():
        yield f"{path.replace('_', '-')} run", [_section_line(one) for one in lines]


def decision_pairs(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how decisions changed, the most frequent first: each with how many values of the evidence it is about.

    The row that is about most of them stands for the others.
    """
    pairs: dict[str, list[tuple[int, str]]] = {}
    for row in data["decisions"]:
        told = {part: row[part] for part in data["asked"] if row[part] != "*"}
        size = prod(len(told.get(part, values)) for part, values in data["asked"].items())
        words = ", ".join(f"{part} {' | '.join(values)}" for part, values in told.items())
        pairs.setdefault(f"{row['was']} → {row['is']}", []).append((size, words or "everything"))
    found = [
        {"decision": pair, "values": sum(size for size, _ in rows), "most of them": max(rows, key=lambda row: row[0])[1]}
        for pair, rows in pairs.items()
    ]
    return sorted(found, key=lambda one: -one["values"])


def _section_line(one: Mapping[str, str]) -> RenderableType:
    mark, style = SECTION_MARKS[one["in"]]
    return Text(f"{mark} {one['section']}", style)
