"""Where django-q2 gets its messages from: due runs, by turns, and whatever else was queued with it.

A message for a run is made on the spot and lies nowhere: it only wakes a worker (`advance(run_id)`),
which claims the run and goes on with the next one by itself until none is due. So there is nothing to
lose, and what is handed out twice is taken once. Other tasks wait in django-q2's own table; one is
removed when it is handed out, at most once. The pusher process calls `dequeue` for ever: it alone
waits, sweeps, and sees to the chores.
"""

import logging
import random
import time
from uuid import UUID

from django.conf import settings
from django.db import Error, connections, transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from metabuilder.runs import chores, doorbell, stopping, transitions, turns

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0
CHORES_SECONDS = 10.0
NO_ROOM_SECONDS = 0.2
RERING_SECONDS = 0.02  # a worker needs that long to claim what it was woken for
DATABASE_AWAY_SECONDS = (0.2, 1.5)  # jittered: nodes do not come back all at once
Messages = list[tuple[None, str]]


class DueTimeBroker(ORM):
    """Hands out due work at once, and waits without polling while there is none."""

    _bell: doorbell.Doorbell | None = None
    _rang = False
    _swept = _did_chores = -SWEEP_SECONDS
    _tidied = float("-inf")

    def dequeue(self) -> Messages | None:
        """Return messages without a key to acknowledge, or None after a wait."""
        try:
            return self._next_messages()
        except Error as error:
            logger.warning("The database is away: %s", error)
            self._hang_up()
            time.sleep(random.uniform(*DATABASE_AWAY_SECONDS))
            return None

    def take(self) -> list[OrmQ]:
        """Remove up to `bulk` tasks from django-q2's table; rows another node looks at are skipped."""
        queue = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now())
        if not queue.exists():
            return []
        with transaction.atomic(using=queue.db):
            waiting = queue.order_by("lock", "pk")
            if connections[queue.db].features.has_select_for_update_skip_locked:
                waiting = waiting.select_for_update(skip_locked=True)
            rows = list(waiting[: Conf.BULK])
            return [row for row in rows if OrmQ.objects.filter(pk=row.pk).delete()[0]]

    def _next_messages(self) -> Messages | None:
        if stopping.is_asked():
            time.sleep(RERING_SECONDS)
            return None
        self._bell = bell = self._bell or doorbell.answer()
        if self._rang:
            bell.wait(RERING_SECONDS)
        now = time.monotonic()
        if now - self._swept >= SWEEP_SECONDS:
            self._swept = now
            transitions.sweep()
        messages = self._chores(now) + [(None, row.payload) for row in self.take()]
        messages += [(None, message_for(run)) for run in turns.next_runs(Conf.WORKERS)]
        self._rang = bool(messages)
        if not messages:
            self._wait(bell)
        return messages or None

    def _chores(self, now: float) -> Messages:
        """Return a message for each chore that is due and that no other node has taken."""
        if now - self._did_chores < CHORES_SECONDS:
            return []
        self._did_chores = now
        due = chores.take_due()
        if now - self._tidied >= settings.TIDY_SECONDS:  # this machine's own, which no other node does
            self._tidied = now
            due.append(chores.OF_EACH_NODE)
        return [(None, package(settings.CHORE_TASK, name)) for name in due]

    def _wait(self, bell: doorbell.Doorbell) -> None:
        """Wait for a ring, or until the next run is due or the next lease is over."""
        seconds = transitions.seconds_to_next_event(bell.patience_seconds)
        if seconds <= 0:  # a lease is over: sweep at once; or a run is due for which there is no room
            self._swept = -SWEEP_SECONDS
            seconds = NO_ROOM_SECONDS
        bell.wait(seconds)

    def _hang_up(self) -> None:
        self._bell = None
        connections.close_all()


def message_for(run_id: UUID) -> str:
    """Return the wake-up for a run as django-q2 carries it."""
    return package(settings.ADVANCE_TASK, str(run_id))


def package(function: str, *arguments: str) -> str:
    """Sign a task as `async_task` does, without queueing it."""
    task = {
        "id": "",
        "name": arguments[0] if arguments else function,
        "func": function,
        "args": arguments,
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
    }
    signed: str = SignedPackage.dumps(task)
    return signed
