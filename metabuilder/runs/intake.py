"""Where a run begins: its source and plan are checked, its rows are made, it is queued.

What can be refused without fetching anything is refused here, before a row exists; what only the
source itself shows (a broken plan file, a missing ref) ends the run with that reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from metabuilder.execution import locations
from metabuilder.runs import plan_input, plans, transitions, turns
from metabuilder.runs.models import Priority, Project, Run, SourceKind, Upload
from tenants.models import Tenant

RETRY_SECONDS = 30


class RunRefused(Exception):
    """The run cannot be started; `errors` maps a field to what is wrong with it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


class QueueFull(Exception):
    """So many runs wait already that another one is not taken in, for the tenant or for anybody."""

    def __init__(self, tenant: Tenant | None) -> None:
        whose = f"{tenant} has" if tenant else "The service has"
        super().__init__(f"{whose} as many runs waiting as it may. Try again in {RETRY_SECONDS} seconds.")
        self.is_tenants = tenant is not None
        self.retry_after_seconds = RETRY_SECONDS


@dataclass(frozen=True)
class Order:
    """What somebody wants built. `overrides` are the run's own auto-fix settings."""

    tenant: Tenant
    source_kind: SourceKind
    location: str
    ref: str = ""
    plan: object = None
    title: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)  # Any: bool or int by field
    user: User | None = None
    actor: str = ""
    any_directory: bool = False  # the command line may build what its user can read
    under_drain: bool = False
    priority: Priority = Priority.NORMAL
    unsandboxed: bool = False  # the bundled demo's own, where there is no sandbox


def create_run(order: Order) -> Run:
    """Make and queue a run; raise QueueFull, RunRefused or plan_input.PlanRejected and leave nothing behind."""
    if turns.is_full():
        raise QueueFull(None)
    if turns.is_full(order.tenant):
        raise QueueFull(order.tenant)
    location = check_source(order)
    plan = plan_input.parse(order.plan) if order.plan is not None else None
    with transaction.atomic():
        project, _ = Project.objects.get_or_create(
            tenant=order.tenant,
            source_kind=order.source_kind,
            location=location,
            defaults={"name": project_name(order.source_kind, location)},
        )
        run = Run.objects.create(
            tenant=order.tenant,
            project=project,
            title=order.title,
            ref=order.ref,
            created_by=order.user,
            started_under_drain=order.under_drain,
            priority=order.priority,
            unsandboxed=order.unsandboxed,
            **order.overrides,
        )
        if plan is not None:
            plans.install(run, plan, "given", settings.STEP_TIMEOUT_SECONDS)
        transitions.start(run, order.actor)
        if order.unsandboxed:
            transitions.note(run, "sandbox", "NO SANDBOX: this run's commands are not isolated from the machine")
    return run


def check_source(order: Order) -> str:
    """Return the source's location in its canonical form, or raise RunRefused naming the field."""
    try:
        if order.ref:
            locations.validate_ref(order.ref)
        return _CHECKS[order.source_kind](order)
    except locations.SourceRejected as error:
        field = error.field if error.field == "ref" else f"source.{error.field}"
        raise RunRefused({field: error.message}) from None


def project_name(kind: str, location: str) -> str:
    if kind == SourceKind.UPLOAD:
        return Upload.objects.values_list("name", flat=True).get(pk=location)
    return location.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git") or location


def _check_git(order: Order) -> str:
    source = locations.validate_git_url(order.location, None if order.any_directory else settings.SOURCE_ROOTS)
    return source.location if source.kind is locations.SourceKind.REPOSITORY else order.location


def _check_path(order: Order) -> str:
    roots = None if order.any_directory else settings.SOURCE_ROOTS
    return locations.validate_directory(order.location, roots).location


def _check_upload(order: Order) -> str:
    if not Upload.objects.filter(pk=order.location, tenant=order.tenant).exists():
        raise RunRefused({"source.upload": "there is no such upload in this tenant"})
    return str(order.location)


_CHECKS = {
    SourceKind.GIT: _check_git,
    SourceKind.PATH: _check_path,
    SourceKind.UPLOAD: _check_upload,
}
