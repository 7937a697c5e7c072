"""Who may do what, as a table: each line an endpoint, each column a role."""

import pytest

from tests.conftest import BASE
from tests.factories import GateFactory, RunFactory, StepFactory
from tests.runs.archives import zip_of

ROLES = ("anonymous", "other", "viewer", "operator", "approver", "admin", "platform")
NOBODY = "00000000-0000-4000-8000-000000000000"
ARCHIVE = zip_of("a.py", b"x = 1\n")
GIT = {"git_url": "https://git.example/shop.git"}
# Method, path, body, and the status for each of ROLES.
MATRIX = [
    ("get", "/tenants/acme", None, (401, 404, 200, 200, 200, 200, 200)),
    ("post", "/tenants", {"slug": "new", "name": "New"}, (401, 403, 403, 403, 403, 403, 201)),
    ("patch", "/tenants/acme", {"name": "A"}, (401, 404, 403, 403, 403, 200, 200)),
    ("get", "/tenants/acme/settings", None, (401, 404, 200, 200, 200, 200, 200)),
    ("post", "/tenants/acme/settings", {}, (401, 404, 403, 403, 403, 200, 200)),
    ("put", "/tenants/acme/settings", {}, (401, 404, 403, 403, 403, 200, 200)),
    ("patch", "/tenants/acme/settings", {}, (401, 404, 403, 403, 403, 200, 200)),
    ("get", "/runs", None, (401, 200, 200, 200, 200, 200, 200)),
    ("post", "/runs", {"tenant": "acme", "source": GIT}, (401, 404, 403, 201, 201, 201, 201)),
    ("post", "/uploads?tenant=acme", ARCHIVE, (401, 404, 403, 201, 201, 201, 201)),
    ("get", "/runs/{run}", None, (401, 404, 200, 200, 200, 200, 200)),
    ("post", "/runs/{run}/cancel", None, (401, 404, 403, 200, 200, 200, 200)),
    ("post", "/runs/{failed}/retry", None, (401, 404, 403, 200, 200, 200, 200)),
    ("get", "/runs/{run}/settings", None, (401, 404, 200, 200, 200, 200, 200)),
    ("post", "/runs/{run}/settings", {}, (401, 404, 403, 200, 200, 200, 200)),
    ("put", "/runs/{run}/settings", {}, (401, 404, 403, 200, 200, 200, 200)),
    ("patch", "/runs/{run}/settings", {}, (401, 404, 403, 200, 200, 200, 200)),
    ("get", "/runs/{run}/autofix", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/runs/{run}/plan-delta", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/runs/{run}/escalation", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/runs/{run}/logs", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/runs/{run}/diff", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/runs/{run}/events", None, (401, 404, 200, 200, 200, 200, 200)),
    ("get", "/approvals", None, (401, 200, 200, 200, 200, 200, 200)),
    ("get", "/approvals/{gate}", None, (401, 404, 200, 200, 200, 200, 200)),
    ("post", "/approvals/{gate}/approve", None, (401, 404, 403, 403, 200, 200, 200)),
    ("post", "/approvals/{gate}/reject", None, (401, 404, 403, 403, 200, 200, 200)),
    (
        "post",
        "/classify-failure",
        {"step_name": "test", "logs": "boom"},
        (401, 200, 200, 200, 200, 200, 200),
    ),
    ("get", "/tokens", None, (401, 200, 200, 200, 200, 200, 200)),
    ("post", "/tokens", None, (401, 201, 201, 201, 201, 201, 201)),
]
CASES = [
    pytest.param((method, path, body), role, status, id=f"{role} {method} {path}")
    for method, path, body, statuses in MATRIX
    for role, status in zip(ROLES, statuses, strict=True)
]


@pytest.fixture(autouse=True)
def no_files_left(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ids(tenant) -> dict[str, object]:
    paused = RunFactory(tenant=tenant, status="paused_awaiting_approval")
    failed = RunFactory(tenant=tenant, status="failed")
    StepFactory(run=paused)
    return {"run": paused.pk, "failed": failed.pk, "gate": GateFactory(run=paused).pk}


def ask(client, method: str, path: str, body: object):
    if isinstance(body, bytes):
        return client.generic(method, f"{BASE}{path}", body, content_type="application/zip")
    return getattr(client, method)(f"{BASE}{path}", body)


@pytest.mark.parametrize(("request_", "role", "status"), CASES)
def test_the_table_of_roles_holds(api, ids, request_, role, status):
    method, path, body = request_
    answer = ask(api(role), method, path.format(**ids), body)
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize(("method", "path", "body"), [row[:3] for row in MATRIX if "{" in row[1]])
def test_another_tenants_object_is_missing_byte_for_byte(api, ids, method, path, body):
    client = api("other")
    theirs = ask(client, method, path.format(**ids), body)
    none = ask(client, method, path.format(run=NOBODY, failed=NOBODY, gate=NOBODY), body)
    malformed = ask(client, method, path.format(run="x", failed="x", gate="x"), body)
    assert theirs.status_code == none.status_code == malformed.status_code == 404
    assert theirs.content == none.content == malformed.content


def test_a_refusal_names_the_role_that_is_needed(api, ids):
    answer = api("viewer").post(f"{BASE}/approvals/{ids['gate']}/approve")
    assert "role 'approver' in tenant 'acme'" in answer.json()["detail"]


def test_lists_hold_no_rows_of_other_tenants(api, ids):
    client = api("other")
    for path in ("/runs", "/approvals", f"/runs?tenant=acme&project={NOBODY}", "/approvals?tenant=acme"):
        assert client.get(f"{BASE}{path}").json()["results"] == []


def test_a_member_of_nothing_may_classify_nothing(api, member):
    client = api("viewer")
    member("operator").memberships.all().delete()
    type(member("approver").memberships.first()).objects.all().delete()
    answer = client.post(f"{BASE}/classify-failure", {"step_name": "x", "logs": "y"})
    assert answer.status_code == 403
