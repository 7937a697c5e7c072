"""A gate: a question to people about a paused run, what they were shown, and what they said."""

import uuid

from django.conf import settings
from django.db import models

from metabuilder.runs.models import Run


class GateStatus(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class GateKind(models.TextChoices):
    SECURITY = "security"
    POLICY = "policy"
    UNKNOWN = "unknown"


class Gate(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="gates")
    step = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=GateKind)
    reason = models.CharField(max_length=500)
    signal = models.JSONField(help_text="What failed, as the timeline shows it.")
    patch = models.TextField(blank=True)
    verified = models.BooleanField(null=True, help_text="Whether the step passed with the patch in a scratch copy.")
    evidence = models.JSONField(default=dict)
    base_commit = models.CharField(max_length=40, blank=True)
    plan_version = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=GateStatus, default=GateStatus.PENDING)
    required_approvals = models.PositiveSmallIntegerField(default=1)
    approvals = models.PositiveSmallIntegerField(default=0, help_text="Given so far.")
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["status", "created_at"], name="gate_status_oldest")]

    def __str__(self) -> str:
        return self.reason

    @property
    def effective_patch(self) -> str:
        """What an approval applies: a person's latest revision, else what was proposed."""
        revision = self.revisions.order_by("-id").first()
        return revision.patch if revision else self.patch


class Vote(models.Model):
    """What one person, or the operator at the command line, said to a gate."""

    gate = models.ForeignKey(Gate, models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)
    actor = models.CharField(max_length=150)
    verdict = models.CharField(max_length=10, choices=GateStatus)
    comment = models.TextField(blank=True)
    patch_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["gate", "actor"], name="one_vote_each")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.actor}"


class FixRevision(models.Model):
    """A patch that a person put in the place of the proposed one."""

    gate = models.ForeignKey(Gate, models.CASCADE, related_name="revisions")
    author = models.CharField(max_length=150)
    patch = models.TextField()
    warnings = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"revision by {self.author}"
