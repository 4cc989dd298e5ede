"""What changed in a step, in a few words: the same in timelines, pages and explanations."""

from __future__ import annotations

from collections.abc import Sequence

from lostproof.drivers.timed import Moment
from lostproof.engine.stepper import changes
from lostproof.model import Model
from lostproof.properties import Property
from lostproof.report.data import value_name
from lostproof.world import Cell, World

__all__ = ["DISK", "GHOST", "KEPT", "MEMORY", "SECOND", "Words", "run_word"]

DISK, MEMORY, GHOST = "bold", "dim", "dim italic"
"""How words look about what changed on disk, in a process's memory, and in the model alone."""
KEPT = "kept"
SECOND = "-2"
"""What the name of a lane ends with in which the second gateway is shown."""
_LOOKS = {
    DISK: (DISK, "■ "),
    "GHOST": (GHOST, ""),
    **dict.fromkeys(("PROCESS", "LIFE", "SERVER", "SERVICE", "CLI", "EXECUTOR"), (MEMORY, "□ ")),
}
_RUN_WORDS = {
    ("expired", "yes"): "row is past its grace",
    ("ahead", "yes"): "began after now",
    ("pruned", "yes"): "row deleted",
    ("log_queue", "yes"): "log line waits",
    ("interrupt_queue", "yes"): "interrupted line waits",
    ("unclosed", "yes"): "row waits to be closed",
    ("orphan", "yes"): "has no handle to a row",
    ("given_up", "timed out"): "given up as timed out",
    ("given_up", "cancelled"): "given up as cancelled",
    ("work", "no"): "work is over",
    ("cancelling", "yes"): "told to stop",
    ("twin", "yes"): "has the id of the run before it",
    ("sending", "to be sent"): "to be delivered",
    ("sending", "left behind"): "entry left behind",
    ("received", "1"): "delivered",
    ("received", "2"): "delivered again",
    ("step", "gone"): "gone",
    ("step", "gone, its work goes on"): "gone, its work goes on",
    ("step", "unbegun"): "gone, work never began",
    ("step", "released"): "gives the job back",
}
"""What people call the end of a change of a run's field; changes that are not listed are not told."""


def run_word(m: Model, k: int) -> str:
    """Return what run ``k`` is called where there is little room."""
    return m.run_name(k) if m.bounds.jobs > 1 else f"run-{m.number(k)}"


class Words:
    """Says in a few words what changed and matters; what is on disk comes first.

    ``one_run`` leaves out which run is meant, ``tells_slots`` says whether slots matter.
    """

    def __init__(self, m: Model, one_run: bool = True, tells_slots: bool = True) -> None:
        self._model = m
        self._one_run = one_run
        self._tells_slots = tells_slots

    @classmethod
    def over(cls, m: Model, moments: Sequence[Moment], judged: Property | None = None) -> Words:
        """Return the words for ``moments``, of which only what concerns ``judged`` matters (all unless given)."""
        last = m.view(moments[-1].after if moments else m.initial())
        return cls(m, sum(bool(m.step(last, k)) for k in m.runs) <= 1, judged is None or judged.per == "slot")

    def between(self, before: int, after: int) -> list[tuple[Cell, str, str]]:
        """Return the changed cells between two packed states that are worth telling, each with style and words."""
        m, view = self._model, self._model.view(after)
        told = []
        for cell, old, new in changes(m, before, after):
            words = self._phrase(cell, view, value_name(m, cell, old), value_name(m, cell, new))
            if words:
                style, mark = _LOOKS[DISK if cell.field.home.durable else cell.field.home.name]
                told.append((cell, style, f"{mark}{words}"))
        return sorted(told, key=lambda one: one[1] != DISK)

    def of(self, moment: Moment) -> list[tuple[str, str]]:
        """Return the changes of ``moment`` as pairs of style and words."""
        m = self._model
        told = [(style, words) for _, style, words in self.between(moment.before, moment.after)]
        if not told and m.actions[moment.action].name == "sweep_row":
            told.append((GHOST, KEPT))
        return told

    def _phrase(self, cell: Cell, after: World, was: str, now: str) -> str | None:
        m = self._model
        match cell.field.per:
            case "job":
                return _whose(cell, _job_phrase(m, cell, was, now))
            case "slot" if self._tells_slots:
                return f"slot {cell.index[1] + 1} is visibly given up"
            case "run":
                k = cell.index[0]
                if now == "gone" and after.work[k]:
                    now = "gone, its work goes on"
                run = "" if self._one_run else f"{run_word(m, k)} "
                if cell.field.base == "memory":
                    on_disk = cell.field.label(after.row[k])
                    stale = f"{run}row {now}, on disk {on_disk}" if now not in (on_disk, "absent") else None
                    return _whose(cell, stale)
                return _run_phrase(cell.field.base, run, was, now)
            case _:
                return None


def _whose(cell: Cell, words: str | None) -> str | None:
    """Return ``words``, and that they are about the second gateway if they are."""
    return f"gateway{SECOND}: {words}" if words and cell.field.peer else words


def _run_phrase(name: str, run: str, was: str, now: str) -> str | None:
    match name, now:
        case "row", _:
            return f"{run}row {now}" if was == "absent" else f"{run}row {was}→{now}"
        case "log", "none":
            return f"{run}log lines deleted"
        case "log", _:
            return f"{run}log {now}"
        case "outbox", _:
            return f"{run}delivery {now}" if was == "none" else f"{run}delivery {was}→{now}"
        case "plan", "none":
            return None
        case "plan", _:
            return f"{run}row read as {now}"
        case _:
            words = _RUN_WORDS.get((name, now))
            return f"{run}{words}" if words else None


def _job_phrase(m: Model, cell: Cell, was: str, now: str) -> str | None:
    job = m.job_name(cell.index[0])
    if m.bounds.jobs > 1:
        was, now = was.replace("run-", f"{job}.run-"), now.replace("run-", f"{job}.run-")
    match cell.field.base:
        case "marker":
            return f"marker {now}" if was == "none" else f"marker {was}→{now}"
        case "last":
            return f"job state {now}" if was == "none" else f"job state {was}→{now}"
        case "active":
            return f"active set {'+' if now == 'yes' else '−'}{job}"
        case "token":
            return f"active set −{was}" if now == "none" else f"active set +{now}"
        case "reassigned":
            return f"{job} belongs to another agent" if now == "yes" else None
        case "queued":
            return "reserved only" if now == "yes" else None
        case "accepted":
            return f"a request for {job} waits" if now == "yes" else f"no request for {job} waits any more"
        case "booked":
            return f"a run of {job} is booked" if now == "yes" else f"the booking of {job} is over"
        case "owed" if now == "0":
            return "the request is answered"
        case "job":
            return f"{job} {now}"
        case "marker_old" if now == "yes":
            return f"marker of {job} is two hours old"
        case "deferred" if now == "yes":
            return f"{job} is over the limit"
        case "put_off" if now == "yes":
            return f"{job} is put off"
        case "collected" if now != "none":
            return f"{job} found due"
        case "skipped" if now == "yes":
            return f"{job} is left out of the catch-up"
        case _:
            return None
