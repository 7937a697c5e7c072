"""`raise` in an exception handler says what it came from: `raise … from error`."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import libcst
from libcst import matchers
from libcst.metadata import MetadataWrapper, PositionProvider

from autofix.fixers.base import at_findings
from autofix.fixers.syntax_trees import parsed

NAMES = ("error", "exc", "err", "cause", "original_error")


@dataclass
class _Handler:
    """The name that its exception has, or may get; empty where it can have none."""

    name: str
    is_needed: bool = False


def _chained(lines: Collection[int], text: str) -> str:
    free = next((name for name in NAMES if not re.search(rf"\b{name}\b", text)), "")
    return MetadataWrapper(parsed(text)).visit(_ChainRaises(lines, free)).code


class _ChainRaises(matchers.MatcherDecoratableTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, lines: Collection[int], free: str) -> None:
        super().__init__()
        self.lines, self.free = lines, free
        self.handlers: list[_Handler] = []

    @matchers.visit(matchers.ExceptHandler())
    def enter(self, node: libcst.ExceptHandler) -> None:
        own = node.name.name if node.name else None
        may_be_named = node.type is not None
        given = own.value if isinstance(own, libcst.Name) else ""
        self.handlers.append(_Handler(given or (self.free if may_be_named else "")))

    @matchers.leave(matchers.ExceptHandler())
    def name_it(self, original_node: libcst.ExceptHandler, updated_node: libcst.ExceptHandler) -> libcst.ExceptHandler:
        handler = self.handlers.pop()
        if original_node.name is not None or not handler.is_needed:
            return updated_node
        name = libcst.AsName(
            libcst.Name(handler.name),
            whitespace_before_as=libcst.SimpleWhitespace(" "),
            whitespace_after_as=libcst.SimpleWhitespace(" "),
        )
        return updated_node.with_changes(name=name)

    @matchers.leave(matchers.Raise())
    def chain(self, original_node: libcst.Raise, updated_node: libcst.Raise) -> libcst.Raise:
        handler = self.handlers[-1] if self.handlers else _Handler("")
        line = self.get_metadata(PositionProvider, original_node).start.line
        if line not in self.lines or not handler.name or updated_node.exc is None or updated_node.cause is not None:
            return updated_node
        handler.is_needed = True
        return updated_node.with_changes(cause=libcst.From(libcst.Name(handler.name)))


chain_raises = at_findings("B904 W0707 raise-missing-from TRY200", _chained)
