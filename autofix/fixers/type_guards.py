"""What can the code do about a type error? Guards against None, the name that was meant, a literal of the right type.

Each cure yields the file's text in the ways it may be meant; `type_errors` tries them.
"""

import ast
import re
from collections.abc import Iterator

from autofix.fixers.annotations import Ask, Cure
from autofix.fixers.source_edits import (
    enclosing_function,
    inserted,
    nodes_at,
    replaced,
    source,
    statement_at,
)
from autofix.fixers.type_checker import Complaint

MAX_GUARDS = 6
# What they look at is worked out once, and first.
WORKED_OUT_FIRST = ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.If | ast.For
NONE = re.compile(r'\| None|Optional\[|Item "None"|"None" and|and "None"|left operand|"None" has no')


def guard(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """Say first what happens where there is nothing: the function ends as it may, or raises."""
    node = statement_at(text, complaint.line)
    if not NONE.search(complaint.message) or node is None:
        return
    for expression in _suspects(text, node)[:MAX_GUARDS]:
        own = source(text, expression)
        if "\n" in own:
            continue
        if isinstance(expression, ast.Call):
            if isinstance(node, WORKED_OUT_FIRST):
                name = next((each for each in ("found", "given", "maybe") if not re.search(rf"\b{each}\b", text)), "")
                changed = inserted(replaced(text, expression, name), node.lineno, f"{name} = {own}") if name else ""
                yield from _guarded(changed, node.lineno + 1, name) if changed else ()
        else:
            yield from _guarded(text, node.lineno, own)


def _suspects(text: str, node: ast.stmt) -> list[ast.expr]:
    """Names first, then attributes, then calls: what is looked into, passed on or reckoned with."""
    own = [node.test] if isinstance(node, ast.If | ast.While) else [node.iter] if isinstance(node, ast.For) else [node]
    found = [each for part in own for each in ast.walk(part) if isinstance(each, ast.Name | ast.Attribute | ast.Call)]
    loaded = [each for each in found if not isinstance(getattr(each, "ctx", None), ast.Store)]
    functions = {ast.unparse(each.func) for each in loaded if isinstance(each, ast.Call)}
    plain = {source(text, each): each for each in reversed(loaded) if source(text, each) not in functions}
    order = (ast.Name, ast.Attribute, ast.Call)
    return sorted(plain.values(), key=lambda each: order.index(type(each)))


def _guarded(text: str, line: int, own: str) -> Iterator[str]:
    function = enclosing_function(text, line)
    if function is not None and function.returns is not None:
        returns = source(text, function.returns)
        if returns == "None":
            yield inserted(text, line, f"if {own} is None:", "    return")
        elif returns.endswith("| None") or returns.startswith("Optional["):
            yield inserted(text, line, f"if {own} is None:", "    return None")
    shown = own.replace('"', "'")
    yield inserted(text, line, f"if {own} is None:", f'    raise ValueError("{shown} is None")')


def meant(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """The checker knows a name that is nearly the same."""
    wrong = re.search(r'(?:has no attribute|Unexpected keyword argument|Name) "(\w+)"', complaint.message)
    better = re.findall(r'(?:maybe|did you mean|or) "(\w+)"', complaint.message)
    lines = text.split("\n")
    if wrong is None or not 0 < complaint.line <= len(lines):
        return
    for name in better:
        changed = re.sub(rf"\b{wrong[1]}\b", name, lines[complaint.line - 1])
        yield "\n".join([*lines[: complaint.line - 1], changed, *lines[complaint.line :]])


def literal(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """`"5"` where a number is wanted is 5, and the other way round."""
    wanted = re.search(r'(?:expected|(?:variable|parameter|argument|target) has type) "(\w+)"', complaint.message)
    for node in nodes_at(text, ast.Constant, complaint.line) if wanted else ():
        new = _converted(node.value, wanted[1]) if wanted else None
        if new is not None:
            yield replaced(text, node, new)


def _converted(value: object, wanted: str) -> str | None:
    if isinstance(value, str) and wanted in ("int", "float"):
        pattern = r"-?\d+" if wanted == "int" else r"-?\d+(\.\d+)?"
        return value if re.fullmatch(pattern, value) else None
    if isinstance(value, str) and wanted == "bool":
        return {"true": "True", "false": "False"}.get(value.lower())
    if isinstance(value, str) and wanted == "bytes" and value.isascii():
        return repr(value.encode())
    if isinstance(value, bytes) and wanted == "str" and value.isascii():
        return repr(value.decode())
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f'"{value}"' if is_number and wanted == "str" else None


def awaited(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    if "Coroutine[" not in complaint.message or not isinstance(
        enclosing_function(text, complaint.line), ast.AsyncFunctionDef
    ):
        return
    for node in nodes_at(text, ast.Call, complaint.line):
        yield replaced(text, node, f"await {source(text, node)}")


UNSAFE: dict[str, tuple[Cure, ...]] = {
    "union-attr": (guard,),
    "arg-type": (literal, awaited, guard),
    "operator": (guard,),
    "index": (guard,),
    "return-value": (literal, awaited, guard),
    "assignment": (literal, awaited, guard),
    "attr-defined": (meant,),
    "call-arg": (meant,),
    "name-defined": (meant,),
    "unused-coroutine": (awaited,),
    "dict-item": (literal,),
    "list-item": (literal,),
    # pyright's names
    "reportOptionalMemberAccess": (guard,),
    "reportOptionalSubscript": (guard,),
    "reportOptionalOperand": (guard,),
    "reportOptionalIterable": (guard,),
    "reportArgumentType": (literal, guard),
}
