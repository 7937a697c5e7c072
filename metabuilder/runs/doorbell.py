"""How does a node that has nothing to do learn at once that a run is due?

On PostgreSQL by LISTEN and NOTIFY; a ring is heard when its transaction commits. SQLite has no such
thing, but tells for next to nothing whether anybody has written (`PRAGMA data_version`). A ring that
is lost costs one look later: the run's own row says that it is due.
"""

import time
from typing import Any, Protocol

from django.db import connection

from metabuilder.runs import stopping

CHANNEL = "metabuilder_runs"
TRUSTED_SECONDS = 5.0  # how long to rely on the bell alone
UNTRUSTED_SECONDS = 0.5  # as through a pooler that swallows notifications
SQLITE_LOOK_SECONDS = 0.025
STOP_LOOK_SECONDS = 0.5


def ring(delay_seconds: float = 0.0) -> None:
    """Tell the nodes that a run is due, or will be after a delay; call it inside the transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{delay_seconds:.3f}"])


class Doorbell(Protocol):
    """Waits for a ring. `patience_seconds` is how long it may be relied on without a look."""

    patience_seconds: float

    def wait(self, seconds: float) -> None:
        """Return at a ring, when a run becomes due that rang ahead of time, or after `seconds`."""


def answer() -> Doorbell:
    """Return a bell for this process; raise DatabaseError if the database is away."""
    return Listener() if connection.vendor == "postgresql" else Watcher()


class Listener:
    """A connection of its own that LISTENs; raises django.db.Error once it is broken."""

    def __init__(self) -> None:
        self._due: list[float] = []  # moments of the monotonic clock
        with connection.wrap_database_errors:
            self._connection: Any = connection.get_new_connection(connection.get_connection_params())  # psycopg's
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}")
            self._connection.execute("SELECT pg_notify(%s, '0')", [CHANNEL])
        self.patience_seconds = TRUSTED_SECONDS if self._hear(1.0) else UNTRUSTED_SECONDS

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := min([end, *self._due]) - time.monotonic()) > 0 and not stopping.is_asked():
            if self._hear(min(left, STOP_LOOK_SECONDS)):
                self._hear(0.0)  # those that came with it
                return
        self._due = [moment for moment in self._due if moment > time.monotonic()]

    def _hear(self, seconds: float) -> bool:
        """Take note of what was rung; True if a run is due now."""
        with connection.wrap_database_errors:
            notes = list(self._connection.notifies(timeout=seconds, stop_after=1 if seconds else None))
        delays = [_delay(note.payload) for note in notes]
        self._due += [time.monotonic() + delay for delay in delays if 0 < delay <= TRUSTED_SECONDS]
        return any(delay <= 0 for delay in delays)


class Watcher:
    """Looks whether another connection has written to the SQLite file."""

    patience_seconds = UNTRUSTED_SECONDS

    def __init__(self) -> None:
        self._version = self._read()

    def wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not stopping.is_asked():
            time.sleep(min(SQLITE_LOOK_SECONDS, max(0.001, end - time.monotonic())))
            if (version := self._read()) != self._version:
                self._version = version
                return

    def _read(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            return int(cursor.fetchone()[0])


def _delay(payload: str) -> float:
    """Return the seconds in a ring; what is not ours means: look."""
    try:
        return float(payload)
    except ValueError:
        return 0.0
