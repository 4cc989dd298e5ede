"""Which rule a test means, and the revision that it makes: by function, by place, by name, or by the project's settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lostproof.bounds import parse_bounds
from lostproof.errors import BadInput, short, unknown
from lostproof.evidence import Decision, Evidence
from lostproof.revisions import REVISIONS, Revision, revision
from lostproof.subjects.functions import rule_subject
from lostproof.subjects.places import FORMS, Asking, moved, subject_at
from lostproof.subjects.subject import Subject, with_subject

__all__ = ["Given", "Rules", "Settings", "refuse_bad_settings"]

Given = Callable[[Evidence], Decision] | Subject | Revision | str
"""What a test may give as a rule."""


@dataclass(frozen=True)
class Settings:
    """What a test's marker says about its rule, else the configuration; empty where neither says anything."""

    rule: Given = ""
    base: str = ""
    bounds: str = ""

    @classmethod
    def of(cls, config: pytest.Config, node: pytest.Item | None = None) -> Settings:
        """Return the settings for ``node``.

        Raises:
            BadInput: a marker says something unknown.
        """
        found = {name: str(config.getini(f"lostproof_{name}")).strip() for name in cls.__dataclass_fields__}
        for marker in reversed(list(node.iter_markers("lostproof")) if node else []):
            for name in marker.kwargs:
                if name not in found:
                    raise unknown("argument of the marker lostproof", name, found)
            if marker.args:
                raise BadInput(f"the marker lostproof takes only named arguments: {', '.join(found)}")
            found |= marker.kwargs
        return cls(**found)


def refuse_bad_settings(config: pytest.Config) -> None:
    """Refuse settings that no test could use.

    Raises:
        UsageError: names that there are not.
    """
    settings = Settings.of(config)
    asked: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("lostproof_base", settings.base, revision), ("lostproof_bounds", settings.bounds, parse_bounds),
    )
    for name, value, look_up in asked:
        try:
            if value:
                look_up(value)
        except BadInput as error:
            raise pytest.UsageError(f"{name}: {error}") from None


class Rules:
    """Makes revisions of rules. Places count from pytest's root folder, wherever it was started."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.request = request
        self._config = request.config
        self._node: pytest.Item = request.node

    def __call__(self, rule: Given | None = None, base: str | None = None) -> Revision:
        """Return the revision with ``rule``, the project's unless given, in ``base``."""
        __tracebackhide__ = True
        try:
            return self.revision(rule, base)[0]
        except BadInput as error:
            told = str(error)
        pytest.fail(told, pytrace=False)

    def revision(self, rule: Given | None, base: str | None) -> tuple[Revision, str | None]:
        """Return the revision with ``rule``, and the name of the one that it is held against, if there is one.

        Raises:
            BadInput: there is no such rule or base, or the rule answers nonsense.
        """
        settings = Settings.of(self._config, self._node)
        if base:
            revision(base)  # a wrong name is told before anything is asked
        given = rule if rule is not None else settings.rule
        if isinstance(given, Revision):
            return given, base or (given.own_rule[1] if given.own_rule and given.own_rule[1] in REVISIONS else None)
        if given == "":
            raise BadInput(f"no rule: give one, or name the project's in the setting lostproof_rule; a rule is {FORMS}")
        if isinstance(given, str) and given in REVISIONS:
            return revision(given), base
        subject = self._subject(given)
        into = revision(base or settings.base or subject.base or "reference")
        mine = with_subject(into, subject)
        # Only a function that its module has by name can be loaded again, by a file that names it.
        can_be_named = not callable(given) or getattr(given, "__globals__", {}).get(subject.name) is given
        return (mine if can_be_named else replace(mine, own_rule=None)), into.name

    def _subject(self, given: object) -> Subject:
        if isinstance(given, Subject):
            return given
        if isinstance(given, str):
            root, here = self._config.rootpath, self._config.invocation_params.dir
            subject = subject_at(given, Asking(folder=root))
            return replace(subject, place=moved(given, here, root))
        if callable(given):
            return self._function(given)
        raise BadInput(f"{short(repr(given))} is no rule; give a function from Evidence to Decision, a revision, or {FORMS}")

    def _function(self, rule: Callable[..., Any]) -> Subject:
        """Return a function in memory as a subject; its place counts from where pytest was started."""
        name = getattr(rule, "__name__", type(rule).__name__)
        code = getattr(rule, "__code__", None)
        path, line = (Path(code.co_filename), code.co_firstlineno) if code else (self._node.path, 1)
        file = os.path.relpath(path, self._config.invocation_params.dir)
        return rule_subject(rule, name, f"{Path(file).as_posix()}:{name}", (path, line))
