"""What takes only moments, and so when minutes can pass."""

from __future__ import annotations

from functools import partial
from typing import Any

from lostproof.actions.stopping import drained
from lostproof.fields import PATHS
from lostproof.model import Model
from lostproof.revisions import Section
from lostproof.tables import chart
from lostproof.world import World, member

__all__ = ["caught_up", "no_run_is_busy", "time_can_pass", "time_passes", "waits"]

RUN, GATEWAY = chart("run"), chart("gateway")


def time_can_pass(m: Model, w: World) -> Any:
    """Return whether minutes can pass."""
    return w.derived("minutes can pass", partial(_nobody_is_busy, m))


def _nobody_is_busy(m: Model, w: World) -> Any:
    """Return whether minutes can pass: nobody has anything to do that takes only moments.

    Sweeps, offline passes, start-up, shutdown, pending writes and runs between two sections are short against the grace.
    Nothing is lost by letting rows and markers come of age before or after them instead: neither changes the other.
    """
    idle: Any = True
    for job in m.jobs:
        idle = idle & (w.put_off[job] == 0)
    for k in m.runs:
        idle = idle & (w.plan[k] == 0) & (w.cancelling[k] == 0)
    for process in m.processes(w):
        idle = idle & _is_idle(m, process)
    return idle


def _is_idle(m: Model, w: World) -> Any:
    """Return whether the gateway whose view ``w`` is has nothing to do that takes only moments."""
    idle: Any = (w.sweep == 0) & (member(w.gateway, GATEWAY.codes("starting", "repaired")) == 0)
    idle = idle & (stops_at_once(m, w) == 0)
    idle = idle & (((w.gateway == GATEWAY.code("catching_up")) & caught_up(m, w)) == 0)
    for k in m.runs:
        idle = idle & (w.log_queue[k] == 0) & (m.delivering(w, k) == 0)
    return idle & no_run_is_busy(m, w)


def stops_at_once(m: Model, w: World) -> Any:
    """Return whether the gateway is being shut down and does not wait for runs, or has none to wait for."""
    return (w.gateway == GATEWAY.code("stopping")) & drained(m, w)


def no_run_is_busy(m: Model, w: World) -> Any:
    """Return whether every run of this process executes, waits for its batch, or is over: none is between two sections."""
    return w.derived("no run is busy", partial(_all_runs_rest, m))


def _all_runs_rest(m: Model, w: World) -> Any:
    rest = m.all_told(w)
    if m.torn_reservations:
        for job in m.jobs:
            rest = rest & (w.collected[job] == 0)
    for k in m.runs:
        for path, order in m.revision.write_orders.items():
            for section, source in zip(order[1:], m.revision.states(path)[1:], strict=False):
                if section.event != "end":
                    ready = (w.path[k] == PATHS.index(path)) & (w.step[k] == RUN.code(source))
                    rest = rest & ((ready & (waits(m, k, path, section, source, w) == 0)) == 0)
    return rest


def waits(m: Model, k: int, path: str, section: Section, source: str, w: World) -> Any:
    """Return whether run ``k`` has to wait for another run of its batch before ``section``."""
    waits: Any = False
    in_turn = section.in_turn and (m.revision.sequential or path != "timer")
    for other in m.runs:
        if m.job_of(other) == m.job_of(k) or not (section.barrier or (in_turn and other < k)):
            continue
        needed = RUN.code(source) if section.barrier else RUN.code("held")
        batch = m.same_batch(w, k, other)
        waits = waits | (batch & m.in_progress(w, other) & (w.step[other] < needed))
        if m.bounds.deliveries and source == "held":
            waits = waits | (batch & (w.step[other] == RUN.code(source)) & m.delivering(w, other))
        if section.together and other < k:
            waits = waits | (batch & (w.step[other] == RUN.code(source)))
    return waits


def caught_up(m: Model, w: World) -> Any:
    """Return whether no run of this start's catch-up is on its way."""
    done: Any = True
    for k in m.runs:
        catching_up = (w.path[k] == PATHS.index("catch_up")) & (w.age[k] == 0) & m.in_progress(w, k)
        done = done & (catching_up == 0)
    return done


def time_passes(m: Model, w: World) -> None:
    """Leave the current millisecond."""
    for job in m.jobs:
        w.instant[job] = 0
