"""Reading an operator's notes: YAML to notes, with messages that name file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lostproof.bounds import BUDGETS, Bounds, bounds_from
from lostproof.errors import BadInput
from lostproof.evidence import ENDS
from lostproof.explaining.facts import WORDS
from lostproof.explaining.notes import NOTES_SUFFIX, Expected, Fact, Job, Notes, Seen, Tempo
from lostproof.reading import DAY_MS, LONGEST_MS, YamlFile, duration_ms
from lostproof.report.data import ACTIONS
from lostproof.revisions import REVISIONS, Constants

__all__ = ["NotesReader"]

_MOMENT = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?(\.\d{1,3})?")
_RUN = re.compile(r"job-[a-d]\.run-[1-4]")
_JOB = re.compile(r"job-[a-d]")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
KINDS = ("row", "log", "work", "job", "gateway", "did")
HAPPENS = ("started", "ready", "stopped")
"""What is said of the gateway that does not last."""
STUCK_MS = Constants().stuck_ms
USUAL = {"crashes": 2, "restarts": 1, "offline_passes": 1, "manual": 1, "runs": 3, "slots": 1}
"""The largest world of an explanation, unless the notes say otherwise."""
FAULTS = 2
Window = tuple[int | None, int | None]


class NotesReader(YamlFile):
    """Reads one file with notes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "observed", NOTES_SUFFIX)

    def notes(self) -> Notes:
        """Return the notes."""
        self.validate("observed")
        data = self._data
        self._begin = self._clock_time(data["clock"], ("clock",))
        jobs = self._jobs(data.get("jobs") or {"job-a": {}})
        seen = tuple(self._seen("seen"))
        not_seen = tuple(self._seen("not_seen"))
        bounds, faults = self._bounds(jobs, seen)
        expect = {name: self._expected(name, given) for name, given in data.get("expect", {}).items()}
        notes = Notes(
            self._path, data["observed"], data["title"], data["about"].strip(), tuple(data.get("source", ())),
            self._begin[0] % DAY_MS, jobs, seen, not_seen, self._different([*seen, *not_seen]),
            Tempo(**{name: self._duration(text, ("tempo", name)) for name, text in data.get("tempo", {}).items()}),
            bounds, faults, expect,
        )
        for position, one in enumerate(not_seen):
            named = one.fact.kind in ("row", "log", "work") and not re.fullmatch("any|job-.*", one.fact.subject)
            if named and one.fact.subject not in {other.fact.subject for other in seen}:
                raise self.wrong(("not_seen", position), f"{one.fact.subject!r} is no run of 'seen'; 'any' is any run")
        return notes

    # -- time

    def _clock_time(self, text: str, place: tuple[Any, ...]) -> tuple[int, int, bool]:
        """Return what a moment covers: its first and its last millisecond (since some day), and whether it has a date."""
        found = _MOMENT.fullmatch(text)
        if not found:
            raise self.wrong(place, f"{text!r} is no moment; write '07:40:44', '07:40', or '2026-04-17 07:40:44'")
        date, minute, second, fraction = found.groups()
        if fraction and not second:
            raise self.wrong(place, f"{text!r} has a fraction, but no second")
        try:
            day = datetime.fromisoformat(date).toordinal() if date else 0
        except ValueError as error:
            raise self.wrong(place, f"{text!r}: there is no such day") from error
        hours, minutes = minute.split(":")
        first = day * DAY_MS + int(hours) * 3_600_000 + int(minutes) * 60_000
        first += int(second[1:]) * 1_000 if second else 0
        first += round(float(fraction) * 1_000) if fraction else 0
        return first, first + (0 if fraction else 999 if second else 59_999), bool(date)

    def _covered(self, text: str, place: tuple[Any, ...], off: int = 0) -> tuple[int, int]:
        """Return the first and the last millisecond that a moment covers, since the clock, if clocks are ``off``."""
        first, last, dated = self._clock_time(text, place)
        start, _, start_dated = self._begin
        if dated and not start_dated:
            raise self.wrong(place, f"{text!r} has a date, but 'clock' has none")
        at = first - start if dated else (first - start) % DAY_MS
        if at < 0:
            raise self.wrong(place, f"{text!r} lies before the clock")
        if at > LONGEST_MS:
            raise self.wrong(place, f"{text!r} lies too far ahead; notes tell of at most 30 days")
        return max(at - off, 0), at + last - first + off

    def _duration(self, text: str, place: tuple[Any, ...]) -> int:
        length = duration_ms(text)
        if length is None:
            raise self.wrong(place, f"{text!r} is no duration; write '90s', '5m' or '1h 30m'")
        if length > LONGEST_MS:
            raise self.wrong(place, f"{text!r} is too long; at most 30 days")
        return length

    # -- notes

    def _seen(self, section: str) -> Iterator[Seen]:
        for position, note in enumerate(self._data.get(section, ())):
            place = (section, position)
            fact = self._fact(note, place)
            first, last = self._windows(note, fact, place, negative=section == "not_seen")
            words = ", ".join(f"{key} {value}" for key, value in note.items() if key != "note")
            yield Seen(fact, words, self._lines[place], first, last)

    def _fact(self, note: Mapping[str, Any], place: tuple[Any, ...]) -> Fact:
        kinds = [kind for kind in KINDS if kind in note]
        about_job = kinds == ["job", "did"]
        if len(kinds) != 1 and not about_job:
            raise self.wrong(place, f"say what it is about, in one of: {', '.join(KINDS)}")
        kind = kinds[-1]
        said = [key for key in ("became", "is", "line") if key in note]
        wanted = {"log": ["line"], "gateway": [], "did": []}.get(kind)
        if said != wanted and (wanted is not None or said not in (["became"], ["is"])):
            needs = {"log": "'line'", "gateway": "no more", "did": "no more"}.get(kind, "either 'became' or 'is'")
            raise self.wrong(place, f"{kind} takes {needs}")
        if kind == "did":
            return self._action(note, place)
        if kind == "gateway":
            return Fact(kind, "", note[kind], note[kind] not in HAPPENS)
        value = str(note[said[0]])
        allowed = WORDS[kind]
        if value not in allowed:
            raise self.unknown((*place, said[0]), f"word for {kind}", value, allowed)
        return Fact(kind, self._subject(note[kind], (*place, kind)), value, said == ["is"])

    def _action(self, note: Mapping[str, Any], place: tuple[Any, ...]) -> Fact:
        if note["did"] not in ACTIONS:
            raise self.unknown((*place, "did"), "action", note["did"], ACTIONS)
        return Fact("did", note.get("job", ""), note["did"], False)

    def _subject(self, name: str, place: tuple[Any, ...]) -> str:
        jobs = self._data.get("jobs") or {"job-a": {}}
        if name.startswith("job-"):
            if not (_RUN.fullmatch(name) or _JOB.fullmatch(name)) or name[:5] not in jobs:
                raise self.wrong(place, f"{name!r} is no run or job here; write {', '.join(jobs)} or job-a.run-1, and so on")
        elif not _NAME.fullmatch(name):
            raise self.wrong(place, f"{name!r} is no name; write lower case letters, digits and dashes")
        return name

    def _windows(
        self, note: Mapping[str, Any], fact: Fact, place: tuple[Any, ...], negative: bool
    ) -> tuple[Window, Window | None]:
        off = self._duration(note["within"], (*place, "within")) if "within" in note else 0
        if "at" in note:
            if "from" in note or "to" in note:
                raise self.wrong(place, "give either 'at', or 'from' and 'to'")
            first, last = self._covered(note["at"], (*place, "at"), off)
            return ((first, first), (last, last)) if negative else ((first, last), None)
        begin = self._covered(note["from"], (*place, "from"), off) if "from" in note else None
        end = self._covered(note["to"], (*place, "to"), off) if "to" in note else None
        if begin and end and begin[0] > end[1]:
            raise self.wrong((*place, "to"), "time goes backwards")
        if not negative and begin is None and end is None and fact.lasts:
            raise self.wrong(place, "say when it was so: 'at', or 'from' and 'to'")
        if negative:  # a window without an end goes on to the end of the notes
            return (begin[0] if begin else None,) * 2, (end[1] if end else None,) * 2
        if not fact.lasts:
            return (begin[0] if begin else None, end[1] if end else None), None
        if begin is None or end is None:
            return begin or end or (None, None), None
        return begin, end

    # -- the rest

    def _jobs(self, given: Mapping[str, Any]) -> tuple[Job, ...]:
        if sorted(given) != [f"job-{letter}" for letter in "abcd"[: len(given)]]:
            raise self.wrong(("jobs",), "jobs must be called job-a, job-b … without a gap")
        for part, default in (("kind", "recurring"), ("payload", "command")):
            if len({job.get(part, default) for job in given.values()}) > 1:
                raise self.wrong(("jobs",), "all jobs must be of one kind and have one kind of payload")
        return tuple(self._job(given[name], ("jobs", name)) for name in sorted(given))

    def _job(self, given: Mapping[str, Any], place: tuple[Any, ...]) -> Job:
        due = [self._covered(text, (*place, "due", at))[0] for at, text in enumerate(given.get("due", ()))]
        if due != sorted(set(due)):
            raise self.wrong((*place, "due"), "time goes backwards")
        takes = {part: self._duration(text, (*place, "takes", part)) for part, text in given.get("takes", {}).items()}
        return Job(tuple(due), **takes)

    def _bounds(self, jobs: tuple[Job, ...], seen: tuple[Seen, ...]) -> tuple[Bounds, int]:
        given = dict(self._data.get("bounds", {}))
        told = (self._data.get("jobs") or {"job-a": {}}).values()
        kinds = {job.get("kind", "recurring") for job in told}
        payloads = {job.get("payload", "command") for job in told}
        moments = [moment for one in seen for window in (one.first, one.last or ()) for moment in window]
        ends = [ENDS.index(one.fact.value) for one in seen if one.fact.value in ENDS]
        implied = {
            **USUAL, "jobs": len(jobs), "slots": max([1, *(len(job.due) for job in jobs)]),
            "long_waits": int(max((at or 0 for at in moments), default=0) >= STUCK_MS), "outcomes": max([1, *ends]),
            "recurring": int(kinds == {"recurring"}), "agents": int(payloads == {"agent"}),
        }
        faults = given.pop("faults", FAULTS)
        try:
            return bounds_from({**implied, **given}), faults
        except BadInput as error:
            raise self.wrong(("bounds",), str(error)) from error

    def _different(self, seen: list[Seen]) -> tuple[tuple[str, ...], ...]:
        named = {one.fact.subject for one in seen if one.fact.kind in ("row", "log", "work")}
        for position, names in enumerate(self._data.get("different", ())):
            for name in names:
                if name not in named:
                    raise self.unknown(("different", position), "run", name, sorted(named))
        return tuple(tuple(names) for names in self._data.get("different", ()))

    def _expected(self, name: str, given: Any) -> Expected:
        if name not in (*REVISIONS, "others"):
            raise self.unknown(("expect", name), "revision", name, [*REVISIONS, "others"])
        if given == "none":
            return Expected(0)
        usual = Expected()
        return replace(
            usual, at_least=given.get("at_least", 1), ways=tuple(given.get("ways", ())), never=tuple(given.get("never", ()))
        )


assert set(USUAL) <= {*BUDGETS, "manual", "runs", "slots"}
