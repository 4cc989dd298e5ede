"""Verdicts as JUnit XML, which every CI system shows: a suite for each revision, a case for each property."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from lostproof.pinned import word_for

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result, Verdict
    from lostproof.report.judged import Judged

__all__ = ["PLAIN_WIDTH", "counted", "junit_xml", "properties", "xml_text"]


def junit_xml(judged: Judged) -> str:
    """Return the verdicts as JUnit XML.

    What fails the command is a ``failure``, what could not be decided an ``error``. There are no times in it: the same
    verdicts give the same bytes.
    """
    root = ElementTree.Element("testsuites", name=f"lostproof {judged.command}")
    for result in judged.results:
        _suite(root, judged, result)
    counted(root)
    return xml_text(root)


def xml_text(root: ElementTree.Element) -> str:
    """Return a document as text."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(root: ElementTree.Element, judged: Judged, result: Result) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=result.revision.name)
    properties(suite, {
        "bounds": judged.bounds, "states": result.states, "transitions": result.transitions, "depth": result.depth,
    })
    for verdict in result.verdicts:
        _case(suite, judged, result, verdict)
    counted(suite)


def _case(suite: ElementTree.Element, judged: Judged, result: Result, verdict: Verdict) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=result.revision.name, name=verdict.property.id)
    told: dict[str, object] = {"verdict": word_for(verdict)}
    if verdict.slice:
        told["slice"] = verdict.slice
    saved = judged.race_file(result, verdict)
    if saved:
        told["race"] = saved.as_posix()
    properties(case, told)
    problem = judged.problem(result, verdict)
    if problem:
        kind = "error" if verdict.verdict == "inconclusive" else "failure"
        ElementTree.SubElement(case, kind, message=problem, type=verdict.verdict).text = _details(verdict)


def _details(verdict: Verdict) -> str:
    """Return the property's sentence, and the race as the command line shows it."""
    from lostproof.report.text import plain
    from lostproof.report.timeline import race_view

    if verdict.race is None:
        return verdict.property.sentence
    return f"{verdict.property.sentence}\n\n{plain(race_view(verdict.race, PLAIN_WIDTH), PLAIN_WIDTH)}"


PLAIN_WIDTH = 140
"""Columns of a timeline in a report."""


def properties(of: ElementTree.Element, told: dict[str, object]) -> None:
    """Add properties to a suite or a case."""
    section = ElementTree.SubElement(of, "properties")
    for name, value in told.items():
        ElementTree.SubElement(section, "property", name=name, value=str(value))


def counted(of: ElementTree.Element) -> None:
    """Note how many cases a suite, or all suites, have, and how many of them failed."""
    cases = list(of.iter("testcase"))
    of.set("tests", str(len(cases)))
    of.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    of.set("errors", str(sum(case.find("error") is not None for case in cases)))
