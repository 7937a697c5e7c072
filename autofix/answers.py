"""A classified failure as the API, the command and the admin's log page answer it."""

from typing import Any

from autofix.failures import Failure
from autofix.playbooks import StrategyName, last_resort, rungs_left


def classification(failure: Failure) -> dict[str, Any]:  # Any: JSON
    """Return the answer of CONTRACT's `POST /classify-failure`."""
    suggested = suggestion(failure, rungs_left(failure, []))
    return {
        "type": str(failure.signal),
        "detail": failure.detail,
        "severity": str(failure.severity),
        "confidence": failure.confidence,
        "retryable": failure.retryable or suggested == StrategyName.RETRY,
        "requires_replan": failure.requires_replan,
        "retry_after_seconds": failure.retry_after_seconds,
        "message": failure.message,
        "excerpt": failure.excerpt,
        "rule": failure.rule,
        "fingerprint": failure.fingerprint,
        "locations": [{"file": at.file, "line": at.line} for at in failure.locations],
        "suggested_strategy": str(suggested),
    }


def suggestion(failure: Failure, strategies: tuple[str, ...]) -> str:
    """Return the first strategy that would act on such a failure in a fresh run."""
    acting = [name for name in strategies if name != "rollback"]
    return acting[0] if acting else last_resort(failure)
