"""The catalogue: every scenario is on it, complete; its index and its links are true, and it says what is missing."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from lostproof.errors import Defect
from lostproof.files import data_root
from lostproof.properties import PROPERTIES, property_named
from lostproof.report import catalogue as page
from lostproof.report.catalogue import FAMILIES, catalogue, not_expressible, symptom
from lostproof.revisions import REVISIONS
from lostproof.scenarios import OWN, Scenario, find, load

SPEC = data_root() / "spec"
FILES = find()
REPORTS = [one["report"] for one in not_expressible()]


@cache
def text() -> str:
    return catalogue()


@cache
def scenarios() -> tuple[Scenario, ...]:
    return tuple(load(path) for path in FILES)


def anchors(markdown: str) -> set[str]:
    """Return what the headings of a document are called in links, as GitHub does."""
    heads = re.findall(r"^#+ (.*)$", markdown, re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def section(head: str) -> str:
    return text().split(f"## {head}\n", 1)[1].split("\n## ", 1)[0]


# -- links


def links() -> list[str]:
    whole = (SPEC / "catalogue.md").read_text(encoding="utf-8").split("<!-- [[[cog")[0] + text()
    return sorted({*re.findall(r"\]\((\S+?)\)", whole), *re.findall(r"<(https?://\S+?)>", whole)})


@pytest.mark.parametrize("link", links())
def test_no_link_is_dead(link: str) -> None:
    """A file that is linked exists, with the heading that is linked; a URL is one that can be followed."""
    if link.startswith("http"):
        parts = urlsplit(link)
        assert parts.scheme == "https"
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
        return
    file, _, heading = link.partition("#")
    target = (SPEC / file).resolve() if file else None
    assert target is None or target.is_file()
    if heading:
        assert heading in anchors(target.read_text(encoding="utf-8") if target else text())


# -- what is on it


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_scenario_is_complete(path: Path) -> None:
    """A scenario says where it comes from, and what some release (or its own rule) and the reference make of it."""
    scenario = load(path)
    assert scenario.source
    assert all(source.strip() for source in scenario.source)
    assert any(name == OWN or REVISIONS[name].shipped for name in scenario.revisions)
    assert "reference" in scenario.revisions
    expected = [scenario.expectation(name) for name in scenario.revisions]
    assert all(one.violates or one.holds or one.rows or one.observe for one in expected)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_scenario_has_its_line(path: Path) -> None:
    """It stands in the section of its family, once, with everything that it says is broken."""
    scenario = load(path)
    (line,) = [line for line in text().splitlines() if f"/{path.name})" in line]
    assert line in section(scenario.family)
    broken = {name for one in scenario.revisions for name in scenario.expectation(one).violates}
    assert {judged.id for judged in PROPERTIES if f"`{judged.id}`" in line} == broken
    if scenario.closest:
        assert scenario.closest[1:].rstrip(".") in line


def test_the_index_counts_what_the_files_say() -> None:
    """For each symptom, the families in which releases show it, with how many scenarios."""
    told = {}
    for line in section("By what you see").splitlines():
        if found := re.fullmatch(r"\| (.*) \| `(.*)` \| (.*) \|", line):
            assert found[1] == symptom(property_named(found[2]))
            told[found[2]] = dict(re.findall(r"\[([\w-]+)\]\(#\1\) (\d+)", found[3]))
    shipped = [name for name, known in REVISIONS.items() if known.shipped]
    seen: dict[str, Counter[str]] = {}
    for scenario in scenarios():
        names = [name for name in (*shipped, OWN) if name in scenario.revisions]
        for judged in {judged for name in names for judged in scenario.expectation(name).violates}:
            seen.setdefault(judged, Counter())[scenario.family] += 1
    assert told == {judged: {family: str(count) for family, count in found.items()} for judged, found in seen.items()}
    assert len(seen) > 8


def test_families_are_counted_and_those_without_a_scenario_named() -> None:
    """A family is a section, or is said to have no scenario yet; its folder is called what it is called."""
    counts = Counter(scenario.family for scenario in scenarios())
    told = section("By family")
    for family, about in FAMILIES.items():
        assert (f"| [{family}](#{family}) | {about} | {counts[family]} |" in told) is bool(counts[family])
        assert (f"\n## {family}\n" in text()) is bool(counts[family])
    missing = re.search(r"No scenario yet: (.*)\.\n", told)
    assert (missing[1].split(", ") if missing else []) == [family for family in FAMILIES if not counts[family]]
    assert list(counts) and set(counts) <= set(FAMILIES)
    assert list(FAMILIES)[-1] == "impossible"


def test_an_unknown_folder_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that nothing is said about is not passed over."""
    monkeypatch.setattr(page, "FAMILIES", {name: told for name, told in FAMILIES.items() if name != "slots"})
    with pytest.raises(Defect, match="without a description: slots"):
        catalogue()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (list(REVISIONS), "everywhere"),
        ([name for name, known in REVISIONS.items() if known.shipped], "all releases"),
        ([*[name for name, known in REVISIONS.items() if known.shipped], "fix-skip"], "all releases, fix-skip"),
        (["reference", "openclaw-2026.4.15"], "4.15, reference"),
        (["rule"], "its own rule"),
    ],
)
def test_revisions_are_told_in_short(names: list[str], words: str) -> None:
    assert page._where(names) == words


def test_neighbours_are_told_as_a_range() -> None:
    shipped = [name for name, known in REVISIONS.items() if known.shipped]
    assert page._where(shipped[1:3]) == "–".join(name.removeprefix("openclaw-2026.") for name in shipped[1:3])


# -- what is not on it


def test_a_report_is_retold_or_cannot_be() -> None:
    """No report is both a scenario and said to be none, and none is listed twice."""
    assert [name for name, count in Counter(REPORTS).items() if count > 1] == []
    assert {scenario.report for scenario in scenarios()} & set(REPORTS) == set()


@pytest.mark.parametrize("one", not_expressible(), ids=lambda one: one["report"])
def test_what_cannot_be_told_has_a_reason(one: dict[str, str]) -> None:
    """The page has the report with its link and the reason."""
    assert f"| [{one['report']}]({one['url']}) | {one['title']} | {one['reason']} |" in section("Not expressible")


def test_a_bad_list_is_a_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry without a reason does not become a line without one."""
    (tmp_path / "spec").mkdir()
    listed = [{"report": "openclaw#1", "url": "https://example.org", "title": "something"}]
    (tmp_path / "spec" / "not-expressible.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    monkeypatch.setattr(page, "data_root", lambda: tmp_path)
    with pytest.raises(Defect, match="'reason' is a required property"):
        not_expressible()
