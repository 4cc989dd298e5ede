"""Sybil runs what the documents say: fenced Python blocks, and console blocks with what they print.

A console block holds commands and what they print::

    $ lostproof list revisions
    openclaw-2026.4.2    a cron row is never lost (up to 4.2)
    ...
    [exit 0]

A line that is only ``...`` stands for any lines, and ``...`` at the end of a line for its rest. Without a last line
``[exit N]`` the command must exit with 0.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest
from click.testing import CliRunner
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted(ROOT.glob("spec/*.md"))]}
FIXED = {"COLUMNS": "100", "LINES": "50", "NO_COLOR": "1", "TERM": "dumb"}
"""What decides how output looks, apart from the terminal."""


def evaluate_console(example: Example) -> str | None:
    """Run the commands of a console block and return how what they print differs from the block, if it does."""
    for command, expected in _commands(str(example.parsed)):
        found = _run(command)
        if not _matches(expected, found):
            diff = "\n".join(unified_diff(expected, found, "in the document", "printed", lineterm="", n=50))
            return f"$ {command}\n{diff}"
    return None


def _commands(block: str) -> list[tuple[str, list[str]]]:
    commands: list[tuple[str, list[str]]] = []
    for line in block.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands:
            commands[-1][1].append(line.rstrip())
        else:
            raise AssertionError(f"a console block must begin with a command, not with {line!r}")
    return commands


def _run(command: str) -> list[str]:
    from lostproof.cli import cli

    program, *arguments = shlex.split(command)
    if program == "pytest":
        return _run_pytest(arguments)
    assert program == "lostproof", f"only lostproof and pytest can be run here, not {program!r}"
    result = CliRunner().invoke(cli, arguments, env=FIXED, prog_name="lostproof")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return _told(result.stdout, result.exit_code)


def _run_pytest(arguments: list[str]) -> list[str]:
    command = [sys.executable, "-m", "pytest", *arguments]
    found = subprocess.run(command, env={**os.environ, **FIXED}, capture_output=True, text=True, check=False)
    return _told(found.stdout, found.returncode)


def _told(printed: str, code: int) -> list[str]:
    lines = [line.rstrip() for line in printed.rstrip("\n").split("\n")]
    return lines if code == 0 else [*lines, f"[exit {code}]"]


def _matches(expected: list[str], found: list[str]) -> bool:
    lines = [line for line in expected if line != "[exit 0]"]
    pattern = "".join(_pattern(line) for line in lines)
    return re.fullmatch(pattern, "".join(line + "\n" for line in found)) is not None


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    if line.endswith(" ..."):
        return re.escape(line.removesuffix("...").rstrip()) + r".*\n"
    return re.escape(line) + r"\n"


SYBIL = Sybil([PythonCodeBlockParser(), CodeBlockParser("console", evaluate_console), SkipParser()])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "document" in metafunc.fixturenames:
        metafunc.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())


@pytest.fixture
def examples(document: Path) -> list[Example]:
    """The examples of a document, in order; they share one namespace."""
    return list(SYBIL.parse(document))


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout, which is also the working directory."""
    monkeypatch.chdir(ROOT)
    return ROOT
