"""What do the rows say, as numbers? Reads every product metric from the database when it is scraped.

Each figure is one grouped query (`tallies`); of the tables that grow fastest it reads only what is not
rolled up yet (`rollups`). Names, labels and what is counted when: `metabuilder.metrics`. Values are
kept for some seconds, so that scrapes cost little.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import product

from django.db import DatabaseError
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from approvals.models import Gate, GateKind, GateStatus
from autofix import circuits, figures, rollups
from autofix.failures import Signal
from autofix.models import Attempt, Circuit, Episode, EpisodeOutcome
from autofix.tallies import counted, histogram
from autofix.timeline import OUTCOMES
from metabuilder import metrics
from metabuilder.metrics import HistogramSample, MetricSpec, Sample, family
from metabuilder.runs import turns
from metabuilder.runs.models import Plan, Run, StepExecution
from metabuilder.runs.states import FINAL, RunStatus

KEPT_SECONDS = 5.0
WINDOW = timedelta(hours=24)
SANDBOX_LEVELS = {"bubblewrap": 3, "none": 0}
Samples = Iterable[Sample | HistogramSample]
logger = logging.getLogger(__name__)


class ProductCollector(Collector):
    """Hands Prometheus the product's families; without a database there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Metric] = []
        self._read_at = -KEPT_SECONDS

    def describe(self) -> Iterable[Metric]:
        return [family(spec, []) for spec in READERS]

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._kept = read_all()
                self._read_at = time.monotonic()
            yield from self._kept

    def forget(self) -> None:
        """Read anew at the next scrape."""
        self._read_at = -KEPT_SECONDS


def read_all() -> list[Metric]:
    try:
        return [family(spec, reader()) for spec, reader in READERS.items()]
    except DatabaseError:
        logger.exception("The product's metrics could not be read")
        return []


def attempts() -> Samples:
    labels = ("signal", "strategy", "outcome")
    usual = [
        (str(signal), str(strategy), str(outcome)) for signal, (strategy, outcome) in product(Signal, OUTCOMES.items())
    ]
    return counted(Attempt.objects.all(), labels, usual)


def backoffs() -> Samples:
    waited = Attempt.objects.filter(backoff_seconds__gt=0, actual_backoff_seconds__gte=0)
    return histogram(metrics.AUTOFIX_BACKOFF, waited, (), F("actual_backoff_seconds"))


def replans() -> Samples:
    """Count the plan versions after the first: a delta that was refused made none."""
    return [Sample((), Plan.objects.filter(version__gt=1).count())]


def success_ratio() -> Samples:
    """Count the episodes that ended by healing or not; those a person cancelled say nothing."""
    ended = Episode.objects.filter(ended_at__gte=timezone.now() - WINDOW)
    figures = ended.exclude(outcome=EpisodeOutcome.CANCELLED).aggregate(
        all=Count("pk"), healed=Count("pk", filter=Q(outcome=EpisodeOutcome.HEALED))
    )
    return [Sample((), figures["healed"] / figures["all"])] if figures["all"] else []


def strategies() -> Samples:
    """Count what came of each strategy's attempts of the last day, as it stands now: a fix may be taken back later."""
    recent = Attempt.objects.filter(started_at__gte=timezone.now() - WINDOW)
    for row in figures.by_strategy(recent):
        for stage in ("tried", "abstained", *figures.STAGES):
            yield Sample((row["strategy"], stage), row[stage])


def open_circuits() -> Samples:
    kinds = [(kind,) for kind in (circuits.HOST, circuits.FIXER)]
    return counted(Circuit.objects.filter(circuits.is_open()), ("kind",), kinds)


def gates() -> Samples:
    opened = counted(Gate.objects.all(), ("kind",), [(kind,) for kind in GateKind.values])
    for sample in opened:
        yield Sample((*sample.labels, GateStatus.PENDING.value), sample.value)
    ends = [status for status in GateStatus.values if status != GateStatus.PENDING]
    usual = list(product(GateKind.values, ends))
    yield from counted(Gate.objects.exclude(status=GateStatus.PENDING), ("kind", "status"), usual)


def pending_gates() -> Samples:
    return [Sample((), Gate.objects.filter(status=GateStatus.PENDING).count())]


def gate_waits() -> Samples:
    decided = Gate.objects.exclude(decided_at=None)
    return histogram(metrics.APPROVAL_WAIT, decided, (), F("decided_at") - F("created_at"))


def runs() -> Samples:
    """Count the ends of runs; each has a duration."""
    ended = {sample.labels[0]: sample.bucket_counts[-1] for sample in run_durations()}
    return [Sample((status,), ended.get(status, 0)) for status in sorted(FINAL)]


def run_durations() -> list[HistogramSample]:
    return rollups.whole(metrics.RUN_DURATION)


def step_durations() -> Samples:
    return rollups.whole(metrics.STEP_DURATION)


def queue_depth() -> Samples:
    """Count what waits for a worker now: runs that are due, and messages of django-q2."""
    return [Sample((), turns.due().count() + OrmQ.objects.filter(lock__lte=timezone.now()).count())]


def queue_oldest() -> Samples:
    now = timezone.now()
    waiting = [
        OrmQ.objects.filter(lock__lte=now).aggregate(oldest=Min("lock"))["oldest"],
        turns.due().aggregate(oldest=Min("due_at"))["oldest"],
    ]
    oldest = min(filter(None, waiting), default=now)
    return [Sample((), max(0.0, (now - oldest).total_seconds()))]


def worker_leases() -> Samples:
    held = Run.objects.filter(status=RunStatus.RUNNING, lease_until__gte=Now())
    return [Sample((), held.count())]


def sandbox_level() -> Samples:
    """Report the weakest isolation that a step has had lately."""
    recent = StepExecution.objects.filter(started_at__gte=timezone.now() - WINDOW)
    used = recent.order_by().values_list("sandbox_level", flat=True).distinct()
    levels = [SANDBOX_LEVELS[level] for level in used if level in SANDBOX_LEVELS]
    return [Sample((), min(levels))] if levels else []


READERS: dict[MetricSpec, Callable[[], Samples]] = {
    metrics.AUTOFIX_ATTEMPTS: attempts,
    metrics.AUTOFIX_BACKOFF: backoffs,
    metrics.AUTOFIX_REPLANS: replans,
    metrics.AUTOFIX_SUCCESS_RATIO: success_ratio,
    metrics.AUTOFIX_STRATEGY: strategies,
    metrics.AUTOFIX_CIRCUITS_OPEN: open_circuits,
    metrics.APPROVAL_REQUESTS: gates,
    metrics.APPROVAL_PENDING: pending_gates,
    metrics.APPROVAL_WAIT: gate_waits,
    metrics.RUN_DURATION: run_durations,
    metrics.RUNS: runs,
    metrics.STEP_DURATION: step_durations,
    metrics.QUEUE_DEPTH: queue_depth,
    metrics.QUEUE_OLDEST: queue_oldest,
    metrics.WORKER_LEASES: worker_leases,
    metrics.SANDBOX_LEVEL: sandbox_level,
}


COLLECTOR = ProductCollector()
PRODUCT = CollectorRegistry()
PRODUCT.register(COLLECTOR)
