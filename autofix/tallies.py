"""How are rows counted for a metric? Grouped by its labels and its buckets, in one query each."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Count, Expression, F, Q, QuerySet, Sum

from metabuilder.metrics import HistogramSample, MetricSpec, Sample


def counted(rows: QuerySet[Any], labels: Sequence[str], usual: Iterable[tuple[str, ...]]) -> list[Sample]:
    """Count rows by labels; those that are usual stand at 0 before their first event."""
    found = rows.order_by().values_list(*labels).annotate(rows=Count("pk"))
    values = dict.fromkeys(usual, 0) | {tuple(row[:-1]): row[-1] for row in found}
    return [Sample(names, value) for names, value in values.items()]


def histogram(
    spec: MetricSpec, rows: QuerySet[Any], labels: Sequence[str], length: Expression | F | Any
) -> list[HistogramSample]:  # Any: a difference of two expressions
    """Count rows by labels and bucket, in one query; a length is in seconds or a duration."""
    sized = rows.order_by().annotate(length=length)
    is_duration = sized.query.annotations["length"].output_field.get_internal_type() == "DurationField"
    bounds = [timedelta(seconds=bound) if is_duration else bound for bound in spec.buckets]
    figures: dict[str, Any] = {f"b{n}": Count("pk", filter=Q(length__lte=bound)) for n, bound in enumerate(bounds)}
    figures |= {"all": Count("pk"), "sum": Sum("length")}
    found = sized.values(*labels).annotate(**figures) if labels else [sized.aggregate(**figures)]
    return [_sample(row, labels, len(bounds)) for row in found if row["all"]]


def _sample(
    row: dict[str, Any], labels: Sequence[str], buckets: int
) -> HistogramSample:  # Any: the columns of an aggregate
    total = row["sum"].total_seconds() if isinstance(row["sum"], timedelta) else row["sum"]
    counts = tuple(row[f"b{n}"] for n in range(buckets))
    names = tuple(str(row[label]) for label in labels)
    return HistogramSample(names, (*counts, row["all"]), float(total))
