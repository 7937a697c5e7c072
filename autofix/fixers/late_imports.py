"""Imports that stand too late move up, unless what stands before them may have to come first."""

import ast
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from autofix.failures import Failure
from autofix.fixers.base import Tree, lines_with, readable, rewrite
from autofix.fixers.project_names import absolute, module_name, project_names

CODES = ("E402", "C0413", "wrong-import-position")
IMPORTS = ast.Import | ast.ImportFrom
# Names that say how later imports go.
DECIDES = frozenset({"environ", "path", "modules", "meta_path", "filterwarnings", "putenv", "use", "setup", "install"})
# Decorators that leave no trace elsewhere.
HARMLESS = frozenset(
    {"dataclass", "cache", "lru_cache", "contextmanager", "total_ordering", "unique", "final", "runtime_checkable"}
)


def move_up(tree: Tree, failure: Failure) -> bool:
    found = {path: lines for path, lines in lines_with(tree, failure, CODES).items() if path.endswith(".py")}
    if not found:
        return False
    names = project_names(tree)
    changed = False
    for path, lines in found.items():
        circular = {
            module
            for module, file in names.modules.items()
            if module_name(path) in _imported(file, readable(tree, (file,)).get(file, ""))
        }
        changed = rewrite(tree, path, partial(_moved, path, lines, circular)) or changed
    return changed


def _imported(path: str, text: str) -> set[str]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return set()
    return {module for node in nodes if isinstance(node, IMPORTS) for module in _modules(node, path)}


def _modules(node: ast.Import | ast.ImportFrom, path: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    origin = absolute(node.module or "", node.level, path)
    yield origin
    yield from (f"{origin}.{alias.name}" for alias in node.names)


def _moved(path: str, lines: Collection[int], circular: Collection[str], text: str) -> str:
    body = ast.parse(text).body
    top = _length_of_top(body)
    late = list(_movable(body[top:], path, lines, circular))
    if not late:
        return text
    source = text.splitlines(keepends=True)
    place = (body[top - 1].end_lineno or 0) if top else 0
    moved = [line for node in late for line in source[node.lineno - 1 : node.end_lineno]]
    moved = [line if line.endswith("\n") else f"{line}\n" for line in moved]
    gone = {number for node in late for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    rest = [line for number, line in enumerate(source, 1) if number > place and number not in gone]
    return "".join([*source[:place], *moved, *rest])


def _length_of_top(body: Sequence[ast.stmt]) -> int:
    """How many statements the file begins with that are docstring or imports."""
    for number, node in enumerate(body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_docstring and not isinstance(node, IMPORTS):
            return number
    return len(body)


def _movable(
    body: Sequence[ast.stmt], path: str, lines: Collection[int], circular: Collection[str]
) -> Iterator[ast.Import | ast.ImportFrom]:
    for number, node in enumerate(body):
        if not isinstance(node, IMPORTS):
            if _may_have_to_come_first(node):
                return
            continue
        shares_its_line = any(
            other.lineno <= (node.end_lineno or 0) and node.lineno <= (other.end_lineno or 0)
            for other in (*body[:number], *body[number + 1 :])
        )
        if node.lineno in lines and not shares_its_line and not set(_modules(node, path)) & set(circular):
            yield node


def _may_have_to_come_first(node: ast.stmt) -> bool:
    """True unless it only defines something, and touches nothing that later imports go by."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names = (ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in node.decorator_list)
        return not HARMLESS.issuperset(names)
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Pass):
        return True
    attributes = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    return bool(attributes & DECIDES)
