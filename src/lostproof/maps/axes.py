"""Axes and timings as they are written: ``downtime``, ``downtime=0s..20m/1m``, ``5m``, ``1m..1h/1m``."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from lostproof.errors import BadInput, short, unknown
from lostproof.maps.worlds import GRACE, TIMINGS, MappedWorld
from lostproof.scenario_reader import LONGEST_MS, duration_ms

__all__ = ["MOST", "Axis", "axis_from", "duration_words", "timings_from", "values_from"]

MOST = 200
"""Values that an axis can have."""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


@dataclass(frozen=True)
class Axis:
    """A timing, and the values that it takes, ascending and at equal distances."""

    name: str
    values: tuple[int, ...]

    @property
    def step(self) -> int:
        """How far its values lie apart (0 if there is only one)."""
        return self.values[1] - self.values[0] if len(self.values) > 1 else 0


def duration_words(ms: int) -> str:
    """Return a duration as it is written: ``5m 30s``."""
    words = []
    for unit, size in _UNITS:
        count, ms = divmod(ms, size)
        words += [f"{count}{unit}"] if count else []
    return " ".join(words) or "0s"


def values_from(text: str, name: str) -> tuple[int, ...]:
    """Return the values that ``text`` says ``name`` takes: a duration, or ``FIRST..LAST/STEP``.

    Raises:
        BadInput: it says nothing of the kind, or too many.
    """
    first, dots, rest = text.partition("..")
    if not dots:
        return (_length(first, name, text),)
    last, slash, step = rest.partition("/")
    if not slash:
        raise _wrong(name, text, "a range needs a step")
    low, high, by = (_length(part, name, text) for part in (first, last, step))
    if not by or high < low:
        raise _wrong(name, text, "a range goes upwards")
    if (high - low) // by >= MOST:
        raise _wrong(name, text, f"more than {MOST} values")
    return tuple(range(low, high + 1, by))


def _length(text: str, name: str, whole: str) -> int:
    length = duration_ms(text.strip())
    if length is None:
        raise _wrong(name, whole, f"{short(text)!r} is no duration")
    if length > LONGEST_MS:
        raise _wrong(name, whole, "a timeline lasts at most 30 days")
    return length


def _wrong(name: str, text: str, why: str) -> BadInput:
    return BadInput(f"{name}={short(text)}: {why}; write such as 5m 30s, or 0s..20m/1m")


def axis_from(text: str, world: MappedWorld) -> Axis:
    """Return the axis that ``text`` asks for: a timing of ``world``, and its values unless they are the usual ones.

    Raises:
        BadInput: the world has no such timing, or the values are none.
    """
    name, equals, values = text.partition("=")
    _demand(name, world)
    return Axis(name, values_from(values if equals else TIMINGS[name].values, name))


def timings_from(given: tuple[str, ...], world: MappedWorld) -> dict[str, int]:
    """Return all timings of ``world``: the usual ones, but for those that are ``given`` as ``NAME=DURATION``.

    Raises:
        BadInput: the world has no such timing, or it is given no duration, or twice.
    """
    timings = {name: _length(usual, name, usual) for name, usual in world.timings.items()}
    for name, group in groupby(sorted(given), key=lambda text: text.partition("=")[0]):
        texts = list(group)
        _demand(name, world, but=GRACE)
        if len(texts) > 1:
            raise BadInput(f"timing {name} is given twice")
        timings[name] = _length(texts[0].partition("=")[2], name, texts[0].partition("=")[2])
    return timings


def _demand(name: str, world: MappedWorld, but: str | None = None) -> None:
    allowed = [known for known in (*world.timings, GRACE) if known != but]
    if name not in allowed:
        raise unknown(f"timing of the world {world.name}", name, allowed)
