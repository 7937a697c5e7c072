"""Runs: list, show, their output, diff and events. What changes a run is mounted by `autofix`."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Prefetch
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from metabuilder.runs import transcript, uploads
from metabuilder.runs.filters import RunFilter
from metabuilder.runs.models import Run, RunEvent, Step, StepExecution, Upload
from metabuilder.runs.serializers import (
    LogPageSerializer,
    RunEventSerializer,
    RunSerializer,
    UploadSerializer,
)
from metabuilder.runs.transcript import DEFAULT_PAGE, MAX_PAGE, Transcript
from metabuilder.runs.uploads import Received, UploadRefused
from tenants.endpoints import Endpoint
from tenants.idempotency import answer_once
from tenants.models import Tenant
from tenants.problems import LengthRequired
from tenants.roles import Capability
from tenants.views import TenantEndpoint

RUNS = Run.objects.select_related("tenant", "project", "created_by").prefetch_related(
    Prefetch("steps", Step.objects.annotate(attempt_count=Count("attempts")))
)


class PlainTextRenderer(BaseRenderer):
    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:  # Any: DRF's signature
        return data


class DiffRenderer(PlainTextRenderer):
    media_type = "text/x-diff"
    format = "diff"


class OneKind(BaseContentNegotiation):
    """Answers in the one form there is, whatever was asked for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # Any: DRF's signature
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:  # Any: DRF's signature
        return renderers[0], renderers[0].media_type


class RunViewSet(Endpoint):
    queryset = RUNS
    serializer_class = RunSerializer
    filterset_class = RunFilter

    @extend_schema(operation_id="runs_list", summary="Runs, the newest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(RunSerializer(page, many=True, context=self.get_serializer_context()).data)

    @extend_schema(operation_id="runs_retrieve", summary="One run")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.shown(self.get_object()))

    def shown(self, run: Run) -> dict[str, Any]:  # Any: JSON
        """Return a run as it is shown alone, freshly read."""
        run = RUNS.get(pk=run.pk)
        data: dict[str, Any] = self.get_serializer(run).data
        return data


class RunPartEndpoint(Endpoint):
    """Mixed into what lies below one run: `self.run` is the run the URL names."""

    queryset = Run.objects.select_related("tenant", "project")
    filterset_class = None

    @property
    def run(self) -> Run:
        run: Run = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        return run


class EventViewSet(RunPartEndpoint):
    serializer_class = RunEventSerializer
    page_ordering = ("pk",)

    @extend_schema(operation_id="runs_events", summary="What happened to a run, oldest first")
    def list(self, request: Request, pk: str) -> Response:
        page = self.paginate_queryset(RunEvent.objects.filter(run=self.run))
        return self.get_paginated_response(RunEventSerializer(page, many=True).data)


class DiffViewSet(RunPartEndpoint):
    renderer_classes = [DiffRenderer]
    content_negotiation_class = OneKind
    pagination_class = None

    @extend_schema(
        operation_id="runs_diff",
        summary="The whole change a run made to its source, as a unified diff",
        responses={(200, "text/x-diff"): OpenApiTypes.STR},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return HttpResponse(self.run.diff, content_type="text/x-diff; charset=utf-8")


class UploadViewSet(TenantEndpoint):
    """Source archives, as the request's body or as the file of a form."""

    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser]
    body_limit_bytes = settings.UPLOAD_LIMIT_BYTES

    @extend_schema(
        operation_id="uploads_create",
        summary="Send a source archive (.tar.gz or .zip) for a run to build",
        parameters=[
            OpenApiParameter("tenant", str, required=True, description="Id or slug."),
            OpenApiParameter("name", str, description="What to call it."),
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: UploadSerializer},
    )
    def create(self, request: Request) -> Response:
        query = UploadQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        tenant = self.find_tenant(query.validated_data["tenant"])
        self.require(tenant, Capability.OPERATE)
        try:
            received, name = self.received(request)
        except UploadRefused as error:
            raise ParseError(str(error)) from None
        name = query.validated_data.get("name") or name
        with received.file:
            return answer_once(request, lambda: self.made(received, tenant, name), received.digest)

    def received(self, request: Request) -> tuple[Received, str]:
        """Return what was sent and the name its form gives it, if it came in one."""
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if not length:
            raise LengthRequired
        if not (request.content_type or "").startswith("multipart/form-data"):
            return uploads.receive(request.stream, length), ""
        files = list(request.FILES.values())
        if len(files) != 1:
            raise UploadRefused("Send exactly one file.")
        return uploads.receive(files[0], files[0].size), files[0].name or ""

    def made(self, received: Received, tenant: Tenant, name: str) -> Response:
        upload = uploads.store(received, tenant, name[:200], self.user)
        return Response(UploadSerializer(upload).data, status=201)


class UploadQuery(serializers.Serializer[Any]):
    tenant = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=200, required=False)


class LogQuery(serializers.Serializer[Any]):
    step = serializers.CharField(required=False, max_length=100, help_text="Only the executions of this step.")
    execution = serializers.UUIDField(required=False, help_text="Only this execution.")
    tail = serializers.IntegerField(required=False, min_value=1, max_value=100_000, help_text="Only the last lines.")
    offset = serializers.IntegerField(
        required=False, min_value=0, max_value=1 << 50, help_text="Where to begin, in characters."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_PAGE,
        help_text=f"How many characters; {DEFAULT_PAGE} where it is not said.",
    )


class LogViewSet(RunPartEndpoint):
    """A run's output, all executions after each other under headings, or that of one of them."""

    renderer_classes = [JSONRenderer, PlainTextRenderer, BrowsableAPIRenderer]
    serializer_class = LogPageSerializer
    pagination_class = None

    @extend_schema(
        operation_id="runs_logs",
        summary="A run's output, in pages, or as text with `Accept: text/plain`",
        parameters=[LogQuery, OpenApiParameter("format", str, enum=["json", "txt"])],
        responses={
            (200, "application/json"): LogPageSerializer,
            (200, "text/plain"): OpenApiTypes.STR,
        },
    )
    def retrieve(self, request: Request, pk: str) -> Response | StreamingHttpResponse:
        reader = LogQuery(data=request.query_params)
        reader.is_valid(raise_exception=True)
        query = reader.validated_data
        run = self.run
        text = wanted(run, query)
        if isinstance(request.accepted_renderer, PlainTextRenderer):
            return plain(run, text, query)
        return Response(LogPageSerializer(page(run, text, query)).data)


def wanted(run: Run, query: dict[str, Any]) -> Transcript:  # Any: checked values
    executions = StepExecution.objects.filter(run=run)
    if "step" in query:
        if not run.steps.filter(name=query["step"]).exists():
            raise NotFound(f"This run has no step {query['step']!r}.")
        executions = executions.filter(step__name=query["step"])
    if "execution" not in query:
        return transcript.of_run(executions)
    executions = executions.filter(pk=query["execution"])
    if not executions.exists() and run.pruned_at is None:
        raise NotFound("This run has no such execution.")
    return transcript.of_execution(executions)


def plain(run: Run, text: Transcript, query: dict[str, Any]) -> StreamingHttpResponse:  # Any: checked values
    start, stop = query.get("offset", 0), text.end
    if "limit" in query:
        stop = min(stop, start + query["limit"])
    pieces = iter([text.tail(query["tail"])[1]]) if "tail" in query else text.pieces(start, stop)
    if is_removed(run, text):
        pieces = iter(
            [f"The logs of this run were removed on {run.pruned_at:%Y-%m-%d}, {run.kept_days} days after it ended.\n"]
        )
    return StreamingHttpResponse(pieces, content_type="text/plain; charset=utf-8")


def page(run: Run, text: Transcript, query: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    if "tail" in query:
        offset, part = text.tail(query["tail"])
    else:
        offset = query.get("offset", 0)
        part = text.read(offset, query.get("limit", DEFAULT_PAGE))
    end = offset + len(part)
    is_whole = "execution" in query or run.is_final
    return {
        "run_id": run.pk,
        "offset": offset,
        "next_offset": end,
        "eof": end >= text.end and is_whole and not text.is_growing,
        "text": part,
        "removed_at": run.pruned_at if is_removed(run, text) else None,
        "executions": [described(stretch) for stretch in text.stretches],
    }


def is_removed(run: Run, text: Transcript) -> bool:
    """A run that was started again since then has output again."""
    return run.pruned_at is not None and not text.stretches


def described(stretch: transcript.Stretch) -> StepExecution:
    execution = stretch.execution
    execution.offset = stretch.offset  # type: ignore[attr-defined]  # for the serializer
    execution.characters = stretch.characters  # type: ignore[attr-defined]
    return execution
