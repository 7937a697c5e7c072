"""A counter goes on counting what is not there any more, and counts nothing twice."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from autofix import collector, rollups
from autofix.models import MetricRollup
from metabuilder import metrics
from metabuilder.runs.models import RunEvent, StepExecution
from metabuilder.runs.transitions import note
from tests.approvals.test_gates import at_once
from tests.factories import RunFactory, StepExecutionFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def executed(seconds: float, ago: timedelta = HOUR, status: str = "passed") -> StepExecution:
    made = StepExecutionFactory(status=status, duration_seconds=seconds)
    StepExecution.objects.filter(pk=made.pk).update(finished_at=Now() - ago)
    return made


def ended(status: str, ago: timedelta = HOUR) -> None:
    run = RunFactory(started_at=timezone.now() - ago - timedelta(seconds=90))
    event = note(run, "status", "ended", old_status="running", new_status=status)
    RunEvent.objects.filter(pk=event.pk).update(created_at=Now() - ago)


def shown() -> dict[tuple, float]:
    """Every number of the two metrics and of the runs, sums rounded."""
    families = [metrics.RUN_DURATION, metrics.STEP_DURATION, metrics.RUNS]
    read = [metrics.family(spec, collector.READERS[spec]()) for spec in families]
    return {
        (sample.name, *sorted(sample.labels.items())): round(sample.value, 1)
        for family in read
        for sample in family.samples
    }


@pytest.fixture
def history(db) -> dict[tuple, float]:
    for seconds in (0.05, 0.3, 7.0, 5000.0):
        executed(seconds)
        executed(seconds, timedelta(0), "failed")
    executed(0.2, timedelta(0))
    for status in ("succeeded", "succeeded", "failed"):
        ended(status)
    ended("failed", timedelta(0))
    found = shown()
    assert found["step_duration_seconds_count", ("kind", "test"), ("status", "passed")] == 5
    assert found["runs_total", ("status", "failed")] == 2
    return found


def test_rolling_up_changes_no_number(history):
    assert rollups.roll_up() == 4 + 3
    assert shown() == history


def test_a_second_time_only_what_is_new_is_added():
    executed(0.3)
    ended("failed")
    assert rollups.roll_up() == 2
    executed(0.3, timedelta(minutes=30))
    ended("cancelled", timedelta(minutes=30))
    grown = shown()
    assert rollups.roll_up() == 2
    assert rollups.roll_up() == 0
    assert shown() == grown
    assert grown["runs_total", ("status", "cancelled")] == 1


def test_what_is_rolled_up_may_go_and_every_number_stays(history):
    rollups.roll_up()
    StepExecution.objects.filter(finished_at__lt=Now() - HOUR / 2).delete()
    RunEvent.objects.filter(created_at__lt=Now() - HOUR / 2).delete()
    assert (StepExecution.objects.count(), RunEvent.objects.count()) == (5, 1)
    assert shown() == history


def test_what_ended_just_now_waits_for_transactions_that_are_still_open():
    executed(1.0, timedelta(minutes=9))
    ended("failed", timedelta(minutes=9))
    assert rollups.roll_up() == 0
    late = executed(1.0, timedelta(minutes=11))
    assert rollups.roll_up() == 1
    assert late.pk


def test_a_reader_between_the_rollup_and_the_rows_sees_each_once(history, monkeypatch):
    """A scrape has read how far the rollup goes; then another node rolls up; then it reads the rows."""
    sources = dict(rollups.SOURCES)

    class Slow(rollups.Source):
        def samples(self, after, until=None):
            if until is None and after == 0:
                rollups.roll_up_one(sources[self.spec])
            return super().samples(after, until)

    slow = {spec: Slow(**vars(source)) for spec, source in sources.items()}
    with monkeypatch.context() as patched:
        patched.setattr(rollups, "SOURCES", slow)
        assert shown() == history
    assert MetricRollup.objects.filter(labels=rollups.MARK, count__gt=0).count() == 2
    assert shown() == history


@pytest.mark.django_db(transaction=True)
def test_two_nodes_at_once_add_each_row_once():
    for seconds in (0.3, 7.0):
        executed(seconds)
    ended("failed")
    before = shown()
    assert at_once(rollups.roll_up, rollups.roll_up) == [None, None]
    assert shown() == before
    assert MetricRollup.objects.exclude(labels=rollups.MARK).count() == 2


def test_a_scrape_reads_only_the_rows_of_the_last_minutes(history):
    rollups.roll_up()
    mark = MetricRollup.objects.get(metric="step_duration_seconds", labels=rollups.MARK).count
    assert rollups.ended_executions(mark, None).count() == 5
    mark = MetricRollup.objects.get(metric="run_duration_seconds", labels=rollups.MARK).count
    assert rollups.ended_runs(mark, None).count() == 1
