"""What the fixtures do: name a rule, judge it, and fail with the shortest race."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from lostproof.bounds import parse_bounds
from lostproof.engine.verdicts import MAX_STATES, Result, Verdict, check
from lostproof.errors import BadInput, unknown
from lostproof.evidence import Decision, Evidence
from lostproof.pinned import word_for
from lostproof.properties import PROPERTIES
from lostproof.report.text import size_line, titled_race
from lostproof.revisions import REVISIONS, Revision, revision
from lostproof.scenarios import save_race
from lostproof.subjects.functions import rule_subject
from lostproof.subjects.places import Asking, subject_at
from lostproof.subjects.subject import with_subject
from lostproof.testing.failures import as_typed, text_of

__all__ = ["Check", "Rules", "refuse_bad_settings"]

Function = Callable[[Evidence], Decision]
BOUNDS, BASE = "ci", "reference"
"""What is taken if neither the test nor the settings say otherwise."""


def refuse_bad_settings(config: pytest.Config) -> None:
    """Look at the settings before any test uses them.

    Raises:
        pytest.UsageError: one of them names something that does not exist.
    """
    for name, read in (("lostproof_base", revision), ("lostproof_bounds", parse_bounds)):
        value = config.getini(name)
        try:
            if value:
                read(value)
        except BadInput as error:
            raise pytest.UsageError(f"{name}: {error}") from None


class _Fixture:
    """What both fixtures know: the settings, the marker of the test, and how it fails."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._config: pytest.Config = request.config

    def _setting(self, name: str, given: str | None, usual: str) -> str:
        """Return what the call says, else the marker, else the settings."""
        marker = self._request.node.get_closest_marker("lostproof")
        marked = marker.kwargs.get(name) if marker else None
        return given or marked or self._config.getini(f"lostproof_{name}") or usual

    def _fail(self, message: str) -> NoReturn:
        __tracebackhide__ = True
        pytest.fail(message, pytrace=False)

    def _revision(self, rule: Function | Revision | str | None, base: str | None) -> Revision:
        """Return what is to be judged as a revision."""
        if isinstance(rule, Revision):
            return rule
        rule = rule if rule is not None else self._setting("rule", None, "")
        if isinstance(rule, str) and rule in REVISIONS:
            return revision(rule)
        into = self._setting("base", base, BASE)
        if callable(rule):
            return self._of_function(rule, revision(into))
        if not rule:
            raise BadInput("no rule: give one to the fixture, or name it: lostproof_rule = \"src/rules.py:decide\"")
        subject = subject_at(rule, Asking(folder=self._config.rootpath))
        return with_subject(revision(base or subject.base or into), subject)

    def _of_function(self, rule: Function, into: Revision) -> Revision:
        code = getattr(rule, "__code__", None)
        path = Path(code.co_filename) if code else Path(__file__)
        name = re.sub(r"\W+", "-", getattr(rule, "__name__", "rule")).strip("-") or "rule"
        place = f"{as_typed(self._config, path)}:{name}"
        subject = rule_subject(rule, name, place, (path, code.co_firstlineno if code else 1))
        mine = with_subject(into, subject)
        # Only a function that its module has by name can be loaded again by a file that names it.
        can_be_named = getattr(rule, "__globals__", {}).get(name) is rule
        return replace(mine, own_rule=(f"{path}:{name}", into.name) if can_be_named else None)


class Rules(_Fixture):
    """Turns the place of a rule into a revision."""

    def __call__(self, place: str | None = None, *, base: str | None = None) -> Revision:
        """Return the revision ``base`` with the rule at ``place`` (any SUBJECT), by default those of the settings."""
        __tracebackhide__ = True
        try:
            return self._revision(place, base)
        except BadInput as error:
            self._fail(str(error))


class Check(_Fixture):
    """Judges a rule, and fails the test if it breaks what it should keep."""

    def __call__(
        self, rule: Function | Revision | str | None = None, *, base: str | None = None, bounds: str | None = None,
        holds: Iterable[str] | None = None, violates: Iterable[str] = (), max_states: int = MAX_STATES,
    ) -> Result:
        """Explore all races around ``rule`` and return the verdicts.

        Args:
            rule: a function, a SUBJECT as for ``check --rule``, a revision or its name; by default that of the settings.
            base: the revision that the rule goes into.
            bounds: how far to explore.
            holds: properties that must hold (or be openly accepted); unless given, all that ``base`` itself keeps.
            violates: properties that must be violated.
            max_states: states after which a slice is given up, which fails the test as inconclusive.
        """
        __tracebackhide__ = True
        try:
            expected = tuple(violates)
            within = self._setting("bounds", bounds, BOUNDS)
            subject = self._revision(rule, base)
            kept = tuple(holds) if holds is not None else self._kept(subject, within, expected, max_states)
            _refuse_bad_names([*kept, *expected])
            judged = [known.id for known in PROPERTIES if known.id in {*kept, *expected}]
            result = check(subject, within, judged, max_states)
        except BadInput as error:
            self._fail(str(error))
        self._note(result)
        wrong = [verdict for verdict in result.verdicts if not _as_wanted(verdict, verdict.property.id in expected)]
        if wrong:
            self._fail(self._told(result, wrong))
        return result

    def _kept(self, subject: Revision, bounds: str, violated: Sequence[str], max_states: int) -> tuple[str, ...]:
        """Return what the revision keeps that the rule goes into: a rule of one's own must be no worse."""
        base = revision(subject.own_rule[1]) if subject.own_rule else REVISIONS.get(subject.name.rpartition("@")[2], subject)
        known = check(base, bounds, None, max_states)
        return tuple(
            verdict.property.id for verdict in known.verdicts
            if verdict.verdict in ("holds", "accepted") and verdict.property.id not in violated
        )

    def _note(self, result: Result) -> None:
        """Leave what was explored in the reports of the test run."""
        self._request.node.user_properties += [
            ("revision", result.revision.name), ("bounds", result.bounds), ("states", result.states),
            ("transitions", result.transitions), ("depth", result.depth),
            *((verdict.property.id, word_for(verdict)) for verdict in result.verdicts),
        ]

    def _told(self, result: Result, wrong: Sequence[Verdict]) -> str:
        """Return what is not as wanted, and the races; how to replay one stands on a line of its own, to be copied."""
        lines = [*map(_complaint, wrong), "", result.revision.title, size_line(result)]
        for verdict in wrong:
            if verdict.verdict == "violated":
                lines += ["", text_of(self._config, partial(titled_race, result, verdict)), self._saved(verdict)]
        return "\n".join(lines)

    def _saved(self, verdict: Verdict) -> str:
        """Save the race of ``verdict``, and say how to replay it."""
        assert verdict.race is not None
        subject = verdict.race.race.model.revision
        if subject.own_rule is None and subject.name not in REVISIONS:
            return "(to get the race as a file, let the rule be a function that a module has by name)"
        path = save_race(verdict.race, self._folder())
        return f"replay it: lostproof run {as_typed(self._config, path)} -v"

    def _folder(self) -> Path:
        """Return where this test's races are saved."""
        given = self._config.getoption("lostproof_save")
        cache = getattr(self._config, "cache", None)
        if given or cache is None:
            root = Path(self._config.invocation_params.dir, given or ".lostproof")
        else:
            root = cache.mkdir("lostproof")
        test = re.sub(r"[^\w.-]+", "-", self._request.node.nodeid).strip("-")
        return root / test


def _refuse_bad_names(names: Iterable[str]) -> None:
    known = [one.id for one in PROPERTIES]
    for name in names:
        if name not in known:
            raise unknown("property", name, known)


def _as_wanted(verdict: Verdict, violated: bool) -> bool:
    return verdict.verdict == "violated" if violated else verdict.verdict in ("holds", "accepted")


def _complaint(verdict: Verdict) -> str:
    name = verdict.property.id
    match verdict.verdict:
        case "inconclusive":
            return f"{name} is inconclusive: {verdict.reason}"
        case "violated":
            assert verdict.race is not None
            return f"{name} is violated: {verdict.race.race.because}"
        case _:
            return f"{name} should be violated, but {'holds' if verdict.verdict == 'holds' else 'is accepted'}"
