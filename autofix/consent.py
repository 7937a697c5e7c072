"""What a person has allowed a run: a failure let by, the network for a step. Called by `loop` and `remedies`."""

from approvals import gates
from approvals.gates import Question
from approvals.models import Gate, GateKind, GateStatus
from autofix import timeline
from autofix.failures import Failure, Severity, Signal
from autofix.strategies import digest
from metabuilder.runs.models import Run, Step
from metabuilder.runs.states import StepStatus

NETWORK = "network"


def is_accepted(run: Run, step: Step, failure: Failure) -> bool:
    """True if a person approved a gate on exactly this failure for which no fix was proposed."""
    if run.is_new:  # nobody was ever asked
        return False
    approved = Gate.objects.filter(
        run=run,
        step=step.name,
        status=GateStatus.APPROVED,
        patch="",
        revisions=None,
        attempt__plan_delta=None,
    ).exclude(kind=GateKind.UNKNOWN)
    return approved.filter(signal__fingerprint=failure.fingerprint).exists()


def lacks_network(run: Run, step: Step) -> bool:
    """True if a step wants the network and neither the tenant nor an approver allowed it."""
    if not step.network or run.tenant.allow_network:
        return False
    approved = Gate.objects.filter(run=run, step=step.name, status=GateStatus.APPROVED)
    return not approved.filter(signal__fingerprint=network_fingerprint(step)).exists()


def network_fingerprint(step: Step) -> str:
    """An approval holds for the command it was asked for, not for what a re-plan makes of it."""
    return f"{NETWORK}:{digest(step.command)[:32]}"


def ask_for_network(run: Run, step: Step) -> bool:
    message = f"{step} asks for the network, which {run.tenant} does not allow its steps: {step.command}"
    failure = Failure(
        signal=Signal.POLICY,
        message=message,
        rule="network-not-allowed",
        detail=NETWORK,
        severity=Severity.HIGH,
        confidence=1.0,
        fingerprint=network_fingerprint(step),
    )
    signal = timeline.as_json(failure)
    question = Question(step=step.name, kind=GateKind.POLICY, reason=message, signal=signal)
    Step.objects.filter(pk=step.pk).update(status=StepStatus.PENDING)
    gates.open_gate(run, question)
    return False
