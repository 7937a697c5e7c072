"""A function is defined twice: the first is dead. In code it goes; a test is given a name of its own, and lives."""

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from autofix.fixers.base import at_findings

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _without_dead(lines: Collection[int], text: str) -> str:
    source = text.splitlines(keepends=True)
    for dead in sorted(_dead(ast.parse(text), lines), key=lambda node: -node.lineno):
        end = dead.end_lineno or dead.lineno
        if dead.name.lower().startswith("test"):
            header = source[dead.lineno - 1]
            source[dead.lineno - 1] = header.replace(dead.name, _free_name(dead.name, text), 1)
            continue
        start = dead.lineno - 1
        while end < len(source) and not source[end].strip():
            end += 1
        source[start:end] = []
    return "".join(source)


def _dead(tree: ast.Module, lines: Collection[int]) -> Iterator[Definition]:
    for body in _bodies(tree):
        for number, node in enumerate(body):
            if isinstance(node, Definition) and node.lineno in lines:
                first = _defined_before(node, body[:number])
                if first is not None:
                    yield first


def _bodies(tree: ast.Module) -> Iterator[Sequence[ast.stmt]]:
    yield tree.body
    yield from (node.body for node in ast.walk(tree) if isinstance(node, Definition))


def _defined_before(node: Definition, before: Sequence[ast.stmt]) -> Definition | None:
    """Return the last definition of the name, if nothing was done with it: no decorator, no use since."""
    same = [each for each in before if isinstance(each, Definition) and each.name == node.name]
    if not same or same[-1].decorator_list or node.decorator_list:
        return None
    between = before[before.index(same[-1]) + 1 :]
    names = (each.id for part in between for each in ast.walk(part) if isinstance(each, ast.Name))
    return None if node.name in names else same[-1]


def _free_name(name: str, text: str) -> str:
    numbers = (f"{name}_{number}" for number in range(2, 100))
    return next(each for each in numbers if not re.search(rf"\b{each}\b", text))


remove_dead = at_findings("F811 E0102 function-redefined", _without_dead)
