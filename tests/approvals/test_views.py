"""Gates over HTTP: list, show, approve, reject."""

import pytest

from approvals.models import GateStatus
from metabuilder.runs.states import RunStatus
from tests.conftest import BASE
from tests.factories import PATCH, GateFactory, RunFactory

pytestmark = pytest.mark.django_db
FIELDS = {
    "id",
    "run_id",
    "step",
    "kind",
    "reason",
    "status",
    "signal",
    "patch",
    "verified",
    "required_approvals",
    "decisions",
    "expires_at",
    "created_at",
}


@pytest.fixture
def gate(tenant):
    return GateFactory(run=RunFactory(tenant=tenant, status=RunStatus.PAUSED_AWAITING_APPROVAL))


def test_a_gate_shows_what_is_asked(api, gate):
    body = api("viewer").get(f"{BASE}/approvals/{gate.pk}").json()
    assert set(body) >= FIELDS
    assert (body["patch"], body["status"], body["decisions"]) == (PATCH, "pending", [])
    assert body["signal"]["type"] == "security"


def test_a_list_is_filtered_and_can_have_open_gates_first(api, tenant, gate):
    GateFactory(run=RunFactory(tenant=tenant), status=GateStatus.REJECTED, kind="unknown")
    client = api("viewer")
    for query in (
        "status=pending",
        "kind=security",
        f"run={gate.run_id}",
        "tenant=acme&status=pending",
    ):
        found = client.get(f"{BASE}/approvals?{query}").json()["results"]
        assert [row["id"] for row in found] == [str(gate.pk)], query
    first = client.get(f"{BASE}/approvals?pending_first=true&page_size=1").json()
    second = client.get(first["next"]).json()
    assert [first["results"][0]["status"], second["results"][0]["status"]] == ["pending", "rejected"]
    assert second["next"] is None


def test_a_runs_escalation_has_its_gates_open_ones_first(api, gate):
    old = GateFactory(run=gate.run, status=GateStatus.APPROVED)
    body = api("viewer").get(f"{BASE}/runs/{gate.run_id}/escalation").json()
    assert set(body) == {"run_id", "status", "gates"}
    assert [row["id"] for row in body["gates"]] == [str(gate.pk), str(old.pk)]


@pytest.mark.parametrize("body", [None, {}, {"comment": None}, {"comment": "fine", "patch": ""}])
def test_an_approval_lets_the_run_go_on(api, gate, body):
    answer = api("approver").post(f"{BASE}/approvals/{gate.pk}/approve", body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "approved"
    assert answer.json()["decisions"][0]["actor"] == "approver-person"
    gate.run.refresh_from_db()
    assert gate.run.status == RunStatus.QUEUED


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize("text", ["", '{"comment": "no"}'])
def test_a_rejection_ends_the_run(api, gate, text, content_type):
    path = f"{BASE}/approvals/{gate.pk}/reject"
    answer = api("approver").generic("POST", path, text, content_type=content_type)
    assert answer.json()["status"] == "rejected"
    gate.run.refresh_from_db()
    assert (gate.run.status, gate.run.failure["reason"]) == (
        RunStatus.FAILED,
        "rejected by approver-person",
    )


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_decided_gate_says_by_whom_and_when(api, gate, verb):
    api("approver").post(f"{BASE}/approvals/{gate.pk}/approve")
    answer = api("admin").post(f"{BASE}/approvals/{gate.pk}/{verb}")
    assert answer.status_code == 409
    gate.refresh_from_db()
    assert "already approved by approver-person at " in answer.json()["detail"]
    assert f"{gate.decided_at:%Y-%m-%d %H:%M:%S}" in answer.json()["detail"]


def test_a_persons_patch_takes_the_place_of_the_proposal(api, gate, monkeypatch):
    monkeypatch.setattr("metabuilder.runs.workspaces.text_at_rest", lambda run, path: "import os\nx = 1\n")
    patch = PATCH.replace("import sys", "import re")
    answer = api("approver").post(f"{BASE}/approvals/{gate.pk}/approve", {"patch": patch})
    assert answer.status_code == 200, answer.content
    assert answer.json()["patch"] == patch
    assert answer.json()["revisions"][0]["author"] == "approver-person"


@pytest.mark.parametrize(
    "patch",
    [
        "rubbish",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n",
        "--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n",
        PATCH.replace("app.py", ".git/config"),
        "x" * ((1 << 20) + 1),
        "a\0b",
    ],
)
def test_what_is_no_patch_is_refused_and_decides_nothing(api, gate, patch):
    answer = api("approver").post(f"{BASE}/approvals/{gate.pk}/approve", {"patch": patch})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "patch"
    gate.refresh_from_db()
    assert gate.status == GateStatus.PENDING


@pytest.mark.parametrize("body", [{"verdict": "approved"}, {"comment": {"a": 1}}, []])
def test_a_body_that_is_none_is_refused(api, gate, body):
    answer = api("approver").post(f"{BASE}/approvals/{gate.pk}/approve", body)
    assert answer.status_code == 400


def test_nothing_is_decided_by_looking(api, gate):
    assert api("approver").get(f"{BASE}/approvals/{gate.pk}/approve").status_code == 405
