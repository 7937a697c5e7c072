"""Tenants and one's own tokens."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import scoping
from tenants.endpoints import Endpoint
from tenants.idempotency import answer_once
from tenants.models import ApiToken, Membership, Tenant
from tenants.permissions import require_platform_admin
from tenants.problems import field_error
from tenants.roles import Capability
from tenants.serializers import (
    MadeTokenSerializer,
    NewTenantSerializer,
    NewTokenSerializer,
    TenantChangeSerializer,
    TenantSerializer,
    TokenSerializer,
)


class TenantEndpoint(Endpoint):
    """Mixed into what lies below one tenant, which the URL names by id or slug."""

    def find_tenant(self, text: str) -> Tenant:
        tenants = scoping.visible_tenants(self.request.user, self.token)
        return get_object_or_404(tenants, scoping.named(text))


class TenantViewSet(TenantEndpoint):
    queryset = Tenant.objects.all()
    serializer_class = TenantSerializer
    tenant_lookup = "pk"

    def get_queryset(self) -> QuerySet[Any]:
        if not self.request.user.is_authenticated:
            return Tenant.objects.none()
        own = Membership.objects.filter(tenant=OuterRef("pk"), user=self.user)
        tenants: QuerySet[Any] = super().get_queryset().annotate(role=Subquery(own.values("role")[:1]))
        return tenants

    @extend_schema(operation_id="tenants_list", summary="Your tenants")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TenantSerializer(page, many=True).data)

    @extend_schema(
        operation_id="tenants_create",
        summary="Make a tenant (platform admins)",
        request=NewTenantSerializer,
        responses={201: TenantSerializer},
    )
    def create(self, request: Request) -> Response:
        require_platform_admin(request)
        return answer_once(request, self.make)

    def make(self) -> Response:
        values = self.checked(NewTenantSerializer)
        try:
            with transaction.atomic():
                tenant = Tenant.objects.create(**values)
        except IntegrityError:
            raise field_error("slug", "There is a tenant with this slug already.") from None
        return Response(TenantSerializer(tenant).data, status=201)

    @extend_schema(operation_id="tenants_retrieve", summary="One tenant, by id or slug")
    def retrieve(self, request: Request, tenant: str) -> Response:
        return Response(TenantSerializer(self.find(tenant)).data)

    @extend_schema(
        operation_id="tenants_update",
        summary="Change a tenant",
        request=TenantChangeSerializer,
        responses=TenantSerializer,
    )
    def partial_update(self, request: Request, tenant: str) -> Response:
        found = self.find(tenant)
        self.require(found, Capability.ADMINISTER)
        values = self.checked(TenantChangeSerializer, partial=True)
        Tenant.objects.filter(pk=found.pk).update(**values)
        return Response(TenantSerializer(self.find(tenant)).data)

    def find(self, text: str) -> Tenant:
        found: Tenant = get_object_or_404(self.get_queryset(), scoping.named(text))
        return found


class TokenViewSet(TenantEndpoint):
    """One's own tokens. A token that is limited to a tenant sees and makes only such tokens."""

    queryset = ApiToken.objects.all()
    serializer_class = TokenSerializer
    page_ordering = ("-created", "-pk")

    def get_queryset(self) -> QuerySet[ApiToken]:
        if not self.request.user.is_authenticated:
            return super().get_queryset().none()
        own: QuerySet[ApiToken] = ApiToken.objects.filter(user=self.user)
        limit = self.token.tenant_id if self.token else None
        return own.filter(tenant=limit) if limit else own

    @extend_schema(operation_id="tokens_list", summary="Your tokens")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        summary="Make a token; it is shown this once",
        request=NewTokenSerializer,
        responses={201: MadeTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, self.make)

    def make(self) -> Response:
        values = self.checked(NewTokenSerializer)
        row, secret = ApiToken.objects.create(
            user=self.user,
            expiry=timedelta(days=values["expires_in_days"]),
            name=values["name"],
            tenant=self.limit(values["tenant"]),
        )
        row.token = secret
        response = Response(MadeTokenSerializer(row).data, status=201, headers={"Cache-Control": "no-store"})
        response.shown_once = ("token",)  # type: ignore[attr-defined]  # read by `answer_once`
        return response

    def limit(self, named: str | None) -> Tenant | None:
        """Return the tenant to limit a new token to: the one named, else that of this token."""
        if named is None:
            return self.token.tenant if self.token else None
        return self.find_tenant(named)

    @extend_schema(
        operation_id="tokens_destroy",
        summary="Revoke a token",
        responses={204: OpenApiResponse(description="It is revoked.")},
    )
    def destroy(self, request: Request, key: str) -> Response:
        get_object_or_404(self.get_queryset(), token_key=key).delete()
        return Response(status=204)
