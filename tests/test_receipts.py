"""2026.9.6, step by step: reservations, tokens, a start-up in two writes, and who may not be interrupted."""

from __future__ import annotations

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.timed import Timed
from lostproof.engine.stepper import apply, enabled
from lostproof.model import Model
from lostproof.steps import DISABLED, STEPS
from lostproof.tables import chart
from lostproof.world import World
from tests.support import model
from tests.test_timed import do

NAME = "openclaw-2026.9.6"
ROUGH = Bounds(crashes=2, restarts=1, store_faults=1, operator_actions=1)
ONE_SHOT = Bounds(crashes=1, store_faults=1, recurring=0)
TASK, RUN = chart("task"), chart("run")

BEGUN = "slot_due tick activate begin"
CUT_OFF = f"{BEGUN} crash start"
DONE = f"{BEGUN} end record settle"


def possible(m: Model, state: int) -> set[str]:
    """Return what can happen, by name, with the faulty variants as ``name!``."""
    return {m.actions[n].name + ("!" if m.actions[n].get("fault") else "") for n in enabled(m, state)}


def after(m: Model, words: str, state: int | None = None) -> World:
    """Return the world after ``words``, each the name of an action, with ``!`` for the variant whose write fails."""
    state = m.initial() if state is None else state
    for word in words.split():
        name, fault = word.removesuffix("!"), word.endswith("!")
        found = [n for n in enabled(m, state) if m.actions[n].name == name and bool(m.actions[n].get("fault")) == fault]
        assert found, f"{word} cannot happen; possible: {sorted(possible(m, state))}"
        state = apply(m, state, found[0])
    return m.view(state)


def rough(words: str) -> World:
    """Return the world of :data:`ROUGH` after ``words``."""
    return after(model(NAME, ROUGH), words)


def row(w: World, k: int = 0) -> str:
    """Return what the row of run ``k`` says on disk."""
    return TASK.states[w.row[k]]


# -- how a run begins


def test_a_run_starts_its_clock_when_it_is_activated() -> None:
    """The row's start is the moment of the activation, not that of the reservation, on every path."""
    for first in ("tick", "run_now"):
        sim = Timed(model(NAME, Bounds(runs=1, outcomes=1)))
        do(sim, "slot_due", 1_000)
        do(sim, first, 2_000)
        do(sim, "activate", 5_000)
        do(sim, "begin", 5_001)
        assert sim.stamps.row[0] == 5_000


def test_a_reservation_without_a_run_leaves_no_trace() -> None:
    """If the gateway dies before the activation, the job is free again, its slot still due, and nothing was interrupted."""
    w = rough("slot_due tick crash start repair")
    assert (w.marker[0], w.queued[0], w.last[0], w.next[0], row(w)) == (0, 0, 0, 0, "absent")
    w = rough("slot_due tick crash start repair catch_up")
    assert w.marker[0] == 2
    assert w.step[1] == RUN.code("reserved")


def test_a_run_that_died_between_activation_and_row_gets_a_row() -> None:
    """The start-up finds a marker and no row, and makes up an interrupted one."""
    w = rough("slot_due tick activate crash start repair")
    assert (row(w), w.unclosed[0]) == ("absent", 1)
    assert row(rough("slot_due tick activate crash start repair close_interrupted")) == "interrupted"


def test_a_failed_activation_gives_the_job_back() -> None:
    """The run does not begin, the job is free, and the next tick takes the slot."""
    w = rough("slot_due tick activate!")
    assert (w.marker[0], w.step[0]) == (0, RUN.code("released"))
    assert rough("slot_due tick activate! tick").marker[0] == 2


def test_a_row_that_could_not_be_opened_is_made_up_for() -> None:
    """The run goes on with its token; its row appears when it ends."""
    w = rough("slot_due tick activate begin!")
    assert (row(w), w.token[0]) == ("absent", 1)
    assert row(rough("slot_due tick activate begin! end record")) == "succeeded"


def test_a_reservation_that_is_taken_away_is_noticed() -> None:
    """A run whose job was deleted or disabled before its activation does not begin."""
    for interference in ("delete", "disable"):
        m = model(NAME, ROUGH)
        w = after(m, f"slot_due tick {interference}")
        assert {"activate", "fence"} & possible(m, w.states) == {"fence"}
        assert after(m, "fence", w.states).step[0] == RUN.code("released")


# -- tokens


def test_a_run_takes_out_its_own_token_only() -> None:
    """Another run's token stays."""
    m = model(NAME, ROUGH)
    for holder, left in ((1, 0), (2, 2)):
        w = m.view(m.initial())
        w.token[0] = holder
        STEPS["drop_token"].effect(m, w, 0, True, True)
        assert w.token[0] == left


def test_no_second_run_beside_a_live_one() -> None:
    """While a run's receipt is alive its job is not started again, even where the marker is gone."""
    m = model(NAME, Bounds(restarts=1, operator_actions=2))
    w = after(m, f"{BEGUN} restart_in_process repair catch_up ready disable enable")
    assert (w.marker[0], w.fallen[0], w.next[0]) == (0, 1, 0)
    assert not {"tick", "run_now"} & possible(m, w.states)
    w = after(m, "end record settle", w.states)
    assert "run_now" in possible(m, w.states)


# -- how it ends


def test_an_end_goes_to_the_row_and_then_to_the_job() -> None:
    """Between the two writes the row knows, and the job does not."""
    w = rough(f"{BEGUN} end record")
    assert (row(w), w.marker[0], w.last[0], w.token[0]) == ("succeeded", 1, 0, 1)
    w = rough(DONE)
    assert (w.marker[0], w.last[0], w.token[0], w.next[0]) == (0, 1, 0, 1)


def test_a_manual_run_leaves_the_slot_alone_and_writes_its_row_twice() -> None:
    """It does not move the due time, and a row that could not be closed at first is closed in the end."""
    w = rough("slot_due run_now activate begin end record! apply settle")
    assert (row(w), w.next[0], w.marker[0]) == ("succeeded", 0, 0)
    assert row(rough("slot_due run_now activate begin end record! apply")) == "running"


def test_a_scheduled_run_whose_row_could_not_be_closed_is_forgotten() -> None:
    """The job knows the end, nobody owns the row, and the sweep calls it lost."""
    w = rough(f"{BEGUN} end record! settle expire sweep_begin sweep_row")
    assert (row(w), w.last[0], w.recorded[0]) == ("lost", 1, 1)


# -- start-up


def test_a_run_that_was_cut_off_is_closed_as_interrupted_in_a_second_write() -> None:
    """First the job says so, then the row; until then nothing is caught up, and the slot is given up."""
    m = model(NAME, ROUGH)
    w = after(m, f"{CUT_OFF} repair")
    assert (w.marker[0], w.last[0], w.next[0], row(w), w.unclosed[0]) == (0, m.bounds.runs + 1, 1, "running", 1)
    assert "catch_up" not in possible(m, w.states)
    w = after(m, "close_interrupted", w.states)
    assert (row(w), w.unclosed[0], w.noticed[0, 0]) == ("interrupted", 0, 1)
    assert "catch_up" in possible(m, w.states)


def test_a_second_death_between_the_two_writes_leaves_a_row_that_nothing_leads_to() -> None:
    """The next start-up finds no marker, and the sweep calls the row lost; so it does if the second write fails."""
    again = "repair catch_up ready expire sweep_begin sweep_row"
    assert row(rough(f"{CUT_OFF} repair crash start {again}")) == "lost"
    assert row(rough(f"{CUT_OFF} repair close_interrupted! catch_up ready expire sweep_begin sweep_row")) == "lost"


def test_a_sweep_before_the_start_up_is_corrected() -> None:
    """If the first sweep comes first it calls the row lost; the start-up puts that right."""
    lost = f"{BEGUN} crash expire start sweep_begin sweep_row"
    assert row(rough(lost)) == "lost"
    assert row(rough(f"{lost} repair close_interrupted")) == "interrupted"


def test_a_start_up_takes_the_result_from_the_row() -> None:
    """If the row says how the run ended, the job state follows, and the slot is not executed again."""
    w = rough(f"{BEGUN} end record crash start repair")
    assert (row(w), w.last[0], w.marker[0], w.next[0], w.unclosed[0]) == ("succeeded", 1, 0, 1, 0)


def test_a_one_shot_is_run_again_by_a_start_up_and_not_by_a_tick() -> None:
    """A start-up leaves the slot of an interrupted one-shot due; a tick that finds the marker does not."""
    m = model(NAME, ONE_SHOT)
    w = after(m, f"{CUT_OFF} repair close_interrupted catch_up")
    assert (row(w), w.marker[0]) == ("interrupted", 2)
    w = m.view(m.initial())
    w.fallen[0] = w.marker[0] = 1
    w.step[0], w.slot[0] = RUN.code("gone"), 0
    w.row[0] = w.memory[0] = TASK.code("running")
    w = after(m, "reclaim close_interrupted", w.pack())
    assert (row(w), w.marker[0], w.next[0]) == ("interrupted", 0, 1)


# -- ticks, restarts, operators


def test_a_tick_releases_a_job_whose_result_could_not_be_written() -> None:
    """The marker of a run that is over is found, and the job state taken from the row."""
    w = rough(f"{BEGUN} end record settle!")
    assert (w.marker[0], w.last[0], w.token[0]) == (1, 0, 0)
    w = rough(f"{BEGUN} end record settle! reclaim")
    assert (w.marker[0], w.last[0], w.next[0], w.unclosed[0]) == (0, 1, 1, 0)


def test_a_reload_leaves_a_living_run_alone() -> None:
    """Marker, token and row stay, and the sweep keeps the row."""
    w = rough(f"{BEGUN} expire reload repair catch_up ready sweep_begin sweep_row")
    assert (row(w), w.marker[0], w.token[0]) == ("running", 1, 1)
    assert row(rough(f"{BEGUN} reload repair catch_up ready end record settle")) == "succeeded"


def test_a_restart_inside_the_process_takes_the_token() -> None:
    """Start-up leaves the run alone, but the sweep does not; when the run ends it corrects its row."""
    lost = f"{BEGUN} expire restart_in_process repair catch_up ready sweep_begin sweep_row"
    w = rough(lost)
    assert (row(w), w.marker[0], w.token[0], w.last[0]) == ("lost", 1, 0, 0)
    assert row(rough(f"{lost} end record settle")) == "succeeded"


@pytest.mark.parametrize(
    ("words", "left"), [(f"{BEGUN} disable", 1), ("slot_due tick disable", 0), (f"{CUT_OFF} disable", 0)]
)
def test_disabling_spares_the_marker_of_an_active_run(words: str, left: int) -> None:
    """A run with a token keeps its marker; a reservation loses it, and so does a dead run before the start-up has looked."""
    w = rough(words)
    assert (w.job[0], w.marker[0]) == (DISABLED, left)


def test_a_run_whose_job_got_another_agent_is_disowned() -> None:
    """Its row says how it ended, then failed; the job has no result, and its slot is due again."""
    m = model(NAME, ROUGH)
    w = after(m, f"{BEGUN} reassign end record")
    assert (row(w), "settle" in possible(m, w.states)) == ("succeeded", False)
    w = after(m, "supersede", w.states)
    assert (row(w), w.marker[0], w.last[0], w.next[0]) == ("succeeded", 0, 0, 0)
    assert "tick" not in possible(m, w.states)
    w = after(m, "disown", w.states)
    assert (row(w), w.recorded[0], w.token[0]) == ("interrupted", 1, 0)
    assert after(m, "tick", w.states).reassigned[0] == 0


def test_a_manual_run_whose_job_got_another_agent_keeps_its_row() -> None:
    """It releases the job and writes nothing more."""
    w = rough("run_now activate begin reassign end record supersede")
    assert (row(w), w.marker[0], w.last[0], w.token[0]) == ("succeeded", 0, 0, 0)
    assert w.step[0] == RUN.code("settled")


def test_a_disowned_run_without_a_token_leaves_its_marker_to_the_tick() -> None:
    """After a restart inside the process nothing is taken back: the tick takes the result from the row."""
    w = rough(f"{BEGUN} restart_in_process repair catch_up ready reassign end record supersede")
    assert (row(w), w.marker[0], w.step[0]) == ("succeeded", 1, RUN.code("settled"))
    w = rough(f"{BEGUN} restart_in_process repair catch_up ready reassign end record supersede reclaim")
    assert (row(w), w.marker[0], w.last[0], w.next[0]) == ("succeeded", 0, 1, 1)


def test_a_deleted_job_leads_to_no_row() -> None:
    """A run of a deleted job closes its row; if the gateway dies first nobody does but the sweep."""
    assert row(rough(f"{BEGUN} delete end record settle")) == "succeeded"
    w = rough(f"{BEGUN} delete end crash start repair catch_up ready expire sweep_begin sweep_row")
    assert row(w) == "lost"


def test_nothing_of_this_costs_the_other_revisions_anything() -> None:
    """The fields of receipts and tokens take no bits elsewhere."""
    for name in ("openclaw-2026.4.15", "openclaw-2026.5.28", "fix-durable", "reference"):
        cells = model(name, ROUGH).layout.cells
        fields = ("token", "queued", "reassigned", "unclosed")
        assert not any(cell.bits for field in fields for cell in cells[field].values())
