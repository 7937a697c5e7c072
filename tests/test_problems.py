"""How bad requests are answered: always a problem, never a page, a traceback or a shrug."""

import json
import threading

import pytest
from django.core.cache import cache
from django.db import connection
from rest_framework.test import APIClient

from metabuilder.runs.models import Run
from tenants.api import CallerThrottle
from tenants.idempotency import TAKEN_FOR_DEAD
from tenants.models import ApiToken, IdempotencyRecord
from tests.conftest import BASE
from tests.factories import GateFactory, RunFactory

pytestmark = pytest.mark.django_db
GIT = {"git_url": "https://git.example/shop.git"}
ORDER = {"tenant": "acme", "source": GIT}


def is_problem(answer, status: int) -> dict:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    return body


def send(client, path: str, text: str | bytes, content_type: str = "application/json"):
    return client.generic("POST", f"{BASE}{path}", text, content_type=content_type)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("", "tenant: This field is required."),
        ("a=b", "not valid JSON"),
        ('{"tenant": NaN}', "NaN"),
        ('{"tenant": -Infinity}', "Infinity"),
        ('{"tenant": 1e999}', "too large"),
        ('{"tenant": "a", "tenant": "b"}', "there twice"),
        (b'{"tenant": "\xff"}', "not UTF-8"),
        ("[" * 100 + "]" * 100, "nested too deeply"),
        ("[" * 200_000, "nested too deeply"),
        ("[]", "Expected a dictionary"),
        ("1", "Expected a dictionary"),
        ("null", "No data provided"),
        ('{"\\ud800": 1}', "cannot be shown"),
        ('{"tenant": ' + "9" * 5000 + "}", "not valid JSON"),
    ],
)
def test_what_is_no_json_object_is_refused_in_words(api, tenant, text, says):
    assert says in is_problem(send(api("operator"), "/runs", text), 400)["detail"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenant": None}, "tenant"),
        ({"source": {}}, "source"),
        ({"source": "here"}, "source"),
        ({"source": GIT | {"path": "/x"}}, "source"),
        ({"source": {"upload": "x"}}, "source.upload"),
        ({"source": {"upload": "0b0e9a4c-6f6f-4a64-9f0f-3a2b1c0d9e8f"}}, "source.upload"),
        ({"source": {"path": "/etc"}}, "source.path"),
        ({"source": {"git_url": "file:///etc"}}, "source.git_url"),
        ({"source": {"git_url": "--upload-pack=x"}}, "source.git_url"),
        ({"ref": "--output=x"}, "ref"),
        ({"status": "succeeded"}, "status"),
        ({"settings": {"max_total_attempts": 21}}, "settings.max_total_attempts"),
        ({"settings": {"max_total_attempts": 0}}, "settings.max_total_attempts"),
        ({"settings": {"max_total_attempts": True}}, "settings.max_total_attempts"),
        ({"settings": {"autofix_enabled": "perhaps"}}, "settings.autofix_enabled"),
        ({"settings": {"backoff_cap_seconds": 301}}, "settings.backoff_cap_seconds"),
        (
            {"settings": {"max_total_attempts": 2, "max_per_step_attempts": 3}},
            "settings.max_per_step_attempts",
        ),
        ({"settings": {"limit": 3}}, "settings.limit"),
        ({"plan": {}}, "plan.steps"),
        ({"plan": []}, "plan"),
        ({"plan": {"steps": []}}, "plan.steps"),
        ({"plan": {"steps": [{"name": "a", "run": " "}]}}, "plan.steps.0.run"),
        ({"plan": {"steps": [{"name": "a", "run": "x", "kid": 1}]}}, "plan.steps.0.kid"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "\ud800"}, "title"),
    ],
)
def test_a_run_that_cannot_be_is_refused_by_field(api, tenant, change, field):
    body = is_problem(send(api("operator"), "/runs", json.dumps(ORDER | change)), 400)
    assert body["errors"][0]["field"] == field
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "nonsense"],
)
def test_a_json_body_is_taken_whatever_its_content_type_says(api, tenant, content_type):
    answer = send(api("operator"), "/runs", json.dumps(ORDER), content_type)
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("path", ["/runs", "/classify-failure", "/uploads?tenant=acme"])
def test_a_body_that_is_too_large_is_refused_unread(api, tenant, path):
    client = api("operator")
    headers = {"CONTENT_LENGTH": str(1 << 40)}
    is_problem(client.generic("POST", f"{BASE}{path}", b"{}", **headers), 413)


@pytest.mark.parametrize("path", ["/runs", "/approvals/{gate}/approve"])
def test_a_body_of_unknown_length_is_refused_rather_than_taken_for_empty(api, tenant, path):
    gate = GateFactory(run=RunFactory(tenant=tenant, status="paused_awaiting_approval"))
    address = f"{BASE}{path.format(gate=gate.pk)}"
    client = api("approver")
    is_problem(client.generic("POST", address, headers={"Transfer-Encoding": "chunked"}), 411)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("delete", "/runs"),
        ("get", "/approvals/00000000-0000-4000-8000-000000000000/approve"),
        ("put", "/tokens"),
        ("get", "/classify-failure"),
    ],
)
def test_a_wrong_method_is_405(api, method, path):
    answer = getattr(api("viewer"), method)(f"{BASE}{path}")
    is_problem(answer, 405)
    assert answer["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "/runs/1", "/runs/", "/runs/..%2f..", "/runs/" + "0" * 32])
def test_an_address_that_is_none_is_404(api, path):
    is_problem(api("viewer").get(f"{BASE}{path}"), 404)


@pytest.mark.parametrize(
    "query",
    [
        "status=odd",
        "created_after=yesterday",
        "project=1",
        "cursor=x",
        "cursor=cD1ub25zZW5zZQ==",
        "cursor=cD0A",
        "tenant=%00",
        "search=%00",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(api, query):
    is_problem(api("viewer").get(f"{BASE}/runs?{query}"), 400)


def test_an_error_of_our_own_is_500_and_says_nothing_of_its_inside(api, tenant, monkeypatch):
    def broken(*args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("autofix.control.start_run", broken)
    answer = api("operator").post(f"{BASE}/runs", ORDER)
    is_problem(answer, 500)
    assert b"secret" not in answer.content


def test_a_caller_in_a_hurry_is_slowed_down(api, monkeypatch):
    cache.clear()
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"caller": "2/min"})
    client = api("viewer")
    answers = [client.get(f"{BASE}/runs") for _ in range(3)]
    cache.clear()
    is_problem(answers[-1], 429)
    assert int(answers[-1]["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/runs/{run}/cancel", "/runs/{run}/retry"])
def test_a_key_is_not_taken_where_no_body_is(api, tenant, path):
    run = RunFactory(tenant=tenant)
    answer = api("operator").post(f"{BASE}{path.format(run=run.pk)}", {"force": True})
    assert is_problem(answer, 400)["errors"][0]["field"] == "force"


def test_the_same_key_and_request_get_the_same_answer_and_one_run(api, tenant):
    client = api("operator")
    answers = [client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"}) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Run.objects.count() == 1


def test_the_same_key_for_another_request_is_refused(api, tenant):
    client = api("operator")
    client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"})
    other = client.post(f"{BASE}/runs", ORDER | {"title": "t"}, headers={"Idempotency-Key": "k"})
    is_problem(other, 422)


def test_a_refused_request_leaves_its_key_free(api, tenant):
    client = api("operator")
    bad = client.post(f"{BASE}/runs", {"tenant": "acme"}, headers={"Idempotency-Key": "k"})
    good = client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"})
    assert (bad.status_code, good.status_code) == (400, 201)


def test_a_key_that_is_being_worked_on_is_409_until_its_request_is_dead(api, tenant):
    client = api("operator")
    client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"})
    IdempotencyRecord.objects.update(status=None)
    waiting = client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"})
    is_problem(waiting, 409)
    assert waiting["Retry-After"]
    record = IdempotencyRecord.objects.get()
    IdempotencyRecord.objects.update(created_at=record.created_at - TAKEN_FOR_DEAD)
    assert client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"}).status_code == 201


def test_a_stored_answer_keeps_no_token(api):
    client = api("viewer")
    first = client.post(f"{BASE}/tokens", {}, headers={"Idempotency-Key": "k"}).json()
    again = client.post(f"{BASE}/tokens", {}, headers={"Idempotency-Key": "k"}).json()
    assert again == first | {"token": None}
    assert first["token"] not in json.dumps(IdempotencyRecord.objects.get().body)


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_that_is_none_is_refused(api, tenant, key):
    answer = api("operator").post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": key})
    assert is_problem(answer, 400)["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_decide_at_once_one_decides(api, tenant, member):
    run = RunFactory(tenant=tenant, status="paused_awaiting_approval")
    gate = GateFactory(run=run)
    clients = [api("approver"), api("admin")]
    answers, start = [], threading.Barrier(2)

    def decide(client: APIClient, verb: str) -> None:
        start.wait()
        answers.append(client.post(f"{BASE}/approvals/{gate.pk}/{verb}"))
        connection.close()

    verbs = ("approve", "reject")
    threads = [threading.Thread(target=decide, args=pair) for pair in zip(clients, verbs, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert gate.votes.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_equal_requests_at_once_one_makes_a_run(api, tenant):
    api("operator")
    token = ApiToken.objects.create(user=ApiToken.objects.get().user)[1]
    answers, start = [], threading.Barrier(4)

    def order() -> None:
        client = APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {token}")
        start.wait()
        answers.append(client.post(f"{BASE}/runs", ORDER, headers={"Idempotency-Key": "k"}))
        connection.close()

    threads = [threading.Thread(target=order) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert Run.objects.count() == 1
