"""Python's source, edited at the places that `ast` gives: everything else keeps its layout."""

import ast
from collections.abc import Iterator
from typing import TypeVar

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


def nodes_at(text: str, kind: type[Node], line: int) -> Iterator[Node]:
    """Yield the nodes of a kind that begin on a line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, kind) and getattr(node, "lineno", 0) == line:
            yield node


def enclosing_function(text: str, line: int) -> Function | None:
    around = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Function) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def statement_at(text: str, line: int) -> ast.stmt | None:
    """Return the innermost statement that has the line."""
    around = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: (node.lineno, node.col_offset), default=None)


def source(text: str, node: ast.expr) -> str:
    return ast.get_source_segment(text, node) or ast.unparse(node)


def replaced(text: str, node: ast.expr, new: str) -> str:
    start, end = _offset(text, node.lineno, node.col_offset), _offset(text, node.end_lineno or 0, node.end_col_offset)
    return text[:start] + new + text[end:]


def inserted(text: str, line: int, *new: str) -> str:
    """Put lines before a line, indented like it."""
    lines = text.split("\n")
    indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
    lines[line - 1 : line - 1] = [indent + each for each in new]
    return "\n".join(lines)


def with_return_type(text: str, function: Function, annotation: str) -> str:
    """Set what a function is said to return."""
    if function.returns is not None:
        return replaced(text, function.returns, annotation)
    place = _end_of_header(text, function)
    return f"{text[:place]} -> {annotation}{text[place:]}" if place else text


def with_annotation(text: str, argument: ast.arg, annotation: str) -> str:
    if argument.annotation is not None:
        return replaced(text, argument.annotation, annotation)
    end = _offset(text, argument.lineno, argument.col_offset) + len(argument.arg)
    rest = text[end:]
    if rest[:1] == "=":  # a default of an annotated argument has blanks around its `=`
        return f"{text[:end]}: {annotation} = {rest[1:]}"
    return f"{text[:end]}: {annotation}{rest}"


def arguments(function: Function) -> list[ast.arg]:
    own = function.args
    starred = [each for each in (own.vararg, own.kwarg) if each is not None]
    return [*own.posonlyargs, *own.args, *own.kwonlyargs, *starred]


def defaults(function: Function) -> dict[str, ast.expr]:
    """The default of each argument that has one."""
    positional = [*function.args.posonlyargs, *function.args.args]
    own = function.args.defaults
    found = dict(zip((each.arg for each in positional[len(positional) - len(own) :]), own, strict=True))
    keyword = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return found | {each.arg: default for each, default in keyword if default is not None}


def own_returns(function: Function) -> list[ast.expr]:
    """What a function returns, without what functions inside it do."""
    found: list[ast.expr] = []
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            found.append(node.value)
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _end_of_header(text: str, function: Function) -> int:
    """The place of the colon that ends `def f(…)`; 0 where it cannot be told."""
    first = function.body[0]
    start, end = _offset(text, function.lineno, function.col_offset), _offset(text, first.lineno, first.col_offset)
    close = _closing_bracket(text, text.find("(", start, end))
    colon = text.find(":", close, end) if close else -1
    return colon if colon > 0 else 0


def _closing_bracket(text: str, place: int) -> int:
    depth = 0
    for number in range(max(place, 0), len(text)):
        depth += (text[number] in "([{") - (text[number] in ")]}")
        if depth == 0:
            return number
    return 0


def _offset(text: str, line: int, column: int | None) -> int:
    """`ast` counts columns in bytes."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return before + len(lines[line - 1].encode()[: column or 0].decode())
