"""Tenants and tokens over HTTP."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tenants.models import ApiToken, Tenant
from tests.conftest import BASE
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db


def test_a_list_shows_only_ones_own_tenants_with_ones_role(api):
    client = api("operator")
    TenantFactory(slug="hidden")
    body = client.get(f"{BASE}/tenants").json()
    assert set(body) == {"next", "previous", "results"}
    assert [(one["slug"], one["role"]) for one in body["results"]] == [("acme", "operator")]


def test_a_tenant_is_found_by_id_and_by_slug(api, tenant):
    client = api("viewer")
    by_id, by_slug = (client.get(f"{BASE}/tenants/{name}") for name in (tenant.pk, "acme"))
    assert by_id.json() == by_slug.json()
    assert by_id.json()["id"] == str(tenant.pk)


def test_a_platform_admin_makes_a_tenant(api):
    answer = api("platform").post(f"{BASE}/tenants", {"slug": "new", "name": "New"})
    assert answer.status_code == 201
    assert Tenant.objects.filter(slug="new", name="New").exists()


@pytest.mark.parametrize("slug", ["acme", "not a slug", "0b0e9a4c-6f6f-4a64-9f0f-3a2b1c0d9e8f"])
def test_a_slug_that_is_taken_or_none_is_refused(api, tenant, slug):
    answer = api("platform").post(f"{BASE}/tenants", {"slug": slug, "name": "New"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "slug"


def test_an_admin_changes_a_tenant(api, tenant):
    answer = api("admin").patch(f"{BASE}/tenants/acme", {"protected_paths": ["infra/**"]})
    assert answer.status_code == 200
    assert answer.json()["protected_paths"] == ["infra/**"]


@pytest.mark.parametrize("key", ["slug", "id", "members", "autofix_enabled"])
def test_what_may_not_be_changed_is_refused_by_name(api, tenant, key):
    answer = api("admin").patch(f"{BASE}/tenants/acme", {key: "x"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0] == {
        "field": key,
        "code": "unknown",
        "detail": "This key is not taken here; taken are name, allow_network, protected_paths.",
    }


def test_a_token_is_shown_once_and_works_with_both_prefixes(api, tenant):
    made = api("viewer").post(f"{BASE}/tokens", {"name": "ci"}).json()
    for prefix in ("Bearer", "Token", "bearer"):
        client = APIClient(HTTP_AUTHORIZATION=f"{prefix} {made['token']}")
        listed = client.get(f"{BASE}/tokens").json()["results"]
        assert made["key"] in [one["key"] for one in listed]
        assert not any("token" in one for one in listed)


def test_a_revoked_token_is_worth_nothing(api):
    client = api("viewer")
    made = client.post(f"{BASE}/tokens").json()
    assert client.delete(f"{BASE}/tokens/{made['key']}").status_code == 204
    answer = APIClient(HTTP_AUTHORIZATION=f"Bearer {made['token']}").get(f"{BASE}/tokens")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_nobody_revokes_or_sees_somebody_elses_token(api):
    api("admin")
    theirs = ApiToken.objects.get(user__username="admin-person")
    client = api("viewer")
    assert client.delete(f"{BASE}/tokens/{theirs.token_key}").status_code == 404
    assert len(client.get(f"{BASE}/tokens").json()["results"]) == 1


def test_a_token_limited_to_a_tenant_sees_and_makes_nothing_outside_it(api, tenant):
    elsewhere = TenantFactory(slug="elsewhere")
    client = api("platform", tenant=tenant)
    assert [one["slug"] for one in client.get(f"{BASE}/tenants").json()["results"]] == ["acme"]
    assert client.get(f"{BASE}/tenants/{elsewhere.pk}").status_code == 404
    assert client.post(f"{BASE}/tenants", {"slug": "x", "name": "x"}).status_code == 403
    assert client.post(f"{BASE}/tokens").json()["tenant"] == str(tenant.pk)
    assert client.post(f"{BASE}/tokens", {"tenant": "elsewhere"}).status_code == 404


@pytest.mark.parametrize(
    "credentials",
    ["Bearer", "Bearer a b", "Bearer nonsense", "Bearer " + "x" * 5000, "Bearer \xff\xfe", "Bearer %00"],
)
def test_what_is_no_token_is_401_and_a_problem(db, credentials):
    answer = APIClient(HTTP_AUTHORIZATION=credentials).get(f"{BASE}/runs")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_an_inactive_user_is_refused(api, member):
    client = api("viewer")
    user = ApiToken.objects.get().user
    user.is_active = False
    user.save()
    assert client.get(f"{BASE}/runs").status_code == 401


def test_an_expired_token_is_refused(api):
    client = api("viewer")
    ApiToken.objects.update(expiry=timezone.now())
    assert client.get(f"{BASE}/runs").status_code == 401


def test_last_use_is_noted_at_most_once_a_minute(api):
    client = api("viewer")
    client.get(f"{BASE}/runs")
    first = ApiToken.objects.get().last_used_at
    client.get(f"{BASE}/runs")
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first


def test_a_session_needs_a_csrf_token_to_change_something(member):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(member("viewer"))
    assert client.get(f"{BASE}/tokens").status_code == 200
    assert client.post(f"{BASE}/tokens").status_code == 403


def test_the_browsable_api_works_for_a_session(member):
    client = APIClient()
    client.force_login(member("viewer"))
    answer = client.get(f"{BASE}/tenants", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert b"tenant" in answer.content
    missing = client.get(f"{BASE}/tenants/none", headers={"accept": "text/html"})
    assert (missing.status_code, missing["Content-Type"]) == (404, "text/html; charset=utf-8")
