"""Security findings with one known cure. A person has to agree: each changes what the code does.

Hard-coded passwords (B105, B106) and pickle (B301) are not here: only a person knows the cure.
"""

from collections.abc import Callable, Collection
from functools import partial

from autofix.failures import Failure
from autofix.fixers import insecure_calls as calls
from autofix.fixers.base import Tree, lines_with, rewrite
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


def _cure(found: str, edit: Edit) -> Callable[[Tree, Failure], bool]:
    return partial(_fix, frozenset(found.split()), edit)


weak_hash = _cure("B324 B303 S324", _calls(calls.strong_hash))
unsafe_yaml = _cure("B506 S506", _calls(calls.safe_yaml))
temporary_file = _cure("B306 S306", with_made_files)
request_timeout = _cure("B113 S113", _calls(calls.with_timeout))
shell_true = _cure("B602 S602 B604 S604 B607", _calls(calls.without_shell))
os_system = _cure("B605 S605", _calls(calls.without_system, ("subprocess", "")))
predictable_random = _cure("B311 S311", _calls(calls.unpredictable, ("secrets", "")))
