"""The story of the shipped line: turns are found in the pinned verdicts, and the document tells all of them."""

from __future__ import annotations

import re
from functools import cache

import pytest

from lostproof.comparison import BETTER, OTHER, WORSE
from lostproof.history import Turn, turning_points
from lostproof.report import lineage_doc
from lostproof.report.lineage_doc import releases, turns
from lostproof.revisions import shipped_revisions

LINE = [known.name for known in shipped_revisions()]
FIRST, SECOND, THIRD = LINE[0], LINE[4], LINE[-1]
PINS = {
    FIRST: {"a": "holds", "b": "violated in 3 steps", "c": "holds", "d": "violated in 9 steps"},
    "reference": {"a": "violated in 1 step", "b": "holds", "c": "holds", "d": "holds"},
    THIRD: {"a": "holds", "b": "holds", "c": "holds", "d": "violated in 8 steps", "new": "violated in 2 steps"},
    SECOND: {"a": "violated in 7 steps", "b": "violated in 3 steps", "c": "holds", "d": "violated in 9 steps"},
}
FOUND = [
    Turn(SECOND, "a", "holds", "violated in 7 steps"),
    Turn(THIRD, "a", "violated in 7 steps", "holds"),
    Turn(THIRD, "b", "violated in 3 steps", "holds"),
    Turn(THIRD, "d", "violated in 9 steps", "violated in 8 steps"),
]


def test_turns_are_found_along_the_line() -> None:
    """Releases that nothing is pinned of are passed over, and what is not of the line does not count."""
    assert turning_points(PINS, LINE) == FOUND
    assert [turn.kind for turn in FOUND] == [WORSE, BETTER, BETTER, OTHER]
    assert turning_points({}, LINE) == turning_points({FIRST: PINS[FIRST]}, LINE) == []


@pytest.mark.parametrize("at", range(1, len(LINE)))
def test_a_turn_is_found_wherever_it_is(at: int) -> None:
    """Each release can be the one, and no other is called it."""
    pins = {name: {"a": "holds" if position < at else "violated in 4 steps"} for position, name in enumerate(LINE)}
    assert turning_points(pins, LINE) == [Turn(LINE[at], "a", "holds", "violated in 4 steps")]


def test_the_table_says_where_each_verdict_turns() -> None:
    lines = [line for line in turns(pinned=PINS).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    rows = {judged: told for judged, *told in cells}
    second, third = (f"[{name.removeprefix('openclaw-2026.')}](#{name.replace('.', '')})" for name in (SECOND, THIRD))
    assert rows == {
        "`a`": ["✓", f"{second} **✗ 7**", f"{third} ✓", ""],
        "`b`": ["**✗ 3**", "", f"{third} ✓", ""],
        "`c`": ["✓", "", "", ""],
        "`d`": ["**✗ 9**", "", "", f"{third} **✗ 8**"],
    }


def test_without_verdicts_the_table_says_so() -> None:
    assert turns(pinned={}) == turns(pinned={FIRST: PINS[FIRST]}) == "\n*No verdicts are pinned yet.*\n"


@cache
def told_by_release() -> dict[str, str]:
    parts = re.split(r"^### `(.+)`$", releases(pinned=PINS), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_release_tells_its_own_turns() -> None:
    told = told_by_release()
    assert list(told) == LINE
    assert "violated from the beginning: `b`, `d`" in told[FIRST]
    assert "- opened: `a` **✗ 7**\n" in told[SECOND]
    assert "- closed: `a`, `b`\n" in told[THIRD] + "\n"
    assert "- with a race of another length: `d` **✗ 9** → **✗ 8**" in told[THIRD]
    for name in set(LINE) - {FIRST, SECOND, THIRD}:
        assert not any(f"- {words}:" in told[name] for words in lineage_doc.KINDS.values())


def test_every_release_tells_what_it_changed() -> None:
    told = told_by_release()
    assert "- nothing that is modelled: the same world as 4.5" in told["openclaw-2026.4.15"]
    assert "- rule `active_set` → `durable_first_loosely`; decided otherwise" in told["openclaw-2026.4.25"]
    assert "lost → keep 3,936" in told["openclaw-2026.4.25"]
    assert "- flag `memory_first` yes → no: the registry changes its memory" in told["openclaw-2026.6.1"]
    assert "- guard `finish_overrides_lost` no → yes" in told["openclaw-2026.8.1"]
    assert "```diff\n# manual\n" in told["openclaw-2026.5.12"]
    assert "\n- begin(open_row)\n+ begin(open_row mark_active)\n" in told["openclaw-2026.5.12"]
    assert "```" not in told["openclaw-2026.4.25"]
