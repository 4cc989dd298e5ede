"""What can happen: every action with its actor, guard and effect, written once for all engines.

An action's effect may write to at most one durable store, or to several in one transaction; a crash can therefore fall
between any two writes. Actions of one process interleave only where the product awaits, because a whole synchronous
section is one action.
"""

from __future__ import annotations

from lostproof.actions.action import ACTORS, Action
from lostproof.actions.admission import admission_actions
from lostproof.actions.clock import clock_actions
from lostproof.actions.deliveries import delivery_actions
from lostproof.actions.executors import executor_actions
from lostproof.actions.gateway import gateway_actions, outage_actions
from lostproof.actions.operator import operator_actions
from lostproof.actions.peer import each_gateway
from lostproof.actions.retention import retention_actions
from lostproof.actions.runs import log_actions, reservations, run_actions
from lostproof.actions.stopping import stopping_actions
from lostproof.actions.sweeps import decision_parts, offline_actions, sweep_actions
from lostproof.actions.wall_clock import wall_clock_actions
from lostproof.model import Model

__all__ = ["ACTORS", "Action", "actions_of", "decision_parts"]


def actions_of(m: Model) -> tuple[Action, ...]:
    """Return all actions of ``m``, in a fixed order: shortest races prefer earlier ones."""
    return (
        *clock_actions(m),
        *each_gateway(m, reservations(m)),
        *admission_actions(m),
        *each_gateway(m, run_actions(m)),
        *executor_actions(m),
        *stopping_actions(m),
        *each_gateway(m, log_actions(m)),
        *delivery_actions(m),
        *each_gateway(m, gateway_actions(m)),
        *each_gateway(m, sweep_actions(m)),
        *offline_actions(m),
        *operator_actions(m),
        *each_gateway(m, outage_actions(m)),
        *wall_clock_actions(m),
        *retention_actions(m),
    )
