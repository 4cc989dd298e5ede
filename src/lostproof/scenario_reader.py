"""Reading scenario files: YAML to scenarios, with messages that name file, line and field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lostproof.bounds import BUDGETS, Bounds, bounds_from
from lostproof.drivers.script import Cue
from lostproof.drivers.timed import AGING
from lostproof.errors import BadInput
from lostproof.evidence import ENDS
from lostproof.files import SUFFIX
from lostproof.model import Model
from lostproof.properties import PROPERTIES
from lostproof.reading import LONGEST_MS, YamlFile, duration_ms, time_of_day
from lostproof.revisions import REVISIONS, Constants, Revision
from lostproof.scenarios import OTHERS, OWN, Entry, Expectation, Observation, Scenario
from lostproof.tables import chart
from lostproof.world import LOGS

__all__ = ["LONGEST_MS", "Reader", "duration_ms"]

DIRECTIVES = ("wait", "hold", "release", "fail_write")
_SPENT_BY = {
    "crash": "crashes", "terminate": "restarts", "restart_in_process": "restarts", "reload": "restarts",
    "cli_begin": "offline_passes",
    "disable": "operator_actions", "delete": "operator_actions", "enable": "operator_actions",
    "reassign": "operator_actions",
    "fail_write": "store_faults",
}


class Reader(YamlFile):
    """Reads one scenario file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "scenario", SUFFIX)

    def scenario(self) -> Scenario:
        """Return the scenario."""
        self.validate("scenario")
        data = self._data
        self._clock = time_of_day(data["clock"]) if "clock" in data else None
        jobs = data.get("jobs") or {"job-a": {}}
        own = self._own_rule()
        expect = {name: self._expectation(name, given) for name, given in data["expect"].items()}
        bounds = self._bounds(jobs)
        entries = self._entries(bounds)
        for name, expectation in expect.items():
            self._check_runs(expectation, bounds, name)
        return Scenario(
            self._path, data["scenario"], data["title"], data["about"].strip(), tuple(data.get("source", ())),
            self._clock, data.get("timers", "automatic") == "automatic",
            data.get("persist_ms", 2), data.get("startup_ms", 3_000),
            bounds, self._constants(), entries, expect, own,
        )

    def _own_rule(self) -> Revision | None:
        """Return the revision with the rule that the file names; a relative path counts from the scenario's folder."""
        if "rule" not in self._data:
            return None
        from lostproof.subjects.places import Asking, subject_at
        from lostproof.subjects.subject import with_subject

        base = self._data["rule"]["base"]
        if base not in REVISIONS:
            raise self.unknown(("rule", "base"), "revision", base, REVISIONS)
        try:
            # Nothing is downloaded to replay a scenario.
            asking = Asking(folder=self._path.parent, install=False)
            return with_subject(REVISIONS[base], subject_at(self._data["rule"]["subject"], asking))
        except BadInput as error:
            raise self.wrong(("rule", "subject"), str(error)) from error

    def _constants(self) -> dict[str, int]:
        given: dict[str, int] = self._data.get("revision", {})
        for name in given:
            if name not in Constants.__dataclass_fields__:
                raise self.unknown(("revision", name), "constant", name, Constants.__dataclass_fields__)
        return given

    def _bounds(self, jobs: Mapping[str, Any]) -> Bounds:
        """Return the world that the timeline needs."""
        names = sorted(jobs)
        if names != [f"job-{letter}" for letter in "abcd"[: len(names)]]:
            raise self.wrong(("jobs",), "jobs must be called job-a, job-b … without a gap")
        spent = dict.fromkeys(BUDGETS, 0)
        slots = dict.fromkeys(names, 0)
        for position, entry in enumerate(self._data["timeline"]):
            budget = "store_faults" if entry.get("fault") else _SPENT_BY.get(entry["do"])
            if budget:
                spent[budget] += 1
            if entry["do"] == "slot_due":
                job = entry.get("job", "job-a")
                if job not in slots:
                    raise self.unknown(("timeline", position), "job", job, names)
                slots[job] += 1
        kinds = {given.get("kind", "recurring") for given in jobs.values()}
        payloads = {given.get("payload", "command") for given in jobs.values()}
        if len(kinds) > 1 or len(payloads) > 1:
            raise self.wrong(("jobs",), "all jobs of a scenario must be of one kind and have one kind of payload")
        same_ms = any(entry.get("same_ms") for entry in self._data["timeline"])
        implied: dict[str, int] = {
            "jobs": len(names), "runs": 2 if same_ms else 3, "slots": max(1, *slots.values()), "outcomes": 3, **spent,
            "same_ms": int(same_ms),
            "recurring": int(kinds == {"recurring"}), "agents": int(payloads == {"agent"}),
        }
        try:
            return bounds_from({**implied, **self._data.get("bounds", {})})
        except BadInput as error:
            raise self.wrong(("bounds",) if "bounds" in self._data else ("timeline",), str(error)) from error

    def _entries(self, bounds: Bounds) -> tuple[Entry, ...]:
        timeline = self._data["timeline"]
        last = 0
        for position, entry in enumerate(timeline):
            if "at" in entry:
                at = self.moment(entry["at"], ("timeline", position, "at"))
                if at < last:
                    raise self.wrong(("timeline", position, "at"), f"time goes backwards: {at} ms comes after {last} ms")
                last = at
        actions = {action.name for known in REVISIONS.values() for action in Model(known, bounds).actions}
        possible = (actions - set(AGING)) | set(DIRECTIVES)
        return tuple(self._entry(position, bounds, last, possible) for position in range(len(timeline)))

    def _entry(self, position: int, bounds: Bounds, last: int, possible: set[str]) -> Entry:
        entry, place = self._data["timeline"][position], ("timeline", position)
        if entry["do"] not in possible:
            allowed = ", ".join(sorted(possible))
            raise self.wrong((*place, "do"), f"{entry['do']!r} cannot be done here; possible: {allowed}")
        params: list[tuple[str, int]] = []
        if "job" in entry:
            params.append(("job", self._job(entry["job"], bounds, (*place, "job"))))
        elif entry["do"] in ("slot_due", "run_now", "disable", "delete", "enable", "reassign"):
            params.append(("job", 0))
        if "run" in entry:
            params.append(("run", self._run(entry["run"], bounds, (*place, "run"))))
        if "end" in entry:
            params.append(("end", ENDS.index(entry["end"])))
        elif entry["do"] == "end":
            raise self.wrong(place, "how the work ends is missing; give 'end': ok, failed or timed_out")
        params += [(flag, int(entry[flag])) for flag in ("fault", "early", "same_ms") if flag in entry]
        if entry["do"] in ("hold", "release", "fail_write") and not {"run", "write"} <= set(entry):
            raise self.wrong(place, f"{entry['do']} needs a 'run', and in 'write' one of row, job, log")
        window = None
        if "between" in entry:
            first, second = (self.moment(moment, (*place, "between")) for moment in entry["between"])
            if first > second:
                raise self.wrong((*place, "between"), "time goes backwards")
            window = (first, second)
        elif "anytime" in entry:
            window = (0, last)
        at = window[0] if window else self.moment(entry["at"], (*place, "at"))
        takes = self.moment(entry["takes"], (*place, "takes"), duration=True) if "takes" in entry else 0
        where = f"{self._path}:{self._lines[place]}"
        cue = Cue(at, entry["do"], tuple(params), entry.get("write"), takes, bool(entry.get("optional")), where)
        return Entry(cue, window)

    def _job(self, name: str, bounds: Bounds, place: Sequence[Any]) -> int:
        job = "abcd".index(name[-1])
        if job >= bounds.jobs:
            raise self.unknown(place, "job", name, [f"job-{letter}" for letter in "abcd"[: bounds.jobs]])
        return job

    def _run(self, name: str, bounds: Bounds, place: Sequence[Any]) -> int:
        job = self._job(name.split(".")[0], bounds, place)
        number = int(name[-1])
        if number > bounds.runs:
            raise self.wrong(place, f"{name}: a job has at most {bounds.runs} runs here; raise bounds.runs")
        return job * bounds.runs + number - 1

    def _expectation(self, name: str, given: Mapping[str, Any]) -> Expectation:
        place = ("expect", name)
        own = [OWN] if "rule" in self._data else []
        if name not in (*REVISIONS, OTHERS, *own):
            raise self.unknown(place, "revision", name, [*REVISIONS, OTHERS, *own])
        known = {judged.id for judged in PROPERTIES}
        for kind in ("violates", "holds"):
            for position, judged in enumerate(given.get(kind, ())):
                if judged not in known:
                    raise self.unknown((*place, kind, position), "property", judged, sorted(known))
        both = set(given.get("violates", ())) & set(given.get("holds", ()))
        if both:
            raise self.wrong(place, f"{', '.join(sorted(both))} cannot both be violated and hold")
        observed = []
        for position, seen in enumerate(given.get("observe", ())):
            at = self.moment(seen["at"], (*place, "observe", position, "at"))
            within = self.moment(seen.get("within", 1_000), (*place, "observe", position, "within"), duration=True)
            what = "row" if "row" in seen else "log"
            observed.append(Observation(at, within, seen["run"], what, seen[what]))
        return Expectation(
            tuple(given.get("violates", ())), tuple(given.get("holds", ())), dict(given.get("rows", {})), tuple(observed),
            {known[len(place) :]: line for known, line in self._lines.items() if known[: len(place)] == place},
        )

    def _check_runs(self, expectation: Expectation, bounds: Bounds, name: str) -> None:
        statuses = chart("task").states
        for position, seen in enumerate(expectation.observe):
            place = ("expect", name, "observe", position)
            self._run(seen.run, bounds, (*place, "run"))
            allowed = statuses if seen.what == "row" else LOGS
            if seen.value not in allowed:
                raise self.unknown((*place, seen.what), seen.what, seen.value, allowed)
        for run, status in expectation.rows.items():
            self._run(run, bounds, ("expect", name, "rows", run))
            if status not in statuses:
                raise self.unknown(("expect", name, "rows", run), "status", status, statuses)
