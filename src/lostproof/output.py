"""What commands print: text or JSON on standard output, complaints and progress on standard error."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from lostproof.options import from_here

__all__ = [
    "CannotWrite", "complain", "print_json", "print_line", "print_views", "progress", "tell_saved", "width", "writing",
]


def complain(line: str) -> None:
    """Tell on standard error what is wrong."""
    click.echo(f"lostproof: {line}", err=True)


class CannotWrite(Exception):
    """Standard output is closed, full, or a pipe that nobody reads any more (which is nothing to complain about)."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror)
        self.silent = cause.errno == errno.EPIPE

    def tell(self) -> None:
        """Say so, and see to it that what is left to write does not fail once more at the very end."""
        if not self.silent:
            complain(f"cannot write the output ({self})")
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def writing() -> Iterator[None]:
    """Turn what goes wrong with standard output into :class:`CannotWrite`."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise CannotWrite(error) from error


def print_views(*views: Any) -> None:
    """Print text for people."""
    from lostproof.report.text import show

    with writing():
        show(*views)


def print_line(text: str | bytes) -> None:
    """Print a text as it is."""
    with writing():
        click.echo(text)


def width() -> int:
    """Return how many columns a text for people may have."""
    from lostproof.report.text import console

    return console().width


def print_json(data: Any) -> None:
    """Print plain data as JSON."""
    from lostproof.report.data import dump

    print_line(dump(data).encode())


def tell_saved(paths: Iterable[Path]) -> None:
    """Tell on standard error which files were saved."""
    for path in paths:
        click.echo(f"saved {from_here(path)}", err=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None] | None]:
    """Give a function that tells on a terminal, after a second, what is going on; None where nobody looks."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    begun = time.monotonic()
    terminal = Console(stderr=True)
    status = terminal.status("", spinner="dots" if terminal.encoding.startswith("utf") else "line")

    def say(line: str) -> None:
        if time.monotonic() - begun > 1:
            status.update(line)
            status.start()

    try:
        yield say
    finally:
        status.stop()
