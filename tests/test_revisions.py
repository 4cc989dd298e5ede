"""The shipped line: which release stands for which, what makes two revisions one world, and what each release changed."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from lostproof.bounds import PRESETS, Bounds
from lostproof.engine import verdicts
from lostproof.engine.verdicts import check_all
from lostproof.evidence import KEEP
from lostproof.fields import PATHS
from lostproof.revisions import REVISIONS, Revision, nearest_revision, revision, shipped_revisions
from lostproof.revisions.revision import DESCRIBED, Constants
from lostproof.revisions.shipped_rules import active_set, epoch_of, release_number
from lostproof.steps import STEPS
from lostproof.world import World
from tests.support import model
from tests.test_receipts import TASK, after, possible, row

MANUAL = PATHS.index("manual")


def shipped(release: str) -> Revision:
    return revision(f"openclaw-{release}")


def world(release: str, bounds: Bounds, words: str) -> World:
    """Return the world of ``release`` after ``words``, each the name of an action, with ``!`` if its write fails."""
    return after(model(f"openclaw-{release}", bounds), words)


# -- the registry


def test_releases_come_in_their_order_and_proposals_last() -> None:
    known = shipped_revisions()
    assert len(known) >= 15
    assert list(REVISIONS)[: len(known)] == [one.name for one in known]
    numbers = [release_number(one.release) for one in known]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("version", "stands_for_it"),
    [
        ("2026.3.28", None),
        ("2026.3.31", "2026.4.2"),
        ("2026.4.2", "2026.4.2"),
        ("2026.4.10", "2026.4.5"),
        ("2026.4.29", "2026.4.25"),
        ("2026.5.27", "2026.5.12"),
        ("2026.6.35", "2026.6.33"),
        ("2026.7.35", "2026.7.1"),
        ("2026.8.2", "2026.8.1"),
        ("2026.9.6", "2026.9.6"),
        ("2026.10.1", "2026.9.6"),
    ],
)
def test_the_nearest_modelled_release_stands_for_a_release(version: str, stands_for_it: str | None) -> None:
    found = nearest_revision(version)
    assert (found.release if found else None) == stands_for_it


@pytest.mark.parametrize("known", shipped_revisions(), ids=lambda known: known.release)
def test_a_revision_has_the_rule_of_its_epoch(known: Revision) -> None:
    epoch = epoch_of(release_number(known.release))
    assert epoch is not None
    assert known.rule is epoch.rule


@pytest.mark.parametrize("known", REVISIONS.values(), ids=lambda known: known.name)
def test_a_revision_names_steps_that_there_are(known: Revision) -> None:
    """And its tokens are taken out by whoever has put them in; only who has tokens can be fenced by them."""
    for order in known.write_orders.values():
        steps = [step for section in order for step in section.steps]
        assert set(steps) <= set(STEPS)
        assert ("take_token" in steps) == ("drop_token" in steps) == known.tokens
        assert known.tokens or not any(section.fenced for section in order)


# -- two names for one world


def test_what_is_told_to_people_does_not_count() -> None:
    one = shipped("2026.6.8")
    other = replace(one, name="x", title="x", source="x", accepts={"slot-runs-once": "x"}, own_rule=("x.py:f", "x"))
    assert other.semantics == one.semantics
    assert hash(other.semantics) == hash(one.semantics)


def test_a_rule_counts_by_what_it_decides() -> None:
    one = shipped("2026.4.15")
    assert replace(one, rule=lambda evidence: active_set(evidence)).semantics == one.semantics
    assert replace(one, rule=lambda evidence: KEEP).semantics != one.semantics


CHANGES: dict[str, Any] = {
    "rule": lambda evidence: KEEP,
    "guards": {"finish_overrides_lost": True, "late_finish_wins": False},
    "repair": (), "ready": ("drop_overdue_slots",), "constants": Constants(grace_ms=1),
    "delivery": "queued", "alerts": "direct", "admission": "told", "cancels": "by_row",
    **{path: shipped("2026.4.2").timer for path in ("timer", "catch_up", "manual")},
}


@pytest.mark.parametrize("name", [f.name for f in fields(Revision) if f.name not in DESCRIBED])
def test_everything_that_a_model_reads_counts(name: str) -> None:
    one = shipped("2026.5.28")
    changed = CHANGES[name] if name in CHANGES else not getattr(one, name)
    assert replace(one, **{name: changed}).semantics != one.semantics


def test_twins_are_explored_once_and_have_races_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """4.5 and 4.15 are one world: their slices are closed once, and each release has the races under its own name."""
    explored: list[str] = []
    explore = verdicts.explore

    def counted(subject: Revision, *arguments: Any) -> Any:
        explored.append(subject.name)
        return explore(subject, *arguments)

    monkeypatch.setattr(verdicts, "explore", counted)
    names = ["openclaw-2026.4.5", "openclaw-2026.4.2", "openclaw-2026.4.15"]
    results = check_all(names, "smoke")
    assert explored == [names[0]] * 2 + [names[1]] * 2
    assert [result.revision.name for result in results] == names
    assert results[0].slices == results[2].slices != results[1].slices
    races = [verdict.race for verdict in results[2].verdicts if verdict.race]
    assert races
    assert {race.race.model.revision.name for race in races} == {names[2]}


def test_twins_are_found_in_processes_of_their_own_as_well() -> None:
    names = ["openclaw-2026.4.5", "openclaw-2026.4.15", "reference"]
    alone, together = check_all(names, "smoke"), check_all(names, "smoke", workers=2)
    assert [result.slices for result in together] == [result.slices for result in alone]


def test_not_every_release_is_a_world_of_its_own() -> None:
    """What changed nothing that is modelled: this is a finding about the product, so it is pinned here."""
    worlds: dict[Any, list[str]] = {}
    for known in shipped_revisions():
        worlds.setdefault(known.semantics, []).append(known.release.removeprefix("2026."))
    assert list(worlds.values()) == [
        ["4.2"], ["4.5", "4.15", "4.24"], ["4.25"], ["5.12"], ["5.28"], ["6.1"], ["6.8"], ["6.11"], ["6.33"], ["7.1"],
        ["8.1"], ["9.5"], ["9.6"],
    ]


# -- what a release changed


BEGUN = "slot_due tick begin"
DONE = f"{BEGUN} end record settle"


def test_from_5_12_a_manual_run_is_in_the_active_set() -> None:
    for release, active in (("2026.4.25", 0), ("2026.5.12", 1)):
        w = world(release, Bounds(), "run_now begin")
        assert w.active[0] == active
        assert world(release, Bounds(), "run_now begin end record apply settle").active[0] == 0


def test_from_5_12_a_restart_inside_the_process_reloads_the_rows() -> None:
    """A row that could not be opened is a ghost in memory until then."""
    bounds = Bounds(restarts=1, store_faults=1)
    for release, left in (("2026.4.25", "running"), ("2026.5.12", "absent")):
        w = world(release, bounds, "slot_due tick begin! restart_in_process")
        assert (row(w), TASK.states[w.memory[0]]) == ("absent", left)


def test_from_5_12_a_start_leaves_slots_alone_that_fall_due_while_it_lasts() -> None:
    late = "crash start repair catch_up slot_due ready"
    assert world("2026.4.25", Bounds(crashes=1), late).next[0] == 1
    assert world("2026.5.12", Bounds(crashes=1), late).next[0] == 0


def test_from_5_12_an_agent_turn_is_not_caught_up_with() -> None:
    bounds = Bounds(crashes=1, agents=1)
    for release, caught_up in (("2026.4.25", 1), ("2026.5.12", 0)):
        assert world(release, bounds, "slot_due crash start repair catch_up").marker[0] == caught_up


def test_from_5_28_the_runs_of_a_tick_work_beside_each_other() -> None:
    bounds = Bounds(jobs=2, runs=1)
    for release, both in (("2026.5.12", False), ("2026.5.28", True)):
        m = model(f"openclaw-{release}", bounds)
        w = after(m, "slot_due slot_due tick begin")
        assert ("begin" in possible(m, w.states)) == both


def test_from_6_1_a_row_that_is_not_on_disk_is_not_in_memory_either() -> None:
    """5.28 has a ghost that nobody finishes; 6.1 has nothing, so that nothing can be lost, and nothing is finished."""
    for release, memory in (("2026.5.28", "running"), ("2026.6.1", "absent")):
        w = world(release, Bounds(store_faults=1), "slot_due tick begin! end record settle")
        assert (row(w), TASK.states[w.memory[0]]) == ("absent", memory)


def test_from_6_1_the_store_is_written_before_the_log_and_by_hand_after_it() -> None:
    """On the timer's path the line is queued only when the store is written; a manual run's line is there before."""
    for release, early in (("2026.5.28", True), ("2026.6.1", False), ("2026.6.8", False)):
        m = model(f"openclaw-{release}", Bounds())
        assert ("append_log" in possible(m, after(m, f"{BEGUN} end record").states)) == early
        assert "append_log" in possible(m, after(m, DONE).states)
    for release, line in (("2026.5.28", 0), ("2026.6.1", 2), ("2026.6.8", 2)):
        w = world(release, Bounds(), "run_now begin end record apply")
        assert (w.log[0], w.last[0]) == (line, 0)


@pytest.mark.parametrize(("fault", "line", "recorded"), [("", 2, 1), ("!", 0, 0)])
def test_a_manual_line_can_fail_and_then_records_nothing(fault: str, line: int, recorded: int) -> None:
    w = world("2026.6.1", Bounds(store_faults=2), f"run_now begin end record! apply{fault}")
    assert (w.log[0], w.recorded[0], w.log_queue[0]) == (line, recorded, 0)


def test_the_line_of_a_deleted_job_is_not_written_by_hand() -> None:
    w = world("2026.6.1", Bounds(operator_actions=1), "run_now begin delete end record apply")
    assert (w.log[0], row(w)) == (0, "succeeded")


def test_from_6_8_catch_up_runs_are_active() -> None:
    begun = "slot_due crash start repair catch_up begin"
    for release, active in (("2026.6.1", False), ("2026.6.8", True)):
        m = model(f"openclaw-{release}", Bounds(crashes=1))
        w = after(m, begun)
        assert bool(m.active(w, 0)) == active


def test_from_6_8_a_run_that_a_restart_has_outlived_writes_its_row_only() -> None:
    """In 6.1 it still puts its result into the job state, over what the new service wrote there."""
    ended = f"{BEGUN} restart_in_process repair catch_up ready end record settle"
    for release, last in (("2026.6.1", 1), ("2026.6.8", 3)):
        m = model(f"openclaw-{release}", Bounds(restarts=1))
        w = after(m, ended)
        assert (row(w), w.last[0]) == ("succeeded", last)
        assert ("append_log" in possible(m, w.states)) == (release == "2026.6.1")


def test_from_6_8_so_does_a_manual_run() -> None:
    ended = "run_now begin restart_in_process repair catch_up ready end record apply settle"
    for release, line, last in (("2026.6.1", 2, 1), ("2026.6.8", 0, 3)):
        w = world(release, Bounds(restarts=1), ended)
        assert (row(w), w.log[0], w.last[0]) == ("succeeded", line, last)


def test_from_6_8_a_reload_leaves_the_tokens_and_a_restart_takes_them() -> None:
    """A change of the configuration makes a new service and not a new life."""
    bounds = Bounds(restarts=1)
    assert world("2026.6.8", bounds, f"{BEGUN} reload").token[0] == 1
    assert world("2026.6.8", bounds, f"{BEGUN} restart_in_process").token[0] == 0
    # Its run still writes everything, as it still has the token.
    assert world("2026.6.8", bounds, f"{BEGUN} reload repair catch_up ready end record settle").last[0] == 1


def test_from_6_8_a_catch_up_run_of_a_stopped_service_writes_its_row_only() -> None:
    """Its token is still the current one after a reload, and is taken out; a run of the timer writes everything."""
    bounds = Bounds(crashes=1, restarts=1)
    begun = "slot_due crash start repair catch_up begin reload repair catch_up ready"
    for release, last in (("2026.6.1", 1), ("2026.6.8", 3)):
        w = world(release, bounds, f"{begun} end record settle")
        assert (row(w), w.last[0]) == ("succeeded", last)
    assert world("2026.6.8", bounds, begun).token[0] == 1
    assert world("2026.6.8", bounds, f"{begun} end record settle").token[0] == 0


def test_from_6_33_a_false_lost_row_is_repaired() -> None:
    """The first sweep came before the start-up said "interrupted" in the job state; a later one looks at the row again."""
    falsely = f"{BEGUN} expire crash start sweep_begin sweep_row"
    for release, repaired in (("2026.6.11", False), ("2026.6.33", True)):
        m = model(f"openclaw-{release}", Bounds(crashes=1))
        w = after(m, falsely)
        assert row(w) == "lost"
        assert ("sweep_begin" in possible(m, after(m, "repair", w.states).states)) == repaired


def test_up_to_8_2_a_tick_says_nothing_about_the_row_of_a_run_that_it_gives_up() -> None:
    """The job's part of the end fails after that of the row has failed: the marker stays, and its run is over."""
    failed = "slot_due tick activate begin end record! settle! reclaim"
    for release, unclosed in (("2026.8.1", 0), ("2026.9.5", 1)):
        m = model(f"openclaw-{release}", Bounds(store_faults=2))
        w = after(m, failed)
        assert (row(w), w.marker[0], w.last[0], w.unclosed[0]) == ("running", 0, 3, unclosed)
        left = after(m, "expire sweep_begin sweep_row" if unclosed == 0 else "close_interrupted", w.states)
        assert row(left) == ("interrupted" if unclosed else "lost")


def test_a_start_up_says_it_in_8_1_as_well() -> None:
    assert world("2026.8.1", Bounds(crashes=1), "slot_due tick activate begin crash start repair").unclosed[0] == 1


# -- nothing else has changed


def test_a_start_that_cannot_write_its_repairs_goes_on_in_proposals_only() -> None:
    bounds = next(part.bounds for part in PRESETS["ci"] if part.name == "store")
    goes_on = {
        name for name in REVISIONS
        if any(a.name == "repair" and a.get("fault") for a in model(name, bounds).actions)
    }
    assert goes_on == {"reference"}


def test_titles_are_short() -> None:
    assert all(len(known.title) <= 82 and re.fullmatch(r"\S.*\S", known.title) for known in REVISIONS.values())
