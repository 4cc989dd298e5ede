"""Deliveries: where they sit in a run, what the delivery queue remembers, and what a start makes of it."""

from __future__ import annotations

from functools import cache

import pytest

from lostproof.bounds import PRESETS, Bounds
from lostproof.engine.stepper import changes
from lostproof.engine.verdicts import Result, check
from lostproof.errors import Defect
from lostproof.fields import OUTBOX, SENDING
from lostproof.model import Model
from lostproof.revisions import REFERENCE, REVISIONS
from lostproof.revisions.revision import DELIVERY
from lostproof.world import World
from tests.support import model
from tests.test_receipts import after, possible

SHIPPED_DIRECT = ("openclaw-2026.4.2", "openclaw-2026.4.15", "openclaw-2026.5.28")
ONE = Bounds(deliveries=1, crashes=1, store_faults=1, restarts=1, runs=1, outcomes=1, manual=0)
FAILING = Bounds(deliveries=1, crashes=1, runs=1, manual=0)
SLICE = "deliveries=1,crashes=1,manual=0,long_waits=0"

REST = {"openclaw-2026.9.6": "slot_due tick activate begin end", "reference": "slot_due tick end settle"}


def ended(name: str) -> str:
    return REST.get(name, "slot_due tick begin end")


def queue(w: World, k: int = 0) -> str:
    return OUTBOX[w.outbox[k]]


def failed(m: Model, words: str) -> World:
    """Return the world after ``words``, in which the work of the run fails."""
    head, _, tail = words.partition(" end")
    w = after(m, head)
    fail = next(n for n, a in enumerate(m.actions) if a.name == "end" and a.describe(m)["end"] == "failed")
    assert m.actions[fail].guard(w)
    m.actions[fail].effect(w)
    return after(m, tail, int(w.pack()))


@cache
def judged(name: str, bounds: str) -> Result:
    return check(name, bounds, ["result-delivered-once", "result-not-dropped"])


def verdicts(name: str, bounds: str = SLICE) -> tuple[str, str]:
    once, dropped = judged(name, bounds).verdicts
    return once.verdict, dropped.verdict


# -- switched off


@pytest.mark.parametrize("name", REVISIONS)
def test_without_the_bound_nothing_is_there(name: str) -> None:
    """No bit of a state, no action, and properties that are about nothing."""
    for part in PRESETS["ci"]:
        if not part.bounds.deliveries:
            m = Model(REVISIONS[name], part.bounds)
            assert not any(m.layout.cell(field, 0).bits for field in ("outbox", "sending", "received"))
            assert not {"enqueue", "attempt", "send", "acknowledge", "take_up", "give_up"} & {a.name for a in m.actions}
    assert verdicts(name, "crashes=1,runs=1,outcomes=1") == ("holds", "holds")


def test_a_way_of_delivering_must_be_known() -> None:
    """Anything else is refused where the revision is made."""
    with pytest.raises(Defect, match="'pigeon'; the ways are direct, queued, attempted"):
        REFERENCE.but("x", "x", delivery="pigeon")
    assert {way for r in REVISIONS.values() for way in (r.delivery, r.alerts)} <= set(DELIVERY)


# -- where a delivery sits


@pytest.mark.parametrize("name", SHIPPED_DIRECT)
def test_a_direct_delivery_leaves_nothing_on_disk(name: str) -> None:
    """The result goes out inside the core: before the end is recorded, and without a word in any store."""
    m = model(name, ONE)
    w = after(m, ended(name))
    assert "record" not in possible(m, w.states)
    sent = after(m, "send", w.states)
    assert {cell.field.name for cell, _, _ in changes(m, w.states, sent.states)} == {"sending", "received"}
    assert (sent.received[0], queue(sent)) == (1, "none")
    assert "record" in possible(m, sent.states)


def test_a_queued_delivery_is_told_first_and_blocks_the_end() -> None:
    """2026.9.6 writes three times around a send; the run's end is recorded when all that is done."""
    m = model("openclaw-2026.9.6", ONE)
    state = after(m, ended("openclaw-2026.9.6")).states
    for step, says, got in (("enqueue", "pending", 0), ("attempt", "attempted", 0), ("send", "attempted", 1)):
        assert "record" not in possible(m, state)
        w = after(m, step, state)
        assert (queue(w), w.received[0]) == (says, got)
        state = w.states
    w = after(m, "acknowledge", state)
    assert queue(w) == "acknowledged"
    assert "record" in possible(m, w.states)


def test_the_reference_queues_with_the_end() -> None:
    """The entry is there when the row is closed, in the same write; nobody waits for the delivery."""
    m = model("reference", ONE)
    before = after(m, "slot_due tick end")
    assert (queue(before), SENDING[before.sending[0]]) == ("none", "no")
    w = after(m, "settle", before.states)
    assert (queue(w), SENDING[w.sending[0]], w.recorded[0]) == ("pending", "to be sent", 1)
    assert queue(after(m, "attempt send acknowledge", w.states)) == "acknowledged"
    failing = after(model("reference", ONE), "slot_due tick end settle!")
    assert (queue(failing), failing.recorded[0]) == ("none", 0)


@pytest.mark.parametrize("name", ["openclaw-2026.4.15", "openclaw-2026.9.6"])
def test_an_alert_goes_out_beside_the_run(name: str) -> None:
    """It is raised when the result is applied, and the run does not wait for it."""
    m = model(name, FAILING)
    applying = {"openclaw-2026.4.15": "record", "openclaw-2026.9.6": "record settle"}[name]
    w = failed(m, ended(name))
    assert SENDING[w.sending[0]] == "no"
    w = failed(m, f"{ended(name)} {applying}")
    assert SENDING[w.sending[0]] == "to be sent"
    later = {"openclaw-2026.4.15": "settle", "openclaw-2026.9.6": "enqueue attempt"}[name]
    assert SENDING[after(m, later, w.states).sending[0]] == "to be sent"


# -- what a start makes of it


def test_a_start_sends_again_what_was_not_acknowledged() -> None:
    """The plain queue cannot tell a message that was sent from one that was not: it is got twice."""
    m = model("openclaw-2026.4.15", FAILING)
    w = failed(m, "slot_due tick begin end record enqueue send crash")
    assert (queue(w), w.received[0]) == ("pending", 1)
    w = after(m, "start take_up send acknowledge", w.states)
    assert (queue(w), w.received[0]) == ("acknowledged", 2)


@pytest.mark.parametrize("name", ["openclaw-2026.9.6", "reference"])
def test_a_start_gives_up_what_may_have_been_sent(name: str) -> None:
    """An entry of which a send was attempted is never sent again; one of which it was not is."""
    m = model(name, ONE)
    begun = f"{ended(name)} {'' if name == 'reference' else 'enqueue'}"
    for words in (f"{begun} attempt crash", f"{begun} attempt send crash"):
        w = after(m, f"{words} start")
        assert "take_up" not in possible(m, w.states)
        assert queue(after(m, "give_up", w.states)) == "given up"
    w = after(m, f"{begun} crash start take_up attempt send acknowledge")
    assert (queue(w), w.received[0]) == ("acknowledged", 1)


def test_a_failed_acknowledgement_is_found_by_the_next_start_only() -> None:
    """The process that sent it leaves the entry alone; one that starts, or starts over, does not know that it was sent."""
    m = model("reference", ONE)
    w = after(m, f"{ended('reference')} attempt send acknowledge!")
    assert (queue(w), SENDING[w.sending[0]]) == ("attempted", "left behind")
    assert not {"give_up", "send"} & possible(m, w.states)
    for words in ("crash start", "restart_in_process"):
        assert "give_up" in possible(m, after(m, words, w.states).states)
    assert "give_up" not in possible(m, after(m, "reload", w.states).states)


def test_before_and_after_a_send_the_disk_is_the_same() -> None:
    """No start can tell the two apart, so none delivers every result exactly once."""
    for name in ("openclaw-2026.9.6", "reference"):
        m = model(name, ONE)
        begun = f"{ended(name)} {'' if name == 'reference' else 'enqueue'} attempt"
        unsent, sent = (after(m, f"{begun}{more} crash") for more in ("", " send"))
        assert (unsent.received[0], sent.received[0]) == (0, 1)
        assert {cell.field.name for cell, _, _ in changes(m, unsent.states, sent.states)} == {"received"}


# -- what comes of it


@pytest.mark.parametrize(
    ("name", "once", "dropped"),
    [
        ("openclaw-2026.4.2", "violated", "violated"),
        ("openclaw-2026.4.15", "violated", "violated"),
        ("openclaw-2026.5.28", "holds", "violated"),
        ("openclaw-2026.9.6", "holds", "violated"),
        ("reference", "holds", "holds"),
    ],
)
def test_the_verdicts_on_the_slice(name: str, once: str, dropped: str) -> None:
    """The plain queue doubles alerts; every release can drop one without a word; the reference does neither."""
    assert verdicts(name) == (once, dropped)


def test_a_slot_that_is_replayed_delivers_twice() -> None:
    """What 2026.4.15 sends for a slot before it records the end is sent once more by the replay."""
    result = check("openclaw-2026.4.15", f"{SLICE},outcomes=1", ["result-delivered-once"])
    race = result.verdict("result-delivered-once").race
    assert race is not None
    names = [race.race.model.actions[moment.action].name for moment in race.moments]
    assert (names.count("send"), names.count("end"), names[-1]) == (2, 2, "send")
    # A one-shot that was cut off is replayed by 2026.9.6 too, although its result was delivered.
    assert verdicts("openclaw-2026.9.6", f"{SLICE},outcomes=1,recurring=0")[0] == "violated"
