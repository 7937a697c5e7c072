"""A name is imported from where it is not (any more): import it from the one place that has it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import libcst
from libcst import matchers
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor
from libcst.helpers import get_full_name_for_node

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, readable, rewrite, words
from autofix.fixers.known_names import MOVED
from autofix.fixers.project_names import ProjectNames, absolute, is_test_module, project_names
from autofix.fixers.syntax_trees import expression, parsed

SAID = (
    re.compile(r"cannot import name '(?P<name>\w+)' from '?(?P<module>[\w.]+)"),
    re.compile(r"`(?P<name>\w+)` cannot be imported from `(?P<module>[\w.]+)`"),
    re.compile(r'Module "(?P<module>[\w.]+)" has no attribute "(?P<name>\w+)"'),
)


@dataclass(frozen=True)
class Move:
    name: str
    old: str
    new: str


def import_from_elsewhere(tree: Tree, failure: Failure) -> bool:
    names = project_names(tree)
    changed = [
        rewrite(tree, path, partial(_moved, path, move))
        for move in _moves(failure, names)
        for path, text in readable(tree, all_files(tree, (".py",))).items()
        if move.name in text
    ]
    return any(changed)


def _moves(failure: Failure, names: ProjectNames) -> Sequence[Move]:
    matches = (match for pattern in SAID for match in pattern.finditer(words(failure)))
    said = {(match["name"], match["module"]) for match in matches}
    found = [Move(name, old, _home(name, old, names)) for name, old in sorted(said)]
    return [move for move in found if move.new]


def _home(name: str, old: str, names: ProjectNames) -> str:
    """Return the module that defines the name; empty where none or several do.

    A module that does bind the name is only half loaded: a circle of imports, no wrong address.
    """
    if name in names.bound.get(old, frozenset()):
        return ""
    homes = {
        module
        for module in names.defined.get(name, frozenset()) - {old}
        if is_test_module(old) or not is_test_module(module)
    }
    moved = MOVED.get((old, name), "") if not homes else ""
    return homes.pop() if len(homes) == 1 else moved


def _moved(path: str, move: Move, text: str) -> str:
    context = CodemodContext()
    module = parsed(text).visit(_Rewrite(context, path, move))
    return AddImportsVisitor(context).transform_module(module).code


class _Rewrite(matchers.MatcherDecoratableTransformer):
    def __init__(self, context: CodemodContext, path: str, move: Move) -> None:
        super().__init__()
        self.context, self.path, self.move = context, path, move

    @matchers.leave(matchers.ImportFrom())
    def redirect(
        self,
        original_node: libcst.ImportFrom,
        updated_node: libcst.ImportFrom,
    ) -> libcst.ImportFrom:
        dotted = get_full_name_for_node(original_node.module) if original_node.module else ""
        origin = absolute(dotted or "", len(original_node.relative), self.path)
        names = original_node.names
        if origin != self.move.old or isinstance(names, libcst.ImportStar):
            return updated_node
        wanted = [alias for alias in names if alias.evaluated_name == self.move.name]
        if not wanted:
            return updated_node
        return self._from_new(updated_node, wanted, [each for each in names if each not in wanted])

    def _from_new(
        self,
        node: libcst.ImportFrom,
        wanted: Sequence[libcst.ImportAlias],
        others: Sequence[libcst.ImportAlias],
    ) -> libcst.ImportFrom:
        """Point the whole statement elsewhere, or take the name out and import it on its own."""
        if not others:
            module = expression(self.move.new)
            return node.with_changes(module=module, relative=())
        for alias in wanted:
            name, own_name = self.move.name, alias.evaluated_alias
            AddImportsVisitor.add_needed_import(self.context, self.move.new, name, own_name)
        last = others[-1].with_changes(comma=libcst.MaybeSentinel.DEFAULT)
        kept = [*others[:-1], last] if node.lpar is None else others
        return node.with_changes(names=kept)
