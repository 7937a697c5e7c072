"""Open a gate, approve it, reject it, cancel it, let it expire. The admin, the API and the command come here.

A decision is one conditional UPDATE on a gate that is still pending: whoever comes second is told
who was first. Approving only records and wakes the run; its loop then finds the decided gate.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from approvals.models import FixRevision, Gate, GateStatus, Vote
from metabuilder.runs import transitions
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus

PAUSED = frozenset({RunStatus.PAUSED_AWAITING_APPROVAL})
EXPIRED_AT_ONCE = 200


class AlreadyDecided(Exception):
    """Somebody answered first; the message says who, what and when."""

    def __init__(self, gate: Gate) -> None:
        vote = gate.votes.filter(verdict=gate.status).order_by("id").first()
        by = f" by {vote.actor}" if vote else ""
        when = f" at {gate.decided_at:%Y-%m-%d %H:%M:%S %Z}" if gate.decided_at else ""
        state = "answered by you" if gate.status == GateStatus.PENDING else f"{gate.status}{by}{when}"
        super().__init__(f"This gate was already {state}. Nothing was changed.")
        self.gate = gate


class Expired(AlreadyDecided):
    """Nobody answered in time; the message says when that time was over."""

    def __init__(self, gate: Gate) -> None:
        Exception.__init__(
            self,
            f"This gate expired at {gate.expires_at:%Y-%m-%d %H:%M:%S %Z} without an answer. Nothing was changed.",
        )
        self.gate = gate


@dataclass(frozen=True)
class Question:
    """What a gate asks and shows. `signal` is the failure as JSON."""

    step: str
    kind: str
    reason: str
    signal: dict[str, Any]
    patch: str = ""
    verified: bool | None = None
    base_commit: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decider:
    """Who decides: a user, or the operator of the machine at the command line (`user` None)."""

    name: str
    user: User | None = None


@transaction.atomic
def open_gate(run: Run, question: Question) -> Gate:
    """Ask, and pause the run that this worker holds."""
    hours = run.tenant.gate_expiry_hours or settings.GATE_EXPIRY_HOURS
    gate = Gate.objects.create(
        run=run,
        step=question.step,
        kind=question.kind,
        reason=question.reason[:500],
        signal=question.signal,
        patch=question.patch,
        verified=question.verified,
        evidence=question.evidence,
        base_commit=question.base_commit,
        plan_version=run.plan_version,
        expires_at=Now() + timedelta(hours=hours),
    )
    gate.refresh_from_db(fields=["expires_at"])
    transitions.move(run, RunStatus.PAUSED_AWAITING_APPROVAL, f"waiting: {question.reason}")
    return gate


@transaction.atomic
def approve(gate: Gate, by: Decider, comment: str = "", revision: FixRevision | None = None) -> Gate:
    """Record an approval; the last one needed lets the run go on.

    Counting on the gate's own row makes approvals that come at once wait for each other.
    """
    _change(gate, approvals=1 if revision else F("approvals") + 1)  # another patch: earlier votes were not for it
    if revision is not None:
        revision.gate = gate
        revision.save()
    _vote(gate, by, GateStatus.APPROVED, comment)
    if gate.approvals >= gate.required_approvals:
        _change(gate, status=GateStatus.APPROVED, decided_at=Now())
        _resume(gate, RunStatus.QUEUED, f"approved by {by.name}", by)
    return gate


@transaction.atomic
def reject(gate: Gate, by: Decider, comment: str = "") -> Gate:
    """Record a rejection; the run fails."""
    _change(gate, status=GateStatus.REJECTED, decided_at=Now())
    _vote(gate, by, GateStatus.REJECTED, comment)
    failure = {**gate.signal, "step": gate.step, "reason": f"rejected by {by.name}", "comment": comment}
    Run.objects.filter(pk=gate.run_id).update(failure=failure)
    _resume(gate, RunStatus.FAILED, f"rejected by {by.name}", by)
    return gate


def cancel_pending(run: Run) -> int:
    """Close the open questions of a run that no longer needs an answer."""
    pending = Gate.objects.filter(run=run, status=GateStatus.PENDING)
    return pending.update(status=GateStatus.CANCELLED, decided_at=Now())


def expire_due(close: Callable[[Run], object] = lambda run: None) -> int:
    """Let the gates expire that nobody answered in time, and fail their runs; return how many.

    `close` ends, in the same transaction, what a layer above has open of such a run.
    """
    due = Gate.objects.filter(status=GateStatus.PENDING, expires_at__lte=Now()).order_by("expires_at")
    return sum(_expire(gate, close) for gate in due.select_related("run")[:EXPIRED_AT_ONCE])


@transaction.atomic
def _expire(gate: Gate, close: Callable[[Run], object]) -> bool:
    """Return False where somebody answered or another node was first; gate before run, as everywhere."""
    due = Gate.objects.filter(pk=gate.pk, status=GateStatus.PENDING, expires_at__lte=Now())
    if gate.expires_at is None or not due.update(status=GateStatus.EXPIRED, decided_at=Now()):
        return False
    hours = round((gate.expires_at - gate.created_at) / timedelta(hours=1))
    reason = f"the approval expired after {hours} hour{'' if hours == 1 else 's'} without an answer"
    with suppress(transitions.CannotMove):  # the run is not waiting: then only the question is over
        transitions.intervene(gate.run, RunStatus.FAILED, reason, "", PAUSED)
        Run.objects.filter(pk=gate.run_id).update(failure={**gate.signal, "step": gate.step, "reason": reason})
        close(gate.run)
    return True


def _change(gate: Gate, **values: Any) -> None:  # Any: expressions of the database
    """Update a gate that is still open; raise AlreadyDecided or Expired if it is not."""
    in_time = Q(expires_at=None) | Q(expires_at__gt=Now())
    changed = Gate.objects.filter(in_time, pk=gate.pk, status=GateStatus.PENDING).update(**values)
    gate.refresh_from_db()
    if not changed:
        is_too_late = gate.status in {GateStatus.PENDING, GateStatus.EXPIRED} and gate.expires_at is not None
        raise Expired(gate) if is_too_late else AlreadyDecided(gate)


def _vote(gate: Gate, by: Decider, verdict: GateStatus, comment: str) -> None:
    try:
        with transaction.atomic():
            Vote.objects.create(
                gate=gate,
                user=by.user,
                actor=by.name,
                verdict=verdict,
                comment=comment,
                patch_digest=hashlib.sha256(gate.effective_patch.encode()).hexdigest(),
            )
    except IntegrityError:
        raise AlreadyDecided(gate) from None


def _resume(gate: Gate, status: RunStatus, message: str, by: Decider) -> None:
    try:
        transitions.intervene(gate.run, status, message, by.name, PAUSED)
    except transitions.CannotMove:
        raise AlreadyDecided(gate) from None
