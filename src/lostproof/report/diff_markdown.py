"""What two revisions differ in, in Markdown: for a pull request or a step's summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lostproof.comparison import Comparison, Reach
from lostproof.history import PinnedChange
from lostproof.report.diff import KINDS, MARKS, headline, pinned_headline
from lostproof.report.mermaid import race_block
from lostproof.report.spec import table

__all__ = ["diff_markdown", "pinned_markdown"]


def diff_markdown(data: Mapping[str, Any], found: Comparison) -> str:
    """Return a comparison as Markdown; ``data`` is its JSON."""
    lines = [f"## {headline(found)[0]}", "", f"`{data['was']}` → `{data['is']}`, bounds `{data['bounds']['name']}`"]
    for title, body in _parts(data, found):
        lines += ["", f"### {title}", body.strip("\n")]
    for one in found.worse:
        if one.now.race:
            lines += ["", race_block(one.now)]
    return "\n".join(lines)


def _parts(data: Mapping[str, Any], found: Comparison) -> Iterator[tuple[str, str]]:
    if data["verdicts"]:
        yield "Verdicts", table(["", "property", "was", "is"], [
            [MARKS[one["change"]][0], f"`{one['property']}`", one["was"], one["is"]] for one in data["verdicts"]
        ])
    if data["decisions"]:
        yield "Decisions of the rule", _decisions(data["decisions"])
    if data["facts"]:
        yield "The revisions as data", table(["", "", "was", "is"], [
            [one["of"], f"`{one['name']}`", one["was"], one["is"]] for one in data["facts"]
        ])
    reached = [
        [mark, words, ", ".join(f"`{name}`" for name in names)]
        for kind, words in KINDS.items()
        for mark, names in (("+", data["exercised"][kind]["added"]), ("−", data["exercised"][kind]["removed"]))
        if names
    ]
    if reached:
        yield "What is exercised", table(["", "", ""], reached)
    edges = found.exercised["edges"]
    if edges.added or edges.removed:
        yield "Edges of the lifecycles", f"```mermaid\n{edges_mermaid(edges)}\n```"
    if data["situations"] is None:
        yield "Situations", "Not compared: not every slice was closed."
    elif any(data["situations"].values()):
        yield "Situations of a run", _situations(data["situations"])
    sizes = [one for one in data["slices"] if one["was"] != one["is"]]
    if sizes:
        yield "Sizes", table(["slice", "states", "transitions", "depth"], [
            [one["name"], *(f"{one['was'][n]:,} → {one['is'][n]:,}" for n in ("states", "transitions", "depth"))]
            for one in sizes
        ])


def _decisions(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = [part for part in rows[0] if part not in ("was", "is") and any(row[part] != "*" for row in rows)]
    return table(["was", "is", *parts], [
        [row["was"], row["is"], *("*" if row[p] == "*" else " | ".join(row[p]) for p in parts)] for row in rows
    ])


def _situations(told: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    shown = [
        [mark, one["words"], f"{one['states']:,}", " · ".join(one["way"])]
        for mark, name in (("+", "added"), ("−", "removed")) for one in told[name] if one["way"] is not None
    ]
    text = table(["", "situation", "states", "a shortest way"], shown)
    return f"{len(told['added'])} added, {len(told['removed'])} removed; the soonest of them:\n{text}"


def edges_mermaid(edges: Reach) -> str:
    """Return the edges of the lifecycles that are newly taken (thick) and no longer taken (dotted), as a flow chart."""
    lines = ["flowchart LR"]
    charts: dict[str, list[str]] = {}
    for arrow, names in (("==>", edges.added), ("-.->", edges.removed)):
        for name in names:
            chart, source, event, target = _edge(name)
            label = f"|{event}|" if event else ""
            nodes = [f"{chart}_{state}[{state}]" for state in (source, target)]
            charts.setdefault(chart, []).append(f"    {nodes[0]} {arrow}{label} {nodes[1]}")
    for chart in sorted(charts):
        lines += [f"  subgraph {chart}", *charts[chart], "  end"]
    return "\n".join(lines)


def _edge(name: str) -> tuple[str, str, str, str]:
    """Return the chart, source, event (if it has one) and target of an edge as coverage names it."""
    chart, _, rest = name.partition(": ")
    before, _, target = rest.partition("→")
    source, _, event = before.partition(" -")
    return chart, source.strip(), event, target.strip()


def pinned_markdown(ref: str, changes: Sequence[PinnedChange]) -> str:
    """Return what became of the pinned verdicts of another commit as Markdown."""
    rows = [
        [MARKS[one.kind][0], one.bounds, f"`{one.revision}`", f"`{one.judged}`", one.was, one.now] for one in changes
    ]
    heads = ["", "bounds", "revision", "property", "pinned there", "pinned now"]
    told = table(heads, rows) if rows else "\nNothing differs.\n"
    return f"## {pinned_headline(changes)[0]}\n\nPinned verdicts of `{ref}` against those here.\n{told}".rstrip("\n")
