"""Tenants, members and tokens in the admin: who sees them, who changes them."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tenants.models import ApiToken, Membership
from tests.console import console
from tests.factories import MembershipFactory, TenantFactory, UserFactory


def url(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


MEMBERS, ADD_MEMBER = "/admin/tenants/membership/", "/admin/tenants/membership/add/"
TOKENS, ADD_TOKEN = "/admin/tenants/apitoken/", "/admin/tenants/apitoken/add/"


@pytest.mark.parametrize("path", ["auth/user/", "auth/group/", "django_q/ormq/", "django_q/failure/"])
def test_what_runs_the_platform_is_for_platform_admins_whatever_permissions_one_holds(member, path):
    user = member("admin")
    user.user_permissions.set(Permission.objects.all())
    assert console(user).get(f"/admin/{path}").status_code == 403
    assert console(member("platform")).get(f"/admin/{path}").status_code == 200


def test_schedules_cannot_be_made_by_anyone(member):
    assert console(member("platform")).get("/admin/django_q/schedule/").status_code == 404


def test_one_sees_only_ones_own_tenants(member, tenant):
    TenantFactory(name="Somebody Else")
    page = console(member("viewer")).get("/admin/tenants/tenant/").content.decode()
    assert tenant.name in page
    assert "Somebody Else" not in page


def test_an_admin_renames_the_tenant_but_does_not_give_it_the_network(member, tenant):
    form = {"name": "New name", "protected_paths": "[]", "slug": "other", "allow_network": "on"}
    console(member("admin")).post(url("tenants_tenant_change", tenant.pk), form)
    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug, tenant.allow_network) == ("New name", "acme", False)


def test_an_admin_says_how_long_things_are_kept_but_not_how_much_the_tenant_may_run(member, tenant):
    form = {"name": "Acme", "protected_paths": "[]", "retention_days": "30", "gate_expiry_hours": "24"}
    limits = {"max_running_runs": "5", "max_queued_runs": "6", "max_run_minutes": "7"}
    where = url("tenants_tenant_change", tenant.pk)
    names = [*list(form)[2:], *limits]
    client = console(member("admin"))
    assert "Limits and retention" in client.get(where).content.decode()
    client.post(where, {**form, **limits})
    tenant.refresh_from_db()
    assert [getattr(tenant, name) for name in names] == [30, 24, None, None, None]
    console(member("platform")).post(where, {**form, **limits, "slug": "acme"})
    tenant.refresh_from_db()
    assert [getattr(tenant, name) for name in names] == [30, 24, 5, 6, 7]


@pytest.mark.parametrize(
    ("name", "value"), [("retention_days", "0"), ("retention_days", "3651"), ("gate_expiry_hours", "8761")]
)
def test_a_time_out_of_bounds_is_refused(member, tenant, name, value):
    form = {"name": "Acme", "protected_paths": "[]", name: value}
    answer = console(member("admin")).post(url("tenants_tenant_change", tenant.pk), form)
    assert list(answer.context["adminform"].form.errors) == [name]


def test_a_viewer_changes_nothing_of_the_tenant(member, tenant):
    answer = console(member("viewer")).post(url("tenants_tenant_change", tenant.pk), {"name": "x"})
    assert answer.status_code == 403


def test_an_admin_adds_a_member_by_name(member, tenant):
    UserFactory(username="nina")
    form = {"tenant": tenant.pk, "username": "nina", "role": "operator"}
    console(member("admin")).post(ADD_MEMBER, form)
    assert Membership.objects.get(user__username="nina").role == "operator"


def test_an_admin_adds_nobody_to_another_tenant(member, tenant):
    UserFactory(username="nina")
    form = {"tenant": TenantFactory().pk, "username": "nina", "role": "operator"}
    answer = console(member("admin")).post(ADD_MEMBER, form)
    assert "tenant" in answer.context["adminform"].form.errors
    assert not Membership.objects.filter(user__username="nina").exists()


@pytest.mark.parametrize("username", ["", "nobody", "admin-person"])
def test_a_name_that_cannot_be_added_is_refused(member, tenant, username):
    form = {"tenant": tenant.pk, "username": username, "role": "viewer"}
    answer = console(member("admin")).post(ADD_MEMBER, form)
    assert "username" in answer.context["adminform"].form.errors


def test_the_form_does_not_list_the_platforms_people(member, tenant):
    UserFactory(username="stranger-person")
    assert "stranger-person" not in console(member("admin")).get(ADD_MEMBER).content.decode()


def test_nobody_changes_their_own_role(member, tenant):
    user = member("admin")
    own = user.memberships.get()
    assert console(user).post(url("tenants_membership_change", own.pk), {"role": "viewer"}).status_code == 403
    assert console(user).post(url("tenants_membership_delete", own.pk), {"post": "yes"}).status_code == 403
    own.refresh_from_db()
    assert own.role == "admin"


def test_an_admin_changes_and_removes_others_and_cannot_move_them(member, tenant):
    other = MembershipFactory(tenant=tenant)
    elsewhere = TenantFactory()
    admin = console(member("admin"))
    admin.post(url("tenants_membership_change", other.pk), {"role": "approver", "tenant": elsewhere.pk})
    other.refresh_from_db()
    assert (other.role, other.tenant) == ("approver", tenant)
    admin.post(url("tenants_membership_delete", other.pk), {"post": "yes"})
    assert not Membership.objects.filter(pk=other.pk).exists()


def test_another_tenants_membership_cannot_be_reached(member, tenant):
    foreign = MembershipFactory(role="viewer")
    admin = console(member("admin"))
    admin.post(url("tenants_membership_change", foreign.pk), {"role": "admin"})
    admin.post(url("tenants_membership_delete", foreign.pk), {"post": "yes"})
    foreign.refresh_from_db()
    assert foreign.role == "viewer"
    assert str(foreign.user) not in admin.get(MEMBERS).content.decode()


def test_a_token_is_shown_once_and_works_as_its_owner(member, tenant):
    user = member("viewer")
    client = console(user)
    page = client.post(ADD_TOKEN, {"name": "laptop", "tenant": tenant.pk})
    secret = page.context["secret"]
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.tenant) == (user, "laptop", tenant)
    assert "no-store" in page["Cache-Control"]
    assert client.get("/api/meta/v2/runs", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert secret not in client.get(TOKENS).content.decode()


def test_a_token_for_another_tenant_is_refused(member):
    answer = console(member("viewer")).post(ADD_TOKEN, {"name": "x", "tenant": TenantFactory().pk})
    assert "tenant" in answer.context["adminform"].form.errors
    assert not ApiToken.objects.exists()


def test_the_owner_and_the_tenants_admin_revoke_a_token_and_nobody_else(member, tenant):
    token, _ = ApiToken.objects.create(user=member("operator"), tenant=tenant)
    revoke = url("tenants_apitoken_delete", token.pk)
    console(member("viewer")).post(revoke, {"post": "yes"})
    console(member("other")).post(revoke, {"post": "yes"})
    assert ApiToken.objects.exists()
    console(member("admin")).post(revoke, {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_a_token_of_no_tenant_is_its_owners_alone(member, tenant):
    ApiToken.objects.create(user=member("operator"), name="everywhere")
    assert "everywhere" not in console(member("admin")).get(TOKENS).content.decode()
