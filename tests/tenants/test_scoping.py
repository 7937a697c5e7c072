"""Which tenants a person sees."""

import pytest
from django.contrib.auth.models import AnonymousUser

from metabuilder.runs.models import Run
from tenants import scoping
from tenants.models import ApiToken, Tenant
from tenants.roles import Capability
from tests.factories import MembershipFactory, RunFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_a_person_sees_the_tenants_in_which_they_have_the_capability():
    held = MembershipFactory(role="operator")
    TenantFactory()
    assert list(scoping.visible_tenants(held.user)) == [held.tenant]
    assert not scoping.visible_tenants(held.user, None, Capability.DECIDE).exists()


def test_a_platform_admin_sees_all_and_by_a_limited_token_one():
    admin = UserFactory(is_superuser=True)
    one = TenantFactory()
    TenantFactory()
    token, _ = ApiToken.objects.create(user=admin, tenant=one)
    assert scoping.visible_tenants(admin).count() == 2
    assert list(scoping.visible_tenants(admin, token)) == [one]
    assert not scoping.is_platform_admin(admin, token)


@pytest.mark.parametrize("person", [AnonymousUser(), "inactive"])
def test_nobody_sees_nothing(person):
    MembershipFactory(user__username="inactive", user__is_active=False)
    user = person if person != "inactive" else UserFactory(is_active=False, is_superuser=True)
    assert not scoping.visible_tenants(user).exists()


def test_rows_are_narrowed_by_the_way_to_their_tenant():
    mine = MembershipFactory()
    run = RunFactory(tenant=mine.tenant)
    RunFactory()
    assert list(scoping.visible_to(Run.objects.all(), mine.user)) == [run]
    assert list(scoping.visible_to(Tenant.objects.all(), mine.user, "pk")) == [mine.tenant]
