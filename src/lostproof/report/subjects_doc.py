"""Generated parts of the documents about subjects: a question as it goes over the pipe, and the pinned answers."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from lostproof.cubes import rows_of
from lostproof.evidence import Evidence, Rule
from lostproof.report.spec import table
from lostproof.revisions.shipped_rules import epoch_of, release_number
from lostproof.subjects.pinned_answers import PARTS, pinned_answers, pinned_releases
from lostproof.subjects.worlds import world_of

__all__ = ["pinned_table", "question"]


def question() -> str:
    """Return a question as JSON: a row whose run was interrupted, by its marker's time, which is a little earlier."""
    asked = world_of([Evidence(log="interrupted_earlier", job="interrupted_earlier")]).request(0)
    return "```json\n" + json.dumps(asked, indent=1) + "\n```"


def pinned_table() -> str:
    """Return a table of the releases whose answers are pinned, with the rule that they have and how they were asked."""
    rows = []
    for version in pinned_releases():
        pinned, epoch = pinned_answers(version), epoch_of(release_number(version))
        assert pinned is not None
        assert epoch is not None
        obtained = pinned.obtained
        rows.append((
            f"[{version}](releases/openclaw-{version}.json)", f"`{epoch.rule.__name__}`",
            "all" if pinned.rows == _rows(epoch.rule) else "**not all**",
            obtained["on"], f"`{obtained['module']}`", obtained["via"], obtained["node"],
        ))
    head = ("release", "rule", "answers that agree", "asked on", "its module", "way in", "Node")
    return table(head, rows)


@cache
def _rows(rule: Rule) -> list[dict[str, Any]]:
    """Return what ``rule`` decides about everything that releases are asked, as rows of a table, which are unique."""
    return rows_of(PARTS, [str(rule(evidence)) for evidence in Evidence.domain(PARTS)])
