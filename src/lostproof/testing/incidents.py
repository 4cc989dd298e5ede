"""Scenario files as tests: one for each revision that a scenario speaks of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from lostproof.errors import BadInput
from lostproof.replay import Outcome, run
from lostproof.report.text import outcome_view
from lostproof.scenarios import OWN, Scenario, load
from lostproof.testing.failures import as_typed, text_of, told_at

__all__ = ["NotAsExpected", "ScenarioFile", "ScenarioTest"]


class NotAsExpected(Exception):
    """A replay is not what the scenario says. The message is all that there is to tell."""


class ScenarioFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each revision."""
        try:
            scenario = load(self.path)
        except BadInput as error:
            raise self.CollectError(self.typed(str(error))) from None
        for name in scenario.revisions:
            yield ScenarioTest.from_parent(self, name=name, scenario=scenario)

    def typed(self, message: str) -> str:
        """Return a message about this file with its path as it is typed."""
        return message.replace(str(self.path), self.typed_path)

    @cached_property
    def typed_path(self) -> str:
        """The file as it is typed."""
        return as_typed(self.config, self.path)


class ScenarioTest(pytest.Item):
    """The replay of a scenario in one revision."""

    parent: ScenarioFile

    def __init__(self, *, scenario: Scenario, **more: Any) -> None:
        super().__init__(**more)
        self._scenario = scenario
        self._expected = scenario.expectation(self.name)
        self.add_marker(pytest.mark.lostproof)

    def runtest(self) -> None:
        """Replay, and compare with what is expected."""
        self.user_properties += [("scenario", self._scenario.name), ("revision", self.name)]
        try:
            (outcome,) = run(self._scenario, [self.name])
        except BadInput as error:
            raise NotAsExpected(f"{self.parent.typed(str(error))}\n\n{self._replay_line()}") from None
        self.user_properties += [("steps", len(outcome.moments)), ("violated", ", ".join(sorted(outcome.violated)))]
        if not outcome.passed:
            raise NotAsExpected(self._told(outcome))

    def _told(self, outcome: Outcome) -> str:
        """Return what was expected and where, what happened instead, and how to see it again."""
        file = self.parent.typed_path
        wrong = [f"{file}:{line}: {told}" for line, told in zip(outcome.lines, outcome.failures, strict=True)]
        happened = text_of(
            self.config, lambda width: outcome_view(outcome, width, self._scenario.clock_ms or 0, failures=False)
        )
        title = f"{self._scenario.family}/{self._scenario.name}  {self._scenario.title}"
        return "\n".join([*wrong, "", title, happened, "", self._replay_line()])

    def _replay_line(self) -> str:
        # The revision with the file's own rule has no name outside the file.
        chosen = "" if self.name == OWN else f" --revision {self.name}"
        return f"replay it: lostproof run {shlex.quote(self.parent.typed_path)}{chosen} -v"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what is not as expected, in words; a traceback only for what is lostproof's own fault."""
        if not isinstance(excinfo.value, NotAsExpected):
            return super().repr_failure(excinfo, style)
        place = re.match(rf"{re.escape(self.parent.typed_path)}:(\d+): ", str(excinfo.value))
        return told_at(excinfo, self.parent.typed_path, int(place[1]) if place else self._expected.line())

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the line of the expectation (counted from 0), and what the replay is called."""
        return self.path, max(self._expected.line() - 1, 0), f"{self._scenario.name} in {self.name}"
