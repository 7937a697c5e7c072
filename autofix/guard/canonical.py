"""Do two pieces of Python mean the same? One text for all spellings of it.

Imports, annotations, docstrings and layout are left out: formatters and sorters change them.
What linters rewrite without changing the meaning is written one way. Everything else differs.
"""

import ast
from string import Formatter

NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.In: ast.NotIn,
    ast.Is: ast.IsNot,
    ast.Eq: ast.NotEq,
    ast.NotIn: ast.In,
    ast.IsNot: ast.Is,
    ast.NotEq: ast.Eq,
}
Field = tuple[str, str | None, str | None, str | None]  # as string.Formatter.parse gives them
EMPTY_LITERALS = {"dict": "{}", "list": "[]", "tuple": "()"}


def canonical(node: ast.AST) -> str:
    """Return equal texts for equal meaning; different ones do not prove a difference."""
    return ast.dump(_Canonical().visit(_copied(node)), annotate_fields=False)


def dotted(node: ast.AST) -> str:
    """`pytest.mark.skip` for the name, or for the call of it; empty for anything else."""
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _copied(node: ast.AST) -> ast.AST:
    """Without positions, and many times faster than deepcopy."""
    fields = {name: getattr(node, name, None) for name in node._fields}
    return type(node)(**{name: _copied_value(value) for name, value in fields.items()})


def _copied_value(value: object) -> object:
    if isinstance(value, list):
        return [_copied_value(each) for each in value]
    return _copied(value) if isinstance(value, ast.AST) else value


class _Canonical(ast.NodeTransformer):
    def visit_Import(self, _node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, _node: ast.ImportFrom) -> None:
        return None

    def visit_Pass(self, _node: ast.Pass) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            return self.generic_visit(ast.Assign([node.target], node.value))
        node.annotation = ast.Name("_")
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.bases = [base for base in node.bases if dotted(base) != "object"]
        node.decorator_list = [_without_empty_call(each) for each in node.decorator_list]
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        node.kind = None
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        self.generic_visit(node)
        if not all(isinstance(part, ast.Constant) for part in node.values):
            return node
        return ast.Constant("".join(str(ast.literal_eval(part)) for part in node.values))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand if isinstance(node.op, ast.Not) else None
        if not isinstance(inner, ast.Compare) or len(inner.ops) != 1:
            return node
        opposite = NEGATED.get(type(inner.ops[0]))
        return ast.Compare(inner.left, [opposite()], inner.comparators) if opposite else node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.comparators[0], ast.Constant):
            node.ops = [_literal_comparison(node.ops[0], node.comparators[0].value)]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = dotted(node.func)
        if name in EMPTY_LITERALS and not node.args and not node.keywords:
            return ast.parse(EMPTY_LITERALS[name], mode="eval").body
        if name == "super":
            node.args = []
        if name == "open" and node.args[1:] and ast.dump(node.args[1]) in READ_MODES:
            del node.args[1:2]
        return _formatted(node) or node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        node.decorator_list = [_without_empty_call(each) for each in node.decorator_list]
        return self.generic_visit(node)


READ_MODES = frozenset(ast.dump(ast.Constant(mode)) for mode in ("r", "rt", "U"))


def _without_empty_call(decorator: ast.expr) -> ast.expr:
    """`@pytest.fixture()` and `@pytest.mark.slow()` are the same without the brackets."""
    is_empty = isinstance(decorator, ast.Call) and not decorator.args and not decorator.keywords
    if isinstance(decorator, ast.Call) and is_empty and dotted(decorator).startswith("pytest."):
        return decorator.func
    return decorator


def _literal_comparison(operator: ast.cmpop, value: object) -> ast.cmpop:
    """`== None` is `is None`, and `is "text"` is `== "text"`."""
    pairs: dict[type[ast.cmpop], type[ast.cmpop]]
    if value is None:
        pairs = {ast.Eq: ast.Is, ast.NotEq: ast.IsNot}
    elif isinstance(value, bool):
        pairs = {}
    else:
        pairs = {ast.Is: ast.Eq, ast.IsNot: ast.NotEq}
    return pairs.get(type(operator), type(operator))()


def _formatted(node: ast.Call) -> ast.AST | None:
    """`"{} x".format(a)` as the f-string that it equals, for plain `{}` only."""
    template = node.func.value if isinstance(node.func, ast.Attribute) else None
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return None
    starred = any(isinstance(argument, ast.Starred) for argument in node.args)
    if dotted(node.func) != ".format" or node.keywords or starred:
        return None
    try:
        fields = list(Formatter().parse(template.value))
    except ValueError:
        return None
    plain = all(name in ("", None) and not spec and not how for _, name, spec, how in fields)
    if not plain or sum(name == "" for _, name, _, _ in fields) != len(node.args):
        return None
    return _joined(fields, list(node.args))


def _joined(fields: list[Field], values: list[ast.expr]) -> ast.JoinedStr:
    parts: list[ast.expr] = []
    for text, name, _spec, _conversion in fields:
        parts += [ast.Constant(text)] if text else []
        parts += [ast.FormattedValue(values.pop(0), -1)] if name == "" else []
    return ast.JoinedStr(parts)
