"""Does a patch make Python tests easier to pass?

An existing test, fixture or helper has to mean the same afterwards; imports, annotations and
layout are free. New tests are welcome, but not what steers others: hooks, autouse, rebound names.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from autofix.guard.assertions import SKIPS, weakened
from autofix.guard.canonical import canonical, dotted
from autofix.guard.parts import Function, Module, Part, counted, parsed
from autofix.guard.paths import is_test
from autofix.guard.violations import Change, Violation

STEERING_NAMES = frozenset(
    {"collect_ignore", "collect_ignore_glob", "pytest_plugins", "__test__", "pytestmark"}
)
REACHING_OUT = frozenset({"setattr", "start", "patch", "exec", "eval", "__import__", "modules"})
SETUP_NAMES = ("setup", "teardown", "run", "assert", "__", "addcleanup", "fixtures", "databases")
STAND_INS = frozenset({"mock", "unittest", "tests", "test", "conftest", "fakes", "stubs", ""})


def applies(change: Change) -> bool:
    """Test files by name, and modules that hold tests whatever they are called."""
    if PurePosixPath(change.path).suffix not in (".py", ".pyi"):
        return False
    texts = [text for text in (change.before, change.after) if text]
    return is_test(change.path) or any(_holds_tests(text) for text in texts)


def violations(change: Change) -> Iterator[Violation]:
    if change.after is None:
        if not is_test(change.path):
            yield change.flag("test-deleted", f"{change.path} held tests and is deleted")
        return
    try:
        old = parsed(change.before or "")
    except ValueError as error:
        yield change.flag("test-changed", f"what it was cannot be compared: {error}")
        return
    new = parsed(change.after)
    yield from _kept(change, old, new)
    yield from _skips(change, old, new)
    yield from _rebound(change, old, new)
    for name, parts in new.parts.items():
        if name not in old.parts:
            yield from (flag for part in parts for flag in _added(change, part, old))


def _holds_tests(text: str) -> bool:
    try:
        module = parsed(text)
    except ValueError:
        return False
    uses_runner = {"pytest", "unittest"} & set(module.origins)
    return bool(uses_runner) and any(
        part.is_test for parts in module.parts.values() for part in parts
    )


def _kept(change: Change, old: Module, new: Module) -> Iterator[Violation]:
    for name, parts in old.parts.items():
        others = new.parts.get(name, ())
        if not others:
            yield _missing(change, parts[-1])
        elif [part.text for part in parts] != [part.text for part in others]:
            yield _changed(change, parts, others)


def _missing(change: Change, part: Part) -> Violation:
    if part.is_test:
        return change.flag("test-deleted", f"{part.name} is deleted or renamed")
    what = ast.unparse(part.node)[:60].partition("\n")[0]
    return change.flag("test-changed", f"`{what}` is gone")


def _changed(change: Change, old: Sequence[Part], new: Sequence[Part]) -> Violation:
    if len(new) > len(old):
        again = new[-1]
        rule = "test-deleted" if again.is_test else "test-changed"
        return change.flag(rule, f"{again.name} is defined twice", again.node.lineno)
    rule, words = weakened(old[-1].node, new[-1].node)
    if isinstance(new[-1].node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        rule, words = "test-changed", "has another value"
    return change.flag(rule, f"{new[-1].name} {words}", new[-1].node.lineno)


def _skips(change: Change, old: Module, new: Module) -> Iterator[Violation]:
    for name in sorted(counted(new.tree, SKIPS) - counted(old.tree, SKIPS)):
        yield change.flag("test-skipped", f"it adds `{name}`", _line_of(new.tree, name))


def _line_of(tree: ast.Module, name: str) -> int:
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
        and name == (node.attr if isinstance(node, ast.Attribute) else node.id)
    ]
    return max(lines, default=0)


def _rebound(change: Change, old: Module, new: Module) -> Iterator[Violation]:
    """An import that puts something else behind a name which the old tests use."""
    taken = frozenset(name.removesuffix(" =") for name in old.parts) | frozenset(dir(builtins))
    for name, origins in new.origins.items():
        before = old.origins.get(name, frozenset())
        for origin in sorted(origins - before):
            hides = name in taken and not before
            stands_in = _is_stand_in(origin) and any(not _is_stand_in(each) for each in before)
            if change.before is not None and (hides or stands_in or name == "*"):
                yield change.flag("test-changed", f"{name} now comes from {origin}")


def _is_stand_in(origin: str) -> bool:
    module = origin.partition(":")[0]
    return bool(STAND_INS & set(module.split("."))) or module.startswith(".")


def _added(change: Change, part: Part, old: Module) -> Iterator[Violation]:
    line = part.node.lineno
    if isinstance(part.node, Function | ast.ClassDef):
        reason = _steering_definition(change, part, old)
    else:
        reason = _steering_statement(part)
    if reason:
        rule = "collection-changed" if "collect" in reason else "test-changed"
        yield change.flag(rule, reason, line)


def _steering_definition(change: Change, part: Part, old: Module) -> str:
    """Why a new function or class may decide over other tests than its own; empty if not."""
    owner, _, name = part.name.rpartition(".")
    if name.startswith("pytest_") or name == "load_tests":
        return f"{name} is a hook that can change what is collected and how it is reported"
    if owner in old.parts and name.lower().startswith(SETUP_NAMES):
        return f"{part.name} changes what runs around existing tests"
    if not owner and name in (set(dir(builtins)) | set(old.origins)):
        return f"{name} hides what the tests used under that name"
    marks = getattr(part.node, "decorator_list", [])
    return _steering_fixture(change, name, marks, old) if marks else ""


def _steering_fixture(change: Change, name: str, marks: Sequence[ast.expr], old: Module) -> str:
    if not any(dotted(mark).endswith("fixture") for mark in marks):
        return ""
    if any("autouse" in canonical(mark) for mark in marks):
        return f"the fixture {name} applies to tests that do not ask for it"
    if PurePosixPath(change.path).name == "conftest.py":
        return f"the fixture {name} can replace another one for all tests below"
    asked = {node.arg for node in ast.walk(old.tree) if isinstance(node, ast.arg)}
    return f"the fixture {name} replaces the one that tests use" if name in asked else ""


def _steering_statement(part: Part) -> str:
    node, name = part.node, part.last_name.removesuffix(" =")
    if name in STEERING_NAMES:
        return f"{name} changes what is collected"
    if isinstance(node, ast.If) and "'__name__'" in canonical(node.test):
        return ""
    if isinstance(node, ast.Assign | ast.AnnAssign) and not counted(node, REACHING_OUT):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if all(isinstance(target, ast.Name) for target in targets) and name not in dir(builtins):
            return ""
    return f"`{ast.unparse(node)[:60]}` runs while tests are collected"
