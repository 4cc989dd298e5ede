"""Reading files that people write: YAML, with messages that name file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from lostproof.errors import BadInput, unknown
from lostproof.files import schema

__all__ = ["DAY_MS", "LONGEST_MS", "YamlFile", "duration_ms", "time_of_day"]

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,3})?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|ms|m|s)\s*")
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
DAY_MS = 86_400_000
LONGEST_MS = 30 * DAY_MS
"""No timeline is longer: nothing in the product takes more than hours, and every minute has its sweep."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 scalars: no octal or base-60 numbers, no yes and no, so that 10:30:00 stays what was written."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(null|~)?$"), ["n", "~", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(0|[1-9][0-9]*)$"), list("-0123456789"))


class YamlFile:
    """One file that a person writes: its data, and on which line everything stands.

    Args:
        path: the file; its text is kept as ``text``.
        noun: what it holds, and its first key.
        suffix: how its name ends.
    """

    def __init__(self, path: Path, noun: str, suffix: str) -> None:
        self._path = path
        self._noun = noun
        self._clock: int | None = None
        if path.exists() and not path.is_file():
            raise BadInput(f"{path}: is no file; give a file *{suffix}")
        try:
            with path.open(encoding="utf-8", newline="") as file:
                self.text = text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            self._data: Any = loader.construct_document(node) if node is not None else None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise BadInput(f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
        except RecursionError as error:
            raise BadInput(f"{path}: nested too deeply, or an anchor that contains itself") from error
        except (ValueError, AttributeError) as error:
            raise BadInput(f"{path}: not valid YAML: a value does not fit its tag ({error})") from error
        if node is None:
            raise BadInput(f"{path}:1: the file is empty; a {noun} was expected")
        if not isinstance(self._data, dict):
            raise BadInput(f"{path}:1: not a {noun}; it begins with '{noun}: NAME'")
        self._node = node
        self._lines: dict[tuple[Any, ...], int] = {}
        self._note_lines(node, ())

    def _note_lines(self, node: yaml.Node, place: tuple[Any, ...]) -> None:
        self._lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            seen: set[Any] = set()
            for key, value in node.value:
                if key.value in seen:
                    raise BadInput(f"{self._path}:{key.start_mark.line + 1}: {key.value!r} is given twice")
                seen.add(key.value)
                self._note_lines(value, (*place, key.value))
                self._lines[(*place, key.value)] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for position, value in enumerate(node.value):
                self._note_lines(value, (*place, position))

    def wrong(self, place: Sequence[Any], message: str) -> BadInput:
        """Return the error for something wrong at ``place``."""
        known = tuple(place)
        while known not in self._lines:
            known = known[:-1]
        return BadInput(f"{self._path}:{self._lines[known]}: {_dotted(place)}{message}")

    def unknown(self, place: Sequence[Any], kind: str, name: str, allowed: Iterable[str]) -> BadInput:
        """Return the error for a name at ``place`` that is not one of ``allowed``."""
        return self.wrong(place, str(unknown(kind, name, allowed)))

    def validate(self, kind: str) -> None:
        """Hold the data against the schema called ``kind``."""
        validator = jsonschema.Draft202012Validator(schema(kind))
        problem = jsonschema.exceptions.best_match(validator.iter_errors(self._data))
        if problem is not None:
            raise self.wrong(list(problem.absolute_path), _plain(problem))

    def moment(self, moment: Any, place: Sequence[Any], duration: bool = False) -> int:
        """Return the milliseconds of what is written at ``place``: a moment, or only a ``duration``."""
        at = self._milliseconds(moment, place, duration)
        if at > LONGEST_MS:
            raise self.wrong(place, f"{moment!r} lies too far ahead; a timeline lasts at most 30 days")
        return at

    def _milliseconds(self, moment: Any, place: Sequence[Any], duration: bool) -> int:
        if isinstance(moment, int):
            return moment
        if re.fullmatch(_TIME_OF_DAY, moment) and not duration:
            if self._clock is None:
                raise self.wrong(place, f"{moment!r} is a time of day, but the {self._noun} has no 'clock'")
            # A time before the clock's start is one of the next day.
            return (time_of_day(moment) - self._clock) % DAY_MS
        length = duration_ms(moment)
        if length is not None:
            return length
        raise self.wrong(place, f"{moment!r} is no moment; write milliseconds, '5m 30s', or '07:40:44' with a 'clock'")


def _dotted(place: Sequence[Any]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return f"{path}: " if path else ""


def _plain(problem: jsonschema.exceptions.ValidationError) -> str:
    """Return what a schema violation means, in words."""
    part: Any = problem.schema
    match problem.validator:
        case "additionalProperties":
            allowed = ", ".join(part.get("properties", {}))
            return f"{problem.message}; allowed: {allowed}" if allowed else problem.message
        case "oneOf" if "do" in part.get("required", ()):
            return "give exactly one of: at, between, anytime"
        case "oneOf" | "anyOf":
            return f"{problem.instance!r} is no moment; write milliseconds, '5m 30s', or '07:40:44' with a 'clock'"
        case "pattern" if "job-" in part["pattern"]:
            words = "job-a to job-d" if part["pattern"].endswith("[a-d]$") else "job-a.run-1, and so on"
            return f"{problem.instance!r} is no name that is known here; write {words}"
        case "pattern" if "description" in part:
            return f"{problem.instance!r} does not fit; {_lowered(part['description'])}"
        case "const":
            return f"{problem.instance!r} is not allowed; the only value is {str(part['const']).lower()}"
        case "type":
            return f"{problem.instance!r} is no {part['type']}"
        case "enum":
            return f"{problem.instance!r} is not allowed; allowed: {', '.join(map(str, part['enum']))}"
        case _:
            return str(problem.message)


def _lowered(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def duration_ms(text: str) -> int | None:
    """Return how many milliseconds a duration such as ``5m 30s`` has, None if it is none."""
    if not text or _DURATION.sub("", text).strip():
        return None
    return sum(round(float(number) * _UNITS[unit]) for number, unit in _DURATION.findall(text))


def time_of_day(text: str) -> int:
    """Return the milliseconds since midnight of a time such as ``07:40:44``."""
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3_600_000 + int(minutes) * 60_000 + round(float(seconds) * 1_000)
