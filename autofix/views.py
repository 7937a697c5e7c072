"""What people do to runs and gates over HTTP, and what the loop did. Every deed is one call of `control`."""

from http import HTTPStatus
from typing import Any, NoReturn

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.gates import AlreadyDecided, Decider
from approvals.serializers import AnswerSerializer, GateSerializer
from approvals.views import GATES, GateViewSet
from autofix import control, policy
from autofix.answers import classification
from autofix.classifier import Evidence, classify
from autofix.policy import Effective, InvalidOverride
from autofix.serializers import (
    ClassificationSerializer,
    EvidenceSerializer,
    HealingRunSerializer,
    PlanDeltasSerializer,
    SettingsSerializer,
    TimelineSerializer,
    settings_shown,
    timeline_shown,
)
from metabuilder.execution.patches import PatchRejected
from metabuilder.runs import transitions
from metabuilder.runs.intake import Order, QueueFull, RunRefused
from metabuilder.runs.models import Priority, Run, SourceKind
from metabuilder.runs.plan_input import PlanRejected
from metabuilder.runs.serializers import NewRunSerializer, OverridesSerializer
from metabuilder.runs.transitions import CannotMove
from metabuilder.runs.views import RunPartEndpoint, RunViewSet
from tenants.endpoints import Endpoint
from tenants.idempotency import HEADER, answer_once
from tenants.models import Tenant
from tenants.permissions import IsMember
from tenants.problems import Conflict, Full, field_error
from tenants.roles import Capability
from tenants.serializers import NothingSerializer
from tenants.views import TenantEndpoint

MAX_LOG_BODY = 8 << 20
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="Makes repeating the request harmless."
)


class HealingRunViewSet(TenantEndpoint, RunViewSet):
    """Runs whole: with the settings in force, and what starts, stops and restarts them."""

    serializer_class = HealingRunSerializer

    @extend_schema(
        operation_id="runs_create",
        summary="Start a run",
        parameters=[IDEMPOTENCY_KEY],
        request=NewRunSerializer,
        responses={201: HealingRunSerializer},
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, self.make)

    def make(self) -> Response:
        values = self.checked(NewRunSerializer)
        tenant = self.find_tenant(values["tenant"])
        self.require(tenant, Capability.OPERATE)
        try:
            run = control.start_run(self.order(tenant, values))
        except (RunRefused, PlanRejected, InvalidOverride) as error:
            refuse(error)
        except QueueFull as error:
            status = HTTPStatus.TOO_MANY_REQUESTS if error.is_tenants else HTTPStatus.SERVICE_UNAVAILABLE
            raise Full(str(error), status, error.retry_after_seconds) from None
        return Response(self.shown(run), status=201)

    def order(self, tenant: Tenant, values: dict[str, Any]) -> Order:  # Any: checked values
        kind, location = next(iter(values["source"].items()))
        return Order(
            tenant=tenant,
            source_kind=SourceKind(kind),
            location=str(location),
            ref=values["ref"] or "",
            plan=values["plan"],
            title=values["title"] or "",
            overrides=dict(values["settings"] or {}),
            priority=Priority[values["priority"].upper()],
            user=self.user,
            actor=self.actor,
        )

    @extend_schema(operation_id="runs_cancel", request=None, summary="Stop a run, whatever it is doing")
    def cancel(self, request: Request, pk: str) -> Response:
        return self.acted(control.cancel)

    @extend_schema(
        operation_id="runs_retry",
        request=None,
        summary="Start a failed or cancelled run again from the failed step",
    )
    def retry(self, request: Request, pk: str) -> Response:
        return self.acted(control.retry)

    def acted(self, deed: Any) -> Response:  # Any: a function of `control`
        run = self.get_object()
        self.require(run.tenant, Capability.OPERATE)
        self.checked(NothingSerializer)
        try:
            deed(run, self.actor)
        except CannotMove as error:
            raise Conflict(str(error)) from None
        return Response(self.shown(run))


class GateDecisionViewSet(GateViewSet):
    @extend_schema(
        operation_id="approvals_approve",
        summary="Approve a gate: the run goes on, with your patch if you give one",
        request=AnswerSerializer,
        responses=GateSerializer,
    )
    def approve(self, request: Request, pk: str) -> Response:
        return self.decided(control.approve, takes_patch=True)

    @extend_schema(
        operation_id="approvals_reject",
        summary="Reject a gate: the run fails",
        request=AnswerSerializer,
        responses=GateSerializer,
    )
    def reject(self, request: Request, pk: str) -> Response:
        return self.decided(control.reject, takes_patch=False)

    def decided(self, deed: Any, *, takes_patch: bool) -> Response:  # Any: a function of `control`
        gate = self.get_object()
        self.require(gate.run.tenant, Capability.DECIDE)
        said = self.checked(AnswerSerializer)
        words = [said["comment"] or ""]
        if takes_patch:
            words.append(said["patch"] or "")
        elif said["patch"]:
            raise field_error("patch", "A patch goes with an approval, not with a rejection.")
        try:
            deed(gate, Decider(self.actor, self.user), *words)
        except AlreadyDecided as error:
            raise Conflict(str(error)) from None
        except PatchRejected as error:
            raise field_error("patch", str(error)) from None
        return Response(GateSerializer(GATES.get(pk=gate.pk)).data)


class TimelineViewSet(RunPartEndpoint):
    serializer_class = TimelineSerializer
    pagination_class = None

    @extend_schema(operation_id="runs_autofix", summary="How a run was healed: its attempts in order")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(timeline_shown(self.run))


class PlanDeltaViewSet(RunPartEndpoint):
    serializer_class = PlanDeltasSerializer
    pagination_class = None

    @extend_schema(operation_id="runs_plan_delta", summary="How a run's plan was changed")
    def retrieve(self, request: Request, pk: str) -> Response:
        run = self.run
        deltas = run.plan_deltas.exclude(applied_at=None).order_by("to_version")
        shown = {"run_id": run.pk, "plan_version": run.plan_version, "deltas": deltas}
        return Response(PlanDeltasSerializer(shown).data)


class TenantOverridesSerializer(OverridesSerializer):
    modes = serializers.JSONField(
        required=False,
        help_text="Modes by signal, of those to change: off, shadow, suggest, auto; null inherits auto again.",
    )


class SettingsEndpoint(Endpoint):
    """Shared by both levels: show what is in force, change what this level sets."""

    serializer_class = SettingsSerializer
    overrides_class: type[OverridesSerializer] = OverridesSerializer
    pagination_class = None

    def changed(self, owner: Tenant | Run, inherited: Effective) -> dict[str, Any]:  # Any: fields
        """Write the request's overrides to a tenant or run and return them."""
        wanted = self.checked(self.overrides_class)
        own = {name: getattr(owner, name) for name in policy.FIELDS} | wanted
        try:
            policy.check_overrides(own, inherited)
            if isinstance(owner, Tenant) and "modes" in wanted:
                wanted["modes"] = policy.checked_modes(wanted["modes"], owner.modes)
        except InvalidOverride as error:
            raise field_error(error.field, error.detail) from None
        if wanted:
            type(owner)._default_manager.filter(pk=owner.pk).update(**wanted)
            owner.refresh_from_db()
        return wanted


class TenantSettingsViewSet(TenantEndpoint, SettingsEndpoint):
    overrides_class = TenantOverridesSerializer

    @extend_schema(operation_id="tenants_settings", summary="Auto-fix settings in force for a tenant")
    def show_settings(self, request: Request, tenant: str) -> Response:
        return shown_for(self.find_tenant(tenant))

    @extend_schema(
        summary="Change a tenant's auto-fix settings; null inherits again",
        request=TenantOverridesSerializer,
        responses=SettingsSerializer,
    )
    def tenant_settings(self, request: Request, tenant: str) -> Response:
        found = self.find_tenant(tenant)
        self.require(found, Capability.ADMINISTER)
        platform = policy.platform_values()
        self.changed(found, Effective(platform, dict.fromkeys(platform, "platform")))
        return shown_for(found)


class RunSettingsViewSet(RunPartEndpoint, SettingsEndpoint):
    @extend_schema(operation_id="runs_settings", summary="Auto-fix settings in force for a run")
    def show_settings(self, request: Request, pk: str) -> Response:
        return shown_for(self.run)

    @extend_schema(
        summary="Change a run's auto-fix settings; null inherits again",
        request=OverridesSerializer,
        responses=SettingsSerializer,
    )
    def run_settings(self, request: Request, pk: str) -> Response:
        run = self.run
        self.require(run.tenant, Capability.OPERATE)
        before = {name: getattr(run, name) for name in policy.FIELDS}
        with transaction.atomic():
            new = self.changed(run, policy.for_tenant(run.tenant))
            old = {name: before[name] for name in new if before[name] != new[name]}
            if old:
                data = {"old": old, "new": {name: new[name] for name in old}}
                message = f"auto-fix settings changed: {', '.join(old)}"
                transitions.note(run, "settings", message, actor=self.actor, data=data)
        return shown_for(run)


class ClassificationViewSet(Endpoint):
    queryset = Run.objects.none()
    permission_classes = [IsMember]
    serializer_class = ClassificationSerializer
    pagination_class = None
    body_limit_bytes = MAX_LOG_BODY

    @extend_schema(
        operation_id="classify_failure",
        summary="Say what failed, from a step's log",
        request=EvidenceSerializer,
        responses=OpenApiResponse(ClassificationSerializer),
    )
    def classify_failure(self, request: Request) -> Response:
        said = self.checked(EvidenceSerializer)
        evidence = Evidence(step_name=said["step_name"], log=said["logs"], exit_code=said["exit_code"])
        return Response(classification(classify(evidence)))


def shown_for(owner: Tenant | Run) -> Response:
    effective = policy.for_run(owner) if isinstance(owner, Run) else policy.for_tenant(owner)
    return Response(SettingsSerializer(settings_shown(effective, owner)).data)


def refuse(error: RunRefused | PlanRejected | InvalidOverride) -> NoReturn:
    """Turn the refusal of a run into a problem that names the request's fields."""
    if isinstance(error, InvalidOverride):
        raise field_error(f"settings.{error.field}", error.detail) from None
    if isinstance(error, PlanRejected):
        raise ValidationError({plan_field(fault.field): fault.detail for fault in error.errors})
    raise ValidationError({source_field(name): text for name, text in error.errors.items()})


def plan_field(name: str) -> str:
    return name if name == "plan" else f"plan.{name}"


def source_field(name: str) -> str:
    return f"source.{name}" if name in SourceKind.values else name
