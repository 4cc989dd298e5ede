"""The grid of a timing map: one simulated world for each pair of timings, judged by the properties themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lostproof.drivers.script import Cue, play
from lostproof.drivers.timed import Memory, Moment, Timed
from lostproof.errors import BadInput
from lostproof.maps.axes import Axis, duration_words
from lostproof.maps.worlds import GRACE, MappedWorld
from lostproof.model import Model
from lostproof.replay import broken_for_ever
from lostproof.revisions import Revision
from lostproof.tables import chart

__all__ = ["FALSE_LOST", "LEFT_RUNNING", "MARKS", "SHOWN", "ZOMBIE", "Cell", "Grid", "Lab", "Tested"]

TASK = chart("task")

FALSE_LOST = ("completed-run-never-lost", "executed-run-never-lost", "live-run-never-lost")
"""What makes a lost row a false one: the run's end is recorded, its work has ended, or it is live."""

ZOMBIE = "vanished-run-is-closed"
LEFT_RUNNING = "completed-run-converges"
"""What leaves a zombie behind: a run that is gone without a record, or with one, and whose row runs for ever."""

MARKS = {"right": "·", "false lost": "L", "zombie": "Z", "false lost and zombie": "B", "impossible": " "}
"""What becomes of a cell, and its mark."""

SHOWN = ("right", "false lost", "zombie")
"""What a legend tells the number of even if there are none."""


@dataclass(frozen=True)
class Cell:
    """What came of one world.

    Attributes:
        violated: those of the properties above that it broke.
        rows: what the rows on disk said at the end.
        false_lost, zombie: what it has.
        impossible: why something could not happen with these timings, if so.
    """

    violated: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    false_lost: bool = False
    zombie: bool = False
    impossible: str | None = None

    @property
    def kind(self) -> str:
        """Which of :data:`MARKS` it is."""
        if self.impossible is not None:
            return "impossible"
        kinds = [word for word, has in (("false lost", self.false_lost), ("zombie", self.zombie)) if has]
        return " and ".join(kinds) or "right"

    @property
    def wrong(self) -> bool:
        """Whether there is a false lost or a zombie."""
        return self.false_lost or self.zombie


class Lab:
    """Simulates worlds of one kind under one revision; the model is built once, and no step is worked out twice."""

    def __init__(self, revision: Revision, world: MappedWorld, timings: Mapping[str, int], x: Axis, y: Axis) -> None:
        self.model = Model(revision, world.bounds)
        self.world, self.timings, self.x, self.y = world, dict(timings), x, y
        self._memory = Memory()
        self._demand_short_passes()

    def _demand_short_passes(self) -> None:
        limit = self.model.revision.constants.offline_pass_ms
        longest = max([self.timings.get("takes", 0), *(max(a.values) for a in (self.x, self.y) if a.name == "takes")])
        if longest > limit:
            raise BadInput(f"takes={duration_words(longest)}: an offline pass lasts at most {duration_words(limit)}")

    def moments(self, x: int, y: int, grace_ms: int) -> tuple[Moment, ...]:
        """Return what happens in the world at ``x`` and ``y`` (milliseconds).

        Raises:
            BadInput: something cannot happen with these timings.
        """
        return tuple(self._simulate(x, y, grace_ms).trace)

    def cell(self, x: int, y: int, grace_ms: int) -> Cell:
        """Return what comes of the world at ``x`` and ``y``."""
        try:
            sim = self._simulate(x, y, grace_ms)
        except BadInput as impossible:
            return Cell(impossible=str(impossible))
        return self._judge(sim)

    def _simulate(self, x: int, y: int, grace_ms: int) -> Timed:
        timings = {**self.timings, self.x.name: x, self.y.name: y}
        grace = timings.pop(GRACE, grace_ms)
        constants = replace(self.model.revision.constants, grace_ms=grace)
        sim = Timed(self.model, constants=constants, memory=self._memory)
        play(sim, self.world.script(timings), _cannot_happen, to_rest=True)
        return sim

    def _judge(self, sim: Timed) -> Cell:
        end = sim.view()
        lasting = [
            (judged.id, subject) for judged, subject in broken_for_ever(sim)
            if judged.id == ZOMBIE or (judged.id == LEFT_RUNNING and end.row[subject] == TASK.code("running"))
        ]
        broken = {name for moment in sim.trace for name, _ in moment.broken if name in FALSE_LOST}
        violated = [name for name in (*FALSE_LOST, ZOMBIE, LEFT_RUNNING) if name in broken | {name for name, _ in lasting}]
        rows = tuple(TASK.states[end.row[k]] for k in self.model.runs)
        return Cell(tuple(violated), rows, bool(broken), bool(lasting))

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield the places of the grid, row by row."""
        for y in self.y.values:
            for x in self.x.values:
                yield x, y


def _cannot_happen(cue: Cue, why: str) -> BadInput:
    return BadInput(f"{cue.where}: {cue.do} at {cue.at_ms} ms: {why}")


@dataclass(frozen=True)
class Tested:
    """A grace that was tested.

    Attributes:
        grace_ms: the grace.
        wrong: the first place found with a false lost or a zombie (None: the whole grid is right).
        kind: what it has.
    """

    grace_ms: int
    wrong: tuple[int, int] | None = None
    kind: str = "right"


@dataclass(frozen=True)
class Grid:
    """A map's cells, and which graces are safe on it.

    Attributes:
        lab: what simulated it.
        grace_ms: the grace that it is drawn with (that of a cell, where the grace is an axis).
        cells: the cells, row by row.
        tested: the graces that were tested, in ascending order, up to the first safe one.
    """

    lab: Lab
    grace_ms: int
    cells: tuple[tuple[Cell, ...], ...]
    tested: tuple[Tested, ...]

    @classmethod
    def of(cls, lab: Lab, grace_ms: int, graces: Sequence[int], say: Callable[[str], None] | None = None) -> Grid:
        """Simulate every cell, and look for the smallest of ``graces`` that is safe on the whole grid."""
        cells = []
        for y in lab.y.values:
            if say:
                say(f"{lab.y.name} {duration_words(y)}")
            cells.append(tuple(lab.cell(x, y, grace_ms) for x in lab.x.values))
        tested = _along_axis(lab, cells) if GRACE in (lab.x.name, lab.y.name) else list(_search(lab, graces, say))
        return cls(lab, grace_ms, tuple(cells), tuple(tested))

    @property
    def safe_ms(self) -> int | None:
        """The smallest safe grace among those tested, if one is."""
        return next((one.grace_ms for one in self.tested if one.wrong is None), None)

    @property
    def counts(self) -> dict[str, int]:
        """How many cells there are of each kind."""
        found = [cell.kind for row in self.cells for cell in row]
        return {kind: found.count(kind) for kind in MARKS}


def _along_axis(lab: Lab, cells: Sequence[Sequence[Cell]]) -> list[Tested]:
    """Read off a grid with the grace on an axis which values are safe whatever the other timing is."""
    across = lab.x.name == GRACE
    lines: Sequence[Sequence[Cell]] = list(zip(*cells, strict=True)) if across else cells
    tested: list[Tested] = []
    for grace, line in zip((lab.x if across else lab.y).values, lines, strict=True):
        other = lab.y if across else lab.x
        wrong = next(((value, cell) for value, cell in zip(other.values, line, strict=True) if cell.wrong), None)
        if wrong is None:
            return [*tested, Tested(grace)]
        tested.append(Tested(grace, (grace, wrong[0]) if across else (wrong[0], grace), wrong[1].kind))
    return tested


def _search(lab: Lab, graces: Sequence[int], say: Callable[[str], None] | None) -> Iterator[Tested]:
    """Test each grace in turn until one is safe on the whole grid.

    Long timings outlast more graces, so they are tried first, and before them the place that was wrong last.
    """
    places = list(lab.places())[::-1]
    for grace in graces:
        if say:
            say(f"grace {duration_words(grace)}")
        for position, (x, y) in enumerate(places):
            cell = lab.cell(x, y, grace)
            if cell.wrong:
                places.insert(0, places.pop(position))
                yield Tested(grace, (x, y), cell.kind)
                break
        else:
            yield Tested(grace)
            return

