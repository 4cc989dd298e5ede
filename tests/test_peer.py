"""A second gateway on the same stores: the same product code in a memory of its own, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lostproof.actions import Action
from lostproof.bounds import ONE_GATEWAY, Bounds, Slice
from lostproof.drivers.timed import Timed
from lostproof.engine.coverage import CoverageWitness
from lostproof.engine.explorer import close
from lostproof.engine.graph import build
from lostproof.engine.situations import situations
from lostproof.engine.stepper import apply, changes, is_enabled
from lostproof.engine.verdicts import SliceReport, explore, timed_race
from lostproof.errors import BadInput
from lostproof.explore.names import label, meant
from lostproof.fields import FIELDS, PEER_FIELDS, WIPES, Home
from lostproof.model import Model
from lostproof.properties import PROPERTIES, property_named
from lostproof.replay import run
from lostproof.report.page_timelines import Timelines
from lostproof.report.reasons import why_not
from lostproof.report.timeline import lanes_of, lines_of
from lostproof.revisions import REVISIONS
from lostproof.revisions.mutants import MUTANTS, SLICES
from lostproof.scenarios import load, save_race
from lostproof.tables import chart
from lostproof.world import World
from tests.support import any_states, as_list, ints, model, plain_search, walks
from tests.test_scalar_vector import all_at_once, one_by_one

PEER = SLICES["peer"]
"""The slice that is proposed for the preset ``ci``."""

RICH = Bounds(
    gateways=2, jobs=2, runs=2, slots=2, outcomes=3, crashes=2, restarts=2, offline_passes=1, store_faults=1,
    operator_actions=2,
)
"""Two gateways and everything else, too large to explore."""

SOME = ("openclaw-2026.4.15", "openclaw-2026.5.28", "openclaw-2026.9.6", "reference")
WORLDS = [pytest.param(model(revision, RICH), id=revision) for revision in SOME]

SIZES = {
    # (states, transitions, depth) of the slice, for revisions that differ in what matters to a second gateway
    "openclaw-2026.4.2": (22_299, 72_572, 22),
    "openclaw-2026.4.15": (29_659, 94_176, 26),
    "openclaw-2026.5.28": (285_796, 864_224, 27),
    "openclaw-2026.8.1": (1_134, 2_742, 18),
    "openclaw-2026.9.6": (1_220, 2_914, 18),
    "fix-skip": (23_783, 77_724, 22),
    "fix-durable": (101_233, 314_990, 27),
    "reference": (540, 1_492, 11),
}

TWICE = {"job-runs-alone": 7, "slot-runs-once": 8, "job-state-agrees-with-row": 7}
"""What breaks where two processes can both find a job due, with the lengths of the shortest races."""

BROKEN = {
    # revision: what the slice violates, with the length of the shortest race
    "openclaw-2026.4.2": TWICE | {"slot-not-dropped": 4, "vanished-run-is-closed": 5},
    "openclaw-2026.4.15": TWICE | {
        "completed-run-never-lost": 16, "executed-run-never-lost": 10, "live-run-never-lost": 9, "live-run-never-closed": 9,
        "record-never-overwritten": 16, "row-agrees-with-record": 16, "row-agrees-with-truth": 10, "slot-not-dropped": 5,
        "completed-run-converges": 16, "false-lost-is-repaired": 16,
    },
    "openclaw-2026.9.6": {
        "executed-run-never-lost": 10, "live-run-never-lost": 9, "live-run-never-closed": 9, "row-agrees-with-truth": 8,
        "job-state-agrees-with-row": 7,
    },
    "fix-skip": TWICE | {"slot-not-dropped": 5, "vanished-run-is-closed": 5},
    "reference": {"row-agrees-with-truth": 6},
}


def states_of(m: Model) -> st.SearchStrategy[list[int]]:
    return st.lists(any_states(m), min_size=1, max_size=2)


def own(action: Action) -> bool:
    """Return whether an action has a counterpart of the second gateway."""
    return action.actor in ("gateway", "run", "sweep") or action.name in (
        "run_now", "terminate", "restart_in_process", "reload",
    )


def counterparts(m: Model) -> dict[int, int]:
    """Return the second gateway's action for each of the first one's."""
    numbers = {(a.name, a.at[1], a.at[2], a.params, a.paths): n for n, a in enumerate(m.actions)}
    return {
        n: numbers[a.name, a.at[1], a.at[2], (*a.params, ("gateway", 2)), a.paths]
        for n, a in enumerate(m.actions)
        if own(a) and a.get("gateway") is None
    }


def swapped(m: Model, state: int) -> int:
    """Return ``state`` with the two gateways' memories exchanged."""
    old, new = m.view(state), m.view(state)
    for field in PEER_FIELDS:
        for index, cell in m.layout.cells[field.name].items():
            twin = m.layout.cells[field.base][index]
            new.write(cell, old.read(twin))
            new.write(twin, old.read(cell))
    return int(new.pack())


@cache
def report(revision: str) -> SliceReport:
    return explore(REVISIONS[revision], Slice("peer", PEER), PROPERTIES)


# -- the world


def test_one_gateway_has_no_trace_of_a_second_one() -> None:
    """Switched off, the second gateway has no field, no bit and no action."""
    for revision in REVISIONS:
        m = model(revision, replace(RICH, gateways=1))
        assert list(m.layout.cells) == [field.name for field in FIELDS]
        assert m.layout.cell("collected", 0).bits == 0
        assert not any(action.get("gateway") or action.name == "collect" for action in m.actions)
        assert len(m.processes(m.view(m.initial()))) == 1


@pytest.mark.parametrize("name", ONE_GATEWAY)
def test_what_is_modelled_for_one_gateway_only_is_refused_with_two(name: str) -> None:
    """A bound that no second gateway knows of is not silently half in force."""
    assert Bounds(**{name: 1}).gateways == 1
    told = rf"^bounds gateways=2,{name}=1 do not go together; allowed: one gateway with {name}$"
    with pytest.raises(BadInput, match=told):
        Bounds(gateways=2, **{name: 1})


def test_everything_in_the_memory_of_a_gateway_is_there_twice() -> None:
    """Each field that some event of a gateway wipes has a twin that says, holds and leaves behind the same."""
    wiped = {home for homes in WIPES.values() for home in homes}
    assert wiped == {home for home in Home if home.of_gateway}
    assert [field.base for field in PEER_FIELDS] == [field.name for field in FIELDS if field.home in wiped]
    for field in PEER_FIELDS:
        first = next(known for known in FIELDS if known.name == field.base)
        assert (field.home, field.per, field.values, field.wiped) == (first.home, first.per, first.values, first.wiped)


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=5)
def test_the_two_views_share_what_the_gateways_share(m: Model, data: st.DataObject) -> None:
    """What is in a gateway's memory is the view's own; everything else, also what is being written, is seen by both."""
    view = m.view(data.draw(any_states(m)))
    assert view.peer.peer is view
    for name, cells in m.layout.cells.items():
        if name in {field.name for field in PEER_FIELDS}:
            continue
        for index, cell in cells.items():
            value = data.draw(st.integers(0, cell.ones))
            view.write(cell, value)
            theirs = view.peer.read(m.layout.of_peer[name][index])
            twin = m.layout.cells.get(f"peer.{name}")
            assert theirs == (view.read(cell) if twin is None else view.read(twin[index]))


@pytest.mark.parametrize("m", WORLDS)
@pytest.mark.parametrize("event", WIPES)
@given(data=st.data())
@settings(max_examples=10)
def test_what_is_wiped_is_wiped_in_one_process(m: Model, event: str, data: st.DataObject) -> None:
    """An event wipes its homes in the memory of the gateway that it happens to, and nothing of the other's."""
    state = data.draw(any_states(m))
    view, other = m.view(state), m.view(state)
    view.peer.wipe(WIPES[event])
    changed = [cell.field for cell, _, _ in changes(m, state, int(view.pack()))]
    assert all(field.peer and field.home in WIPES[event] for field in changed)
    other.wipe(WIPES[event])
    assert swapped(m, int(m.view(swapped(m, int(view.pack()))).pack())) == int(view.pack())
    mirrored = m.view(swapped(m, state))
    mirrored.wipe(WIPES[event])
    assert swapped(m, int(mirrored.pack())) == int(view.pack())
    assert not any(cell.field.peer for cell, _, _ in changes(m, state, int(other.pack())))


# -- what can happen


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=20)
def test_steps_agree_on_any_states(m: Model, data: st.DataObject) -> None:
    """On states that need not be reachable, one state and a batch of them go the same way."""
    states = data.draw(states_of(m))
    assert all_at_once(m, states) == one_by_one(m, states)


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=10)
def test_steps_agree_along_random_walks(m: Model, data: st.DataObject) -> None:
    """On the states along a random walk, one state and a batch of them go the same way."""
    states = data.draw(walks(m))
    assert all_at_once(m, states) == one_by_one(m, states)


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=10)
def test_the_second_gateway_does_what_the_first_one_does(m: Model, data: st.DataObject) -> None:
    """Exchange the memories, let the first gateway act, exchange them again: that is what the second one does."""
    state = data.draw(any_states(m))
    mirror = swapped(m, state)
    assert swapped(m, mirror) == state
    for first, second in counterparts(m).items():
        assert is_enabled(m, state, second) == is_enabled(m, mirror, first), m.actions[second].label(m)
        if is_enabled(m, state, second):
            assert apply(m, state, second) == swapped(m, apply(m, mirror, first)), m.actions[second].label(m)


def test_every_action_of_a_gateway_has_a_counterpart() -> None:
    """Whatever a gateway, its runs and its sweeps do, or an operator does to the process, the second one has as well."""
    for revision in REVISIONS:
        m = model(revision, RICH)
        pairs = counterparts(m)
        assert len(pairs) == len(set(pairs.values())) == sum(action.get("gateway") == 2 for action in m.actions)
        assert {a.name for a in m.actions if not own(a)} <= {
            "slot_due", "expire", "age_marker", "cli_begin", "cli_row", "disable", "delete", "enable", "reassign",
        }


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=10)
def test_no_process_writes_into_the_memory_of_another(m: Model, data: st.DataObject) -> None:
    """An action changes the memory of the gateway that does it; the other's stays as it is."""
    state = data.draw(any_states(m))
    for number, action in enumerate(m.actions):
        if is_enabled(m, state, number):
            for cell, _, _ in changes(m, state, apply(m, state, number)):
                assert not cell.field.home.of_gateway or cell.field.peer == (action.get("gateway") == 2), action.label(m)


def states_with_owners(m: Model) -> st.SearchStrategy[int]:
    """Return a strategy for states that need not be reachable, but in which no run is in both processes."""

    def given_away(drawn: tuple[int, list[bool]]) -> int:
        view = m.view(drawn[0])
        for k, second in enumerate(drawn[1]):
            (view if second else view.peer).step[k] = 0
        return int(view.pack())

    owners = st.lists(st.booleans(), min_size=len(m.runs), max_size=len(m.runs))
    return st.tuples(any_states(m), owners).map(given_away)


@pytest.mark.parametrize("m", WORLDS)
@given(data=st.data())
@settings(max_examples=10)
def test_what_is_true_of_a_run_does_not_hang_on_its_gateway(m: Model, data: st.DataObject) -> None:
    """With the gateways exchanged, a run has come as far, is as alive and as much owned, and as many are unused."""
    state = data.draw(states_with_owners(m))
    here, there = m.view(state), m.view(swapped(m, state))
    for k in m.runs:
        assert m.step(here, k) == here.step[k] + here.peer.step[k]
        for asked in (m.step, m.live, m.owned):
            assert asked(here, k) == asked(here.peer, k) == asked(there, k)
        assert m.owned(here, k) == (m.in_progress(here, k) | m.in_progress(here.peer, k))
        assert m.seen_alive(here, k) == (m.owned if m.revision.names_owner else m.in_progress)(here, k)
    for job in m.jobs:
        assert m.has_free_run(here, job) == m.has_free_run(here.peer, job) == m.has_free_run(there, job)


@pytest.mark.parametrize("judged", PROPERTIES, ids=lambda judged: judged.id)
@given(data=st.data())
@settings(max_examples=20)
def test_properties_do_not_care_which_gateway_it_was(judged: Any, data: st.DataObject) -> None:
    """With the gateways exchanged, a property says the same, of one state and of a batch."""
    m = model(data.draw(st.sampled_from(SOME)), RICH)
    before, after = data.draw(states_with_owners(m)), data.draw(states_with_owners(m))
    for part in ("step", "state", "premise", "goal"):
        predicate: Callable[..., Any] | None = getattr(judged, part)
        if predicate is None:
            continue
        for subject in judged.subjects(m):
            said = []
            for pair in ((before, after), (swapped(m, before), swapped(m, after))):
                states = pair if part == "step" else pair[:1]
                said.append(bool(predicate(m, *map(m.view, states), subject)))
                batch = [World(m.layout, m.layout.batch([state])) for state in states]
                assert as_list(predicate(m, *batch, subject), 1) == said[-1:]
            assert said[0] == said[1]


@pytest.mark.parametrize("revision", [name for name in SOME if "5.28" not in name])
def test_a_run_is_in_one_process(revision: str) -> None:
    """In no reachable state do both gateways have the same run, and its number is used up for both."""
    m = Model(REVISIONS[revision], PEER)
    states = build(close(m)).view(0, None)  # type: ignore[arg-type]
    for k in m.runs:
        assert not ((states.step[k] != 0) & (states.peer.step[k] != 0)).any()


@pytest.mark.parametrize("revision", ["openclaw-2026.4.15", "openclaw-2026.9.6", "reference"])
def test_explorer_finds_what_a_plain_search_finds(revision: str) -> None:
    """Layer by layer the explorer reaches exactly the states that a search over the scalar stepper reaches."""
    plain = plain_search(revision, replace(PEER, runs=1))
    space = close(plain.model)
    assert ints(plain.model, space.layers) == [set(layer) for layer in plain.layers]
    assert space.transitions == len(plain.transitions)


# -- what comes of it


@pytest.mark.parametrize("revision", SIZES)
def test_the_slice_is_as_large_as_pinned(revision: str) -> None:
    """The slice with two gateways closes, and is as large as it was when it was pinned."""
    found = report(revision)
    assert found.closed
    assert (found.states, found.transitions, found.depth) == SIZES[revision]


@pytest.mark.parametrize("revision", BROKEN)
def test_what_breaks_with_two_gateways(revision: str) -> None:
    """Each revision violates in the slice what it is known to violate, by races of the known lengths."""
    found = {name: violation.steps for name, (violation, _, _) in report(revision).races.items()}
    assert found == BROKEN[revision]


@pytest.mark.parametrize(("revision", "names"), [
    ("openclaw-2026.4.15", ["job-runs-alone", "completed-run-never-lost", "false-lost-is-repaired"]),
    ("openclaw-2026.9.6", [*BROKEN["openclaw-2026.9.6"]]),
])
def test_races_replay_in_time_and_from_their_files(revision: str, names: list[str], tmp_path: Path) -> None:
    """A race of two gateways gets timestamps that satisfy every timer, and its file replays it."""
    for name in names:
        judged = property_named(name)
        race = timed_race(REVISIONS[revision], report(revision), judged)
        assert any(race.race.model.actions[moment.action].get("gateway") for moment in race.moments)
        (outcome,) = run(load(save_race(race, tmp_path)))
        assert outcome.passed, (name, outcome.failures)


def test_reservations_that_are_one_transaction_are_never_made_twice() -> None:
    """Where a job is found due and reserved in one transaction, no slot runs twice; where it is not, one does."""
    for revision in SIZES:
        doubled = {"job-runs-alone", "slot-runs-once"} & set(report(revision).races)
        assert bool(doubled) != REVISIONS[revision].transactions


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS.values() if mutant.slice == "peer"], ids=lambda m: m.name)
def test_clauses_about_other_processes_show_with_two_only(mutant: Any) -> None:
    """What the reference promises of other processes has no effect with one gateway, and is missed with two."""
    sizes = []
    for revision in (REVISIONS["reference"], mutant.revision):
        space = close(Model(revision, Bounds(crashes=1, restarts=1, outcomes=1)))
        sizes.append((space.count, space.transitions, space.depth))
    assert sizes[0] == sizes[1]
    assert set(mutant.killed_by) <= set(explore(mutant.revision, Slice("peer", PEER), PROPERTIES).races)


# -- time, scenarios and views


def played(name: str) -> dict[str, Any]:
    (path,) = Path(__file__).parent.parent.glob(f"scenarios/ownership/{name}.scenario.yaml")
    return {outcome.revision: outcome for outcome in run(load(path))}


def test_each_gateway_sweeps_by_its_own_clock() -> None:
    """A sweep comes five seconds after its gateway has started, and then every minute, whatever the other one does."""
    outcome = played("peer-resets-a-run-in-other-hands")["openclaw-2026.9.6"]
    m = outcome.model
    begun: dict[int | None, list[int]] = {None: [], 2: []}
    for moment in outcome.moments:
        if m.actions[moment.action].name == "sweep_begin":
            begun[m.actions[moment.action].get("gateway")].append(moment.at_ms)
    assert begun[None] and all(at % 60_000 == 0 for at in begun[None])
    assert begun[2][0] == 7 * 60_000 + 5_000
    follower = Timed(m)
    for moment in outcome.moments:
        follower.follow(moment)
    assert follower.stamps.started == {2: 7 * 60_000}
    assert follower.stamps.swept == {gateway: moments[-1] for gateway, moments in begun.items()}
    clock = Timed(m)
    clock.stamps.started[2] = 90_000
    second = next(n for n, a in enumerate(m.actions) if a.name == "sweep_begin" and a.get("gateway") == 2)
    assert clock.window(second)[0] == 95_000
    clock.stamps.swept[2] = 95_000
    assert clock.window(second)[0] == 150_000


def test_two_gateways_fire_by_the_clock() -> None:
    """Left to itself, a release without transactions fires a slot in both gateways, and a later one in the first."""
    outcomes = played("two-gateways-fire-every-slot")
    begun = {
        name: [
            (moment.at_ms, outcome.model.actions[moment.action].get("gateway"))
            for moment in outcome.moments
            if outcome.model.actions[moment.action].name == "tick"
        ]
        for name, outcome in outcomes.items()
    }
    assert [gateway for _, gateway in begun["openclaw-2026.4.15"]] == [None, 2, None, 2]
    assert [gateway for _, gateway in begun["reference"]] == [None, None]


SCENARIO = """\
scenario: told
title: t
about: a
timeline:
  - {at: 1m, do: slot_due}
  - {at: 2m, do: crash, gateway: 2}
  - {at: 3m, do: wait}
expect:
  reference: {}
"""


def test_a_timeline_says_which_gateway_it_means(tmp_path: Path) -> None:
    """Naming the second gateway makes a world of two; the first one needs no name; what nobody does has no gateway."""
    path = tmp_path / "told.scenario.yaml"
    path.write_text(SCENARIO)
    assert load(path).bounds.gateways == 2
    (outcome,) = run(load(path))
    down = [view.gateway == chart("gateway").code("down") for view in outcome.model.processes(last(outcome))]
    assert down == [False, True]
    path.write_text(SCENARIO.replace("gateway: 2", "gateway: 1"))
    assert load(path).bounds.gateways == 1
    path.write_text(SCENARIO.replace("do: wait", "do: wait, gateway: 2"))
    with pytest.raises(BadInput, match=r":7: timeline\[2\]\.gateway: wait is nothing that a gateway does"):
        load(path)
    path.write_text(SCENARIO.replace("gateway: 2", "gateway: 3"))
    with pytest.raises(BadInput, match=r":6: timeline\[1\]\.gateway: 3 is not allowed; allowed: 1, 2"):
        load(path)


def last(outcome: Any) -> World:
    view: World = outcome.model.view(outcome.moments[-1].after)
    return view


def test_timelines_have_a_lane_for_each_gateway() -> None:
    """The second gateway and its sweep have lanes of their own, alive while they are; its memory is told as its own."""
    outcome = played("stale-owner-writes-over-its-successor")["openclaw-2026.4.15"]
    m, moments = outcome.model, outcome.moments
    lines = lines_of(m, moments)
    lanes = lanes_of(m, lines)
    assert [lane for lane in lanes if lane.endswith("-2") and "run" not in lane] == ["gateway-2", "sweep-2"]
    told = [words for line in lines for _, words in line.changed]
    assert "□ gateway-2: job-a found due" in told
    data = Timelines().timeline(m, moments)
    dead = data["lanes"].index("gateway-2")
    start = next(n for n, moment in enumerate(moments) if m.actions[moment.action].name == "start")
    assert [dead in step["alive"] for step in data["steps"]] == [n >= start for n in range(len(moments))]


def test_names_and_reasons_tell_the_gateways_apart() -> None:
    """What is typed to mean an action, and why one cannot happen, say which gateway it is about."""
    m = model("openclaw-2026.4.15", PEER)
    (number,) = meant(m, ["collect", "gateway-2"])[:1]
    assert label(m, number) == "collect gateway-2"
    crash = meant(m, ["crash", "gateway-2"])[0]
    start = meant(m, ["start", "gateway-2"])[0]
    assert why_not(m, m.initial(), start) == ["peer.gateway is running, and would have to be down"]
    assert why_not(m, apply(m, m.initial(), crash), start) == []


def test_situations_and_coverage_tell_of_both() -> None:
    """A run of the second gateway is seen with its own step and its own gateway; its edges are counted as anybody's."""
    m = model("reference", replace(PEER, runs=1))
    graph = build(close(m))
    states = graph.view(0, len(graph.states))
    here, there = states.step[0].tolist(), states.peer.step[0].tolist()
    pairs = {
        (second, theirs) if second else (first, ours)
        for first, second, ours, theirs in zip(here, there, states.gateway, states.peer.gateway, strict=True)
    }
    expected = {(chart("run").states[step], chart("gateway").states[gateway]) for step, gateway in pairs}
    assert {(seen.step, seen.gateway) for seen in situations(graph)} == expected
    counted, crashes = CoverageWitness(m), [n for n, action in enumerate(m.actions) if action.name == "crash"]
    build(close(m), witnesses=[counted])
    running, executing = chart("gateway").code("running"), chart("run").code("executing")
    at = {n: graph.view(0, len(graph.states)).take(graph.source[graph.action == n]) for n in crashes}
    own_views = [m.viewed_by(m.actions[n], view) for n, view in at.items()]
    assert counted.coverage.edges["gateway: running -crash→ down"] == sum((v.gateway == running).sum() for v in own_views)
    assert counted.coverage.edges["run: executing -die→ gone"] == sum((v.step[0] == executing).sum() for v in own_views)
    assert all((view.gateway == running).any() for view in own_views)

