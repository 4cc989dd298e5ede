"""Concrete worlds: evidence goes into them and comes out again, and random ones have all that real ledgers have."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lostproof.evidence import DOMAIN, WHOLE, Evidence
from lostproof.files import schema
from lostproof.revisions.shipped_rules import EPOCHS
from lostproof.subjects.random_worlds import modelled_worlds, random_worlds
from lostproof.subjects.worlds import (
    ELSEWHERE,
    GRACE_MS,
    INTERRUPTED_TEXT,
    LOST_TEXT,
    RESERVED_MS,
    TIMED_OUT_TEXT,
    Job,
    Last,
    Line,
    Row,
    Setting,
    SmallWorld,
    evidence_in,
    world_of,
)

REQUEST = jsonschema.Draft202012Validator(schema("subject-request"))
EVIDENCE = st.builds(Evidence, **{part: st.sampled_from(values) for part, values in WHOLE.items()})
SOME = list(Evidence.domain(WHOLE))[::53]
"""Every value of every part, in many combinations: the stride goes with the length of no part."""


def evidences_in(world: SmallWorld) -> list[Evidence]:
    return [evidence_in(world, row) for row in world.rows]


def bytes_of(worlds: Iterator[SmallWorld]) -> bytes:
    return b"\n".join(json.dumps(world.request(number)).encode() for number, world in enumerate(worlds))


# -- evidence, as worlds


def test_a_world_of_any_modelled_evidence_has_just_this_evidence() -> None:
    for evidence in Evidence.domain():
        assert evidences_in(world_of([evidence])) == [evidence]


def test_a_world_elsewhere_has_the_same_evidence_and_nothing_else_in_common() -> None:
    """What a setting says is no evidence, and none of it is as usual."""
    for part in Setting.__dataclass_fields__:
        assert getattr(ELSEWHERE, part) != getattr(Setting(), part), part
    for evidence in [*Evidence.domain(), *SOME]:
        assert evidences_in(world_of([evidence], ELSEWHERE)) == [evidence]


def test_a_world_of_what_real_ledgers_have_has_just_this_evidence() -> None:
    for evidence in SOME:
        assert evidences_in(world_of([evidence])) == [evidence]
    for part, values in WHOLE.items():
        assert {getattr(evidence, part) for evidence in SOME} == set(values)


@given(EVIDENCE, st.lists(EVIDENCE, max_size=12))
def test_rows_do_not_disturb_each_other(first: Evidence, others: list[Evidence]) -> None:
    """Many rows in one world have the evidence that each has alone, if they agree on what only the whole has."""

    def agreeing(evidence: Evidence) -> Evidence:
        owner = first.owner if "unknown" in (first.owner, evidence.owner) else evidence.owner
        job = first.job if "unreadable" in (first.job, evidence.job) else evidence.job
        return replace(evidence, authoritative=first.authoritative, owner=owner, job=job)

    together = [first, *map(agreeing, others)]
    assert evidences_in(world_of(together)) == together


@given(st.lists(st.builds(Evidence, log=st.sampled_from(WHOLE["log"])), min_size=1, max_size=5))
def test_rows_of_a_world_have_jobs_and_names_of_their_own(evidences: list[Evidence]) -> None:
    world = world_of(evidences)
    assert len({row.row for row in world.rows}) == len({row.job for row in world.rows}) == len(evidences)
    assert [job.job for job in world.jobs] == [row.job for row in world.rows]


def test_questions_match_the_schema() -> None:
    for evidence in SOME[::17]:
        REQUEST.validate(json.loads(json.dumps(world_of([evidence]).request(0))))
    for number, world in enumerate(random_worlds(8, 150)):
        REQUEST.validate(json.loads(json.dumps(world.request(number))))


# -- worlds, read

NOW = 1_800_000_000_000
START = NOW - GRACE_MS
ROW = Row("row-0", "daily", f"cron:daily:{START}", "running", START, START, START)
PLAIN = SmallWorld(authoritative=True, active_jobs=(), executing=(), rows=(ROW,), now=NOW)


def seen(row: dict[str, Any], **world: Any) -> dict[str, Any]:
    """Return what of the evidence of a plain row in a plain world changes with such a row, in such a world."""
    mine = replace(ROW, **row)
    found = evidence_in(replace(PLAIN, rows=(mine,), **world), mine).describe()
    return {part: value for part, value in found.items() if value != getattr(Evidence(), part)}


def test_a_plain_row_has_the_usual_evidence() -> None:
    assert seen({}) == {}


@pytest.mark.parametrize(
    ("row", "world", "found"),
    [
        ({"status": "queued"}, {}, {"status": "queued"}),
        ({"status": "lost", "error": LOST_TEXT}, {}, {"status": "lost"}),
        ({"status": "lost", "error": f"sweep: {LOST_TEXT.upper()}!"}, {}, {"status": "lost"}),
        ({"status": "lost", "error": None}, {}, {"status": "lost_otherwise"}),
        ({"status": "lost", "error": "marked by hand"}, {}, {"status": "lost_otherwise"}),
        ({"status": "cancelled"}, {}, {"status": "closed"}),
        ({"status": "timed_out"}, {}, {"status": "closed"}),
        ({"last_event": START + 1}, {}, {"expired": False}),
        ({"last_event": None, "started": START + 1, "run": None}, {}, {"expired": False, "run_id": "malformed"}),
        ({"last_event": None, "started": None, "created": START + 1}, {}, {"expired": False}),
        ({"last_event": START, "started": NOW, "created": NOW}, {}, {}),
        ({}, {"grace": GRACE_MS + 1}, {"expired": False}),
        ({}, {"authoritative": False, "executing": None}, {"authoritative": False, "owner": "unknown"}),
        ({}, {"active_jobs": ("weekly", "daily")}, {"active": True}),
        ({}, {"active_jobs": ("row-0", "weekly")}, {}),
        ({"job": ""}, {"active_jobs": ("", "daily")}, {}),
        ({}, {"executing": ("row-1", "row-0")}, {"owner": "live"}),
    ],
)
def test_what_a_row_and_its_process_say(row: dict[str, Any], world: dict[str, Any], found: dict[str, Any]) -> None:
    assert seen(row, **world) == found


@pytest.mark.parametrize(
    ("run", "form"),
    [
        (f"cron:daily:+{START}", "well_formed"),
        (f"  cron:daily: {START} ", "well_formed"), (f"cron:daily:{START}.0", "loose"), (f"cron:daily:{START}e0", "loose"),
        (f"cron:daily:-{START}", "loose"), ("cron:daily:", "loose"), ("cron:daily:.5", "loose"),
        ("cron:daily:.", "malformed"), ("cron:daily:1e999", "malformed"), ("cron:daily:0x10", "malformed"),
        (f"cron:daily:{START}:1f", "malformed"),
        (f"cron:weekly:{START}", "malformed"), (f"cron::{START}", "malformed"), (f"manual:daily:{START}", "malformed"),
        ("cron:daily:١٢", "malformed"), ("", "malformed"), (None, "malformed"),
    ],
)
def test_how_well_a_run_id_is_formed(run: str | None, form: str) -> None:
    assert seen({"run": run}).get("run_id", "well_formed") == form


def test_a_run_id_may_name_the_job_that_the_row_does_not() -> None:
    """What a run id says counts where the row has no job, also with colons in the job's name; but nobody is active there."""
    log = (Line("a:b", NOW, START, "ok"),)
    for job in (None, ""):
        found = seen({"job": job, "run": f"cron:a:b:{START}"}, log=log, active_jobs=("a:b",))
        assert found == {"log": "ok"}


OK = (START, "ok", 5, None)
INTERRUPTED = ("error", 5, INTERRUPTED_TEXT)


def lines(*told: tuple[int | None, str, int | None, str | None], job: str = "daily") -> tuple[Line, ...]:
    return tuple(Line(job, NOW, *line) for line in told)


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (lines(OK), "ok"),
        (lines((START, "skipped", None, None)), "skipped"),
        (lines((START, "error", None, None)), "failed"),
        (lines((START, "error", 5, TIMED_OUT_TEXT)), "timed_out"),
        (lines((START, "error", 5, f"{TIMED_OUT_TEXT} (last phase: model)")), "failed"),
        (lines((START, *INTERRUPTED)), "interrupted"),
        (lines((START, "error", 5, None), OK), "ok"),
        (lines(OK, (START - 1, "error", 5, None)), "ok"),
        (lines((START + 1, *OK[1:])), "none"),
        (lines((None, *OK[1:])), "none"),
        (lines(OK, job="weekly"), "none"),
        (lines((START - 1, *INTERRUPTED)), "interrupted_earlier"),
        (lines((START - RESERVED_MS, *INTERRUPTED)), "interrupted_earlier"),
        (lines((START - RESERVED_MS - 1, *INTERRUPTED)), "none"),
        (lines((START + 1, *INTERRUPTED)), "none"),
        (lines(OK, (START - 1, *INTERRUPTED)), "ok"),
        (lines((START - 1, *INTERRUPTED), (START - 2, "ok", 5, None)), "interrupted_earlier"),
    ],
)
def test_what_the_log_says_about_a_run(log: tuple[Line, ...], found: str) -> None:
    assert seen({}, log=log).get("log", "none") == found
    assert seen({}, log=log, unreadable_logs=("daily",))["log"] == "unreadable"
    assert seen({}, log=log, unreadable_logs=("weekly",)).get("log", "none") == found


def test_a_run_whose_id_names_no_start_is_looked_for_by_the_rows() -> None:
    assert seen({"run": "nonsense"}, log=lines(OK)) == {"run_id": "malformed", "log": "ok"}
    assert seen({"run": "nonsense", "started": None}, log=lines(OK)) == {"run_id": "malformed"}


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (Job("daily"), {}),
        (Job("daily", marker=START), {"marker": "exact"}),
        (Job("daily", marker=START - 1), {"marker": "earlier"}),
        (Job("daily", marker=START + 1), {"marker": "later"}),
        (Job("weekly", marker=START, last=Last(*OK)), {}),
        (Job("daily", last=Last(*OK)), {"job": "ok"}),
        (Job("daily", enabled=False, last=Last(START, "error", None, TIMED_OUT_TEXT)), {"job": "timed_out"}),
        (Job("daily", last=Last(START - 1, *OK[1:])), {}),
        (Job("daily", last=Last(START - 2, *INTERRUPTED)), {"job": "interrupted_earlier"}),
        (Job("daily", last=Last(START - RESERVED_MS - 1, *INTERRUPTED)), {}),
        (Job("daily", marker=START, last=Last(START, *INTERRUPTED)), {"job": "interrupted", "marker": "exact"}),
    ],
)
def test_what_the_cron_store_says_about_a_run(state: Job, found: dict[str, Any]) -> None:
    assert seen({}, jobs=(state,)) == found
    assert seen({}, jobs=(state,), unreadable_jobs=True) == {**found, "job": "unreadable"}


CLOSED = replace(ROW, status="succeeded", ended=NOW)
AGAIN = replace(ROW, row="row-9", status="failed", created=START + 5)


@pytest.mark.parametrize(
    ("ledger", "found"),
    [
        ((CLOSED,), "ok"),
        ((replace(CLOSED, status="failed"),), "failed"),
        ((replace(CLOSED, status="failed", error=INTERRUPTED_TEXT),), "interrupted"),
        ((replace(CLOSED, status="timed_out", error=TIMED_OUT_TEXT),), "timed_out"),
        ((replace(CLOSED, status="cancelled", error="by hand"),), "cancelled"),
        ((replace(CLOSED, status="lost"),), "none"),
        ((replace(CLOSED, status="running"),), "none"),
        ((replace(CLOSED, row="row-9", run="cron:daily:1"),), "none"),
        ((replace(CLOSED, row="row-9", job="weekly"),), "none"),
        ((AGAIN,), "none"),  # the row itself stands first, still running
        ((replace(AGAIN, created=START - 5),), "failed"),
        ((replace(AGAIN, created=START, row="row-"),), "failed"),
        ((replace(AGAIN, created=START - 5), replace(CLOSED, row="row-1", created=START - 9)), "ok"),
        ((CLOSED, AGAIN), "ok"),
    ],
)
def test_what_the_ledger_on_disk_says_about_a_run(ledger: tuple[Row, ...], found: str) -> None:
    """The first row on disk, by creation and by name, that is the row's own or one of the same run."""
    assert seen({}, ledger=ledger).get("ledger", "none") == found
    assert seen({"job": None}, ledger=tuple(replace(row, job=None) for row in ledger)) == {}


# -- random worlds


@pytest.mark.parametrize("draw", [random_worlds, modelled_worlds])
def test_the_same_seed_gives_the_same_worlds(draw: Any) -> None:
    """Everywhere: in another process, with other hashes, and whatever number is asked for."""
    text = bytes_of(draw(5, 60))
    assert text == bytes_of(draw(5, 60))
    assert text.startswith(bytes_of(draw(5, 20)))
    assert len({bytes_of(draw(seed, 3)) for seed in range(20)}) == 20
    code = (
        "import hashlib, json\nfrom lostproof.subjects.random_worlds import *\n"
        f"told = [json.dumps(world.request(n)) for n, world in enumerate({draw.__name__}(5, 60))]\n"
        "print(hashlib.sha256('\\n'.join(told).encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "77"}
    )
    assert other.stdout.strip() == hashlib.sha256(text).hexdigest()


def test_random_worlds_have_everything_that_evidence_can_say() -> None:
    """Every value of every part, alone and with every status; and what no table of evidence shows."""
    worlds = list(random_worlds(1, 4_000))
    found = [evidence for world in worlds for evidence in evidences_in(world)]
    for part, values in WHOLE.items():
        assert {getattr(evidence, part) for evidence in found} == set(values), part
        for status in WHOLE["status"]:
            mine = {getattr(evidence, part) for evidence in found if evidence.status == status}
            assert mine == (set(values) if part != "status" else {status}), (status, part)
    jobs = [[row.job for row in world.rows if row.job] for world in worlds]
    assert any(len(set(mine)) < len(mine) for mine in jobs)
    assert any(len(set(mine)) > 1 for mine in jobs)
    doubles = [(there, row) for world in worlds for there in world.ledger for row in world.rows if there.row != row.row]
    assert any(there.run == row.run for there, row in doubles)
    runs = [[row.run for row in world.rows if row.run] for world in worlds]
    assert all(len(set(mine)) == len(mine) for mine in runs)


@pytest.mark.parametrize("epoch", EPOCHS, ids=lambda epoch: epoch.rule.__name__)
def test_random_worlds_try_every_decision_of_a_rule(epoch: Any) -> None:
    """Each kind of decision is asked for often enough to tell rules apart."""
    found = [epoch.rule(evidence) for world in random_worlds(1, 1_000) for evidence in evidences_in(world)]
    for decision in {epoch.rule(evidence) for evidence in SOME}:
        assert found.count(decision) >= 5, str(decision)


def test_random_modelled_worlds_have_only_what_the_model_knows() -> None:
    worlds = list(modelled_worlds(1, 1_000))
    assert len(worlds) == 1_000
    assert all(world.rows and not world.ledger for world in worlds)
    found = [evidence for world in worlds for evidence in evidences_in(world)]
    assert all(evidence.modelled for evidence in found)
    assert set(found) <= set(Evidence.domain())
    for part, values in DOMAIN.items():
        assert {getattr(evidence, part) for evidence in found} == set(values), part
