"""What the queue calls. A task never raises: a message is only a wake-up, the truth is in the rows."""

import logging
import os
import socket

from autofix import loop

logger = logging.getLogger(__name__)


def advance(run_id: str) -> None:
    """Move a run forward until it waits or ends; do nothing if another worker has it."""
    try:
        loop.advance(run_id, worker_name())
    except Exception:  # the sweep brings the run back once its lease has run out
        logger.exception("Run %s could not be advanced", run_id)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:100]
