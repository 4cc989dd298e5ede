"""A subject in Python: 2026.5.28's rule, as a program that answers questions over a pipe."""

import json
import re
import sys

RESULTS = {"ok": "succeeded", "skipped": "succeeded", "error": "failed"}


def execution(row):
    """Return the job and the start that the run id names, or nothing."""
    named = re.fullmatch(r"cron:(.+):\s*(\+?[0-9]+)", (row["run"] or "").strip())
    if named and (row["job"] or named[1]) == named[1]:
        return named[1], int(named[2])
    return None


def recorded(row, world):
    """Return what the log, else the job state, says of this very run: a status and an error."""
    job, start = execution(row) or (None, None)
    lines = [] if job in world["unreadable"]["logs"] else world["log"]
    jobs = [] if world["unreadable"]["jobs"] else world["jobs"]
    found = [line for line in lines if line["job"] == job and line["run_at"] == start]
    found = found[-1:] or [state["last"] for state in jobs if state["job"] == job and state["last"]
                           and state["last"]["at"] == start]
    if job is None or not found:
        return None
    error = found[0]["error"]
    return ("timed_out" if error == "cron: job execution timed out" else RESULTS[found[0]["status"]]), error


def swept(row, world):
    """Return the row after the sweep."""
    if row["status"] not in ("running", "queued"):
        return row
    if result := recorded(row, world):
        return {**row, "status": result[0], "error": result[1]}
    last_event = next(row[time] for time in ("last_event", "started", "created") if row[time] is not None)
    alive = not world["process"]["authoritative"] or row["job"] in world["process"]["active_jobs"]
    return row if alive or world["now"] - last_event < world["grace"] else {**row, "status": "lost"}


for line in sys.stdin:
    world = json.loads(line)
    print(json.dumps({"ask": world["ask"], "rows": [swept(row, world) for row in world["rows"]]}), flush=True)
