"""The table of mutants in ``spec/reference.md``, and the judge that it is made with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from lostproof.bounds import Slice
from lostproof.engine.race import Violation
from lostproof.engine.verdicts import explore
from lostproof.properties import PROPERTIES, Property
from lostproof.revisions import Revision
from lostproof.revisions.mutants import MUTANTS, SLICES

__all__ = ["broken", "mutants_table"]


def broken(subject: Revision, slice: str, properties: Sequence[Property] = PROPERTIES) -> dict[str, Violation]:
    """Return the shortest violation of each of ``properties`` that ``subject`` violates in ``slice``, by id."""
    report = explore(subject, Slice(slice, SLICES[slice]), properties)
    return {name: violation for name, (violation, _, _) in report.races.items()}


@cache
def mutants_table() -> str:
    """Return the table of mutants, in Markdown: what is removed, what notices, where, and in how many steps."""
    lines = ["| mutant | the clause that it lacks | killed by (steps of the shortest race) | slice |"]
    lines.append("|---|---|---|---|")
    for mutant in MUTANTS.values():
        if mutant.killed_by:
            properties = [judged for judged in PROPERTIES if judged.id in mutant.killed_by]
            races = broken(mutant.revision, mutant.slice, properties)
            killers = ", ".join(f"`{judged.id}` ({races[judged.id].steps})" for judged in properties)
            where = f"`{mutant.slice}`"
        else:
            covers = " and ".join(f"`{name}`" for name in mutant.covered_by)
            killers, where = f"nothing: covered by the clause of {covers}", "all"
        lines.append(f"| `{mutant.name}` | {mutant.clause} | {killers} | {where} |")
    return "\n".join(lines)
