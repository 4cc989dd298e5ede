"""One thing at a time: a lifecycle, a revision, a rule or a property, as plain data and as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from inspect import cleandoc
from itertools import pairwise
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lostproof.actions import Action
from lostproof.bounds import EVERYTHING
from lostproof.evidence import DOMAIN
from lostproof.model import Model
from lostproof.pinned import pins
from lostproof.properties import PROPERTIES, Property
from lostproof.report.data import ACTIONS
from lostproof.report.rules import rule_rows
from lostproof.report.text import LOOKS, listing
from lostproof.revisions import REVISIONS, Revision
from lostproof.revisions.revision import DESCRIBED
from lostproof.scenarios import find, load
from lostproof.steps import REPAIRS, STEPS
from lostproof.tables import Chart

__all__ = [
    "actions_data", "lifecycle_data", "lifecycle_dot", "lifecycle_mermaid", "lifecycle_view", "properties_data",
    "property_data", "property_view", "revision_data", "revision_view", "revisions_data", "rule_data", "rule_view",
    "scenarios_data",
]

PINNED_BOUNDS = "ci"
"""The bounds whose pinned verdicts are shown with a property."""


# -- lists


def revisions_data() -> list[dict[str, Any]]:
    """Return all revisions, each in a line."""
    return [{"name": known.name, "title": known.title, "source": known.source} for known in REVISIONS.values()]


def properties_data() -> list[dict[str, Any]]:
    """Return all properties, each in a line."""
    return [
        {"id": known.id, "kind": known.kind, "about": known.per, "sentence": known.sentence} for known in PROPERTIES
    ]


def every_action(subject: Revision) -> Iterator[Action]:
    """Yield everything that can happen under a revision, in one world or another."""
    for bounds in EVERYTHING:
        yield from Model(subject, bounds).actions


def actions_data() -> list[dict[str, Any]]:
    """Return everything that can happen in some revision: who does it, what it takes, and where it exists."""
    found: dict[str, dict[str, Any]] = {}
    for known in REVISIONS.values():
        for action in every_action(known):
            entry = found.setdefault(
                action.name,
                {"name": action.name, "actor": action.actor, "kind": "product", "params": set(), "revisions": [],
                 "what": ACTIONS[action.name]},
            )
            if action.get("fault") is None and (action.budget or not action.fair):
                entry["kind"] = "fault" if action.budget else "operator"
            entry["params"].update(name for name, _ in action.params)
            if known.name not in entry["revisions"]:
                entry["revisions"].append(known.name)
    ordered = sorted(found.values(), key=lambda entry: list(ACTIONS).index(entry["name"]))
    return [{**entry, "params": sorted(entry["params"])} for entry in ordered]


def scenarios_data() -> list[dict[str, Any]]:
    """Return the built-in scenarios, each in a line."""
    loaded = [load(path) for path in find([])]
    return [
        {"name": known.name, "family": known.family, "title": known.title, "revisions": list(known.revisions)}
        for known in loaded
    ]


# -- lifecycles


def lifecycle_data(compiled: Chart) -> dict[str, Any]:
    """Return a chart as plain data."""
    return {
        "name": compiled.name,
        "about": _plain(compiled.doc),
        "initial": compiled.initial,
        "final": sorted(compiled.final),
        "states": list(compiled.states),
        "events": list(compiled.events),
        "guards": list(compiled.guards),
        "edges": [asdict(edge) for edge in compiled.edges],
    }


def lifecycle_view(compiled: Chart) -> RenderableType:
    """Return a chart as a table: states down, events by what they lead to."""
    rows = []
    for state in compiled.states:
        role = "initial" if state == compiled.initial else "final" if state in compiled.final else ""
        edges = [edge for edge in compiled.edges if edge.source == state]
        for position, edge in enumerate(edges or [None]):
            rows.append({
                "state": state if position == 0 else "",
                "": role if position == 0 else "",
                "event": edge.event if edge else "—",
                "leads to": "" if edge is None else "(stays)" if edge.target == state else edge.target,
                "if": (edge.guard or "") if edge else "",
            })
    return Group(_plain(compiled.doc), "", listing(rows, ["state", "", "event", "leads to", "if"], header=True))


def lifecycle_mermaid(compiled: Chart) -> str:
    """Return a chart as a Mermaid state diagram; internal transitions, which change nothing, are left out."""
    lines = ["stateDiagram-v2", f"    [*] --> {compiled.initial}"]
    lines += [f"    {source} --> {target}: {label}" for source, target, label in _arrows(compiled)]
    lines += [f"    {state} --> [*]" for state in compiled.states if state in compiled.final]
    return "\n".join(lines)


def lifecycle_dot(compiled: Chart) -> str:
    """Return a chart in the language of Graphviz."""
    lines = [f"digraph {compiled.name} {{", "    rankdir=LR;", '    node [shape=box, style=rounded];']
    for state in compiled.states:
        marks = [("peripheries", "2")] if state in compiled.final else []
        marks += [("style", '"rounded,bold"')] if state == compiled.initial else []
        lines.append(f"    {state}" + (f" [{', '.join(f'{k}={v}' for k, v in marks)}]" if marks else "") + ";")
    lines += [f'    {source} -> {target} [label="{label}"];' for source, target, label in _arrows(compiled)]
    return "\n".join([*lines, "}"])


def _arrows(compiled: Chart) -> list[tuple[str, str, str]]:
    """Return the changes of state with all their events, in the order of the chart."""
    labels: dict[tuple[str, str], list[str]] = {}
    for source, target, data in compiled.graph().edges(data=True):
        if source != target:
            guard = f" [{data['guard']}]" if data["guard"] else ""
            labels.setdefault((source, target), []).append(f"{data['event']}{guard}")
    return [(source, target, ", ".join(events)) for (source, target), events in labels.items()]


# -- revisions


def _attribute_docs(documented: type) -> dict[str, str]:
    """Return what the docstring of a class says about each attribute."""
    _, _, section = cleandoc(documented.__doc__ or "").partition("Attributes:\n")
    entries = re.findall(r"^ {4}([\w, ]+): (.*(?:\n {8,}.*)*)", section, flags=re.MULTILINE)
    return {name.strip(): " ".join(_plain(text).split()) for names, text in entries for name in names.split(",")}


def _flags(revision: Revision) -> dict[str, bool]:
    return {f.name: getattr(revision, f.name) for f in fields(Revision) if isinstance(getattr(revision, f.name), bool)}


def _ways(revision: Revision) -> dict[str, str]:
    """Return the attributes that choose one of several ways."""
    named = [f.name for f in fields(Revision) if f.name not in DESCRIBED]
    return {name: value for name in named if isinstance(value := getattr(revision, name), str)}


def _first_line(doc: str | None) -> str:
    return " ".join(_plain(doc or "").split("\n\n")[0].split())


def _plain(doc: str) -> str:
    return cleandoc(doc).replace("``", "'")


def _sections(revision: Revision, path: str) -> list[dict[str, Any]]:
    states = pairwise(revision.states(path))
    return [
        {**asdict(section), "steps": list(section.steps), "from": source, "to": target}
        for section, (source, target) in zip(revision.write_orders[path], states, strict=True)
    ]


def _rule_name(revision: Revision) -> str:
    """Return what the rule is called; one that was asked for its decisions has only a place."""
    return getattr(revision.rule, "__name__", revision.source)


def revision_data(revision: Revision) -> dict[str, Any]:
    """Return a revision as plain data."""
    return {
        "name": revision.name,
        "title": revision.title,
        "source": revision.source,
        "rule": {"name": _rule_name(revision), "about": _first_line(revision.rule.__doc__)},
        "guards": dict(revision.guards),
        "write_orders": {path: _sections(revision, path) for path in revision.write_orders},
        "repair": list(revision.repair),
        "ready": list(revision.ready),
        "flags": _flags(revision),
        "ways": _ways(revision),
        "constants": asdict(revision.constants),
        "accepts": dict(revision.accepts),
    }


def revision_view(revision: Revision) -> RenderableType:
    """Return a revision as text."""
    data = revision_data(revision)
    docs = _attribute_docs(Revision)
    parts: list[RenderableType] = [
        Text.assemble((revision.name, "bold"), f"  {revision.title}"), Text(f"source: {revision.source}", "dim"), "",
        Text.assemble(("rule  ", "bold"), f"{data['rule']['name']}: {data['rule']['about'] or 'not documented'}"),
    ]
    for name, on in data["guards"].items():
        parts.append(Text.assemble(("guard  ", "bold"), f"{name} is {'on' if on else 'off'}"))
    for path, sections in data["write_orders"].items():
        parts += [Text(), Text(f"{path.replace('_', '-')} run", "bold"), _write_order(sections)]
    if "catch_up" not in data["write_orders"]:
        parts += [Text(), Text("no catch-up at start-up: missed slots are left to the timer")]
    for words, names in (("before any run", revision.repair), ("after the catch-up", revision.ready)):
        steps = [{"step": f"  {name}", "does": _first_line(REPAIRS[name].__doc__)} for name in names]
        parts += [Text(), Text(f"start-up, {words}", "bold")]
        parts.append(listing(steps or [{"step": "  nothing", "does": ""}], ["step", "does"]))
    parts += [Text(), Text("facts", "bold")]
    flags = [{"is": f"  {'yes' if on else 'no'}", "what": docs.get(name, name)} for name, on in data["flags"].items()]
    parts.append(listing(flags, ["is", "what"]))
    ways = [{"way": f"  {way}", "what": docs.get(name, name)} for name, way in data["ways"].items()]
    parts += [Text(), Text("ways", "bold"), listing(ways, ["way", "what"])]
    constants = ", ".join(f"{name} {value:,}" for name, value in data["constants"].items())
    parts += [Text(), Text.assemble(("constants  ", "bold"), constants)]
    for name, proof in revision.accepts.items():
        parts.append(Text.assemble(("accepts  ", "bold yellow"), f"{name}: {proof}"))
    return Group(*parts)


def _write_order(sections: Sequence[dict[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for section in sections:
        steps = section["steps"] or ["—"]
        for position, step in enumerate(steps):
            head = f"  {section['event']}" if position == 0 else ""
            note = Text(", ".join(_conditions(section)) if position == 0 else "", "dim italic")
            home = f"[{STEPS[step].home.name.lower()}]" if step in STEPS else ""
            does = STEPS[step].doc if step in STEPS else "the work itself"
            table.add_row(Text(head, "bold"), step, Text(home, "dim"), does, note)
    return table


def _conditions(section: dict[str, Any]) -> Iterator[str]:
    words = {
        "barrier": "waits for the whole batch", "in_turn": "one after the other", "needs_lock": "needs the lock",
        "keeps_lock": "keeps the lock", "together": "whole batch at once",
        "fenced": "left out without a token", "serving": "left out when the service was stopped",
    }
    yield from (text for name, text in words.items() if section[name])
    if section["on_fault"] == "retry":
        yield "retried until it succeeds"


# -- rules


def rule_data(revision: Revision) -> dict[str, Any]:
    """Return the rule of a revision as a decision table."""
    return {
        "revision": revision.name,
        "rule": _rule_name(revision),
        "about": _first_line(revision.rule.__doc__),
        "rows": rule_rows(revision),
    }


def rule_view(revision: Revision) -> RenderableType:
    """Return the rule of a revision as a decision table, without the columns that never matter."""
    data = rule_data(revision)
    parts = [part for part in DOMAIN if any(row[part] != "*" for row in data["rows"])]
    rows = [
        {"decision": row["decision"], **{p: "*" if row[p] == "*" else " | ".join(row[p]) for p in parts}}
        for row in data["rows"]
    ]
    ignored = [part for part in DOMAIN if part not in parts]
    lines: list[RenderableType] = [
        Text.assemble((f"{revision.name}: {data['rule']}", "bold"), f"  {data['about']}"), "",
        listing(rows, ["decision", *parts], header=True),
    ]
    if ignored:
        lines += ["", Text(f"never looked at: {', '.join(ignored)}", "dim")]
    return Group(*lines)


# -- properties


def property_data(judged: Property) -> dict[str, Any]:
    """Return a property as plain data, with the verdict that is pinned for each revision."""
    pinned = pins(PINNED_BOUNDS) or {}
    return {
        "id": judged.id,
        "kind": judged.kind,
        "about": judged.per,
        "sentence": judged.sentence,
        "formula": judged.formula,
        "bounds": PINNED_BOUNDS,
        "verdicts": {name: row[judged.id] for name, row in pinned.items() if judged.id in row},
    }


def property_view(judged: Property) -> RenderableType:
    """Return a property as text."""
    data = property_data(judged)
    kinds = {
        "step": "judged on every step", "state": "judged in every state",
        "leads-to": "judged on the closed graph, under strong fairness of the product's own actors",
    }
    parts: list[RenderableType] = [
        Text.assemble((judged.id, "bold"), f"  {judged.sentence}"), "",
        f"formula  {judged.formula}", f"kind     {judged.kind}, for each {judged.per}: {kinds[judged.kind]}", "",
    ]
    if not data["verdicts"]:
        return Group(*parts, Text(f"nothing pinned for bounds {PINNED_BOUNDS}", "dim"))
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, word in data["verdicts"].items():
        mark, style = LOOKS.get(word.split()[0], ("?", ""))
        table.add_row(Text(f"  {mark}", style), name, Text(word, style))
    return Group(*parts, Text(f"pinned verdicts ({PINNED_BOUNDS})", "bold"), table)
