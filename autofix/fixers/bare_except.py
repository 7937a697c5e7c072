"""`except:` catches even Ctrl+C; `except Exception:` is what was meant."""

from collections.abc import Collection

import libcst
from libcst import matchers
from libcst.metadata import MetadataWrapper, PositionProvider

from autofix.fixers.base import at_findings
from autofix.fixers.syntax_trees import parsed


def _named(lines: Collection[int], text: str) -> str:
    return MetadataWrapper(parsed(text)).visit(_NameException(lines)).code


class _NameException(matchers.MatcherDecoratableTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, lines: Collection[int]) -> None:
        super().__init__()
        self.lines = lines

    @matchers.leave(matchers.ExceptHandler(type=None))
    def name(
        self,
        original_node: libcst.ExceptHandler,
        updated_node: libcst.ExceptHandler,
    ) -> libcst.ExceptHandler:
        line = self.get_metadata(PositionProvider, original_node).start.line
        if line not in self.lines:
            return updated_node
        return updated_node.with_changes(
            type=libcst.Name("Exception"),
            whitespace_after_except=libcst.SimpleWhitespace(" "),
        )


name_exception = at_findings("E722 B001 W0702 bare-except", _named)
