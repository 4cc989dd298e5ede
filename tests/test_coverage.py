"""Coverage: the counts are those of a plain count, and what was not reached is listed."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from lostproof.actions import decision_parts
from lostproof.engine.coverage import Coverage, CoverageWitness
from lostproof.engine.explorer import close
from lostproof.engine.graph import build
from lostproof.engine.verdicts import check
from lostproof.evidence import DOMAIN, LIVE_PARTS
from lostproof.tables import chart
from tests.support import BOUNDS, TYPICAL, model, plain_search

TASK, RUN, GATEWAY = chart("task"), chart("run"), chart("gateway")
WORLDS = ("crash", "offline", "store", "restart")

in_small_worlds = pytest.mark.parametrize(
    ("name", "world"), [pytest.param(name, world, id=f"{name}-{world}") for name in TYPICAL for world in WORLDS]
)


@cache
def counted(name: str, world: str) -> Coverage:
    """Return what the witness counts in a small world."""
    m = model(name, BOUNDS[world])
    witness = CoverageWitness(m)
    build(close(m), witnesses=[witness])
    return witness.coverage


def positive(counts: Counter[str]) -> dict[str, int]:
    """Return what was reached."""
    return {name: count for name, count in counts.items() if count}


@in_small_worlds
def test_actions_are_counted_one_by_one(name: str, world: str) -> None:
    """Each action counts its transitions; runs and jobs are counted together, kinds of it apart."""
    plain = plain_search(name, BOUNDS[world])
    expected: Counter[str] = Counter()
    for _, number, _ in plain.transitions:
        action = plain.model.actions[number]
        kinds = [key for key in ("end", "early", "same_ms", "fault") if action.get(key)]
        expected[" ".join([action.name, *kinds])] += 1
    assert positive(counted(name, world).actions) == dict(expected)


@in_small_worlds
def test_edges_are_counted_one_by_one(name: str, world: str) -> None:
    """Each chart edge counts the transitions in which a run, the gateway or a row on disk takes it."""
    plain = plain_search(name, BOUNDS[world])
    m, expected = plain.model, Counter[str]()
    for before, number, after in plain.transitions:
        old, new, action = m.view(before), m.view(after), m.actions[number]
        if old.gateway != new.gateway:
            assert action.event is not None
            source, target = GATEWAY.states[old.gateway], GATEWAY.states[new.gateway]
            expected[f"gateway: {source} -{action.event[1]}→ {target}"] += 1
        for k in m.runs:
            if old.step[k] != new.step[k]:
                source, target = RUN.states[old.step[k]], RUN.states[new.step[k]]
                (event,) = [edge.event for edge in RUN.edges if (edge.source, edge.target) == (source, target)]
                expected[f"run: {source} -{event}→ {target}"] += 1
            moved = TASK.states[old.row[k]], TASK.states[new.row[k]]
            if moved in {(edge.source, edge.target) for edge in TASK.edges} and moved[0] != moved[1]:
                expected[f"task: {moved[0]}→{moved[1]}"] += 1
    assert positive(counted(name, world).edges) == dict(expected)


@in_small_worlds
def test_rows_of_the_rules_table_are_counted_one_by_one(name: str, world: str) -> None:
    """Each row of the rule's table counts the decisions that a sweep of the gateway made by it."""
    plain = plain_search(name, BOUNDS[world])
    m, expected = plain.model, Counter[str]()
    for before, number, _ in plain.transitions:
        action = m.actions[number]
        if action.name == "sweep_row":
            *live, seen = decision_parts(m, m.view(before), action.get("run") or 0)
            words = [f"{part}={DOMAIN[part][value]}" for part, value in zip(LIVE_PARTS, live, strict=True)]
            expected[" ".join([*words, f"store={seen}"])] += 1
    assert positive(counted(name, world).decisions) == dict(expected)


@in_small_worlds
def test_what_was_not_reached_is_listed(name: str, world: str) -> None:
    """Everything that there is appears once: with a count where it was reached, by name where it was not."""
    coverage = counted(name, world)
    m, described = model(name, BOUNDS[world]), coverage.describe()
    for kind, counts in (("actions", coverage.actions), ("edges", coverage.edges), ("decisions", coverage.decisions)):
        assert described[kind]["reached"] == positive(counts)
        assert described[kind]["unreached"] == sorted(set(counts) - set(positive(counts)))
    assert {known.split()[0] for known in coverage.actions} == {action.name for action in m.actions}
    moves = {(edge.source, edge.target) for edge in TASK.edges if edge.source != edge.target}
    assert len(coverage.edges) == len(RUN.edges) + len(GATEWAY.edges) + len(moves)


def test_a_vacuous_pass_is_visible() -> None:
    """Where nothing goes wrong the edges of trouble are listed as unreached."""
    unreached = check("reference", "runs=1,outcomes=1,manual=0,long_waits=0").coverage.describe()["edges"]["unreached"]
    assert {"gateway: running -crash→ down", "run: executing -die→ gone", "task: running→lost"} <= set(unreached)
    assert "run: executing -end→ held" not in unreached


def test_slices_add_up() -> None:
    """The coverage of a result is the sum over its slices, and leaves theirs as it was."""
    result = check("openclaw-2026.4.15", "smoke")
    parts = [report.coverage.describe() for report in result.slices]
    total = result.coverage
    assert [report.coverage.describe() for report in result.slices] == parts
    for kind in ("actions", "edges", "decisions"):
        counts = [getattr(report.coverage, kind) for report in result.slices]
        names = {name for part in counts for name in part}
        assert dict(getattr(total, kind)) == {name: sum(part[name] for part in counts) for name in names}
    assert total.actions["cli_begin"] == result.slices[1].coverage.actions["cli_begin"] > 0
    assert total.actions["crash"] == result.slices[0].coverage.actions["crash"] > 0
