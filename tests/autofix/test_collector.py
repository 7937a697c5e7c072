"""The product's numbers, as Prometheus sees them."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from approvals.models import Gate
from autofix import collector
from autofix.models import Attempt
from metabuilder import metrics
from metabuilder.runs.models import Plan, Run
from metabuilder.runs.transitions import note
from tests.factories import (
    AttemptFactory,
    EpisodeFactory,
    GateFactory,
    RunFactory,
    StepExecutionFactory,
)

pytestmark = pytest.mark.django_db


def value(name: str, **labels: str) -> float | None:
    collector.COLLECTOR.forget()
    return collector.PRODUCT.get_sample_value(name, labels)


def test_every_declared_metric_is_read():
    assert set(collector.READERS) == set(metrics.ALL)


def test_the_page_parses_and_is_open_to_anybody(client):
    text = client.get("/metrics").content.decode()
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"autofix_attempts", "runs", "queue_depth", "autofix_backoff_seconds"} <= names
    assert "django_http_requests_before_middlewares" in names
    assert "tenant" not in generate_latest(collector.PRODUCT).decode()


def test_attempts_are_counted_and_stand_at_zero_before():
    labels = {"signal_type": "lint", "strategy": "patch", "outcome": "patch_applied"}
    assert value("autofix_attempts_total", **labels) == 0
    AttemptFactory()
    assert value("autofix_attempts_total", **labels) == 1


def test_backoffs_are_counted_in_buckets():
    for seconds in (0.2, 3.0, 400.0):
        AttemptFactory(strategy="retry", backoff_seconds=1, actual_backoff_seconds=seconds)
    AttemptFactory(backoff_seconds=0, actual_backoff_seconds=0.01)
    buckets = [value("autofix_backoff_seconds_bucket", le=le) for le in ("0.1", "0.25", "5.0", "+Inf")]
    assert buckets == [0, 1, 2, 3]
    assert value("autofix_backoff_seconds_sum") == pytest.approx(403.2)


def test_replans_are_the_plan_versions_after_the_first():
    run = RunFactory()
    for version in (1, 2, 3):
        Plan.objects.create(run=run, version=version, document={})
    assert value("autofix_replans_total") == 2


def test_the_success_ratio_is_of_episodes_that_ended_lately():
    assert value("autofix_success_ratio") is None
    now = timezone.now()
    for outcome in ("healed", "healed", "healed_by_person", "given_up", "cancelled"):
        EpisodeFactory(ended_at=now, outcome=outcome)
    EpisodeFactory(ended_at=now - timedelta(days=2), outcome="given_up")
    EpisodeFactory()
    assert value("autofix_success_ratio") == 0.5


def test_gates_count_when_they_open_and_once_more_when_they_end():
    opened = timezone.now() - timedelta(minutes=4)
    GateFactory()
    ended = GateFactory(status="approved", decided_at=opened + timedelta(seconds=200))
    Gate.objects.filter(pk=ended.pk).update(created_at=opened)
    assert value("approval_requests_total", kind="security", status="pending") == 2
    assert value("approval_requests_total", kind="security", status="approved") == 1
    assert value("approval_requests_total", kind="policy", status="rejected") == 0
    assert value("approval_pending") == 1
    assert value("approval_wait_seconds_bucket", le="60.0") == 0
    assert value("approval_wait_seconds_bucket", le="300.0") == 1
    assert value("approval_wait_seconds_sum") == pytest.approx(200)


def test_a_run_that_is_retried_has_ended_twice():
    run = RunFactory(started_at=timezone.now() - timedelta(seconds=90))
    for status in ("failed", "succeeded"):
        note(run, "status", status, old_status="running", new_status=status)
    assert value("runs_total", status="failed") == 1
    assert value("runs_total", status="succeeded") == 1
    assert value("runs_total", status="cancelled") == 0
    assert value("run_duration_seconds_bucket", status="failed", le="60.0") == 0
    assert value("run_duration_seconds_bucket", status="failed", le="120.0") == 1
    assert value("run_duration_seconds_sum", status="failed") == pytest.approx(90, abs=5)


def test_executions_are_counted_by_kind_and_status():
    StepExecutionFactory(status="passed", duration_seconds=0.3, finished_at=timezone.now())
    labels = {"kind": "test", "status": "passed"}
    assert value("step_duration_seconds_bucket", le="0.1", **labels) == 0
    assert value("step_duration_seconds_bucket", le="0.5", **labels) == 1


def test_only_due_entries_are_in_the_queue():
    now = timezone.now()
    OrmQ.objects.create(key="metabuilder", payload="", lock=now - timedelta(seconds=30))
    OrmQ.objects.create(key="metabuilder", payload="", lock=now + timedelta(hours=1))
    assert value("queue_depth") == 1
    assert value("queue_oldest_seconds") == pytest.approx(30, abs=5)


def test_live_leases_are_counted():
    now = timezone.now()
    RunFactory(status="running", lease_until=now + timedelta(minutes=1))
    RunFactory(status="running", lease_until=now - timedelta(minutes=1))
    assert value("worker_leases") == 1


def test_the_weakest_sandbox_is_shown():
    StepExecutionFactory(sandbox_level="bubblewrap")
    assert value("sandbox_level") == 3
    StepExecutionFactory(sandbox_level="none")
    assert value("sandbox_level") == 0


def test_the_number_of_queries_does_not_grow_with_the_rows(django_assert_num_queries):
    with django_assert_num_queries(len(metrics.ALL) + 7):
        collector.read_all()
    for _ in range(3):
        AttemptFactory()
    with django_assert_num_queries(len(metrics.ALL) + 7):
        collector.read_all()


def test_values_are_kept_for_some_seconds():
    assert value("worker_leases") == 0
    Run.objects.all().delete()
    RunFactory(status="running", lease_until=timezone.now() + timedelta(minutes=1))
    assert collector.PRODUCT.get_sample_value("worker_leases") == 0


def test_without_a_database_the_page_still_has_the_rest(client, monkeypatch):
    def broken() -> None:
        raise OperationalError("gone")

    monkeypatch.setitem(collector.READERS, metrics.RUNS, broken)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b"python_info" in answer.content
    assert b"runs_total" not in answer.content
    assert Attempt.objects.count() == 0
