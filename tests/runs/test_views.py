"""Runs over HTTP: start, list, show, stop, restart, and what they put out."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from metabuilder.runs import turns
from metabuilder.runs.models import Run, Upload
from metabuilder.runs.states import RunStatus
from tests.conftest import BASE
from tests.factories import (
    AttemptFactory,
    EpisodeFactory,
    GateFactory,
    LogChunkFactory,
    RunFactory,
    StepExecutionFactory,
    StepFactory,
    TenantFactory,
)
from tests.runs.archives import member, tar_of, zip_of

pytestmark = pytest.mark.django_db
GIT = {"git_url": "https://git.example/shop.git"}
PLAN = {"steps": [{"name": "lint", "run": "ruff check ."}, {"name": "test", "run": "pytest"}]}
FIELDS = {
    "id",
    "tenant",
    "status",
    "plan_version",
    "steps",
    "settings",
    "created_at",
    "started_at",
    "finished_at",
    "failure",
    "urls",
}


@pytest.fixture
def failing(tenant):
    """A run whose step failed twice, with output."""
    run = RunFactory(tenant=tenant, title="nightly", status=RunStatus.FAILED)
    step = StepFactory(run=run, name="test", status="failed")
    for number in (1, 2):
        execution = StepExecutionFactory(step=step, status="failed", number=number)
        for part in ("first\n", "second\n", "third\n"):
            LogChunkFactory(execution=execution, text=f"{number} {part}")
    return run


def test_a_run_is_made_and_queued(api, tenant):
    order = {"tenant": "acme", "source": GIT, "plan": PLAN, "title": "nightly", "ref": "main"}
    order["settings"] = {"max_total_attempts": 5, "autofix_enabled": None}
    answer = api("operator").post(f"{BASE}/runs", order)
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) >= FIELDS
    assert (body["status"], body["tenant"], body["plan_version"]) == ("queued", str(tenant.pk), 1)
    assert body["steps"][0] == {"name": "lint", "kind": "lint", "status": "pending", "attempts": 0}
    assert body["settings"]["max_total_attempts"] == 5
    assert body["settings"]["sources"]["max_total_attempts"] == "run"
    assert [str(pk) for pk in turns.next_runs(5)] == [body["id"]]


def test_the_answer_to_making_a_run_is_that_to_asking_for_it(api, tenant):
    client = api("operator")
    made = client.post(f"{BASE}/runs", {"tenant": str(tenant.pk), "source": GIT}).json()
    assert client.get(made["urls"]["self"]).json() == made
    assert client.get(made["urls"]["logs"]).status_code == 200


def test_a_list_is_newest_first_in_pages_and_costs_the_same_for_more_rows(api, tenant, django_assert_max_num_queries):
    runs = [RunFactory(tenant=tenant) for _ in range(5)]
    StepFactory(run=runs[0])
    client = api("viewer")
    client.get(f"{BASE}/runs")
    with django_assert_max_num_queries(12):
        first = client.get(f"{BASE}/runs?page_size=3").json()
    second = client.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == [str(run.pk) for run in reversed(runs)]
    assert (first["previous"], second["next"]) == (None, None)


def test_a_list_is_filtered(api, tenant):
    old = RunFactory(tenant=tenant, title="Nightly build", status=RunStatus.FAILED)
    RunFactory(tenant=tenant)
    Run.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    day = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    client = api("viewer")
    for query in (
        "status=failed",
        "status=failed&status=cancelled",
        "search=nightly",
        f"created_before={day}",
        f"project={old.project_id}",
        f"tenant=acme&created_before={day}",
        f"tenant={tenant.pk}&status=failed",
    ):
        found = client.get(f"{BASE}/runs?{query}").json()["results"]
        assert [row["id"] for row in found] == [str(old.pk)], query
    assert client.get(f"{BASE}/runs?tenant=none").json()["results"] == []


def test_cancelling_closes_what_is_open(api, tenant):
    run = RunFactory(tenant=tenant, status=RunStatus.PAUSED_AWAITING_APPROVAL)
    gate = GateFactory(run=run)
    attempt = AttemptFactory(execution__step__run=run, gate=gate, state="awaiting")
    answer = api("operator").post(f"{BASE}/runs/{run.pk}/cancel")
    assert answer.json()["status"] == "cancelled"
    for row in (gate, attempt, attempt.episode):
        row.refresh_from_db()
    assert gate.status == "cancelled"
    assert attempt.state == "finished"
    assert attempt.episode.outcome == "cancelled"


def test_what_is_over_cannot_be_cancelled(api, failing):
    answer = api("operator").post(f"{BASE}/runs/{failing.pk}/cancel")
    assert answer.status_code == 409
    assert "failed" in answer.json()["detail"]


def test_a_failed_run_starts_again_from_its_failed_step(api, tenant, failing):
    StepFactory(run=failing, name="lint", status="passed", position=0)
    EpisodeFactory(step=failing.steps.get(name="test"))
    Run.objects.filter(pk=failing.pk).update(failure={"type": "lint"})
    body = api("operator").post(f"{BASE}/runs/{failing.pk}/retry").json()
    assert body["status"] == "queued"
    assert body["failure"] is None
    assert {step["name"]: step["status"] for step in body["steps"]} == {
        "lint": "passed",
        "test": "pending",
    }
    failing.refresh_from_db()
    assert failing.round == 2
    assert failing.finished_at is None


def test_a_run_that_is_not_over_cannot_start_again(api, tenant):
    run = RunFactory(tenant=tenant)
    assert api("operator").post(f"{BASE}/runs/{run.pk}/retry").status_code == 409


def logs(client, run, query: str = "", **headers):
    return client.get(f"{BASE}/runs/{run.pk}/logs{query}", headers=headers)


WHOLE = (
    "=== test (execution 1) ===\n1 first\n1 second\n1 third\n\n=== test (execution 2) ===\n2 first\n2 second\n2 third\n"
)


def test_the_output_of_a_run_is_all_its_executions_in_order(api, failing):
    body = logs(api("viewer"), failing).json()
    assert body["text"] == WHOLE
    assert (body["offset"], body["next_offset"], body["eof"]) == (0, len(WHOLE), True)
    second = body["executions"][1]
    assert WHOLE[second["offset"] :] == "2 first\n2 second\n2 third\n"
    assert second["step"] == "test"


@pytest.mark.parametrize("limit", [1, 7, 26, 27, 1000])
def test_pages_of_output_put_together_are_the_whole(api, failing, limit):
    client, text, offset, eof = api("viewer"), "", 0, False
    while not eof:
        body = logs(client, failing, f"?offset={offset}&limit={limit}").json()
        text, offset, eof = text + body["text"], body["next_offset"], body["eof"]
    assert text == WHOLE


def test_one_execution_is_shown_as_it_was_written(api, failing):
    last = failing.executions.get(number=2)
    body = logs(api("viewer"), failing, f"?execution={last.pk}").json()
    assert body["text"] == "2 first\n2 second\n2 third\n"


@pytest.mark.parametrize(("lines", "text"), [(1, "2 third\n"), (2, "2 second\n2 third\n"), (99, WHOLE)])
def test_the_tail_is_the_last_lines(api, failing, lines, text):
    client = api("viewer")
    body = logs(client, failing, f"?tail={lines}&step=test").json()
    assert body["text"] == text
    assert body["offset"] == len(WHOLE) - len(text)
    plain = logs(client, failing, f"?tail={lines}", accept="text/plain")
    assert plain.getvalue().decode() == text


@pytest.mark.parametrize(("query", "headers"), [("", {"accept": "text/plain"}), ("?format=txt", {})])
def test_output_comes_as_plain_text_that_no_browser_takes_for_a_page(api, failing, query, headers):
    answer = logs(api("viewer"), failing, query, **headers)
    assert answer.getvalue().decode() == WHOLE
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_output_of_a_run_that_goes_on_has_no_end_yet(api, tenant):
    step = StepFactory(run=RunFactory(tenant=tenant, status=RunStatus.RUNNING))
    LogChunkFactory(execution=StepExecutionFactory(step=step))
    assert logs(api("viewer"), step.run).json()["eof"] is False


def test_a_big_log_is_read_chunk_by_chunk(api, tenant, django_assert_max_num_queries):
    execution = StepExecutionFactory(step=StepFactory(run=RunFactory(tenant=tenant, status="failed")))
    for number in range(300):
        LogChunkFactory(execution=execution, sequence=number, offset=number * 100, text=f"{number:99d}\n")
    client = api("viewer")
    logs(client, execution.run)
    with django_assert_max_num_queries(14):
        body = logs(client, execution.run, f"?execution={execution.pk}&offset=29850&limit=50").json()
    assert body["text"] == f"{298:99d}\n"[50:]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?step=none", 404),
        ("?execution=00000000-0000-4000-8000-000000000000", 404),
        ("?execution=x", 400),
        ("?tail=0", 400),
        ("?offset=-1", 400),
        ("?limit=2000000", 400),
        ("?step=%00", 400),
    ],
)
def test_a_question_about_output_that_makes_no_sense_is_refused(api, failing, query, status):
    assert logs(api("viewer"), failing, query).status_code == status
    assert logs(api("viewer"), failing, query, accept="text/plain").status_code == status


def test_the_diff_is_the_runs_whole_change(api, tenant):
    run = RunFactory(tenant=tenant, diff="--- a/x\n+++ b/x\n")
    answer = api("viewer").get(f"{BASE}/runs/{run.pk}/diff", headers={"accept": "application/json"})
    assert answer.content == b"--- a/x\n+++ b/x\n"
    assert answer["Content-Type"] == "text/x-diff; charset=utf-8"


def test_events_come_in_order(api, tenant):
    client = api("operator")
    run = client.post(f"{BASE}/runs", {"tenant": "acme", "source": GIT}).json()
    client.post(run["urls"]["cancel"])
    events = client.get(run["urls"]["events"]).json()["results"]
    assert [event["new_status"] for event in events] == ["queued", "cancelled"]
    assert events[1]["actor"] == "operator-person"


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def test_an_archive_is_uploaded_as_it_is_and_built_from(api, tenant, media):
    client = api("operator")
    content = tar_of(member("shop/a.py"))
    answer = client.generic(
        "POST",
        f"{BASE}/uploads?tenant=acme&name=shop.tar.gz",
        content,
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 201, answer.content
    upload = Upload.objects.get(pk=answer.json()["id"])
    assert upload.file.read() == content
    assert upload.file.name.endswith(".tar.gz")
    order = {"tenant": "acme", "source": {"upload": str(upload.pk)}}
    assert client.post(f"{BASE}/runs", order).status_code == 201


def test_an_archive_is_uploaded_by_a_form(api, tenant, media):
    file = SimpleUploadedFile("shop.zip", zip_of("a.py", b"x = 1\n"))
    answer = api("operator").post(f"{BASE}/uploads?tenant=acme", {"file": file}, format="multipart")
    assert answer.status_code == 201, answer.content
    assert answer.json()["name"] == "shop.zip"


def test_an_upload_with_a_key_happens_once(api, tenant, media):
    client = api("operator")
    archive = zip_of("a.py", b"x = 1\n")
    for _ in range(2):
        client.generic("POST", f"{BASE}/uploads?tenant=acme", archive, headers={"Idempotency-Key": "k"})
    assert Upload.objects.count() == 1


@pytest.mark.parametrize(
    ("query", "content", "status"),
    [
        ("?tenant=acme", b"not an archive", 400),
        ("?tenant=acme", b"", 411),
        ("", b"PK", 400),
        ("?tenant=nobody", b"PK", 404),
    ],
)
@pytest.mark.usefixtures("tenant", "media")
def test_what_is_no_upload_is_refused(api, query, content, status):
    answer = api("operator").generic("POST", f"{BASE}/uploads{query}", content)
    assert answer.status_code == status
    assert Upload.objects.count() == 0


def test_another_tenants_upload_cannot_be_built(api, tenant, media):
    theirs = Upload.objects.create(tenant=TenantFactory(), file="x.zip", name="x", size_bytes=1)
    order = {"tenant": "acme", "source": {"upload": str(theirs.pk)}}
    assert api("operator").post(f"{BASE}/runs", order).status_code == 400


def test_a_tenant_whose_queue_is_full_is_told_when_to_come_again(api, tenant):
    tenant.max_queued_runs = 2
    tenant.save()
    client = api("operator")
    order = {"tenant": "acme", "source": GIT, "plan": PLAN}
    assert [client.post(f"{BASE}/runs", order).status_code for _ in range(3)] == [201, 201, 429]
    refused = client.post(f"{BASE}/runs", order)
    assert (refused.headers["Retry-After"], refused.json()["status"]) == ("30", 429)
    assert "Acme has as many runs waiting as it may" in refused.json()["detail"]
    assert Run.objects.count() == 2


def test_a_service_whose_queue_is_full_says_so_to_everybody(api, tenant, settings):
    settings.MAX_QUEUED_RUNS = 1
    client = api("operator")
    order = {"tenant": "acme", "source": GIT, "plan": PLAN}
    assert client.post(f"{BASE}/runs", order).status_code == 201
    refused = client.post(f"{BASE}/runs", order)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")


def test_a_batch_run_says_so(api, tenant):
    order = {"tenant": "acme", "source": GIT, "plan": PLAN, "priority": "batch"}
    assert api("operator").post(f"{BASE}/runs", order).status_code == 201
    assert Run.objects.get().priority == 0
    refused = api("operator").post(f"{BASE}/runs", {**order, "priority": "person"})
    assert refused.json()["errors"][0]["field"] == "priority"
