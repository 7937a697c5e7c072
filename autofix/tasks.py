"""What the queue calls. A task never raises: a message is only a wake-up, the truth is in the rows."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connection

from autofix import housekeeping, loop
from metabuilder.runs import asides, chores, stopping, transitions, workers
from metabuilder.runs.models import Run

logger = logging.getLogger(__name__)
IN_A_ROW_SECONDS = 60.0
CHORES: dict[str, Callable[[], str]] = {
    "expire": housekeeping.expire_gates_now,
    "tidy": housekeeping.keep_database_tidy,
    "machine": housekeeping.keep_machine_tidy,
}
DATABASE_LOOK_SECONDS = 1.0


def advance(run_id: str) -> None:
    """Move a run forward if it is there to take, and then those whose turn it is, until none is due."""
    until = time.monotonic() + IN_A_ROW_SECONDS
    run = claim(run_id)
    while run is not None:
        work_on(run)
        run = claim() if time.monotonic() < until else None


def do_chore(name: str) -> None:
    asides.do_aside(lambda: do_chore_here(name))


def do_chore_here(name: str) -> None:
    try:
        chores.report(name, CHORES[name]())
    except Exception:  # the next turn comes anyway
        logger.exception("The chore %r failed", name)


def claim(run_id: str = "") -> Run | None:
    """Take the run named, else the next in turn; None also where this node is stopping."""
    if stopping.is_asked():
        return None
    try:
        named = transitions.claim(run_id, workers.own_name()) if run_id else None
        return named or transitions.claim_next(workers.own_name())
    except Exception:  # the run is due still: whoever looks next takes it
        logger.exception("No run could be claimed")
        return None


def work_on(run: Run) -> None:
    """Move a run on; whatever breaks, it is given back or found again once its lease has run out."""
    try:
        loop.work_on(run)
    except Error:
        logger.exception("Run %s: the database went away", run.pk)
        hand_back_when_possible(run)
    except Exception as error:
        logger.exception("Run %s could not be advanced", run.pk)
        drop(run, error)


def drop(run: Run, error: Exception) -> None:
    """Give a run back that this worker failed to advance; a few such failures in a row end it."""
    try:
        transitions.drop(run, f"its worker failed: {type(error).__name__}: {error}")
    except (transitions.LeaseLost, Error):
        logger.exception("Run %s could not be given back: its lease will run out", run.pk)


def hand_back_when_possible(run: Run) -> None:
    """Give a run back as soon as the database answers, within its lease: that it went away is no fault of
    the run, and counts as no lost worker.
    """
    until = time.monotonic() + settings.LEASE_SECONDS
    while time.monotonic() < until:
        connection.close()
        try:
            return transitions.hand_back(run, "handed back: the database was away")
        except transitions.LeaseLost:
            return None
        except Error:
            time.sleep(DATABASE_LOOK_SECONDS)  # there is nothing else this worker could do
    return None
