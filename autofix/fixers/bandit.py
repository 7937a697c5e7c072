"""Security findings with one known cure. A person has to agree: each changes what the code does.

Hard-coded passwords (B105, B106) and pickle (B301) are not here: only a person knows the cure.
"""

from collections.abc import Callable, Collection
from functools import partial

from autofix.failures import Failure, Signal
from autofix.fixers import insecure_calls as calls
from autofix.fixers.base import Fixer, Tree, careful, lines_with, rewrite
from autofix.fixers.temporary_files import with_made_files

Edit = Callable[[Collection[int], str], str]


def _fix(found: frozenset[str], edit: Edit, tree: Tree, failure: Failure) -> bool:
    changed = [
        rewrite(tree, path, partial(edit, lines))
        for path, lines in lines_with(tree, failure, found).items()
        if path.endswith(".py")
    ]
    return any(changed)


def _calls(replace: calls.Replacement, *imports: tuple[str, str]) -> Edit:
    return partial(calls.edited, replace, imports)


CURES: tuple[tuple[str, str, Edit], ...] = (
    ("weak-hash", "B324 B303 S324", _calls(calls.strong_hash)),
    ("unsafe-yaml", "B506 S506", _calls(calls.safe_yaml)),
    ("temporary-file", "B306 S306", with_made_files),
    ("request-timeout", "B113 S113", _calls(calls.with_timeout)),
    ("shell-true", "B602 S602 B604 S604 B607", _calls(calls.without_shell)),
    ("os-system", "B605 S605", _calls(calls.without_system, ("subprocess", ""))),
    ("predictable-random", "B311 S311", _calls(calls.unpredictable, ("secrets", ""))),
)
FIXERS = tuple(
    Fixer(
        name,
        "bandit",
        "python",
        frozenset({Signal.SECURITY}),
        frozenset(),
        True,
        careful(partial(_fix, frozenset(found.split()), edit)),
    )
    for name, found, edit in CURES
)
