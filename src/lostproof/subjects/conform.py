"""Whether a subject decides as a revision's rule says: over all evidence, and in random worlds of several rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lostproof.cubes import rows_of
from lostproof.evidence import DOMAIN, Decision, Domain, Evidence, Rule
from lostproof.subjects.pinned_answers import PARTS
from lostproof.subjects.random_worlds import modelled_worlds, random_worlds
from lostproof.subjects.subject import Subject
from lostproof.subjects.worlds import SmallWorld, evidence_in, world_of

__all__ = ["Comparison", "Conformance", "Disagreement", "conform"]


@dataclass(frozen=True)
class Disagreement:
    """A row about which the subject decides otherwise than the rule: the world, the row's name, and both decisions."""

    world: SmallWorld
    row: str
    evidence: Evidence
    expected: Decision
    found: Decision

    def describe(self) -> dict[str, Any]:
        """Return the disagreement as plain data, with the question that the subject was asked."""
        return {
            "row": self.row,
            "expected": str(self.expected),
            "found": str(self.found),
            "evidence": self.evidence.describe(),
            "question": self.world.request(0),
        }


@dataclass(frozen=True)
class Comparison:
    """One kind of questions: how many decisions were compared, and the disagreements."""

    name: str
    cases: int
    disagreements: list[Disagreement]

    @property
    def agreed(self) -> int:
        """How many decisions agree."""
        return self.cases - len(self.disagreements)


@dataclass(frozen=True)
class Conformance:
    """What came of comparing a subject with a rule.

    Attributes:
        subject: what was asked.
        rule: the name of the rule that it was compared with.
        parts: the parts of the evidence that were told.
        decisions: what the subject decided about every evidence of ``parts``.
        comparisons: over all evidence, and over random worlds.
    """

    subject: Subject
    rule: str
    parts: Domain
    decisions: list[Decision]
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether there is no disagreement at all."""
        return not any(comparison.disagreements for comparison in self.comparisons)

    @property
    def modelled_decisions(self) -> list[Decision]:
        """What the subject decided about every modelled evidence, in the order of the domain."""
        table = dict(zip(Evidence.domain(self.parts), self.decisions, strict=True))
        return [table[evidence.told(self.parts)] for evidence in Evidence.domain()]

    def differing_rows(self) -> list[dict[str, Any]]:
        """Return where the decisions differ, as rows of evidence with ``expected → found``."""
        wrong = {one.evidence: f"{one.expected} → {one.found}" for one in self.comparisons[0].disagreements}
        agreed = "agrees"
        rows = rows_of(self.parts, [wrong.get(evidence, agreed) for evidence in Evidence.domain(self.parts)])
        return [row for row in rows if row["decision"] != agreed]


def conform(
    subject: Subject, rule: Rule, *, whole: bool, worlds: int, seed: int, say: Callable[[str], None] | None = None
) -> Conformance:
    """Compare ``subject`` with ``rule``.

    With ``whole`` over everything that a real ledger can hold, as it suits a release, else over what a modelled world
    can produce. ``worlds`` is the number of random worlds, drawn from ``seed``.
    """
    parts = PARTS if whole else DOMAIN
    evidences = list(Evidence.domain(parts))
    if say:
        say(f"asking {subject.place} about {len(evidences):,} kinds of rows")
    decisions = subject.ask_all(evidences)
    name = rule.__name__ if rule.__name__.isidentifier() else "a rule without a name"
    result = Conformance(subject, name, parts, decisions)
    result.comparisons.append(Comparison("all evidence", len(evidences), _over_evidence(rule, evidences, decisions)))
    if say:
        say(f"asking {subject.place} about {worlds:,} random worlds")
    drawn = list((random_worlds if whole else modelled_worlds)(seed, worlds))
    result.comparisons.append(_over_worlds(rule, drawn, subject.sweep(drawn)))
    return result


def _over_evidence(rule: Rule, evidences: Sequence[Evidence], decisions: Sequence[Decision]) -> list[Disagreement]:
    wrong = []
    for evidence, found in zip(evidences, decisions, strict=True):
        expected = rule(evidence)
        if expected != found:
            world = world_of([evidence])
            wrong.append(Disagreement(world, world.rows[0].row, evidence, expected, found))
    return wrong


def _over_worlds(rule: Rule, worlds: Sequence[SmallWorld], answers: Sequence[Sequence[Decision]]) -> Comparison:
    wrong = []
    for world, decisions in zip(worlds, answers, strict=True):
        for row, found in zip(world.rows, decisions, strict=True):
            evidence = evidence_in(world, row)
            expected = rule(evidence)
            if expected != found:
                wrong.append(Disagreement(world, row.row, evidence, expected, found))
    return Comparison(f"{len(worlds):,} random worlds", sum(len(world.rows) for world in worlds), wrong)
