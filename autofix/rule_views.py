"""A tenant's own rules over HTTP: list, write, try on a pasted log, and see what one would change."""

from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from autofix import rulebooks
from autofix.answers import classification
from autofix.classifier import Evidence, classify
from autofix.classifier.own_rules import RuleRejected
from autofix.failures import Severity, Signal
from autofix.models import TenantRule
from autofix.serializers import ClassificationSerializer
from tenants.endpoints import Endpoint
from tenants.idempotency import answer_once
from tenants.models import Tenant
from tenants.problems import Conflict, field_error
from tenants.roles import Capability
from tenants.serializers import StrictSerializer
from tenants.views import TenantEndpoint

MAX_LOG_BODY = 8 << 20
WRITABLE = ("name", "enabled", *rulebooks.FIELDS, "retryable")


class RuleSerializer(serializers.ModelSerializer[TenantRule]):
    type = serializers.CharField(source="signal")

    class Meta:
        model = TenantRule
        fields = ["id", "type", *(name for name in WRITABLE if name != "signal"), "created_at"]
        read_only_fields = fields


class NewRuleSerializer(StrictSerializer):
    name = serializers.SlugField(max_length=60)
    enabled = serializers.BooleanField(default=True)
    type = serializers.ChoiceField([str(s) for s in Signal], source="signal")
    detail = serializers.CharField(max_length=60, default="", allow_blank=True)
    pattern = serializers.CharField(max_length=1000)
    unless = serializers.CharField(max_length=1000, default="", allow_blank=True)
    message = serializers.CharField(max_length=300)
    severity = serializers.ChoiceField([str(s) for s in Severity], default="medium")
    confidence = serializers.FloatField(default=0.9)
    retryable = serializers.BooleanField(default=None, allow_null=True)
    example = serializers.CharField(max_length=300)
    counter = serializers.CharField(max_length=300, default="", allow_blank=True)


class RuleChangeSerializer(NewRuleSerializer):
    """Any subset."""


class TrialSerializer(StrictSerializer):
    """A log, and a rule that need not be stored; without one, those that are stored."""

    rule = NewRuleSerializer(default=None, allow_null=True)
    step_name = serializers.CharField(max_length=200, default="", allow_blank=True)
    logs = serializers.CharField(allow_blank=True, trim_whitespace=False)
    exit_code = serializers.IntegerField(default=None, allow_null=True)


class TriedSerializer(serializers.Serializer[Any]):
    before = ClassificationSerializer()
    after = ClassificationSerializer()
    is_changed = serializers.BooleanField()


class ChangedFailureSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    step = serializers.CharField()
    attempt_id = serializers.UUIDField()
    before = serializers.DictField()
    after = serializers.DictField()


class PreviewSerializer(serializers.Serializer[Any]):
    looked_at = serializers.IntegerField()
    changes = ChangedFailureSerializer(many=True)


class RuleViewSet(TenantEndpoint, Endpoint):
    queryset = TenantRule.objects.all()
    serializer_class = RuleSerializer
    page_ordering = ("name", "id")
    body_limit_bytes = MAX_LOG_BODY

    def mine(self, tenant: Tenant) -> QuerySet[TenantRule]:
        rules: QuerySet[TenantRule] = self.get_queryset().filter(tenant=tenant)
        return rules

    @extend_schema(operation_id="rules_list", summary="A tenant's own rules of the classifier")
    def list(self, request: Request, tenant: str) -> Response:
        page = self.paginate_queryset(self.mine(self.find_tenant(tenant)))
        return self.get_paginated_response(RuleSerializer(page, many=True).data)

    @extend_schema(
        operation_id="rules_create",
        summary="Add a rule; it is tried before the platform's from the next failure on",
        request=NewRuleSerializer,
        responses={201: RuleSerializer},
    )
    def create(self, request: Request, tenant: str) -> Response:
        found = self.find_tenant(tenant)
        self.require(found, Capability.ADMINISTER)
        return answer_once(request, partial(self.make, found))

    def make(self, tenant: Tenant) -> Response:
        values = self.checked(NewRuleSerializer)
        checked_rule(values)
        try:
            with transaction.atomic():
                rulebooks.check_room(tenant)
                row = TenantRule.objects.create(tenant=tenant, created_by=self.user, **values)
        except rulebooks.TooManyRules as error:
            raise Conflict(str(error)) from None
        except IntegrityError:
            raise field_error("name", "There is a rule of this name already.") from None
        return Response(RuleSerializer(row).data, status=201)

    @extend_schema(operation_id="rules_retrieve", summary="One rule")
    def retrieve(self, request: Request, tenant: str, pk: str) -> Response:
        return Response(RuleSerializer(self.one(tenant, pk)).data)

    @extend_schema(
        operation_id="rules_update",
        summary="Change a rule, or switch it off",
        request=RuleChangeSerializer,
        responses=RuleSerializer,
    )
    def partial_update(self, request: Request, tenant: str, pk: str) -> Response:
        row = self.one(tenant, pk)
        self.require(row.tenant, Capability.ADMINISTER)
        values = self.checked(RuleChangeSerializer, partial=True)
        checked_rule({name: getattr(row, name) for name in WRITABLE} | values)
        try:
            with transaction.atomic():
                TenantRule.objects.filter(pk=row.pk).update(**values)
        except IntegrityError:
            raise field_error("name", "There is a rule of this name already.") from None
        return Response(RuleSerializer(self.one(tenant, pk)).data)

    @extend_schema(operation_id="rules_destroy", summary="Remove a rule", responses={204: OpenApiResponse()})
    def destroy(self, request: Request, tenant: str, pk: str) -> Response:
        row = self.one(tenant, pk)
        self.require(row.tenant, Capability.ADMINISTER)
        TenantRule.objects.filter(pk=row.pk).delete()
        return Response(status=204)

    @extend_schema(
        operation_id="rules_try",
        summary="What a log would be taken for, without and with a rule; nothing is stored",
        request=TrialSerializer,
        responses=TriedSerializer,
    )
    def try_out(self, request: Request, tenant: str) -> Response:
        found = self.find_tenant(tenant)
        said = self.checked(TrialSerializer)
        stored = rulebooks.of_tenant(found)
        rules = (checked_rule(said["rule"], "rule."), *stored) if said["rule"] else stored
        evidence = {"step_name": said["step_name"], "log": said["logs"], "exit_code": said["exit_code"]}
        before = classify(Evidence(**evidence, own_rules=stored if said["rule"] else ()))
        after = classify(Evidence(**evidence, own_rules=rules))
        shown = {"before": classification(before), "after": classification(after), "is_changed": before != after}
        return Response(shown)

    @extend_schema(
        operation_id="rules_preview",
        summary="Which of the tenant's last failures a rule would have changed; nothing is stored",
        request=NewRuleSerializer,
        responses=PreviewSerializer,
    )
    def preview(self, request: Request, tenant: str) -> Response:
        found = self.find_tenant(tenant)
        rule = checked_rule(self.checked(NewRuleSerializer))
        looked_at, changes = rulebooks.preview(found, rule)
        return Response({"looked_at": looked_at, "changes": [shown_change(change) for change in changes]})

    def one(self, tenant: str, pk: str) -> TenantRule:
        return get_object_or_404(self.mine(self.find_tenant(tenant)).select_related("tenant"), pk=pk)


def checked_rule(values: dict[str, Any], below: str = "") -> Any:  # Any: a request's values; a rule
    """Return the rule, or refuse the request, naming its field."""
    try:
        return rulebooks.made_of(values)
    except RuleRejected as error:
        name = "type" if error.field == "signal" else error.field
        raise field_error(f"{below}{name}", str(error)) from None


def shown_change(change: rulebooks.Change) -> dict[str, Any]:  # Any: JSON
    attempt, now = change.attempt, change.now
    return {
        "run_id": str(attempt.run_id),
        "step": attempt.step.name,
        "attempt_id": str(attempt.pk),
        "before": {"type": attempt.signal, "detail": attempt.detail, "rule": attempt.rule, "message": attempt.message},
        "after": {"type": str(now.signal), "detail": now.detail, "rule": now.rule, "message": now.message},
    }
