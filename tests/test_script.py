"""The script driver: automatic and explicit timers, writes that are held or fail, and messages for what cannot be."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from lostproof.bounds import Bounds
from lostproof.drivers.script import Cue, Script, play
from lostproof.drivers.timed import Timed
from lostproof.errors import BadInput
from lostproof.replay import Outcome, run
from lostproof.scenarios import load
from lostproof.tables import chart
from tests.support import model

TASK = chart("task")
FIRST_LINE = 5
"""The line on which a timeline's first entry stands in the files that are written here."""


@pytest.fixture
def replay(tmp_path: Path):
    """Return a function that writes a timeline as a scenario and replays it in one revision."""

    def played(timeline: str, name: str = "openclaw-2026.4.15", **extra: object) -> Outcome:
        path = tmp_path / "told.scenario.yaml"
        more = "".join(f"{key}: {value}\n" for key, value in extra.items())
        entries = indent(dedent(timeline).strip(), "  ")
        text = f"scenario: told\ntitle: told\nabout: told\ntimeline:\n{entries}\nexpect: {{{name}: {{}}}}\n{more}"
        path.write_text(text, encoding="utf-8")
        return run(load(path))[0]

    return played


def happened(outcome: Outcome, *names: str) -> list[tuple[str, int]]:
    """Return what happened when, all or only actions with these names."""
    labels = [(outcome.model.actions[moment.action].name, moment.at_ms) for moment in outcome.moments]
    return [(name, at_ms) for name, at_ms in labels if not names or name in names]


def row(outcome: Outcome, k: int = 0) -> str:
    """Return what the row of a run says at the end."""
    return TASK.states[outcome.model.view(outcome.moments[-1].after).row[k]]


ONE_RUN = """
    - {at: 1m, do: slot_due}
    - {at: 2m, do: end, run: job-a.run-1, end: ok}
    - {at: 4m, do: wait}
"""


# -- timers


def test_automatic_timers_do_what_the_product_does(replay) -> None:
    """With automatic timers the product reserves, begins, sweeps and writes down by itself, on the dot."""
    outcome = replay(ONE_RUN)
    assert happened(outcome, "slot_due", "tick", "begin", "end", "record", "settle") == [
        ("slot_due", 60_000), ("tick", 60_001), ("begin", 60_003), ("end", 120_000), ("record", 120_002),
        ("settle", 120_007),
    ]
    assert happened(outcome, "sweep_begin") == [("sweep_begin", 120_000)]
    assert row(outcome) == "succeeded"


def test_explicit_timers_do_only_what_is_written(replay) -> None:
    """With explicit timers nothing happens by itself but ageing; what the product would do has to be written."""
    outcome = replay("- {at: 1m, do: slot_due}\n- {at: 4m, do: wait}", timers="explicit")
    assert happened(outcome) == [("slot_due", 60_000)]
    written = replay(
        """
        - {at: 1m, do: slot_due}
        - {at: 2m, do: tick}
        - {at: 2m, do: begin, run: job-a.run-1}
        - {at: 10m, do: wait}
        """,
        timers="explicit",
    )
    assert happened(written) == [("slot_due", 60_000), ("tick", 120_000), ("begin", 120_000), ("expire", 420_000)]


@pytest.mark.parametrize("persist_ms", [0, 2, 250])
def test_a_reservation_takes_its_time(replay, persist_ms: int) -> None:
    """A timer run begins as long after its reservation as the write takes, and is early if that is any time at all."""
    outcome = replay(ONE_RUN, "openclaw-2026.5.28", persist_ms=persist_ms)
    assert happened(outcome, "tick", "begin") == [("tick", 60_001), ("begin", 60_001 + persist_ms)]
    assert outcome.model.view(outcome.moments[-1].after).early[0] == (persist_ms > 0)


@pytest.mark.parametrize("startup_ms", [0, 3_000, 20_000])
def test_a_start_takes_its_time(replay, startup_ms: int) -> None:
    """Cron looks at what it finds as long after the start as a start takes."""
    outcome = replay(
        "- {at: 1m, do: crash}\n- {at: 2m, do: start}\n- {at: 4m, do: wait}", startup_ms=startup_ms,
    )
    assert happened(outcome, "start", "repair") == [("start", 120_000), ("repair", 120_000 + startup_ms)]


def test_what_comes_of_age_is_seen_between_two_entries(replay) -> None:
    outcome = replay(
        """
        - {at: 1m, do: run_now}
        - {at: 3h, do: wait}
        """,
        jobs="{job-a: {payload: agent}}",
    )
    # The row is lost after five minutes, so that no sweep passes any more that would look at the clock.
    assert row(outcome) == "lost"
    assert happened(outcome, "age_marker", "clear_stuck") == [("age_marker", 7_260_000), ("clear_stuck", 7_320_000)]


def test_some_things_never_happen_by_themselves(replay) -> None:
    """A gateway that is down stays down, work goes on until it is said to end, and slots fall only when told to."""
    outcome = replay("- {at: 1m, do: slot_due}\n- {at: 2m, do: crash}\n- {at: 9h, do: wait}")
    assert happened(outcome, "start", "end") == []
    assert happened(outcome, "slot_due") == [("slot_due", 60_000)]


# -- writes


def test_a_held_write_waits_until_it_is_released(replay) -> None:
    """A held write does not happen, whatever is due behind it; after its release it does."""
    held = """
        - {at: 1m, do: slot_due}
        - {at: 90s, do: hold, run: job-a.run-1, write: row}
        - {at: 2m, do: end, run: job-a.run-1, end: ok}
    """
    assert row(replay(held + "    - {at: 30m, do: wait}")) == "running"
    released = replay(held + "    - {at: 3m, do: release, run: job-a.run-1, write: row}\n        - {at: 4m, do: wait}")
    assert row(released) == "succeeded"
    assert [at_ms for _, at_ms in happened(released, "record")] == [180_002]


@pytest.mark.parametrize(
    ("write", "seen"),
    [("row", ("running", 0, 1)), ("job", ("succeeded", 1, 0)), ("log", ("succeeded", 0, 1))],
)
def test_a_failing_write_is_lost(replay, write: str, seen: tuple[str, int, int]) -> None:
    """A write that fails leaves its store as it was, and the others are written all the same."""
    outcome = replay(
        f"""
        - {{at: 1m, do: slot_due}}
        - {{at: 90s, do: fail_write, run: job-a.run-1, write: {write}}}
        - {{at: 2m, do: end, run: job-a.run-1, end: ok}}
        - {{at: 3m, do: wait}}
        """
    )
    last = outcome.model.view(outcome.moments[-1].after)
    assert (row(outcome), int(last.marker[0] != 0), int(last.last[0] == 1)) == seen
    assert last.log[0] == (0 if write == "log" else 2)
    assert last.store_faults == 0


def test_a_failing_write_fails_once(replay) -> None:
    """Where a failed write is tried again, the second attempt succeeds."""
    outcome = replay(
        """
        - {at: 1m, do: slot_due}
        - {at: 90s, do: fail_write, run: job-a.run-1, write: row}
        - {at: 2m, do: end, run: job-a.run-1, end: ok}
        - {at: 3m, do: wait}
        """,
        "reference",
    )
    faulty = [bool(outcome.model.actions[moment.action].get("fault")) for moment in outcome.moments]
    assert faulty.count(True) == 1
    assert row(outcome) == "succeeded"


def test_an_offline_pass_takes_as_long_as_it_is_told(replay) -> None:
    """What an offline pass decided is written when it has taken its time, over what was written meanwhile."""
    outcome = replay(
        """
        - {at: 1m, do: slot_due}
        - {at: 10m, do: cli_begin, takes: 30s}
        - {at: 10m 20s, do: end, run: job-a.run-1, end: ok}
        - {at: 11m, do: wait}
        """
    )
    assert happened(outcome, "cli_begin", "record", "cli_row") == [
        ("cli_begin", 600_000), ("record", 620_002), ("cli_row", 630_000)
    ]
    assert row(outcome) == "lost"


# -- what cannot happen


def test_an_optional_entry_is_skipped(replay) -> None:
    """An entry that cannot happen is skipped if it is optional, and the rest goes on."""
    outcome = replay("- {at: 30s, do: end, run: job-a.run-1, end: ok, optional: true}\n- {at: 1m, do: slot_due}")
    assert happened(outcome) == [("slot_due", 60_000)]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{at: 2m, do: end, run: job-a.run-2, end: ok}", "end run=job-a.run-2 end=ok cannot happen in this state"),
        ("{at: 2m, do: start}", "start cannot happen in this state"),
        ("{at: 130s, do: sweep_begin}", "sweep_begin is not possible at this moment"),
        ("{at: 2m, do: end, run: job-a.run-1, end: failed}", "end does not exist with these values here"),
        ("{at: 2m, do: begin, run: job-a.run-1, early: true}", "begin takes run; not early"),
    ],
)
def test_what_cannot_happen_is_named_with_its_line(replay, tmp_path: Path, entry: str, why: str) -> None:
    """An impossible entry is refused in one line: file, line, revision, why, and what could happen instead."""
    with pytest.raises(BadInput) as caught:
        replay(f"- {{at: 1m, do: slot_due}}\n- {entry}", bounds="{outcomes: 1}")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'told.scenario.yaml'}:{FIRST_LINE + 1}: ")
    assert f"in openclaw-2026.4.15: {why}; possible now: " in message
    assert "end run=job-a.run-1 end=ok" in message.partition("possible now: ")[2]
    assert "\n" not in message


def test_cues_that_cannot_happen_go_through_the_callers_error() -> None:
    """The driver makes the error for an impossible cue with the function that it is given."""
    sim = Timed(model("reference", Bounds(runs=1, outcomes=1)))
    cue = Cue(10, "end", (("run", 0), ("end", 1)), where="here")
    with pytest.raises(LookupError, match=r"here: end .* cannot happen in this state; possible now: slot_due"):
        play(sim, Script([cue]), lambda cue, why: LookupError(f"{cue.where}: {why}"))
    assert sim.trace == []
