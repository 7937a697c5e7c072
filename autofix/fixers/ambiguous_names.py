"""`l`, `O` and `I` look like digits: within one function, or a module that nobody else looks into, they get a name."""

import re
from collections.abc import Collection, Iterator
from functools import partial

import libcst
from libcst import matchers
from libcst.metadata import (
    Assignment,
    ClassScope,
    MetadataWrapper,
    PositionProvider,
    Scope,
    ScopeProvider,
)

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, lines_with, readable, rewrite
from autofix.fixers.syntax_trees import parsed

CODES = ("E741", "disallowed-name")
BETTER = {"l": ("item", "value", "entry"), "O": ("obj", "thing", "entry"), "I": ("index", "number", "entry")}


def rename(tree: Tree, failure: Failure) -> bool:
    found = {path: lines for path, lines in lines_with(tree, failure, CODES).items() if path.endswith(".py")}
    if not found:
        return False
    texts = readable(tree, all_files(tree, (".py",)))
    changed = [
        rewrite(tree, path, partial(_renamed, lines, _seen_elsewhere(path, texts))) for path, lines in found.items()
    ]
    return any(changed)


def _seen_elsewhere(path: str, texts: dict[str, str]) -> frozenset[str]:
    """Names that other files may reach for, and those that any call gives an argument by."""
    others = "\n".join(text for other, text in texts.items() if other != path)
    everywhere = "\n".join(texts.values())
    return frozenset(
        name
        for name in BETTER
        if re.search(rf"import\b.*\b{name}\b|\.{name}\b", others)
        or re.search(rf"[(,]\s*{name}\s*=[^=]|(?:global|nonlocal)\b.*\b{name}\b", everywhere)
    )


def _renamed(lines: Collection[int], kept: frozenset[str], text: str) -> str:
    wrapper = MetadataWrapper(parsed(text), unsafe_skip_copy=True)
    scopes = wrapper.resolve(ScopeProvider)
    positions = wrapper.resolve(PositionProvider)
    new_names: dict[libcst.Name, str] = {}
    for node, scope in scopes.items():
        is_ours = isinstance(node, libcst.Name) and node.value in BETTER.keys() - kept
        if isinstance(node, libcst.Name) and is_ours and scope and positions[node].start.line in lines:
            better = next((name for name in BETTER[node.value] if not re.search(rf"\b{name}\b", text)), "")
            new_names |= {each: better for each in _occurrences(scope, node.value) if better}
    return wrapper.module.visit(_Rename(new_names)).code


def _occurrences(scope: Scope, name: str) -> Iterator[libcst.Name]:
    """Yield the name wherever it means the same variable; nothing for attributes of a class."""
    for assignment in scope[name]:
        if not isinstance(assignment, Assignment) or isinstance(assignment.scope, ClassScope):
            continue
        node = assignment.node
        yield from [node] if isinstance(node, libcst.Name) else []
        yield from [node.name] if isinstance(node, libcst.Param) else []
        uses = (access.node for access in assignment.references)
        yield from (use for use in uses if isinstance(use, libcst.Name))


class _Rename(matchers.MatcherDecoratableTransformer):
    def __init__(self, new_names: dict[libcst.Name, str]) -> None:
        super().__init__()
        self.new_names = new_names

    @matchers.leave(matchers.Name())
    def rename(self, original_node: libcst.Name, updated_node: libcst.Name) -> libcst.Name:
        better = self.new_names.get(original_node)
        return updated_node.with_changes(value=better) if better else updated_node
