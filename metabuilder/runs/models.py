"""A run and what it is made of: its source, its plan's steps, their executions and logs, its events.

Only `transitions` changes a run's status.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from metabuilder.runs.states import FINAL, ExecutionStatus, RunStatus, StepStatus
from tenants.models import AutofixOverrides, Tenant


class SourceKind(models.TextChoices):
    GIT = "git_url", "Git repository"
    PATH = "path", "Directory"
    UPLOAD = "upload", "Uploaded archive"


class Project(models.Model):
    """What a tenant's runs of one source belong to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200)
    source_kind = models.CharField(max_length=10, choices=SourceKind)
    location = models.CharField(max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "source_kind", "location"], name="one_project_per_source")
        ]

    def __str__(self) -> str:
        return self.name


class Priority(models.IntegerChoices):
    """Which of a tenant's runs goes first; between tenants it decides nothing."""

    BATCH = 0, "batch"
    NORMAL = 10, "normal"
    PERSON = 20, "a person waits"


class Upload(models.Model):
    """A source archive somebody sent; a run names it by its id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="uploads")
    file = models.FileField(upload_to="uploads/%Y/%m")
    name = models.CharField(max_length=200)
    size_bytes = models.PositiveBigIntegerField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Run(AutofixOverrides):
    """One build of one source by one plan, from its first step to a final status."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="runs")
    project = models.ForeignKey(Project, models.PROTECT, related_name="runs")
    title = models.CharField(max_length=200, blank=True)
    ref = models.CharField(max_length=200, blank=True)
    source_commit = models.CharField(max_length=40, blank=True, editable=False)
    origin_commit = models.CharField(
        max_length=40, blank=True, editable=False, help_text="The source's own commit, if it has one."
    )
    plan_source = models.CharField(max_length=20, blank=True, editable=False)
    plan_version = models.PositiveIntegerField(default=0, editable=False)
    rules = models.JSONField(default=list, db_default=[], editable=False)  # the plan's own of the classifier
    status = models.CharField(
        max_length=30,
        choices=[(s, s.replace("_", " ")) for s in RunStatus],
        default=RunStatus.QUEUED,
        editable=False,
    )
    round = models.PositiveIntegerField(default=1, editable=False)
    failure = models.JSONField(null=True, editable=False)
    diff = models.TextField(blank=True, editable=False)
    unsandboxed = models.BooleanField(
        default=False, editable=False, help_text="The bundled demo on a machine without a sandbox: our own code."
    )
    started_under_drain = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="runs_started")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    # The queue entry: a waiting run is due from `due_at` on; `claimed_at` is its tenant's last turn.
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    # The lease: a worker owns the run until `lease_until`; `fence` grows with each owner.
    lease_owner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)
    workers_lost = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="In a row, since something last came of it."
    )
    deadline_at = models.DateTimeField(null=True, editable=False, help_text="The run's time limit.")
    pruned_at = models.DateTimeField(null=True, editable=False, help_text="When its logs and executions were removed.")
    tree_at = models.CharField(
        max_length=500, blank=True, editable=False, help_text="Where the tree is that these rows describe."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "-created_at"], name="run_tenant_newest"),
            models.Index(
                fields=["tenant", "-priority", "due_at", "id"],
                condition=models.Q(status__in=["queued", "backing_off"]),
                name="run_tenant_turn",
            ),
            models.Index(fields=["due_at"], condition=models.Q(status__in=["queued", "backing_off"]), name="run_due"),
            models.Index(fields=["tenant"], condition=models.Q(status="running"), name="run_tenant_running"),
            models.Index(fields=["tenant", "claimed_at"], name="run_tenant_claimed"),
            models.Index(fields=["finished_at"], condition=models.Q(pruned_at=None), name="run_finished"),
            models.Index(
                fields=["project", "-created_at"], condition=models.Q(status="succeeded"), name="run_project_green"
            ),
        ]

    # What a worker that has claimed the run remembers of it; no columns.
    lost_by: str = ""  # the worker that held it before and did not let go itself
    out_of_time_at: float = float("inf")  # by the monotonic clock
    executions_begun: int | None = None
    decisions_made: int = 0
    first_attempts: dict[
        int, Any
    ]  # the only attempt of a step's episode, if it was made in this claim; Any: see autofix
    known_steps: "list[Step] | None" = None
    failing_steps: set[int] | None = None  # the keys of those whose failure is not healed yet

    def __str__(self) -> str:
        return self.title or f"{self.project} {str(self.id)[:8]}"

    @property
    def is_new(self) -> bool:
        """True if no worker has had it before the one that holds it."""
        return self.fence == 1

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def kept_days(self) -> int | None:
        """How many days after its end its logs were removed."""
        return (self.pruned_at - self.finished_at).days if self.pruned_at and self.finished_at else None

    def next_step(self) -> "Step | None":
        """Return the first step of the plan that has not passed yet."""
        if self.known_steps is None:
            self.known_steps = list(self.steps.order_by("position"))
            for step in self.known_steps:
                step.run = self
        return next((step for step in self.known_steps if step.status != StepStatus.PASSED), None)

    def forget_steps(self) -> None:
        """Read the steps anew when they are next asked for: others than the one in hand have changed."""
        self.known_steps = None


class Plan(models.Model):
    """One version of a run's plan, kept as it was when the version was made."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="plans")
    version = models.PositiveIntegerField()
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["run", "version"], name="one_plan_per_version")]

    def __str__(self) -> str:
        return f"plan version {self.version}"


class CurrentSteps(models.Manager["Step"]):
    """The steps of the plan in force: those that a re-plan took out are kept for their evidence."""

    def get_queryset(self) -> models.QuerySet["Step"]:
        return super().get_queryset().filter(removed_in=None)


class Step(models.Model):
    """One command of the run's current plan."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    command = models.TextField()
    timeout_seconds = models.PositiveIntegerField()
    env = models.JSONField(default=dict, blank=True)
    network = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=[(s, s) for s in StepStatus], default=StepStatus.PENDING)
    removed_in = models.PositiveIntegerField(null=True, editable=False, help_text="The plan version without it.")

    objects = CurrentSteps()
    everything = models.Manager()  # noqa: DJ012  # a second manager, no field

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "name"], condition=models.Q(removed_in=None), name="one_current_step_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class StepExecution(models.Model):
    """One time a step's command ran, with the evidence of how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="executions")
    step = models.ForeignKey(Step, models.CASCADE, related_name="executions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in ExecutionStatus], default=ExecutionStatus.RUNNING)
    verdict = models.CharField(max_length=20, blank=True)
    exit_code = models.IntegerField(null=True)
    message = models.CharField(max_length=500, blank=True)
    sandbox_level = models.CharField(max_length=20, blank=True)
    log_bytes = models.PositiveBigIntegerField(default=0)
    log_truncated = models.BooleanField(default=False)
    log_characters = models.PositiveBigIntegerField(default=0)
    log_file = models.FileField(blank=True, help_text="The whole log, once it is too large for rows.")
    reports = models.JSONField(default=dict)
    fence = models.PositiveBigIntegerField()
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)
    duration_seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_execution_per_number")]

    def __str__(self) -> str:
        return f"execution {self.number} of {self.step}"


class LogChunk(models.Model):
    """A piece of an execution's output, in order; `offset` counts characters from its start."""

    execution = models.ForeignKey(StepExecution, models.CASCADE, related_name="chunks")
    sequence = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["execution", "sequence"], name="one_chunk_per_sequence")]

    def __str__(self) -> str:
        return f"chunk {self.sequence}"


class RunEvent(models.Model):
    """Something that happened to a run. Written once, never changed: timelines are read from here."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=40)
    old_status = models.CharField(max_length=30, blank=True)
    new_status = models.CharField(max_length=30, blank=True)
    message = models.CharField(max_length=500)
    actor = models.CharField(max_length=150, blank=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["run", "id"], name="event_run_order")]

    def __str__(self) -> str:
        return self.message


class Chore(models.Model):
    """Work that some node does from time to time; whoever moves `due_at` on does it."""

    name = models.CharField(primary_key=True, max_length=60)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    report = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return self.name
