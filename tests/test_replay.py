"""Replaying many scenarios: what is shared between replays, and what is done elsewhere, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lostproof import replay
from lostproof.replay import CannotHappen, Outcome, run, run_all
from lostproof.report.data import run_data
from lostproof.revisions import REVISIONS
from lostproof.scenarios import Scenario, find, load

NAMES = ["openclaw-2026.4.15", "reference"]


def some() -> list[Scenario]:
    """Return a few scenarios: one with open moments, and one with a rule of its own."""
    wanted = ("death-somewhere-around-the-end", "real-rule-of-2026-4-15", "original-report")
    return [load(path) for path in find() if path.name.removesuffix(".scenario.yaml") in wanted]


def told(scenarios: list[Scenario], outcomes: list[list[Outcome]]) -> object:
    return run_data(list(zip(scenarios, outcomes, strict=True)))


def test_processes_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, in the same order, the same comes of it; a rule of one's own is asked here."""
    scenarios = some()
    wanted = [(scenario, scenario.revisions) for scenario in scenarios]
    said: list[str] = []
    there = list(run_all(wanted, said.append, workers=2))
    assert said == [f"{scenario.family}/{scenario.name}" for scenario in scenarios]
    assert told(scenarios, there) == told(scenarios, [run(scenario) for scenario in scenarios])
    monkeypatch.setattr(replay, "_plays", lambda scenario, world: pytest.fail(scenario.name))
    with pytest.raises(pytest.fail.Exception, match="real-rule"):
        list(run_all(wanted, workers=2))


def test_what_cannot_happen_is_told_from_afar_too() -> None:
    """The first one that cannot be played is told, as if it had been played here."""
    scenarios = some()
    (good, *_), (good_too,) = scenarios, [one for one in scenarios if one.name == "original-report"]
    entry = good_too.entries[0]
    wrong = replace(good_too, entries=(replace(entry, cue=replace(entry.cue, do="start", params=())), *good_too.entries[1:]))
    with pytest.raises(CannotHappen) as here:
        run(wrong, NAMES)
    with pytest.raises(CannotHappen) as there:
        list(run_all([(good, NAMES), (wrong, NAMES)], workers=2))
    assert str(here.value) == str(there.value)
    assert "in openclaw-2026.4.15: start cannot happen" in str(there.value)


def test_one_world_under_two_names_is_played_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Revisions that differ in nothing that a model reads share a replay; each goes by its own name."""
    (scenario,) = [one for one in some() if one.name == "original-report"]
    twin = REVISIONS["reference"].but("twin", "the same, told otherwise", accepts={})
    other = REVISIONS["reference"].but("other", "not the same", clears_stuck_markers=True)
    monkeypatch.setitem(REVISIONS, "twin", twin)
    monkeypatch.setitem(REVISIONS, "other", other)
    played = []
    plays = replay._plays
    monkeypatch.setattr(replay, "_plays", lambda scenario, world: played.append(world) or plays(scenario, world))
    outcomes = run(scenario, ["reference", "twin", "other"])
    assert len(played) == 2
    assert [outcome.model.revision for outcome in outcomes] == [REVISIONS["reference"], twin, other]
    assert outcomes[0].moments is outcomes[1].moments


def test_what_a_world_has_worked_out_is_not_what_it_was_told(tmp_path: Path) -> None:
    """Replays share what follows from a state, and nothing that depends on a clock: other constants, other times."""
    (path,) = [one for one in find() if one.name.startswith("manual-run-longer")]
    patient = tmp_path / path.name
    text = path.read_text(encoding="utf-8")
    patient.write_text(text.replace("timeline:", "revision: {grace_ms: 3600000}\ntimeline:"), encoding="utf-8")
    first, second, third = (run(load(one), ["openclaw-2026.4.15"])[0] for one in (path, patient, path))
    assert "live-run-never-lost" in first.violated
    assert "live-run-never-lost" not in second.violated
    assert first.moments == third.moments != second.moments
