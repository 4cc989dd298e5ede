"""What came of comparing real code with a revision, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from lostproof import __version__
from lostproof.engine.verdicts import Result
from lostproof.report.data import result_data
from lostproof.report.text import listing
from lostproof.revisions import Revision
from lostproof.subjects.conform import Conformance, Disagreement

__all__ = ["conformance_data", "conformance_view"]

SHOWN = 10
"""How many disagreements of each kind are shown to people."""


def conformance_data(
    result: Conformance, known: Revision, seed: int, judged: Sequence[Result] | None, worse: Sequence[str]
) -> dict[str, Any]:
    """Return the JSON of ``conform``."""
    return {
        "lostproof": __version__,
        "subject": result.subject.place,
        "revision": known.name,
        "rule": result.rule,
        "seed": seed,
        "agrees": result.agrees,
        "comparisons": [
            {
                "name": comparison.name,
                "cases": comparison.cases,
                "agreed": comparison.agreed,
                "disagreements": [wrong.describe() for wrong in comparison.disagreements],
            }
            for comparison in result.comparisons
        ],
        "differing": result.differing_rows(),
        "results": [result_data(one) for one in judged[:1]] if judged else [],
        "worse": list(worse),
    }


def conformance_view(result: Conformance, known: Revision) -> RenderableType:
    """Return the comparison for people: a table of counts, and what differs, with a concrete world."""
    rows = [
        {
            "asked about": comparison.name,
            "decisions": f"{comparison.cases:,}",
            "agree": f"{comparison.agreed:,}",
            "": _share(comparison.agreed, comparison.cases),
        }
        for comparison in result.comparisons
    ]
    lines: list[RenderableType] = [
        Text.assemble((result.subject.place, "bold"), f"  against {result.rule}, the rule of {known.name}"), "",
        listing(rows, ["asked about", "decisions", "agree", ""], header=True),
    ]
    differing = result.differing_rows()
    if differing:
        lines += ["", "decides otherwise (expected → found):", _differing(differing[:SHOWN])]
        lines += [f"… and {len(differing) - SHOWN} more rows"] if len(differing) > SHOWN else []
    for comparison in result.comparisons:
        if comparison.disagreements:
            lines += ["", f"first in {comparison.name}:", *_world(comparison.disagreements[0])]
    if result.agrees:
        lines += ["", Text("✓ decides as the rule does, everywhere", "green")]
    return Group(*lines)


def _share(agreed: int, cases: int) -> str:
    """Return the share in per cent, cut off rather than rounded: 100 % means all."""
    return f"{agreed * 1000 // cases / 10:g} %" if cases else "-"


def _differing(rows: Sequence[dict[str, Any]]) -> RenderableType:
    told = [
        {
            "decision": f"  {row['decision']}",
            "where": " ".join(f"{part}={'|'.join(row[part])}" for part in row if part != "decision" and row[part] != "*"),
        }
        for row in rows
    ]
    return listing(told, ["decision", "where"])


def _world(wrong: Disagreement) -> list[RenderableType]:
    """Return a disagreement with what its world has about the row; times count from the row's start."""
    world = wrong.world
    row = next(row for row in world.rows if row.row == wrong.row)
    start = row.started if row.started is not None else row.created

    def when(time: int | None) -> str:
        return "no time" if time is None else f"{time - start:+,} ms"

    told = [
        f"{row.row}: {row.status}, run id {row.run!r}, started {start}, last event {when(row.last_event)}"
        + (f", error {row.error!r}" if row.error else ""),
        f"swept at {when(world.now)} by {'the gateway' if world.authoritative else 'an offline process'}; "
        f"active jobs: {', '.join(world.active_jobs) or 'none'}",
    ]
    for job in world.jobs:
        if job.job == row.job:
            last = f"{job.last.status} at {when(job.last.at)}{_because(job.last.error)}" if job.last else "none"
            told.append(f"{job.job}: marker {'none' if job.marker is None else when(job.marker)}; last result {last}")
    told += [
        f"log of {line.job}: {line.status} at {when(line.run_at)}{_because(line.error)}"
        for line in world.log if line.job == row.job
    ]
    told += [f"on disk: {there.row} {there.status}{_because(there.error)}" for there in world.ledger if there.run == row.run]
    told.append(f"expected {wrong.expected}, found {wrong.found}")
    return [Text(f"  {line}") for line in told]


def _because(error: str | None) -> str:
    return f" ({error})" if error else ""
