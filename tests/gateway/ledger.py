"""What a gateway's stores say: the task ledger, and what the cron service keeps about jobs and runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["INTERRUPTED", "Row", "Stores"]

INTERRUPTED = ("cron: job interrupted by gateway restart", "job interrupted by gateway restart")
"""What a start-up writes when it infers that a run was cut off: our model calls that row ``interrupted``."""


@dataclass(frozen=True)
class Row:
    """A run's row in the task ledger.

    Attributes:
        status: as the release has it, except that a failure inferred by a start-up is ``interrupted``, as in our model.
        error: its error text, empty if it has none.
        started_ms: when the run started; the run id holds the same number.
    """

    task_id: str
    run_id: str
    status: str
    error: str
    started_ms: int
    ended_ms: int | None


class Stores:
    """The stores in a state directory."""

    def __init__(self, state: Path) -> None:
        self._state = state

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection | None]:
        files = [self._state / "state" / "openclaw.sqlite", self._state / "tasks" / "runs.sqlite"]
        file = next((each for each in files if each.exists()), None)
        if file is None:
            yield None
            return
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return all rows of a table, none if there is no such table."""
        with self._database() as connection:
            if connection is None:
                return []
            known = connection.execute("select 1 from sqlite_master where type = 'table' and name = ?", (name,)).fetchone()
            return [dict(row) for row in connection.execute(f'select * from "{name}"')] if known else []

    def rows(self, job: str) -> list[Row]:
        """Return the rows of a job's runs, in the order in which the runs came into being."""
        found = [entry for entry in self.table("task_runs") if entry["runtime"] == "cron" and entry["source_id"] == job]
        return [
            Row(
                entry["task_id"], entry["run_id"] or "", _status(entry), entry["error"] or "",
                entry["started_at"] or entry["created_at"], entry["ended_at"],
            )
            for entry in sorted(found, key=lambda entry: (entry["started_at"] or entry["created_at"], entry["created_at"]))
        ]

    def job_state(self, job: str) -> dict[str, Any]:
        """Return what the cron service keeps about a job between runs: an empty object if the job is gone."""
        for entry in self.table("cron_jobs"):
            if entry["job_id"] == job:
                return dict(json.loads(entry["state_json"] or "{}"))
        split = self._state / "cron" / "jobs-state.json"
        if split.exists():
            return dict(json.loads(split.read_text(encoding="utf-8"))["jobs"].get(job, {}).get("state", {}))
        whole = self._state / "cron" / "jobs.json"
        if whole.exists():
            jobs = json.loads(whole.read_text(encoding="utf-8"))["jobs"]
            return next((dict(each.get("state", {})) for each in jobs if each["id"] == job), {})
        return {}

    def log(self, job: str) -> list[dict[str, Any]]:
        """Return the run log of a job; releases from 2026.8.1 on have none."""
        file = self._state / "cron" / "runs" / f"{job}.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def receipts(self, job: str) -> list[dict[str, Any]]:
        """Return the receipts of a job's runs; releases before 2026.8.1 have none."""
        return [entry for entry in self.table("cron_run_receipts") if entry["job_id"] == job]


def _status(entry: dict[str, Any]) -> str:
    return "interrupted" if entry["status"] == "failed" and entry["error"] in INTERRUPTED else str(entry["status"])
