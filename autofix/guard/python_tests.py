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
    {
        "collect_ignore",
        "collect_ignore_glob",
        "pytest_plugins",
        "__test__",
        "pytestmark",
    }
)
REACHING_OUT = frozenset({"setattr", "start", "patch", "exec", "eval", "__import__", "modules"})
SETUP_NAMES = ("setup", "teardown", "run", "assert", "__", "addcleanup", "fixtures", "databases")
BUILTINS = frozenset(dir(builtins))
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
            yield from (flag for part in parts for flag in _added(change, part, old, new))


def _holds_tests(text: str) -> bool:
    if "pytest" not in text and "unittest" not in text:
        return False
    try:
        module = parsed(text)
    except ValueError:
        return False
    uses_runner = {"pytest", "unittest"} & set(module.origins)
    parts = (part for same_name in module.parts.values() for part in same_name)
    return bool(uses_runner) and any(part.is_test for part in parts)


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
    taken = old.names | BUILTINS
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


def _added(change: Change, part: Part, old: Module, new: Module) -> Iterator[Violation]:
    """Whether a new part of the module decides over other tests than its own."""
    if isinstance(part.node, Function | ast.ClassDef):
        broken = _steering_definition(change, part, old) or _lasting_effect(part, new)
    else:
        broken = _steering_statement(part, old)
    if broken:
        yield change.flag(*broken, part.node.lineno)


def _steering_definition(change: Change, part: Part, old: Module) -> tuple[str, str] | None:
    owner, _, name = part.name.rpartition(".")
    if name.startswith("pytest_") or name == "load_tests":
        return "collection-changed", f"{name} is a hook: it can drop tests or change reports"
    if owner in old.parts and name.lower().startswith(SETUP_NAMES):
        return "test-changed", f"{part.name} changes what runs around existing tests"
    if part.name in old.names or part.name in BUILTINS:
        return "test-changed", f"{name} hides what the tests used under that name"
    return _steering_fixture(change, part, old)


def _steering_fixture(change: Change, part: Part, old: Module) -> tuple[str, str] | None:
    marks, name = getattr(part.node, "decorator_list", []), part.last_name
    if not any(dotted(mark).endswith("fixture") for mark in marks):
        return None
    if any("autouse" in canonical(mark) for mark in marks):
        return "test-changed", f"the fixture {name} applies to tests that do not ask for it"
    if PurePosixPath(change.path).name == "conftest.py":
        return "test-changed", f"the fixture {name} can replace another one for all tests below"
    asked = {node.arg for node in ast.walk(old.tree) if isinstance(node, ast.arg)}
    return ("test-changed", f"the fixture {name} replaces another one") if name in asked else None


def _lasting_effect(part: Part, new: Module) -> tuple[str, str] | None:
    """`Cart.total = lambda self: 12` in a new test decides over the tests that run after it."""
    if isinstance(part.node, ast.ClassDef):
        return None
    own = {node.arg for node in ast.walk(part.node) if isinstance(node, ast.arg)}
    for node in ast.walk(part.node):
        reached = _reached(node)
        root = _root(reached) if reached else ""
        if isinstance(node, ast.Global) or (root in new.names and root not in own):
            return "test-changed", f"{part.name} changes {root or 'globals'} for later tests"
    return None


def _reached(node: ast.AST) -> ast.AST | None:
    """What a node assigns to or deletes beyond plain names."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return node
    is_setter = isinstance(node, ast.Call) and dotted(node) in ("setattr", "delattr")
    return node.args[0] if isinstance(node, ast.Call) and is_setter and node.args else None


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _steering_statement(part: Part, old: Module) -> tuple[str, str] | None:
    node, name = part.node, part.last_name.removesuffix(" =")
    if name in STEERING_NAMES:
        return "collection-changed", f"{name} changes what is collected"
    if isinstance(node, ast.If) and "'__name__'" in canonical(node.test):
        return None
    if not _is_new_constant(part, old):
        return "test-changed", f"`{ast.unparse(node)[:60]}` decides over existing tests"
    return None


def _is_new_constant(part: Part, old: Module) -> bool:
    node = part.node
    if not isinstance(node, ast.Assign | ast.AnnAssign) or counted(node, REACHING_OUT):
        return False
    owner = part.name.removesuffix(part.last_name)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [owner + target.id for target in targets if isinstance(target, ast.Name)]
    is_free = not any(name in old.names or name in BUILTINS for name in names)
    return is_free and len(names) == len(targets)
