"""What can be said at one place in a source: the names, attributes, calls and expressions that are at hand there."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .sources import FUNCTION, Edit, Function, Source

MAX_INGREDIENT = 80
CALLING = re.compile(rb"[\w)\]]")
MAX_GUARD_LINES, MAX_GUARDS = 5, 40
ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Subscript, ast.Attribute, ast.List, ast.Dict, ast.Set, ast.JoinedStr)
INGREDIENTS = (ast.Subscript, ast.Call, ast.BinOp, ast.Attribute, ast.List, ast.Tuple, ast.Compare)
# Where a value stands alone, and what needs no parentheses there
ALONE = (ast.Call, ast.keyword, ast.Return, ast.Assign, ast.AugAssign, ast.Subscript, ast.If, ast.While, ast.List)
WHOLE = (ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp, ast.IfExp)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
SIMPLE = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.Return,
    ast.Break,
    ast.Continue,
    ast.Raise,
    ast.Delete,
)


@dataclass(frozen=True)
class Draft:
    """A candidate edit as a template drew it up. `prior`: how often such an edit is the right one, if any is."""

    source: Source
    edits: tuple[Edit, ...]
    template: str
    prior: float
    line: int


@dataclass
class File:
    """What a whole file has to offer; made once for all the places in it."""

    source: Source

    @cached_property
    def globals(self) -> list[str]:
        """Names of functions, classes and values of the module, then what it imports."""
        own: dict[str, None] = {}
        imported: dict[str, None] = {}
        for node in self.source.tree.body:
            for name in bound(node):
                target = imported if isinstance(node, (ast.Import, ast.ImportFrom)) else own
                target[name] = None
        return [*own, *imported]

    @cached_property
    def attributes(self) -> dict[str, int]:
        """Names after a dot, and how often."""
        found: dict[str, int] = {}
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute):
                found[node.attr] = found.get(node.attr, 0) + 1
        return found

    @cached_property
    def expressions(self) -> list[ast.expr]:
        """Everything in functions that can be read as a value, less annotations and parts of f-strings."""
        return [
            node
            for node in ast.walk(self.source.tree)
            if isinstance(node, ast.expr) and is_value(node, self.source) and not in_text(node, self.source)
        ]

    @cached_property
    def statements(self) -> list[ast.stmt]:
        return [node for node in ast.walk(self.source.tree) if isinstance(node, SIMPLE) and not is_docstring(node)]

    @cached_property
    def guards(self) -> list[tuple[ast.If, str]]:
        """Short `if` statements that leave, with their texts as if they were on the left edge."""
        found = []
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], LEAVING):
                lines = self.source.text(node).splitlines()
                cut = len(self.source.indent(node))
                if len(lines) <= MAX_GUARD_LINES and node.body[0].lineno > node.lineno:
                    found.append((node, "\n".join([lines[0], *(line[cut:] for line in lines[1:])])))
        return found[:MAX_GUARDS]

    @cached_property
    def texts(self) -> list[str]:
        found = (node.value for node in self.expressions if isinstance(node, ast.Constant))
        return list(dict.fromkeys(value for value in found if isinstance(value, str) and len(value) < MAX_INGREDIENT))

    def methods_of(self, owner: ast.ClassDef) -> list[str]:
        return [node.name for node in owner.body if isinstance(node, FUNCTION)]


@dataclass
class Place:
    """One statement, with what is visible from it."""

    file: File
    statement: ast.stmt

    @property
    def source(self) -> Source:
        return self.file.source

    @cached_property
    def function(self) -> Function | None:
        if isinstance(self.statement, FUNCTION):
            return self.statement
        return self.source.function_of(self.statement)

    @cached_property
    def owner(self) -> ast.ClassDef | None:
        node: ast.AST | None = self.statement
        while node is not None and not isinstance(node, ast.ClassDef):
            node = self.source.parents.get(node)
        return node

    @cached_property
    def locals(self) -> list[str]:
        """The names of arguments and variables of the functions around, innermost first."""
        found: dict[str, None] = {}
        function = self.function
        while function is not None:
            for name in local_names(function):
                found[name] = None
            function = self.source.function_of(function)
        return list(found)[:24]

    @cached_property
    def neglected(self) -> frozenset[str]:
        """Arguments and variables that nothing reads: something was to be done with them."""
        read = {node.id for node in self.nearby if isinstance(node, ast.Name) and not is_stored(node)}
        return frozenset(name for name in self.locals if name not in read and not name.startswith("_"))

    @cached_property
    def unfilled(self) -> list[str]:
        """Variables that start as empty containers and get nothing put in."""
        if self.function is None:
            return []
        empty: dict[str, None] = {}
        filled: set[str] = set()
        for node in ast.walk(self.function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                target = node.targets[0].id
                (empty.setdefault(target) if is_empty(node.value) else filled.add(target))
            elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.value, ast.Name):
                filled.add(node.value.id)
        return [name for name in empty if name not in filled]

    @cached_property
    def unset_attributes(self) -> list[str]:
        """What is read of `self` in this class and set nowhere in it."""
        if self.owner is None or self.owner.bases:
            return []
        own = [node for node in ast.walk(self.owner) if isinstance(node, ast.Attribute)]
        own = [node for node in own if isinstance(node.value, ast.Name) and node.value.id == "self"]
        known = {node.attr for node in own if is_stored(node)}.union(self.file.methods_of(self.owner))
        known.update(name for statement in self.owner.body for name in bound(statement))
        return [name for name in dict.fromkeys(node.attr for node in own) if name not in known]

    @cached_property
    def returns(self) -> list[ast.Return]:
        """What this function returns elsewhere."""
        inside = ast.walk(self.function) if self.function is not None else ()
        return [node for node in inside if isinstance(node, ast.Return) and node is not self.statement]

    @cached_property
    def undefined(self) -> list[str]:
        """Names that this function reads and nobody sets."""
        if self.function is None or b"import *" in self.source.data:
            return []
        known = BUILTINS.union(self.locals, self.file.globals, *(set(bound(node)) for node in self.inner_bindings))
        loaded = (node.id for node in ast.walk(self.function) if isinstance(node, ast.Name) and not is_stored(node))
        return [name for name in dict.fromkeys(loaded) if name not in known]

    @property
    def inner_bindings(self) -> list[ast.stmt]:
        top: ast.AST = self.function or self.source.tree
        kinds = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
        names = [node for node in ast.walk(top) if isinstance(node, kinds)]
        return [node for node in names if node is not top]

    @cached_property
    def own_attributes(self) -> list[str]:
        """What is used of `self` in this class."""
        if self.owner is None:
            return []
        found = (
            node.attr
            for node in ast.walk(self.owner)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        )
        return list(dict.fromkeys((*found, *self.file.methods_of(self.owner), "__class__")))

    @cached_property
    def expressions(self) -> list[ast.expr]:
        """The values of this statement, less those of the statements in it."""
        return [node for node in own_expressions(self.statement, self.source) if not in_text(node, self.source)]

    @cached_property
    def nearby(self) -> list[ast.expr]:
        """The values in the same function, or on the same level."""
        around: ast.AST = self.function or self.source.tree
        return [node for node in ast.walk(around) if isinstance(node, ast.expr) and is_value(node, self.source)]

    @cached_property
    def ingredients(self) -> list[tuple[ast.expr, str, bool]]:
        """Expressions of the file with their texts, and whether they are from the same function."""
        near = {id(node) for node in self.nearby}
        found: list[tuple[ast.expr, str, bool]] = []
        for node in self.file.expressions:
            if isinstance(node, INGREDIENTS) and not is_stored(node) and not is_called(node, self.parent(node)):
                text = self.text(node)
                if len(text) <= MAX_INGREDIENT and "\n" not in text:
                    found.append((node, self.closed(node), id(node) in near))
        return found

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.source.parents.get(node)

    def text(self, node: ast.AST) -> str:
        return self.source.text(node)

    def closed(self, node: ast.AST) -> str:
        """Return the text of a node, in parentheses where it could fall apart."""
        text = self.text(node)
        return text if isinstance(node, ATOMS) or is_closed(node, text) else f"({text})"

    def replace(self, node: ast.AST, text: str, template: str, prior: float) -> Draft:
        start, end = self.source.span(node)
        text = self.bare(node, text)
        around = self.source.data[max(0, start - 2) : start] + self.source.data[end : end + 1]
        if text.isidentifier() and around[-2:] == b"()" and not CALLING.match(around):
            start, end = start - 1, end + 1  # its parentheses are of no more use
        return self.edit((start, end), text, template, prior)

    def bare(self, node: ast.AST, text: str) -> str:
        """Return a text without the parentheses around it, where it stands alone anyway."""
        parent = self.parent(node)
        is_alone = isinstance(parent, ALONE) and not is_called(node, parent)
        if isinstance(parent, ast.Subscript) and node is not parent.slice:
            is_alone = False
        if not is_alone or text[:1] != "(" or text[-1:] != ")" or "\n" in text:
            return text
        try:
            inner = ast.parse(text[1:-1], mode="eval").body
        except (SyntaxError, ValueError):
            return text
        return text[1:-1].strip() if isinstance(inner, (*WHOLE, *ATOMS)) else text

    def edit(self, span: tuple[int, int], text: str, template: str, prior: float) -> Draft:
        return Draft(self.source, (Edit(*span, text),), template, prior, self.statement.lineno)


def is_closed(node: ast.AST, text: str) -> bool:
    if isinstance(node, COMPREHENSIONS):
        return text[:1] in "[{("
    return isinstance(node, ast.Tuple) and text[:1] == "("


def bound(node: ast.stmt) -> Iterator[str]:
    """Return the names that a statement gives a meaning to."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (alias.asname or alias.name).split(".")[0]
    else:
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                yield child.id


def local_names(function: Function) -> Iterator[str]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            yield star.arg
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, FUNCTION) and node is not function:
            yield node.name


def own_expressions(statement: ast.AST, source: Source) -> Iterator[ast.expr]:
    """Return the values that belong to a statement and to no statement in it."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, (ast.stmt, ast.excepthandler)) or type(child).__name__ == "match_case":
            continue
        if isinstance(child, ast.expr) and is_value(child, source) and not is_docstring(statement):
            yield child
        yield from own_expressions(child, source)


def is_value(node: ast.expr, source: Source) -> bool:
    """False for annotations and decorators, where an edit changes nothing that runs, or everything."""
    if isinstance(node, ast.Starred):
        return False
    child: ast.AST = node
    parent = source.parents.get(child)
    while parent is not None and not isinstance(parent, (ast.stmt, ast.Lambda)):
        if isinstance(parent, ast.arg):
            return False
        child, parent = parent, source.parents.get(parent)
    if isinstance(parent, FUNCTION):
        return child is parent.args
    return not (isinstance(parent, ast.AnnAssign) and child is parent.annotation)


def in_text(node: ast.AST, source: Source) -> bool:
    """Whether a node is a part of an f-string: before 3.12 nobody knows where exactly."""
    parent = source.parents.get(node)
    while parent is not None and not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.JoinedStr):
            return sys.version_info < (3, 12) or isinstance(node, (ast.Constant, ast.JoinedStr, ast.FormattedValue))
        parent = source.parents.get(parent)
    return False


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def is_empty(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Dict)):
        return not (node.elts if isinstance(node, ast.List) else node.keys)
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in EMPTY and not node.args


def is_called(node: ast.AST, parent: ast.AST | None) -> bool:
    return isinstance(parent, ast.Call) and parent.func is node


def is_stored(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))


EMPTY = frozenset({"set", "list", "dict", "deque", "OrderedDict"})
BUILTINS = frozenset(vars(builtins))
