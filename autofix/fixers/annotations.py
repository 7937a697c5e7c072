"""What can an annotation be, so that the type checker is content? Nothing here changes what the program does.

Each cure yields the file's text in the ways it may be meant; `type_errors` tries them. Where a type
is not known, a cure sets a wrong one and reads the right one out of what the checker says to that.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from autofix.fixers.contents import held
from autofix.fixers.missing_import import with_import
from autofix.fixers.project_names import Import
from autofix.fixers.source_edits import (
    Function,
    arguments,
    defaults,
    enclosing_function,
    inserted,
    nodes_at,
    own_returns,
    replaced,
    source,
    statement_at,
    with_annotation,
    with_return_type,
)
from autofix.fixers.type_checker import Complaint

Ask = Callable[[str], Sequence[Complaint]]
Cure = Callable[[Complaint, str, Ask], Iterator[str]]
# A class that nobody means, to make the checker say what it found instead.
WRONG = "type"
GOT = re.compile(
    r'(?:\(got|expression has type|has incompatible type|Invalid index type) "(?P<got>[^"]+)"'
    r'.*?(?:"|expected type "|expected ")(?:builtins\.)?type(?:\[Any\])?"'
)
IGNORE = re.compile(r"\s*#\s*type:\s*ignore(?:\[(?P<codes>[\w, -]+)\])?(?=\s*(?:#|$))")
FUNCTIONS: tuple[type[Function], ...] = (ast.FunctionDef, ast.AsyncFunctionDef)
SIMPLE = {"str": "str", "int": "int", "float": "float", "bool": "bool", "bytes": "bytes", "complex": "complex"}


def optional_default(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """`x: int = None` takes None too."""
    named = re.search(r'Incompatible default for (?:argument|parameter) "(\w+)"', complaint.message)
    function = enclosing_function(text, complaint.line)
    if named and function:
        for each in arguments(function):
            if each.arg == named[1] and each.annotation is not None:
                yield from _optional(text, each.annotation)


def variable(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """A variable is declared as all that it holds."""
    said = re.search(r'expression has type "([^"]+)", (?:variable|attribute) has type "([^"]+)"', complaint.message)
    target = _target(text, complaint.line)
    if said is None or not target:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == target:
            yield from _wider(text, node.annotation, said[1])
    first = _first_assignment(text, target)
    if first is not None and _is_writable(said[1], said[2]):
        place = first.targets[0]
        yield replaced(text, place, f"{source(text, place)}: {said[2]} | {said[1]}")


def returned(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    said = re.search(r'\(got "([^"]+)", expected "([^"]+)"\)', complaint.message)
    function = enclosing_function(text, complaint.line)
    if said and function and function.returns is not None:
        yield from _wider(text, function.returns, said[1])


def missing_return(_complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """A function that may end without `return` says so."""
    function = next(nodes_at(text, ast.FunctionDef, _complaint.line), None)
    if function is None or function.returns is None or not function.end_lineno:
        return
    lines = text.split("\n")
    lines[function.end_lineno : function.end_lineno] = [" " * function.body[0].col_offset + "return None"]
    if source(text, function.returns).endswith("None"):
        yield "\n".join(lines)
    else:
        yield from _optional("\n".join(lines), function.returns)


def function(complaint: Complaint, text: str, ask: Ask) -> Iterator[str]:
    """A function that says nothing of its types: arguments from their defaults, results from the checker."""
    found = next((each for kind in FUNCTIONS for each in nodes_at(text, kind, complaint.line)), None)
    if found is None:
        return
    for unknown in ("object", "Any"):
        annotated = _with_arguments(text, found, unknown)
        if unknown == "Any" and annotated != text:
            annotated = with_import(Import("typing", "Any"), annotated)
        own = _same_function(annotated, found.name, complaint.line)
        if own is not None:
            yield from _with_results(annotated, own, ask)


def collection(complaint: Complaint, text: str, ask: Ask) -> Iterator[str]:
    """`x = []` says of what, by what is put in."""
    named = re.search(r'Need type annotation for "(\w+)"', complaint.message)
    hint = re.search(r'hint: "\w+: (\w+)\[', complaint.message)
    node = next(nodes_at(text, ast.Assign, complaint.line), None)
    if named is None or hint is None or node is None or len(node.targets) != 1:
        return
    place, kind = node.targets[0], hint[1]
    many = 2 if kind in ("dict", "defaultdict", "OrderedDict") else 1
    heard = ask(replaced(text, place, f"{source(text, place)}: {kind}[{', '.join([WRONG] * many)}]"))
    keys = _got(heard, "Invalid index type")
    values = _got(heard, "incompatible type", "expression has type")
    for inner in _inner_types(many, keys, values):
        yield replaced(text, place, f"{source(text, place)}: {kind}[{inner}]")


def unused_ignore(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """What silences nothing goes; of several codes, the one that silences nothing."""
    lines = text.split("\n")
    line = lines[complaint.line - 1]
    match = IGNORE.search(line)
    if match is None:
        return
    said = re.search(r'ignore\[([\w, -]+)\]"', complaint.message)
    listed = [code.strip() for code in (match["codes"] or "").split(",") if code.strip()]
    unused = {code.strip() for code in said[1].split(",")} if said else set(listed)
    kept = [code for code in listed if code not in unused]
    new = f"  # type: ignore[{', '.join(kept)}]" if kept else ""
    lines[complaint.line - 1] = (line[: match.start()] + new + line[match.end() :]).rstrip()
    yield "\n".join(lines)


def type_arguments(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """`list` alone means `list[Any]`; it is written so."""
    named = re.search(r'generic type "(\w+)"', complaint.message)
    if named is None:
        return
    many = "str, Any" if named[1].lower() in ("dict", "mapping", "defaultdict") else "Any"
    many = "..., Any" if named[1] == "Callable" else many
    for node in nodes_at(text, ast.Name, complaint.line):
        if node.id == named[1]:
            for inner in dict.fromkeys((many, "Any, ...", "Any, Any")):
                yield with_import(Import("typing", "Any"), replaced(text, node, f"{node.id}[{inner}]"))


def redundant_cast(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    for node in nodes_at(text, ast.Call, complaint.line):
        if ast.unparse(node.func) in ("cast", "typing.cast") and not node.keywords:
            yield replaced(text, node, source(text, node.args[-1]))


def typed_result(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """What comes from an untyped call is named and declared before it is returned."""
    said = re.search(r'declared to return "([^"]+)"', complaint.message)
    node = next(nodes_at(text, ast.Return, complaint.line), None)
    own = enclosing_function(text, complaint.line)
    if said is None or node is None or node.value is None or own is None or own.returns is None:
        return
    name = next(each for each in ("result", "found", "answer", "given_back") if not re.search(rf"\b{each}\b", text))
    changed = replaced(text, node.value, name)
    assignment = f"{name}: {source(text, own.returns)} = {source(text, node.value)}"
    yield inserted(changed, node.lineno, *assignment.split("\n"))


def declared_twice(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    for node in nodes_at(text, ast.AnnAssign, complaint.line):
        if node.value is not None:
            start, end = source(text, node.target), source(text, node.annotation)
            line = text.split("\n")[node.lineno - 1]
            new = re.sub(rf"{re.escape(start)}\s*:\s*{re.escape(end)}\s*=", f"{start} =", line, count=1)
            lines = text.split("\n")
            lines[node.lineno - 1] = new
            yield "\n".join(lines)


def no_type(complaint: Complaint, text: str, _ask: Ask) -> Iterator[str]:
    """`any` and `callable` are functions; their types begin with a capital."""
    named = re.search(r'Function "(?:builtins\.)?(any|callable)" is not valid as a type', complaint.message)
    better = {"any": ("Any", "Any"), "callable": ("Callable", "Callable[..., Any]")}
    for node in nodes_at(text, ast.Name, complaint.line) if named else ():
        if named and node.id == named[1]:
            name, annotation = better[named[1]]
            changed = with_import(Import("typing", "Any"), replaced(text, node, annotation))
            yield with_import(Import("collections.abc", name), changed) if name == "Callable" else changed


def _optional(text: str, annotation: ast.expr) -> Iterator[str]:
    own = source(text, annotation)
    if own.startswith(("'", '"')):
        yield replaced(text, annotation, f"{own[0]}{own.strip(own[0])} | None{own[0]}")
        return
    yield replaced(text, annotation, f"{own} | None")
    yield with_import(Import("typing", "Optional"), replaced(text, annotation, f"Optional[{own}]"))


def _wider(text: str, annotation: ast.expr, got: str) -> Iterator[str]:
    """None is taken in, too; else the annotation says what there is, or both."""
    own = source(text, annotation)
    if got == "None" or got.endswith(" | None") or got.startswith("Optional["):
        yield from _optional(text, annotation)
    elif _is_writable(got):
        yield replaced(text, annotation, got)
        yield replaced(text, annotation, f"{own} | {got}")


def _is_writable(*types: str) -> bool:
    """True for what mypy prints as one would write it."""
    return all(re.fullmatch(r"[\w.\[\], |]+", each) for each in types)


def _target(text: str, line: int) -> str:
    node = statement_at(text, line)
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target)
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""


def _first_assignment(text: str, target: str) -> ast.Assign | None:
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and ast.unparse(node.targets[0]) == target
    ]
    return min(found, key=lambda node: node.lineno, default=None)


def _same_function(text: str, name: str, line: int) -> Function | None:
    """Return the function again after an import may have moved it down."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function) and node.name == name]
    return min(found, key=lambda node: abs(node.lineno - line), default=None)


def _with_arguments(text: str, found: Function, unknown: str) -> str:
    known = defaults(found)
    for each in sorted(arguments(found), key=lambda arg: -(arg.lineno * 1000 + arg.col_offset)):
        if each.annotation is None and each.arg not in ("self", "cls"):
            default = known.get(each.arg)
            text = with_annotation(text, each, _type_of(default, unknown) if default else unknown)
    return text


def _type_of(value: ast.expr, unknown: str) -> str:
    if isinstance(value, ast.Constant):
        return SIMPLE.get(type(value.value).__name__, f"{unknown} | None" if unknown == "object" else unknown)
    return unknown


def _with_results(text: str, own: Function, ask: Ask) -> Iterator[str]:
    if own.returns is not None:
        yield text
        return
    if not own_returns(own):
        yield with_return_type(text, own, "None")
        return
    heard = [
        each for each in ask(with_return_type(text, own, WRONG)) if own.lineno <= each.line <= (own.end_lineno or 0)
    ]
    got = _got(heard, "(got")
    if got:
        yield with_return_type(text, own, " | ".join(got))
    yield with_import(Import("typing", "Any"), with_return_type(text, own, "Any"))


def _got(complaints: Sequence[Complaint], *words: str) -> list[str]:
    """The types that the checker met where the wrong one was expected, None last."""
    about = (each.message for each in complaints if any(word in each.message for word in words))
    found = {match["got"] for message in about if (match := GOT.search(message))}
    return sorted((each for each in found if _is_writable(each)), key=lambda each: (each == "None", each))


def _inner_types(many: int, keys: Sequence[str], values: Sequence[str]) -> Iterator[str]:
    if many == 1:
        yield " | ".join(values) if values else "object"
        return
    for value in (" | ".join(values), "object"):
        if value:
            yield f"{' | '.join(keys) or 'str'}, {value}"


SAFE: dict[str, tuple[Cure, ...]] = {
    "assignment": (held, optional_default, variable),
    "arg-type": (held,),
    "return-value": (returned,),
    "return": (missing_return,),
    "no-untyped-def": (function,),
    "var-annotated": (collection,),
    "unused-ignore": (unused_ignore,),
    "type-arg": (type_arguments,),
    "redundant-cast": (redundant_cast,),
    "no-any-return": (typed_result,),
    "no-redef": (declared_twice,),
    "valid-type": (no_type,),
}
