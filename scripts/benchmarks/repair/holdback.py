"""Keeps part of a suite from the run: what passes only the tests that are left is not yet right.

Pure, but for `hold_back`, which rewrites the test files of a tree.
"""

import ast
import random
from collections.abc import Iterable, Set
from pathlib import Path

HIDDEN_OF_FAILING = 0.5
HIDDEN_OF_PASSING = 0.15


def function_of(node_id: str) -> str:
    """Return the test function that a test belongs to: its parameters left out."""
    return node_id.partition("[")[0]


def choose(failed: Set[str], passed: Set[str], rng: random.Random) -> frozenset[str]:
    """Return test functions to hide; at least one that fails stays."""
    failing = sorted({function_of(each) for each in failed if "::" in each})
    passing = sorted({function_of(each) for each in passed} - set(failing))
    hidden = rng.sample(failing, int(len(failing) * HIDDEN_OF_FAILING)) if failing else []
    return frozenset(hidden) | frozenset(rng.sample(passing, int(len(passing) * HIDDEN_OF_PASSING)))


def hold_back(tree: Path, hidden: Iterable[str]) -> None:
    by_file: dict[str, set[str]] = {}
    for each in hidden:
        path, _, name = each.partition("::")
        by_file.setdefault(path, set()).add(name)
    for path, names in by_file.items():
        file = tree / path
        file.write_text(without(file.read_text(), names))


def without(source: str, names: Set[str]) -> str:
    """Return a test module without these functions, `Class::test` for one in a class."""
    lines = source.splitlines(keepends=True)
    for first, last, filler in sorted(_spans(ast.parse(source).body, "", names), reverse=True):
        lines[first - 1 : last] = [filler] if filler else []
    return "".join(lines)


def _spans(body: list[ast.stmt], prefix: str, names: Set[str]) -> Iterable[tuple[int, int, str]]:
    """Yield the lines of each function to leave out, and what must stand there instead."""
    gone = [node for node in body if isinstance(node, ast.FunctionDef) and prefix + node.name in names]
    is_empty = bool(prefix) and len(gone) == len(body)
    for node in gone:
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        filler = f"{' ' * node.col_offset}pass\n" if is_empty and node is gone[0] else ""
        yield first, node.end_lineno or node.lineno, filler
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _spans(node.body, f"{prefix}{node.name}::", names)
