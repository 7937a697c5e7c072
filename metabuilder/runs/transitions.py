"""How a run moves from one status to the next: THE state machine, and the only caller of the queue.

Every change is a compare-and-set: it names the status it starts from and, for a worker, the fence
of its lease; if no row changed, somebody else was first. The clock is the database's. Which moves
are allowed: `states`. A message in the queue is only a wake-up (`wake`); losing one costs a sweep.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from metabuilder.runs import states
from metabuilder.runs.models import Run, RunEvent, StepExecution
from metabuilder.runs.states import FINAL, WAITING, ExecutionStatus, RunStatus
from metabuilder.runs.storable import storable

SWEEP_GRACE = timedelta(seconds=15)
SWEEP_BATCH = 200
MAX_WORKERS_LOST = 3
_driver: ContextVar[Callable[[RunEvent], None] | None] = ContextVar("driver", default=None)


class LeaseLost(Exception):
    """The run is no longer this worker's: cancelled, or taken over. Step back, write nothing."""


class CannotMove(Exception):
    """The run is not in a status from which this is possible."""


def claim(run_id: UUID | str, owner: str) -> Run | None:
    """Take a run that is due, or whose worker was lost; None if there is nothing to take."""
    takeable = Q(status__in=WAITING, due_at__lte=Now()) | Q(status=RunStatus.RUNNING, lease_until__lt=Now())
    with transaction.atomic():
        before = Run.objects.filter(takeable, pk=run_id).values("status", "fence").first()
        if before is None:
            return None
        taken = Run.objects.filter(takeable, pk=run_id, **before).update(
            status=RunStatus.RUNNING,
            lease_owner=owner,
            lease_until=lease_end(),
            fence=F("fence") + 1,
            started_at=Coalesce("started_at", Now()),
        )
        if not taken:
            return None
        run = Run.objects.select_related("tenant", "project").get(pk=run_id)
        lost = before["status"] == RunStatus.RUNNING
        message = "taken over from a worker that was lost" if lost else f"taken by {owner}"
        note(run, "status", message, old_status=before["status"], new_status=run.status)
        StepExecution.objects.filter(run=run, status=ExecutionStatus.RUNNING, fence__lt=run.fence).update(
            status=ExecutionStatus.LOST, finished_at=Now()
        )
        return run


def is_poisoned(run: Run) -> bool:
    """True if worker after worker was lost on this run and nothing happened in between."""
    last = run.events.order_by("-id").values_list("old_status", "new_status")[:MAX_WORKERS_LOST]
    return list(last) == [(RunStatus.RUNNING, RunStatus.RUNNING)] * MAX_WORKERS_LOST


def renew(run: Run) -> bool:
    """Keep the lease; False once it is lost, whatever the reason."""
    return bool(owned(run).update(lease_until=lease_end()))


def is_held(run: Run) -> bool:
    return bool(owned(run).exists())


def hold(run: Run) -> None:
    """Renew the lease or raise LeaseLost: call before acting on a decision."""
    if not renew(run):
        raise LeaseLost(f"run {run.pk} is no longer held by {run.lease_owner}")


def move(run: Run, new: RunStatus, message: str, **values: Any) -> None:  # Any: any field's value
    """Move a run that this worker holds; raise LeaseLost if it does not hold it any more."""
    states.check(run.status, new)
    stamps = {"finished_at": Now()} if new in FINAL else {}
    with transaction.atomic():
        if not owned(run).update(status=new, lease_until=None, **stamps, **values):
            raise LeaseLost(f"run {run.pk} was not moved to {new}")
        note(run, "status", message, old_status=run.status, new_status=new)
    run.refresh_from_db()


def back_off(run: Run, message: str, delay_seconds: float) -> None:
    """Give the run back; it is due again once `delay_seconds` have passed."""
    delay = timedelta(seconds=delay_seconds)
    status = RunStatus.BACKING_OFF if delay_seconds else RunStatus.QUEUED
    with transaction.atomic():
        move(run, status, message, due_at=Now() + delay)
        wake(run, delay)


def intervene(run: Run, new: RunStatus, message: str, actor: str, allowed: frozenset[RunStatus]) -> None:
    """Move a run on a person's word, from any of `allowed`; whoever held it loses its lease."""
    with transaction.atomic():
        old = Run.objects.values_list("status", flat=True).get(pk=run.pk)
        values: dict[str, Any] = {"finished_at": Now()} if new in FINAL else {"finished_at": None}
        if new == RunStatus.QUEUED:
            values["due_at"] = Now()
        moved = old in allowed and Run.objects.filter(pk=run.pk, status=old).update(
            status=new, fence=F("fence") + 1, lease_until=None, **values
        )
        if not moved:
            raise CannotMove(f"The run is {old.replace('_', ' ')}; nothing was changed.")
        run.refresh_from_db()
        note(run, "status", message, old_status=old, new_status=new, actor=actor)
        if new == RunStatus.QUEUED:
            wake(run)


def start(run: Run, actor: str) -> None:
    """Put a new run in the queue."""
    Run.objects.filter(pk=run.pk).update(due_at=Now())
    note(run, "status", "queued", old_status="", new_status=run.status, actor=actor)
    wake(run)


def note(run: Run, kind: str, message: str, actor: str = "", **fields: Any) -> RunEvent:  # Any: by field
    """Write down an event of a run, and tell an in-process driver that wants to know."""
    event = RunEvent.objects.create(run=run, kind=kind, message=storable(message)[:500], actor=actor, **fields)
    if driver := _driver.get():
        driver(event)
    return event


def wake(run: Run, delay: timedelta = timedelta(0)) -> None:
    """Queue a wake-up once the transaction is through; an in-process driver needs none."""
    if _driver.get():
        return
    run_id = str(run.pk)
    transaction.on_commit(lambda: _enqueue(run_id, delay))


@contextmanager
def driven_in_process(on_event: Callable[[RunEvent], None]) -> Iterator[None]:
    """Tell `on_event` of every event and queue no wake-ups: who calls this advances the run itself.

    Should that process die, the sweep finds the run.
    """
    token = _driver.set(on_event)
    try:
        yield
    finally:
        _driver.reset(token)


def sweep() -> int:
    """Wake every run that is overdue or whose lease ran out; return how many there were.

    While the queue itself is behind, overdue runs are simply waiting their turn in it.
    """
    lost = Q(status=RunStatus.RUNNING, lease_until__lt=Now())
    if OrmQ.objects.filter(lock__lt=timezone.now() - SWEEP_GRACE).exists():
        not_woken = Q(woken_at=None) | Q(woken_at__lt=F("lease_until"))  # once for each lost lease
    else:
        lost |= Q(status__in=WAITING, due_at__lt=Now() - SWEEP_GRACE)
        not_woken = Q(woken_at=None) | Q(woken_at__lt=Now() - SWEEP_GRACE)
    runs = list(Run.objects.filter(lost & not_woken).only("pk")[:SWEEP_BATCH])
    for run in runs:
        if Run.objects.filter(not_woken, pk=run.pk).update(woken_at=Now()):
            wake(run)
    return len(runs)


def owned(run: Run) -> Any:  # Any: a queryset of runs, narrowed to the one this worker holds
    return Run.objects.filter(pk=run.pk, status=RunStatus.RUNNING, fence=run.fence)


def lease_end() -> Any:  # Any: an expression of the database's clock
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _enqueue(run_id: str, delay: timedelta) -> None:
    async_task(settings.ADVANCE_TASK, run_id, broker=_DelayedBroker(delay))


class _DelayedBroker:
    """What `async_task` hands its message to: our broker, with a due time."""

    list_key = ""

    def __init__(self, delay: timedelta) -> None:
        self.delay = delay

    def enqueue(self, package: str) -> int:
        row: int = get_broker().enqueue_at(package, timezone.now() + self.delay)
        return row
