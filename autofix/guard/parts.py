"""What is a Python module made of? Its functions, classes and statements, by name."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from autofix.guard.canonical import canonical, dotted

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Part:
    """`TestCart.test_total`, `TestCart`, `EXPECTED =`; a statement without a name is its text."""

    name: str
    node: ast.stmt
    text: str

    @property
    def last_name(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_test(self) -> bool:
        is_definition = isinstance(self.node, Function | ast.ClassDef)
        return is_definition and self.last_name.lower().startswith("test")


@dataclass(frozen=True)
class Module:
    """`parts` keeps every definition of a name: the last one wins, the others are dead."""

    tree: ast.Module
    parts: Mapping[str, Sequence[Part]]
    origins: Mapping[str, frozenset[str]]

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is bound, whether by a definition, an assignment or an import."""
        return frozenset(name.removesuffix(" =") for name in self.parts) | frozenset(self.origins)


def syntax(text: str) -> ast.Module:
    """Raise ValueError (SyntaxError is one of its kind here) where the text is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python: {error}") from None


def parsed(text: str) -> Module:
    tree = syntax(text)
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for part in _parts(tree.body, ""):
        parts[part.name].append(part)
    return Module(tree, dict(parts), _origins(tree))


def counted(node: ast.AST, wanted: frozenset[str]) -> Counter[str]:
    """How often the attributes, called and decorating names among `wanted` occur."""
    found: Counter[str] = Counter()
    for each in ast.walk(node):
        names = [each.attr] if isinstance(each, ast.Attribute) else []
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            names.append(each.func.id)
        if isinstance(each, Function | ast.ClassDef):
            names += [mark.id for mark in each.decorator_list if isinstance(mark, ast.Name)]
        if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Name):
            names.append(each.exc.id)
        found.update(name for name in names if name in wanted)
    return found


def _parts(body: Sequence[ast.stmt], prefix: str) -> Iterator[Part]:
    for node in body:
        if isinstance(node, Function):
            yield Part(prefix + node.name, node, canonical(node))
        elif isinstance(node, ast.ClassDef):
            yield Part(prefix + node.name, node, _header(node))
            yield from _parts(node.body, f"{prefix}{node.name}.")
        elif text := _statement(node):
            yield Part(prefix + _statement_name(node, text), node, text)


def _header(node: ast.ClassDef) -> str:
    empty = ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list)
    return canonical(empty)


def _statement(node: ast.stmt) -> str:
    """Empty for what does nothing: imports, docstrings, `pass`, guarded imports."""
    text = canonical(ast.Module([node], []))
    return "" if text == canonical(ast.Module([], [])) or _only_imports(node) else text


def _only_imports(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If | ast.Try):
        return False
    inner = [each for each in ast.walk(node) if isinstance(each, ast.stmt) and each is not node]
    return all(isinstance(each, ast.Import | ast.ImportFrom | ast.Pass) for each in inner)


def _statement_name(node: ast.stmt, text: str) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    names = [dotted(target) for target in targets]
    return f"{names[0]} =" if names and all(names) else f"<{text}>"


def _origins(tree: ast.Module) -> dict[str, frozenset[str]]:
    """Where each imported name of the module comes from, at any depth."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]].add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                found[alias.asname or alias.name].add(f"{module}:{alias.name}")
    return {name: frozenset(origins) for name, origins in found.items()}
