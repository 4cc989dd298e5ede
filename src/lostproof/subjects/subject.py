"""What can be asked for decisions: a rule in Python, a program behind a pipe, a shipped release. All are alike here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from lostproof.bounds import Bounds
from lostproof.errors import short
from lostproof.evidence import Decision, Evidence, TabulatedRule
from lostproof.revisions import Revision
from lostproof.subjects.worlds import SmallWorld, evidence_in

__all__ = ["Asked", "Subject", "Swept", "one_by_one", "with_subject"]

Asked = Callable[[Sequence[Evidence]], list[Decision]]
Swept = Callable[[Iterable[SmallWorld]], list[list[Decision]]]


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

    def sweep(worlds: Iterable[SmallWorld]) -> list[list[Decision]]:
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
        f"{subject.name}@{base.name}", f"{base.name} with the rule of {short(subject.place)}", source=subject.place,
        rule=TabulatedRule(decisions or subject.ask(list(Evidence.domain()))), own_rule=(subject.place, base.name),
    )
    consults_stores = mine.rule_table(Bounds(outcomes=3)).classes > 1
    return replace(mine, caches_evidence=base.caches_evidence or consults_stores)
