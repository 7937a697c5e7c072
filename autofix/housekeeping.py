"""What has to be done from time to time that no run asks for? Gates expire, old rows and trees are removed.

The database is tidied by one node at a time, each machine by its own nodes. Every part may be late, and
be done twice. What each does: `control.expire_gates`, `rollups`, `runs.retention`, `runs.cache`.
"""

import logging
from collections.abc import Callable, Mapping

from autofix import circuits, control, memory, model_calls, rollups
from metabuilder.runs import cache, retention

logger = logging.getLogger(__name__)
Part = Callable[[], Mapping[str, int]]


def keep_database_tidy() -> str:
    """Return in a line what was done; a part that fails stops no other."""
    return done({"gates": expire_gates, "retention": remove_old, "circuits": forget_circuits, "memory": forget_faint})


def expire_gates_now() -> str:
    return done({"gates": expire_gates})


def keep_machine_tidy() -> str:
    return done({"workspaces": cache.tidy_up})


def done(parts: Mapping[str, Part]) -> str:
    told: list[str] = []
    for name, part in parts.items():
        try:
            told += [f"{number} {what}" for what, number in part().items() if number]
        except Exception:  # the other parts have nothing to do with it
            logger.exception("Keeping house: %s failed", name)
            told.append(f"{name} failed")
    return ", ".join(told) or "nothing to do"


def expire_gates() -> dict[str, int]:
    return {"gates expired": control.expire_gates()}


def forget_circuits() -> dict[str, int]:
    return {"circuits forgotten": circuits.forget_quiet()}


def forget_faint() -> dict[str, int]:
    return {"memories faded": memory.forget_faint(), "texts of model calls": model_calls.forget_texts()}


def remove_old() -> dict[str, int]:
    """Count what is old into the metrics first: should that fail, nothing is removed."""
    rollups.roll_up()
    return retention.remove_old()
