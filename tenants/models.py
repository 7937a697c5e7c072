"""Whose runs these are, who belongs to whom, and what a tenant sets for its runs."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from knox.models import AbstractAuthToken

from tenants.roles import Role


def bounded(low: int, high: int, what: str) -> "models.PositiveSmallIntegerField[int | None, int | None]":
    return models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(low), MaxValueValidator(high)],
        help_text=f"{what}, {low} to {high}. Empty: inherited.",
    )


class AutofixOverrides(models.Model):
    """What a level may set about healing; an empty field is inherited from the level above."""

    autofix_enabled = models.BooleanField(null=True, blank=True, help_text="Heal failed steps. Unknown: inherited.")
    max_total_attempts = bounded(1, 20, "Healing attempts in one run")
    max_per_step_attempts = bounded(1, 10, "Healing attempts on one step, at most the total")
    backoff_cap_seconds = bounded(1, 300, "Longest wait before a retry in seconds")

    class Meta:
        abstract = True


class Tenant(AutofixOverrides):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    allow_network = models.BooleanField(default=False, help_text="Steps whose plan asks for the network may have it.")
    protected_paths = models.JSONField(
        default=list,
        blank=True,
        help_text="Globs that no patch may touch without a person's approval.",
    )
    modes = models.JSONField(
        default=dict,
        blank=True,
        help_text="How much is done about failures of a signal: off, shadow, suggest or auto. Missing: auto.",
    )
    max_running_runs = bounded(1, 10_000, "Runs worked on at once")
    max_queued_runs = bounded(1, 30_000, "Runs waiting at once; more are refused")
    max_run_minutes = bounded(1, 10_080, "Minutes a run may take, not counting the time it waits for a person")
    gate_expiry_hours = bounded(1, 8_760, "Hours until an unanswered gate expires and its run fails")
    retention_days = bounded(1, 3_650, "Days that logs, executions and workspaces of finished runs are kept")
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="tenants.Membership", related_name="tenants")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=[(role, role.title()) for role in Role])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.tenant}"


class ApiToken(AbstractAuthToken):
    """A hashed, expiring key to the API with its owner's rights, in one tenant where one is named."""

    name = models.CharField(max_length=100, default="token")
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class IdempotencyRecord(models.Model):
    """The answer given to a POST with an `Idempotency-Key`, so that a repeated one does nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_idempotency_key")]

    def __str__(self) -> str:
        return self.key
