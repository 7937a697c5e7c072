"""Templates that put something around a value, take it off, or put another expression in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .places import Draft, Place, is_called, is_stored

AROUND = (
    "abs",
    "len",
    "list",
    "sorted",
    "int",
    "str",
    "set",
    "sum",
    "reversed",
    "tuple",
    "float",
    "bool",
    "iter",
    "next",
)
AFTER = (
    "** 2",
    "* 2",
    "// 2",
    "% 2",
    "[1:]",
    "[:-1]",
    "[::-1]",
    "[0]",
    "[-1]",
    ".lower()",
    ".upper()",
    ".strip()",
    ".copy()",
)
WRAPPED = (ast.Name, ast.Subscript, ast.Call, ast.Attribute, ast.BinOp)
REPLACED = (*WRAPPED, ast.Compare, ast.List, ast.Tuple, ast.Constant)


def wrapping(node: ast.expr, at: Place) -> Iterator[Draft]:
    parent = at.parent(node)
    if is_stored(node) or not isinstance(node, WRAPPED) or isinstance(parent, ast.Attribute) or is_called(node, parent):
        return
    shown, closed = at.text(node), at.closed(node)
    for name in AROUND:
        yield at.replace(node, f"{name}({shown})", "wrap", 0.22)
    for tail in AFTER:
        joint = " " if tail[0] in "*/%" else ""
        yield at.replace(node, f"({closed}{joint}{tail})" if joint else f"{closed}{tail}", "wrap", 0.2)
    for text in (f"-{closed}", f"(not {closed})", f"[{shown}]", f"max(0, {shown})", f"max(1, {shown})"):
        yield at.replace(node, text, "wrap", 0.22)
    for name in at.locals:
        if name != shown:
            for form in ("max({0}, {1})", "min({0}, {1})", "({0} - {1})", "({0} + {1})", "({0} * {1})", "{0}[{1}]",
                         "{0}[{1}:]", "{0}[:{1}]", "({0} % {1})", "{1}[{0}]", "({0} or {1})", "{1}({0})"):  # fmt: skip
                yield at.replace(node, form.format(closed, name), "wrap-name", 0.18)


def unwrapping(node: ast.expr, at: Place) -> Iterator[Draft]:
    if isinstance(node, ast.Call):
        if node.args and not isinstance(node.args[0], ast.Starred):
            for argument in node.args[:2]:
                yield at.replace(node, at.closed(argument), "unwrap", 0.5 if len(node.args) == 1 else 0.3)
        if isinstance(node.func, ast.Attribute):
            yield at.replace(node, at.text(node.func.value), "unwrap", 0.4)
        yield at.replace(node, at.text(node.func), "unwrap", 0.2)
    elif isinstance(node, ast.IfExp):
        body, test, other = (at.closed(part) for part in (node.body, node.test, node.orelse))
        yield at.replace(node, f"({other} if {test} else {body})", "branches", 0.8)
        yield at.replace(node, body, "unwrap", 0.4)
        yield at.replace(node, other, "unwrap", 0.4)
    elif not is_stored(node) and isinstance(node, (ast.Attribute, ast.Name)):
        parent = at.parent(node)
        if not isinstance(parent, (ast.Attribute, ast.Expr)) and not is_called(node, parent):
            yield at.replace(node, f"{at.text(node)}()", "call", 0.3)


def ingredient(node: ast.expr, at: Place) -> Iterator[Draft]:
    """An expression from the same function or file in the place of another."""
    parent = at.parent(node)
    if is_stored(node) or not isinstance(node, REPLACED) or is_called(node, parent) or isinstance(parent, ast.Expr):
        return
    found: dict[str, float] = {}
    shown = at.text(node)
    for other, text, is_near in at.ingredients:
        is_of_it = text.startswith((f"{shown}[", f"{shown}."))
        prior = (0.32 if type(other) is type(node) or is_of_it else 0.25) * (1 if is_near else 0.45)
        found[text] = max(found.get(text, 0.0), prior)
    if not isinstance(node, (ast.Name, ast.Constant)):
        for name in at.locals:
            found[name] = max(found.get(name, 0.0), 0.3)
    for text, prior in found.items():
        if text not in (shown, f"({shown})"):
            yield at.replace(node, text, "ingredient", prior)
