"""May this caller do that here? What they may not see is missing; what they may not do is refused.

Read first: `scoping`, which makes another tenant's rows missing. What is asked here is asked about
rows that were found there.
"""

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants import scoping
from tenants.models import ApiToken, Tenant
from tenants.roles import Capability, Role, roles_with


class IsMember(BasePermission):
    """Lets in whoever has a role in any tenant."""

    message = "You are a member of no tenant. Ask an admin of one for the role 'viewer'."

    def has_permission(self, request: Request, view: object) -> bool:
        if scoping.is_platform_admin(request.user, token_of(request)):
            return True
        return scoping.visible_tenants(request.user, token_of(request)).exists()


def token_of(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def require(request: Request, tenant: Tenant, capability: Capability) -> None:
    """Raise PermissionDenied, naming the role that is needed, unless the caller has the capability."""
    if not scoping.is_able(request.user, tenant, capability, token_of(request)):
        raise PermissionDenied(
            f"This needs the role '{least_role(capability)}' in tenant '{tenant.slug}', or a higher one."
        )


def require_platform_admin(request: Request) -> None:
    if not scoping.is_platform_admin(request.user, token_of(request)):
        raise PermissionDenied("This needs a platform admin.")


def least_role(capability: Capability) -> Role:
    return next(role for role in Role if role in roles_with(capability))
