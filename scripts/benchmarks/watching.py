"""How both sides see that something is over: the same short look at the database, again and again."""

import time
from typing import Any

from django.db import connection

LOOK_SECONDS = 0.002
LOAD_LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 120.0


class NotOver(Exception):
    """What was waited for did not happen in time."""


def wait_for_row(query: str, *values: Any, seconds: float = GIVE_UP_SECONDS) -> tuple[Any, ...]:  # Any: columns
    """Return the first row of a query once it has one."""
    give_up = time.monotonic() + seconds
    while (row := look(query, *values)) is None:
        if time.monotonic() > give_up:
            raise NotOver(f"no answer within {seconds:.0f} s: {query} {values}")
        time.sleep(LOOK_SECONDS)
    return row


def look(query: str, *values: Any) -> tuple[Any, ...] | None:  # Any: columns
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def watch_load(has_begun: str, is_busy: str, seconds: float) -> dict[str, float]:
    """Return when a load was seen to begin and to be over, by two queries that answer yes or no."""
    give_up = time.monotonic() + seconds
    begun = 0.0
    while is_true(is_busy):
        if not begun and is_true(has_begun):
            begun = time.monotonic()
        if time.monotonic() > give_up:
            raise NotOver(f"the load was not over within {seconds:.0f} s")
        time.sleep(LOAD_LOOK_SECONDS if begun else LOOK_SECONDS)
    over = time.monotonic()
    return {"begun": begun or over, "over": over}


def is_true(query: str) -> bool:
    row = look(query)
    return bool(row and row[0])
