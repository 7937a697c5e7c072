"""Drives one run in this process, without a cluster: for the command line and the seed script."""

import time

from autofix import loop
from autofix.tasks import worker_name
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
        loop.advance(str(run.pk), f"{worker_name()} (in-process)"[:100])
        run.refresh_from_db()
        if run.status == before:
            time.sleep(LOOK_SECONDS)  # a command's process, not a worker: it waits for the date
    return run
