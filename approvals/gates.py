"""Open a gate, approve it, reject it, cancel it. The admin, the API and the command come here.

A decision is one conditional UPDATE on a gate that is still pending: whoever comes second is told
who was first. Approving only records and wakes the run; its loop then finds the decided gate.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from approvals.models import FixRevision, Gate, GateStatus, Vote
from metabuilder.runs import transitions
from metabuilder.runs.models import Run
from metabuilder.runs.states import RunStatus

PAUSED = frozenset({RunStatus.PAUSED_AWAITING_APPROVAL})


class AlreadyDecided(Exception):
    """Somebody answered first; the message says who, what and when."""

    def __init__(self, gate: Gate) -> None:
        vote = gate.votes.filter(verdict=gate.status).order_by("id").first()
        by = f" by {vote.actor}" if vote else ""
        when = f" at {gate.decided_at:%Y-%m-%d %H:%M:%S %Z}" if gate.decided_at else ""
        state = "answered by you" if gate.status == GateStatus.PENDING else f"{gate.status}{by}{when}"
        super().__init__(f"This gate was already {state}. Nothing was changed.")
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
    )
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


def _change(gate: Gate, **values: Any) -> None:  # Any: expressions of the database
    """Update a gate that is still pending; raise AlreadyDecided if it is not."""
    changed = Gate.objects.filter(pk=gate.pk, status=GateStatus.PENDING).update(**values)
    gate.refresh_from_db()
    if not changed:
        raise AlreadyDecided(gate)


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
