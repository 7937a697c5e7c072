"""What every endpoint is: scoped to its caller's tenants, limited in size, strict about its input."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from tenants import permissions, scoping
from tenants.models import ApiToken, Tenant
from tenants.problems import LengthRequired, TooLarge
from tenants.roles import Capability
from tenants.schema import ProblemSchema


class Endpoint(GenericViewSet):
    """`tenant_lookup` leads from the rows to their tenant; rows of other tenants are missing."""

    tenant_lookup = "tenant"
    lookup_value_converter = "uuid"
    body_limit_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    schema = ProblemSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # Any: URL's
        check_size(request, self.body_limit_bytes)
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return scoping.visible_to(super().get_queryset(), self.request.user, self.tenant_lookup, self.token)

    @property
    def token(self) -> ApiToken | None:
        return permissions.token_of(self.request)

    @property
    def user(self) -> User:
        """The caller, where anonymous ones were turned away before."""
        return cast(User, self.request.user)

    @property
    def actor(self) -> str:
        return self.user.get_username()

    def require(self, tenant: Tenant, capability: Capability) -> None:
        permissions.require(self.request, tenant, capability)

    def checked(
        self, serializer: type[BaseSerializer[Any]], **kwargs: Any
    ) -> dict[str, Any]:  # Any: a serializer's arguments and values
        """Return the values of the request's body, or raise ValidationError."""
        data = self.request.data
        if isinstance(data, QueryDict):  # an empty body sent as a form
            data = data.dict()
        reader = serializer(data=data, context=self.get_serializer_context(), **kwargs)
        reader.is_valid(raise_exception=True)
        values: dict[str, Any] = reader.validated_data
        return values


def check_size(request: Request, limit: int) -> None:
    """Refuse a body by its announced size, before any of it is read.

    One that announces none would be taken for empty: an approval would lose its patch unnoticed.
    """
    if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
        raise LengthRequired
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > limit:
        raise TooLarge(f"The body has {length} bytes; at most {limit} are accepted here.")
