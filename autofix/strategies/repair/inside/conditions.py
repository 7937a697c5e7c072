"""Templates for conditions: another one, one more part, a guard before a statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from .places import Draft, Place, is_docstring, is_stored
from .sources import FUNCTION

MAX_PAIRED = 6
MAX_QUESTION = 60
MAX_RESULT = 24
OF_ANY = ("{0} is None", "{0} is not None", "not {0}", "{0}")
OF_NUMBERS = ("len({0}) > 1", "len({0}) <= 1", "{0} == 0", "{0} > 0", "{0} < 0", "{0} != 0", "{0} > 1")
SIMPLE_PATH = (ast.Name, ast.Attribute)


def condition(node: ast.expr, at: Place) -> Iterator[Draft]:
    """For what an `if`, a `while` or a comprehension asks."""
    parent = at.parent(node)
    if node is not getattr(parent, "test", None) and node not in getattr(parent, "ifs", ()):
        return
    shown = at.closed(node)
    if isinstance(node, ast.Constant):
        for question, prior in questions(at).items():
            yield at.replace(node, question, "condition-other", prior * 1.2)
        return
    yield at.replace(node, "True", "condition-constant", 0.2)
    yield at.replace(node, "False", "condition-constant", 0.2)
    for question, prior in questions(at).items():
        yield at.replace(node, f"{question} or {shown}", "condition-or", prior)
        yield at.replace(node, f"{shown} and {question}", "condition-and", prior)
        yield at.replace(node, f"{question} and {shown}", "condition-and", prior * 0.9)
        yield at.replace(node, question, "condition-other", prior)


def questions(at: Place) -> dict[str, float]:
    """Return what could be asked here, and how likely: about variables, about two of them, as elsewhere."""
    found: dict[str, float] = {}
    for node in at.nearby:
        text = at.text(node)
        if isinstance(node, (ast.Compare, ast.BoolOp)) and len(text) < MAX_QUESTION and "\n" not in text:
            found.setdefault(at.closed(node), 0.35)
        elif isinstance(node, ast.Attribute) and not is_stored(node):
            found.update({form.format(text): 0.3 for form in OF_ANY if form.format(text) not in found})
    for name in at.locals:
        found.update({form.format(name): 0.4 for form in OF_ANY})
        found.update({form.format(name): 0.25 for form in OF_NUMBERS if form.format(name) not in found})
    for one, other in permutations(at.locals[:MAX_PAIRED], 2):
        for sign in ("<", "<=", "==", "!=", "in", "not in"):
            found.setdefault(f"{one} {sign} {other}", 0.22)
    return found


def guard(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    """Leave a function early, or a turn of a loop, where a value is not what the rest can deal with."""
    if not is_first(statement, at):
        return
    parent = at.parent(statement)
    is_loop = isinstance(parent, (ast.For, ast.While, ast.AsyncFor))
    leaving = ["continue", "break"] if is_loop else []
    leaving += [*(f"return {value}".rstrip() for value in results(at)), *raises(at)]
    for name in (*at.locals[:10], *attributes(at)):
        for asked in (f"not {name}", f"{name} is None", f"{name} == 0", f"{name} < 0", f"len({name}) <= 1"):
            for deed in leaving:
                prior = 0.3 if asked.startswith("not") or asked.endswith("None") else 0.18
                yield inserted(statement, at, f"if {asked}:\n    {deed}", "guard", prior)


def copied_guard(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    """A guard from elsewhere in the file."""
    if statement not in getattr(at.parent(statement), "body", ()):
        return
    for other, text in at.file.guards:
        is_near = at.source.function_of(other) is at.function
        yield inserted(statement, at, text, "guard", 0.35 if is_near or is_first(statement, at) else 0.15)


def attributes(at: Place) -> list[str]:
    """Return what this function reads of its objects."""
    found = [at.text(node) for node in at.nearby if isinstance(node, ast.Attribute) and not is_stored(node)]
    called = {at.text(node.func) for node in at.nearby if isinstance(node, ast.Call)}
    return [text for text in dict.fromkeys(found) if text not in called and len(text) < MAX_RESULT][:6]


def raises(at: Place) -> list[str]:
    own = [at.text(node) for node in at.file.statements if isinstance(node, ast.Raise)]
    short = [text for text in dict.fromkeys(own) if len(text) < MAX_QUESTION and "\n" not in text]
    return [*short[:6], "raise ValueError", "raise TypeError"]


def is_first(statement: ast.stmt, at: Place) -> bool:
    """Whether a statement is the first one, docstrings aside, of a function or a loop."""
    parent = at.parent(statement)
    if not isinstance(parent, (*FUNCTION, ast.For, ast.While)):
        return False
    body = [each for each in parent.body if not is_docstring(each)]
    return bool(body) and body[0] is statement


def results(at: Place) -> list[str]:
    """Return what this function returns elsewhere, if that is short, then the empty values."""
    own = [at.text(node.value) if node.value is not None else "" for node in at.returns]
    short = [text for text in own if len(text) < MAX_RESULT and "\n" not in text]
    return list(dict.fromkeys([*short, "None", "[]", "0", "False", "True", "''", *at.locals[:3]]))


def inserted(statement: ast.stmt, at: Place, text: str, template: str, prior: float) -> Draft:
    """Put lines before a statement."""
    start = at.source.offsets[statement.lineno - 1]
    decorators = getattr(statement, "decorator_list", None)
    if decorators:
        start = at.source.offsets[decorators[0].lineno - 1]
    return at.edit((start, start), indented(text, at.source.indent(statement), at), template, prior)


def indented(text: str, indent: str, at: Place) -> str:
    step = "\t" if indent.startswith("\t") else "    "
    newline = "\r\n" if b"\r\n" in at.source.data[:4096] else "\n"
    return "".join(f"{indent}{line.replace('    ', step)}{newline}" for line in text.split("\n"))
