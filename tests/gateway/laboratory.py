"""A laboratory: one gateway of one release, the model that it asks, and its clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.gateway.fake_model import FakeModel
from tests.gateway.gateway import Clock, Gateway
from tests.gateway.release import faketime, installed

__all__ = ["laboratory"]


@contextmanager
def laboratory(version: str, root: Path) -> Iterator[tuple[Gateway, FakeModel]]:
    """Yield a gateway of a release that was not started yet, and the model that it asks; clean up after them."""
    library = faketime()
    release, clock = installed(version), Clock(root / "clock", library)
    with FakeModel() as model, Gateway(release, root / "gateway", model.url, clock) as gateway:
        yield gateway, model
