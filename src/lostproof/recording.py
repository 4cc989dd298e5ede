"""Recording: what every revision makes of a scenario, written into the file as what is expected of it.

For people who have written a timeline down. What is recorded is what the model does, not what it should do: it has to be
read before it is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lostproof import replay
from lostproof.errors import BadInput
from lostproof.files import write_whole, writing_into
from lostproof.properties import PROPERTIES
from lostproof.replay import CannotHappen, Outcome
from lostproof.revisions import REVISIONS
from lostproof.scenario_reader import Reader
from lostproof.scenarios import OTHERS, OWN, Expectation, Scenario, in_ranges
from lostproof.tables import chart

__all__ = ["ALWAYS_ASKED", "Recorded", "record"]

ALWAYS_ASKED = (
    "completed-run-never-lost", "executed-run-never-lost", "live-run-never-lost", "record-never-overwritten",
    "no-invented-success", "slot-runs-once",
)
"""The properties that ``holds`` always speaks of. Beside them it speaks of those that the file names there for some
revision, and of those that some revision breaks: who keeps what another one breaks, should go on doing so."""

ABSENT = chart("run").code("absent")
_PLAIN = re.compile(r"[A-Za-z][\w .-]*|\d[\w .-]*[A-Za-z]")


@dataclass(frozen=True)
class Said:
    """What a file says of one revision, in the order and the words of the file."""

    violates: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    observe: tuple[tuple[tuple[str, Any], ...], ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Said:
        """Return what an entry of ``expect`` says."""
        return cls(
            tuple(given.get("violates", ())), tuple(given.get("holds", ())), tuple(given.get("rows", {}).items()),
            tuple(tuple(seen.items()) for seen in given.get("observe", ())),
        )


@dataclass(frozen=True)
class Recorded:
    """What became of one file.

    Attributes:
        path: the file.
        text: its new text.
        changed: whether that differs from the old one.
        told: what revisions make of it that the file did not say, or said otherwise, one line each.
    """

    path: Path
    text: str
    changed: bool
    told: tuple[str, ...]


def record(
    paths: Iterable[Path], revisions: Sequence[str] | None = None, say: Callable[[str], None] | None = None
) -> list[Recorded]:
    """Replay scenario files in all known revisions, and write into each what these make of it.

    With some ``revisions`` only, the files go on saying of the others what they said. ``observe`` is never recorded, and
    stays as it is.

    Raises:
        BadInput: an entry of a timeline cannot happen in some revision, and is not optional; no file is written then.
    """
    readers = [Reader(path) for path in paths]
    wanted = [(scenario, _wanted(scenario, revisions)) for scenario in (reader.scenario() for reader in readers)]
    try:
        # Without expectations, the choice of open moments that is shown is the one that breaks most.
        seen = list(replay.run_all([(replace(scenario, expect={}), names) for scenario, names in wanted], say))
    except CannotHappen as refused:
        hint = "nothing is recorded; mark the entry 'optional: true', or name the revisions to record with --revision"
        raise BadInput(f"{refused}; {hint}") from refused
    recorded = [
        _recorded(reader, scenario, {outcome.revision: outcome for outcome in outcomes})
        for reader, (scenario, _), outcomes in zip(readers, wanted, seen, strict=True)
    ]
    for one in recorded:
        if one.changed:
            with writing_into(one.path.parent):
                write_whole(one.path, one.text)
    return recorded


def _recorded(reader: Reader, scenario: Scenario, seen: Mapping[str, Outcome]) -> Recorded:
    said = {name: Said.of(given) for name, given in reader.expected().items()}
    asked = _asked(said, seen)
    for name, outcome in seen.items():
        before = said.get(name) or said.get(OTHERS) or Said()
        said[name] = Said(
            tuple(judged for judged in _ids() if judged in outcome.violated),
            tuple(judged for judged in _ids() if judged in asked - outcome.violated),
            tuple(_rows(outcome, dict(before.rows))), before.observe,
        )
    text = reader.with_expected("".join(f"  {line}\n" for line in _written(said)))
    told = {name: words for name in seen if (words := _differs(scenario.expect, name, said[name]))}
    lines = tuple(f"{key}: {words}" for key, words in in_ranges(told).items())
    return Recorded(scenario.path, text, text != reader.text, lines)


def _wanted(scenario: Scenario, revisions: Sequence[str] | None) -> list[str]:
    """Return the revisions to replay: all, but where a rule of one's own is the point only those that are spoken of."""
    if revisions:
        return [name for name in REVISIONS if name in revisions]
    return [name for name in (REVISIONS if scenario.own is None else scenario.revisions) if name != OWN]


def _ids() -> Iterator[str]:
    return (known.id for known in PROPERTIES)


def _asked(said: Mapping[str, Said], seen: Mapping[str, Outcome]) -> frozenset[str]:
    """Return the properties that ``holds`` speaks of."""
    named = (*(one.holds for one in said.values()), *(outcome.violated for outcome in seen.values()))
    return frozenset(ALWAYS_ASKED).union(*named)


def _rows(outcome: Outcome, before: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the rows at the end, of every run that came into being, and of those that the file spoke of."""
    model = outcome.model
    end = model.view(outcome.moments[-1].after if outcome.moments else model.initial())
    for k in model.runs:
        name = model.run_name(k)
        if model.step(end, k) != ABSENT or name in before:
            yield name, chart("task").states[end.row[k]]


# -- telling what has changed


def _differs(expect: Mapping[str, Expectation], name: str, now: Said) -> str:
    """Return, in words, what the file did not say of a revision, or said otherwise."""
    before = expect.get(name) or expect.get(OTHERS)
    if before is None:
        return f"new; {_outline(now)}"
    words = [
        f"{judged} is violated, was {'said to hold' if judged in before.holds else 'not spoken of'}"
        for judged in now.violates if judged not in before.violates
    ]
    words += [f"{judged} holds, was said to be violated" for judged in before.violates if judged not in now.violates]
    for run, status in now.rows:
        if before.rows.get(run, status) != status:
            words.append(f"the row of {run} ends {status}, was said to end {before.rows[run]}")
    return "; ".join(words)


def _outline(now: Said) -> str:
    rows = ", ".join(f"{run} {status}" for run, status in now.rows) or "no rows"
    return f"violates {', '.join(now.violates) or 'nothing'}; {rows}"


# -- writing


def _written(said: Mapping[str, Said]) -> Iterator[str]:
    """Yield the lines of ``expect``, without their indentation."""
    known = [said[name] for name in REVISIONS if name in said]
    said = {name: one for name, one in said.items() if name != OTHERS or len(known) < len(REVISIONS)}
    if len(known) == len(REVISIONS) and len(set(known)) == 1:
        said = {OTHERS: known[0], **{name: one for name, one in said.items() if name not in REVISIONS}}
    for key, one in in_ranges(said).items():
        lines = list(_lines(one))
        yield f"{key}:" if lines else f"{key}: {{}}"
        yield from (f"  {line}" for line in lines)


def _lines(one: Said) -> Iterator[str]:
    for kind, names in (("violates", one.violates), ("holds", one.holds)):
        if names:
            yield f"{kind}: [{', '.join(names)}]"
    if one.rows:
        yield f"rows: {_flow(one.rows)}"
    if one.observe:
        yield "observe:"
        yield from (f"  - {_flow(seen)}" for seen in one.observe)


def _flow(pairs: Iterable[tuple[str, Any]]) -> str:
    return f"{{{', '.join(f'{name}: {_scalar(value)}' for name, value in pairs)}}}"


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, int) or re.fullmatch(_PLAIN, value) else json.dumps(value, ensure_ascii=False)
