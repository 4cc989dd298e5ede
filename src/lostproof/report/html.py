"""One HTML file that shows what was found: the matrix, each race step by step, and the lifecycles.

Everything is in the file: style, program and data, as plain files in ``page`` beside this module. The data is JSON in
which no ``<`` is left, so that no name of a rule or title of a scenario can end it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lostproof import __version__
from lostproof.engine.coverage import Coverage
from lostproof.pinned import word_for
from lostproof.properties import PROPERTIES, property_named
from lostproof.report.choices import choices_rows
from lostproof.report.data import ACTIONS, check_data, matrix_data
from lostproof.report.page_charts import charts_data, exercised
from lostproof.report.page_timelines import Timelines, fields_data, homes_data
from lostproof.report.text import LOOKS
from lostproof.report.timeline import no_return_words, why_words
from lostproof.revisions import REVISIONS

if TYPE_CHECKING:
    from lostproof.engine.verdicts import Result, Verdict
    from lostproof.replay import Outcome
    from lostproof.report.judged import Judged
    from lostproof.revisions import Revision
    from lostproof.scenarios import Expectation, Scenario

__all__ = ["html_page", "replays_page"]

PROGRAM = ("vendor/htm-preact.js", "world.js", "diagram.js", "charts.js", "page.js")
"""The files of the program, in order."""


def html_page(judged: Judged) -> str:
    """Return the page of the verdicts of ``check`` or ``matrix``."""
    timelines = Timelines()
    if judged.command == "matrix":
        data = matrix_data(judged.bounds, judged.slices, judged.results, judged.expected, judged.drifted)
    else:
        data = check_data(judged.bounds, judged.slices, judged.results)
    races: list[dict[str, Any]] = []
    revisions = []
    for result, told in zip(judged.results, data["results"], strict=True):
        verdicts = []
        for verdict, words in zip(result.verdicts, told["properties"], strict=True):
            verdicts.append(_verdict(verdict, words, len(races)))
            if verdict.race is not None:
                races.append(_race(timelines, result, verdict))
        exercise = {kind: told["exercised"][kind] for kind in ("actions", "decisions")}
        revisions.append({**_revision(result.revision), **told, "properties": verdicts, "exercised": exercise})
    found = {
        "command": judged.command,
        "bounds": data["bounds"],
        "pinned": data.get("pinned", False),
        "drift": data.get("drift", []),
        "properties": _properties([verdict.property.id for verdict in judged.results[0].verdicts]),
        "revisions": revisions,
        "races": _with_keys(races),
        "charts": charts_data({result.revision.name: result.coverage for result in judged.results}),
    }
    return _page({**found, **timelines.shared()})


def replays_page(replayed: Sequence[tuple[Scenario, Sequence[Outcome]]]) -> str:
    """Return the page of what revisions made of scenarios."""
    timelines = Timelines()
    races: list[dict[str, Any]] = []
    scenarios = []
    coverage: dict[str, Coverage] = {}
    revisions: dict[str, Revision] = {}
    for scenario, outcomes in replayed:
        cells = []
        for outcome in outcomes:
            revisions.setdefault(outcome.revision, REVISIONS.get(outcome.revision, outcome.model.revision))
            coverage.setdefault(outcome.revision, Coverage()).add(exercised(outcome.model, outcome.moments))
            cells.append({"revision": outcome.revision, "passed": outcome.passed, "race": len(races),
                          "violated": sorted(outcome.violated)})
            races.append(_replay(timelines, scenario, outcome))
        scenarios.append({
            "name": scenario.name, "family": scenario.family, "title": scenario.title,
            "about": " ".join(scenario.about.split()), "source": list(scenario.source), "outcomes": cells,
        })
    known = [name for name in REVISIONS if name in revisions]
    ordered = [*known, *(name for name in revisions if name not in REVISIONS)]
    found = {
        "command": "run",
        "properties": _properties([known.id for known in PROPERTIES]),
        "revisions": [{**_revision(revisions[name]), "revision": name} for name in ordered],
        "scenarios": scenarios,
        "races": _with_keys(races),
        "charts": charts_data({name: coverage[name] for name in ordered}),
    }
    return _page({**found, **timelines.shared()})


# -- parts


def _properties(judged: Sequence[str]) -> list[dict[str, Any]]:
    known = map(property_named, judged)
    return [{"id": one.id, "kind": one.kind, "sentence": one.sentence, "formula": one.formula} for one in known]


def _revision(revision: Revision) -> dict[str, Any]:
    return {"title": revision.title, "source": revision.source, "guards": dict(revision.guards)}


def _verdict(verdict: Verdict, told: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a verdict as the JSON of the command has it, with its race by number."""
    kept = {name: value for name, value in told.items() if name not in ("race", "continuation")}
    return {**kept, "word": word_for(verdict), "race": None if verdict.race is None else number}


def _race(timelines: Timelines, result: Result, verdict: Verdict) -> dict[str, Any]:
    timed = verdict.race
    assert timed is not None
    race = timed.race
    return {
        "key": f"{result.revision.name}/{verdict.property.id}",
        "revision": result.revision.name,
        "property": verdict.property.id,
        "verdict": verdict.verdict,
        "slice": verdict.slice,
        "bounds": race.model.bounds.describe(),
        "length": race.steps,
        "faults": race.faults,
        "why": why_words(timed),
        "decided": no_return_words(timed),
        "timeline": timelines.timeline(
            race.model, timed.moments, verdict.property, timed.point_of_no_return, steps=timed.steps
        ),
    }


def _replay(timelines: Timelines, scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    clock = scenario.clock_ms or 0
    return {
        "key": f"{scenario.name}/{outcome.revision}",
        "revision": outcome.revision,
        "scenario": scenario.name,
        "verdict": "holds" if outcome.passed else "violated",
        "bounds": outcome.model.bounds.describe(),
        "failures": list(outcome.failures),
        "violated": sorted(outcome.violated),
        "lasting": [list(pair) for pair in outcome.lasting],
        "expected": _expectation(scenario.expectation(outcome.revision)),
        "tried": [list(row) for row in choices_rows(outcome, clock)],
        "timeline": timelines.timeline(
            outcome.model, outcome.moments, point=outcome.point_of_no_return or None, start_ms=clock
        ),
    }


def _expectation(expected: Expectation) -> dict[str, Any]:
    seen = [f"{one.run} {one.what} {one.value}" for one in expected.observe]
    return {
        "violates": list(expected.violates), "holds": list(expected.holds), "rows": dict(expected.rows), "observes": seen,
    }


def _with_keys(races: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number the keys that several races have in common (scenarios of different folders may have one name)."""
    seen: dict[str, int] = {}
    for race in races:
        seen[race["key"]] = seen.get(race["key"], 0) + 1
        if seen[race["key"]] > 1:
            race["key"] += f" ({seen[race['key']]})"
    return races


# -- the file


def _page(found: Mapping[str, Any]) -> str:
    shared = {
        "lostproof": __version__,
        "looks": {verdict: mark for verdict, (mark, _) in LOOKS.items()},
        "actions": ACTIONS,
        "fields": fields_data(),
        "homes": homes_data(),
    }
    folder = files("lostproof.report") / "page"
    parts = {
        "page.css": _text(folder, "page.css"),
        "notice": _comment(_text(folder, "vendor/README")),
        "program": "\n".join(_text(folder, name) for name in PROGRAM),
        "data": json.dumps({**shared, **found}, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return re.sub(r"\[\[([a-z.]+)\]\]", lambda match: parts[match[1]], _text(folder, "page.html"))


def _text(folder: Any, name: str) -> str:
    return str(folder.joinpath(*name.split("/")).read_text(encoding="utf-8"))


def _comment(text: str) -> str:
    return text.replace("--", "- -")
