"""What the loop decided and what came of it: attempts, episodes, plan deltas, the kill switch."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from approvals.models import Gate
from autofix.failures import Severity, Signal
from autofix.playbooks import StrategyName
from metabuilder.runs.models import Project, Run, Step, StepExecution
from tenants.models import Tenant


class Outcome(models.TextChoices):
    RETRIED = "retried"
    PATCH_APPLIED = "patch_applied"
    REPLANNED = "replanned"
    ROLLED_BACK = "rolled_back"
    ESCALATED = "escalated"
    GAVE_UP = "gave_up"


ACTED = [Outcome.RETRIED, Outcome.PATCH_APPLIED, Outcome.REPLANNED, Outcome.ROLLED_BACK]


class AttemptState(models.TextChoices):
    DECIDED = "decided"  # written down, not carried out yet
    AWAITING = "awaiting"  # a person is asked
    CARRIED_OUT = "carried_out"  # the step must show whether it helped
    FINISHED = "finished"


class Control(models.TextChoices):
    """What running the step again without the proposed patch showed."""

    NOT_RUN = "", "not run"
    FAILS = "fails", "still fails without the patch"
    PASSES = "passes", "passes without any patch: flaky"


class EpisodeOutcome(models.TextChoices):
    HEALED = "healed"  # verified, without a person
    HEALED_BY_PERSON = "healed_by_person"
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"


class Episode(models.Model):
    """From a step's failure until it passes again or the run gives up."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="episodes")
    step = models.ForeignKey(Step, models.CASCADE, related_name="episodes")
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, db_index=True)
    outcome = models.CharField(max_length=20, choices=EpisodeOutcome, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["step"], condition=models.Q(ended_at=None), name="one_open_episode")
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.outcome or 'failing'}"


class Attempt(models.Model):
    """One try at healing one failed step: a row of the Auto-Fix Timeline."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="attempts")
    step = models.ForeignKey(Step, models.CASCADE, related_name="attempts")
    episode = models.ForeignKey(Episode, models.CASCADE, related_name="attempts")
    execution = models.ForeignKey(
        StepExecution, models.SET_NULL, null=True, related_name="attempts", help_text="Empty once it is too old."
    )
    number = models.PositiveIntegerField(help_text="Counts the attempts of the run from 1.")
    step_attempt = models.PositiveIntegerField(help_text="Counts those on its step from 1.")
    round = models.PositiveIntegerField(default=1)
    signal = models.CharField(max_length=20, choices=[(s, s) for s in Signal])
    detail = models.CharField(max_length=60, blank=True)
    severity = models.CharField(max_length=10, choices=[(s, s) for s in Severity])
    confidence = models.FloatField()
    rule = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=500)
    excerpt = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64, db_index=True)
    findings = models.JSONField(default=list)
    strategy = models.CharField(max_length=10, choices=[(s, s) for s in StrategyName])
    fixer = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome)
    state = models.CharField(max_length=12, choices=AttemptState, default=AttemptState.DECIDED)
    verified = models.BooleanField(null=True)
    taken_back = models.BooleanField(default=False)
    control = models.CharField(max_length=6, choices=Control, blank=True)
    abstained = models.CharField(max_length=60, blank=True, help_text="The strategies that were asked before.")
    is_shadow = models.BooleanField(default=False, help_text="Nothing was done: what would have been is written down.")
    recalls = models.ForeignKey("KnownFix", models.SET_NULL, null=True, related_name="uses")
    backoff_seconds = models.FloatField(default=0)
    actual_backoff_seconds = models.FloatField(null=True)
    patch = models.TextField(blank=True)
    commit = models.CharField(max_length=40, blank=True)
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, related_name="undone_by")
    gate = models.OneToOneField(Gate, models.SET_NULL, null=True, related_name="attempt")
    settings_used = models.JSONField(default=dict)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_attempt_per_number")]
        indexes = [models.Index(fields=["run", "state"], name="attempt_run_state")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.signal} → {self.strategy}"


class KnownFix(models.Model):
    """A patch that proved itself in a tenant, to be tried first when the same failure comes again.

    Who proposed and who approved it is with `attempt`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="known_fixes")
    fingerprint = models.CharField(max_length=64)
    project = models.ForeignKey(Project, models.SET_NULL, null=True, related_name="+")
    attempt = models.ForeignKey(Attempt, models.SET_NULL, null=True, related_name="+")
    signal = models.CharField(max_length=20, choices=[(s, s) for s in Signal])
    message = models.CharField(max_length=500)
    fixer = models.CharField(max_length=100, blank=True)
    patch = models.TextField()
    patch_digest = models.CharField(max_length=64)
    by_person = models.BooleanField(default=False, help_text="A person approved it, and is asked again each time.")
    proved = models.PositiveIntegerField(default=1, help_text="How often the step passed with it.")
    failed = models.PositiveIntegerField(default=0, help_text="How often in a row it did not fit or not help.")
    proved_at = models.DateTimeField(db_default=Now(), help_text="When it last helped; a fix is forgotten in time.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-proved_at", "id"]
        verbose_name_plural = "known fixes"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "fingerprint", "patch_digest"], name="one_known_fix_each")
        ]

    def __str__(self) -> str:
        return f"{self.fixer or 'patch'} for {self.message}"


class FruitlessSearch(models.Model):
    """A search for a repair that found nothing: in the same tree it would find nothing again."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64)
    tree = models.CharField(max_length=40)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "fingerprint", "tree"], name="one_fruitless_search_each")
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint[:12]} in {self.tree[:12]}"


class ModelEndpoint(models.Model):
    """A tenant's language model, or its coding agent: asked last, off until its admin turns it on."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="model_endpoint")
    enabled = models.BooleanField(default=False, help_text="Excerpts of logs and source are sent to it.")
    base_url = models.CharField(
        max_length=300, blank=True, help_text="Of an OpenAI-compatible API, such as https://host/v1."
    )
    model = models.CharField(max_length=100, blank=True, help_text="The model's name there.")
    sealed_key = models.TextField(blank=True, editable=False)
    command = models.CharField(
        max_length=500,
        blank=True,
        help_text="Instead of a URL: a coding agent's command, run in the sandbox; $1 is a file with the task. "
        "Not the place for a key: members can read it.",
    )
    may_apply = models.BooleanField(
        default=False, help_text="What it proposes is done once it is proved. Otherwise a person is asked each time."
    )
    max_run_tokens = models.PositiveIntegerField(
        default=60_000,
        validators=[MinValueValidator(1_000), MaxValueValidator(2_000_000)],
        help_text="Tokens that one run may use, both ways.",
    )
    month_budget = models.DecimalField(
        max_digits=10, decimal_places=2, default=20, help_text="What it may cost in a calendar month (UTC)."
    )
    input_price = models.DecimalField(
        max_digits=9,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Of a million tokens that it reads.",
    )
    output_price = models.DecimalField(
        max_digits=9,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="Of a million tokens that it writes.",
    )
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.model or ("a coding agent" if self.command else "no model")

    @property
    def has_key(self) -> bool:
        return bool(self.sealed_key)


class ModelCall(models.Model):
    """What was asked of a tenant's model, what it answered, and what that took. Secrets are masked in both."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="model_calls")
    run = models.ForeignKey(Run, models.CASCADE, related_name="model_calls")
    step = models.CharField(max_length=100)
    model = models.CharField(max_length=100)
    prompt = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    problem = models.CharField(max_length=300, blank=True, help_text="Why there is no answer.")
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    seconds = models.FloatField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["tenant", "created_at"], name="model_call_tenant_time")]

    def __str__(self) -> str:
        return f"{self.model} about {self.step}"


class PlanDelta(models.Model):
    """What a re-plan changes in a run's plan, and why."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="plan_deltas")
    attempt = models.OneToOneField(Attempt, models.CASCADE, related_name="plan_delta")
    from_version = models.PositiveIntegerField()
    to_version = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    changes = models.JSONField()
    applied_at = models.DateTimeField(null=True, help_text="Empty: only proposed.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["to_version"]

    def __str__(self) -> str:
        return f"plan {self.from_version} → {self.to_version}"


class SwitchState(models.TextChoices):
    ON = "on", "On: failed steps are healed"
    DRAIN = "drain", "Drain: started runs keep auto-fix, new ones do not get it"
    OFF = "off", "Off: nothing is healed, for anyone"


class KillSwitch(models.Model):
    """The platform-wide auto-fix switch; one row, missing = on."""

    state = models.CharField(max_length=5, choices=SwitchState, default=SwitchState.ON)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "kill switch"

    def __str__(self) -> str:
        return self.state


class TenantRule(models.Model):
    """What a tenant knows of its own logs: a rule of the classifier that is tried before ours."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="rules")
    name = models.SlugField(max_length=60, help_text="How the timeline calls it.")
    enabled = models.BooleanField(default=True)
    signal = models.CharField(max_length=20, choices=[(s, s) for s in Signal])
    detail = models.CharField(max_length=60, blank=True, help_text="The finer kind: strategies go by it.")
    pattern = models.CharField(max_length=1000, help_text="RE2, on one line. Named groups may be used in the message.")
    unless = models.CharField(max_length=1000, blank=True, help_text="RE2: a line that also matches this is left out.")
    message = models.CharField(max_length=300, help_text="What a person reads, such as: No seat is left on {subject}")
    severity = models.CharField(max_length=10, choices=[(s, s) for s in Severity], default=Severity.MEDIUM)
    confidence = models.FloatField(default=0.9)
    retryable = models.BooleanField(null=True, blank=True, help_text="Empty: as is usual for the type.")
    example = models.CharField(max_length=300, help_text="A line that it must match.")
    counter = models.CharField(max_length=300, blank=True, help_text="A line that it must not match.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_rule_of_a_name")]
        verbose_name = "own rule"

    def __str__(self) -> str:
        return self.name


class Correction(models.Model):
    """A person's word on what a failure really was: an example with a label, for rules to be written by.

    What was said of the failure is kept with it: the attempt goes when it is too old.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="corrections", editable=False)
    attempt = models.OneToOneField(Attempt, models.SET_NULL, null=True, editable=False)
    run = models.ForeignKey(Run, models.SET_NULL, null=True, editable=False, related_name="+")
    step = models.CharField(max_length=100, editable=False)
    kind = models.CharField(max_length=10, editable=False)
    command = models.TextField(editable=False)
    was_signal = models.CharField("was taken for", max_length=20, editable=False)
    was_detail = models.CharField(max_length=60, blank=True, editable=False)
    was_rule = models.CharField(max_length=100, blank=True, editable=False)
    signal = models.CharField("is", max_length=20, choices=[(s, s) for s in Signal])
    detail = models.CharField(max_length=60, blank=True, help_text="The finer kind: strategies go by it.")
    cause = models.CharField(max_length=400, blank=True, help_text="The line of the log that names the cause.")
    note = models.CharField(max_length=500, blank=True)
    excerpt = models.TextField(editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="correction_tenant_newest")]

    def __str__(self) -> str:
        return f"{self.step}: {self.was_signal} → {self.signal}"


class Circuit(models.Model):
    """How an upstream host or a fixer has done for a tenant lately; open, it is left alone for a while."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="circuits")
    kind = models.CharField(max_length=10, choices=[("host", "upstream host"), ("fixer", "fixer")])
    name = models.CharField(max_length=200)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    opened = models.PositiveIntegerField(default=0, help_text="Times in a row that it opened; each doubles the wait.")
    open_until = models.DateTimeField(null=True, help_text="Empty: closed. Past: one trial may go through.")
    trial = models.UUIDField(null=True, help_text="The run that tries whether it works again.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "name"], name="one_circuit_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class MetricRollup(models.Model):
    """What rows that are gone had added to a metric, so that no counter ever falls."""

    metric = models.CharField(max_length=60)
    labels = models.CharField(max_length=300, help_text="The label values as a JSON list.")
    count = models.PositiveBigIntegerField(default=0)
    total = models.FloatField(default=0, help_text="The sum of a histogram.")
    buckets = models.JSONField(default=list, help_text="Cumulative counts of a histogram, by its bounds.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "labels"], name="one_rollup_per_labels")]

    def __str__(self) -> str:
        return f"{self.metric} {self.labels}"
