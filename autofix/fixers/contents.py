"""A container says that it holds one thing and is given another: what it is declared to hold is put right."""

import ast
import re
from collections.abc import Iterator

from autofix.fixers.source_edits import nodes_at, replaced, source
from autofix.fixers.type_checker import Complaint

ITEM = re.compile(r'expression has type "(?P<got>[^"]+)", target has type "(?P<said>[^"]+)"')
PUT_IN = re.compile(
    r'Argument 1 to "(?:append|add|appendleft|insert)" of "\w+" has incompatible type "(?P<got>[^"]+)"; '
    r'expected "(?P<said>[^"]+)"'
)
PUTTERS = frozenset({"append", "add", "appendleft", "insert"})
WRITABLE = re.compile(r"[\w.\[\], |]+")


def held(complaint: Complaint, text: str, _ask: object) -> Iterator[str]:
    """`found: dict[str, str] = {}` holds orders, if it is orders that are put in."""
    match = ITEM.search(complaint.message) or PUT_IN.search(complaint.message)
    name = _container(text, complaint.line)
    if match is None or not name or not WRITABLE.fullmatch(match["got"]):
        return
    for annotation in _declared(text, name, complaint.line):
        inner = annotation.slice.elts[-1] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
        if _last_name(source(text, inner)) == _last_name(match["said"]):
            yield replaced(text, inner, match["got"])
            yield replaced(text, inner, f"{source(text, inner)} | {match['got']}")


def _container(text: str, line: int) -> str:
    """Return the name of what a statement puts something into."""
    for assign in nodes_at(text, ast.Assign, line):
        if isinstance(assign.targets[0], ast.Subscript):
            return ast.unparse(assign.targets[0].value)
    for call in nodes_at(text, ast.Call, line):
        if isinstance(call.func, ast.Attribute) and call.func.attr in PUTTERS:
            return ast.unparse(call.func.value)
    return ""


def _declared(text: str, name: str, line: int) -> Iterator[ast.Subscript]:
    """Return the annotations of a name, the nearest above a line first."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name and node.lineno <= line
    ]
    for node in sorted(found, key=lambda each: -each.lineno):
        if isinstance(node.annotation, ast.Subscript):
            yield node.annotation


def _last_name(written: str) -> str:
    return re.sub(r"\b\w+\.", "", written).replace(" ", "")
