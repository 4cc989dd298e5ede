"""The catalogue of scenarios, generated from their files: find the incident that looks like yours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema
import yaml

from lostproof.errors import Defect
from lostproof.files import data_root, schema
from lostproof.properties import PROPERTIES, Property
from lostproof.report.spec import table
from lostproof.revisions import REVISIONS
from lostproof.scenarios import OWN, PRODUCT, RANGE, Scenario, find, in_ranges, load

__all__ = ["FAMILIES", "catalogue", "not_expressible", "symptom"]

FAMILIES = {
    "witness-failure": "The run is well; what should have told so is silent, or was never asked.",
    "witness-too-generous": "The run is gone; something goes on telling that it is not.",
    "identity": "The evidence is there, and is not recognised as that run's, or taken for another's.",
    "split-commit": "The gateway dies between two writes that belong together.",
    "terminal-precedence": "A run has two ends, and the wrong one stays: who may still speak when a row is closed?",
    "ownership": "Somebody interferes with a run that somebody else is at work on.",
    "slots": "A scheduled time is executed twice, or not at all.",
    "clock": "The wall clock steps, or the machine sleeps, and times stop meaning what they say.",
    "shutdown": "The gateway goes in good order; what it leaves behind is not in order.",
    "storage": "A write fails, or a store says something else than the other.",
    "delivery": "The work is done; what came of it arrives twice, or nowhere.",
    "admission": "Somebody was told that the run is accepted, and nobody has it.",
    "retention": "What would have told how it was is deleted before anybody asked.",
    "impossible": "No rule can be right here: two worlds leave the same disk behind.",
}
"""What the scenarios of a folder have in common."""

SYMPTOMS = {
    "completed-run-never-lost": "a row became lost although the run log or the job state said how its run ended",
    "executed-run-never-lost": "a row says lost, and the work was done",
    "live-run-never-lost": "a row became lost while its run still worked",
    "live-run-never-closed": "a row was closed, as lost or as interrupted, while its run still worked",
    "record-never-overwritten": "a row said how its run ended, and then something else",
    "row-agrees-with-record": "a row and the run log or the job state contradict each other",
    "row-agrees-with-truth": "a row does not say how its run really ended",
    "no-invented-success": "a row says succeeded, and its run did not",
    "job-runs-alone": "a run of a job began while another one still worked",
    "result-waits-for-nobody": "a run was done, and had to wait for others before it was written down",
    "job-state-agrees-with-row": "the job's last result is not that of its latest run",
    "evidence-outlives-its-use": "the last word about how a run ended was deleted before the row said so",
    "result-delivered-once": "somebody got the same result, or the same alert, twice",
    "slot-runs-once": "the work of one scheduled time was done twice",
    "slot-not-dropped": "a scheduled time passed, nothing ran, and nothing says why",
    "job-not-blocked": "a job never runs again",
    "vanished-run-is-closed": "a row stays running for ever, and its run is gone",
    "completed-run-converges": "how a run ended is recorded, and its row never says so",
    "result-not-dropped": "a result, or an alert, never arrived, and nothing says why",
    "acknowledged-run-not-dropped": "a run was accepted, never began, and nothing says why",
    "false-lost-is-repaired": "a row stays lost, and how its run ended is recorded",
}
"""What somebody sees who meets a violation of a property, for those that have words of their own for it."""


def not_expressible() -> list[Mapping[str, str]]:
    """Return the reports that no scenario can retell: ``report``, ``url``, ``title`` and ``reason``."""
    path = data_root() / "spec" / "not-expressible.yaml"
    told: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    problem = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema("not-expressible")).iter_errors(told)
    )
    if problem is not None:
        raise Defect(f"{path}: {problem.message}")
    return list(told)


def catalogue(folder: str = "../scenarios") -> str:
    """Return all built-in scenarios by family, as Markdown; ``folder`` is where links find them."""
    scenarios = [load(path) for path in find()]
    stray = {scenario.family for scenario in scenarios} - set(FAMILIES)
    if stray:
        raise Defect(f"scenario families without a description: {', '.join(sorted(stray))}")
    by_family = {family: [one for one in scenarios if one.family == family] for family in FAMILIES}
    parts = [*_index(scenarios), *_families(by_family, scenarios)]
    for family, mine in by_family.items():
        if mine:
            heads = ("what happened", "where it goes wrong, and what breaks", "the reference ends with", "source")
            parts += [f"\n## {family}\n\n{FAMILIES[family]}", table(heads, [_row(one, folder) for one in mine])]
    return "\n".join([*parts, *_reasons()])


# -- the ways in


def _index(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Yield what somebody may see, with the families in which releases (or a rule of one's own) do so."""
    rows = []
    for judged in PROPERTIES:
        seen = Counter(one.family for one in scenarios if any(_released(name) for name in _breaking(one, judged.id)))
        if seen:
            where = ", ".join(f"[{family}](#{family}) {seen[family]}" for family in FAMILIES if seen[family])
            rows.append((symptom(judged), f"`{judged.id}`", where))
    yield "\n## By what you see"
    yield table(("what you see", "what is broken", "where to look, and in how many scenarios"), rows)


def symptom(judged: Property) -> str:
    """Return what somebody sees who meets a violation of a property."""
    return SYMPTOMS.get(judged.id, f"it is not so that {judged.sentence}")


def _families(by_family: Mapping[str, Sequence[Scenario]], scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Yield how many scenarios there are, by family and by the system that was reported."""
    rows = [(f"[{name}](#{name})", FAMILIES[name], str(len(mine))) for name, mine in by_family.items() if mine]
    yield "\n## By family"
    yield table(("family", "what they have in common", "scenarios"), rows)
    missing = ", ".join(name for name, mine in by_family.items() if not mine)
    if missing:
        yield f"No scenario yet: {missing}.\n"
    systems = Counter(one.system for one in scenarios)
    told = ", ".join(f"{name} {systems[name]}" for name in sorted(systems, key=lambda name: (name != PRODUCT, name)))
    reports = len({one.report for one in scenarios if one.report})
    yield f"By system: {told}. Reports retold: {reports}, and {len(not_expressible())} that [cannot be](#not-expressible)."


# -- scenarios


def _row(scenario: Scenario, folder: str) -> Sequence[str]:
    title = f"[{scenario.title}]({folder}/{scenario.family}/{scenario.path.name})"
    alike: dict[str, list[str]] = {}
    for judged in PROPERTIES:
        if where := _breaking(scenario, judged.id):
            alike.setdefault(_where(where), []).append(f"`{judged.id}`")
    told = [f"{where}: {', '.join(names)}" for where, names in alike.items()]
    return (
        f"{title}<br>{_sentence(scenario.closest)}" if scenario.closest else title, "<br>".join(told) or "nothing",
        _rows(scenario), ", ".join([*([scenario.system] if scenario.system != PRODUCT else []), *_sources(scenario)]),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _breaking(scenario: Scenario, judged: str) -> list[str]:
    """Return the revisions that break a property in a scenario."""
    return [name for name in scenario.revisions if judged in scenario.expectation(name).violates]


def _released(name: str) -> bool:
    return name == OWN or REVISIONS[name].shipped


def _where(names: Iterable[str]) -> str:
    """Return revisions in short: releases without the year, neighbours as a range."""
    names = set(names)
    if names >= set(REVISIONS):
        return "everywhere"
    shipped = {name for name, known in REVISIONS.items() if known.shipped}
    parts = ["all releases"] if shipped <= names else []
    rest = names - shipped if parts else names
    parts += [_short(key) for key in in_ranges(dict.fromkeys(sorted(rest), True))]
    return ", ".join(parts)


def _short(key: str) -> str:
    """Return a revision, or a range of them, as this page calls it."""
    ends = [name.removeprefix(f"{PRODUCT}-").removeprefix("2026.") for name in key.split(RANGE)]
    return "its own rule" if key == OWN else "–".join(ends)


def _rows(scenario: Scenario) -> str:
    """Return the rows at the end, as the reference design leaves them."""
    rows = scenario.expectation("reference").rows if "reference" in scenario.revisions else {}
    jobs = {run.partition(".")[0] for run in rows}
    return ", ".join(f"{run if len(jobs) > 1 else run.partition('.')[2]} {status}" for run, status in rows.items()) or "–"


def _sources(scenario: Scenario) -> Iterator[str]:
    """Yield the sources as short links, or as they are."""
    for source in scenario.source:
        found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)/(?:issues|pull)/(\d+)(?:#.*)?", source)
        if found:
            yield f"[{found[2]}#{found[3]}]({source})"
        elif source.startswith("spec/"):
            yield f"[{source.partition('#')[0]}]({source.removeprefix('spec/')})"
        else:
            yield f"<{source}>" if source.startswith("https://") else source


# -- what is not here


def _reasons() -> Iterator[str]:
    """Yield the reports that cannot be told with this model, and why."""
    yield "\n## Not expressible\n\nReports of this kind that no scenario retells, because the model has no words for them."
    yield table(("report", "what happened", "why not here"), [
        (f"[{one['report']}]({one['url']})", one["title"], one["reason"]) for one in not_expressible()
    ])
