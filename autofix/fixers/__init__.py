"""Which deterministic tools may repair a failure? An ordered table; a new one is a line here.

The first that changes something is tried out; so what is surest and smallest comes first, and
what touches whole files last. Read next: `base` (what a fixer is given).
"""

from autofix.failures import Failure, Signal
from autofix.fixers import formatters, long_lines, ruff, whitespace
from autofix.fixers.base import Fixer, ToolResult, Tree, later

__all__ = ["FIXERS", "Fixer", "ToolResult", "Tree", "for_failure"]

NAMES = frozenset({Signal.LINT, Signal.TYPECHECK, Signal.RUNTIME, Signal.TEST_ASSERT})
ANY: frozenset[str] = frozenset()
CURES_OF_FINDINGS = (
    "weak-hash",
    "unsafe-yaml",
    "temporary-file",
    "request-timeout",
    "shell-true",
    "os-system",
    "predictable-random",
)

LAYOUT: tuple[Fixer, ...] = (*formatters.FIXERS, ruff.FORMATTER)
FIXERS: tuple[Fixer, ...] = (
    Fixer("missing-import", "libcst", "python", NAMES, ANY, False, later("missing_import:import_missing")),
    Fixer("wrong-import", "libcst", "python", NAMES, ANY, False, later("wrong_import:import_from_elsewhere")),
    *ruff.FIXERS,
    Fixer("bare-except", "libcst", "python", frozenset({Signal.LINT}), ANY, False, later("bare_except:name_exception")),
    *long_lines.FIXERS,
    *whitespace.FIXERS,
    *LAYOUT,
    *(
        Fixer(
            *(name, "bandit", "python", frozenset({Signal.SECURITY}), ANY, True),
            later(f"bandit:{name.replace('-', '_')}"),
        )
        for name in CURES_OF_FINDINGS
    ),
)
FORMAT = "format"


def for_failure(failure: Failure, kind: str) -> tuple[Fixer, ...]:
    """Return the fixers for this failure of a step of this kind, in the order to try them."""
    of_signal = [fixer for fixer in FIXERS if failure.signal in fixer.signals]
    fitting = [each for each in of_signal if not each.details or failure.detail in each.details]
    is_layout = FORMAT in (kind, failure.detail)
    return tuple(sorted(fitting, key=lambda fixer: is_layout and fixer not in LAYOUT))
