"""Does code answer the inputs of its tests by heart, hide what goes wrong, or talk the type checker out of it?"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeAlias

from autofix.guard.canonical import canonical, dotted
from autofix.guard.violations import Change, Violation

# Base cases are ordinary: what a function gives for nothing, one or nobody is no shortcut.
NEUTRAL = (0, 1, -1, 2, "", b"", None, True, False, ...)
BROAD = frozenset({"", "Exception", "BaseException", "builtins.Exception", "builtins.BaseException"})
LITERALS = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.JoinedStr)
SUPPRESS = frozenset({"suppress", "contextlib.suppress"})
TABLE_ENTRIES = 2
Find: TypeAlias = Callable[[ast.Module], Iterator[tuple[str, int]]]


def violations(change: Change, old: ast.Module, new: ast.Module) -> Iterator[Violation]:
    """Flag what there is more of than before; the same thing elsewhere is the same thing."""
    for find, rule, words in RULES:
        before = Counter(name for name, _ in find(old))
        seen: Counter[str] = Counter()
        for name, line in find(new):
            seen[name] += 1
            if seen[name] > before[name]:
                yield change.flag(rule, words, line)


def _by_heart(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and _asks_for_one(node.test) and _gives_literal(node.body):
            yield canonical(node.test) + canonical(node.body[0]), node.lineno
        elif isinstance(node, ast.IfExp) and _asks_for_one(node.test) and isinstance(node.body, LITERALS):
            yield canonical(node), node.lineno
        elif (
            isinstance(node, ast.match_case) and isinstance(node.pattern, ast.MatchValue) and _gives_literal(node.body)
        ):
            if _is_telling(node.pattern.value):
                yield canonical(node.pattern) + canonical(node.body[0]), node.pattern.lineno
        elif isinstance(node, ast.Return) and node.value is not None and _looks_up(node.value):
            yield canonical(node), node.lineno


def _asks_for_one(test: ast.expr) -> bool:
    """Whether a condition asks for certain values: `n == 37`, `word in ("knot", "gnat")`."""
    if isinstance(test, ast.BoolOp):
        return any(_asks_for_one(value) for value in test.values)
    if not isinstance(test, ast.Compare) or not all(isinstance(op, ast.Eq | ast.Is | ast.In) for op in test.ops):
        return False
    return any(_is_telling(side) for side in (test.left, *test.comparators))


def _is_telling_case(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchValue) and _is_telling(pattern.value)


def _is_telling(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return any(_is_telling(each) for each in node.elts)
    if isinstance(node, ast.UnaryOp):
        return _is_telling(node.operand)
    return isinstance(node, ast.Constant) and node.value not in NEUTRAL


def _gives_literal(body: list[ast.stmt]) -> bool:
    if len(body) != 1 or not isinstance(body[0], ast.Return):
        return False
    value = body[0].value
    return isinstance(value, LITERALS) and not (isinstance(value, ast.Constant) and value.value is None)


def _looks_up(node: ast.expr) -> bool:
    """Whether a value is looked up in a table that is written on the spot."""
    table = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        table = node.func.value
    elif isinstance(node, ast.Subscript):
        table = node.value
    if not isinstance(table, ast.Dict) or len(table.keys) < TABLE_ENTRIES:
        return False
    return all(isinstance(each, ast.Constant) for each in (*table.keys, *table.values))


def _hiders(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Handlers of every exception that raise none; how they are written does not tell one from another."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            hides = bool(_names(node.type) & BROAD) and not _raises(node)
        else:
            hides = (
                isinstance(node, ast.Call) and dotted(node) in SUPPRESS and bool(BROAD & set(map(dotted, node.args)))
            )
        if hides:
            yield "hidden", getattr(node, "lineno", 0)


def _names(node: ast.expr | None) -> set[str]:
    if node is None:
        return {""}
    return {dotted(each) for each in (node.elts if isinstance(node, ast.Tuple) else [node])}


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def _casts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in ("cast", "typing.cast", "t.cast") and node.args:
            first = node.args[0]
            name = first.value if isinstance(first, ast.Constant) else dotted(first)
            if name in ("Any", "typing.Any", "t.Any"):
                yield "cast", node.lineno


RULES: tuple[tuple[Find, str, str], ...] = (
    (_by_heart, "test-special-casing", "it answers one input by heart"),
    (_hiders, "exception-swallowed", "it hides whatever goes wrong here"),
    (_casts, "suppression-added", "it talks the type checker out of it: a cast to Any"),
)
