"""What may a patch not do that nobody has looked at? Pure: texts in, violations out.

Start at `inspect`. Where a rule cannot tell, it says no: a person decides then. Read next: `paths`
(protected files), `python_tests`, `configuration`, `suppressions`.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

from autofix.guard import (
    configuration,
    paths,
    plain_tests,
    python_sources,
    python_tests,
    suppressions,
)
from autofix.guard.patches import Before, PatchError, changes, mode_violations
from autofix.guard.violations import Change, Violation

MAX_PER_FILE = 50  # more would tell nobody more; each is looked for when it is asked for

__all__ = ["Before", "Violation", "inspect"]


def inspect(patch: str, before: Before, protected: Sequence[str] = ()) -> tuple[Violation, ...]:
    """Return what is wrong with it; `before` gives a file's old text, None where there is none."""
    try:
        found = list(mode_violations(patch))
        for change in changes(patch, before):
            found += islice(_violations(change, protected), MAX_PER_FILE)
    except PatchError as error:
        return (Violation("unreadable-patch", "", 0, f"the patch is refused: {error}"),)
    except (RecursionError, MemoryError):
        return (Violation("unreadable-patch", "", 0, "a file in it is too deeply nested"),)
    return tuple(dict.fromkeys(found))


def _violations(change: Change, protected: Sequence[str]) -> Iterator[Violation]:
    yield from paths.violations(change, protected)
    yield from suppressions.violations(change)
    yield from configuration.violations(change)
    if plain_tests.applies(change):
        yield from plain_tests.violations(change)
    if PurePosixPath(change.path).suffix in (".py", ".pyi"):
        yield from _python_violations(change)


def _python_violations(change: Change) -> Iterator[Violation]:
    in_tests = python_tests.applies(change)
    try:
        if in_tests:
            yield from python_tests.violations(change)
        if change.after is not None:
            yield from python_sources.violations(change, in_tests=in_tests)
    except ValueError as error:
        yield change.flag("unreadable-patch", f"{change.path} cannot be judged: {error}")
