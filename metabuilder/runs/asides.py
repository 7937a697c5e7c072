"""Work beside the runs, in a process of its own: what it loads, touches and keeps goes when it ends."""

import logging
import multiprocessing
import os
from collections.abc import Callable

from django.db import connections

from metabuilder.runs import orphans

logger = logging.getLogger(__name__)


def do_aside(work: Callable[[], object]) -> None:
    """Do something in a child of this worker and wait for its end; in any other process, here."""
    if multiprocessing.parent_process() is None:
        work()
        return
    connections.close_all()  # two processes cannot share one
    parent, child = os.getpid(), os.fork()
    if child:
        os.waitpid(child, 0)
        return
    status = 1
    try:
        orphans.die_with(parent)
        work()
        connections.close_all()
        status = 0
    except Exception:
        logger.exception("What was done aside failed")
    finally:
        os._exit(status)  # nothing of the worker's own is finished here
