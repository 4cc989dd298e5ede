"""What two revisions differ in: as data, in their verdicts, and in what can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from typing import Any

from lostproof.cubes import rows_of
from lostproof.engine.situations import Seen, Situation, situations, way_to
from lostproof.engine.verdicts import Result, Verdict, check_all
from lostproof.evidence import DOMAIN, Decision, Domain, Evidence, Rule
from lostproof.model import Model
from lostproof.pinned import KEPT, word_for
from lostproof.report.show import revision_data
from lostproof.revisions import Revision

__all__ = [
    "BETTER", "BOTH", "IS", "OTHER", "WAS", "WORSE", "Change", "Comparison", "Example", "Reach", "change_of", "compare",
    "deciding_rows", "facts", "section_lines", "with_way",
]

WORSE, BETTER, OTHER = "worse", "better", "other"
"""How a verdict changed: a property is violated that was not, the other way round, or neither."""

WAS, IS, BOTH = "was", "is", "both"
"""Where a section of a write order is: only in the first of two, only in the second, or in both."""

SAME = "same"
FACTS = ("guards", "flags", "ways", "constants", "accepts")
ORDERED = ("repair", "ready")


# -- verdicts


def change_of(was: str, now: str) -> str:
    """Return how a verdict changed, given both as they are pinned (``violated in 7 steps``)."""
    before, after = was.split()[0], now.split()[0]
    if before in KEPT and after == "violated":
        return WORSE
    return BETTER if before == "violated" and after in KEPT else OTHER


@dataclass(frozen=True)
class Change:
    """A property with another verdict, or another length of its shortest race."""

    was: Verdict
    now: Verdict

    @property
    def kind(self) -> str:
        """:data:`WORSE`, :data:`BETTER` or :data:`OTHER`."""
        return change_of(word_for(self.was), word_for(self.now))


# -- data


def deciding_rows(one: Revision, other: Revision, parts: Domain = DOMAIN) -> list[dict[str, Any]]:
    """Return where two rules decide differently, as rows that do not overlap: evidence, ``was`` and ``is``.

    With other ``parts`` than those of a modelled world, the rules themselves are asked.
    """
    if one.rule is other.rule:
        return []
    before, after = (_decisions(known, parts) for known in (one, other))
    pairs = [SAME if was == now else f"{was}\n{now}" for was, now in zip(before, after, strict=True)]
    rows = [row for row in rows_of(parts, pairs) if row["decision"] != SAME]
    return [
        {"was": was, "is": now, **{part: row[part] for part in parts}}
        for row in rows for was, now in [row["decision"].split("\n")]
    ]


def _decisions(known: Revision, parts: Domain) -> Sequence[Decision]:
    return known.decisions if parts is DOMAIN else _answers(known.rule, tuple(parts.items()))


@lru_cache(maxsize=8)
def _answers(rule: Rule, parts: tuple[tuple[str, tuple[Any, ...]], ...]) -> tuple[Decision, ...]:
    """Return what ``rule`` decides over ``parts``; releases share few rules, and the whole of a ledger is much to ask."""
    return tuple(map(rule, Evidence.domain(dict(parts))))


def facts(one: Revision, other: Revision) -> list[dict[str, Any]]:
    """Return every other fact about the revisions that differs: what it is about, its name, and both values as words."""
    was, now = revision_data(one), revision_data(other)
    found = [
        {"of": kind, "name": name, "was": _word(was[kind].get(name)), "is": _word(now[kind].get(name))}
        for kind in FACTS
        for name in dict.fromkeys([*was[kind], *now[kind]])
        if was[kind].get(name) != now[kind].get(name)
    ]
    found += [
        {"of": "start-up", "name": kind, "was": _word(was[kind]), "is": _word(now[kind])}
        for kind in ORDERED
        if was[kind] != now[kind]
    ]
    return found + list(_write_orders(was["write_orders"], now["write_orders"]))


def _write_orders(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for path in dict.fromkeys([*was, *now]):
        lines = section_lines(was.get(path, ()), now.get(path, ()))
        gone, new = ([words for where, words in lines if where == side] for side in (WAS, IS))
        if gone or new:
            yield {"of": "write order", "name": path, "was": _word(gone), "is": _word(new)}


def section_lines(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return two write orders as one list of sections in words, each with where it is: in both, or only in one of them."""
    before, after = ([_section(one) for one in order] for order in (was, now))
    lines: list[tuple[str, str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [(BOTH, words) for words in before[a:b]]
        else:
            lines += [(WAS, words) for words in before[a:b]] + [(IS, words) for words in after[c:d]]
    return lines


def _section(data: Mapping[str, Any]) -> str:
    """Return a section of a write order in words: what is done in it, and what it waits for."""
    steps = f"({' '.join(data['steps'])})" if data["steps"] else ""
    more = [name for name, value in data.items() if value is True]
    more += [f"on_fault={data['on_fault']}"] if data["on_fault"] != "skip" else []
    return f"{data['event']}{steps}{''.join(f' +{word}' for word in more)}"


def _word(value: Any) -> str:
    if value is None or value == [] or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


# -- what can be reached


@dataclass(frozen=True)
class Reach:
    """What one revision reaches of something and the other does not."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, was: Iterable[str], now: Iterable[str]) -> Reach:
        """Return the difference, sorted."""
        before, after = set(was), set(now)
        return cls(tuple(sorted(after - before)), tuple(sorted(before - after)))


@dataclass(frozen=True)
class Example:
    """A situation that only one of the revisions reaches: how often, how soon, and a shortest way to it."""

    situation: Situation
    seen: Seen
    slice: str
    way: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Comparison:
    """Two revisions under the same bounds."""

    was: Result
    now: Result

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The properties with another verdict or another length of the shortest race, those that got worse first."""
        pairs = [Change(*both) for both in zip(self.was.verdicts, self.now.verdicts, strict=True)]
        changed = [one for one in pairs if word_for(one.was) != word_for(one.now)]
        return tuple(sorted(changed, key=lambda one: (WORSE, BETTER, OTHER).index(one.kind)))

    @property
    def worse(self) -> tuple[Change, ...]:
        """What is violated now and was not."""
        return tuple(one for one in self.changes if one.kind == WORSE)

    @property
    def inconclusive(self) -> bool:
        """Whether a verdict is open on either side."""
        return any(v.verdict == "inconclusive" for result in (self.was, self.now) for v in result.verdicts)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Where the rules decide differently."""
        return deciding_rows(self.was.revision, self.now.revision)

    @cached_property
    def facts(self) -> list[dict[str, Any]]:
        """What else differs in the revisions' data."""
        return facts(self.was.revision, self.now.revision)

    @cached_property
    def exercised(self) -> dict[str, Reach]:
        """Actions, chart edges, and evidence that sweeps meet, which only one side exercises."""
        was, now = (result.coverage.describe() for result in (self.was, self.now))
        found = {kind: Reach.of(was[kind]["reached"], now[kind]["reached"]) for kind in ("actions", "edges")}
        # The classes of the cron store's evidence are numbered by each rule for itself.
        before, after = ({_live_part(name) for name in side["decisions"]["reached"]} for side in (was, now))
        return {**found, "evidence": Reach.of(before, after)}

    @property
    def surveyed(self) -> bool:
        """Whether the situations of all slices are known on both sides."""
        return self.was.closed and self.now.closed

    @cached_property
    def situations(self) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """The situations that only the second, and only the first, revision reaches; the soonest first."""
        was, now = _all_situations(self.was), _all_situations(self.now)
        return _only(now, was), _only(was, now)


def _live_part(name: str) -> str:
    return name.rpartition(" store=")[0]


def _all_situations(result: Result) -> dict[Situation, Example]:
    """Return the situations of all slices: how often in all, and in which slice soonest."""
    found: dict[Situation, Example] = {}
    for report in result.slices:
        for situation, seen in (report.surveyed or {}).items():
            known = found.get(situation)
            count = seen.count + (known.seen.count if known else 0)
            soonest = known if known and known.seen.depth <= seen.depth else Example(situation, seen, report.slice.name)
            found[situation] = Example(situation, Seen(count, soonest.seen.depth), soonest.slice)
    return found


def _only(mine: Mapping[Situation, Example], other: Mapping[Situation, Example]) -> tuple[Example, ...]:
    return tuple(sorted(
        (example for situation, example in mine.items() if situation not in other),
        key=lambda example: (example.seen.depth, example.situation),
    ))


def with_way(result: Result, example: Example) -> Example:
    """Return a situation with a shortest schedule that leads to it."""
    bounds = next(report.slice.bounds for report in result.slices if report.slice.name == example.slice)
    model = Model(result.revision, bounds)
    labels = tuple(model.actions[number].label(model) for number in way_to(model, example.situation))
    return Example(example.situation, example.seen, example.slice, labels)


def compare(
    was: Revision, now: Revision, bounds: str, max_states: int, say: Callable[[str], None] | None = None, workers: int = 1
) -> Comparison:
    """Explore two revisions under the same bounds.

    Raises:
        BadInput: unknown bounds.
    """
    subjects: Sequence[Revision] = [was] if was is now else [was, now]
    results = check_all(subjects, bounds, None, max_states, say, workers, survey=situations)
    return Comparison(results[0], results[-1])
