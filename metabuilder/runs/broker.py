"""The queue: django-q2's ORM broker with real due times, which its own schedules (30 s) do not give.

A row's `lock` is the moment from which it may be taken; a later one is a delay. Taking a message
removes it: it is only a wake-up, and one that is lost with its worker is found again by the sweep,
which the broker calls because its poll is the one thing that always runs.
"""

import time
from datetime import datetime

from django.db import connections, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

SWEEP_SECONDS = 10.0
SWEEP = "metabuilder.runs.transitions.sweep"


class DueTimeBroker(ORM):
    """Hands out messages in the order of their due times, once each."""

    _swept = 0.0

    def enqueue(self, task: str) -> int:
        return self.enqueue_at(task, timezone.now())

    def enqueue_at(self, task: str, due: datetime) -> int:
        row: OrmQ = self.get_connection().create(key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=due)
        return int(row.pk)

    def dequeue(self) -> list[tuple[None, str]] | None:
        """Return due messages without a key to acknowledge, or None after a poll's sleep."""
        self.sweep_sometimes()
        taken = self.take()
        if not taken:
            time.sleep(Conf.POLL)
            return None
        return [(None, row.payload) for row in taken]

    def take(self) -> list[OrmQ]:
        """Remove up to `bulk` due rows; on PostgreSQL rows another worker looks at are skipped."""
        queue = self.get_connection()
        if not queue.filter(key=self.list_key, lock__lte=timezone.now()).exists():
            return []
        with transaction.atomic(using=queue.db):
            due = queue.filter(key=self.list_key, lock__lte=timezone.now()).order_by("lock", "pk")
            if connections[queue.db].features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            rows = list(due[: Conf.BULK])
            return [row for row in rows if queue.filter(pk=row.pk).delete()[0]]

    def sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._swept = time.monotonic()
            import_string(SWEEP)()
