"""What do the tools report? A reader for each format; what cannot be read is no evidence."""

from collections.abc import Callable, Mapping

from autofix.classifier.reports import bandit, junit, mypy, ruff, sarif
from autofix.failures import Failure, Signal

Reader = Callable[[str], Failure | None]

# In this order where several reports name a failure of equal weight.
READERS: dict[str, Reader] = {
    "bandit": bandit.read,
    "sarif": sarif.read,
    "junit": junit.read,
    "mypy": mypy.read,
    "ruff": ruff.read,
}
SIZE_CAP_CHARS = 32 << 20
OWN_SIGNALS = {
    "lint": frozenset({Signal.LINT}),
    "format": frozenset({Signal.LINT}),
    "typecheck": frozenset({Signal.TYPECHECK}),
}


def from_reports(reports: Mapping[str, str], kind: str = "") -> Failure | None:
    """Security first, then what the step is for, then the order of the readers."""
    failures = [
        failure
        for name, read in READERS.items()
        if 0 < len(reports.get(name, "")) <= SIZE_CAP_CHARS and (failure := read(reports[name]))
    ]
    own = OWN_SIGNALS.get(kind, frozenset())
    return min(failures, key=lambda found: _weight(found, own), default=None)


def _weight(failure: Failure, own: frozenset[Signal]) -> int:
    if failure.signal is Signal.SECURITY:
        return 0
    return 1 if failure.signal in own else 2
