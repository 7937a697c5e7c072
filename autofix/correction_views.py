"""Corrections over HTTP: what failures really were, with the rule that each suggests."""

from functools import partial
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import corrections
from autofix.corrections import Label
from autofix.failures import Signal
from autofix.models import Attempt, Correction
from autofix.rule_views import NewRuleSerializer
from tenants.endpoints import Endpoint
from tenants.idempotency import answer_once
from tenants.models import Tenant
from tenants.problems import field_error
from tenants.roles import Capability
from tenants.serializers import StrictSerializer
from tenants.views import TenantEndpoint


class NewCorrectionSerializer(StrictSerializer):
    """`cause`: the line of the failure's excerpt that names the cause, or a part of it."""

    attempt_id = serializers.UUIDField()
    type = serializers.ChoiceField([str(s) for s in Signal])
    detail = serializers.CharField(max_length=60, default="", allow_blank=True)
    cause = serializers.CharField(max_length=400, default="", allow_blank=True)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)


class LabelSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True, required=False)


class CorrectionSerializer(serializers.ModelSerializer[Correction]):
    attempt_id = serializers.UUIDField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()
    corrected_by = serializers.SerializerMethodField()
    suggested_rule = serializers.SerializerMethodField()

    class Meta:
        model = Correction
        fields = [
            *("id", "attempt_id", "run_id", "step", "kind", "command", "before", "after", "cause", "note", "excerpt"),
            *("corrected_by", "created_at", "suggested_rule"),
        ]
        read_only_fields = fields

    @extend_schema_field(LabelSerializer)
    def get_before(self, row: Correction) -> dict[str, str]:
        return {"type": row.was_signal, "detail": row.was_detail, "rule": row.was_rule}

    @extend_schema_field(LabelSerializer)
    def get_after(self, row: Correction) -> dict[str, str]:
        return {"type": row.signal, "detail": row.detail}

    def get_corrected_by(self, row: Correction) -> str:
        return row.created_by.get_username() if row.created_by else ""

    @extend_schema_field(NewRuleSerializer(allow_null=True))
    def get_suggested_rule(self, row: Correction) -> dict[str, Any] | None:  # Any: a rule's values
        return corrections.suggestion(row)


class CorrectionViewSet(TenantEndpoint, Endpoint):
    queryset = Correction.objects.select_related("created_by")
    serializer_class = CorrectionSerializer
    page_ordering = ("-created_at", "id")

    @extend_schema(operation_id="corrections_list", summary="What people said that failures really were, newest first")
    def list(self, request: Request, tenant: str) -> Response:
        rows = self.get_queryset().filter(tenant=self.find_tenant(tenant))
        return self.get_paginated_response(CorrectionSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        operation_id="corrections_create",
        summary="Say what a failure really was; the answer suggests a rule that would have known",
        request=NewCorrectionSerializer,
        responses={201: CorrectionSerializer},
    )
    def create(self, request: Request, tenant: str) -> Response:
        found = self.find_tenant(tenant)
        self.require(found, Capability.OPERATE)
        return answer_once(request, partial(self.make, found))

    def make(self, tenant: Tenant) -> Response:
        said = self.checked(NewCorrectionSerializer)
        attempts = Attempt.objects.select_related("run__tenant", "step").filter(run__tenant=tenant)
        attempt = attempts.filter(pk=said["attempt_id"]).first()
        if attempt is None:
            raise field_error(
                "attempt_id", "This tenant has no such attempt. Its timeline has their ids: /runs/{id}/autofix."
            )
        try:
            label = Label(Signal(said["type"]), said["detail"], said["cause"], said["note"])
            row = corrections.correct(attempt, label, self.user)
        except corrections.NotCorrected as error:
            raise field_error(error.field, str(error)) from None
        return Response(CorrectionSerializer(row).data, status=201)

    @extend_schema(operation_id="corrections_retrieve", summary="One correction")
    def retrieve(self, request: Request, tenant: str, pk: str) -> Response:
        return Response(CorrectionSerializer(self.one(tenant, pk)).data)

    @extend_schema(
        operation_id="corrections_destroy", summary="Take a correction back", responses={204: OpenApiResponse()}
    )
    def destroy(self, request: Request, tenant: str, pk: str) -> Response:
        row = self.one(tenant, pk)
        self.require(row.tenant, Capability.OPERATE)
        row.delete()
        return Response(status=204)

    def one(self, tenant: str, pk: str) -> Correction:
        rows = self.get_queryset().select_related("tenant").filter(tenant=self.find_tenant(tenant))
        row: Correction = get_object_or_404(rows, pk=pk)
        return row
