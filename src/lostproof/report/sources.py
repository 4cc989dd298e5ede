"""Where in the source something is decided: the rule, the revision, or the function behind an action.

Reports for machines point at lines. What is in the project that is checked gets its path from the project's root; what is
in lostproof itself gets its path in the package, which is the same on every machine.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import lostproof
from lostproof.model import Model
from lostproof.revisions import Revision
from lostproof.steps import STEPS
from lostproof.subjects.places import source_of

__all__ = ["SourceLine", "line_of_action", "line_of_revision", "line_of_rule", "project_root"]

PACKAGE = Path(lostproof.__file__).resolve().parent


@dataclass(frozen=True)
class SourceLine:
    """A line of a file.

    Attributes:
        file: the path, from the project's root, or in lostproof's package.
        line: the line, from 1.
        mine: whether the file is in the project.
    """

    file: str
    line: int
    mine: bool


def project_root() -> Path:
    """Return the root of the project that is checked: the nearest folder with a ``.git``, else the present folder."""
    here = Path.cwd()
    return next((folder for folder in [here, *here.parents] if (folder / ".git").exists()), here)


def line_of_revision(subject: Revision) -> SourceLine:
    """Return where ``subject`` is defined: its own rule, if it has one, else the revision in lostproof."""
    return _line_of_own_rule(subject) or line_in(*_place_of_known(subject.name))


def line_of_rule(subject: Revision) -> SourceLine:
    """Return where the reconcile rule of ``subject`` is."""
    return _line_of_own_rule(subject) or _line_of(subject.rule)


def line_of_action(m: Model, number: int) -> SourceLine:
    """Return the line that takes a step: the rule, what the revision's write order does last, or what the action does."""
    action = m.actions[number]
    if action.name in ("sweep_row", "cli_row"):
        return line_of_rule(m.revision)
    orders = m.revision.write_orders
    steps = [step for path in sorted(action.paths) for section in orders[path] if section.event == action.name
             for step in section.steps]
    return _line_of(STEPS[steps[-1]].effect if steps else action.effect)


def line_in(path: Path, line: int) -> SourceLine:
    """Return a line of the file at ``path``."""
    resolved, root = path.resolve(), project_root()
    if resolved.is_relative_to(root):
        return SourceLine(resolved.relative_to(root).as_posix(), line, True)
    if resolved.is_relative_to(PACKAGE.parent):
        return SourceLine(resolved.relative_to(PACKAGE.parent).as_posix(), line, False)
    return SourceLine(resolved.name, line, False)


def _line_of_own_rule(subject: Revision) -> SourceLine | None:
    if subject.own_rule is None:
        return None
    found = source_of(subject.own_rule[0])
    if found is None:
        return line_in(*_place_of_known(subject.own_rule[1]))
    path, name = found
    return line_in(path, _line_defining(path, name) if name else 1)


@cache
def _place_of_known(name: str) -> tuple[Path, int]:
    """Return where the registry's modules name a revision for the first time."""
    for module in sorted((PACKAGE / "revisions").glob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _makes_revision(node, name):
                return module, node.lineno
    return PACKAGE / "revisions" / "__init__.py", 1


def _makes_revision(call: ast.Call, name: str) -> bool:
    made = call.func.attr == "but" if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "") == "Revision"
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return made and any(isinstance(value, ast.Constant) and value.value == name for value in values)


def _line_defining(path: Path, name: str) -> int:
    """Return the line on which a module defines ``name``, or 1."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef() if node.name == name:
                return node.lineno
            case ast.Assign() if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
                return node.lineno
            case ast.ImportFrom() if any((alias.asname or alias.name) == name for alias in node.names):
                return node.lineno
    return 1


def _line_of(function: Callable[..., Any]) -> SourceLine:
    """Return where a function is written; of one that was put together from others, where the innermost of them is."""
    while isinstance(function, partial):
        parts = [part for part in function.args if callable(part) and not isinstance(part, type | ModuleType)]
        function = parts[-1] if parts else function.func
    code = function.__code__
    return line_in(Path(code.co_filename), code.co_firstlineno)
