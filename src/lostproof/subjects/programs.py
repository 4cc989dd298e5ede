"""A program as a subject: it is asked about evidence in small worlds, and must decide by the evidence alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lostproof.cubes import word
from lostproof.evidence import DOMAIN, Decision, Evidence
from lostproof.subjects.pipe import Misbehaviour, Pipe
from lostproof.subjects.protocol import Question, saved, sweep
from lostproof.subjects.subject import Subject, Swept
from lostproof.subjects.worlds import ELSEWHERE, Row, SmallWorld, world_of

__all__ = ["program_subject"]

ROWS_TOGETHER = 50
"""How many rows a world has, where many are asked about at once."""


def program_subject(
    name: str, place: str, command: Sequence[str], *, cwd: Path | None = None, timeout: float = 30, sees_owner: bool = True,
    keep: Path = Path(),
) -> Subject:
    """Return a program that speaks the protocol of `spec/schemas/subject-*.schema.json` as a subject.

    ``timeout`` is in seconds, for a batch of questions. A program that crashes, hangs, answers nonsense, or answers
    differently when asked again raises BadInput, and the question is saved in the folder ``keep``. One that does not see
    which runs a process executes (``sees_owner``) is not asked again for each answer to that.
    """

    def swept(worlds: Iterable[SmallWorld]) -> list[list[Decision]]:
        try:
            with Pipe(command, cwd, timeout) as pipe:
                return sweep(pipe, worlds)
        except Misbehaviour as error:
            raise saved(error, place, keep) from error

    def ask(evidences: Sequence[Evidence]) -> list[Decision]:
        asked = _seen(evidences, sees_owner)
        decisions = _ask_in_worlds(swept, asked, 1)
        if difference := _difference(swept, dict(zip(asked, decisions, strict=True))):
            raise saved(difference, place, keep)
        return decisions

    def ask_together(evidences: Sequence[Evidence]) -> list[Decision]:
        return _ask_in_worlds(swept, _seen(evidences, sees_owner), ROWS_TOGETHER)

    return Subject(name, place, ask, swept, ask_together)


def _seen(evidences: Sequence[Evidence], sees_owner: bool) -> Sequence[Evidence]:
    return evidences if sees_owner else [replace(evidence, owner="unknown") for evidence in evidences]


def _ask_in_worlds(swept: Swept, asked: Sequence[Evidence], rows: int) -> list[Decision]:
    """Ask about each different value once, in worlds of at most ``rows`` rows."""
    groups: dict[tuple[bool, bool, bool], dict[Evidence, None]] = {}
    for evidence in asked:
        whole_process = (evidence.authoritative, evidence.owner == "unknown", evidence.job == "unreadable")
        groups.setdefault(whole_process, {})[evidence] = None
    together = [
        values[first : first + rows] for values in map(list, groups.values()) for first in range(0, len(values), rows)
    ]
    answers: dict[Evidence, Decision] = {}
    for values, decisions in zip(together, swept(map(world_of, together)), strict=True):
        answers.update(zip(values, decisions, strict=True))
    return [answers[evidence] for evidence in asked]


def _difference(swept: Swept, decisions: Mapping[Evidence, Decision]) -> Misbehaviour | None:
    """Ask about each evidence once more, in another world, in company and in another order; return what differs first.

    The explorer knows no more of a row than its evidence: a decision that goes by anything else stands in no table.
    """
    backwards = list(decisions)[::-1]
    again = {evidence: last for evidence, (*_, last) in zip(backwards, swept(map(_in_company, backwards)), strict=True)}
    for evidence, first in decisions.items():
        if again[evidence] != first:
            worlds = (world_of([evidence]), _in_company(evidence))
            one, other = (world.rows[-1].row for world in worlds)
            same = ", ".join(f"{part} {word(getattr(evidence, part))}" for part in DOMAIN)
            return Misbehaviour(
                f"decides {first} about {one} and {again[evidence]} about {other}, with the same evidence ({same})",
                b"".join(Question.about(number, world).line for number, world in enumerate(worlds)),
            )
    return None


def _in_company(evidence: Evidence) -> SmallWorld:
    """Return another world with this evidence in its last row, beside a row of another job and a younger one of its own."""
    other = replace(evidence, expired=not evidence.expired, active=not evidence.active)
    world = world_of([other, evidence], ELSEWHERE)
    row = world.rows[-1]
    start = world.now - 1
    younger = Row(f"{row.row}-again", row.job, f"cron:{row.job}:{start}", "running", start, start, start)
    return replace(world, rows=(*world.rows[:-1], younger, row))
