"""Which deterministic tools may repair a failure? An ordered table; a new one is a line here.

The first that changes something is tried out; so what is surest and smallest comes first, and
what touches whole files last. Read next: `base` (what a fixer is given).
"""

from autofix.failures import Failure
from autofix.fixers import (
    bandit,
    bare_except,
    formatters,
    long_lines,
    missing_import,
    ruff,
    whitespace,
    wrong_import,
)
from autofix.fixers.base import Fixer, ToolResult, Tree

__all__ = ["FIXERS", "Fixer", "ToolResult", "Tree", "for_failure"]

LAYOUT: tuple[Fixer, ...] = (*formatters.FIXERS, ruff.FORMATTER)
FIXERS: tuple[Fixer, ...] = (
    *missing_import.FIXERS,
    *wrong_import.FIXERS,
    *ruff.FIXERS,
    *bare_except.FIXERS,
    *long_lines.FIXERS,
    *whitespace.FIXERS,
    *LAYOUT,
    *bandit.FIXERS,
)
FORMAT = "format"


def for_failure(failure: Failure, kind: str) -> tuple[Fixer, ...]:
    """Return the fixers for this failure of a step of this kind, in the order to try them."""
    of_signal = [fixer for fixer in FIXERS if failure.signal in fixer.signals]
    fitting = [each for each in of_signal if not each.details or failure.detail in each.details]
    is_layout = FORMAT in (kind, failure.detail)
    return tuple(sorted(fitting, key=lambda fixer: is_layout and fixer not in LAYOUT))
