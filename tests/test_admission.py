"""Admission: what becomes of a manual run that was acknowledged before its job was reserved for it."""

from __future__ import annotations

import pytest

from lostproof.bounds import PRESETS, Bounds
from lostproof.drivers.timed import Timed
from lostproof.engine.verdicts import check
from lostproof.errors import Defect
from lostproof.model import Model
from lostproof.revisions import REFERENCE, REVISIONS
from lostproof.revisions.revision import ADMISSION
from lostproof.world import World
from tests.support import model
from tests.test_receipts import after, possible
from tests.test_timed import do

ROUGH = Bounds(admission=1, crashes=1, restarts=1, operator_actions=2, outcomes=1)
SLICE = "admission=1,crashes=1,outcomes=1,long_waits=0"
TOLD = REVISIONS["openclaw-2026.5.28"].but("told", "told", admission="told")


def world(name: str, words: str, bounds: Bounds = ROUGH) -> World:
    return after(model(name, bounds), words)


# -- switched off


@pytest.mark.parametrize("name", REVISIONS)
def test_without_the_bound_an_operator_starts_runs_at_once(name: str) -> None:
    """No bit of a state, no further action, and a property that is about nothing."""
    for part in PRESETS["ci"]:
        if not part.bounds.admission:
            m = Model(REVISIONS[name], part.bounds)
            assert not any(m.layout.cell(field, 0).bits for field in ("accepted", "booked", "owed"))
            assert not {"accept", "decline"} & {a.name for a in m.actions}
            assert {a.actor for a in m.actions if a.name == "run_now"} == {"operator"}
    verdict = check(name, "crashes=1,runs=1,outcomes=1", ["acknowledged-run-not-dropped"]).verdicts[0]
    assert verdict.verdict == "holds"


def test_without_manual_runs_nothing_is_admitted() -> None:
    """The bound alone adds nothing where nobody starts runs by hand."""
    m = model("openclaw-2026.4.15", Bounds(admission=1, manual=0))
    assert not {"accept", "run_now", "decline"} & {a.name for a in m.actions}


def test_a_way_of_admission_must_be_known() -> None:
    """Anything else is refused where the revision is made."""
    with pytest.raises(Defect, match="'hearsay'; the ways are lane, told, reserved, booked"):
        REFERENCE.but("x", "x", admission="hearsay")
    assert {r.admission for r in REVISIONS.values()} <= set(ADMISSION)


# -- from the acknowledgement to the reservation


def test_a_request_waits_in_the_lane() -> None:
    """It is in the memory of the process: a restart inside leaves it, a crash wipes it, and nothing else knows of it."""
    m = model("openclaw-2026.5.28", ROUGH)
    w = after(m, "accept")
    assert (w.accepted[0], w.owed[0], w.marker[0]) == (1, 1, 0)
    assert {"run_now"} == {"run_now", "accept", "decline"} & possible(m, w.states)
    assert after(m, "restart_in_process", w.states).accepted[0] == 1
    gone = after(m, "crash", w.states)
    assert (gone.accepted[0], gone.owed[0]) == (0, 1)
    begun = after(m, "run_now", w.states)
    assert (begun.accepted[0], begun.owed[0], begun.marker[0]) == (0, 2, 1)
    assert after(m, "begin", begun.states).owed[0] == 0


def test_a_request_whose_job_is_busy_is_dropped() -> None:
    """Only a log line says so; from 2026.8.1 on a row does, too."""
    m = model("openclaw-2026.5.28", ROUGH)
    w = after(m, "accept slot_due tick")
    assert {"decline"} == {"run_now", "decline"} & possible(m, w.states)
    dropped = after(m, "decline", w.states)
    assert (dropped.accepted[0], dropped.owed[0]) == (0, 1)
    answered = after(Model(TOLD, ROUGH), "accept slot_due tick decline")
    assert (answered.accepted[0], answered.owed[0]) == (0, 0)


def test_one_request_at_a_time() -> None:
    """Who was told that a run will be does not ask again before it is; a busy job refuses at once."""
    for name in REVISIONS:
        m = model(name, ROUGH)
        assert "accept" not in possible(m, after(m, "accept").states)
        assert "accept" not in possible(m, after(m, "slot_due tick").states)


def test_a_receipt_comes_before_the_acknowledgement() -> None:
    """2026.9.6 reserves the job first; what the start finds reserved only is closed there, and so visibly given up."""
    m = model("openclaw-2026.9.6", ROUGH)
    w = after(m, "accept")
    assert (w.marker[0], w.queued[0], w.owed[0]) == (1, 1, 2)
    assert after(m, "activate begin", w.states).owed[0] == 0
    dead = after(m, "crash start", w.states)
    assert dead.owed[0] == 2
    assert after(m, "repair", dead.states).owed[0] == 0
    assert after(m, "disable fence", w.states).owed[0] == 0


def test_a_booking_outlives_the_process() -> None:
    """The reference runs it after the next start, once; a job that is busy is waited for, one that is gone is not."""
    m = model("reference", ROUGH)
    w = after(m, "accept crash start repair catch_up ready")
    assert (w.booked[0], w.owed[0]) == (1, 1)
    begun = after(m, "run_now", w.states)
    assert (begun.booked[0], begun.owed[0], begun.marker[0]) == (0, 0, 1)
    busy = after(m, "accept slot_due tick")
    assert not {"run_now", "decline"} & possible(m, busy.states)
    assert "run_now" in possible(m, after(m, "end settle", busy.states).states)
    gone = after(m, "accept delete decline")
    assert (gone.booked[0], gone.owed[0]) == (0, 0)


def test_an_interrupted_run_is_an_answer() -> None:
    """Where a start says that the run was cut off before it began, the operator can see what became of the request."""
    for name, owed in (("openclaw-2026.4.15", 2), ("openclaw-2026.5.28", 0)):
        w = world(name, "accept run_now crash start repair")
        assert w.owed[0] == owed, name


def test_a_request_keeps_its_millisecond() -> None:
    """A run that was waited for starts when its turn comes, not when it was acknowledged."""
    sim = Timed(model("openclaw-2026.4.15", Bounds(admission=1, outcomes=1)))
    do(sim, "accept", 1_000)
    do(sim, "run_now", 5_000)
    do(sim, "begin", 5_001)
    assert sim.stamps.row[0] == 5_000


# -- what comes of it


@pytest.mark.parametrize(
    ("revision", "verdict"),
    [
        (REVISIONS["openclaw-2026.4.2"], "violated"),
        (REVISIONS["openclaw-2026.4.15"], "violated"),
        (REVISIONS["openclaw-2026.5.28"], "violated"),
        (TOLD, "violated"),
        (REVISIONS["openclaw-2026.9.6"], "holds"),
        (REFERENCE, "holds"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_the_verdicts_on_the_slice(revision, verdict: str) -> None:
    """A crash wipes what waits in memory, also where a drop is told; a reservation or a booking is there after it."""
    assert check(revision, SLICE, ["acknowledged-run-not-dropped"]).verdicts[0].verdict == verdict


def test_a_crash_is_needed_where_a_drop_is_told() -> None:
    """Up to 2026.7.1 a timer that comes first is enough; where a drop gets a row, only a death loses a request."""
    quiet = SLICE.replace("crashes=1", "crashes=0")
    for revision, verdict in ((REVISIONS["openclaw-2026.5.28"], "violated"), (TOLD, "holds")):
        assert check(revision, quiet, ["acknowledged-run-not-dropped"]).verdicts[0].verdict == verdict
