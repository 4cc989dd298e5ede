"""Work that goes on by itself: processes that outlive their gateway, overruns, cancels, and shutdowns that wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.timed import Impossible, Timed
from lostproof.fields import Home
from lostproof.properties import PROPERTIES
from lostproof.revisions import REVISIONS
from lostproof.tables import chart
from tests.support import model
from tests.test_receipts import after, possible, row
from tests.test_timed import do

RUN = chart("run")
DETACHED = Bounds(detached=1, crashes=2, outcomes=1)
OVERRUN = Bounds(overruns=1, slots=2, outcomes=1)
CANCEL = Bounds(cancels=1)
DRAIN = Bounds(drain=1, restarts=1)
NEW = "openclaw-2026.9.6"


def step(w, k=0):
    return RUN.states[w.step[k]]


def world(name, bounds, words):
    return after(model(name, bounds), words)


# -- executors


def test_the_step_of_a_run_lives_where_its_work_is_done():
    """Only where the executor records its run does the run's own progress survive the gateway."""
    homes = {
        name: {home for home, cells in model(name, DETACHED).layout.homes.items() for c in cells if c.field.name == "step"}
        for name in (NEW, "reference")
    }
    assert homes == {NEW: {Home.PROCESS}, "reference": {Home.EXECUTOR}}


def test_work_goes_on_after_its_gateway_and_nobody_hears_of_its_end():
    w = world(NEW, DETACHED, "run_now activate begin crash")
    assert (step(w), w.work[0], w.end[0]) == ("gone", 1, 0)
    assert model(NEW, DETACHED).live(w, 0)
    w = world(NEW, DETACHED, "run_now activate begin crash end")
    assert (w.end[0], w.recorded[0], w.work[0], row(w)) == (1, 0, 0, "running")


def test_a_start_up_calls_work_interrupted_that_goes_on():
    w = world(NEW, DETACHED, "run_now activate begin crash start repair close_interrupted")
    assert (row(w), w.work[0]) == ("interrupted", 1)
    w = world(NEW, DETACHED, "run_now activate begin crash start repair close_interrupted catch_up ready run_now")
    assert "activate" in possible(model(NEW, DETACHED), w.states)


def test_the_reference_closes_its_run_without_a_gateway():
    w = world("reference", DETACHED, "run_now crash end settle")
    assert (row(w), w.recorded[0], w.marker[0]) == ("succeeded", 1, 0)
    w = world("reference", DETACHED, "run_now crash start repair")
    assert (row(w), step(w)) == ("running", "executing")


def test_the_sweep_of_the_reference_closes_the_run_of_a_dead_executor():
    w = world("reference", DETACHED, "run_now executor_dies sweep_begin sweep_row")
    assert (row(w), w.marker[0], w.end[0]) == ("interrupted", 0, 0)


def test_a_gateway_that_waits_takes_the_death_of_an_executor_for_an_end():
    """Where the gateway records, such a death is no event of its own until the gateway is gone."""
    m = model(NEW, DETACHED)
    assert "executor_dies!" not in possible(m, m.initial())
    assert "executor_dies" not in possible(m, world(NEW, DETACHED, "run_now activate begin").states)
    w = world(NEW, DETACHED, "run_now activate begin crash executor_dies")
    assert (w.work[0], w.end[0], w.crashes) == (0, 0, 0)


# -- overruns


def test_a_run_is_closed_as_timed_out_while_its_work_goes_on():
    w = world(NEW, OVERRUN, "slot_due tick activate begin time_out record settle")
    assert (row(w), w.work[0], w.end[0], w.recorded[0]) == ("timed_out", 1, 0, 0)
    w = world(NEW, OVERRUN, "slot_due tick activate begin time_out record settle end")
    assert (row(w), w.end[0], w.recorded[0]) == ("timed_out", 1, 0)


def test_what_is_told_of_an_overrun_is_no_record():
    """Log and job state say timed out as well; none of them holds how the run really ended."""
    w = world("openclaw-2026.5.28", OVERRUN, "slot_due tick begin time_out record settle append_log")
    assert (w.log[0], w.last[0], w.recorded[0]) == (2, 1, 0)
    assert model("openclaw-2026.5.28", OVERRUN).log_evidence(w, 0) == 3


@pytest.mark.parametrize(("bounds", "given_up"), [(OVERRUN, "time_out record settle"), (CANCEL, "cancel record settle")])
def test_a_receipt_is_kept_until_work_that_was_given_up_has_ended(bounds, given_up):
    words = f"slot_due tick activate begin {given_up}"
    w = world(NEW, bounds, words)
    assert (w.marker[0], w.work[0]) == (0, 1)
    assert "run_now" not in possible(model(NEW, bounds), w.states)
    assert "run_now" in possible(model(NEW, bounds), world(NEW, bounds, f"{words} end").states)
    earlier = world("openclaw-2026.7.1", bounds, f"slot_due tick begin {given_up}")
    assert earlier.work[0] and "run_now" in possible(model("openclaw-2026.7.1", bounds), earlier.states)


def test_a_kept_receipt_outlives_a_restart_inside_the_process_but_not_the_process():
    bounds = replace(OVERRUN, crashes=1, restarts=1)
    words = "slot_due tick activate begin time_out record settle"
    back = "repair catch_up ready"
    w = world(NEW, bounds, f"{words} restart_in_process {back}")
    assert w.work[0] and "run_now" not in possible(model(NEW, bounds), w.states)
    w = world(NEW, bounds, f"{words} crash start {back}")
    assert not w.work[0] and "run_now" in possible(model(NEW, bounds), w.states)


def test_no_receipt_is_kept_for_a_process_of_its_own():
    bounds = replace(OVERRUN, detached=1)
    w = world(NEW, bounds, "slot_due tick activate begin time_out record settle")
    assert w.work[0] and "run_now" in possible(model(NEW, bounds), w.states)


def test_the_reference_waits_for_the_work():
    m = model("reference", OVERRUN)
    assert not any(action.name == "time_out" for action in m.actions)


# -- cancels


@pytest.mark.parametrize("name", ["openclaw-2026.4.15", "openclaw-2026.5.28"])
def test_early_releases_refuse_to_cancel(name):
    assert not any(action.name == "cancel" for action in model(name, CANCEL).actions)


def test_a_cancel_closes_the_row_before_the_work_has_stopped():
    w = world(NEW, CANCEL, "run_now activate begin cancel")
    assert (row(w), step(w), w.work[0]) == ("cancelled", "held", 1)
    stopped = world(NEW, CANCEL, "run_now activate begin cancel abort")
    assert (stopped.end[0], stopped.work[0]) == (2, 0)
    truth = next(judged for judged in PROPERTIES if judged.id == "row-agrees-with-truth")
    assert not truth.state(model(NEW, CANCEL), stopped, 0)
    done = world(NEW, CANCEL, "run_now activate begin cancel end")
    assert done.end[0] == 1 and truth.state(model(NEW, CANCEL), done, 0)


def test_a_finish_after_a_cancel_is_refused():
    w = world(NEW, CANCEL, "run_now activate begin cancel record apply settle")
    assert (row(w), w.last[0]) == ("cancelled", 1)


def test_a_run_that_has_ended_has_no_handle_to_cancel_it_by():
    held = world(NEW, CANCEL, "run_now activate begin end")
    assert "cancel" not in possible(model(NEW, CANCEL), held.states)


def test_the_reference_writes_cancelled_only_if_the_work_did_not_succeed():
    stopped = world("reference", CANCEL, "run_now cancel abort settle")
    assert row(stopped) == "cancelled"
    finished = world("reference", CANCEL, "run_now cancel end settle")
    assert row(finished) == "succeeded"


# -- drains


def test_a_shutdown_waits_for_runs_where_the_revision_does():
    bounds, words = DRAIN, "run_now activate begin terminate"
    assert "exit" not in possible(model(NEW, bounds), world(NEW, bounds, words).states)
    old = world("openclaw-2026.4.15", bounds, "run_now begin terminate")
    assert "exit" in possible(model("openclaw-2026.4.15", bounds), old.states)
    w = world(NEW, bounds, f"{words} abort record apply settle exit start")
    assert (row(w), w.end[0]) == ("failed", 2)


def test_a_shutdown_stops_runs_at_its_deadline_and_not_before():
    def draining():
        sim = Timed(model(NEW, DRAIN))
        for at, name in enumerate(("run_now", "activate", "begin", "terminate"), start=1):
            do(sim, name, at * 1_000)
        return sim

    deadline = 4_000 + REVISIONS[NEW].constants.drain_ms
    with pytest.raises(Impossible, match="not due before"):
        do(draining(), "abort", deadline - 1)
    do(draining(), "abort", deadline)
