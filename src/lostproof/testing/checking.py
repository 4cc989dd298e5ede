"""`lostproof_check`: a rule is judged as `lostproof check` would, and fails the test in words."""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lostproof.bounds import parse_bounds
from lostproof.engine.verdicts import MAX_STATES, Result, Verdict, check
from lostproof.errors import BadInput
from lostproof.pinned import KEPT, pins, word_for
from lostproof.properties import PROPERTIES, property_named
from lostproof.report.text import LOOKS, size_line, titled_race
from lostproof.revisions import REVISIONS, Revision, revision
from lostproof.scenarios import save_race
from lostproof.testing.failures import as_typed, text_of
from lostproof.testing.rules import Given, Rules, Settings

__all__ = ["Check"]


@dataclass(frozen=True)
class _Question:
    """What a test asks: the revision, how far to look, and which verdicts it asserts (ids of properties)."""

    subject: Revision
    bounds: str
    max_states: int
    holds: tuple[str, ...]
    violates: tuple[str, ...]

    def wrong(self, result: Result) -> list[Verdict]:
        """Return the verdicts that are not as asserted, those that are open among them."""
        return [
            verdict for verdict in result.verdicts
            if (verdict.property.id in self.holds and verdict.verdict not in KEPT)
            or (verdict.property.id in self.violates and verdict.verdict != "violated")
        ]


class Check:
    """Judges rules, and fails the test that asks if they do not keep what is asserted."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._node: pytest.Item = request.node
        self._rules = Rules(request)

    def __call__(
        self, rule: Given | None = None, *, base: str | None = None, holds: str | Iterable[str] | None = None,
        violates: str | Iterable[str] = (), bounds: str | None = None, max_states: int = MAX_STATES,
    ) -> Result:
        """Explore all races around ``rule`` and return the verdicts, if they are as asserted.

        Args:
            rule: a function from evidence to a decision, the place of a SUBJECT, a revision or its name; the project's
                (setting ``lostproof_rule``) unless given.
            base: the revision that the rule goes into; the setting ``lostproof_base``, else the rule's own, else
                ``reference``.
            holds: ids of the properties that have to hold, or be openly accepted; all that the base keeps, unless given.
            violates: ids of the properties that have to be violated.
            bounds: a preset or a slice; the setting ``lostproof_bounds``, else ``ci``.
            max_states: states after which a slice is given up, and the test fails as inconclusive.
        """
        __tracebackhide__ = True
        frame = sys._getframe(1)
        where = f"{as_typed(self._config, Path(frame.f_code.co_filename))}:{frame.f_lineno}"
        try:
            question = self._question(rule, base, holds, violates, bounds, max_states)
            result = _result(question)
            wrong = question.wrong(result)
            self._record(question, result)
            failure = self._told(question, result, wrong) if wrong else None
        except BadInput as error:
            failure = str(error)
        if failure is not None:
            pytest.fail(f"{where}: {failure}", pytrace=False)
        return result

    def _question(
        self, rule: Given | None, base: str | None, holds: str | Iterable[str] | None, violates: str | Iterable[str],
        bounds: str | None, max_states: int,
    ) -> _Question:
        settings = Settings.of(self._config, self._node)
        name = bounds or settings.bounds or "ci"
        parse_bounds(name)  # a wrong name is told before a rule is asked
        broken = _ids(violates)
        kept = _ids(holds) if holds is not None else ()
        both = set(kept) & set(broken)
        if both:
            raise BadInput(f"{', '.join(sorted(both))} cannot both hold and be violated")
        subject, known = self._rules.revision(rule, base)
        if holds is None:
            standard = _kept(known, name) if known else _ids(judged.id for judged in PROPERTIES)
            kept = tuple(judged for judged in standard if judged not in broken)
        if not kept and not broken:
            raise BadInput("nothing is asserted: name properties in holds=[…] or violates=[…]")
        return _Question(subject, name, max_states, kept, broken)

    def _record(self, question: _Question, result: Result) -> None:
        """Leave what was found out in the JUnit properties of the test."""
        asserted = {*question.holds, *question.violates}
        told: dict[str, object] = {
            "revision": result.revision.name, "bounds": result.bounds, "states": result.states,
            "transitions": result.transitions, "depth": result.depth,
        }
        told |= {v.property.id: word_for(v) for v in result.verdicts if v.property.id in asserted}
        told["violated"] = ", ".join(v.property.id for v in result.verdicts if v.verdict == "violated")
        self._node.user_properties += told.items()

    # -- what is wrong, in words

    def _told(self, question: _Question, result: Result, wrong: Sequence[Verdict]) -> str:
        violated = [verdict for verdict in wrong if verdict.verdict == "violated"]
        lines = [_headline(result, wrong), f"bounds {result.bounds} · {size_line(result)}"]
        for verdict in wrong:
            if verdict not in violated:
                lines += ["", _without_race(verdict)]
        if violated:
            first, *others = violated
            shown = text_of(self._config, lambda width: titled_race(result, first, width))
            lines += ["", shown, "", *self._replay_lines(first)]
            for verdict in others:
                assert verdict.race is not None
                mark = LOOKS[verdict.verdict][0]
                lines += ["", f"{mark} {verdict.property.id}  {verdict.race.race.because}", *self._replay_lines(verdict)]
        return "\n".join(lines)

    def _replay_lines(self, verdict: Verdict) -> list[str]:
        """Save the race of ``verdict`` and return how to replay it."""
        assert verdict.race is not None
        subject = verdict.race.race.model.revision
        if subject.own_rule is None and REVISIONS.get(subject.name) is not subject:
            return ["(to get the race as a file, let the rule be a function that a module has by name)"]
        try:
            path = save_race(verdict.race, self._folder(), self._config.invocation_params.dir)
        except OSError as error:
            return [f"not saved: {self._folder()}: cannot be written to ({error.strerror})"]
        self._node.user_properties.append(("race", as_typed(self._config, path)))
        command = f"lostproof run {shlex.quote(as_typed(self._config, path))} -v"
        trouble = _trouble(path)
        return [f"saved, but outside this test {trouble}: {command}" if trouble else f"replay it: {command}"]

    def _folder(self) -> Path:
        """Return the folder for this test's races."""
        given = self._config.getoption("lostproof_save")
        if given is not None:
            folder = Path(self._config.invocation_params.dir, given)
        else:
            kept: Any = getattr(self._config, "cache", None)
            # Without pytest's cache there is no better place than that of the tests' other files.
            folder = kept.mkdir("lostproof") if kept else self._node_folder()
        return folder / _slug(self._node.nodeid)

    def _node_folder(self) -> Path:
        factory: pytest.TempPathFactory = self._rules.request.getfixturevalue("tmp_path_factory")
        return factory.getbasetemp() / "lostproof"


def _ids(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(property_named(name).id for name in ([given] if isinstance(given, str) else given)))


def _slug(nodeid: str) -> str:
    """Return a folder's name for a test; two tests never share one."""
    readable = re.sub(r"[^\w.]+", "-", nodeid.replace(".py::", "-")).strip("-.")
    digest = hashlib.sha256(nodeid.encode()).hexdigest()[:8]
    return f"{readable[-80:].lstrip('-.')}-{digest}"


@cache
def _kept(name: str, bounds: str) -> tuple[str, ...]:
    """Return the properties that a known revision keeps."""
    pinned = (pins(bounds) or {}).get(name)
    words = pinned or {verdict.property.id: word_for(verdict) for verdict in check(revision(name), bounds).verdicts}
    return tuple(judged for judged, word in words.items() if word.partition(" ")[0] in KEPT)


_explored: dict[tuple[str, int], list[Result]] = {}


def _result(question: _Question) -> Result:
    """Return the verdicts on all properties. Tests that ask about one rule in turn have it explored once."""
    before = _explored.setdefault((question.bounds, question.max_states), [])
    known = next((result for result in before if result.revision == question.subject), None)
    if known is None:
        known = check(question.subject, question.bounds, None, question.max_states)
        before.append(known)
    return known


def _headline(result: Result, wrong: Sequence[Verdict]) -> str:
    name = result.revision.name
    parts = []
    for kind, verb in (
        ("violated", f"{name} violates"), ("holds", f"{name} should violate, but keeps"),
        ("accepted", f"{name} should violate, but accepts"),
        ("inconclusive", f"inconclusive: {name} may or may not violate"),
    ):
        ids = [verdict.property.id for verdict in wrong if verdict.verdict == kind]
        if ids:
            parts.append(f"{verb} {', '.join(ids)}")
    return "; ".join(parts)


def _without_race(verdict: Verdict) -> str:
    mark = LOOKS[verdict.verdict][0]
    if verdict.verdict == "inconclusive":
        return f"{mark} {verdict.property.id} is inconclusive: {verdict.reason}; raise max_states, or choose smaller bounds"
    told = "holds" if verdict.verdict == "holds" else "is accepted"
    return f"{mark} {verdict.property.id} should be violated, but {told}"


def _trouble(path: Path) -> str:
    """Return why a saved race does not replay from its file, if so."""
    from lostproof.replay import run
    from lostproof.scenarios import load

    try:
        outcomes = run(load(path))
    except BadInput as error:
        return f"it does not replay ({str(error).removeprefix(f'{path}:')})"
    return "" if all(outcome.passed for outcome in outcomes) else "the rule decides otherwise"
