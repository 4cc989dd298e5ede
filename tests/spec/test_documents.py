"""The documents say what the code says: generated parts, examples, links, and nothing left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cogapp import Cog
from sybil import Example

from lostproof.evidence import DOMAIN, Evidence
from lostproof.fields import FIELDS
from lostproof.properties import PROPERTIES
from lostproof.report import spec
from lostproof.report.rules import rule_rows
from lostproof.report.show import every_action
from lostproof.revisions import REVISIONS
from lostproof.steps import REPAIRS, STEPS
from lostproof.tables import chart

FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.+?)\s*$", re.MULTILINE)


def test_generated_parts_are_up_to_date(document: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = document.relative_to(root).as_posix()
    status = Cog().main(["cog", "--check", "--diff", name])
    assert status == 0, f"refresh it with: cog -r {name}\n{capsys.readouterr().out}"


def test_examples_do_what_they_say(examples: list[Example]) -> None:
    for example in examples:
        example.evaluate()


def test_links_lead_somewhere(document: Path) -> None:
    dead = [target for target in _links(document) if not _exists(document, target)]
    assert dead == []


def _links(document: Path) -> Iterator[str]:
    prose = FENCE.sub("", document.read_text(encoding="utf-8"))
    for target in LINK.findall(prose):
        if not re.match(r"[a-z]+:", target):
            yield target


def _exists(document: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.exists():
        return False
    return not anchor or anchor in _anchors(path)


def _anchors(path: Path) -> set[str]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    headings = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}
    return headings | set(re.findall(r'(?:id|name)="([^"]+)"', text))


# -- nothing left out


ACTIONS = dict.fromkeys(a.name for r in REVISIONS.values() for a in every_action(r))
CHARTS = ("task", "run", "gateway")
SUBJECTS: dict[str, list[str]] = {
    "properties.md": [p.id for p in PROPERTIES],
    "revisions.md": [*REVISIONS, *STEPS, *{step for r in REVISIONS.values() for step in r.repair}],
    "verdicts.md": list(REVISIONS),
    "world.md": [*(f.name for f in FIELDS), *ACTIONS, *STEPS, *REPAIRS],
    "lifecycles.md": [name for c in map(chart, CHARTS) for name in (*c.states, *c.events, *c.guards)],
}
UNUSED_STEPS = {"clear_marker", "record_result"}
"""Parts of other steps: no write order of a known revision names them alone."""


@pytest.mark.parametrize("name", SUBJECTS)
def test_nothing_is_left_out(name: str, root: Path) -> None:
    text = (root / "spec" / name).read_text(encoding="utf-8")
    known = SUBJECTS[name] if name != "revisions.md" else [s for s in SUBJECTS[name] if s not in UNUSED_STEPS]
    assert [subject for subject in known if f"`{subject}`" not in text] == []


def test_the_map_mentions_every_document(root: Path) -> None:
    text = (root / "spec" / "README.md").read_text(encoding="utf-8")
    documents = [path.name for path in root.glob("spec/*.md") if path.name != "README.md"]
    assert [name for name in documents if f"({name})" not in text] == []


@pytest.mark.parametrize("name", REVISIONS)
def test_decision_tables_say_what_the_rules_say(name: str) -> None:
    rows = rule_rows(REVISIONS[name])
    for evidence, decision in zip(Evidence.domain(), REVISIONS[name].decisions, strict=True):
        words = {part: {True: "yes", False: "no"}.get(value, value) for part, value in evidence.describe().items()}
        meant = [row["decision"] for row in rows if all(row[p] == "*" or words[p] in row[p] for p in DOMAIN)]
        assert meant == [str(decision)]


@pytest.mark.parametrize("name", CHARTS)
def test_diagrams_show_every_change_of_state(name: str) -> None:
    shown = {
        (source, target): set(re.sub(r" \[\w+\]", "", events).split(", "))
        for source, target, events in re.findall(r"^    (\w+) --> (\w+): (.+)$", spec.diagram(name), re.MULTILINE)
    }
    drawn: dict[tuple[str, str], set[str]] = {}
    for edge in chart(name).edges:
        if edge.source != edge.target:
            drawn.setdefault((edge.source, edge.target), set()).add(edge.event)
    assert shown == drawn
