"""What is old goes in small steps, the run itself stays, and nobody stumbles over what is gone."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ, Task

from metabuilder.runs import log_files, logs, retention
from metabuilder.runs.models import LogChunk, Run, RunEvent, StepExecution, Upload
from metabuilder.runs.retention import Deadline
from metabuilder.runs.states import RunStatus
from tenants.models import IdempotencyRecord
from tests.approvals.test_gates import at_once
from tests.conftest import BASE
from tests.console import console
from tests.factories import (
    AttemptFactory,
    LogChunkFactory,
    ProjectFactory,
    RunFactory,
    StepExecutionFactory,
    StepFactory,
    TenantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def ended(tenant, days: int, status: str = "failed", chunks: int = 2, **values) -> Run:
    """A run that ended so many days ago, with one execution and its log."""
    run = RunFactory(tenant=tenant, status=status, **values)
    execution = StepExecutionFactory(step=StepFactory(run=run), status="failed", duration_seconds=1)
    for _ in range(chunks):
        LogChunkFactory(execution=execution)
    if status in {"failed", "succeeded", "cancelled"}:
        Run.objects.filter(pk=run.pk).update(finished_at=Now() - timedelta(days=days))
    return run


def is_whole(run: Run) -> bool:
    run.refresh_from_db()
    kept = run.executions.exists() and LogChunk.objects.filter(execution__run=run).exists()
    assert kept == (run.pruned_at is None)
    return kept


def upload(tenant, days: int) -> Upload:
    made = Upload(tenant=tenant, name="shop", size_bytes=1)
    made.file.save("shop.zip", ContentFile(b"x"), save=False)
    made.save()
    Upload.objects.filter(pk=made.pk).update(created_at=Now() - timedelta(days=days))
    return made


def built_from(made: Upload, days: int, status: str = "succeeded") -> Run:
    project = ProjectFactory(tenant=made.tenant, source_kind="upload", location=str(made.pk))
    return ended(made.tenant, days, status, project=project)


def test_logs_and_executions_of_a_run_go_some_time_after_its_end(tenant):
    old, young = ended(tenant, 91), ended(tenant, 89)
    retention.remove_old()
    assert (is_whole(old), is_whole(young)) == (False, True)
    assert RunEvent.objects.get(kind="retention").message == "its logs and executions were removed, older than 90 days"


def test_a_tenant_keeps_its_runs_as_long_as_it_says(tenant):
    brief, patient = TenantFactory(retention_days=2), TenantFactory(retention_days=400)
    runs = [ended(brief, 3), ended(patient, 399), ended(patient, 401), ended(tenant, 3)]
    retention.remove_old()
    assert [is_whole(run) for run in runs] == [False, True, False, True]


@pytest.mark.parametrize("status", sorted(set(RunStatus) - {"failed", "succeeded", "cancelled"}))
def test_a_run_that_is_not_over_keeps_everything(tenant, status):
    run = ended(tenant, 500, status)
    Run.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(days=500))
    retention.remove_old()
    assert is_whole(run)


def test_a_batch_is_never_larger_than_it_may_be_and_the_next_goes_on_with_it(tenant, monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 5)
    runs = [ended(tenant, 100, chunks=4) for _ in range(2)]
    sizes = []
    while not sizes or sizes[-1]:
        left = LogChunk.objects.count() + StepExecution.objects.count()
        retention.prune_runs(None)
        sizes.append(left - LogChunk.objects.count() - StepExecution.objects.count())
    assert sizes == [5, 5, 0]
    assert [is_whole(run) for run in runs] == [False, False]


def test_without_time_nothing_is_begun(tenant):
    run = ended(tenant, 100)
    assert set(retention.remove_old(Deadline(0)).values()) == {0}
    assert is_whole(run)


def test_a_second_time_there_is_nothing_left_to_do(tenant):
    ended(tenant, 100)
    assert retention.remove_old()["rows of ended runs"] == 4
    assert set(retention.remove_old().values()) == {0}


@pytest.mark.django_db(transaction=True)
def test_two_nodes_at_once_do_it_once(monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 7)
    runs = [ended(TenantFactory(), 100) for _ in range(12)]
    assert at_once(retention.remove_old, retention.remove_old) == [None, None]
    retention.remove_old()  # what one node had locked the other has passed over
    assert not any(is_whole(run) for run in runs)
    assert RunEvent.objects.filter(kind="retention").count() == 12


def test_attempts_stay_and_their_pages_are_shown(tenant, member, api):
    run = ended(tenant, 100)
    attempt = AttemptFactory(execution=run.executions.get())
    retention.remove_old()
    attempt.refresh_from_db()
    assert attempt.execution is None
    page = console(member("viewer")).get(f"/admin/runs/run/{run.pk}/change/?tab=timeline").content.decode()
    assert "its log was too old to be kept" in page
    timeline = api("viewer").get(f"{BASE}/runs/{run.pk}/autofix")
    assert [row["number"] for row in timeline.json()["attempts"]] == [1]


def test_the_page_says_that_the_logs_are_gone(tenant, member):
    run = ended(tenant, 100)
    retention.remove_old()
    page = console(member("viewer")).get(f"/admin/runs/run/{run.pk}/change/?tab=logs").content.decode()
    assert "The logs of this run were removed." in page
    assert "100 days after it ended" in page


@pytest.mark.parametrize("query", ["", "?tail=5", "?offset=3", "?step={step}", "?execution={execution}"])
def test_the_api_says_that_the_logs_are_gone(tenant, api, query):
    run = ended(tenant, 100)
    url = f"{BASE}/runs/{run.pk}/logs" + query.format(step=run.steps.get().name, execution=run.executions.get().pk)
    client = api("viewer")
    assert client.get(url).json()["removed_at"] is None
    retention.remove_old()
    body = client.get(url).json()
    run.refresh_from_db()
    assert (body["text"], body["eof"], body["executions"]) == ("", True, [])
    assert body["removed_at"].startswith(f"{run.pruned_at:%Y-%m-%dT%H:%M:%S}")
    text = client.get(url, headers={"accept": "text/plain"}).getvalue().decode()
    assert text == f"The logs of this run were removed on {run.pruned_at:%Y-%m-%d}, 100 days after it ended.\n"


@pytest.fixture
def large(tenant, settings) -> StepExecution:
    """An old execution whose log is in the storage."""
    settings.LOG_ROWS_LIMIT = 10
    execution = ended(tenant, 100).executions.get()
    StepExecution.objects.filter(pk=execution.pk).update(log_characters=18)
    execution.refresh_from_db()
    logs.archive(execution)
    return execution


def stored_logs() -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT, "logs").rglob("*") if path.is_file()]


def test_a_log_in_the_storage_goes_too(large):
    before = stored_logs()
    retention.remove_old()
    assert len(set(before) - set(stored_logs())) == 1
    assert not is_whole(large.run)


class BrokenStorage:
    def delete(self, name: str) -> None:
        raise OSError("the storage is away")


def test_while_the_storage_is_away_only_the_runs_with_something_in_it_wait(tenant, large, monkeypatch):
    other = ended(tenant, 100)
    with monkeypatch.context() as away:
        away.setattr(log_files, "default_storage", BrokenStorage())
        assert retention.remove_old()["large logs"] == 0
    assert not is_whole(other)
    large.run.refresh_from_db()
    assert large.run.pruned_at is None
    retention.remove_old()
    assert not is_whole(large.run)


def test_an_upload_goes_with_its_file_once_no_run_needs_it(tenant):
    unused, young = upload(tenant, 91), upload(tenant, 89)
    of_old, of_young, of_waiting = (upload(tenant, 100) for _ in range(3))
    built_from(of_old, 95)
    built_from(of_young, 5)
    built_from(of_waiting, 0, "paused_awaiting_approval")
    assert retention.remove_old()["uploads"] == 2
    assert set(Upload.objects.all()) == {young, of_young, of_waiting}
    files = [Path(made.file.path).exists() for made in (unused, of_old, young, of_young, of_waiting)]
    assert files == [False, False, True, True, True]


def test_answers_messages_and_results_are_not_kept_for_ever():
    now = timezone.now()
    for days in (0, 2):
        record = IdempotencyRecord.objects.create(user=UserFactory(), key="k", request_digest="d")
        IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=now - timedelta(days=days))
        OrmQ.objects.create(key="k", payload="", lock=now - timedelta(days=days))
    OrmQ.objects.create(key="k", payload="", lock=now + timedelta(days=7))
    for days in (80, 100):
        moment = now - timedelta(days=days)
        Task.objects.create(id=f"{days}", name="t", func="f", started=moment, stopped=moment, success=True)
    found = retention.remove_old()
    assert (found["answers"], found["messages"], found["results"]) == (1, 1, 1)
    assert (IdempotencyRecord.objects.count(), OrmQ.objects.count(), Task.objects.get().id) == (1, 2, "80")


def test_it_asks_the_database_for_the_time(tenant, monkeypatch):
    run = ended(tenant, 80)
    monkeypatch.setattr(timezone, "now", lambda: Run.objects.get().finished_at + timedelta(days=999))
    retention.remove_old()
    assert is_whole(run)
