"""How a failure is told: plain text as wide as there is room, with paths as people type them, and without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType

from lostproof.report.ascii import encodable
from lostproof.report.text import console, plain

__all__ = ["as_typed", "text_of", "told_at"]


def as_typed(config: pytest.Config, path: Path) -> str:
    """Return ``path`` as it is typed in the folder that pytest was started in."""
    here = config.invocation_params.dir
    return os.path.relpath(path, here) if path.is_relative_to(config.rootpath) or path.is_relative_to(here) else str(path)


def text_of(config: pytest.Config, view: Callable[[int], RenderableType]) -> str:
    """Return as plain text what ``view`` makes of a width: that of the terminal, if there is one."""
    width = _width(config)
    return encodable(plain(view(width), width), getattr(sys.__stdout__, "encoding", None) or "utf-8")


def _width(config: pytest.Config) -> int:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.isatty:
        return int(config.get_terminal_writer().fullwidth)
    return console().width


def told_at(excinfo: pytest.ExceptionInfo[BaseException], path: str, line: int) -> Any:
    """Return the message of an error without a traceback, as something that happened in a line of a file."""
    told = excinfo.getrepr(style="value")
    crash = told.reprcrash
    if crash is not None:
        crash.path, crash.lineno, crash.message = path, line, str(excinfo.value).removeprefix(f"{path}:{line}: ")
    return told
