"""The three lifecycles, as executable charts: the only definition of what may follow what.

Nothing here runs during an exploration: :mod:`lostproof.tables` compiles each chart into an integer table, and a test
drives the live machines through every (state, event) pair to prove that the table says the same.

A guard (``cond=``) names a rule that differs between revisions; the revision says whether it is on
(:attr:`lostproof.revisions.Revision.guards`).
"""

from statemachine import State, StateMachine

__all__ = ["CHARTS", "CronRunLifecycle", "GatewayLifecycle", "TaskLifecycle"]


class TaskLifecycle(StateMachine):
    """One row of the task ledger, as the process that writes it sees it.

    ``interrupted`` is the product's status ``failed`` with an error text that says the run was cut off, by a restart or
    otherwise: an inference, kept apart here from a ``failed`` that the run itself reported. Cron rows are never ``queued``.
    Releases up to 2026.6.5 refuse to cancel them.
    """

    absent = State(initial=True)
    running = State()
    succeeded = State()
    failed = State()
    timed_out = State()
    interrupted = State()
    lost = State()
    cancelled = State()

    # Creating a row that is already there reuses it, whatever its status (two runs with one id).
    open = (
        absent.to(running)
        | running.to.itself(internal=True)
        | succeeded.to.itself(internal=True)
        | failed.to.itself(internal=True)
        | timed_out.to.itself(internal=True)
        | interrupted.to.itself(internal=True)
        | lost.to.itself(internal=True)
        | cancelled.to.itself(internal=True)
    )

    # The run's own finalizer. Up to 2026.4.24 nothing guards it; later a terminal row keeps its status. From 2026.8.1 on
    # cron's finalizer goes past the guard where the row says lost.
    finish_succeeded = (
        running.to(succeeded)
        | succeeded.to.itself(internal=True)
        | failed.to(succeeded, cond="late_finish_wins")
        | timed_out.to(succeeded, cond="late_finish_wins")
        | interrupted.to(succeeded, cond="late_finish_wins")
        | cancelled.to(succeeded, cond="late_finish_wins")
        | lost.to(succeeded, cond="finish_overrides_lost")
    )
    finish_failed = (
        running.to(failed)
        | succeeded.to(failed)
        | failed.to.itself(internal=True)
        | timed_out.to(failed, cond="late_finish_wins")
        | cancelled.to(failed, cond="late_finish_wins")
        | interrupted.to(failed)  # to the product both are one status, so no guard minds
        | lost.to(failed, cond="finish_overrides_lost")
    )
    finish_timed_out = (
        running.to(timed_out)
        | succeeded.to(timed_out)
        | timed_out.to.itself(internal=True)
        | failed.to(timed_out, cond="late_finish_wins")
        | interrupted.to(timed_out, cond="late_finish_wins")
        | cancelled.to(timed_out, cond="late_finish_wins")
        | lost.to(timed_out, cond="finish_overrides_lost")
    )

    # What a sweep (or a start-up repair) may infer. Only a rule that repairs false lost rows decides about ``lost``.
    lose = running.to(lost)
    recover_succeeded = running.to(succeeded) | lost.to(succeeded)
    recover_failed = running.to(failed) | lost.to(failed)
    recover_timed_out = running.to(timed_out) | lost.to(timed_out)
    recover_interrupted = running.to(interrupted) | lost.to(interrupted)

    # An operator's cancel. Releases that know it refuse whatever the run says later.
    cancel = running.to(cancelled)

    # What a run writes whose receipt is no longer valid: a failure, whatever it has said before.
    disown = running.to(interrupted) | succeeded.to(interrupted) | failed.to.itself(internal=True)


class CronRunLifecycle(StateMachine):
    """One attempt to execute a slot, inside the gateway process that makes it.

    Which store is written on which edge is the revision's write order; the edges that a write order skips are not taken
    by its runs (one that opens a run in one transaction goes straight from ``absent`` to ``executing``).
    """

    absent = State(initial=True)
    reserved = State()
    activated = State()  # the job's marker is this run's, but its row is not open yet
    executing = State()
    held = State()  # the work has ended; its result exists in this process only
    recorded = State()  # the row says how it ended
    applied = State()  # the result is applied to the job, which may not be on disk yet
    settled = State(final=True)
    gone = State(final=True)  # its process died
    unbegun = State(final=True)  # its process died before the work began
    released = State(final=True)  # it gave its reservation back

    reserve = absent.to(reserved)
    activate = reserved.to(activated)
    fence = reserved.to(released)  # its reservation was taken away, or could not be activated
    begin = reserved.to(executing) | activated.to(executing)
    open = absent.to(executing)
    end = executing.to(held)
    record = held.to(recorded)
    apply = held.to(applied) | recorded.to(applied)
    settle = held.to(settled) | recorded.to(settled) | applied.to(settled)
    die = (
        reserved.to(unbegun) | activated.to(unbegun)
        | executing.to(gone) | held.to(gone) | recorded.to(gone) | applied.to(gone)
    )


class GatewayLifecycle(StateMachine):
    """The gateway process and the cron service in it.

    Maintenance is scheduled in ``starting``, before cron looks at what the last process left behind.
    """

    down = State()
    starting = State()  # ledger restored, maintenance scheduled, cron not started
    repaired = State()  # markers of interrupted runs dealt with
    catching_up = State()  # missed slots are being made up for
    running = State(initial=True)  # cron timer armed
    stopping = State()  # SIGTERM: timers stopped, runs in flight may still finish

    start = down.to(starting)
    repair = starting.to(repaired)
    catch_up = repaired.to(catching_up)
    ready = catching_up.to(running)
    crash = (
        starting.to(down) | repaired.to(down) | catching_up.to(down) | running.to(down) | stopping.to(down)
    )
    terminate = (
        starting.to(stopping) | repaired.to(stopping) | catching_up.to(stopping) | running.to(stopping)
    )
    exit = stopping.to(down)
    restart_in_process = catching_up.to(starting) | running.to(starting)
    reload = catching_up.to(starting) | running.to(starting)


CHARTS: dict[str, type[StateMachine]] = {
    "task": TaskLifecycle,
    "run": CronRunLifecycle,
    "gateway": GatewayLifecycle,
}
