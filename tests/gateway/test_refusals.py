"""What cannot be done to a real gateway is refused before one is started, with file and line. These tests need none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lostproof.errors import BadInput
from lostproof.scenarios import SUFFIX, load
from tests.gateway.fake_model import FakeModel
from tests.gateway.gateway import Clock, Gateway
from tests.gateway.release import Release
from tests.gateway.replayer import replay

HEAD = """scenario: told
title: told
about: told
source: [nowhere]
"""
TAIL = """expect: {others: {}}
"""


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (["{at: 1m, do: slot_due}", "{at: 2m, do: reload}"], "reload: cannot be done to a real gateway; what can: slot_due"),
        (["{at: 1m, do: slot_due}", "{between: [2m, 3m], do: crash}"], "crash: its moment is open"),
        (["{at: 1m, do: slot_due}", "{at: 9m, do: slot_due}"], "slot_due: the laboratory gives a job one slot"),
        (["{at: 1m, do: run_now}", "{at: 9m, do: end, run: job-a.run-1, end: timed_out}"], "end: the laboratory's model"),
        (["{at: 1m, do: run_now}", "{at: 9m, do: cli_begin, takes: 30s}"], "cli_begin: how long the real command line"),
        (["{at: 1m, do: run_now}", "{at: 2m, do: hold, run: job-a.run-1, write: log}"], "hold: the laboratory reaches"),
    ],
)
def test_what_cannot_be_done_is_refused(entries: list[str], why: str, tmp_path: Path) -> None:
    """The message names file and line (here always that of the last entry), and nothing was started."""
    file = tmp_path / f"told{SUFFIX}"
    timeline = "".join(f"  - {entry}\n" for entry in entries)
    file.write_text(f"{HEAD}timeline:\n{timeline}{TAIL}", encoding="utf-8")
    line = file.read_text(encoding="utf-8").splitlines().index(f"  - {entries[-1]}") + 1
    nowhere = Release("2026.9.6", tmp_path, tmp_path / "node")
    with FakeModel() as model, Gateway(nowhere, tmp_path / "g", model.url, Clock(tmp_path / "clock", tmp_path)) as gateway:
        with pytest.raises(BadInput) as refused:
            replay(load(file), gateway, model)
        assert str(refused.value).startswith(f"{file}:{line}: {why}")
        assert not gateway.log.exists()


def test_explicit_timers_are_refused(tmp_path: Path) -> None:
    """A saved race spells out the product's own steps; nobody can make a real gateway take them."""
    file = tmp_path / f"told{SUFFIX}"
    file.write_text(f"{HEAD}timers: explicit\ntimeline:\n  - {{at: 1m, do: slot_due}}\n{TAIL}", encoding="utf-8")
    nowhere = Release("2026.9.6", tmp_path, tmp_path / "node")
    with FakeModel() as model, Gateway(nowhere, tmp_path / "g", model.url, Clock(tmp_path / "clock", tmp_path)) as gateway:
        with pytest.raises(BadInput, match="its timers are explicit"):
            replay(load(file), gateway, model)
        assert not gateway.log.exists()
