"""What the agent does on the baseline's side: see `agent`."""

import time
import uuid
from datetime import timedelta

from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Success, Task

from scripts.benchmarks.raw import tasks
from scripts.benchmarks.watching import wait_for_row, watch_load

IS_OVER = "SELECT 1 FROM django_q_task WHERE name = %s"
IS_BUSY = "SELECT EXISTS (SELECT 1 FROM django_q_ormq)"
HAS_BEGUN = "SELECT EXISTS (SELECT 1 FROM django_q_ormq WHERE lock > now())"
STORED_TOGETHER = 1000


def begin(count: int) -> None:
    for _ in range(count):
        tasks.queue_attempt(uuid.uuid4().hex, 1)


def wait(seconds: float) -> dict[str, float]:
    """Wait for the end of all that was begun; return when it was seen to begin and to be over."""
    return watch_load(HAS_BEGUN, IS_BUSY, seconds)


def check(count: int) -> str:
    """Return what is wrong with the last `count` runs; django-q2 keeps no more than 250 successes."""
    failed = Task.objects.filter(success=False).count()
    kept = Success.objects.count()
    expected = min(250, count * (tasks.STEPS + 1))
    return "" if not failed and kept >= expected else f"{failed} tasks failed, {kept} of {expected} are kept"


def time_one(commands: int = 0) -> float:
    """Return the seconds from queueing a run to seeing it over: of no-ops, or of that many commands."""
    run = uuid.uuid4().hex
    started = time.monotonic()
    if commands:
        tasks.queue_command(run, commands)
    else:
        tasks.queue_attempt(run, 1)
    wait_for_row(IS_OVER, tasks.name_of(run, tasks.STEPS))
    return time.monotonic() - started


def worker_pid() -> int:
    return int(Success.objects.order_by("-stopped").first().result)


def add_waiting(count: int) -> None:
    """Add messages that are due tomorrow only."""
    tomorrow = timezone.now() + timedelta(days=1)
    rows = (OrmQ(key="raw", payload="a payload that nobody reads", lock=tomorrow) for _ in range(count))
    OrmQ.objects.bulk_create(rows, batch_size=STORED_TOGETHER)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
