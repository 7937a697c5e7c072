"""Rows for tests, made the way the service makes them where it matters."""

import factory
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory

from approvals.models import Gate, GateKind
from autofix.models import Attempt, Episode, Outcome
from autofix.playbooks import StrategyName
from metabuilder.runs.models import LogChunk, Project, Run, SourceKind, Step, StepExecution
from tenants.models import Membership, Tenant
from tenants.roles import Role

PATCH = "--- a/app.py\n+++ b/app.py\n@@ -1,2 +1,2 @@\n-import os\n+import sys\n x = 1\n"
SIGNAL = {
    "type": "security",
    "detail": "secret",
    "severity": "high",
    "confidence": 0.9,
    "message": "A password is in app.py.",
    "excerpt": "app.py:1: password",
    "rule": "detect-secrets",
    "fingerprint": "f" * 16,
    "locations": [],
}
PLAN_RULE = {
    "name": "license-server",
    "type": "infra",
    "pattern": r"no seat left on (?P<subject>\S+)",
    "message": "{subject} has no licence left",
    "example": "fatal: no seat left on lic-7",
}


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = Tenant

    slug = factory.Sequence(lambda n: f"tenant-{n}")
    name = factory.LazyAttribute(lambda tenant: tenant.slug.title())


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


class ProjectFactory(DjangoModelFactory):
    class Meta:
        model = Project

    tenant = factory.SubFactory(TenantFactory)
    name = "shop"
    source_kind = SourceKind.GIT
    location = factory.Sequence(lambda n: f"https://git.example/shop-{n}.git")


class RunFactory(DjangoModelFactory):
    class Meta:
        model = Run

    tenant = factory.SubFactory(TenantFactory)
    project = factory.SubFactory(ProjectFactory, tenant=factory.SelfAttribute("..tenant"))
    plan_version = 1


class StepFactory(DjangoModelFactory):
    class Meta:
        model = Step

    run = factory.SubFactory(RunFactory)
    position = factory.Sequence(lambda n: n)
    name = factory.Sequence(lambda n: f"step-{n}")
    kind = "test"
    command = "true"
    timeout_seconds = 60


class StepExecutionFactory(DjangoModelFactory):
    class Meta:
        model = StepExecution

    step = factory.SubFactory(StepFactory)
    run = factory.SelfAttribute("step.run")
    number = factory.LazyAttribute(lambda made: made.run.executions.count() + 1)
    fence = 1


class LogChunkFactory(DjangoModelFactory):
    class Meta:
        model = LogChunk

    execution = factory.SubFactory(StepExecutionFactory)
    sequence = factory.LazyAttribute(lambda made: made.execution.chunks.count())
    offset = factory.LazyAttribute(lambda made: sum(len(chunk.text) for chunk in made.execution.chunks.all()))
    text = "one line\n"


class EpisodeFactory(DjangoModelFactory):
    class Meta:
        model = Episode

    step = factory.SubFactory(StepFactory)
    run = factory.SelfAttribute("step.run")


class AttemptFactory(DjangoModelFactory):
    class Meta:
        model = Attempt

    execution = factory.SubFactory(StepExecutionFactory)
    step = factory.SelfAttribute("execution.step")
    run = factory.SelfAttribute("execution.run")
    episode = factory.LazyAttribute(
        lambda made: Episode.objects.get_or_create(run=made.run, step=made.step, ended_at=None)[0]
    )
    number = factory.LazyAttribute(lambda made: made.run.attempts.count() + 1)
    step_attempt = factory.LazyAttribute(lambda made: made.step.attempts.count() + 1)
    signal = "lint"
    severity = "low"
    confidence = 0.9
    message = "F401 unused import"
    fingerprint = "a" * 16
    strategy = StrategyName.PATCH
    outcome = Outcome.PATCH_APPLIED


class GateFactory(DjangoModelFactory):
    class Meta:
        model = Gate

    run = factory.SubFactory(RunFactory)
    step = "scan"
    kind = GateKind.SECURITY
    reason = "A password is in app.py."
    signal = factory.LazyFunction(SIGNAL.copy)
    patch = PATCH
