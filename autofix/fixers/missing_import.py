"""A name is used that nobody imported: find the one thing it can mean, and import it.

The project's own habit counts first, then the standard library and the project's modules. Two
possible meanings are none: guessing costs more than asking.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, named_files, rewrite, words
from autofix.fixers.known_names import JOKES, MODULE_OF
from autofix.fixers.project_names import (
    Import,
    ProjectNames,
    is_test_module,
    module_name,
    project_names,
)
from autofix.fixers.syntax_trees import parsed

SAID = re.compile(
    r"""[Nn]ame ['"`](\w+)['"`] is not defined|[Uu]ndefined name ['"`](\w+)['"`]"""
    r"""|["`](\w+)["`] is not defined|[Uu]ndefined variable ['"`](\w+)['"`]"""
)
UNDEFINED = re.compile(r"^(?P<file>.+?):\d+:\d+: F821 .*?`(?P<name>\w+)`", re.MULTILINE)
ABOUT = frozenset({"hasattr", "getattr", "setattr", "delattr", "vars", "dir"})
# Runs in the project's Python: does the thing exist, and has it all that is used of it?
PROBE = """
import importlib, sys
module, name, *attributes = sys.argv[1:]
found = importlib.import_module(module)
found = getattr(found, name) if name else found
sys.exit(0 if all(hasattr(found, each) for each in attributes) else 1)
"""


@dataclass(frozen=True)
class Uses:
    """What is done with the name in its file."""

    attributes: frozenset[str]
    is_used_bare: bool


def import_missing(tree: Tree, failure: Failure) -> bool:
    wanted = {name for match in SAID.finditer(words(failure)) for name in match.groups() if name}
    if not wanted:
        return False
    names = project_names(tree)
    changed = [
        _import_into(tree, path, way)
        for path, name in _undefined(tree, failure, wanted)
        if (way := _meaning(tree, path, name, names))
    ]
    return any(changed)


def _import_into(tree: Tree, path: str, way: Import) -> bool:
    """Imports that were in order stay in order."""
    command = ["ruff", "check", "--no-cache", "--quiet", "--select", "I"]
    was_sorted = tree.run([*command, "--", path]).exit_code == 0
    changed = rewrite(tree, path, partial(with_import, way))
    if changed and was_sorted:
        tree.run([*command, "--fix", "--", path])
    return changed


def with_import(way: Import, text: str) -> str:
    context = CodemodContext()
    AddImportsVisitor.add_needed_import(context, way.module, way.name or None, way.alias or None)
    return AddImportsVisitor(context).transform_module(parsed(text)).code


def _undefined(tree: Tree, failure: Failure, wanted: set[str]) -> list[tuple[str, str]]:
    """Where ruff says so too: a log may name another file than the one that lacks the import."""
    for paths in (named_files(tree, failure, (".py",)), all_files(tree, (".py",))):
        found = [pair for pair in _ruff_undefined(tree, paths) if pair[1] in wanted]
        if found:
            return sorted(set(found))
    return []


def _ruff_undefined(tree: Tree, paths: tuple[str, ...]) -> list[tuple[str, str]]:
    if not paths:
        return []
    command = ["ruff", "check", "--isolated", "--no-cache", "--quiet", "--exit-zero"]
    options = ["--select", "F821", "--output-format", "concise"]
    output = tree.run([*command, *options, "--", *paths]).output
    found = ((match["file"], match["name"]) for match in UNDEFINED.finditer(output))
    return [(file.removeprefix("./"), name) for file, name in found]


def _meaning(tree: Tree, path: str, name: str, names: ProjectNames) -> Import | None:
    uses = _uses(tree.read(path), name)
    habit = names.imported.get(name, frozenset())
    possible = habit or frozenset(_possible(path, name, uses, names))
    fitting = [way for way in possible if _fits(tree, way, uses, is_habit=bool(habit))]
    return fitting[0] if len(fitting) == 1 else None


def _uses(text: str, name: str) -> Uses:
    nodes = list(ast.walk(ast.parse(text)))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    through = [node for node in attributes if _owner(node) == name]
    asked = sum(_asks_about(node, name) for node in nodes)
    total = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
    return Uses(frozenset(node.attr for node in through), total > len(through) + asked)


def _asks_about(node: ast.AST, name: str) -> bool:
    """`hasattr(sys, "x")` uses a module as `sys.x` does."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        return False
    return node.func.id in ABOUT and isinstance(node.args[0], ast.Name) and node.args[0].id == name


def _owner(node: ast.Attribute) -> str:
    return node.value.id if isinstance(node.value, ast.Name) else ""


def _possible(path: str, name: str, uses: Uses, names: ProjectNames) -> Iterator[Import]:
    own = module_name(path)
    if uses.attributes and not uses.is_used_bare:
        yield from _modules(own, name, names)
    if name in MODULE_OF:
        yield Import(MODULE_OF[name], name)
    for module in names.defined.get(name, frozenset()) - {own}:
        if is_test_module(own) or not is_test_module(module):
            yield Import(module, name)


def _modules(own: str, name: str, names: ProjectNames) -> Iterator[Import]:
    if name in sys.stdlib_module_names - JOKES or (name == "pytest" and is_test_module(own)):
        yield Import(name)
    for module in names.modules:
        package, _, last = module.rpartition(".")
        if last == name and module != own and not is_test_module(module):
            yield Import(package, name) if package else Import(name)


def _fits(tree: Tree, way: Import, uses: Uses, *, is_habit: bool) -> bool:
    if way.module.partition(".")[0] not in sys.stdlib_module_names:
        return True
    if not way.name and uses.is_used_bare and not is_habit:
        return False
    probe = ["python", "-I", "-c", PROBE, way.module, way.name, *sorted(uses.attributes)]
    return tree.run(probe, 20).exit_code == 0
