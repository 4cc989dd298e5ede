"""What can be asked for decisions: a rule in Python, a program behind a pipe, a shipped release. All are alike here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema

from lostproof.bounds import Bounds
from lostproof.cubes import word
from lostproof.evidence import CANCELLED, DOMAIN, KEEP, LOST, Decision, Evidence, TabulatedRule, recover
from lostproof.files import schema
from lostproof.revisions import Revision
from lostproof.subjects.pipe import Misbehaviour, Pipe
from lostproof.subjects.worlds import ELSEWHERE, Row, World, evidence_in, world_of

__all__ = ["Subject", "one_by_one", "program_subject", "with_subject"]

INTERRUPTED = recover("interrupted")
RECOVERED = {status: recover(status) for status in ("succeeded", "failed", "timed_out")}

ROWS_TOGETHER = 50
"""How many rows a world has, where many are asked about at once."""

Asked = Callable[[Sequence[Evidence]], list[Decision]]
Swept = Callable[[Iterable[World]], list[list[Decision]]]


@dataclass(frozen=True)
class Subject:
    """Something that decides about rows.

    Attributes:
        name: what it is called in results.
        place: how the command line names it.
        ask: what it decides about rows with some evidence, each in a world of its own; a program is asked in other worlds as
            well, and refused if it decides by anything but the evidence.
        sweep: what it decides about each row of some worlds.
        ask_together: as ``ask``, with many rows in one world, which is faster; None if there is nothing to gain.
        version: of a release or a build of the product, its version.
        base: the revision whose write orders and protocols it belongs to, if that is known.
        told: what is to be said about how its answers were obtained, for a release.
    """

    name: str
    place: str
    ask: Asked
    sweep: Swept
    ask_together: Asked | None = None
    version: str | None = None
    base: str | None = None
    told: Callable[[], dict[str, str]] | None = None

    def ask_all(self, evidences: Sequence[Evidence]) -> list[Decision]:
        """Return the decisions about ``evidences``, the fastest way."""
        return (self.ask_together or self.ask)(evidences)


def one_by_one(ask: Asked) -> Swept:
    """Return how worlds are swept by something that decides about each row from its evidence alone."""

    def sweep(worlds: Iterable[World]) -> list[list[Decision]]:
        worlds = list(worlds)
        decisions = iter(ask([evidence_in(world, row) for world in worlds for row in world.rows]))
        return [[next(decisions) for _ in world.rows] for world in worlds]

    return sweep


def with_subject(base: Revision, subject: Subject, decisions: Sequence[Decision] | None = None) -> Revision:
    """Return ``base`` with the decisions of ``subject`` about every modelled evidence instead of its own rule.

    A rule that consults the job state or the marker is taken to read them once, when a sweep begins, as the product
    does. ``decisions`` are the answers, if they are known already.

    Raises:
        BadInput: the subject crashes, hangs, answers nonsense or contradicts itself.
    """
    mine = base.but(
        f"{subject.name}@{base.name}", f"{base.name} with the rule of {_short(subject.place)}", source=subject.place,
        rule=TabulatedRule(decisions or subject.ask(list(Evidence.domain()))), own_rule=(subject.place, base.name),
    )
    consults_stores = mine.rule_table(Bounds(outcomes=3)).classes > 1
    return replace(mine, caches_evidence=base.caches_evidence or consults_stores)


# -- a program behind a pipe


def program_subject(
    name: str, place: str, command: Sequence[str], *, cwd: Path | None = None, timeout: float = 30, sees_owner: bool = True,
    keep: Path = Path(),
) -> Subject:
    """Return a program that speaks the protocol of `spec/schemas/subject-*.schema.json` as a subject.

    ``timeout`` is in seconds, for a batch of questions. A program that crashes, hangs, answers nonsense, or answers
    differently when asked again raises BadInput, and the question is saved in the folder ``keep``. One that does not see
    which runs a process executes (``sees_owner``) is not asked again for each answer to that.
    """

    def sweep(worlds: Iterable[World]) -> list[list[Decision]]:
        try:
            with Pipe(command, cwd, timeout) as pipe:
                return _sweep(pipe, worlds)
        except Misbehaviour as error:
            raise _saved(error, place, keep) from error

    def ask(evidences: Sequence[Evidence]) -> list[Decision]:
        asked = _seen(evidences, sees_owner)
        decisions = _ask_in_worlds(sweep, asked, 1)
        if difference := _difference(sweep, dict(zip(asked, decisions, strict=True))):
            raise _saved(difference, place, keep)
        return decisions

    def ask_together(evidences: Sequence[Evidence]) -> list[Decision]:
        return _ask_in_worlds(sweep, _seen(evidences, sees_owner), ROWS_TOGETHER)

    return Subject(name, place, ask, sweep, ask_together)


def _sweep(pipe: Pipe, worlds: Iterable[World]) -> list[list[Decision]]:
    """Ask about all worlds, and again in reverse order: an answer must depend on its question alone."""
    asked: list[_Question] = []
    answers: list[bytes] = []
    decisions: list[list[Decision]] = []

    def lines() -> Iterator[bytes]:
        for number, world in enumerate(worlds):
            asked.append(_Question.about(number, world))
            yield asked[-1].line

    for number, answer in enumerate(pipe.ask(lines())):
        answers.append(answer)
        decisions.append(asked[number].decided(answer))
    again = pipe.ask(question.line for question in reversed(asked))
    for question, first, decided, second in zip(asked[::-1], answers[::-1], decisions[::-1], again, strict=True):
        if first != second and question.decided(second) != decided:
            raise Misbehaviour("answered differently when it was asked the same question again", question.line)
    return decisions


@dataclass(frozen=True, slots=True)
class _Question:
    """A question as it goes over the pipe, and the rows that it is about, with their statuses."""

    number: int
    line: bytes
    rows: tuple[tuple[str, str], ...]

    @classmethod
    def about(cls, number: int, world: World) -> _Question:
        line = json.dumps(world.request(number), separators=(",", ":")).encode() + b"\n"
        return cls(number, line, tuple((row.row, row.status) for row in world.rows))

    def decided(self, line: bytes) -> list[Decision]:
        """Return what an answer decides about each row.

        Raises:
            Misbehaviour: it is no answer to the question.
        """
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            told = _short(line.decode(errors="replace"))
            raise Misbehaviour(f"answered with something that is no JSON: {told}", self.line) from None
        with suppress(KeyError, TypeError, AttributeError):
            after = {row["row"]: row for row in answer["rows"]}
            if answer["ask"] == self.number and len(answer["rows"]) == len(after) == len(self.rows):
                return [self._decision(row, status, after[row]) for row, status in self.rows]
        raise Misbehaviour(self._what_is_wrong(answer), self.line)

    def _decision(self, row: str, status: str, after: Mapping[str, Any]) -> Decision:
        new = after["status"]
        if new == status:
            return KEEP
        match new:
            case "lost":
                return LOST
            case "failed" if "interrupted" in (after.get("error") or ""):
                return INTERRUPTED
            case "succeeded" | "failed" | "timed_out":
                return RECOVERED[new]
            case "cancelled":
                return CANCELLED
        raise Misbehaviour(f"answered that {row} goes from {status} to {_short(repr(new))}, which no sweep does", self.line)

    def _what_is_wrong(self, answer: Any) -> str:
        validator = jsonschema.Draft202012Validator(schema("subject-answer"))
        problem = jsonschema.exceptions.best_match(validator.iter_errors(answer))
        if problem is not None:
            where = ".".join(map(str, problem.absolute_path)) or "the answer"
            return f"answered nonsense: {where}: {_short(problem.message)}"
        if answer["ask"] != self.number:
            return f"answered question {answer['ask']} when {self.number} was up"
        return f"answered about {len(answer['rows'])} rows; asked about {', '.join(row for row, _ in self.rows)}, each once"


def _short(text: str) -> str:
    told = " ".join(text.split())
    return told if len(told) <= 120 else f"{told[:117]}…"


def _saved(error: Misbehaviour, place: str, keep: Path) -> Misbehaviour:
    """Return the error with the program's name and the file of the question, or of both questions, one a line."""
    several = error.question.count(b"\n") > 1
    told, which = f"{_short(place)}: {error}", "the questions" if several else "the question"
    path = keep / ("offending-questions.jsonl" if several else "offending-question.json")
    try:
        keep.mkdir(parents=True, exist_ok=True)
        path.write_bytes(error.question)
        told += f"; {which} {'are' if several else 'is'} in {path}"
    except OSError as failed:
        told += f"; {which} could not be saved in {path} ({failed.strerror})"
    return Misbehaviour(told, error.question)


# -- evidence in worlds


def _seen(evidences: Sequence[Evidence], sees_owner: bool) -> Sequence[Evidence]:
    return evidences if sees_owner else [replace(evidence, owner="unknown") for evidence in evidences]


def _ask_in_worlds(sweep: Swept, asked: Sequence[Evidence], rows: int) -> list[Decision]:
    """Ask about each different value once, in worlds of at most ``rows`` rows."""
    groups: dict[tuple[bool, bool, bool], dict[Evidence, None]] = {}
    for evidence in asked:
        whole_process = (evidence.authoritative, evidence.owner == "unknown", evidence.job == "unreadable")
        groups.setdefault(whole_process, {})[evidence] = None
    together = [
        values[first : first + rows] for values in map(list, groups.values()) for first in range(0, len(values), rows)
    ]
    answers: dict[Evidence, Decision] = {}
    for values, decisions in zip(together, sweep(map(world_of, together)), strict=True):
        answers.update(zip(values, decisions, strict=True))
    return [answers[evidence] for evidence in asked]


def _difference(sweep: Swept, decisions: Mapping[Evidence, Decision]) -> Misbehaviour | None:
    """Ask about each evidence once more, in another world, in company and in another order; return what differs first.

    The explorer knows no more of a row than its evidence: a decision that goes by anything else stands in no table.
    """
    backwards = list(decisions)[::-1]
    again = {evidence: last for evidence, (*_, last) in zip(backwards, sweep(map(_in_company, backwards)), strict=True)}
    for evidence, first in decisions.items():
        if again[evidence] != first:
            worlds = (world_of([evidence]), _in_company(evidence))
            one, other = (world.rows[-1].row for world in worlds)
            same = ", ".join(f"{part} {word(getattr(evidence, part))}" for part in DOMAIN)
            return Misbehaviour(
                f"decides {first} about {one} and {again[evidence]} about {other}, with the same evidence ({same})",
                b"".join(_Question.about(number, world).line for number, world in enumerate(worlds)),
            )
    return None


def _in_company(evidence: Evidence) -> World:
    """Return another world with this evidence in its last row, beside a row of another job and a younger one of its own."""
    other = replace(evidence, expired=not evidence.expired, active=not evidence.active)
    world = world_of([other, evidence], ELSEWHERE)
    row = world.rows[-1]
    start = world.now - 1
    younger = Row(f"{row.row}-again", row.job, f"cron:{row.job}:{start}", "running", start, start, start)
    return replace(world, rows=(*world.rows[:-1], younger, row))
