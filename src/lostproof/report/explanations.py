"""Explanations for people and as plain data: a title in words, the timeline, and where each note is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lostproof import __version__
from lostproof.explaining.explain import KINDS, Answer, Explanation, mix_words
from lostproof.explaining.facts import ABOUT_RUNS
from lostproof.explaining.notes import Notes
from lostproof.explaining.telling import Told
from lostproof.report.data import steps_data
from lostproof.report.timeline import clock_time, timeline

__all__ = ["explain_data", "explain_view", "title_of"]

BY = {
    "first sweep": "the first sweep of a start", "sweep": "a regular sweep", "offline pass": "an offline pass",
    "start-up": "a start-up", "tick": "the timer's tick",
}
FARES = {
    "cut off": "a run that was cut off", "over": "a run whose work was done", "unbegun": "a run that never began",
}
PATHS = {"timer": "timer", "catch_up": "catch-up", "manual": "manual"}
LIVES = {
    "restart_in_process": "the gateway restarts inside its process", "crash": "the gateway is killed",
    "exit": "the gateway is stopped by a SIGTERM",
}
VERDICTS = {"explained": ("✓", "bold green"), "impossible": ("✗", "bold red"), "inconclusive": ("≈", "bold yellow")}


def title_of(notes: Notes, one: Explanation) -> str:
    """Return what an explanation comes down to, in one line."""
    parts = [words for told in one.told if not _told_before(notes, told) and (words := _told_words(notes, one, told))]
    return "; ".join(parts) or f"with {mix_words(one.faults)}"


def _told_before(notes: Notes, told: Told) -> bool:
    """Return whether a note about work says the same as one before it."""
    fact = notes.seen[told.note].fact
    earlier = [(seen.fact.kind, seen.fact.subject) for seen in notes.seen[: told.note] if not seen.fact.lasts]
    return fact.kind == "work" and ("work", fact.subject) in earlier


def _told_words(notes: Notes, one: Explanation, told: Told) -> str:
    fact = notes.seen[told.note].fact
    if fact.kind == "gateway":
        return LIVES.get(told.by, "")
    path = PATHS.get(told.path, "")
    who = f"{path} run{_other(notes, one, told)}"
    if fact.kind == "log":
        return f"the {fact.value} line is that of a {who}"
    if fact.kind == "work":
        return f"the work is that of a {who}"
    if told.by == "run":
        return f"a {who} says itself {fact.value}"
    run = FARES.get(told.run) or f"a live {path} run" + (" of the service before" if told.outlived else "")
    return f"{BY.get(told.by, told.by)} makes {run}{_other(notes, one, told)} {fact.value}"


def _other(notes: Notes, one: Explanation, told: Told) -> str:
    """Return how a run lies to the runs of the notes before, in words."""
    name = notes.seen[told.note].fact.subject
    earlier = [
        seen.fact.subject for seen in notes.seen[: told.note]
        if seen.fact.kind in ABOUT_RUNS and seen.fact.subject in one.names and seen.fact.subject != name
    ]
    if name not in one.names or not earlier or name in [s.fact.subject for s in notes.seen[: told.note]]:
        return ""
    same = [other for other in dict.fromkeys(earlier) if one.names[other] == one.names[name]]
    return f", the {same[0]} one itself" if same else ", another one"


# -- text


def explain_view(notes: Notes, answers: Sequence[Answer], width: int, brief: bool = False) -> RenderableType:
    """Return what each revision makes of the notes; ``brief`` leaves out the timelines."""
    parts: list[RenderableType] = [Text.assemble((notes.name, "bold"), f"  {notes.title}"), ""]
    for answer in answers:
        parts += [_answer_view(notes, answer, width, brief)]
    return Group(*parts)


def _answer_view(notes: Notes, answer: Answer, width: int, brief: bool) -> RenderableType:
    mark, style = VERDICTS[answer.verdict]
    head = Text.assemble((f"{mark} ", style), (answer.revision.name, "bold"), f"  {_verdict_words(notes, answer)}")
    remarks = [*_unmet_words(notes, answer), *(f"not looked at: {limit}" for limit in answer.limits)]
    parts: list[RenderableType] = [head, *(Padding(Text(remark, "dim"), (0, 0, 0, 2)) for remark in remarks)]
    for number, one in enumerate(answer.explanations, start=1):
        title = Text.assemble((f"{number}. ", "bold"), title_of(notes, one), (f"  ({mix_words(one.faults)})", "dim"))
        parts.append(Padding(title, (0, 0, 0, 2)))
        if not brief:
            parts += ["", *_explanation_view(notes, one, width), ""]
    if not (answer.explanations and not brief):
        parts.append("")
    return Group(*parts)


def _verdict_words(notes: Notes, answer: Answer) -> str:
    count = len(answer.explanations)
    if count:
        return f"{count} explanation{'s' if count > 1 else ''}{'' if answer.complete else ', and perhaps more'}"
    if answer.complete:
        return f"this cannot have been {answer.revision.name}: no explanation with {bounds_words(notes)}"
    return "no explanation found, but the search did not come to its end"


def _unmet_words(notes: Notes, answer: Answer) -> list[str]:
    """Return what is in the way of an explanation, in words."""
    if answer.verdict != "impossible":
        return []
    if not answer.unmet:
        return ["each note could be met, but not all of them in one world and at these times"]
    return [f"nothing there ever meets: {notes.seen[number].words}" for number in answer.unmet]


def bounds_words(notes: Notes) -> str:
    """Return within which bounds there is no explanation, in words."""
    most = [f"{kind}={getattr(notes.bounds, kind)}" for kind in KINDS if getattr(notes.bounds, kind)]
    return (
        f"at most {notes.faults} of {', '.join(most) or 'no faults'}, {notes.bounds.runs} runs of a job, "
        f"and {notes.bounds.slots} slot{'s' if notes.bounds.slots > 1 else ''}"
    )


def _explanation_view(notes: Notes, one: Explanation, width: int) -> list[RenderableType]:
    start = notes.clock_ms + one.start_ms
    seen: dict[int, str] = {}
    table = Table.grid(padding=(0, 2, 0, 0))
    for number, (note, met) in enumerate(zip(notes.seen, one.met, strict=True), start=1):
        in_step = not note.fact.lasts
        if in_step:
            seen[met.step] = f"{seen[met.step]}, {number}" if met.step in seen else f"seen {number}"
        where = f"in step {met.step}" if in_step else f"after step {met.step}"
        run = one.model.run_name(one.names[note.fact.subject]) if note.fact.subject in one.names else ""
        table.add_row(f"seen {number}", note.words, run, Text(f"{where}, {clock_time(notes.clock_ms + met.at_ms)}", "dim"))
    quiet = [replace(moment, broken=()) for moment in one.moments]
    return [timeline(one.model, quiet, width, start_ms=start, seen=seen), Padding(table, (0, 0, 0, 2))]


# -- data


def explain_data(notes: Notes, answers: Sequence[Answer], saved: Sequence[Path] = ()) -> dict[str, Any]:
    """Return what each revision makes of the notes, as plain data."""
    files = iter(saved)
    return {
        "lostproof": __version__,
        "observed": notes.name,
        "clock_ms": notes.clock_ms,
        "bounds": {**notes.bounds.describe(), "faults": notes.faults},
        "tempo": vars(notes.tempo),
        "results": [
            {
                "revision": answer.revision.name,
                "verdict": answer.verdict,
                "complete": answer.complete,
                "limits": list(answer.limits),
                "nodes": answer.nodes,
                "unmet": [number + 1 for number in answer.unmet],
                "explanations": [
                    {**_explanation_data(notes, one), **({"scenario": str(next(files))} if saved else {})}
                    for one in answer.explanations
                ],
            }
            for answer in answers
        ],
    }


def _explanation_data(notes: Notes, one: Explanation) -> dict[str, Any]:
    return {
        "title": title_of(notes, one),
        "faults": one.faults,
        "told": [
            {"note": told.note + 1, "by": told.by, "path": told.path or None, "run": told.run or None,
             "outlived": told.outlived}
            for told in one.told
        ],
        "names": {name: one.model.run_name(k) for name, k in one.names.items()},
        "start_ms": one.start_ms,
        "met": [
            {"note": number, "words": note.words, "line": note.line, "step": met.step, "at_ms": met.at_ms}
            for number, (note, met) in enumerate(zip(notes.seen, one.met, strict=True), start=1)
        ],
        "timeline": steps_data(one.model, one.moments),
    }
