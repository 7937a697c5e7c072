"""Failures that no log tells of: of the run as a whole, its tree, or its workers."""

from django.conf import settings

from autofix.failures import Failure, Severity, Signal
from metabuilder.runs.models import Run
from metabuilder.runs.workspaces import CannotPrepare


def out_of_time(run: Run) -> Failure:
    minutes = run.tenant.max_run_minutes or settings.MAX_RUN_MINUTES
    return Failure(
        signal=Signal.INFRA,
        message=f"The run took longer than the {minutes} minutes it may take; what was running was ended.",
        rule="run-time-limit",
        detail="timeout",
        severity=Severity.HIGH,
        confidence=1.0,
    )


def poisoned() -> Failure:
    return Failure(
        signal=Signal.INFRA,
        message="Worker after worker was lost or failed while it worked on this run; look at the workers' logs.",
        rule="workers-lost",
        detail="workers",
        severity=Severity.HIGH,
        confidence=1.0,
    )


def unprepared(error: CannotPrepare) -> Failure:
    return Failure(
        signal=Signal.INFRA,
        message=str(error),
        rule=f"cannot-prepare-{error.field}",
        detail="config" if error.field == "plan" else error.field,
        severity=Severity.HIGH,
        confidence=1.0,
    )


def unusable(message: str) -> Failure:
    return Failure(
        signal=Signal.POLICY,
        message=f"The workspace cannot be used: {message}",
        rule="workspace",
        severity=Severity.HIGH,
        confidence=1.0,
    )
