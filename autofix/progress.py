"""Whether a step that still fails is better off than before. Pure."""

from autofix.failures import Failure, Signal

# How far a step got before it failed: what cannot be compiled cannot be run, and so on.
STAGES: dict[str, int] = {"compile": 0, "dependency": 1, "import": 2}
BY_SIGNAL: dict[Signal, int] = {Signal.SCHEMA_MIGRATION: 3, Signal.RUNTIME: 4, Signal.TEST_ASSERT: 5}


def is_progress(before: Failure, after: Failure) -> bool:
    """True if findings are left over but none is new, or the step now gets further than it did."""
    if after.fingerprint == before.fingerprint:
        return False
    if after.finding_ids and after.finding_ids < before.finding_ids:
        return True
    return stage(after) > stage(before) >= 0


def stage(failure: Failure) -> int:
    """Return how far the step got; -1 where that cannot be told."""
    return STAGES.get(failure.detail, BY_SIGNAL.get(failure.signal, -1))
