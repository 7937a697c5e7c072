"""Templates for operators: another one, operands the other way round, one step more or less, a `not`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .places import Draft, Place, is_stored

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.MatMult: "@",
}  # fmt: skip
OTHER_COMPARISONS = {
    "<": {"<=": 1.0, ">": 0.7, ">=": 0.7, "!=": 0.4, "==": 0.4},
    "<=": {"<": 1.0, ">=": 0.7, ">": 0.7, "==": 0.4, "!=": 0.3},
    ">": {">=": 1.0, "<": 0.7, "<=": 0.7, "!=": 0.4, "==": 0.4},
    ">=": {">": 1.0, "<=": 0.7, "<": 0.7, "==": 0.4, "!=": 0.3},
    "==": {"!=": 1.0, ">=": 0.5, "<=": 0.5, "is": 0.4, ">": 0.3, "<": 0.3, "in": 0.3},
    "!=": {"==": 1.0, "<": 0.4, ">": 0.4, "is not": 0.4, "not in": 0.3},
    "in": {"not in": 1.0, "==": 0.3},
    "not in": {"in": 1.0, "!=": 0.3},
    "is": {"is not": 1.0, "==": 0.5},
    "is not": {"is": 1.0, "!=": 0.5},
}
OTHER_OPERATORS = {
    "+": {"-": 0.9, "*": 0.5, "|": 0.2, "%": 0.2},
    "-": {"+": 0.9, "*": 0.3, "/": 0.2, "%": 0.3},
    "*": {"+": 0.6, "/": 0.7, "//": 0.6, "**": 0.6, "-": 0.2},
    "/": {"//": 0.8, "*": 0.8, "%": 0.4},
    "//": {"/": 0.8, "%": 0.7, "*": 0.7, ">>": 0.2},
    "%": {"//": 0.8, "*": 0.4, "/": 0.5},
    "**": {"*": 0.8},
    "&": {"|": 0.9, "^": 0.7, "-": 0.3, "&~": 0.3},
    "|": {"&": 0.9, "^": 0.7, "+": 0.3},
    "^": {"&": 0.9, "|": 0.9, "**": 0.3},
    "<<": {">>": 0.9, "*": 0.2},
    ">>": {"<<": 0.9, "//": 0.2},
    "@": {"*": 0.8},
}
TESTED = (ast.If, ast.While, ast.IfExp, ast.comprehension, ast.Assert, ast.BoolOp)


def comparison(node: ast.Compare, at: Place) -> Iterator[Draft]:
    operands = [node.left, *node.comparators]
    for index, kind in enumerate(node.ops):
        sign = COMPARISONS[type(kind)]
        gap = between(at, operands[index], operands[index + 1], sign)
        for other, prior in OTHER_COMPARISONS[sign].items():
            yield at.edit(gap, other, "compare", prior)
    left, sign, right = at.closed(node.left), COMPARISONS[type(node.ops[0])], at.closed(node.comparators[0])
    if len(operands) == 2:
        if sign not in ("==", "!=", "is", "is not"):
            yield at.replace(node, f"{right} {sign} {left}", "swap-operands", 0.4)
        if sign in ("<", "<=", ">", ">=", "=="):
            for operand in operands:
                if not isinstance(operand, ast.Constant):
                    yield from one_more(operand, at, 0.35)
    else:
        yield at.replace(node, f"{left} {sign} {right}", "drop-comparison", 0.4)


def binary(node: ast.BinOp, at: Place) -> Iterator[Draft]:
    sign = OPERATORS[type(node.op)]
    gap = between(at, node.left, node.right, sign)
    left, right = at.closed(node.left), at.closed(node.right)
    is_format = sign == "%" and isinstance(node.left, (ast.Constant, ast.JoinedStr))
    for other, prior in OTHER_OPERATORS[sign].items() if not is_format else ():
        weaker = isinstance(at.parent(node), ast.BinOp) or isinstance(node.left, ast.BinOp)
        yield at.edit(gap, other, "operator", prior)
        if weaker:
            yield at.replace(node, f"({left} {other} {right})", "operator", prior * 0.6)
    if sign not in ("*", "&", "|", "^") and not is_format:
        yield at.replace(node, f"({right} {sign} {left})", "swap-operands", 0.6)
    yield at.replace(node, at.closed(node.left), "drop-operand", 0.5)
    yield at.replace(node, at.closed(node.right), "drop-operand", 0.4)
    yield from regrouped(node, at)


def regrouped(node: ast.BinOp, at: Place) -> Iterator[Draft]:
    """Put the parentheses elsewhere: `a + b * c` for `(a + b) * c` and the other way round."""
    sign = OPERATORS[type(node.op)]
    if isinstance(node.left, ast.BinOp):
        inner = OPERATORS[type(node.left.op)]
        a, b, c = at.closed(node.left.left), at.closed(node.left.right), at.closed(node.right)
        if (inner, sign) not in (("+", "+"), ("*", "*")):
            yield at.replace(node, f"({a} {inner} ({b} {sign} {c}))", "regroup", 0.45)
    if isinstance(node.right, ast.BinOp):
        inner = OPERATORS[type(node.right.op)]
        a, b, c = at.closed(node.left), at.closed(node.right.left), at.closed(node.right.right)
        if (inner, sign) not in (("+", "+"), ("*", "*")):
            yield at.replace(node, f"(({a} {sign} {b}) {inner} {c})", "regroup", 0.45)


def junction(node: ast.BoolOp, at: Place) -> Iterator[Draft]:
    """`and` for `or`, one part less, one part the other way."""
    sign, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    for left, right in zip(node.values, node.values[1:]):
        yield at.edit(between(at, left, right, sign), other, "junction", 0.9)
    values = [at.text(value) for value in node.values]
    closed = [at.closed(value) for value in node.values]
    if len(values) > 2:
        yield at.replace(node, "(" + f" {other} ".join(closed) + ")", "junction", 0.4)
    for index in range(len(values)):
        rest = values[:index] + values[index + 1 :]
        kept = f" {sign} ".join(rest)
        yield at.replace(node, kept if len(rest) == 1 else f"({kept})", "drop-part", 0.6)
        turned = [*closed[:index], negated(node.values[index], at), *closed[index + 1 :]]
        yield at.replace(node, "(" + f" {sign} ".join(turned) + ")", "negate-part", 0.6)
    if len(values) == 2:
        yield at.replace(node, f"({closed[1]} {sign} {closed[0]})", "swap-operands", 0.25)


def unary(node: ast.UnaryOp, at: Place) -> Iterator[Draft]:
    if isinstance(node.op, ast.Not):
        yield at.replace(node, at.text(node.operand), "drop-not", 1.0)
    else:
        yield at.replace(node, at.closed(node.operand), "drop-sign", 0.8)


def augmented(node: ast.AugAssign, at: Place) -> Iterator[Draft]:
    sign = OPERATORS[type(node.op)]
    gap = between(at, node.target, node.value, f"{sign}=")
    for other, prior in OTHER_OPERATORS[sign].items():
        yield at.edit(gap, f"{other}=" if other != "&~" else "&= ~", "operator", prior)
    yield at.edit(gap, "=", "operator", 0.5)
    target, value = at.text(node.target), at.closed(node.value)
    yield at.replace(node, f"{target} = {value} {sign} {target}", "swap-operands", 0.4)


def negation(node: ast.expr, at: Place) -> Iterator[Draft]:
    """The other way round, for what is asked as a question and has no comparison to turn."""
    parent = at.parent(node)
    is_tested = isinstance(parent, TESTED) and node is not getattr(parent, "iter", None)
    is_tested = is_tested and node not in (getattr(parent, "body", None), getattr(parent, "orelse", None))
    if isinstance(parent, ast.comprehension) and node not in parent.ifs:
        is_tested = False
    is_turned = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    if is_tested and not is_turned and not (isinstance(node, ast.Compare) and len(node.ops) == 1):
        yield at.replace(node, negated(node, at), "negate", 0.8)


def stepped(node: ast.expr, at: Place) -> Iterator[Draft]:
    """One more or one less, where a number is likely: indexes, bounds, arguments, results."""
    parent = at.parent(node)
    if is_stored(node) or not isinstance(node, (ast.Name, ast.BinOp, ast.Call, ast.Subscript, ast.Attribute)):
        return
    if isinstance(parent, ast.Slice) or (isinstance(parent, ast.Subscript) and node is parent.slice):
        yield from one_more(node, at, 0.7 if isinstance(node, ast.Name) else 0.45)
    elif isinstance(parent, ast.Call) and node is not parent.func:
        is_range = isinstance(parent.func, ast.Name) and parent.func.id == "range"
        is_number = isinstance(node, ast.Name) or (isinstance(node, ast.Call) and at.text(node.func) == "len")
        yield from one_more(node, at, 0.8 if is_range else 0.5 if is_number else 0.35)
    elif isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign, ast.BinOp, ast.IfExp)):
        yield from one_more(node, at, 0.35)


def one_more(node: ast.expr, at: Place, prior: float) -> Iterator[Draft]:
    if isinstance(node, ast.Constant) or isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
        return  # a constant has a template of its own
    for change in ("+ 1", "- 1"):
        text = f"{at.closed(node)} {change}"
        outer = at.parent(node)
        yield at.replace(node, f"({text})" if isinstance(outer, (ast.BinOp, ast.UnaryOp)) else text, "step", prior)


def negated(node: ast.expr, at: Place) -> str:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return at.text(node.operand)
    return f"not {at.closed(node)}"


def between(at: Place, left: ast.expr, right: ast.expr, sign: str) -> tuple[int, int]:
    """Return where the sign between two operands is; all that is between them where it cannot be told."""
    start, end = at.source.span(left)[1], at.source.span(right)[0]
    words = re.escape(sign).replace(r"\ ", r"\s+")
    found = re.search(
        words.encode(), re.sub(rb"#[^\n]*", lambda match: b" " * len(match.group()), at.source.data[start:end])
    )
    return (start + found.start(), start + found.end()) if found else (start, end)
