"""A file as its syntax tree with the bytes each node stands for, and the functions that can be compiled alone.

Edits are replacements of byte ranges, so that what is not edited keeps its comments and its layout.
"""

from __future__ import annotations
import __future__ as future

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any, Union

MAX_BYTES = 400_000
FLAGS = {name: getattr(future, name).compiler_flag for name in future.all_feature_names}
DECLARED = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class NotEditable(Exception):
    """The file is no UTF-8, no Python, or too big."""


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the bytes from `start` up to `end` of a file."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Chunk:
    """A function in a module or class, whole lines of it, decorators included."""

    node: Function
    owner: str
    start: int
    end: int
    first_line: int

    def holds(self, edits: Sequence[Edit]) -> bool:
        return all(self.start <= edit.start and edit.end <= self.end for edit in edits)


@dataclass
class Source:
    """One file. `path` is where it is on disk; `parents` says what a node is part of."""

    path: str
    data: bytes
    tree: ast.Module = field(init=False)
    parents: dict[ast.AST, ast.AST] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.data) > MAX_BYTES or b"\0" in self.data:
            raise NotEditable(self.path)
        declared = DECLARED.search(b"\n".join(self.data.split(b"\n", 2)[:2]))
        if declared and declared.group(1).lower().replace(b"_", b"-") not in (b"utf-8", b"utf8", b"ascii", b"us-ascii"):
            raise NotEditable(self.path)
        try:
            self.data.decode()
            self.tree = ast.parse(self.data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise NotEditable(self.path) from None
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def offsets(self) -> list[int]:
        """Where each line starts, and where the file ends."""
        marked = self.data.startswith(b"\xef\xbb\xbf")
        found = [3 if marked else 0]
        for line in self.data.splitlines(keepends=True):
            found.append(found[-1] + len(line) - (3 if marked and len(found) == 1 else 0))
        return found

    @cached_property
    def flags(self) -> int:
        """What the file imports from the future, for parts of it that are compiled alone."""
        imports = (node for node in self.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__")
        flags = 0
        for node in imports:
            for alias in node.names:
                flags |= FLAGS.get(alias.name, 0)
        return flags

    @cached_property
    def chunks(self) -> list[Chunk]:
        return list(self._chunks(self.tree, ""))

    def _chunks(self, node: ast.AST, owner: str) -> Iterator[Chunk]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FUNCTION):
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                last = child.end_lineno or child.lineno
                end = self.offsets[min(last, len(self.offsets) - 1)]
                yield Chunk(child, owner, self.offsets[first - 1], end, first)
            elif isinstance(child, ast.ClassDef):
                yield from self._chunks(child, child.name)
            elif not isinstance(child, ast.expr):
                yield from self._chunks(child, owner)

    def chunk_of(self, edits: Sequence[Edit]) -> Chunk | None:
        return next((chunk for chunk in self.chunks if chunk.holds(edits)), None)

    def span(self, node: ast.AST) -> tuple[int, int]:
        start, end = (self.offsets[line - 1] + column for line, column in bounds(node))
        return start, end

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def indent(self, statement: ast.stmt) -> str:
        start = self.offsets[statement.lineno - 1]
        line = self.data[start : start + statement.col_offset]
        return line.decode() if not line.strip() else ""

    def function_of(self, node: ast.AST) -> Function | None:
        """Return the innermost function that a node is in."""
        scope = self.scope_of(node)
        while scope is not None and not isinstance(scope, FUNCTION):
            scope = self.scope_of(scope)
        return scope

    def scope_of(self, node: ast.AST) -> ast.AST | None:
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, SCOPES):
            parent = self.parents.get(parent)
        return parent

    def edited(self, edits: Sequence[Edit]) -> bytes:
        return replaced(self.data, edits, 0)

    def compiled(self, chunk: Chunk, edits: Sequence[Edit]) -> tuple[CodeType, CodeType | None] | None:
        """Return the code of an edited function, and of its default values; None where it does not compile.

        Where a decorator or an annotation differs this is not all of it: see `is_header`.
        """
        text = replaced(self.data[chunk.start : chunk.end], edits, chunk.start)
        head = f"class {chunk.owner or '_'}:\n" if chunk.owner or text[:1] in b" \t" else ""
        try:
            tree = ast.parse(head.encode() + text)
            ast.increment_lineno(tree, chunk.first_line - 1 - head.count("\n"))
            holder: Any = tree.body[0] if head else tree
            [function] = holder.body
            code = compile(tree, self.path, "exec", self.flags, dont_inherit=True)
            return inner_code(code, function.name), default_code(function, self.path)
        except (SyntaxError, ValueError, RecursionError, MemoryError, LookupError, AttributeError):
            return None


def replaced(data: bytes, edits: Sequence[Edit], base: int) -> bytes:
    for edit in sorted(edits, reverse=True):
        data = data[: edit.start - base] + edit.text.encode() + data[edit.end - base :]
    return data


def bounds(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the line and column where a node starts and ends."""
    line, column = vars(node)["lineno"], vars(node)["col_offset"]
    return (line, column), (vars(node)["end_lineno"], vars(node)["end_col_offset"])


def inner_code(code: CodeType, name: str) -> CodeType:
    """Return the first code of this name in another; raise LookupError when there is none."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    for const in inner:
        if const.co_name == name:
            return const
    for const in inner:
        return inner_code(const, name)
    raise LookupError(name)


def default_code(function: Function, path: str) -> CodeType | None:
    """Return code that evaluates to what `__defaults__` and `__kwdefaults__` of a function are to be."""
    arguments = function.args
    named = [(name, value) for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults) if value is not None]
    if not arguments.defaults and not named:
        return None
    values: ast.expr = ast.Tuple(arguments.defaults, ast.Load()) if arguments.defaults else ast.Constant(None)
    by_name: ast.expr = ast.Dict([ast.Constant(name.arg) for name, _ in named], [value for _, value in named])
    both = ast.Tuple([values, by_name if named else ast.Constant(None)], ast.Load())
    return compile(ast.fix_missing_locations(ast.Expression(both)), path, "eval", dont_inherit=True)


def shape(code: CodeType | None) -> tuple[object, ...] | None:
    """Return what code does, less where it stands: equal for candidates that are the same program."""
    if code is None:
        return None
    consts = tuple(
        shape(const) if isinstance(const, CodeType) else (type(const), repr(const)) for const in code.co_consts
    )
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    table = getattr(code, "co_exceptiontable", b"")
    return (code.co_code, consts, names, code.co_argcount, code.co_kwonlyargcount, code.co_flags, table)
