"""How fast the explorer is: millions of states by itself, and a smaller world against a plain-Python search.

Run by hand::

    python tests/benchmarks/explorer.py [--quick]

The last line is JSON. Exits with 1 if both searches do not agree about the smaller world.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from lostproof.actions import Action
from lostproof.bounds import Bounds
from lostproof.engine.explorer import Space, close
from lostproof.model import Model
from lostproof.revisions import revision
from lostproof.world import Cell

REVISION = "openclaw-2026.4.15"
LARGE = Bounds(crashes=3, restarts=1, store_faults=2, long_waits=0)
"""More than five million states of eight bytes."""
SMALL = Bounds(crashes=1, store_faults=1)
"""Large enough to drown start-up costs, small enough for one Python object a state."""
TINY = Bounds(runs=1, crashes=2)

Result = TypeVar("Result")


def main() -> int:
    """Measure, print a table and a line of JSON, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller worlds, one run each: checks, hardly measures")
    quick = parser.parse_args().quick
    repeats = 1 if quick else 3

    large, seconds = timed(lambda: explore(SMALL if quick else LARGE), repeats)
    peak = peak_rss_mib()
    small, small_seconds = timed(lambda: explore(TINY if quick else SMALL), repeats)
    naive, naive_seconds = timed(lambda: plain_search(small.model), 1)

    report = {
        "states": large.count,
        "seconds": round(seconds, 3),
        "states_per_second": round(large.count / seconds),
        "peak_rss_mib": round(peak),
        "naive_states_per_second": round(naive / naive_seconds),
        "ratio": round(naive_seconds / small_seconds, 1),
    }
    row("", "states", "seconds", "states/s")
    row("vectorised", f"{large.count:,}", f"{seconds:.2f}", f"{large.count / seconds:,.0f}")
    row("vectorised", f"{small.count:,}", f"{small_seconds:.2f}", f"{small.count / small_seconds:,.0f}")
    row("plain Python", f"{naive:,}", f"{naive_seconds:.2f}", f"{naive / naive_seconds:,.0f}")
    print(f"peak memory {peak:,.0f} MiB; {report['ratio']} times as fast as plain Python on {small.count:,} states")
    if naive != small.count:
        print(f"the searches disagree: {small.count:,} states against {naive:,}", file=sys.stderr)
    print(json.dumps(report))
    return 0 if naive == small.count else 1


def explore(bounds: Bounds) -> Space:
    """Explore a world, from the model on."""
    space = close(Model(revision(REVISION), bounds))
    assert space.closed
    return space


def plain_search(model: Model) -> int:
    """Return the number of reachable states, found one at a time.

    Actions are looked up by the field that they are indexed by, and share one view of the state while they are tried.
    """
    index: dict[int, tuple[Cell, dict[int, list[Action]]]] = {}
    for action in model.actions:
        name, position, values = action.at
        cell = model.layout.cell(name, *position)
        _, by_value = index.setdefault(cell.key, (cell, defaultdict(list)))
        for value in values:
            by_value[value].append(action)
    lookups = list(index.values())

    seen = {model.initial()}
    layer = list(seen)
    while layer:
        following = []
        for state in layer:
            view = model.view(state)
            for cell, by_value in lookups:
                for action in by_value.get(view.read(cell), ()):
                    if action.guard(view):
                        after = view.fork()
                        action.effect(after)
                        reached = after.pack()
                        if reached not in seen:
                            seen.add(reached)
                            following.append(reached)
        layer = following
    return len(seen)


def timed(work: Callable[[], Result], repeats: int) -> tuple[Result, float]:
    """Return what ``work`` returns, and the median of its times in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return result, statistics.median(times)


def peak_rss_mib() -> float:
    """Return the largest resident size of this process so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def row(*columns: str) -> None:
    """Print one line of the table."""
    print(f"{columns[0]:<14}{columns[1]:>12}{columns[2]:>10}{columns[3]:>14}")


if __name__ == "__main__":
    sys.exit(main())
