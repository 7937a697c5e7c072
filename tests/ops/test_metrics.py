"""What a Prometheus server sees of the declarations in `metabuilder.metrics`."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest, parser
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics import parser as openmetrics_parser

from metabuilder import metrics
from metabuilder.metrics import HistogramSample, MetricSpec, Sample, family

# The promise to the outside world, written out again on purpose: renaming a metric breaks people.
CONTRACT = {
    "autofix_attempts_total": ("counter", ("signal_type", "strategy", "outcome")),
    "autofix_backoff_seconds": ("histogram", ()),
    "autofix_replans_total": ("counter", ()),
    "autofix_success_ratio": ("gauge", ()),
    "approval_requests_total": ("counter", ("kind", "status")),
    "approval_pending": ("gauge", ()),
    "approval_wait_seconds": ("histogram", ()),
    "run_duration_seconds": ("histogram", ("status",)),
    "runs_total": ("counter", ("status",)),
    "step_duration_seconds": ("histogram", ("kind", "status")),
    "queue_depth": ("gauge", ()),
    "queue_oldest_seconds": ("gauge", ()),
    "worker_leases": ("gauge", ()),
}
ADDED = {
    "sandbox_level": ("gauge", ()),
    "autofix_circuits_open": ("gauge", ("kind",)),
    "autofix_strategy_attempts": ("gauge", ("strategy", "stage")),
}


def example(spec: MetricSpec) -> Sample | HistogramSample:
    labels = tuple(f"some_{label}" for label in spec.labels)
    if spec.kind == "histogram":
        return HistogramSample(labels, tuple(range(1, len(spec.buckets) + 2)), 12.5)
    return Sample(labels, 7)


class EveryMetric:
    """A collector as the product has one, with one sample for each metric."""

    def collect(self):
        return [family(spec, [example(spec)]) for spec in metrics.ALL]


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(EveryMetric())
    return made


def wire_name(parsed) -> str:
    """The text parser takes `_total` off a counter's family name, not off its samples."""
    return f"{parsed.name}_total" if parsed.type == "counter" else parsed.name


def test_every_declared_metric_is_in_the_contract():
    declared = {spec.name: (spec.kind, spec.labels) for spec in metrics.ALL}
    assert declared == CONTRACT | ADDED


def test_the_exposition_text_parses_and_keeps_names_and_types(registry):
    text = generate_latest(registry).decode()
    parsed = {wire_name(one): one.type for one in parser.text_string_to_metric_families(text)}
    assert parsed == {name: kind for name, (kind, _) in (CONTRACT | ADDED).items()}


def test_the_openmetrics_text_parses_too(registry):
    text = exposition.generate_latest(registry).decode()
    parsed = list(openmetrics_parser.text_string_to_metric_families(text))
    assert len(parsed) == len(metrics.ALL)


def test_a_histogram_publishes_buckets_count_and_sum(registry):
    bounds = [*metrics.AUTOFIX_BACKOFF.buckets, float("inf")]
    families = parser.text_string_to_metric_families(generate_latest(registry).decode())
    backoff = next(one for one in families if one.name == "autofix_backoff_seconds")
    buckets = [sample for sample in backoff.samples if sample.name.endswith("_bucket")]
    assert [float(sample.labels["le"]) for sample in buckets] == bounds
    assert registry.get_sample_value("autofix_backoff_seconds_count") == len(bounds)
    assert registry.get_sample_value("autofix_backoff_seconds_sum") == 12.5


def test_no_label_names_a_tenant_or_one_run():
    labels = {label for spec in metrics.ALL for label in spec.labels}
    assert not {label for label in labels if "tenant" in label or label.endswith("_id")}


def test_every_metric_is_declared_once_and_explains_itself():
    constants = [value for value in vars(metrics).values() if isinstance(value, MetricSpec)]
    assert sorted(constants, key=lambda spec: spec.name) == sorted(metrics.ALL, key=lambda spec: spec.name)
    assert all(spec.documentation.endswith(".") for spec in metrics.ALL)


def test_buckets_rise_and_only_histograms_have_them():
    for spec in metrics.ALL:
        assert bool(spec.buckets) == (spec.kind == "histogram"), spec.name
        assert list(spec.buckets) == sorted(set(spec.buckets)), spec.name


@pytest.mark.parametrize(
    ("spec", "first", "last"),
    [(metrics.AUTOFIX_BACKOFF, 0.1, 300), (metrics.RUN_DURATION, 1, 7200)],
    ids=lambda value: getattr(value, "name", value),
)
def test_buckets_span_what_the_settings_allow(spec, first, last):
    assert (spec.buckets[0], spec.buckets[-1]) == (first, last)


def test_an_unlabelled_counter_or_histogram_stands_at_zero_before_its_first_event():
    assert [one.value for one in family(metrics.AUTOFIX_REPLANS, []).samples] == [0]
    assert {one.value for one in family(metrics.APPROVAL_WAIT, []).samples} == {0}


def test_a_gauge_without_a_value_is_absent_rather_than_zero():
    assert family(metrics.AUTOFIX_SUCCESS_RATIO, []).samples == []


BACKOFF = HistogramSample((), (0,) * 16, 0)


@pytest.mark.parametrize(
    ("spec", "sample", "message"),
    [
        (metrics.RUNS, Sample((), 1), "labels"),
        (metrics.RUNS, Sample(("succeeded", "acme"), 1), "labels"),
        (metrics.RUNS, HistogramSample(("succeeded",), (1,), 1), "is a counter"),
        (metrics.AUTOFIX_BACKOFF, Sample((), 1), "is a histogram"),
        (metrics.AUTOFIX_BACKOFF, replace(BACKOFF, bucket_counts=(1, 2)), "15 buckets"),
        (metrics.AUTOFIX_BACKOFF, replace(BACKOFF, bucket_counts=(1, *[0] * 15)), "cumulative"),
    ],
    ids=["label missing", "label too many", "histogram", "number", "buckets", "not cumulative"],
)
def test_values_that_do_not_fit_are_refused(spec, sample, message):
    with pytest.raises(ValueError, match=message):
        family(spec, [sample])


def test_the_module_imports_no_app_and_no_django():
    tree = ast.parse(Path(metrics.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert {name.split(".")[0] for name in imported} == {
        "collections",
        "dataclasses",
        "prometheus_client",
        "typing",
    }
