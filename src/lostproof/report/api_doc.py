"""The reference of the Python API, generated from docstrings and signatures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import griffe

import lostproof

__all__ = ["api_reference"]

ROLE = re.compile(r":\w+:`~?([^`]+)`")
ROOM = 100
"""Columns of a signature on one line."""
LITERAL = re.compile(r"``([^`]+)``")


def api_reference() -> str:
    """Return every public name with its signature and what its docstring says, as Markdown."""
    package = griffe.load("lostproof", docstring_parser="google")
    names = sorted((name for name in lostproof.__all__ if not name.startswith("_")), key=str.lower)
    return "\n".join(line for name in names for line in _entry(package, name))


def _entry(package: Any, name: str) -> Iterator[str]:
    home = next(module for module, names in lostproof._HOMES.items() if name in names)
    documented = package[home.removeprefix("lostproof.")][name]
    documented = documented.final_target if documented.is_alias else documented
    yield f"\n## `{name}`\n"
    value = getattr(import_module(home), name)
    if callable(value) and not (isinstance(value, type) and issubclass(value, Exception)):
        yield f"```py\n{name}{_signature(value)}\n```\n"
    yield from _docstring(documented)
    if documented.is_class:
        for member in documented.members.values():
            public = not member.name.startswith("_") and member.docstring is not None
            if public and (member.is_function or "property" in member.labels):
                brackets = _signature(getattr(value, member.name)) if member.is_function else ""
                yield _item(f"`.{member.name}{brackets}`", member.docstring.value.partition("\n\n")[0])


class _AsWritten(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _signature(value: Any) -> str:
    """Return the parameters with their annotations as they are written, one a line if they are many."""
    told = inspect.signature(value)
    parameters = [
        p.replace(annotation=_AsWritten(p.annotation)) for p in told.parameters.values() if p.name not in ("self", "cls")
    ]
    answer = inspect.Signature.empty if isinstance(value, type) else _AsWritten(told.return_annotation)
    short = str(told.replace(parameters=parameters, return_annotation=answer))
    if len(short) <= ROOM:
        return short
    inner = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"(\n{inner})" + ("" if isinstance(value, type) else f" -> {answer}")


def _docstring(documented: Any) -> Iterator[str]:
    assert documented.docstring is not None, f"{documented.path} has no docstring"
    for section in documented.docstring.parse("google"):
        match section.kind.value:
            case "text":
                yield f"{_prose(section.value)}\n"
            case "raises":
                yield "\n".join(_item(f"raises `{one.annotation}`", one.description) for one in section.value) + "\n"
            case _:
                yield "\n".join(_item(f"`{one.name}`", one.description) for one in section.value) + "\n"


def _item(name: str, text: str) -> str:
    return f"- {name}: {' '.join(_prose(text).split())}"


def _prose(text: str) -> str:
    """Return a docstring's text as Markdown."""
    return LITERAL.sub(r"`\1`", ROLE.sub(r"`\1`", text)).strip()
