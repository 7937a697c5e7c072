"""What people do to runs and gates: start, cancel, retry, approve, reject, throw the switch.

The admin, the API and the commands all come here. Each function is one transaction: it happens
whole or not at all, and says in words why not.
"""

from dataclasses import asdict, replace
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from approvals import gates
from approvals.gates import Decider
from approvals.models import FixRevision, Gate
from autofix import guard, policy
from autofix.models import (
    Attempt,
    AttemptState,
    Episode,
    EpisodeOutcome,
    KillSwitch,
    SwitchState,
)
from metabuilder.execution import patches
from metabuilder.runs import intake, transitions, workspaces
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run
from metabuilder.runs.states import FINAL, RunStatus, StepStatus

MAY_CANCEL = frozenset(RunStatus) - FINAL
MAY_RETRY = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})


def start_run(order: Order) -> Run:
    """Make and queue a run; raise intake.RunRefused, plan_input.PlanRejected or policy.InvalidOverride."""
    policy.check_overrides(order.overrides, policy.for_tenant(order.tenant))
    draining = policy.switch_state() == SwitchState.DRAIN
    return intake.create_run(replace(order, under_drain=draining))


@transaction.atomic
def cancel(run: Run, actor: str) -> Run:
    """Stop a run that is not over; its worker kills the command. Raise transitions.CannotMove."""
    gates.cancel_pending(run)  # gate before run, as an approval does: the other way round they deadlock
    transitions.intervene(run, RunStatus.CANCELLED, f"cancelled by {actor}", actor, MAY_CANCEL)
    _close(run, EpisodeOutcome.CANCELLED)
    return run


@transaction.atomic
def retry(run: Run, actor: str) -> Run:
    """Start a failed or cancelled run again from the failed step, with a fresh budget.

    Passed steps keep their evidence. Raise transitions.CannotMove for any other run.
    """
    transitions.intervene(run, RunStatus.QUEUED, f"started again by {actor}", actor, MAY_RETRY)
    run.steps.exclude(status=StepStatus.PASSED).update(status=StepStatus.PENDING)
    Run.objects.filter(pk=run.pk).update(round=F("round") + 1, failure=None)
    _close(run, EpisodeOutcome.GIVEN_UP)
    run.refresh_from_db()
    return run


@transaction.atomic
def approve(gate: Gate, by: Decider, comment: str = "", patch: str = "") -> Gate:
    """Approve a gate, with a patch of the approver's own if one is given.

    Raise gates.AlreadyDecided, or patches.PatchRejected for a patch that is none.
    """
    return gates.approve(gate, by, comment, _revision(gate, by, patch) if patch.strip() else None)


@transaction.atomic
def reject(gate: Gate, by: Decider, comment: str = "") -> Gate:
    """Reject a gate; its run fails. Raise gates.AlreadyDecided."""
    gates.reject(gate, by, comment)
    _close(gate.run, EpisodeOutcome.GIVEN_UP)
    return gate


def expire_gates() -> int:
    """Fail the runs whose questions nobody answered in time; return how many."""
    return gates.expire_due(partial(_close, outcome=EpisodeOutcome.GIVEN_UP))


def switch(state: SwitchState, user: User | None) -> None:
    """Throw the platform's auto-fix switch; it holds from the next decision of every run on."""
    KillSwitch.objects.update_or_create(pk=1, defaults={"state": state, "changed_by": user})


def runs_under_switch(state: SwitchState) -> QuerySet[Run]:
    """Return the unfinished runs that get no auto-fix while the switch is in `state`."""
    unfinished = Run.objects.exclude(status__in=FINAL)
    if state == SwitchState.OFF:
        return unfinished
    if state == SwitchState.DRAIN:
        return unfinished.filter(started_under_drain=True)
    return unfinished.none()


def _revision(gate: Gate, by: Decider, patch: str) -> FixRevision:
    """Check a person's patch; what the guard has against it is kept as a warning, not a veto."""
    patches.check(patch)
    found = guard.inspect(patch, partial(_text_at_gate, gate), gate.run.tenant.protected_paths)
    return FixRevision(author=by.name, patch=patch, warnings=[asdict(row) for row in found])


def _text_at_gate(gate: Gate, path: str) -> str | None:
    return workspaces.text_at_rest(gate.run, path)


def _close(run: Run, outcome: EpisodeOutcome) -> None:
    """End what is open of a run that a person has stopped or sent on."""
    Attempt.objects.filter(run=run).exclude(state=AttemptState.FINISHED).update(
        state=AttemptState.FINISHED, verified=False, finished_at=Now()
    )
    Episode.objects.filter(run=run, ended_at=None).update(ended_at=Now(), outcome=outcome)
