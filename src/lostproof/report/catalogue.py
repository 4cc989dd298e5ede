"""The catalogue of scenarios, generated from their files: find the incident that looks like yours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lostproof.errors import Defect
from lostproof.report.spec import table
from lostproof.revisions import REVISIONS
from lostproof.scenarios import OWN, Scenario, find, load

__all__ = ["FAMILIES", "catalogue"]

FAMILIES = {
    "witness-failure": "The run is well; what should have told so is silent, or was never asked.",
    "witness-too-generous": "The run is gone; something goes on telling that it is not.",
    "identity": "The evidence is there, and is not recognised as that run's, or taken for another's.",
    "split-commit": "The gateway dies between two writes that belong together.",
    "ownership": "Somebody interferes with a run that somebody else is at work on.",
    "slots": "A scheduled time is executed twice, or not at all.",
    "storage": "A write fails, or a store says something else than the other.",
    "clock": "The wall clock is set, or the machine sleeps: what is old or due changes at once.",
    "retention": "What was kept for a while is deleted, needed or not.",
    "impossible": "No rule can be right here: two worlds leave the same disk behind.",
}
"""What the scenarios of a folder have in common."""


def catalogue(folder: str = "../scenarios") -> str:
    """Return all built-in scenarios by family, as Markdown; ``folder`` is where links find them."""
    scenarios = [load(path) for path in find()]
    stray = {scenario.family for scenario in scenarios} - set(FAMILIES)
    if stray:
        raise Defect(f"scenario families without a description: {', '.join(sorted(stray))}")
    parts = []
    for family, told in FAMILIES.items():
        mine = [scenario for scenario in scenarios if scenario.family == family]
        rows = [_row(scenario, folder) for scenario in mine]
        parts += [f"\n## {family}\n\n{told}", table(("scenario", "breaks", "in", "source"), rows)]
    return "\n".join(parts)


def _row(scenario: Scenario, folder: str) -> Sequence[str]:
    file = f"{folder}/{scenario.family}/{scenario.path.name}"
    return (
        f"[{scenario.title}]({file})", ", ".join(f"`{name}`" for name in _broken(scenario)) or "nothing",
        _where(scenario), ", ".join(map(_source, scenario.source)),
    )


def _broken(scenario: Scenario) -> list[str]:
    """Return the properties that are violated in some revision, in the order in which revisions name them."""
    return list(dict.fromkeys(name for one in scenario.revisions for name in scenario.expectation(one).violates))


def _where(scenario: Scenario) -> str:
    """Return the revisions in which something is violated."""
    broken = [name for name in scenario.revisions if scenario.expectation(name).violates]
    if set(broken) == set(REVISIONS):
        return "all revisions"
    return ", ".join("its own rule" if name == OWN else name.removeprefix("openclaw-") for name in broken) or "none"


def _source(source: str) -> str:
    """Return a source as a short link, or as it is."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)/(?:issues|pull)/(\d+)(?:#.*)?", source)
    if found:
        return f"[{found[2]}#{found[3]}]({source})"
    return f"<{source}>" if source.startswith("https://") else source
