"""Python's source as a tree that keeps every space. libcst takes a worker 10 MB, so only fixers that edit import it.

Text that is not Python raises SyntaxError, as with `ast`.
"""

from collections.abc import Callable
from typing import TypeVar

import libcst

Node = TypeVar("Node")


def parsed(text: str) -> libcst.Module:
    return _read(libcst.parse_module, text)


def expression(text: str) -> libcst.BaseExpression:
    return _read(libcst.parse_expression, text)


def statement(text: str) -> libcst.SimpleStatementLine | libcst.BaseCompoundStatement:
    return _read(libcst.parse_statement, text)


def _read(parse: Callable[[str], Node], text: str) -> Node:
    try:
        return parse(text)
    except libcst.ParserSyntaxError as error:
        raise SyntaxError(str(error)) from error
