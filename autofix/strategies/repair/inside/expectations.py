"""What failing tests expect, beside what the code gives: where no edit of the code passes, a test may be wrong.

A comparison that failed is evaluated again, and the literal that was compared with is looked for in its test. What
comes of it is a question to a person and never done without one: it is the code that tests are there to judge.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

MAX_TEXT = 2_000
MAX_LOCALS = 40
EQUALITIES = frozenset({"assertEqual", "assertEquals", "assert_equal", "assertListEqual", "assertDictEqual"})
EQUALITIES |= {"assertTupleEqual", "assertSetEqual", "assertSequenceEqual", "assertMultiLineEqual", "assertIs"}
Plain = Any  # a value that a literal can make


@dataclass(frozen=True)
class Expected:
    """A comparison of a test that failed: what stood on its two sides, and the values of names around it."""

    test: str
    path: str
    line: int
    sides: tuple[str, str]
    around: tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """A literal in a test's source and what it is to become."""

    start: int
    end: int
    text: str
    was: str


def compared(test: str, path: str, error: BaseException | None) -> Expected | None:
    """Return the comparison of a test's own source at which it failed, if both sides are plain values."""
    frame, line = frame_in(path, error.__traceback__ if error is not None else None)
    if frame is None:
        return None
    with open(path, encoding="utf-8") as file:
        sides = sides_at(ast.parse(file.read()), line)
    values = [evaluated(side, frame) for side in sides]
    if len(values) != 2 or None in values or values[0] == values[1]:
        return None
    near = [text for value in list(frame.f_locals.values())[:MAX_LOCALS] if (text := literal(value))]
    return Expected(test, path, line, (str(values[0]), str(values[1])), tuple(near))


def frame_in(path: str, traceback: TracebackType | None) -> tuple[FrameType | None, int]:
    found, line = None, 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            found, line = traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
    return found, line


def sides_at(tree: ast.Module, line: int) -> tuple[ast.expr, ...]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assert, ast.Expr)) and node.lineno <= line <= (node.end_lineno or node.lineno):
            tested = node.test if isinstance(node, ast.Assert) else node.value
            if isinstance(tested, ast.Compare) and [type(op) for op in tested.ops] in ([ast.Eq], [ast.Is]):
                return (tested.left, *tested.comparators)
            if isinstance(tested, ast.Call) and name_of(tested.func) in EQUALITIES:
                return tuple(tested.args[:2])
    return ()


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def evaluated(side: ast.expr, frame: FrameType) -> str | None:
    try:
        code = compile(ast.Expression(side), frame.f_code.co_filename, "eval")
        return literal(eval(code, frame.f_globals, frame.f_locals))  # noqa: S307  # what the test itself has just run
    except BaseException:  # noqa: BLE001  # of the code under repair
        return None


def literal(value: Any) -> str | None:  # Any: whatever a test compares
    """Return the literal that makes a value; None where none does, or it is long."""
    try:
        text = repr(value)
        made = ast.literal_eval(text) if len(text) <= MAX_TEXT else None
        return text if type(made) is type(value) and made == value else None
    except BaseException:  # noqa: BLE001  # comparing runs the project's code
        return None


def literals(source: bytes, expected: Expected) -> list[tuple[Literal, ...]]:
    """Return the places where an expectation may be written, the likeliest first, and what would be written there."""
    tree = ast.parse(source)
    starts = line_starts(source)
    found = []
    for first, second in (expected.sides, expected.sides[::-1]):
        old, new = ast.literal_eval(first), ast.literal_eval(second)
        for node, parent in places(tree, expected.line):
            if is_written(node, old):
                edits = tuple(changed(node, old, new, source, starts))
                found.append((likelihood(parent, expected), -node.lineno, edits))
    found.sort(key=lambda each: each[:2], reverse=True)
    return list(dict.fromkeys(edits for _, _, edits in found))


def places(tree: ast.Module, line: int) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Return the expressions of the function around a line, its decorators too, and of the module's own statements."""
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    around = [node for node in functions if node.lineno <= line <= (node.end_lineno or 0)]
    roots: list[ast.AST] = around[-1:] + [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    for root in roots:
        for parent in ast.walk(root):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.expr):
                    yield node, parent


def is_written(node: ast.expr, value: Plain) -> bool:
    try:
        made = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return type(made) is type(value) and bool(made == value)


def likelihood(parent: ast.AST, expected: Expected) -> int:
    """Return how many of the values around stand beside a literal: those of a row of parameters do."""
    beside = [ast.unparse(node) for node in ast.iter_child_nodes(parent) if isinstance(node, ast.expr)]
    return len(set(beside) & set(expected.around)) + isinstance(parent, (ast.Compare, ast.Call))


def changed(node: ast.expr, old: Plain, new: Plain, source: bytes, starts: Sequence[int]) -> Iterator[Literal]:
    """Return the smallest literals that have to change for one to become another."""
    parts = inner(node, old, new)
    if parts:
        for part, was, becomes in parts:
            if was != becomes or type(was) is not type(becomes):
                yield from changed(part, was, becomes, source, starts)
        return
    start = starts[node.lineno - 1] + node.col_offset
    end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
    yield Literal(start, end, repr(new), source[start:end].decode(errors="replace"))


def inner(node: ast.expr, old: Plain, new: Plain) -> list[tuple[ast.expr, Plain, Plain]]:
    if type(old) is not type(new):
        return []
    if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == len(old) == len(new):
        return list(zip(node.elts, old, new))
    if isinstance(node, ast.Dict) and list(old) == list(new) and len(node.values) == len(old):
        return list(zip(node.values, old.values(), new.values()))
    return []


def line_starts(source: bytes) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def edited(source: bytes, edits: Sequence[Literal]) -> bytes:
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        source = source[: edit.start] + edit.text.encode() + source[edit.end :]
    return source
