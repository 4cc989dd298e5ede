"""The findings name releases, races and properties; each race is a scenario that breaks what it is said to break."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lostproof.properties import PROPERTIES
from lostproof.revisions import REVISIONS
from lostproof.scenarios import OWN, Scenario, load

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "spec" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", TEXT, re.MULTILINE))
FINDINGS = {title: body for title, body in SECTIONS.items() if "\n- Releases: " in body}
WAYS = re.findall(r"^\| (real [a-z ]+|model only) \|", TEXT, re.MULTILINE)


def field(title: str, name: str) -> str:
    """Return what the finding says in one of its fields."""
    found = re.findall(rf"^- {name}: (.+)$", FINDINGS[title], re.MULTILINE)
    assert len(found) == 1, f"{title}: {name} is said {len(found)} times"
    return str(found[0])


def races(title: str) -> list[Scenario]:
    """Return the scenarios that a finding links to."""
    return [load(ROOT / "spec" / link) for link in re.findall(r"\]\((\.\./scenarios/[^)]+)\)", field(title, "Race"))]


def modelled(title: str) -> list[str]:
    """Return the modelled revisions among the releases of a finding."""
    named = [f"openclaw-{version}" for version in re.findall(r"\d+\.\d+\.\d+", field(title, "Releases"))]
    return [name for name in named if name in REVISIONS]


def test_there_are_findings() -> None:
    assert len(FINDINGS) >= 10
    assert {"real gateway", "real service", "real decision code", "model only"} == set(WAYS)


@pytest.mark.parametrize("title", FINDINGS)
def test_a_finding_says_how_it_was_confirmed(title: str) -> None:
    assert any(field(title, "Confirmed by").startswith(way) for way in WAYS)
    assert modelled(title)


@pytest.mark.parametrize("title", FINDINGS)
def test_the_races_of_a_finding_break_what_it_says(title: str) -> None:
    known = {judged.id for judged in PROPERTIES}
    broken = set(re.findall(r"`([a-z-]+)`", field(title, "Breaks")))
    assert broken <= known
    if field(title, "Race").startswith("none"):
        return
    told: set[str] = set()
    for scenario in races(title):
        for revision in (*modelled(title), OWN):
            expectation = scenario.expect.get(revision)
            told |= set(expectation.violates) if expectation else set()
    assert broken <= told


@pytest.mark.parametrize("title", FINDINGS)
def test_every_release_of_a_finding_that_is_modelled_shows_it(title: str) -> None:
    broken = set(re.findall(r"`([a-z-]+)`", field(title, "Breaks")))
    for revision in modelled(title) if races(title) and broken else []:
        shown = {
            judged for scenario in races(title) for name in (revision, OWN)
            if name in scenario.expect for judged in scenario.expect[name].violates
        }
        assert broken & shown, f"{revision} shows nothing of it"
