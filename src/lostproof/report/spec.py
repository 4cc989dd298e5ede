"""The generated parts of the spec: each function returns Markdown that cog puts between the hand-written paragraphs.

Nothing here is written down twice: tables and diagrams are read from the charts, fields, steps, rules and bounds that
the engines use. ``cog --check`` fails when a document no longer says what the code says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lostproof.actions import Action
from lostproof.bounds import BUDGETS, LIMITS, PRESETS, Bounds
from lostproof.evidence import DOMAIN
from lostproof.fields import FIELD, FIELDS, WIPES, Home
from lostproof.pinned import pins
from lostproof.properties import PROPERTIES
from lostproof.report.data import ACTIONS
from lostproof.report.heads import ranges, short_names
from lostproof.report.rules import rule_rows
from lostproof.report.show import every_action
from lostproof.report.text import LOOKS
from lostproof.revisions import REVISIONS, Constants, Revision, Section, revision, shipped_revisions
from lostproof.revisions.revision import ADMISSION, DELIVERY
from lostproof.steps import REPAIRS, STEPS
from lostproof.tables import chart

__all__ = [
    "accepted", "actions", "admission_ways", "chart_doc", "constants", "delivery_ways", "diagram", "differences",
    "field_table", "flag_docs", "leftovers", "limits", "mark_of", "preset", "property_table", "repair_table",
    "restart_table", "revision_facts", "rule_table", "step_table", "table", "transitions", "verdict_matrix",
    "write_orders",
]

ON_FAULT = {
    "skip": "a failed write is skipped",
    "retry": "a failed write is tried again",
    "release": "after a failed write the run gives the job back",
}
"""What people call what a section does when its write fails."""


# -- Markdown


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]
    return "\n".join(["", *lines, ""])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(*names: str) -> str:
    return ", ".join(_codes(names))


def _codes(names: Iterable[str]) -> list[str]:
    return [f"`{name}`" for name in names]


def _attributes(owner: type) -> dict[str, str]:
    """Return what the ``Attributes`` section of a docstring says about each name."""
    words: dict[str, str] = {}
    lines = (owner.__doc__ or "").partition("Attributes:")[2].splitlines()
    names: list[str] = []
    for line in lines:
        head, colon, rest = line.partition(": ")
        if line.startswith(" " * 8) and not line.startswith(" " * 9) and colon:
            names = [name.strip() for name in head.split(",")]
            words.update(dict.fromkeys(names, rest.strip()))
        elif line.strip():
            words.update({name: f"{words[name]} {line.strip()}" for name in names})
    return {name: text.replace("``", "`").rstrip(".") for name, text in words.items()}


# -- lifecycles


def chart_doc(name: str) -> str:
    """Return the chart's docstring as paragraphs."""
    paragraphs = chart(name).doc.split("\n\n")
    return "\n" + "\n\n".join(" ".join(p.replace("``", "`").split()) for p in paragraphs) + "\n"


def transitions(name: str) -> str:
    """Return the chart's transitions, and which revisions switch each guard on."""
    compiled = chart(name)
    rows = [
        (
            f"`{edge.source}`", f"`{edge.event}`", "stays" if edge.source == edge.target else f"`{edge.target}`",
            f"`{edge.guard}`" if edge.guard else "",
        )
        for edge in compiled.edges
    ]
    text = table(("from", "event", "to", "guard"), rows)
    if compiled.guards:
        on = {guard: [name for name, known in REVISIONS.items() if known.guards[guard]] for guard in compiled.guards}
        guards = [(f"`{guard}`", ranges(names)) for guard, names in on.items()]
        text += table(("guard", "on in"), guards)
    return text


def diagram(name: str) -> str:
    """Return the chart as a mermaid state diagram; transitions that keep the state are left out."""
    compiled = chart(name)
    labels: dict[tuple[str, str], list[str]] = {}
    for edge in compiled.edges:
        if edge.source != edge.target:
            guard = f" [{edge.guard}]" if edge.guard else ""
            labels.setdefault((edge.source, edge.target), []).append(edge.event + guard)
    lines = ["", "```mermaid", "stateDiagram-v2", f"    [*] --> {compiled.initial}"]
    lines += [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in labels.items()]
    lines += [f"    {state} --> [*]" for state in compiled.states if state in compiled.final]
    return "\n".join([*lines, "```", ""])


# -- world


def field_table(*names: str) -> str:
    """Return the fields of these kinds (``world``, ``job``, ``slot``, ``run``, ``pair``; all unless given)."""
    rows = [
        (f"`{f.name}`", f.per, f.home.value, _code(*f.values) if f.values else "a number", f.doc)
        for f in FIELDS
        if not names or f.per in names
    ]
    return table(("field", "one per", "home", "values", "what it says"), rows)


def restart_table() -> str:
    """Return what each event wipes, home by home."""
    rows = []
    for home in Home:
        held = [f.name for f in FIELDS if f.home is home]
        rows.append((home.value, _code(*held), *("**wiped**" if home in wiped else "kept" for wiped in WIPES.values())))
    return table(("home", "fields in it", *_codes(WIPES)), rows)


def leftovers() -> str:
    """Return what is left of the fields that are not simply emptied when their home is wiped."""
    left: dict[tuple[str, str], list[str]] = {}
    for f in FIELDS:
        for before, after in enumerate(f.wiped):
            if before != after:
                left.setdefault((f.name, f.label(after)), []).append(f.label(before))
    rows = [(f"`{name}`", _code(*befores), f"`{after}`") for (name, after), befores in left.items()]
    return table(("field", "before", "after"), rows)


def step_table() -> str:
    """Return the steps that sections are made of."""
    rows = [(f"`{name}`", step.home.value, step.doc.replace("``", "`").rstrip(".")) for name, step in STEPS.items()]
    return table(("step", "home", "what it does"), rows)


def repair_table() -> str:
    """Return the steps that a start-up protocol can consist of."""
    return table(("repair", "what it does"), [(f"`{name}`", _first_line(effect)) for name, effect in REPAIRS.items()])


def _first_line(effect: Callable[..., Any]) -> str:
    return (effect.__doc__ or "").strip().split("\n")[0].replace("``", "`").rstrip(".")


@dataclass
class _Kind:
    """All actions of one name, over all revisions."""

    actor: str
    when: dict[str, set[int]]
    variants: dict[str, None]
    spends: dict[str, None]
    natures: dict[str, None]
    revisions: dict[str, None]


def actions() -> str:
    """Return everything that can happen in some revision."""
    kinds: dict[str, _Kind] = {}
    for name, subject in REVISIONS.items():
        for action in every_action(subject):
            if action.get("gateway"):
                continue  # the same as the first gateway's
            kind = kinds.setdefault(action.name, _Kind(action.actor, {}, {}, {}, {}, {}))
            field_name, _, values = action.at
            kind.when.setdefault(field_name, set()).update(values)
            flags = [flag for flag, value in action.params if value and flag not in ("run", "job", "end")]
            kind.variants.update(dict.fromkeys(flags))
            if "end" in dict(action.params):
                kind.variants["end"] = None
            if action.budget:
                kind.spends[f"`{action.budget}`" + (" (with `fault`)" if "fault" in flags else "")] = None
            kind.natures[_nature(action)] = None
            kind.revisions[name] = None
    rows = [
        (
            f"`{name}`", kind.actor, ACTIONS[name], "; ".join(_when(*item) for item in kind.when.items()),
            _code(*kind.variants) if kind.variants else "", ", ".join(kind.natures), ", ".join(kind.spends),
            ranges(kind.revisions),
        )
        for name, kind in kinds.items()
    ]
    heads = ("action", "actor", "what happens", "needs", "variants", "fair?", "spends", "revisions")
    return table(heads, rows)


def _nature(action: Action) -> str:
    if action.fair:
        return "fair"
    return "fault" if action.budget else "choice"


def _when(name: str, values: set[int]) -> str:
    known = FIELD[name]
    if known.values:
        return f"`{name}` is {_alternatives([known.label(value) for value in sorted(values)])}"
    if values == {0}:
        return f"`{name}` is 0"
    return f"`{name}` is below its limit" if 0 in values else f"`{name}` is not 0"


def _alternatives(words: Sequence[str]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def delivery_ways() -> str:
    """Return the ways in which something is delivered, with the revisions that deliver results and alerts so."""
    rows = [
        (
            f"`{way}`", told, ranges([name for name, known in REVISIONS.items() if known.delivery == way]),
            ranges([name for name, known in REVISIONS.items() if known.alerts == way]),
        )
        for way, told in DELIVERY.items()
    ]
    return table(("way", "what happens", "results", "alerts"), rows)


def admission_ways() -> str:
    """Return what may become of an acknowledged manual run, with the revisions in which it does."""
    rows = [
        (f"`{way}`", told, ranges([name for name, known in REVISIONS.items() if known.admission == way]))
        for way, told in ADMISSION.items()
    ]
    return table(("way", "what becomes of it", "revisions"), rows)


def limits() -> str:
    """Return what bounds a configuration has, with range and default."""
    doc, default = _attributes(Bounds), Bounds().describe()
    rows = [
        (f"`{name}`", f"{low} to {high}", str(default[name]), "yes" if name in BUDGETS else "", doc[name])
        for name, (low, high) in LIMITS.items()
    ]
    return table(("bound", "range", "default", "spent?", "meaning"), rows)


def preset(name: str) -> str:
    """Return the slices of a preset, each by what differs from the default bounds."""
    rows = [(f"`{part.name}`", _differing(part.bounds)) for part in PRESETS[name]]
    return table((f"slice of `{name}`", "differs from the default by"), rows)


def _differing(bounds: Bounds) -> str:
    default = Bounds().describe()
    return ", ".join(f"{name}={value}" for name, value in bounds.describe().items() if value != default[name])


# -- properties


def property_table() -> str:
    """Return the properties."""
    rows = [(f"`{p.id}`", p.kind, p.per, p.sentence, f"`{p.formula}`") for p in PROPERTIES]
    return table(("property", "kind", "for each", "sentence", "formula"), rows)


def accepted() -> str:
    """Return the properties that revisions openly violate, each with its proof."""
    rows = [
        (f"`{subject.name}`", f"`{name}`", _link(proof))
        for subject in REVISIONS.values()
        for name, proof in subject.accepts.items()
    ]
    return table(("revision", "accepts that this is violated", "because of"), rows)


# -- revisions


def _link(target: str) -> str:
    """Return a link from one document of the spec to another."""
    return f"[{target}]({target.removeprefix('spec/')})"


def revision_facts(name: str) -> str:
    """Return title, source, rule in words, guards and start-up protocol of a revision."""
    subject = revision(name)
    guards = [f"`{guard}` is {'on' if on else 'off'}" for guard, on in subject.guards.items()]
    repairs = _code(*subject.repair) if subject.repair else "nothing"
    missed = "missed slots are " + ("made up for by the catch-up path" if subject.catch_up else "left to the timer")
    at_last = f"; at last {_code(*subject.ready)}" if subject.ready else ""
    rows = [
        ("title", subject.title),
        ("source", _link(subject.source) if subject.source.startswith("spec/") else subject.source),
        ("rule", _rule_words(subject)),
        ("guards", ", ".join(guards)),
        ("start-up", f"{repairs}; then {missed}{at_last}"),
        ("switched on", _code(*_switched_on(subject))),
    ]
    return table(("", "`" + name + "`"), rows)


def _rule_words(subject: Revision) -> str:
    words = (subject.rule.__doc__ or "").strip().replace("``", "`")
    return " ".join(words.split()) or "never decides anything: every row is kept"


def flag_docs() -> dict[str, str]:
    """Return every flag of a revision, with what it says."""
    doc = _attributes(Revision)
    return {f.name: doc[f.name] for f in fields(Revision) if f.type == "bool"}


def _switched_on(subject: Revision) -> list[str]:
    return [flag for flag in flag_docs() if getattr(subject, flag)] or ["none"]


def rule_table(name: str) -> str:
    """Return the decision table of a revision's rule; a dot stands for any value."""
    rows = rule_rows(revision(name))
    used = [part for part in DOMAIN if any(row[part] != "*" for row in rows)]
    cells = [(*(_values(row[part]) for part in used), f"**{row['decision']}**") for row in rows]
    return table((*used, "decision"), cells)


def _values(allowed: Sequence[str]) -> str:
    return "·" if allowed == "*" else " or ".join(allowed)


def write_orders(name: str) -> str:
    """Return the write order of each path of a revision, section by section, or the releases that have the same."""
    subject = revision(name)
    alike = [known.name for known in shipped_revisions() if known.write_orders == subject.write_orders]
    if alike and not subject.shipped:
        return f"\nWrite orders: as in {ranges(alike)}.\n"
    text = ""
    for path, order in subject.write_orders.items():
        states = subject.states(path)
        rows = [
            (str(number), f"`{section.event}`", f"`{states[number]}`", _steps(section), _constraints(section))
            for number, section in enumerate(order, start=1)
        ]
        text += f"\n`{path}`:\n" + table(("", "section", "run is then", "steps", "waits, locks, faults"), rows)
    return text


def _steps(section: Section) -> str:
    return " → ".join(f"`{name}`" for name in section.steps) or "(no store changes)"


def _constraints(section: Section) -> str:
    words = []
    if section.in_turn:
        words.append("waits for earlier runs of the batch")
    if section.barrier:
        words.append("waits for the whole batch")
    if section.together:
        words.append("done for the whole batch at once")
    if section.needs_lock:
        words.append("takes the lock")
    if section.keeps_lock:
        words.append("keeps it")
    if section.fenced:
        words.append("left out without a token")
    if section.serving:
        words.append("left out when the service was stopped")
    if any(STEPS[step].home.durable for step in section.steps):
        words.append(ON_FAULT[section.on_fault])
    return ", ".join(words)


def differences() -> str:
    """Return every flag with the revisions in which it is on."""
    rows = [
        (f"`{flag}`", doc, ranges([name for name, known in REVISIONS.items() if getattr(known, flag)]))
        for flag, doc in flag_docs().items()
    ]
    return table(("flag", "meaning", "on in"), rows)


def constants() -> str:
    """Return the time constants, in milliseconds, with the revisions that have them."""
    rows = []
    for f in fields(Constants):
        values: dict[int, list[str]] = {}
        for known in REVISIONS.values():
            values.setdefault(getattr(known.constants, f.name), []).append(known.name)
        rows += [(f"`{f.name}`", f"{value:,}", ranges(names)) for value, names in values.items()]
    return table(("constant", "milliseconds", "in"), rows)


# -- verdicts

def verdict_matrix(bounds: str = "ci") -> str:
    """Return the pinned verdicts as a matrix of properties and revisions, or a note that there are none yet.

    The columns have short heads; the names that they stand for follow below.
    """
    pinned = pins(bounds)
    if pinned is None:
        return "\n*No verdicts are pinned yet.*\n"
    _, heads = short_names(pinned)
    rows = [(f"`{p.id}`", *(mark_of(verdicts.get(p.id, "?")) for verdicts in pinned.values())) for p in PROPERTIES]
    return table(("property", *heads), rows) + f"\nThe revisions: {_code(*pinned)}.\n"


def mark_of(word: str) -> str:
    """Return a pinned verdict as its mark and the length of its shortest race."""
    verdict, _, rest = word.partition(" in ")
    told = f"{LOOKS[verdict][0]} {rest.split()[0]}" if rest else LOOKS[verdict][0] if verdict in LOOKS else word
    return f"**{told}**" if verdict == "violated" else told
