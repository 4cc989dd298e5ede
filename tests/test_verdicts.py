"""Verdicts: what is known at daily bounds, how slices are chosen, and what a bound that was hit says."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import pytest

from lostproof.bounds import PRESETS, Bounds, Slice
from lostproof.engine import verdicts
from lostproof.engine.explorer import close
from lostproof.engine.graph import build
from lostproof.engine.lag import UNBOUNDED, worst_sweeps
from lostproof.engine.race import Violation
from lostproof.engine.verdicts import Result, SliceReport, check, check_all
from lostproof.errors import BadInput
from lostproof.evidence import KEEP
from lostproof.properties import PROPERTIES, property_named
from lostproof.revisions import revision
from tests.support import BOUNDS, TYPICAL, plain_search

NEVER_LOST = {"completed-run-never-lost", "executed-run-never-lost", "live-run-never-lost"}
TINY = "runs=1,outcomes=1,manual=0,long_waits=0"


@cache
def daily() -> dict[str, Result]:
    """Return what some revisions make of all properties at the bounds for daily use; made once for all tests.

    The README's matrix, which is run as well, is that of all revisions.
    """
    names = (
        "openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.9.6", "fix-skip", "fix-durable",
        "reference",
    )
    return {result.revision.name: result for result in check_all(names, "ci")}


def violated(name: str, kind: str = "violated") -> set[str]:
    """Return the properties with this kind of verdict."""
    return {each.property.id for each in daily()[name].verdicts if each.verdict == kind}


# -- what is known


@pytest.mark.parametrize(
    ("name", "broken", "kept"),
    [
        ("openclaw-2026.4.15", NEVER_LOST, set()),
        ("openclaw-2026.4.2", {"vanished-run-is-closed"}, NEVER_LOST),
        ("fix-skip", {"vanished-run-is-closed"}, NEVER_LOST),
        ("fix-durable", {"executed-run-never-lost"}, set()),
        ("openclaw-2026.5.28", {"executed-run-never-lost"}, set()),
        ("openclaw-2026.9.6", NEVER_LOST, {"vanished-run-is-closed", "job-not-blocked", "no-invented-success"}),
    ],
)
def test_the_original_reports_expectations(name: str, broken: set[str], kept: set[str]) -> None:
    """Each revision violates what the prototype of the original report found, and what it held holds."""
    assert broken <= violated(name)
    assert kept <= violated(name, "holds")


def test_the_reference_violates_nothing_but_what_it_accepts() -> None:
    """The reference holds everything but one property, which it openly accepts with the place of the proof."""
    assert violated("reference") == set()
    assert violated("reference", "accepted") == {"row-agrees-with-truth"}
    accepted = daily()["reference"].verdict("row-agrees-with-truth")
    assert accepted.reason == "spec/properties.md#what-cannot-hold-together"
    assert accepted.race is not None
    assert len(violated("reference", "holds")) == len(PROPERTIES) - 1


def test_a_verdict_has_what_belongs_to_its_kind() -> None:
    """A violated or accepted verdict has a race and its slice, one that holds has none, and every slice was closed."""
    for result in daily().values():
        assert result.closed
        assert [each.property for each in result.verdicts] == list(PROPERTIES)
        for each in result.verdicts:
            assert (each.race is not None) == (each.verdict in ("violated", "accepted"))
            assert (each.slice is not None) == (each.race is not None)
            assert (each.reason is not None) == (each.verdict == "accepted")
            assert (each.sweeps is not None) == (each.property.id == "vanished-run-is-closed")


def test_the_slice_has_the_shortest_race_with_the_fewest_faults() -> None:
    """The race that is shown is the shortest over all slices, then the one with fewest faults, then the first."""
    for result in daily().values():
        for each in result.verdicts:
            found = [(report.races[each.property.id][0], position, report.slice.name)
                     for position, report in enumerate(result.slices) if each.property.id in report.races]
            best = min(((one.steps, one.faults, position, name) for one, position, name in found), default=None)
            assert (each.slice, each.race and (each.race.race.steps, each.race.race.violation.faults)) == (
                (best[3], best[:2]) if best else (None, None)
            )


def test_a_result_sums_its_slices() -> None:
    """States and transitions are sums over the slices, the depth is that of the deepest."""
    for result in daily().values():
        assert [report.slice for report in result.slices] == list(PRESETS["ci"])
        assert result.states == sum(report.states for report in result.slices) > 0
        assert result.transitions == sum(report.transitions for report in result.slices) > result.states
        assert result.depth == max(report.depth for report in result.slices)


# -- bounds that are hit


@pytest.mark.parametrize("limit", [1, 50, 200])
def test_a_bound_that_was_hit_never_says_holds(limit: int) -> None:
    """Where the number of states hits its bound nothing holds: every verdict is inconclusive and says why."""
    result = check("reference", "crashes=1,runs=1", max_states=limit)
    assert not result.closed
    assert {each.verdict for each in result.verdicts} == {"inconclusive"}
    assert {each.reason for each in result.verdicts} == {f"slice custom has more than {limit} states"}
    assert {each.slice for each in result.verdicts} == {"custom"}


def test_a_bound_that_was_not_exceeded_changes_nothing() -> None:
    """A bound of just as many states as there are is not hit; one less is."""
    free = check("reference", TINY)
    assert check("reference", TINY, max_states=free.states) == free
    assert not check("reference", TINY, max_states=free.states - 1).closed


def test_a_violation_in_a_closed_slice_wins() -> None:
    """If one slice is closed and violated, the verdict is violated although another was not closed."""
    sizes = [report.states for report in check("openclaw-2026.4.15", "smoke").slices]
    result = check("openclaw-2026.4.15", "smoke", max_states=min(sizes))
    open_slice, closed_slice = sorted(result.slices, key=lambda report: report.closed)
    assert (open_slice.closed, closed_slice.closed) == (False, True)
    kinds = {each.verdict: each for each in result.verdicts}
    assert set(kinds) == {"violated", "inconclusive"}
    assert kinds["violated"].slice == closed_slice.slice.name
    assert kinds["inconclusive"].slice == open_slice.slice.name
    assert {each.property.id for each in result.verdicts if each.verdict == "violated"} == set(closed_slice.races)


# -- choosing among slices


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([(7, 1), (6, 2), (8, 0)], "b"), ([(6, 2), (6, 1), (6, 1)], "b"), ([(6, 1), (6, 1), (5, 9)], "c"),
        ([(6, 1), (6, 1), (6, 1)], "a"), ([None, (9, 0), (8, 3)], "c"), ([None, None, (9, 0)], "c"),
    ],
)
def test_fewest_steps_then_fewest_faults_then_order(
    monkeypatch: pytest.MonkeyPatch, found: list[tuple[int, int] | None], chosen: str
) -> None:
    """Among the slices with a race the fewest steps win, then the fewest faults, then the order of the preset."""
    judged = property_named("slot-runs-once")
    reports = [
        SliceReport(Slice(name, Bounds()), 1, 1, 1, True, None,
                    {judged.id: (Violation(*one, 0, 0, 0, 0), (), ())} if one else {})
        for name, one in zip("abc", found, strict=True)
    ]
    monkeypatch.setattr(verdicts, "timed_race", lambda subject, report, judged: report.slice.name)
    verdict = verdicts._verdict(revision("fix-skip"), judged, reports)
    assert (verdict.verdict, verdict.slice, verdict.race) == ("violated", chosen, chosen)


# -- ways to ask


def test_processes_change_nothing() -> None:
    """Over several processes and in one the results are equal, race for race."""
    names = ["openclaw-2026.4.15", "reference"]

    def told(result: Result) -> list[Any]:
        races = [each.race for each in result.verdicts]
        moments = [race and (race.moments, race.steps, race.point_of_no_return) for race in races]
        return [result.slices, [(each.verdict, each.slice, each.reason) for each in result.verdicts], moments]

    alone, together = (check_all(names, "smoke", workers=workers) for workers in (1, 2))
    assert [told(result) for result in alone] == [told(result) for result in together]
    assert told(check("reference", "smoke")) == told(together[1])


def test_some_properties_can_be_asked_for() -> None:
    """Asked for some properties only, these are judged, as they are among all."""
    asked = ["slot-runs-once", "live-run-never-lost"]
    some, everything = check("openclaw-2026.4.15", "smoke", asked), check("openclaw-2026.4.15", "smoke")
    assert [each.property.id for each in some.verdicts] == asked
    assert [each.verdict for each in some.verdicts] == [everything.verdict(name).verdict for name in asked]


def test_a_revision_of_ones_own_is_checked_in_this_process() -> None:
    """A revision that is not in the registry is checked as it is given, also when several processes are asked for."""
    mine = revision("openclaw-2026.4.15").but("openclaw-2026.4.15", "not registered", rule=lambda evidence: KEEP)
    (result,) = check_all([mine], "smoke", ["live-run-never-lost"], workers=2)
    assert result.revision is mine
    assert result.verdicts[0].verdict == "holds"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: check("future"), "unknown revision 'future'; there are: openclaw-2026.4.2"),
        (lambda: check("reference", "large"), "unknown bounds 'large'; there are: smoke"),
        (lambda: check("reference", "smoke", ["nothing"]), "unknown property 'nothing'; there are: completed"),
    ],
)
def test_unknown_names_are_refused(ask: Callable[[], Any], says: str) -> None:
    """An unknown revision, preset or property is refused with the names that there are."""
    with pytest.raises(BadInput, match=says):
        ask()


def test_progress_is_told() -> None:
    """Each slice and each layer is told of while it goes on."""
    lines: list[str] = []
    result = check("reference", "smoke", on_progress=lines.append)
    assert {"reference crash", "reference offline"} <= set(lines)
    assert len([line for line in lines if "depth" in line]) == sum(report.depth + 1 for report in result.slices)


# -- how many sweeps an orphan waits


@pytest.mark.parametrize(("name", "world"), list(product(TYPICAL, ("crash", "runs", "restart"))))
def test_worst_sweeps_is_the_longest_wait(name: str, world: str) -> None:
    """The worst number of sweeps is the longest path of looks at an expired, open row of a vanished run."""
    plain, vanished = plain_search(name, BOUNDS[world]), property_named("vanished-run-is-closed")
    m, worst = plain.model, 0
    assert vanished.premise is not None and vanished.goal is not None
    for k in m.runs:
        waiting = {
            state for layer in plain.layers for state in layer
            if (w := m.view(state)).expired[k] and vanished.premise(m, w, k) and not vanished.goal(m, w, k)
        }
        ways: dict[int, list[tuple[int, bool]]] = {state: [] for state in waiting}
        for source, number, target in plain.transitions:
            if source in waiting and target in waiting:
                action = m.actions[number]
                ways[source].append((target, action.name == "sweep_row" and action.get("run") == k))
        worst = max([worst, *(longest(ways, state) for state in waiting)])
    assert worst_sweeps(build(close(m))) == (UNBOUNDED if worst > 20 else worst)


def longest(ways: dict[int, list[tuple[int, bool]]], start: int) -> int:
    """Return the greatest number of looks on one path from ``start``, or 99 if a cycle has one."""
    best, todo = {(start, 0)}, [(start, 0)]
    while todo:
        state, looks = todo.pop()
        for target, look in ways[state]:
            found = (target, looks + look)
            if found[1] > 20:
                return 99
            if found not in best:
                best.add(found)
                todo.append(found)
    return max(looks for _, looks in best)
