"""The queue: django-q2's ORM broker with real due times, which its own schedules (30 s) do not give.

A row's `lock` is the moment from which it may be taken: enqueueing with a later one is a delay,
taking it moves it ahead by the retry time. Orders of magnitude: `DEPENDENCIES`, django-q2 facts.
The broker also looks for lost wake-ups, because its poll is the one thing that always runs.
"""

import time
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

SWEEP_SECONDS = 10.0
SWEEP = "metabuilder.runs.transitions.sweep"


class DueTimeBroker(ORM):
    """Hands out messages in the order of their due times, once each until `retry` has passed."""

    _swept = 0.0

    def enqueue(self, task: str) -> int:
        return self.enqueue_at(task, timezone.now())

    def enqueue_at(self, task: str, due: datetime) -> int:
        row: OrmQ = self.get_connection().create(
            key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=due
        )
        return row.pk

    def dequeue(self) -> list[tuple[int, str]] | None:
        self.sweep_sometimes()
        taken = self.take()
        if not taken:
            time.sleep(Conf.POLL)
            return None
        return [(row.pk, row.payload) for row in taken]

    def take(self) -> list[OrmQ]:
        """Lock up to `bulk` due rows; on PostgreSQL rows another worker looks at are skipped."""
        queue = self.get_connection()
        with transaction.atomic(using=queue.db):
            due = queue.filter(key=self.list_key, lock__lte=timezone.now()).order_by("lock", "pk")
            if connections[queue.db].features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            rows = list(due[: Conf.BULK])
            return [row for row in rows if self.mark_taken(queue, row)]

    def mark_taken(self, queue: QuerySet[OrmQ], row: OrmQ) -> bool:
        later = timezone.now() + timedelta(seconds=Conf.RETRY)
        return bool(queue.filter(Q(pk=row.pk) & Q(lock=row.lock)).update(lock=later))

    def sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._swept = time.monotonic()
            import_string(SWEEP)()
