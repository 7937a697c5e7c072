"""Which numbers do we publish? Every product metric, declared once.

The values are read from the database at scrape time, so they are right however many web and worker
processes run; whoever reads them hands them to `family` as `Sample` or `HistogramSample`. Two rules
keep Prometheus' `increase()` honest. A counter or histogram counts events, never rows in their
present state: it must not fall when a run is retried or an old row is deleted. And a labelled
counter is published with 0 before its first event, or that first event is not seen. No label ever
names a tenant. Read next: `ops/prometheus/alerts.yml`, which says when a number wakes somebody up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class MetricSpec:
    name: str
    kind: Kind
    documentation: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds without +Inf, which is always there."""


@dataclass(frozen=True)
class Sample:
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True)
class HistogramSample:
    labels: tuple[str, ...]
    bucket_counts: tuple[int, ...]
    """Cumulative, one for each bucket of the declaration and the last for +Inf."""
    sum: float


AUTOFIX_ATTEMPTS = MetricSpec(
    "autofix_attempts_total",
    "counter",
    "Attempts to heal a failed step, counted when their outcome is known.",
    ("signal_type", "strategy", "outcome"),
)
AUTOFIX_BACKOFF = MetricSpec(
    "autofix_backoff_seconds",
    "histogram",
    "How long an attempt waited before it acted.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300),
)
AUTOFIX_REPLANS = MetricSpec("autofix_replans_total", "counter", "Plan deltas that auto-fix applied to a run.")
AUTOFIX_SUCCESS_RATIO = MetricSpec(
    "autofix_success_ratio",
    "gauge",
    "Episodes that ended verified without a person, over all that ended in the last 24 hours; absent while none ended.",
)
AUTOFIX_STRATEGY = MetricSpec(
    "autofix_strategy_attempts",
    "gauge",
    "Attempts of the last 24 h by strategy and what came of them: tried, abstained, proposed, verified, and so on.",
    ("strategy", "stage"),
)
AUTOFIX_CIRCUITS_OPEN = MetricSpec(
    "autofix_circuits_open",
    "gauge",
    "Upstream hosts and fixers that are left alone now because they failed time after time.",
    ("kind",),
)
APPROVAL_REQUESTS = MetricSpec(
    "approval_requests_total",
    "counter",
    "Gates by what happened to them: each counts once as pending when it opens "
    "and once more under the status it ends in.",
    ("kind", "status"),
)
APPROVAL_PENDING = MetricSpec("approval_pending", "gauge", "Gates that wait for a person now.")
APPROVAL_WAIT = MetricSpec(
    "approval_wait_seconds",
    "histogram",
    "From the opening of a gate to its end.",
    buckets=(30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800),
)
RUN_DURATION = MetricSpec(
    "run_duration_seconds",
    "histogram",
    "From the start of a run to its end, waiting included.",
    ("status",),
    (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200),
)
RUNS = MetricSpec("runs_total", "counter", "Runs that ended, by the status they ended in.", ("status",))
STEP_DURATION = MetricSpec(
    "step_duration_seconds",
    "histogram",
    "How long one execution of a step took.",
    ("kind", "status"),
    (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
QUEUE_DEPTH = MetricSpec("queue_depth", "gauge", "Queue entries that are due and not taken yet.")
QUEUE_OLDEST = MetricSpec(
    "queue_oldest_seconds",
    "gauge",
    "How long the oldest due queue entry has been overdue; 0 when the queue is empty.",
)
WORKER_LEASES = MetricSpec("worker_leases", "gauge", "Runs that a worker holds now by a lease that has not run out.")
SANDBOX_LEVEL = MetricSpec(
    "sandbox_level",
    "gauge",
    "Isolation of steps, the weakest worker's: from 3, all of it (bubblewrap), to 0, none.",
)
ALL: tuple[MetricSpec, ...] = (
    AUTOFIX_ATTEMPTS,
    AUTOFIX_BACKOFF,
    AUTOFIX_REPLANS,
    AUTOFIX_SUCCESS_RATIO,
    AUTOFIX_STRATEGY,
    AUTOFIX_CIRCUITS_OPEN,
    APPROVAL_REQUESTS,
    APPROVAL_PENDING,
    APPROVAL_WAIT,
    RUN_DURATION,
    RUNS,
    STEP_DURATION,
    QUEUE_DEPTH,
    QUEUE_OLDEST,
    WORKER_LEASES,
    SANDBOX_LEVEL,
)


def family(spec: MetricSpec, samples: Iterable[Sample | HistogramSample]) -> Metric:
    """Without samples, an unlabelled counter or histogram stands at zero and a gauge is absent."""
    rows = list(samples) or _zero(spec)
    for row in rows:
        _check(spec, row)
    if spec.kind == "histogram":
        return _histogram(spec, [row for row in rows if isinstance(row, HistogramSample)])
    return _plain(spec, [row for row in rows if isinstance(row, Sample)])


def _zero(spec: MetricSpec) -> list[Sample | HistogramSample]:
    if spec.labels or spec.kind == "gauge":
        return []
    if spec.kind == "counter":
        return [Sample((), 0)]
    return [HistogramSample((), (0,) * (len(spec.buckets) + 1), 0)]


def _check(spec: MetricSpec, row: Sample | HistogramSample) -> None:
    if isinstance(row, HistogramSample) != (spec.kind == "histogram"):
        raise ValueError(f"{spec.name} is a {spec.kind}; a {type(row).__name__} does not fit.")
    if len(row.labels) != len(spec.labels):
        raise ValueError(f"{spec.name} has the labels {spec.labels}, got values {row.labels}.")
    if isinstance(row, HistogramSample):
        _check_buckets(spec, row.bucket_counts)


def _check_buckets(spec: MetricSpec, counts: tuple[int, ...]) -> None:
    if len(counts) != len(spec.buckets) + 1:
        raise ValueError(f"{spec.name} has {len(spec.buckets)} buckets and +Inf, got {len(counts)} counts.")
    if list(counts) != sorted(counts):
        raise ValueError(f"{spec.name}: bucket counts are cumulative, got {counts}.")


def _plain(spec: MetricSpec, rows: Sequence[Sample]) -> Metric:
    make = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
    metric = make(spec.name, spec.documentation, labels=spec.labels)
    for row in rows:
        metric.add_metric(row.labels, row.value)
    return metric


def _histogram(spec: MetricSpec, rows: Sequence[HistogramSample]) -> Metric:
    metric = HistogramMetricFamily(spec.name, spec.documentation, labels=spec.labels)
    bounds = [*(str(float(bound)) for bound in spec.buckets), "+Inf"]
    for row in rows:
        metric.add_metric(row.labels, list(zip(bounds, row.bucket_counts, strict=True)), row.sum)
    return metric
