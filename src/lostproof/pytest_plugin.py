"""The pytest plugin: scenario files as tests, and fixtures that judge a rule of one's own.

Every pytest run that lostproof is installed for loads this module. So it imports nothing but pytest, and does nothing that
nobody asked for: the rest is in :mod:`lostproof.testing`. `spec/pytest.md` tells how it is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lostproof.testing.checking import Check
    from lostproof.testing.rules import Rules

__all__ = ["lostproof_check", "lostproof_rule"]

MARKER = "lostproof(rule, base, bounds): what lostproof_check judges here; scenario files have this marker as well"
SETTINGS = {
    "lostproof_rule": "the rule that lostproof_check judges: a SUBJECT as for `lostproof check --rule`",
    "lostproof_base": "the revision that it goes into",
    "lostproof_bounds": "how far lostproof_check explores: a preset, or a slice of your own (default: ci)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and settings."""
    group = parser.getgroup("lostproof", "lostproof: incidents as tests, and rules that lose no run")
    group.addoption("--lostproof", action="store_true", help="Collect scenario files (*.scenario.yaml) as tests.")
    group.addoption(
        "--lostproof-save", metavar="DIR",
        help="Where lostproof_check writes races, as scenario files; the default is a folder in pytest's cache.",
    )
    parser.addini("lostproof", "collect scenario files (*.scenario.yaml) as tests", type="bool", default=False)
    for name, told in SETTINGS.items():
        parser.addini(name, told, type="string", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Look at what was asked for."""
    config.addinivalue_line("markers", MARKER)
    folder = _save_folder(config)
    try:
        wanted = config.getoption("lostproof") or config.getini("lostproof")
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(f"lostproof = …: write true or false ({error})") from error
    if wanted:
        config.pluginmanager.register(_ScenarioFiles(folder), "lostproof-scenarios")


def _save_folder(config: pytest.Config) -> Path | None:
    given = config.getoption("lostproof_save")
    if given is None:
        return None
    folder = Path(config.invocation_params.dir, given)
    if not given or (folder.exists() and not folder.is_dir()):
        raise pytest.UsageError(f"--lostproof-save {given!r}: no folder; write the name of one, it need not exist")
    return folder


class _ScenarioFiles:
    """Collects scenario files, except for the races that were saved."""

    def __init__(self, saved: Path | None) -> None:
        self._saved = saved

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Return the file as a collection of tests, if it is a scenario."""
        from lostproof.files import SUFFIX

        if not file_path.name.endswith(SUFFIX) or (self._saved and file_path.is_relative_to(self._saved)):
            return None
        from lostproof.testing.incidents import ScenarioFile

        return ScenarioFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tell what is wrong with the settings before the first test that uses them.

    A worker of xdist cannot end the run; there, the tests that use them fail with the same words.
    """
    if hasattr(config, "workerinput"):
        return
    if any(config.getini(name) for name in SETTINGS) and any(
        {"lostproof_check", "lostproof_rule"} & set(getattr(item, "fixturenames", ())) for item in items
    ):
        from lostproof.testing.rules import refuse_bad_settings

        refuse_bad_settings(config)


@pytest.fixture
def lostproof_check(request: pytest.FixtureRequest) -> Check:
    """Judge a reconcile rule: explore all races around it, and fail with the shortest one if it violates a property.

    lostproof_check(rule, base="openclaw-2026.4.15", holds=["completed-run-never-lost"])
    """
    from lostproof.testing.checking import Check

    return Check(request)


@pytest.fixture
def lostproof_rule(request: pytest.FixtureRequest) -> Rules:
    """Return the rule at a place as a revision, by default the one that the settings name.

    lostproof_rule("src/rules.py:decide", base="openclaw-2026.4.15")
    """
    from lostproof.testing.rules import Rules

    return Rules(request)
