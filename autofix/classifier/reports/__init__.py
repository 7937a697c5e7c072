"""What do the tools report? A reader for each format; what cannot be read is no evidence."""

from collections.abc import Callable, Mapping

from autofix.classifier.reports import audits, bandit, junit, linters, mypy, ruff, sarif
from autofix.failures import Failure, Signal

Reader = Callable[[str], Failure | None]

# In this order where several reports name a failure of equal weight.
READERS: dict[str, Reader] = {
    "bandit": bandit.read,
    "sarif": sarif.read,
    "junit": junit.read,
    "mypy": mypy.read,
    "ruff": ruff.read,
    "eslint": linters.read_eslint,
    "pyright": linters.read_pyright,
    "golangci": linters.read_golangci,
    "pip-audit": audits.read_pip_audit,
    "npm-audit": audits.read_npm_audit,
    "osv": audits.read_osv,
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
        for name, text in _in_order(reports)
        if 0 < len(text) <= SIZE_CAP_CHARS and (failure := READERS[_format_of(name)](text))
    ]
    own = OWN_SIGNALS.get(kind, frozenset())
    return min(failures, key=lambda found: _weight(found, own), default=None)


def _format_of(name: str) -> str:
    """A report is called by its format, and where there are several also by its file: `junit:a/b.xml`."""
    return name.partition(":")[0]


def _in_order(reports: Mapping[str, str]) -> list[tuple[str, str]]:
    known = [(name, text) for name, text in reports.items() if _format_of(name) in READERS]
    order = list(READERS)
    return sorted(known, key=lambda pair: order.index(_format_of(pair[0])))


def _weight(failure: Failure, own: frozenset[Signal]) -> int:
    if failure.signal is Signal.SECURITY:
        return 0
    return 1 if failure.signal in own else 2
