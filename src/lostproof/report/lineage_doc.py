"""Generated parts of the document about the shipped line: where verdicts change, and what each release changed.

Both come from data: the first from the pinned verdicts, the second from the revisions. Nothing of it is written by hand,
so that a verdict that turns in another release turns in the document as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lostproof.comparison import BETTER, OTHER, WORSE
from lostproof.history import Turn, turning_points
from lostproof.pinned import Pins, pins
from lostproof.report.changes import SECTION_MARKS, changes_data, decision_pairs
from lostproof.report.heads import short_names
from lostproof.report.spec import flag_docs, mark_of, table
from lostproof.revisions import Revision, shipped_revisions

__all__ = ["releases", "turns"]

KINDS = {WORSE: "opened", BETTER: "closed", OTHER: "with a race of another length"}
"""What a release did to a property, by how the verdict changed."""


def _short(name: str) -> str:
    """Return a release without what all of them have."""
    return short_names([name])[1][0]


def turns(bounds: str = "ci", pinned: Pins | None = None) -> str:
    """Return for each property the verdict of the first release, and the releases where it changes."""
    known = _pinned(bounds, pinned)
    line = [release.name for release in shipped_revisions() if release.name in known]
    if len(line) < 2:
        return "\n*No verdicts are pinned yet.*\n"
    found = turning_points(known, line)
    rows = [
        (f"`{judged}`", mark_of(first), *(_turn_words(found, judged, kind) for kind in (WORSE, BETTER, OTHER)))
        for judged, first in known[line[0]].items()
    ]
    heads = ("property", f"in {_short(line[0])}", "opened by", "closed by", "shortest race of another length from")
    return table(heads, rows)


def _pinned(bounds: str, pinned: Pins | None) -> Pins:
    return pinned if pinned is not None else pins(bounds) or {}


def _turn_words(found: Sequence[Turn], judged: str, kind: str) -> str:
    turned = [turn for turn in found if turn.judged == judged and turn.kind == kind]
    return ", ".join(f"[{_short(turn.release)}](#{_anchor(turn.release)}) {mark_of(turn.now)}" for turn in turned)


def _anchor(name: str) -> str:
    return name.replace(".", "")


def releases(bounds: str = "ci", pinned: Pins | None = None) -> str:
    """Return for each release what it changed against the one before it, what it closed, and what it opened."""
    known, line = _pinned(bounds, pinned), shipped_revisions()
    found = turning_points(known, [release.name for release in line])
    parts = [_first(line[0], known)]
    parts += [_release(was, now, [turn for turn in found if turn.release == now.name]) for was, now in pairwise(line)]
    return "\n".join(parts)


def _head(release: Revision) -> list[str]:
    return [f"\n### `{release.name}`\n", f"{release.title[:1].upper()}{release.title[1:]}. Source: {release.source}.\n"]


def _first(release: Revision, pinned: Pins) -> str:
    violated = [judged for judged, word in pinned.get(release.name, {}).items() if word.startswith("violated")]
    told = f"- violated from the beginning: {', '.join(f'`{judged}`' for judged in violated)}" if violated else ""
    return "\n".join([*_head(release), told])


def _release(was: Revision, now: Revision, turned: Sequence[Turn]) -> str:
    data = changes_data(was, now)
    lines = _head(now)
    if data["one_world"]:
        lines.append(f"- nothing that is modelled: the same world as {_short(was.name)}")
    lines += [f"- {line}" for line in _changed(data)]
    for kind, words in KINDS.items():
        some = [turn for turn in turned if turn.kind == kind]
        if some:
            lines.append(f"- {words}: {', '.join(_turned(turn) for turn in some)}")
    if data["write_orders"]:
        lines += ["", *_order_lines(data["write_orders"])]
    return "\n".join(lines)


def _changed(data: Mapping[str, Any]) -> Iterator[str]:
    pairs: dict[str, int] = {}
    for pair in decision_pairs(data):
        kinds = " → ".join(word.split("(")[0] for word in pair["decision"].split(" → "))
        pairs[kinds] = pairs.get(kinds, 0) + pair["values"]
    named = [f"`{one['was']}` → `{one['is']}`" for one in data["described"] if one["name"] == "rule"]
    if pairs:
        told = ", ".join(f"{kinds} {count:,}" for kinds, count in sorted(pairs.items(), key=lambda one: (-one[1], one[0])))
        yield f"rule {' '.join(named)}; decided otherwise, by values of the evidence: {told}"
    docs = flag_docs()
    for fact in data["facts"]:
        about = f": {docs[fact['name']]}" if fact["of"] == "flags" else ""
        yield f"{_KIND.get(fact['of'], fact['of'])} `{fact['name']}` {fact['was']} → {fact['is']}{about}"


_KIND = {"guards": "guard", "flags": "flag", "constants": "constant"}


def _turned(turn: Turn) -> str:
    if turn.kind == OTHER:
        return f"`{turn.judged}` {mark_of(turn.was)} → {mark_of(turn.now)}"
    return f"`{turn.judged}`" + (f" {mark_of(turn.now)}" if turn.kind == WORSE else "")


def _order_lines(orders: Mapping[str, Sequence[Mapping[str, str]]]) -> Iterator[str]:
    """Yield the write orders that differ, as a block in which each line is a section."""
    yield "```diff"
    for path, lines in orders.items():
        yield f"# {path}"
        yield from (f"{SECTION_MARKS[one['in']][0].replace('−', '-')} {one['section']}" for one in lines)
    yield "```"
