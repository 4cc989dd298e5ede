"""A result that a start-up wrote for a marker lies before the row's start: a rule may take it for the run's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.random import SIMULATED, simulate
from lostproof.files import data_root
from lostproof.model import Model
from lostproof.replay import run
from lostproof.revisions import Revision, revision
from lostproof.scenarios import load
from lostproof.subjects.places import subject_at
from lostproof.subjects.subject import with_subject

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
STRICT = revision("openclaw-2026.5.28")


@pytest.fixture(scope="module")
def tolerant() -> Revision:
    """2026.5.28 with a rule that takes early results for the run's own."""
    return with_subject(STRICT, subject_at(f"{EXAMPLES / 'tolerant.py'}:tolerant"))


def test_a_tolerant_rule_saves_the_row_that_the_exact_one_loses(tmp_path: Path) -> None:
    told = (data_root() / "scenarios" / "identity" / "reservation-before-start.scenario.yaml").read_text(encoding="utf-8")
    head = told[: told.index("expect:")]
    rule = f"rule: {{subject: '{EXAMPLES / 'tolerant.py'}:tolerant', base: openclaw-2026.5.28}}\n"
    expect = "expect:\n  rule: {rows: {job-a.run-1: interrupted}}\n  openclaw-2026.5.28: {rows: {job-a.run-1: lost}}\n"
    path = tmp_path / "tolerant.scenario.yaml"
    path.write_text(head + rule + expect, encoding="utf-8")
    outcomes = run(load(path), None)
    assert [outcome.failures for outcome in outcomes] == [(), ()]
    assert len({outcome.revision for outcome in outcomes}) == 2


def test_early_results_are_followed_only_for_a_rule_that_looks_at_them(tolerant: Revision) -> None:
    assert tolerant.rule_table(Bounds()).tells_early_lines
    assert tolerant.rule_table(Bounds()).tells_early_results
    assert not STRICT.rule_table(Bounds()).tells_early_lines
    assert not STRICT.rule_table(Bounds()).tells_early_results


def early_lines(subject: Revision) -> set[int]:
    """Return which interrupted codes the log of an early run shows in some random worlds."""
    found: set[int] = set()
    for seed in range(12):
        world = simulate(subject, seed, 60, SIMULATED)
        model: Model = world.model
        for moment in world.trace:
            view = model.view(moment.after)
            found |= {int(model.log_evidence(view, k)) for k in model.runs if view.early[k] and view.log[k] in (1, 3)}
    return found


def test_the_log_shows_an_early_line_and_an_exact_end_goes_before_it(tolerant: Revision) -> None:
    shown = early_lines(tolerant)
    assert 5 in shown
    assert 4 not in shown
    assert early_lines(STRICT) <= {1, 2, 3}
