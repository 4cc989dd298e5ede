"""Verdicts as SARIF 2.1.0, which code scanning reads: one result for each problem, its race as a code flow.

What a command does not fail because of is left out, except for violations that a revision openly accepts: those are
suppressed results, with the proof as their justification.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lostproof import __version__
from lostproof.engine.stepper import changes
from lostproof.properties import PROPERTIES
from lostproof.report.data import ACTIONS, cell_name, dump, value_name
from lostproof.report.sources import SourceLine, line_in, line_of_action, line_of_revision
from lostproof.report.text import plural
from lostproof.report.timeline import lines_of, no_return_words, why_words

if TYPE_CHECKING:
    from lostproof.drivers.concrete import TimedRace
    from lostproof.engine.verdicts import Result, Verdict
    from lostproof.report.judged import Judged
    from lostproof.report.timeline import Line

__all__ = ["sarif_log"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
PROJECT, PACKAGE = "%SRCROOT%", "LOSTPROOF"
BASES = {PROJECT: "the root of the project that was checked", PACKAGE: "the folder that lostproof is installed in"}
LEVELS = {"violated": "error", "accepted": "note", "inconclusive": "warning", "holds": "error"}
"""How grave a problem is. What holds and was pinned otherwise has drifted, which fails the build as well."""


def sarif_log(judged: Judged) -> str:
    """Return the problems among the verdicts as a SARIF log."""
    rules = [_rule(known.id, known.sentence, known.formula) for known in PROPERTIES]
    run = {
        "tool": {"driver": {"name": "lostproof", "semanticVersion": __version__, "rules": rules}},
        "automationDetails": {"id": f"lostproof {judged.command}/{judged.bounds}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {base: {"description": {"text": words}} for base, words in BASES.items()},
        "results": [_result(judged, result, verdict, problem) for result, verdict, problem in _problems(judged)],
    }
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _problems(judged: Judged) -> Iterator[tuple[Result, Verdict, str]]:
    for result in judged.results:
        for verdict in result.verdicts:
            problem = judged.problem(result, verdict)
            if problem is None and verdict.verdict == "accepted" and verdict.race is not None:
                problem = verdict.race.race.because
            if problem is not None:
                yield result, verdict, problem


def _rule(name: str, sentence: str, formula: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": sentence},
        "help": {"text": f"{sentence}\n{formula}", "markdown": f"{sentence}\n\n```\n{formula}\n```"},
        "defaultConfiguration": {"level": "error"},
    }


def _result(judged: Judged, result: Result, verdict: Verdict, problem: str) -> dict[str, Any]:
    name = result.revision.name
    saved = judged.race_file(result, verdict)
    data: dict[str, Any] = {
        "ruleId": verdict.property.id,
        "ruleIndex": [known.id for known in PROPERTIES].index(verdict.property.id),
        "level": LEVELS[verdict.verdict],
        "message": {"text": f"{name}: {problem}."},
        "locations": [_location(line_of_revision(result.revision))],
        "partialFingerprints": {"verdict/v1": hashlib.sha256(f"{name} {verdict.property.id}".encode()).hexdigest()},
        "properties": {"revision": name, "bounds": judged.bounds, "verdict": verdict.verdict, "slice": verdict.slice},
    }
    if verdict.race is not None:
        data["codeFlows"] = [_code_flow(verdict.race)]
        data["properties"]["pointOfNoReturn"] = verdict.race.point_of_no_return
    if saved:
        data["relatedLocations"] = [_location(line_in(saved, 1), "the race, as a file that replays it")]
    if verdict.verdict == "accepted":
        data["suppressions"] = [{"kind": "inSource", "justification": verdict.reason}]
    return data


def _code_flow(timed: TimedRace) -> dict[str, Any]:
    race = timed.race
    rows = lines_of(race.model, timed.moments, race.property, steps=timed.steps)
    decided = no_return_words(timed) or "the last step decides it"
    return {
        "message": {"text": f"the shortest race: {plural(race.steps, 'step')}; {decided}"},
        "threadFlows": [{"locations": [_step(timed, row) for row in rows]}],
    }


def _step(timed: TimedRace, row: Line) -> dict[str, Any]:
    model = timed.race.model
    changed = changes(model, row.moment.before, row.moment.after)
    decisive = row.broken or row.number == timed.point_of_no_return
    return {
        "location": _location(line_of_action(model, row.moment.action), _words(timed, row)),
        "executionOrder": row.number,
        "module": row.lane,
        "importance": "essential" if decisive else "important" if row.changed else "unimportant",
        "state": {cell_name(model, cell): {"text": value_name(model, cell, new)} for cell, _, new in changed},
    }


def _words(timed: TimedRace, row: Line) -> str:
    """Return a step in one line: when, who, what, what changed, and whether it decides anything."""
    what = ACTIONS[timed.race.model.actions[row.moment.action].name]
    parts = [f"{row.time}  {row.lane}: {row.label} ({what})", *(words for _, words in row.changed)]
    if row.number > timed.steps:
        parts.append("in the continuation")
    if row.number == timed.point_of_no_return:
        parts.append("◆ no return from here")
    if row.broken:
        parts.append(f"✗ {why_words(timed)}")
    return "; ".join(parts)


def _location(line: SourceLine, words: str | None = None) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": {
        "artifactLocation": {"uri": quote(line.file), "uriBaseId": PROJECT if line.mine else PACKAGE},
        "region": {"startLine": line.line},
    }}
    if words:
        location["message"] = {"text": words}
    return location
