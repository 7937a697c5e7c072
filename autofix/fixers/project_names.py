"""What does the project call things? Its modules, what they define, and how names are imported."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from autofix.fixers.base import Tree, all_files, readable

T = TypeVar("T")

MAX_FILES = 3_000
SOURCE_ROOTS = ("src/", "lib/")


@dataclass(frozen=True)
class Import:
    """`import module as alias`, or `from module import name as alias`."""

    module: str
    name: str = ""
    alias: str = ""


@dataclass(frozen=True)
class ProjectNames:
    """`modules`: dotted name -> path; `defined`: symbol -> modules; `imported`: name -> ways."""

    modules: Mapping[str, str]
    defined: Mapping[str, frozenset[str]]
    bound: Mapping[str, frozenset[str]]
    imported: Mapping[str, frozenset[Import]]


def project_names(tree: Tree) -> ProjectNames:
    paths = all_files(tree, (".py",))[:MAX_FILES]
    modules: dict[str, str] = {}
    defined: defaultdict[str, set[str]] = defaultdict(set)
    bound: dict[str, frozenset[str]] = {}
    imported: defaultdict[str, set[Import]] = defaultdict(set)
    for path, text in readable(tree, paths).items():
        module, parsed = module_name(path), _parsed(text)
        if not module or parsed is None:
            continue
        modules[module] = path
        for name in _definitions(parsed):
            defined[name].add(module)
        own = dict(_imports(parsed, path))
        bound[module] = frozenset(own) | frozenset(_definitions(parsed))
        for name, way in own.items():
            imported[name].add(way)
    return ProjectNames(modules, _frozen(defined), bound, _frozen(imported))


def module_name(path: str) -> str:
    """`src/shop/cart.py` -> `shop.cart`; empty for what cannot be imported."""
    for root in SOURCE_ROOTS:
        path = path.removeprefix(root)
    parts = PurePosixPath(path).with_suffix("").parts
    parts = parts[:-1] if parts and parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def absolute(module: str, level: int, path: str) -> str:
    """What `from ..module import x` in the file at `path` means."""
    if not level:
        return module
    package = module_name(path).split(".")
    package = package if path.endswith("/__init__.py") else package[:-1]
    kept = package[: len(package) - level + 1]
    return ".".join((*kept, module) if module else kept)


def is_test_module(module: str) -> bool:
    parts = module.split(".")
    is_below = bool({"tests", "test"} & set(parts))
    return is_below or parts[-1].startswith("test_") or parts[-1] == "conftest"


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _definitions(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _imports(module: ast.Module, path: str) -> Iterator[tuple[str, Import]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                way = Import(alias.name, alias=alias.asname or "")
                yield alias.asname or alias.name.partition(".")[0], way
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node.module or "", node.level, path)
            for alias in node.names:
                way = Import(origin, alias.name, alias.asname or "")
                yield alias.asname or alias.name, way


def _frozen(sets: Mapping[str, set[T]]) -> dict[str, frozenset[T]]:
    return {name: frozenset(values) for name, values in sets.items()}
