"""The states of a run and of a step, and which may follow which. No database here."""

from enum import StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    BACKING_OFF = "backing_off"
    PAUSED_AWAITING_APPROVAL = "paused_awaiting_approval"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


class ExecutionStatus(StrEnum):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"  # its worker went away, or the run was cancelled, before it ended


FINAL = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
WAITING = frozenset({RunStatus.QUEUED, RunStatus.BACKING_OFF})
_ENDS = {RunStatus.FAILED, RunStatus.CANCELLED}

MAY_FOLLOW: dict[RunStatus, set[RunStatus]] = {
    RunStatus.QUEUED: {RunStatus.RUNNING, *_ENDS},
    RunStatus.RUNNING: set(RunStatus) - {RunStatus.RUNNING},  # queued: handed back, or its worker was lost
    RunStatus.BACKING_OFF: {RunStatus.RUNNING, RunStatus.QUEUED, *_ENDS},
    RunStatus.PAUSED_AWAITING_APPROVAL: {RunStatus.QUEUED, *_ENDS},
    RunStatus.SUCCEEDED: set(),
    RunStatus.FAILED: {RunStatus.QUEUED},  # a person's retry
    RunStatus.CANCELLED: {RunStatus.QUEUED},
}


class ForbiddenTransition(Exception):
    """A run cannot go from one of these states to the other."""


def check(old: str, new: str) -> None:
    if RunStatus(new) not in MAY_FOLLOW[RunStatus(old)]:
        raise ForbiddenTransition(f"A run that is {old} cannot become {new}.")
