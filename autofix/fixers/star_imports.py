"""`from module import *` becomes the list of names that the file, and whoever imports from it, takes from there."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import libcst
from libcst import matchers
from libcst.helpers import get_full_name_for_node

from autofix.failures import Failure
from autofix.fixers.base import Tree, lines_with, readable, rewrite
from autofix.fixers.project_names import Import, ProjectNames, absolute, module_name, project_names
from autofix.fixers.syntax_trees import parsed

CODES = ("F403", "F405", "W0401", "W0614", "wildcard-import", "unused-wildcard-import")
UNDEFINED = re.compile(r": F405 .*?`(?P<name>\w+)`")
# Runs in the project's Python: what would the star bring?
PROBE = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
public = [name for name in vars(module) if not name.startswith("_")]
print(*getattr(module, "__all__", public))
"""


def list_names(tree: Tree, failure: Failure) -> bool:
    found = [path for path in lines_with(tree, failure, CODES) if path.endswith(".py")]
    if not found:
        return False
    names = project_names(tree)
    changed = [_list_in(tree, path, text, names) for path, text in readable(tree, found).items()]
    return any(changed)


def _list_in(tree: Tree, path: str, text: str, names: ProjectNames) -> bool:
    stars = list(_stars(path, text))
    offered = {module: _offered(tree, module, names) for module in stars}
    needed = _needed(tree, path, text, names)
    if needed is None or not all(offered.values()):
        return False
    homes = {name: module for module in stars for name in offered[module]}
    is_shadowed = {name for name in homes.keys() & set(dir(builtins)) if re.search(rf"\b{name}\b", text)}
    if not needed <= homes.keys():
        return False
    wanted = {module: sorted(n for n in needed | is_shadowed if homes[n] == module) for module in stars}
    return rewrite(tree, path, partial(_listed, path, wanted))


def _stars(path: str, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield absolute(node.module or "", node.level, path)


def _offered(tree: Tree, module: str, names: ProjectNames) -> frozenset[str]:
    if module in names.modules:
        listed = _dunder_all(tree.read(names.modules[module]))
        public = (name for name in names.bound[module] if not name.startswith("_"))
        return frozenset(public if listed is None else listed)
    found = tree.run(["python", "-c", PROBE, module], 30)
    return frozenset(found.output.split()) if found.exit_code == 0 else frozenset()


def _dunder_all(text: str) -> list[str] | None:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            listed: list[str] = ast.literal_eval(node.value)
            return listed
    return None


def _needed(tree: Tree, path: str, text: str, names: ProjectNames) -> set[str] | None:
    """What the file uses, and what others import from it; None where nobody can tell."""
    own = module_name(path)
    ways: list[Import] = [way for found in names.imported.values() for way in found if way.module == own and way.name]
    if any(way.name == "*" for way in ways):
        return None
    command = ["ruff", "check", "--isolated", "--no-cache", "--quiet", "--exit-zero", "--select", "F405"]
    output = tree.run([*command, "--output-format", "concise", "--", path]).output
    used = {match["name"] for match in UNDEFINED.finditer(output)}
    passed_on = {way.name for way in ways} - names.bound.get(own, frozenset()) - names.modules.keys()
    submodules = {module.rpartition(".")[2] for module in names.modules if module.startswith(f"{own}.")}
    return used | (passed_on - submodules)


def _listed(path: str, wanted: Mapping[str, Sequence[str]], text: str) -> str:
    return parsed(text).visit(_ListNames(path, wanted)).code


class _ListNames(matchers.MatcherDecoratableTransformer):
    def __init__(self, path: str, wanted: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.path, self.wanted = path, wanted

    @matchers.leave(matchers.ImportFrom())
    def list_them(
        self, original_node: libcst.ImportFrom, updated_node: libcst.ImportFrom
    ) -> libcst.ImportFrom | libcst.RemovalSentinel:
        if not isinstance(original_node.names, libcst.ImportStar):
            return updated_node
        dotted = get_full_name_for_node(original_node.module) if original_node.module else ""
        module = absolute(dotted or "", len(original_node.relative), self.path)
        names = self.wanted.get(module, ())
        if not names:
            return libcst.RemoveFromParent()
        return updated_node.with_changes(names=[libcst.ImportAlias(libcst.Name(name)) for name in names])
