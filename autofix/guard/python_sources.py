"""Does code behave otherwise under test, end the process, or forget an example it promised?"""

import ast
from collections import Counter
from collections.abc import Iterator

from autofix.guard import shortcuts
from autofix.guard.canonical import canonical, dotted
from autofix.guard.parts import Function, syntax
from autofix.guard.violations import Change, Violation

EXITS = frozenset(
    {
        "sys.exit",
        "os._exit",
        "os.abort",
        "os.kill",
        "os.killpg",
        "exit",
        "quit",
        "pytest.exit",
        "atexit.register",
        "SystemExit",
        "_exit",
    }
)
HARD_EXITS = frozenset({"os._exit", "_exit", "os.abort", "os.kill", "os.killpg", "pytest.exit"})
RUNNERS = ("pytest", "unittest", "conftest")
DEFINES_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def violations(change: Change, *, in_tests: bool) -> Iterator[Violation]:
    """`before` may be no Python (a syntax error being repaired): then all of `after` counts."""
    try:
        old = syntax(change.before or "")
    except ValueError:
        old = ast.Module([], [])
    new = syntax(change.after or "")
    yield from _exits(change, old, new, in_tests=in_tests)
    yield from _lost_examples(change, old, new)
    yield from _always_equal(change, old, new)
    if not in_tests:
        yield from _knows_tests(change, old, new)
        yield from shortcuts.violations(change, old, new)


def _exits(
    change: Change,
    old: ast.Module,
    new: ast.Module,
    *,
    in_tests: bool,
) -> Iterator[Violation]:
    before = Counter(name for name, _ in _exit_calls(old, in_tests=in_tests))
    seen: Counter[str] = Counter()
    for name, line in _exit_calls(new, in_tests=in_tests):
        seen[name] += 1
        if seen[name] > before[name]:
            yield change.flag("exit-added", f"{name} can end the process before tests fail", line)


def _exit_calls(tree: ast.Module, *, in_tests: bool) -> Iterator[tuple[str, int]]:
    """In tests anywhere; in other code what runs at import, and what nothing can catch."""
    at_import = {id(node) for node in _run_at_import(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.Raise):
            name = dotted(node.exc or node) if isinstance(node, ast.Raise) else dotted(node)
            counts = name in EXITS and (in_tests or id(node) in at_import)
            if counts or name in HARD_EXITS:
                yield name, node.lineno


def _run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINES_SCOPE) or _is_main_guard(node):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and canonical(node.test) == canonical(
        ast.parse("__name__ == '__main__'", mode="eval").body
    )


def _knows_tests(change: Change, old: ast.Module, new: ast.Module) -> Iterator[Violation]:
    before, after = Counter(_mentions(old)), Counter(_mentions(new))
    lines = dict(_mention_lines(new))
    for name in after - before:
        words = f"code under test asks for {name!r}: it may behave otherwise when tested"
        yield change.flag("test-special-casing", words, lines[name])


def _mentions(tree: ast.Module) -> Iterator[str]:
    return (name for name, _ in _mention_lines(tree))


def _mention_lines(tree: ast.Module) -> Iterator[tuple[str, int]]:
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    nodes = (node for node in ast.walk(tree) if id(node) not in prose)
    said = [(word, getattr(node, "lineno", 0)) for node in nodes for word in _words(node)]
    for word, line in said:
        if any(runner in word.lower() for runner in RUNNERS):
            yield word[:60], line


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _always_equal(change: Change, old: ast.Module, new: ast.Module) -> Iterator[Violation]:
    """`def __eq__(self, other): return True` passes every `==` of a test."""
    known = Counter(canonical(node) for node in _yes_to_all(old))
    for node in _yes_to_all(new):
        if canonical(node) not in known:
            words = f"{node.name} answers the same whatever it is compared with"
            yield change.flag("test-special-casing", words, node.lineno)


def _yes_to_all(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name in ("__eq__", "__ne__", "__contains__"):
            body = [each for each in node.body if not isinstance(each, ast.Expr)]
            only = body[0] if len(body) == 1 else None
            if isinstance(only, ast.Return) and isinstance(only.value, ast.Constant):
                yield node


def _lost_examples(change: Change, old: ast.Module, new: ast.Module) -> Iterator[Violation]:
    lost = _examples(old) - _examples(new)
    for source, _expected, _skipped in sorted(lost):
        words = f"the doctest `{source.strip()[:60]}` is gone or expects something else"
        yield change.flag("assertion-loosened", words)


def _examples(tree: ast.Module) -> Counter[tuple[str, str, bool]]:
    found: Counter[tuple[str, str, bool]] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            found.update(_parsed_examples(text) if ">>>" in text else ())
    return found


def _parsed_examples(text: str) -> list[tuple[str, str, bool]]:
    import doctest  # noqa: PLC0415 - brings pdb and unittest along, for every worker to carry

    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return []
    return [(each.source, each.want, bool(each.options.get(doctest.SKIP))) for each in examples]
