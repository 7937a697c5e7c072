"""Runs as the API shows them, and what it takes to start one."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from metabuilder.runs.models import Run, RunEvent, SourceKind, Step, StepExecution, Upload
from tenants.serializers import StrictSerializer

# What a run's links are called, and where they lead below it.
LINKS = {
    "self": "",
    "logs": "/logs",
    "diff": "/diff",
    "events": "/events",
    "settings": "/settings",
    "autofix": "/autofix",
    "plan_delta": "/plan-delta",
    "escalation": "/escalation",
    "cancel": "/cancel",
    "retry": "/retry",
}


class StepSerializer(serializers.ModelSerializer[Step]):
    attempts = serializers.IntegerField(
        source="attempt_count",
        read_only=True,
        default=0,
        help_text="How often auto-fix tried to heal it.",
    )

    class Meta:
        model = Step
        fields = ["name", "kind", "status", "attempts"]


class FailureSerializer(serializers.Serializer[Any]):
    """What a failed run ended with; `reason` says why it was not healed."""

    type = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    severity = serializers.CharField()
    confidence = serializers.FloatField()
    message = serializers.CharField()
    excerpt = serializers.CharField(allow_blank=True)
    step = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)


class RunSourceSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=SourceKind.choices)
    location = serializers.CharField()
    commit = serializers.CharField(allow_blank=True)


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run in a list; `autofix` adds the settings in force to it where one run is shown."""

    tenant_slug = serializers.CharField(source="tenant.slug", read_only=True)
    source = serializers.SerializerMethodField()  # type: ignore[assignment]  # DRF's own name
    steps = StepSerializer(many=True, read_only=True)
    failure = serializers.SerializerMethodField()
    urls = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Run
        fields = [
            "id",
            "tenant",
            "tenant_slug",
            "project",
            "title",
            "source",
            "ref",
            "status",
            "plan_version",
            "steps",
            "failure",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "urls",
        ]
        read_only_fields = fields

    @extend_schema_field(RunSourceSerializer)
    def get_source(self, run: Run) -> dict[str, str]:
        return {
            "kind": run.project.source_kind,
            "location": run.project.location,
            "commit": run.source_commit,
        }

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, run: Run) -> dict[str, Any] | None:  # Any: JSON
        return run.failure or None

    def get_urls(self, run: Run) -> dict[str, str]:
        path = reverse("run-detail", args=[run.pk])
        request = self.context.get("request")
        base = request.build_absolute_uri(path) if request else settings.BASE_URL + path
        return {name: base + below for name, below in LINKS.items()}


class SourceSerializer(StrictSerializer):
    """Where the source is: exactly one of the three."""

    git_url = serializers.CharField(max_length=1000, required=False)
    path = serializers.CharField(max_length=1000, required=False, trim_whitespace=False)
    upload = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise ValidationError("Name exactly one of git_url, path, upload.")
        return attrs


class OverridesSerializer(StrictSerializer):
    """Auto-fix settings of one level; null inherits from the level above."""

    autofix_enabled = serializers.BooleanField(required=False, allow_null=True)
    max_total_attempts = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=20)
    max_per_step_attempts = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=10)
    backoff_cap_seconds = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=300)


class PlanStepSerializer(serializers.Serializer[Any]):
    """For the OpenAPI document; `plan_input.parse` is what checks."""

    name = serializers.CharField(max_length=100)
    run = serializers.CharField()
    kind = serializers.CharField(required=False)
    timeout = serializers.IntegerField(required=False, help_text="In seconds.")
    env = serializers.DictField(child=serializers.CharField(), required=False)
    network = serializers.BooleanField(required=False)


class PlanSerializer(serializers.Serializer[Any]):
    steps = PlanStepSerializer(many=True)
    rules = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        help_text="Rules of the classifier, as at /tenants/{tenant}/rules.",
    )


@extend_schema_field(PlanSerializer(allow_null=True))
class PlanField(serializers.JSONField):
    """Takes anything: `plan_input.parse` checks it and names every fault at once."""


class NewRunSerializer(StrictSerializer):
    tenant = serializers.CharField(max_length=50, help_text="Id or slug.")
    source = SourceSerializer()  # type: ignore[assignment]  # DRF's own name
    ref = serializers.CharField(max_length=200, required=False, default="", allow_blank=True, allow_null=True)
    plan = PlanField(required=False, allow_null=True, default=None)
    settings = OverridesSerializer(required=False, allow_null=True, default=None)
    title = serializers.CharField(max_length=200, required=False, default="", allow_blank=True, allow_null=True)
    priority = serializers.ChoiceField(
        choices=["normal", "batch"],
        required=False,
        default="normal",
        help_text="A batch run waits until the tenant has nothing else that is due.",
    )


class RunEventSerializer(serializers.ModelSerializer[RunEvent]):
    class Meta:
        model = RunEvent
        fields = ["id", "kind", "old_status", "new_status", "message", "actor", "data", "created_at"]


class UploadSerializer(serializers.ModelSerializer[Upload]):
    class Meta:
        model = Upload
        fields = ["id", "tenant", "name", "size_bytes", "created_at"]


class ExecutionSerializer(serializers.ModelSerializer[StepExecution]):
    """A stretch of a log page: `offset` is where the execution's output begins in it."""

    step = serializers.CharField(source="step.name")
    offset = serializers.IntegerField()
    characters = serializers.IntegerField()

    class Meta:
        model = StepExecution
        fields = [
            "id",
            "number",
            "step",
            "status",
            "exit_code",
            "offset",
            "characters",
            "log_truncated",
            "started_at",
            "finished_at",
        ]


class LogPageSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    offset = serializers.IntegerField()
    next_offset = serializers.IntegerField(help_text="Ask with it for what comes next.")
    eof = serializers.BooleanField(help_text="Nothing more will come.")
    text = serializers.CharField(allow_blank=True)
    removed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the output of the run was removed because it was too old to be kept."
    )
    executions = ExecutionSerializer(many=True)
