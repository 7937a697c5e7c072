"""What is old enough to be removed? Logs and executions of ended runs, uploads, rows of the queue.

A run itself stays, with its plan, events, timeline, gates and diff. Everything here goes in batches of
one short transaction each, within a budget of time, and is gone on with at the next call; nodes that do
it at once take different rows. Metrics count the removed rows still: `autofix.housekeeping` sees to it.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django_q.models import OrmQ, Task

from metabuilder.runs import log_files
from metabuilder.runs.models import LogChunk, Run, RunEvent, SourceKind, StepExecution, Upload
from metabuilder.runs.states import FINAL
from tenants.models import IdempotencyRecord, Tenant

RUNS_AT_ONCE = 200
ROWS_AT_ONCE = 5_000
FILES_AT_ONCE = 100
STORAGE_FAILURES = 3
CALL_SECONDS = 20.0
MESSAGES_KEPT = ANSWERS_KEPT = timedelta(days=1)
logger = logging.getLogger(__name__)


@dataclass
class Deadline:
    """When a call has to come to its end; the rest is for the next one."""

    seconds: float = CALL_SECONDS
    begun: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.begun >= self.seconds


def remove_old(deadline: Deadline | None = None) -> dict[str, int]:
    """Remove what is due, as much as the time allows; return how much of each kind."""
    until = deadline or Deadline()
    return {
        "large logs": sum(remove_log_files(days, until) for days in periods()),
        "rows of ended runs": sum(repeated(prune_runs, days, until) for days in periods()),
        "uploads": sum(remove_uploads(days, until) for days in periods()),
        "answers": repeated(forget_answers, 0, until),
        "messages": repeated(forget_messages, 0, until),
        "results": repeated(forget_results, settings.RETENTION_DAYS, until),
    }


def periods() -> list[int | None]:
    """Return each retention that a tenant has set, in days; None stands for the platform's."""
    own = Tenant.objects.exclude(retention_days=None).order_by("retention_days")
    return [*own.values_list("retention_days", flat=True).distinct(), None]


def due_runs(days: int | None) -> QuerySet[Run]:
    """Return the runs of the tenants that keep them so long, the oldest first."""
    ended = Run.objects.filter(pruned_at=None, status__in=FINAL, finished_at__lt=before(days))
    return ended.filter(tenant__retention_days=days).order_by("finished_at")


def before(days: int | None) -> Any:  # Any: an expression of the database's clock
    return Now() - timedelta(days=settings.RETENTION_DAYS if days is None else days)


def prune_runs(days: int | None) -> int:
    """Remove a batch of rows; return how many there were. Whoever holds the runs' rows is alone at it.

    A run that a person starts again in this moment is either not due any more, or waits until this is over.
    """
    with transaction.atomic():
        in_storage = StepExecution.objects.filter(run=OuterRef("pk")).exclude(log_file="")
        due = due_runs(days).filter(~Exists(in_storage)).select_for_update(of=("self",), skip_locked=True)
        runs = list(due.only("pk", "finished_at")[:RUNS_AT_ONCE])
        ids = [run.pk for run in runs]
        removed = delete_some(LogChunk.objects.filter(execution__run__in=ids), ROWS_AT_ONCE)
        if removed < ROWS_AT_ONCE:
            removed += delete_some(StepExecution.objects.filter(run__in=ids), ROWS_AT_ONCE - removed)
        if removed < ROWS_AT_ONCE:
            close(ids, settings.RETENTION_DAYS if days is None else days)
            removed += len(ids)
    return removed


def close(ids: Sequence[Any], days: int) -> None:
    Run.objects.filter(pk__in=ids).update(pruned_at=Now())
    message = f"its logs and executions were removed, older than {days} days"
    RunEvent.objects.bulk_create([RunEvent(run_id=pk, kind="retention", message=message) for pk in ids])


def remove_log_files(days: int | None, deadline: Deadline) -> int:
    """Remove the logs of due runs from the storage, each before its row: so none is left without a name."""
    removed = failures = 0
    stored = StepExecution.objects.filter(run__in=due_runs(days).order_by().values("pk")).exclude(log_file="")
    for execution in paged(stored.only("pk", "log_file", "log_characters"), FILES_AT_ONCE):
        if deadline.is_over or failures >= STORAGE_FAILURES:
            break
        try:
            log_files.remove(execution.log_file.name, execution.log_characters)
        except Exception:  # whatever a storage raises
            logger.exception("The log %s could not be removed from the storage", execution.log_file.name)
            failures += 1
            continue
        StepExecution.objects.filter(pk=execution.pk).update(log_file="")
        removed += 1
    return removed


def remove_uploads(days: int | None, deadline: Deadline) -> int:
    """Remove the uploads that no run which is still kept whole was built from, with their files."""
    removed = failures = 0
    old = Upload.objects.filter(tenant__retention_days=days, created_at__lt=before(days))
    for upload in paged(old, FILES_AT_ONCE):
        if deadline.is_over or failures >= STORAGE_FAILURES:
            break
        try:
            removed += remove_upload(upload)
        except Exception:  # whatever a storage raises
            logger.exception("The upload %s could not be removed from the storage", upload.pk)
            failures += 1
    return removed


@transaction.atomic
def remove_upload(upload: Upload) -> bool:
    """The row goes only with the file: a row without a file is tried again, a file without a row is lost."""
    mine = Upload.objects.select_for_update(skip_locked=True).filter(pk=upload.pk).first()
    if mine is None or is_in_use(mine):
        return False
    mine.file.delete(save=False)
    mine.delete()
    return True


def is_in_use(upload: Upload) -> bool:
    builds = Q(project__source_kind=SourceKind.UPLOAD, project__location=str(upload.pk))
    return Run.objects.filter(builds, pruned_at=None).exists()


def forget_answers(_: int) -> int:
    """Remove answers to POSTs that nobody will ask for again (`tenants.idempotency`)."""
    return delete_some(IdempotencyRecord.objects.filter(created_at__lt=Now() - ANSWERS_KEPT), ROWS_AT_ONCE)


def forget_messages(_: int) -> int:
    """Remove wake-ups that nobody took; the runs that they were for are found by their rows."""
    return delete_some(OrmQ.objects.filter(lock__lt=Now() - MESSAGES_KEPT), ROWS_AT_ONCE)


def forget_results(days: int) -> int:
    return delete_some(Task.objects.filter(stopped__lt=before(days)), ROWS_AT_ONCE)


def delete_some(rows: QuerySet[Any], limit: int) -> int:
    """Delete at most so many rows, and what hangs on them; return how many of this kind that were."""
    model: type[Model] = rows.model
    batch = list(rows.order_by().values_list("pk", flat=True)[:limit])
    gone = model._base_manager.filter(pk__in=batch).only("pk").delete()[1] if batch else {}
    return gone.get(model._meta.label, 0)


def repeated(remove: Callable[[Any], int], days: int | None, deadline: Deadline) -> int:
    """Remove batch after batch until there is nothing more to remove, or no time."""
    total = 0
    while not deadline.is_over:
        removed = remove(days)
        total += removed
        if not removed:
            break
    return total


def paged(rows: QuerySet[Any], size: int) -> Iterator[Any]:
    """Yield rows in the order of their keys, page by page, each page read when it is come to."""
    page = list(rows.order_by("pk")[:size])
    while page:
        yield from page
        page = list(rows.filter(pk__gt=page[-1].pk).order_by("pk")[:size])
