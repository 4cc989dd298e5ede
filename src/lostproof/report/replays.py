"""Replays of scenarios for build systems: JUnit XML, annotations at the expectation that is not met, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from lostproof.report.github import annotation, capped
from lostproof.report.judged import Wanted, write_reports
from lostproof.report.junit import PLAIN_WIDTH, counted, properties, xml_text
from lostproof.report.sources import line_in
from lostproof.report.spec import table
from lostproof.report.text import outcome_view, plain

if TYPE_CHECKING:
    from lostproof.replay import Outcome
    from lostproof.scenarios import Scenario

__all__ = ["write_replays"]

Replayed = Sequence[tuple["Scenario", Sequence["Outcome"]]]


def write_replays(wanted: Wanted, replayed: Replayed) -> None:
    """Write the reports that are wanted.

    Raises:
        BadInput: a file cannot be written.
    """

    def html() -> str:
        from lostproof.report.html import replays_page

        return replays_page(replayed)

    def github() -> tuple[Sequence[str], str]:
        return capped("error", list(_annotations(replayed))), _summary(replayed)

    write_reports(wanted, {"junit": lambda: _junit(replayed), "html": html}, github)


def _junit(replayed: Replayed) -> str:
    root = ElementTree.Element("testsuites", name="lostproof run")
    for scenario, outcomes in replayed:
        suite = ElementTree.SubElement(root, "testsuite", name=f"{scenario.family}/{scenario.name}")
        for outcome in outcomes:
            case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name=outcome.revision)
            properties(case, {"steps": len(outcome.moments), "violated": ", ".join(sorted(outcome.violated))})
            if not outcome.passed:
                told = plain(outcome_view(outcome, PLAIN_WIDTH, scenario.clock_ms or 0), PLAIN_WIDTH)
                ElementTree.SubElement(case, "failure", message="; ".join(outcome.failures)).text = told
        counted(suite)
    counted(root)
    return xml_text(root)


def _annotations(replayed: Replayed) -> Iterator[str]:
    """Yield one annotation for each expectation that is not met, at its line of the file."""
    for scenario, outcomes in replayed:
        for outcome in outcomes:
            for line, failure in zip(outcome.lines, outcome.failures, strict=True):
                title = f"{scenario.name} in {outcome.revision}"
                yield annotation("error", title, failure, line_in(scenario.path, max(line, 1)))


def _summary(replayed: Replayed) -> str:
    rows = [
        (f"`{scenario.family}/{scenario.name}`", f"`{outcome.revision}`", "; ".join(outcome.failures))
        for scenario, outcomes in replayed for outcome in outcomes if not outcome.passed
    ]
    count = sum(len(outcomes) for _, outcomes in replayed)
    if not rows:
        return f"## ✓ lostproof run: all {count} replays are as expected\n"
    head = f"## ✗ lostproof run: {len(rows)} of {count} replays not as expected"
    return f"{head}\n{table(('scenario', 'revision', 'why'), rows)}\n"
