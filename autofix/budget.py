"""How many attempts a run may have and how long it waits between them. Pure."""

import random
from dataclasses import dataclass

BASE_SECONDS = 1.0


@dataclass(frozen=True)
class Budget:
    """Limits of one run; what counts against them are the attempts that acted."""

    max_total_attempts: int
    max_per_step_attempts: int
    backoff_cap_seconds: float

    def spent(self, total: int, on_step: int) -> str:
        """Return which limit is reached, in words; empty if none."""
        if total >= self.max_total_attempts:
            return f"the run's budget of {self.max_total_attempts} attempts is spent"
        if on_step >= self.max_per_step_attempts:
            return f"the step's budget of {self.max_per_step_attempts} attempts is spent"
        return ""


def backoff_seconds(
    earlier_retries: int, cap_seconds: float, retry_after_seconds: float | None, rng: random.Random
) -> float:
    """Full jitter: uniform below a capped exponential, so that runs that failed together part ways.

    M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. A server's
    Retry-After is waited for in full, up to the cap, with the jitter on top of it.
    """
    ceiling = min(cap_seconds, BASE_SECONDS * 2**earlier_retries)
    jitter = rng.uniform(0, ceiling)
    if retry_after_seconds is None:
        return jitter
    return min(cap_seconds, retry_after_seconds + min(jitter, retry_after_seconds * 0.1))
