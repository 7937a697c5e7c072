"""What the loop decided, as the API shows it: settings in force, the timeline, plan deltas, a verdict."""

from typing import Any

from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from autofix import policy, timeline
from autofix.failures import Severity, Signal
from autofix.models import Attempt, Outcome, PlanDelta
from autofix.playbooks import StrategyName
from autofix.policy import Effective
from metabuilder.runs import diffs
from metabuilder.runs.models import Run
from metabuilder.runs.serializers import RunSerializer
from tenants.models import AutofixOverrides
from tenants.serializers import StrictSerializer

STRATEGIES = [(name.value, name.value) for name in StrategyName]
SIGNALS = [(signal.value, signal.value) for signal in Signal]
SEVERITIES = [(severity.value, severity.value) for severity in Severity]
MODES = [(mode.value, mode.value) for mode in policy.Mode]
MAX_LOG_CHARACTERS = 8 << 20


class ValuesSerializer(serializers.Serializer[Any]):
    autofix_enabled = serializers.BooleanField()
    max_total_attempts = serializers.IntegerField()
    max_per_step_attempts = serializers.IntegerField()
    backoff_cap_seconds = serializers.IntegerField()


class SettingsSerializer(ValuesSerializer):
    """The values in force, the level each comes from, and what this level itself sets."""

    sources = serializers.DictField(child=serializers.CharField())
    overrides = serializers.DictField(child=serializers.JSONField())
    platform = ValuesSerializer()
    modes = serializers.DictField(
        child=serializers.ChoiceField(choices=MODES), help_text="How much is done about failures of each signal."
    )
    locked = serializers.CharField(
        allow_blank=True, help_text="Why auto-fix is off for everyone; empty when it is not."
    )


class HealingRunSerializer(RunSerializer):
    """A run with the auto-fix settings in force for it."""

    settings = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "settings"]
        read_only_fields = fields

    @extend_schema_field(SettingsSerializer)
    def get_settings(self, run: Run) -> dict[str, Any]:  # Any: JSON
        return settings_shown(policy.for_run(run), run)


class AttemptSignalSerializer(serializers.Serializer[Attempt]):
    type = serializers.ChoiceField(source="signal", choices=SIGNALS)
    detail = serializers.CharField()
    severity = serializers.ChoiceField(choices=SEVERITIES)
    confidence = serializers.FloatField()
    message = serializers.CharField()
    excerpt = serializers.CharField()
    fingerprint = serializers.CharField()


class PatchSummarySerializer(serializers.Serializer[Any]):
    files = serializers.IntegerField()
    insertions = serializers.IntegerField()
    deletions = serializers.IntegerField()


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    step = serializers.CharField(source="step.name")
    signal = AttemptSignalSerializer(source="*")
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    patch = serializers.SerializerMethodField()
    gate_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = Attempt
        fields = [
            "id",
            "number",
            "step",
            "step_attempt",
            "signal",
            "strategy",
            "fixer",
            "outcome",
            "verified",
            "control",
            "is_shadow",
            "reason",
            "backoff_seconds",
            "patch",
            "gate_id",
            "started_at",
            "finished_at",
        ]

    @extend_schema_field(PatchSummarySerializer(allow_null=True))
    def get_patch(self, attempt: Attempt) -> dict[str, int] | None:
        diff = diffs.read(attempt.patch)
        if not diff.files:
            return None
        return {
            "files": len(diff.files),
            "insertions": diff.added,
            "deletions": diff.removed,
        }


class UseSerializer(serializers.Serializer[Any]):
    used = serializers.IntegerField()
    max = serializers.IntegerField()


class BudgetSerializer(serializers.Serializer[Any]):
    total = UseSerializer()
    per_step = serializers.DictField(child=UseSerializer())


class TimelineSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    status = serializers.CharField()
    budget = BudgetSerializer()
    attempts = AttemptSerializer(many=True)


class ChangeSerializer(serializers.Serializer[Any]):
    op = serializers.ChoiceField(choices=["add", "remove", "replace", "move"])
    step = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class PlanDeltaSerializer(serializers.ModelSerializer[PlanDelta]):
    attempt_id = serializers.UUIDField()
    changes = serializers.SerializerMethodField()

    class Meta:
        model = PlanDelta
        fields = ["from_version", "to_version", "reason", "attempt_id", "changes", "created_at"]

    @extend_schema_field(ChangeSerializer(many=True))
    def get_changes(self, delta: PlanDelta) -> list[dict[str, Any]]:  # Any: JSON
        names = ("op", "step", "before", "after")
        return [{name: change.get(name) for name in names} for change in delta.changes]


class PlanDeltasSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    plan_version = serializers.IntegerField()
    deltas = PlanDeltaSerializer(many=True)


class EvidenceSerializer(StrictSerializer):
    step_name = serializers.CharField(max_length=200, allow_blank=True)
    logs = serializers.JSONField(help_text="The step's output, as text.")
    exit_code = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=-(1 << 31), max_value=1 << 32
    )

    def validate_logs(self, logs: object) -> str:
        """Take any text: half characters and NUL, which a broken log may have, included."""
        if not isinstance(logs, str):
            raise serializers.ValidationError("Send the log as one text.")
        return logs[-MAX_LOG_CHARACTERS:].encode(errors="replace").decode()


class LocationSerializer(serializers.Serializer[Any]):
    file = serializers.CharField()
    line = serializers.IntegerField()


class ClassificationSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=SIGNALS)
    detail = serializers.CharField()
    severity = serializers.ChoiceField(choices=SEVERITIES)
    confidence = serializers.FloatField()
    retryable = serializers.BooleanField()
    requires_replan = serializers.BooleanField()
    retry_after_seconds = serializers.FloatField(allow_null=True)
    message = serializers.CharField()
    excerpt = serializers.CharField()
    rule = serializers.CharField()
    fingerprint = serializers.CharField()
    locations = LocationSerializer(many=True)
    suggested_strategy = serializers.CharField(help_text="One of the strategies of an attempt.")


def settings_shown(effective: Effective, owner: AutofixOverrides) -> dict[str, Any]:  # Any: JSON
    own = {name: getattr(owner, name) for name in policy.FIELDS}
    return {
        **effective.values,
        "sources": dict(effective.sources),
        "overrides": {name: value for name, value in own.items() if value is not None},
        "platform": policy.platform_values(),
        "modes": {str(signal): str(effective.mode(signal)) for signal in Signal},
        "locked": effective.locked,
    }


def timeline_shown(run: Run) -> dict[str, Any]:  # Any: JSON
    attempts = run.attempts.select_related("step").order_by("number")
    shown = {
        "run_id": run.pk,
        "status": run.status,
        "budget": budget_shown(run, timeline.attempts_that_acted(run)),
        "attempts": attempts,
    }
    return dict(TimelineSerializer(shown).data)


def budget_shown(run: Run, acted: QuerySet[Attempt]) -> dict[str, Any]:  # Any: JSON
    budget = policy.for_run(run).budget
    used = dict(acted.order_by().values_list("step__name").annotate(used=Count("pk")))
    names = run.steps.order_by("position").values_list("name", flat=True)
    return {
        "total": {"used": sum(used.values()), "max": budget.max_total_attempts},
        "per_step": {name: {"used": used.get(name, 0), "max": budget.max_per_step_attempts} for name in names},
    }
