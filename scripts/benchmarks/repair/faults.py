"""Which single faults can be put into a source? Each changes one place of the text; the rest stays as it is.

Pure: `find` takes a source and gives faults, `Fault.apply` gives the broken source.
"""

import ast
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

Function = ast.FunctionDef | ast.AsyncFunctionDef
OPERATORS: dict[type, tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: (r"-", "+"),
    ast.Mult: (r"\*", "+"),
    ast.Div: (r"/", "*"),
    ast.FloorDiv: (r"//", "/"),
    ast.Mod: (r"%", "//"),
    ast.Pow: (r"\*\*", "*"),
    ast.BitAnd: (r"&", "|"),
    ast.BitOr: (r"\|", "&"),
}
BOUNDARIES: dict[type, tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
CONDITIONS: dict[type, tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: (r"\bin\b", "not in"),
    ast.NotIn: (r"\bnot\s+in\b", "in"),
    ast.Is: (r"\bis\b", "is not"),
    ast.IsNot: (r"\bis\s+not\b", "is"),
}
ALIKE = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "lower": "upper",
    "upper": "lower",
    "startswith": "endswith",
    "endswith": "startswith",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
    "append": "extend",
    "keys": "values",
    "values": "keys",
    "floor": "ceil",
    "ceil": "floor",
}
LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
NAMES_EACH = 2


@dataclass(frozen=True, order=True)
class Fault:
    """Put `replacement` in the place of the characters from `start` to `end`."""

    start: int
    end: int
    replacement: str
    operator: str
    line: int
    module: str = ""

    def apply(self, source: str) -> str:
        return source[: self.start] + self.replacement + source[self.end :]


class Text:
    """A source whose syntax tree's places are turned into characters."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        start = self.at(node.lineno, node.col_offset)
        return start, self.at(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def of(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def replace(self, node: ast.expr | ast.stmt, words: str, operator: str) -> Fault:
        return Fault(*self.span(node), words, operator, node.lineno)

    def between(self, left: ast.expr, right: ast.expr, swap: tuple[str, str], operator: str) -> Iterator[Fault]:
        """Replace the one token between two operands, where nothing but it is there."""
        start, end = self.span(left)[1], self.span(right)[0]
        found = list(re.finditer(swap[0], self.source[start:end]))
        if len(found) == 1 and "#" not in self.source[start:end]:
            yield Fault(start + found[0].start(), start + found[0].end(), swap[1], operator, left.end_lineno or 0)


@dataclass(frozen=True)
class Scope:
    """The names that a function may have confused."""

    names: Sequence[str]
    attributes: Sequence[str]
    assigned: Counter[str]


def find(source: str, wanted: Container[str] | None = None, module: str = "") -> list[Fault]:
    """Return every fault in the functions named in `wanted` (all if None) of a module's source."""
    tree, text = ast.parse(source), Text(source)
    found = (
        fault
        for name, function, attributes in functions(tree)
        if wanted is None or name in wanted
        for fault in _in_function(text, function, attributes)
    )
    return [replace(fault, module=module) for fault in dict.fromkeys(found)]


def is_sound(source: str, fault: Fault) -> bool:
    """Say whether the broken source can be read, and says something else."""
    try:
        return ast.dump(ast.parse(fault.apply(source))) != ast.dump(ast.parse(source))
    except (SyntaxError, ValueError):
        return False


def pick(faults: Sequence[Fault], rng: random.Random) -> Iterator[Fault]:
    """Yield all faults, each kind as often as the other as long as it lasts."""
    left: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in sorted(faults):
        left[fault.operator].append(fault)
    while left:
        for operator in rng.sample(sorted(left), len(left)):
            yield left[operator].pop(rng.randrange(len(left[operator])))
            if not left[operator]:
                del left[operator]


def functions(tree: ast.Module) -> Iterator[tuple[str, Function, list[str]]]:
    """Yield each function that no other holds, by its qualified name, with what its class calls its own."""

    def walk(body: Sequence[ast.stmt], prefix: str, own: list[str]) -> Iterator[tuple[str, Function, list[str]]]:
        for node in body:
            if isinstance(node, Function):
                yield prefix + node.name, node, own
            elif isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{prefix}{node.name}.", sorted(_own_attributes(node)))

    yield from walk(tree.body, "", [])


def _own_attributes(node: ast.ClassDef) -> set[str]:
    attributes = (each for each in ast.walk(node) if isinstance(each, ast.Attribute))
    return {each.attr for each in attributes if isinstance(each.value, ast.Name) and each.value.id == "self"}


def _in_function(text: Text, function: Function, attributes: Sequence[str]) -> Iterator[Fault]:
    scope = _scope(function, attributes)
    for node in _nodes(function):
        for make in KINDS:
            yield from make(text, node, scope)
    for block in _blocks(function):
        for statement in block:
            yield from _dropped(text, statement, block, scope)


def _scope(function: Function, attributes: Sequence[str]) -> Scope:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    stored = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names = sorted({each.arg for each in every if each.arg not in {"self", "cls"}} | set(stored))
    return Scope(names, attributes, Counter([*(each.arg for each in every), *stored]))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what is executed: no decorators, annotations, docstrings or formatted strings."""
    for name, value in ast.iter_fields(node):
        if name in {"decorator_list", "annotation", "returns", "type_comment"} or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_text_only(child):
                yield child
                yield from _nodes(child)


def _is_text_only(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block and not isinstance(node, ast.ClassDef):
                yield block


def _operator(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield from text.between(node.left, node.right, OPERATORS[type(node.op)], "operator")
    elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        old, new = OPERATORS[type(node.op)]
        yield from text.between(node.target, node.value, (f"{old}=", f"{new}="), "operator")
    elif isinstance(node, ast.BoolOp):
        swap = (r"\band\b", "or") if isinstance(node.op, ast.And) else (r"\bor\b", "and")
        for left, right in pairwise(node.values):
            yield from text.between(left, right, swap, "operator")


def _boundary(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in BOUNDARIES:
        yield from text.between(node.left, node.comparators[0], BOUNDARIES[type(node.ops[0])], "boundary")
    elif isinstance(node, ast.Slice):
        for bound in (node.lower, node.upper):
            if bound is not None:
                yield text.replace(bound, f"{text.of(bound)} + 1", "boundary")
    elif isinstance(node, ast.Call) and _name(node.func) == "range" and node.args:
        yield text.replace(node.args[-1], f"{text.of(node.args[-1])} - 1", "boundary")


def _constant(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield text.replace(node, repr(not value), "constant")
    elif isinstance(value, int):
        yield text.replace(node, repr(value + 1), "constant")
        if value > 0:
            yield text.replace(node, repr(value - 1), "constant")
    elif isinstance(value, str) and value and text.of(node)[0] in "\"'":
        yield text.replace(node, repr(value[:-1]), "constant")


def _condition(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        is_negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        words = text.of(node.test.operand) if is_negated else f"not ({text.of(node.test)})"  # type: ignore[attr-defined]
        yield text.replace(node.test, words, "condition")
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in CONDITIONS:
        yield from text.between(node.left, node.comparators[0], CONDITIONS[type(node.ops[0])], "condition")


def _argument_order(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if not isinstance(node, ast.Call) or any(isinstance(each, ast.Starred) for each in node.args):
        return
    for left, right in pairwise(node.args):
        (start, middle), (after, end) = text.span(left), text.span(right)
        words = text.source[after:end] + text.source[middle:after] + text.source[start:middle]
        yield Fault(start, end, words, "argument order", node.lineno)


def _wrong_name(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        others = _others(node.id, scope.names)
        for name in [ALIKE[node.id]] if node.id in ALIKE else others:
            yield text.replace(node, name, "wrong name")
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        is_own = _name(node.value) == "self"
        others = _others(node.attr, scope.attributes) if is_own else [ALIKE[node.attr]] if node.attr in ALIKE else []
        for name in others:
            end = text.span(node)[1]
            yield Fault(end - len(node.attr), end, name, "wrong name", node.lineno)


def _others(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that follow this one, if it is one of them."""
    if name not in names:
        return []
    place = names.index(name)
    return [*names[place + 1 :], *names[:place]][:NAMES_EACH]


def _wrong_return(text: Text, node: ast.AST, scope: Scope) -> Iterator[Fault]:
    if isinstance(node, ast.Return) and node.value is not None and text.of(node.value) != "None":
        yield text.replace(node.value, "None", "return")
        for name in scope.names[:NAMES_EACH]:
            if name != text.of(node.value):
                yield text.replace(node.value, name, "return")


def _dropped(text: Text, statement: ast.stmt, block: Sequence[ast.stmt], scope: Scope) -> Iterator[Fault]:
    operator = _droppable(statement, scope)
    if not operator:
        return
    start, end = text.span(statement)
    if len(block) == 1:
        yield Fault(start, end, "pass", operator, statement.lineno)
        return
    first = text.source.rfind("\n", 0, start) + 1
    last = text.source.find("\n", end) + 1 or len(text.source)
    if not text.source[first:start].strip() and not text.source[end:last].split("#")[0].strip():
        yield Fault(first, last, "", operator, statement.lineno)


def _droppable(statement: ast.stmt, scope: Scope) -> str:
    if isinstance(statement, ast.If) and not statement.orelse and isinstance(statement.body[-1], LEAVES):
        return "guard"
    if isinstance(statement, ast.Return) and statement.value is not None:
        return "return"
    if isinstance(statement, ast.AugAssign) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Yield | ast.YieldFrom)
    ):
        return "statement"
    if isinstance(statement, ast.Assign) and all(_is_set_elsewhere(each, scope) for each in statement.targets):
        return "statement"
    return ""


def _is_set_elsewhere(target: ast.expr, scope: Scope) -> bool:
    return isinstance(target, ast.Attribute | ast.Subscript) or scope.assigned[_name(target)] > 1


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


KINDS: tuple[Callable[[Text, ast.AST, Scope], Iterator[Fault]], ...] = (
    _operator,
    _boundary,
    _constant,
    _condition,
    _argument_order,
    _wrong_name,
    _wrong_return,
)
