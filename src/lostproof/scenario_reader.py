"""Reading scenario files: YAML to scenarios, with messages that name file, line and field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lostproof.actions.retention import RETAINED
from lostproof.bounds import BUDGETS, Bounds, bounds_from
from lostproof.drivers.script import WRITES, Cue
from lostproof.drivers.timed import AGING
from lostproof.errors import BadInput
from lostproof.evidence import ENDS
from lostproof.fields import LOGS
from lostproof.files import SUFFIX
from lostproof.model import Model
from lostproof.properties import PROPERTIES
from lostproof.reading import LONGEST_MS, YamlFile, duration_ms, time_of_day
from lostproof.revisions import REVISIONS, Constants, Revision
from lostproof.scenarios import OTHERS, OWN, PRODUCT, RANGE, Entry, Expectation, Observation, Scenario
from lostproof.tables import chart

__all__ = ["LONGEST_MS", "Reader", "duration_ms"]

FLAGS = ("fault", "early", "same_ms", "unread", "torn")
DIRECTIVES = ("wait", "hold", "release", "fail_write")
_SPENT_BY = {
    "crash": "crashes", "terminate": "restarts", "restart_in_process": "restarts", "reload": "restarts",
    "cli_begin": "offline_passes",
    "disable": "operator_actions", "delete": "operator_actions", "enable": "operator_actions",
    "reassign": "operator_actions",
    "fail_write": "store_faults", "time_out": "overruns", "cancel": "cancels", "executor_dies": "crashes",
    "clock_forward": "clock_steps", "clock_back": "clock_steps", "suspend": "clock_steps",
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
        expect = {key: self._expectation(key, given) for key, given in data["expect"].items()}
        bounds = self._bounds(jobs)
        entries = self._entries(bounds)
        for key, expectation in expect.items():
            self._check_runs(expectation, bounds, key)
        return Scenario(
            self._path, data["scenario"], data["title"], data["about"].strip(), tuple(data.get("source", ())),
            self._clock, data.get("timers", "automatic") == "automatic",
            data.get("persist_ms", 2), data.get("startup_ms", 3_000),
            bounds, self._constants(), entries, self._by_revision(expect), own,
            data.get("system", PRODUCT), data.get("report", ""), data.get("closest", "").strip(),
        )

    def _by_revision(self, expect: Mapping[str, Expectation]) -> dict[str, Expectation]:
        """Return the expectations by revision: a range of releases stands for each of them."""
        found: dict[str, Expectation] = {}
        said: dict[str, str] = {}
        for key, expectation in expect.items():
            for name in self._revisions(key):
                if name in found:
                    raise self.wrong(("expect", key), f"{name} is also in {said[name]!r}; name a revision once")
                found[name], said[name] = expectation, key
        return found

    def _revisions(self, key: str) -> Sequence[str]:
        """Return what a key of ``expect`` stands for: itself, or the releases of a range."""
        if RANGE not in key:
            own = [OWN] if "rule" in self._data else []
            if key not in (*REVISIONS, OTHERS, *own):
                raise self.unknown(("expect", key), "revision", key, [*REVISIONS, OTHERS, *own])
            return [key]
        shipped = [name for name, known in REVISIONS.items() if known.shipped]
        ends = key.split(RANGE)
        for name in ends:
            if name not in shipped:
                raise self.unknown(("expect", key), "release", name, shipped)
        if len(ends) > 2 or shipped.index(ends[0]) >= shipped.index(ends[-1]):
            raise self.wrong(("expect", key), f"a range goes from a release to a later one; in order: {', '.join(shipped)}")
        return shipped[shipped.index(ends[0]) : shipped.index(ends[1]) + 1]

    def expected(self) -> dict[str, Mapping[str, Any]]:
        """Return what stands in ``expect``, as it was written, by revision: a range stands for each of its releases."""
        return {name: given for key, given in self._data["expect"].items() for name in self._revisions(key)}

    def with_expected(self, lines: str) -> str:
        """Return the text of the file with other lines below ``expect``; everything else is as it was, byte for byte.

        Raises:
            BadInput: ``expect`` does not begin a line.
        """
        key, value = next(pair for pair in self._node.value if pair[0].value == "expect")
        if key.start_mark.column:
            raise self.wrong(("expect",), "is written within braces; to be recorded it has to begin a line")
        ending = "\r\n" if "\r\n" in self.text else "\n"
        # What follows the last value on its line is a comment about it.
        rest = self.text[_end_of(value) :].partition(ending)[2]
        return self.text[: key.start_mark.index] + f"expect:\n{lines}".replace("\n", ending) + rest

    def _own_rule(self) -> Revision | None:
        """Return the revision with the rule that the file names; a relative path counts from the scenario's folder."""
        if "rule" not in self._data:
            return None
        from lostproof.subjects.places import Asking, revision_around

        base = self._data["rule"]["base"]
        if base not in REVISIONS:
            raise self.unknown(("rule", "base"), "revision", base, REVISIONS)
        try:
            # Nothing is downloaded to replay a scenario.
            asking = Asking(folder=self._path.parent, install=False)
            return revision_around(self._data["rule"]["subject"], base, asking)
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
            if entry.get("unread") or entry.get("torn"):
                spent["read_faults"] += 1
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
            "same_ms": int(same_ms), "gateways": max(entry.get("gateway", 1) for entry in self._data["timeline"]),
            "retention": int(any(entry["do"] in RETAINED for entry in self._data["timeline"])),
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
        possible = (_actions_in(bounds) - set(AGING)) | set(DIRECTIVES)
        return tuple(self._entry(position, bounds, last, possible) for position in range(len(timeline)))

    def _entry(self, position: int, bounds: Bounds, last: int, possible: frozenset[str]) -> Entry:
        entry, place = self._data["timeline"][position], ("timeline", position)
        if entry["do"] not in possible:
            allowed = ", ".join(sorted(possible))
            raise self.wrong((*place, "do"), f"{entry['do']!r} cannot be done here; possible: {allowed}")
        params: list[tuple[str, int]] = []
        if "job" in entry:
            params.append(("job", self._job(entry["job"], bounds, (*place, "job"))))
        elif entry["do"] in ("slot_due", "run_now", "accept", "disable", "delete", "enable", "reassign"):
            params.append(("job", 0))
        if "run" in entry:
            params.append(("run", self._run(entry["run"], bounds, (*place, "run"))))
        if "end" in entry:
            params.append(("end", ENDS.index(entry["end"])))
        elif entry["do"] == "end":
            raise self.wrong(place, "how the work ends is missing; give 'end': ok, failed or timed_out")
        if "gateway" in entry and entry["do"] in DIRECTIVES:
            raise self.wrong((*place, "gateway"), f"{entry['do']} is nothing that a gateway does")
        # The first gateway's actions do not say whose they are.
        params += [("gateway", entry["gateway"])] if entry.get("gateway", 1) > 1 else []
        params += [(flag, int(entry[flag])) for flag in FLAGS if flag in entry]
        if entry["do"] in ("hold", "release", "fail_write") and not {"run", "write"} <= set(entry):
            raise self.wrong(place, f"{entry['do']} needs a 'run', and in 'write' one of {', '.join(WRITES)}")
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

    def _expectation(self, key: str, given: Mapping[str, Any]) -> Expectation:
        place = ("expect", key)
        self._revisions(key)
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

    def _check_runs(self, expectation: Expectation, bounds: Bounds, key: str) -> None:
        statuses = chart("task").states
        for position, seen in enumerate(expectation.observe):
            place = ("expect", key, "observe", position)
            self._run(seen.run, bounds, (*place, "run"))
            allowed = statuses if seen.what == "row" else LOGS
            if seen.value not in allowed:
                raise self.unknown((*place, seen.what), seen.what, seen.value, allowed)
        for run, status in expectation.rows.items():
            self._run(run, bounds, ("expect", key, "rows", run))
            if status not in statuses:
                raise self.unknown(("expect", key, "rows", run), "status", status, statuses)


def _end_of(node: yaml.Node) -> int:
    """Return where the last value within ``node`` ends: a block's own end lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


@cache
def _actions_in(bounds: Bounds) -> frozenset[str]:
    """Return what can happen in a world of ``bounds``, in whatever revision."""
    return frozenset(action.name for known in REVISIONS.values() for action in Model(known, bounds).actions)
