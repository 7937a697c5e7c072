"""`type(a) == type(b)` asks whether they are the same: `type(a) is type(b)`."""

from collections.abc import Collection

import libcst
from libcst import matchers
from libcst.metadata import MetadataWrapper, PositionProvider

from autofix.fixers.base import at_findings
from autofix.fixers.syntax_trees import parsed

TYPE_OF = matchers.Call(func=matchers.Name("type"), args=[matchers.Arg()])


def _by_identity(lines: Collection[int], text: str) -> str:
    return MetadataWrapper(parsed(text)).visit(_ByIdentity(lines)).code


class _ByIdentity(matchers.MatcherDecoratableTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, lines: Collection[int]) -> None:
        super().__init__()
        self.lines = lines

    @matchers.leave(matchers.Comparison())
    def by_identity(self, original_node: libcst.Comparison, updated_node: libcst.Comparison) -> libcst.Comparison:
        line = self.get_metadata(PositionProvider, original_node).start.line
        target = updated_node.comparisons[0]
        sides = (updated_node.left, target.comparator)
        is_ours = line in self.lines and any(matchers.matches(side, TYPE_OF) for side in sides)
        if not is_ours or len(updated_node.comparisons) != 1:
            return updated_node
        if isinstance(target.operator, libcst.Equal):
            return updated_node.with_changes(comparisons=[target.with_changes(operator=libcst.Is())])
        if isinstance(target.operator, libcst.NotEqual):
            return updated_node.with_changes(comparisons=[target.with_changes(operator=libcst.IsNot())])
        return updated_node


compare_types = at_findings("E721", _by_identity)
