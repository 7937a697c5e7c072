"""Gates as the API shows them, and what a person may say to one."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.models import FixRevision, Gate, GateStatus, Vote
from tenants.serializers import StrictSerializer

VERDICTS = [(verdict.value, verdict.label) for verdict in (GateStatus.APPROVED, GateStatus.REJECTED)]
MAX_PATCH = 1 << 20


class GateSignalSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    severity = serializers.CharField()
    confidence = serializers.FloatField()
    message = serializers.CharField()
    excerpt = serializers.CharField(allow_blank=True)
    fingerprint = serializers.CharField(allow_blank=True)


class DecisionSerializer(serializers.ModelSerializer[Vote]):
    verdict = serializers.ChoiceField(choices=VERDICTS)

    class Meta:
        model = Vote
        fields = ["actor", "verdict", "comment", "patch_digest", "created_at"]


class RevisionSerializer(serializers.ModelSerializer[FixRevision]):
    warnings = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = FixRevision
        fields = ["author", "warnings", "created_at"]


class GateSerializer(serializers.ModelSerializer[Gate]):
    run_id = serializers.UUIDField(read_only=True)
    signal = serializers.SerializerMethodField()
    patch = serializers.SerializerMethodField(
        help_text="What an approval applies: a person's latest revision, else what was proposed."
    )
    evidence = serializers.DictField(read_only=True)
    decisions = DecisionSerializer(source="votes", many=True, read_only=True)
    revisions = RevisionSerializer(many=True, read_only=True)

    class Meta:
        model = Gate
        fields = [
            "id",
            "run_id",
            "step",
            "kind",
            "reason",
            "status",
            "signal",
            "patch",
            "verified",
            "evidence",
            "base_commit",
            "plan_version",
            "required_approvals",
            "decisions",
            "revisions",
            "expires_at",
            "created_at",
            "decided_at",
        ]
        read_only_fields = fields

    @extend_schema_field(GateSignalSerializer)
    def get_signal(self, gate: Gate) -> dict[str, Any]:  # Any: JSON
        return dict(gate.signal)

    def get_patch(self, gate: Gate) -> str:
        newest = max(gate.revisions.all(), key=lambda revision: revision.pk, default=None)
        return newest.patch if newest else gate.patch


class EscalationSerializer(serializers.Serializer[Any]):
    run_id = serializers.UUIDField()
    status = serializers.CharField()
    gates = GateSerializer(many=True)


class AnswerSerializer(StrictSerializer):
    comment = serializers.CharField(required=False, default="", allow_blank=True, allow_null=True, max_length=10_000)
    patch = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        allow_null=True,
        trim_whitespace=False,
        max_length=MAX_PATCH,
        help_text="A unified diff of your own, to apply instead of the proposed one.",
    )
