"""`path = tempfile.mktemp()` -> `tempfile.mkstemp()`, whose open file is closed at once.

The name that mktemp returns can be taken by somebody else before it is used.
"""

from collections.abc import Collection

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider, QualifiedNameProvider

from autofix.fixers.insecure_calls import imported_name, reimported
from autofix.fixers.syntax_trees import expression, parsed, statement


def with_made_files(lines: Collection[int], text: str) -> str:
    transformer = _MakeFiles(lines, text)
    module = MetadataWrapper(parsed(text)).visit(transformer)
    if not transformer.replaced:
        return text
    imports = [("os", ""), *(("tempfile", "mkstemp") for _ in range(transformer.is_bare))]
    return reimported(module, transformer.replaced, imports)


class _MakeFiles(libcst.CSTTransformer):
    """Only a plain assignment to one name can become two statements."""

    METADATA_DEPENDENCIES = (PositionProvider, QualifiedNameProvider)

    def __init__(self, lines: Collection[int], text: str) -> None:
        super().__init__()
        self.lines, self.text = lines, text
        self.replaced: set[str] = set()
        self.is_bare = False

    def leave_SimpleStatementLine(  # noqa: N802 - libcst finds the method by this name
        self,
        original_node: libcst.SimpleStatementLine,
        updated_node: libcst.SimpleStatementLine,
    ) -> libcst.SimpleStatementLine | libcst.FlattenSentinel[libcst.SimpleStatementLine]:
        place = self.get_metadata(PositionProvider, original_node)
        if not any(place.start.line <= line <= place.end.line for line in self.lines):
            return updated_node
        name, call = self._assigned(original_node)
        descriptor = f"{name}_descriptor"
        if call is None or descriptor in self.text:
            return updated_node
        self.replaced.add("tempfile.mktemp")
        closing = statement(f"os.close({descriptor})")
        return libcst.FlattenSentinel(
            [
                updated_node.with_changes(body=[self._made(descriptor, name, call)]),
                libcst.ensure_type(closing, libcst.SimpleStatementLine),
            ]
        )

    def _assigned(self, line: libcst.SimpleStatementLine) -> tuple[str, libcst.Call | None]:
        statement = line.body[0]
        if len(line.body) != 1 or not isinstance(statement, libcst.Assign):
            return "", None
        target, value = statement.targets[0].target, statement.value
        if len(statement.targets) != 1 or not isinstance(target, libcst.Name):
            return "", None
        if isinstance(value, libcst.Call) and imported_name(self, value) == "tempfile.mktemp":
            return target.value, value
        return "", None

    def _made(self, descriptor: str, name: str, call: libcst.Call) -> libcst.BaseSmallStatement:
        self.is_bare = isinstance(call.func, libcst.Name)
        function: libcst.BaseExpression = libcst.Name("mkstemp")
        if isinstance(call.func, libcst.Attribute):
            function = call.func.with_changes(attr=function)
        target = expression(f"{descriptor}, {name}")
        return libcst.Assign(
            [libcst.AssignTarget(libcst.ensure_type(target, libcst.Tuple))],
            call.with_changes(func=function),
        )
