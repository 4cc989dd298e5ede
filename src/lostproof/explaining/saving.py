"""Explanations as scenario files, which replay, pass, and expect what was observed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lostproof.errors import BadInput
from lostproof.explaining.explain import Answer, Explanation
from lostproof.explaining.facts import ABOUT_RUNS
from lostproof.explaining.notes import Notes
from lostproof.explore.saving import outcome_of
from lostproof.fields import LOGS
from lostproof.report.explanations import title_of
from lostproof.scenarios import SUFFIX, slug, write_path
from lostproof.tables import chart

__all__ = ["save_answers"]

TASK = chart("task")


def save_answers(notes: Notes, answers: list[Answer], folder: Path) -> list[Path]:
    """Write each explanation into ``folder``; return the files.

    Raises:
        BadInput: the folder cannot be written to.
    """
    try:
        return [
            _save(notes, one, folder / f"{slug(f'{notes.name} {answer.revision.name} {number}')}{SUFFIX}")
            for answer in answers for number, one in enumerate(answer.explanations, start=1)
        ]
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written to ({error.strerror})") from error


def _save(notes: Notes, one: Explanation, path: Path) -> Path:
    rows, violated = outcome_of(one.model, one.moments)
    observed = list(_observed(notes, one))
    return write_path(
        path, one.model, one.moments, title=title_of(notes, one),
        about=f"One explanation of the notes {notes.name}: {notes.title}.",
        expect={
            **({"violates": violated} if violated else {}),
            **({"rows": rows} if rows else {}),
            **({"observe": observed} if observed else {}),
        },
    )


def _observed(notes: Notes, one: Explanation) -> Iterator[dict[str, Any]]:
    """Yield the changes of rows and logs that were seen, as a scenario expects them."""
    for seen, met in zip(notes.seen, one.met, strict=True):
        if seen.fact.kind not in ABOUT_RUNS or seen.fact.lasts or not met.step:
            continue
        moment = one.moments[met.step - 1]
        before, after = one.model.view(moment.before), one.model.view(moment.after)
        for k in one.model.runs:
            head = {"at": moment.at_ms, "within": 0, "run": one.model.run_name(k)}
            if seen.fact.kind == "row" and before.row[k] != after.row[k]:
                yield {**head, "row": TASK.states[after.row[k]]}
            elif seen.fact.kind == "log" and before.log[k] != after.log[k]:
                yield {**head, "log": LOGS[after.log[k]]}
