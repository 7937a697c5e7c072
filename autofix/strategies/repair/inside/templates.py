"""Which templates are tried on what. A new one is a function and a line here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from . import conditions, operators, statements, values, wraps
from .places import Draft, Place, is_docstring

# The node that a template takes is of the type it is listed under.
Template = Callable[[Any, Place], Iterator[Draft]]

BY_TYPE: dict[type[ast.AST], tuple[Template, ...]] = {
    ast.Compare: (operators.comparison,),
    ast.BinOp: (operators.binary,),
    ast.BoolOp: (operators.junction,),
    ast.UnaryOp: (operators.unary,),
    ast.Constant: (values.constant,),
    ast.Name: (values.name,),
    ast.Attribute: (values.attribute,),
    ast.Call: (values.call,),
    ast.Tuple: (values.elements,),
    ast.List: (values.elements,),
    ast.Subscript: (values.subscript,),
}
FOR_VALUES: tuple[Template, ...] = (
    operators.negation,
    operators.stepped,
    conditions.condition,
    wraps.unwrapping,
    wraps.wrapping,
    wraps.ingredient,
)
FOR_STATEMENTS: tuple[Template, ...] = (
    statements.deletion,
    statements.control,
    statements.result,
    statements.assignment,
    statements.order,
    statements.missing_return,
    conditions.guard,
    conditions.copied_guard,
    statements.insertion,
)


def drafts(at: Place) -> Iterator[Draft]:
    """Return every edit that a template makes up for a statement."""
    if is_docstring(at.statement):
        return
    if isinstance(at.statement, ast.AugAssign):
        yield from operators.augmented(at.statement, at)
    for node in at.expressions:
        for template in (*BY_TYPE.get(type(node), ()), *FOR_VALUES):
            yield from template(node, at)
    if at.function is not None and at.function is not at.statement:
        for template in FOR_STATEMENTS:
            yield from template(at.statement, at)
