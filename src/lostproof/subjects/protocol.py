"""The protocol by which a program is asked: a question a line, an answer a line, and what an answer says about each row.

The formats are `spec/schemas/subject-request.schema.json` and `spec/schemas/subject-answer.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from lostproof.errors import short
from lostproof.evidence import CANCELLED, KEEP, LOST, Decision, recover
from lostproof.files import schema
from lostproof.subjects.pipe import Misbehaviour, Pipe
from lostproof.subjects.worlds import SmallWorld, is_interrupted

__all__ = ["Question", "saved", "sweep"]

INTERRUPTED = recover("interrupted")
RECOVERED = {status: recover(status) for status in ("succeeded", "failed", "timed_out")}


def sweep(pipe: Pipe, worlds: Iterable[SmallWorld]) -> list[list[Decision]]:
    """Ask about all worlds, and again in reverse order: an answer must depend on its question alone."""
    asked: list[Question] = []
    answers: list[bytes] = []
    decisions: list[list[Decision]] = []

    def lines() -> Iterator[bytes]:
        for number, world in enumerate(worlds):
            asked.append(Question.about(number, world))
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
class Question:
    """A question as it goes over the pipe, and the rows that it is about, with their statuses."""

    number: int
    line: bytes
    rows: tuple[tuple[str, str], ...]

    @classmethod
    def about(cls, number: int, world: SmallWorld) -> Question:
        """Return the question about ``world``."""
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
            told = short(line.decode(errors="replace"))
            raise Misbehaviour(f"answered with something that is no JSON: {told}", self.line) from None
        with suppress(KeyError, TypeError, AttributeError):
            after = {row["row"]: row for row in answer["rows"]}
            if answer["ask"] == self.number and len(answer["rows"]) == len(after) == len(self.rows):
                return [self._decision(row, status, after[row]) for row, status in self.rows]
        raise Misbehaviour(self._what_is_wrong(answer), self.line)

    def _decision(self, row: str, status: str, after: Mapping[str, Any]) -> Decision:
        new, error = after["status"], after.get("error")
        if not isinstance(error, str | None):
            raise TypeError("an error is a text")
        if new == status:
            return KEEP
        match new:
            case "lost":
                return LOST
            case "failed" if is_interrupted(error):
                return INTERRUPTED
            case "succeeded" | "failed" | "timed_out":
                return RECOVERED[new]
            case "cancelled":
                return CANCELLED
        raise Misbehaviour(f"answered that {row} goes from {status} to {short(repr(new))}, which no sweep does", self.line)

    def _what_is_wrong(self, answer: Any) -> str:
        validator = jsonschema.Draft202012Validator(schema("subject-answer"))
        problem = jsonschema.exceptions.best_match(validator.iter_errors(answer))
        if problem is not None:
            where = ".".join(map(str, problem.absolute_path)) or "the answer"
            return f"answered nonsense: {where}: {short(problem.message)}"
        if answer["ask"] != self.number:
            return f"answered question {answer['ask']} when {self.number} was up"
        return f"answered about {len(answer['rows'])} rows; asked about {', '.join(row for row, _ in self.rows)}, each once"


def saved(error: Misbehaviour, place: str, keep: Path) -> Misbehaviour:
    """Return the error with the program's name and the file of the question, or of both questions, one a line."""
    several = error.question.count(b"\n") > 1
    told, which = f"{short(place)}: {error}", "the questions" if several else "the question"
    path = keep / ("offending-questions.jsonl" if several else "offending-question.json")
    try:
        keep.mkdir(parents=True, exist_ok=True)
        path.write_bytes(error.question)
        told += f"; {which} {'are' if several else 'is'} in {path}"
    except OSError as failed:
        told += f"; {which} could not be saved in {path} ({failed.strerror})"
    return Misbehaviour(told, error.question)
