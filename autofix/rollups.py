"""What do rows say that are long past? Each is counted once, into `MetricRollup`, and need not be read again.

So a scrape reads only the rows of the last minutes, and a counter does not fall when old rows are
removed (`runs.retention`), which are always rolled up before. Rows are taken in the order of a `mark`
that only grows, with some minutes' delay: by then every transaction that was to add one is through.
How far a metric is rolled up is a row too; a reader takes both in one query, so they fit each other.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Coalesce, Now

from autofix import tallies
from autofix.models import MetricRollup
from metabuilder import metrics
from metabuilder.metrics import HistogramSample, MetricSpec
from metabuilder.runs.models import RunEvent, StepExecution
from metabuilder.runs.states import FINAL

SETTLED = timedelta(minutes=10)
MARK = "mark"  # in the place of labels: the row whose count is how far a metric is rolled up
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Source:
    """The rows of a histogram. `between` gives those after one mark and up to another, if there is one;
    `settled` the mark up to which no row will be added any more.
    """

    spec: MetricSpec
    labels: tuple[str, ...]
    length: Any  # Any: an expression
    between: Callable[[int, int | None], QuerySet[Any]]  # Any: of rows of either kind
    settled: Callable[[int], int]

    def samples(self, after: int, until: int | None = None) -> list[HistogramSample]:
        return tallies.histogram(self.spec, self.between(after, until), self.labels, self.length)


def whole(spec: MetricSpec) -> list[HistogramSample]:
    """Return a histogram of all rows that there ever were."""
    kept = list(MetricRollup.objects.filter(metric=spec.name))
    mark = next((row.count for row in kept if row.labels == MARK), 0)
    rolled_up = [sample_of(row) for row in kept if row.labels != MARK]
    return added([*rolled_up, *SOURCES[spec].samples(mark)])


def roll_up() -> int:
    """Count in what is settled of every metric; return how many rows that were."""
    return sum(roll_up_one(source) for source in SOURCES.values())


@transaction.atomic
def roll_up_one(source: Source) -> int:
    """Two nodes at once wait for each other at the mark: the second finds nothing more to count."""
    name = source.spec.name
    MetricRollup.objects.get_or_create(metric=name, labels=MARK)
    mark = MetricRollup.objects.select_for_update().get(metric=name, labels=MARK)
    until = source.settled(mark.count)
    fresh = source.samples(mark.count, until) if until > mark.count else []
    for sample in fresh:
        add(name, sample)
    MetricRollup.objects.filter(pk=mark.pk).update(count=until)
    return sum(sample.bucket_counts[-1] for sample in fresh)


def add(metric: str, sample: HistogramSample) -> None:
    """Add to a row of the rollup; only for who holds the mark."""
    labels = json.dumps(sample.labels)
    row = MetricRollup.objects.filter(metric=metric, labels=labels).first() or MetricRollup(
        metric=metric, labels=labels
    )
    (total,) = added([sample, *([sample_of(row)] if row.buckets else [])])
    row.count, row.total, row.buckets = total.bucket_counts[-1], total.sum, list(total.bucket_counts)
    row.save()


def sample_of(row: MetricRollup) -> HistogramSample:
    return HistogramSample(tuple(json.loads(row.labels)), tuple(row.buckets), row.total)


def added(samples: Iterable[HistogramSample]) -> list[HistogramSample]:
    """Put those with the same labels together."""
    found: dict[tuple[str, ...], HistogramSample] = {}
    for each in samples:
        known = found.get(each.labels)
        if known is not None:
            counts = tuple(a + b for a, b in zip(known.bucket_counts, each.bucket_counts, strict=True))
            found[each.labels] = HistogramSample(each.labels, counts, known.sum + each.sum)
        else:
            found[each.labels] = each
    return list(found.values())


def ended_runs(after: int, until: int | None) -> QuerySet[RunEvent]:
    """Return the ends of runs: events, because a run that is retried ends more than once."""
    ends = RunEvent.objects.filter(kind="status", new_status__in=FINAL, pk__gt=after)
    return ends if until is None else ends.filter(pk__lte=until)


def settled_events(after: int) -> int:
    old = RunEvent.objects.filter(pk__gt=after, created_at__lt=Now() - SETTLED)
    return old.aggregate(last=Max("pk"))["last"] or after


def ended_executions(after: int, until: int | None) -> QuerySet[StepExecution]:
    ended = StepExecution.objects.exclude(duration_seconds=None).filter(finished_at__gt=EPOCH + after * MICROSECOND)
    return ended if until is None else ended.filter(finished_at__lte=EPOCH + until * MICROSECOND)


def settled_executions(after: int) -> int:
    old = StepExecution.objects.filter(finished_at__gt=EPOCH + after * MICROSECOND, finished_at__lt=Now() - SETTLED)
    last = old.aggregate(last=Max("finished_at"))["last"]
    return (last - EPOCH) // MICROSECOND if last else after


def begun() -> Any:  # Any: an expression
    return Coalesce("run__started_at", "run__created_at")


SOURCES: dict[MetricSpec, Source] = {
    source.spec: source
    for source in (
        Source(metrics.RUN_DURATION, ("new_status",), F("created_at") - begun(), ended_runs, settled_events),
        Source(
            metrics.STEP_DURATION,
            ("step__kind", "status"),
            F("duration_seconds"),
            ended_executions,
            settled_executions,
        ),
    )
}
