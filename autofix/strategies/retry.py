"""Run the step again, later: for what passes by itself."""

from autofix.budget import backoff_seconds
from autofix.failures import Signal
from autofix.strategies.base import Diagnosis, Proposal

WAITS = frozenset({Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT, Signal.UNKNOWN})


class Retry:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        failure = diagnosis.failure
        if failure.signal not in WAITS:
            return Proposal(reason="run once more: it may be flaky")
        delay = backoff_seconds(
            diagnosis.retries_so_far,
            diagnosis.budget.backoff_cap_seconds,
            failure.retry_after_seconds,
            diagnosis.rng,
        )
        return Proposal(delay_seconds=delay, reason=f"{failure.signal} failures often pass")
