"""The table of deterministic fixers."""

from autofix.failures import Failure
from autofix.fixers.base import Fixer

FIXERS: tuple[Fixer, ...] = ()


def for_failure(failure: Failure, kind: str) -> tuple[Fixer, ...]:
    return tuple(
        fixer
        for fixer in FIXERS
        if failure.signal in fixer.signals and (not fixer.details or failure.detail in fixer.details)
    )
