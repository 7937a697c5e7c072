"""Gates: list, show, all of one run. Deciding one is mounted by `autofix`, which checks patches."""

from datetime import timedelta
from typing import Any

from django.db.models import Case, F, QuerySet, When
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from approvals.filters import GateFilter
from approvals.models import Gate, GateStatus
from approvals.serializers import EscalationSerializer, GateSerializer
from metabuilder.runs.views import RunPartEndpoint
from tenants.endpoints import Endpoint

GATES = Gate.objects.select_related("run__tenant").prefetch_related("votes", "revisions")
AHEAD = timedelta(days=365_00)


class GateViewSet(Endpoint):
    queryset = GATES
    serializer_class = GateSerializer
    filterset_class = GateFilter
    tenant_lookup = "run__tenant"

    @extend_schema(
        operation_id="approvals_list",
        summary="Gates, the newest first",
        parameters=[OpenApiParameter("pending_first", OpenApiTypes.BOOL, description="Open ones on top.")],
    )
    def list(self, request: Request) -> Response:
        gates = self.filter_queryset(self.get_queryset())
        if request.query_params.get("pending_first", "").lower() in {"1", "true", "yes"}:
            gates = pending_first(gates)
            self.page_ordering = ("-rank", "-pk")
        page = self.paginate_queryset(gates)
        return self.get_paginated_response(GateSerializer(page, many=True).data)

    @extend_schema(operation_id="approvals_retrieve", summary="One gate")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(GateSerializer(self.get_object()).data)


class EscalationViewSet(RunPartEndpoint):
    serializer_class = EscalationSerializer
    pagination_class = None

    @extend_schema(operation_id="runs_escalation", summary="What a run asks people, open ones first")
    def retrieve(self, request: Request, pk: str) -> Response:
        run = self.run
        gates = pending_first(GATES.filter(run=run)).order_by("-rank", "-pk")
        shown: dict[str, Any] = {"run_id": run.pk, "status": run.status, "gates": gates}
        return Response(EscalationSerializer(shown).data)


def pending_first(gates: QuerySet[Gate]) -> QuerySet[Any]:  # Any: with `rank`
    """Annotate gates with one date to page by, which puts the open ones before all others."""
    late = When(status=GateStatus.PENDING, then=F("created_at") + AHEAD)
    return gates.annotate(rank=Case(late, default=F("created_at")))
