"""Files: those of the project that come with the package (pinned verdicts, schemas, scenarios), and whether there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from lostproof.errors import BadInput

__all__ = ["SUFFIX", "data_root", "in_checkout", "is_file", "is_folder", "schema", "write_whole", "writing_into"]

SUFFIX = ".scenario.yaml"
"""How the name of a scenario file ends."""

_PACKAGE = Path(__file__).resolve().parent


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder. Whatever a user wrote may be too long to be a name."""
    with suppress(OSError):
        return path.is_dir()
    return False


def is_file(path: Path) -> bool:
    """Return whether there is such a file."""
    with suppress(OSError):
        return path.is_file()
    return False


def in_checkout() -> bool:
    """Return whether this is a source checkout, so that pinned files can be rewritten."""
    return not (_PACKAGE / "_data").is_dir()


def data_root() -> Path:
    """Return the folder that holds ``spec`` and ``scenarios``: the checkout's, or the installed package's copy."""
    return _PACKAGE.parents[1] if in_checkout() else _PACKAGE / "_data"


@cache
def schema(name: str) -> Any:
    """Return the JSON Schema called ``name``."""
    return json.loads((data_root() / "spec" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))


def write_whole(path: Path, text: str) -> Path:
    """Write a whole file or nothing, and its folders if they are not there; return it.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        return partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Tell in one line that files cannot be written into ``folder``, if so.

    Raises:
        BadInput: they cannot.
    """
    try:
        yield
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written to ({error.strerror})") from error
