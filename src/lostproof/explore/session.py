"""A session: a path through a world, with what was undone. Sessions are values; every step gives a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lostproof.drivers.concrete import timed
from lostproof.drivers.timed import Impossible, Moment, broken_by
from lostproof.engine.stepper import apply, enabled
from lostproof.errors import BadInput
from lostproof.explore.names import label
from lostproof.model import Model

__all__ = ["Session"]


@dataclass(frozen=True)
class Session:
    """Where a person is in a world, and how they got there.

    Attributes:
        model: the world.
        done: the path so far; only the moments of ``given`` have times that mean something.
        undone: what was undone, the next to be redone first.
        given: the path that the session began with, a scenario's.
    """

    model: Model
    done: tuple[Moment, ...] = ()
    undone: tuple[Moment, ...] = ()
    given: tuple[Moment, ...] = ()

    @classmethod
    def after(cls, model: Model, moments: Sequence[Moment] = ()) -> Session:
        """Return the session that begins after ``moments``."""
        return cls(model, tuple(moments), (), tuple(moments))

    @property
    def state(self) -> int:
        """The packed state that the path leads to."""
        return self.done[-1].after if self.done else self.model.initial()

    @cached_property
    def possible(self) -> list[int]:
        """The numbers of the actions that can happen now, in the model's order."""
        return enabled(self.model, self.state)

    @cached_property
    def broken(self) -> dict[str, tuple[int, object]]:
        """The step and state properties that the path breaks: at which step (from 1) first, and for what."""
        found: dict[str, tuple[int, object]] = {}
        for step, moment in enumerate(self.done, start=1):
            for name, subject in moment.broken:
                found.setdefault(name, (step, subject))
        return found

    def do(self, *numbers: int) -> Session:
        """Return the session after the actions with these numbers.

        Raises:
            BadInput: one of them cannot happen.
        """
        session = self
        for number in numbers:
            if number not in session.possible:
                raise BadInput(f"{label(self.model, number)} cannot happen now")
            before = session.state
            after = apply(self.model, before, number)
            moment = Moment(0, number, before, after, broken_by(self.model, before, after))
            session = replace(session, done=(*session.done, moment), undone=())
        return session

    def undo(self, steps: int = 1) -> Session:
        """Return the session some steps ago.

        Raises:
            BadInput: the path is shorter.
        """
        if steps > len(self.done):
            raise BadInput(f"only {len(self.done)} steps can be undone" if self.done else "there is nothing to undo")
        kept = len(self.done) - steps
        return replace(self, done=self.done[:kept], undone=self.done[kept:] + self.undone)

    def redo(self, steps: int = 1) -> Session:
        """Return the session with some undone steps done again.

        Raises:
            BadInput: fewer were undone.
        """
        if steps > len(self.undone):
            raise BadInput(f"only {len(self.undone)} steps can be redone" if self.undone else "there is nothing to redo")
        return replace(self, done=self.done + self.undone[:steps], undone=self.undone[steps:])

    def restart(self) -> Session:
        """Return the session as it began."""
        return Session.after(self.model, self.given)

    @cached_property
    def timing(self) -> tuple[Moment, ...] | str:
        """The path with concrete timestamps; or why no timing follows it."""
        common = _in_common(self.done, self.given)
        rest = self.done[common:]
        states = [rest[0].before if rest else self.state, *(moment.after for moment in rest)]
        try:
            return timed(self.model, [moment.action for moment in rest], states, self.given[:common])
        except Impossible as impossible:
            return str(impossible)

    @property
    def now_ms(self) -> int | None:
        """What a clock shows here, in milliseconds, if the path can be timed."""
        if isinstance(self.timing, str):
            return None
        return self.timing[-1].at_ms if self.timing else 0


def _in_common(one: Iterable[Moment], other: Iterable[Moment]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
