"""A path as a scenario file that replays it, and passes as is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lostproof.drivers.timed import AGING, Moment, Timed
from lostproof.errors import BadInput
from lostproof.explore.session import Session
from lostproof.model import Model
from lostproof.properties import PROPERTIES
from lostproof.replay import stays_broken
from lostproof.scenarios import SUFFIX, slug, write_path
from lostproof.tables import chart

__all__ = ["outcome_of", "save"]


def save(session: Session, path: Path, never: Path | None = None) -> Path:
    """Write the path of a session as a scenario that expects what happened on it, and return the file.

    Raises:
        BadInput: time cannot follow the path, or the file cannot be written, or is ``never`` to be.
    """
    if isinstance(session.timing, str):
        raise BadInput(f"not saved: time cannot follow this path ({session.timing})")
    if not path.name.endswith(SUFFIX):
        path = path.with_name(path.name + SUFFIX)
    if never is not None and path.resolve() == never.resolve():
        raise BadInput(f"{path}: is the scenario that this began with; give another name")
    if not slug(path.name.removesuffix(SUFFIX)):
        raise BadInput(f"{path}: the name of a scenario needs a letter or a digit")
    m = session.model
    rows, violated = outcome_of(m, session.timing)
    told = f"violates {', '.join(violated)}" if violated else "violates nothing"
    try:
        return write_path(
            path, m, session.timing,
            title=f"{m.revision.name}: a path of {len(session.done)} steps",
            about=f"A path that was chosen step by step; it {told}.",
            expect={
                **({"violates": violated} if violated else {}),
                "holds": [judged.id for judged in PROPERTIES if judged.id not in violated],
                **({"rows": rows} if rows else {}),
            },
        )
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from error


def outcome_of(m: Model, moments: Sequence[Moment]) -> tuple[dict[str, str], list[str]]:
    """Return what the rows on disk say after ``moments``, and which properties were broken, or stay so."""
    sim = Timed(m)
    for moment in moments:
        if m.actions[moment.action].name not in AGING:
            sim.do(moment.action, moment.at_ms)
    sim.advance(moments[-1].at_ms if moments else 0)
    statuses = chart("task").states
    rows = {m.run_name(k): statuses[sim.view().row[k]] for k in m.runs if sim.view().row[k]}
    seen = {name for moment in sim.trace for name, _ in moment.broken}
    lasting = {name for name, _ in stays_broken(sim)}
    return rows, [judged.id for judged in PROPERTIES if judged.id in seen | lasting]
