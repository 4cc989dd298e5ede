"""A rule that is a Python function from evidence to a decision, loaded from a file."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType

from lostproof.errors import BadInput
from lostproof.evidence import Decision, Evidence, Rule, ask_all
from lostproof.files import is_file
from lostproof.subjects.subject import Subject, one_by_one

__all__ = ["function_subject", "load_rule", "rule_subject"]

_MODULE = "lostproof_rule_of_ones_own"


def function_subject(place: str) -> Subject:
    """Return the function at ``place`` (``FILE.py:FUNCTION``) as a subject.

    Raises:
        BadInput: the rule cannot be loaded, or, when it is asked, raises or answers nonsense; the message names file and
            line.
    """
    file, _, name = place.rpartition(":")
    # What a rule prints must not get between what a command prints.
    with _neighbours(Path(file)), redirect_stdout(sys.stderr):
        rule, where = load_rule(place)
    return rule_subject(rule, name, place, where)


def rule_subject(rule: Rule, name: str, place: str, where: tuple[Path, int]) -> Subject:
    """Return ``rule``, which stands in ``where`` (file and line), as a subject."""
    path, line = where

    def asked(evidences: Sequence[Evidence]) -> list[Decision]:
        with _neighbours(path), redirect_stdout(sys.stderr):
            try:
                return ask_all(rule, evidences, name)
            except BadInput as error:
                where = _line_in(error.__cause__, path) if error.__cause__ else None
                raise BadInput(f"{path}:{where or line}: {error}") from error

    return Subject(name, place, asked, one_by_one(asked))


def load_rule(place: str) -> tuple[Rule, tuple[Path, int]]:
    """Return the function at ``place`` (``FILE.py:FUNCTION``), with its file and line.

    Raises:
        BadInput: there is no such file or function, or the file cannot be run.
    """
    file, _, name = place.rpartition(":")
    if not file or not name.isidentifier():
        raise BadInput(f"rule {place!r}: write FILE.py:FUNCTION, for example rules.py:my_rule")
    path = Path(file)
    module = _run(path)
    rule = getattr(module, name, None)
    if rule is None or not callable(rule):
        defined = [known for known, value in vars(module).items() if _defined_in(value, module)]
        raise BadInput(f"{path}: there is no function {name!r}; there are: {', '.join(defined) or 'none'}")
    code = getattr(rule, "__code__", None)
    return rule, (path, code.co_firstlineno if code else 1)


def _defined_in(value: object, module: ModuleType) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _run(path: Path) -> ModuleType:
    if not is_file(path):
        raise BadInput(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    try:
        with _neighbours(path), redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BadInput(f"{error.filename or path}:{error.lineno}: {error.msg}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadInput(f"{path}:{_line_in(error, path) or 1}: {_told(error)}") from error
    return module


@contextmanager
def _neighbours(path: Path) -> Iterator[None]:
    """Let imports find the files beside ``path``, and forget these modules afterwards: other folders have such names too."""
    folder = str(path.resolve().parent)
    if folder in sys.path:
        yield
        return
    known = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        for name in set(sys.modules) - known - {_MODULE}:
            beside = Path(folder, name.partition(".")[0])
            file = Path(getattr(sys.modules[name], "__file__", None) or "/")
            if file.is_relative_to(beside) or file == beside.with_suffix(".py"):
                del sys.modules[name]


def _told(error: BaseException) -> str:
    return f"raised {type(error).__name__} ({' '.join(str(error).split())})"


def _line_in(error: BaseException, path: Path) -> int | None:
    """Return the last line of ``path`` that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename).resolve() == path.resolve()), None)
