"""Drives one run in this process, without a cluster: for the command line and the seed script."""

import time

from autofix import loop
from metabuilder.runs import transitions, workers
from metabuilder.runs.models import Run
from metabuilder.runs.states import FINAL, RunStatus

RESTS = FINAL | {RunStatus.PAUSED_AWAITING_APPROVAL}
LOOK_SECONDS = 0.2


def drive(run: Run) -> Run:
    """Advance `run` until it ends or waits for a person; another worker may do part of it.

    Call it inside `transitions.driven_in_process`, as whatever queues the run before it.
    """
    run.refresh_from_db()
    while run.status not in RESTS:
        before = run.status
        transitions.sweep()  # there may be no node here that does it
        loop.advance(str(run.pk), workers.own_name())
        run.refresh_from_db()
        if run.status == before:
            time.sleep(LOOK_SECONDS)  # a command's process, not a worker: it waits for the date
    return run
