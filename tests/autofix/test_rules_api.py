"""A tenant's own rules: written by its admins, used from the next failure on, tried before they are stored."""

import pytest

from autofix import rulebooks
from autofix.models import TenantRule
from tests.conftest import BASE
from tests.factories import AttemptFactory, LogChunkFactory, RunFactory, StepExecutionFactory, StepFactory

pytestmark = pytest.mark.django_db
URL = f"{BASE}/tenants/acme/rules"
RULE = {
    "name": "license-server",
    "type": "infra",
    "detail": "licence",
    "pattern": r"no seat left on (?P<subject>\S+)",
    "message": "No seat is left on {subject}",
    "example": "fatal: no seat left on lic-7",
}
ROW = {"signal": RULE["type"], **{name: value for name, value in RULE.items() if name != "type"}}
LOG = "checking\nfatal: no seat left on lic-7\nE   assert 1 == 2\n"


def failed_attempt(tenant, log: str = LOG):
    run = RunFactory(tenant=tenant, status="failed")
    step = StepFactory(run=run, kind="test")
    execution = StepExecutionFactory(step=step, status="failed", exit_code=1, log_characters=len(log))
    LogChunkFactory(execution=execution, text=log)
    return AttemptFactory(execution=execution, signal="test_assert", detail="", rule="pytest-assertion")


def test_a_rule_is_written_listed_changed_and_removed(api, tenant):
    admin = api("admin")
    made = admin.post(URL, RULE, format="json")
    assert made.status_code == 201, made.content
    rule = made.json()
    assert (rule["name"], rule["severity"], rule["enabled"]) == ("license-server", "medium", True)
    assert api("viewer").get(URL).json()["results"] == [rule]
    changed = admin.patch(f"{URL}/{rule['id']}", {"enabled": False, "detail": "seats"}, format="json").json()
    assert (changed["enabled"], changed["detail"]) == (False, "seats")
    assert rulebooks.of_tenant(tenant) == ()
    assert admin.delete(f"{URL}/{rule['id']}").status_code == 204
    assert admin.get(f"{URL}/{rule['id']}").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_only_an_admin_may_write_one(api, tenant, role):
    assert api(role).post(URL, RULE, format="json").status_code == 403
    row = TenantRule.objects.create(tenant=tenant, **ROW)
    assert api(role).patch(f"{URL}/{row.pk}", {"enabled": False}, format="json").status_code == 403
    assert api(role).delete(f"{URL}/{row.pk}").status_code == 403
    assert TenantRule.objects.get().enabled


def test_another_tenants_rules_are_not_there(api, tenant, other_tenant):
    row = TenantRule.objects.create(tenant=other_tenant, **ROW)
    admin = api("admin")
    assert admin.get(URL).json()["results"] == []
    assert admin.get(f"{URL}/{row.pk}").status_code == 404
    assert admin.patch(f"{URL}/{row.pk}", {"enabled": False}, format="json").status_code == 404
    assert admin.get(f"{BASE}/tenants/{other_tenant.slug}/rules").status_code == 404
    assert rulebooks.of_tenant(tenant) == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pattern": "(a"}, "pattern"),
        ({"pattern": ".*", "message": "x"}, "pattern"),
        ({"example": "nothing"}, "example"),
        ({"type": "weather"}, "type"),
        ({"message": "{who}"}, "message"),
        ({"name": "a b"}, "name"),
        ({"confidence": 2}, "confidence"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_rule_is_refused_by_its_field_and_nothing_is_stored(api, tenant, change, field):
    answer = api("admin").post(URL, {**RULE, **change}, format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not TenantRule.objects.exists()


def test_a_name_is_given_once_and_there_is_an_end_to_them(api, tenant, monkeypatch):
    admin = api("admin")
    admin.post(URL, RULE, format="json")
    again = admin.post(URL, RULE, format="json")
    assert (again.status_code, again.json()["errors"][0]["field"]) == (400, "name")
    monkeypatch.setattr(rulebooks, "MOST_RULES", 1)
    assert admin.post(URL, {**RULE, "name": "one-more"}, format="json").status_code == 409


def test_the_same_key_makes_one_rule(api, tenant):
    admin, key = api("admin"), {"idempotency-key": "k1"}
    first = admin.post(URL, RULE, format="json", headers=key)
    assert admin.post(URL, RULE, format="json", headers=key).json() == first.json()
    assert TenantRule.objects.count() == 1


def test_a_rule_is_tried_on_a_log_without_being_stored(api, tenant):
    body = api("viewer").post(f"{URL}/try", {"rule": RULE, "logs": LOG, "exit_code": 1}, format="json").json()
    assert (body["before"]["type"], body["after"]["type"], body["is_changed"]) == ("test_assert", "infra", True)
    assert body["after"]["message"] == "No seat is left on lic-7"
    assert not TenantRule.objects.exists()
    bad = api("viewer").post(f"{URL}/try", {"rule": {**RULE, "pattern": "("}, "logs": LOG}, format="json")
    assert bad.json()["errors"][0]["field"] == "rule.pattern"


def test_stored_rules_are_tried_where_none_is_given(api, tenant):
    TenantRule.objects.create(tenant=tenant, **ROW)
    body = api("viewer").post(f"{URL}/try", {"logs": LOG}, format="json").json()
    assert (body["before"]["type"], body["after"]["rule"]) == ("test_assert", "license-server")


def test_it_shows_which_of_the_last_failures_would_change(api, tenant, other_tenant):
    attempt = failed_attempt(tenant)
    failed_attempt(tenant, "E   assert 1 == 2\n")
    failed_attempt(other_tenant)
    body = api("viewer").post(f"{URL}/preview", RULE, format="json").json()
    assert body["looked_at"] == 2
    (change,) = body["changes"]
    assert change["attempt_id"] == str(attempt.pk)
    assert change["before"]["type"] == "test_assert"
    assert change["after"] == {
        "type": "infra",
        "detail": "licence",
        "rule": "license-server",
        "message": "No seat is left on lic-7",
    }


def test_a_rule_that_does_not_hold_any_more_stops_no_other(tenant, caplog):
    TenantRule.objects.create(tenant=tenant, **ROW)
    TenantRule.objects.create(tenant=tenant, **{**ROW, "name": "broken", "pattern": "("})
    assert [rule.id for rule in rulebooks.of_tenant(tenant)] == ["license-server"]
    assert "Rule broken" in caplog.text


def test_the_admin_refuses_what_the_classifier_could_not_use(client, tenant, django_user_model):
    boss = django_user_model.objects.create_superuser("boss", password="x")
    client.force_login(boss)
    page = "/admin/autofix/tenantrule/add/"
    values = {**ROW, "tenant": str(tenant.pk), "enabled": "on", "severity": "medium", "confidence": "0.9"}
    refused = client.post(page, {**values, "pattern": "("})
    assert "It is no pattern of RE2" in refused.content.decode()
    assert client.post(page, values).status_code == 302
    row = TenantRule.objects.get()
    assert (row.name, row.created_by) == ("license-server", boss)


def test_a_worker_sees_a_new_rule_within_some_seconds(tenant, monkeypatch):
    assert rulebooks.recent_of_tenant(tenant) == ()
    TenantRule.objects.create(tenant=tenant, **ROW)
    assert rulebooks.recent_of_tenant(tenant) == ()  # asked a moment ago
    monkeypatch.setattr(rulebooks, "KNOWN_SECONDS", 0.0)
    assert [rule.id for rule in rulebooks.recent_of_tenant(tenant)] == ["license-server"]
