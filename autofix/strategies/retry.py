"""Run the step again, later: for what passes by itself."""

from autofix.breaker import wait_seconds
from autofix.budget import backoff_seconds
from autofix.failures import Signal
from autofix.strategies.base import Diagnosis, Proposal

WAITS = frozenset({Signal.TRANSIENT, Signal.INFRA, Signal.RATE_LIMIT, Signal.UNKNOWN})


class Retry:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        failure = diagnosis.failure
        if failure.signal not in WAITS:
            return Proposal(reason="run once more: it may be flaky")
        cap, outage = diagnosis.budget.backoff_cap_seconds, diagnosis.circuits.outage
        planned = backoff_seconds(diagnosis.retries_so_far, cap, failure.retry_after_seconds, diagnosis.rng)
        reason = f"{failure.signal} failures often pass"
        return Proposal(
            delay_seconds=wait_seconds(planned, outage, cap, diagnosis.rng),
            reason=f"{reason}; {outage.why}" if outage else reason,
        )
