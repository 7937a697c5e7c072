"""Whose rows may this person see? The one place of isolation: every queryset a person reaches starts here.

A platform admin (superuser) sees every tenant. A token that names a tenant sees only that one,
whoever owns it. Which role has which capability: `roles`.
"""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from tenants.models import ApiToken, Tenant
from tenants.roles import Capability, roles_with

Person = User | AnonymousUser


def visible_tenants(
    user: Person, token: ApiToken | None = None, capability: Capability = Capability.VIEW
) -> QuerySet[Tenant]:
    """Return the tenants in which this person, by this token if one is used, has the capability."""
    tenants = Tenant.objects.all()
    if not isinstance(user, User) or not user.is_active:
        return tenants.none()
    if token is not None and token.tenant_id is not None:
        tenants = tenants.filter(pk=token.tenant_id)
    if is_superuser(user):
        return tenants
    roles = roles_with(capability)
    return tenants.filter(memberships__user=user, memberships__role__in=roles)


def tenants_where(user: Person, capability: Capability = Capability.VIEW) -> QuerySet[Tenant]:
    """Return the tenants in which a person who is signed in has the capability."""
    return visible_tenants(user, None, capability)


def visible_to(
    queryset: QuerySet[Any], user: Person, lookup: str = "tenant", token: ApiToken | None = None
) -> QuerySet[Any]:
    """Narrow rows to those whose tenant, found by `lookup`, this person may see."""
    if is_superuser(user) and (token is None or token.tenant_id is None):
        return queryset
    return queryset.filter(**{f"{lookup}__in": visible_tenants(user, token)})


def is_able(
    user: Person,
    tenant: Tenant | None,
    capability: Capability,
    token: ApiToken | None = None,
) -> bool:
    if tenant is None:
        return is_platform_admin(user, token)
    return visible_tenants(user, token, capability).filter(pk=tenant.pk).exists()


def is_superuser(user: Person) -> bool:
    return user.is_active and user.is_superuser


def is_platform_admin(user: Person, token: ApiToken | None = None) -> bool:
    """A token that names a tenant has no say over the platform, even a platform admin's."""
    return is_superuser(user) and (token is None or token.tenant_id is None)


def named(text: str, lookup: str = "") -> Q:
    """Return the condition for a tenant named by its id or its slug."""
    prefix = f"{lookup}__" if lookup else ""
    try:
        return Q(**{f"{prefix}pk": UUID(text)})
    except ValueError:
        return Q(**{f"{prefix}slug": text})
