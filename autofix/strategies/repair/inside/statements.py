"""Templates for statements: gone, moved, swapped, one more, another result."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from .conditions import indented, inserted
from .places import LEAVING, SIMPLE, Draft, Place, is_docstring

MAX_COPIES = 60
MAX_DEFINITIONS = 120

BLOCKS = ("body", "orelse", "finalbody")


def block_of(statement: ast.stmt, at: Place) -> list[ast.stmt]:
    parent = at.parent(statement)
    for name in BLOCKS:
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return []


def deletion(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    if isinstance(statement, SIMPLE):
        yield at.replace(statement, "pass", "delete", 0.3)
    if isinstance(statement, ast.If) and not statement.orelse and at.source.indent(statement) is not None:
        body = statement.body
        if body[0].lineno > statement.lineno:
            yield unwrapped(statement, body, at)


def unwrapped(statement: ast.If, body: list[ast.stmt], at: Place) -> Draft:
    """Do what an `if` does without asking."""
    start = at.source.offsets[statement.lineno - 1]
    end = line_end(body[-1], at)
    lines = at.source.data[at.source.offsets[body[0].lineno - 1] : end].decode().splitlines(keepends=True)
    cut = len(at.source.indent(body[0])) - len(at.source.indent(statement))
    return at.edit((start, end), "".join(line[cut:] if line.strip() else line for line in lines), "delete", 0.25)


def control(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    start, _ = at.source.span(statement)
    if isinstance(statement, ast.Break):
        for other, prior in (("continue", 0.6), ("return", 0.3), ("return True", 0.3), ("return False", 0.3)):
            yield at.replace(statement, other, "control", prior)
    elif isinstance(statement, ast.Continue):
        yield at.replace(statement, "break", "control", 0.6)
    elif isinstance(statement, ast.Expr) and not isinstance(statement.value, (ast.Yield, ast.YieldFrom, ast.Await)):
        yield at.edit((start, start), "return ", "return", 0.45)
        if isinstance(statement.value, ast.Call):
            yield at.edit((start, start), "yield from ", "return", 0.2)
            for name in at.locals[:8]:
                yield at.edit((start, start), f"{name} = ", "assign", 0.25)
    elif isinstance(statement, ast.Return) and statement.value is not None:
        yield at.edit((start, start + len("return")), "yield", "return", 0.25)
        yield at.edit((start, start + len("return")), "yield from", "return", 0.15)


def result(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    """Another value to return."""
    if not isinstance(statement, ast.Return):
        return
    values = ["None", "True", "False", "[]", "0", "1", "-1", "''", "{}", "()", *at.locals]
    values += [f"not {name}" for name in at.locals[:8]] + [f"len({name})" for name in at.locals[:8]]
    values += [f"{one} + {other}" for one, other in permutations(at.locals[:5], 2)]
    shown = at.text(statement.value) if statement.value is not None else ""
    usual = {at.text(node.value) for node in at.returns if node.value is not None}
    is_judgement = bool(usual & {"True", "False"})
    for value in dict.fromkeys((*values, *sorted(usual))):
        if value != shown and "\n" not in value:
            is_likely = value in at.locals or value in usual or (is_judgement and value in ("True", "False"))
            yield at.replace(statement, f"return {value}", "result", 0.45 if is_likely else 0.25)
    if statement.value is None:
        return
    closed = at.closed(statement.value)
    for name in at.locals[:8]:
        yield at.replace(statement, f"return {name} + {closed}", "result", 0.25)
        yield at.replace(statement, f"return {closed} + {name}", "result", 0.25)


def assignment(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = at.text(statement.targets[0]), at.text(statement.value)
    start, end = at.source.span(statement.targets[0])[1], at.source.span(statement.value)[0]
    gap = at.source.data[start:end].decode()
    if gap.strip() == "=":
        for sign in ("+=", "-=", "|="):
            yield at.edit((start, end), gap.replace("=", sign), "operator", 0.35)
    closed = at.closed(statement.value)
    for extreme in ("max", "min"):
        yield at.replace(statement, f"{target} = {extreme}({target}, {value})", "extreme", 0.4)
    yield at.replace(statement, f"{target} = {target} or {closed}", "assign", 0.25)
    yield at.replace(statement, f"{target} = {closed} or {target}", "assign", 0.15)
    yield at.replace(statement, f"{target}.append({value})", "assign", 0.2)
    yield at.replace(statement, f"{target}.update({value})", "assign", 0.15)


def order(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    block = block_of(statement, at)
    index = block.index(statement) if statement in block else len(block)
    if index + 1 < len(block):
        after = block[index + 1]
        (a, b), (c, d) = at.source.span(statement), at.source.span(after)
        gap = at.source.data[b:c].decode()
        if "\n" in gap and at.source.indent(statement) == at.source.indent(after):
            first, second = at.source.data[a:b].decode(), at.source.data[c:d].decode()
            yield at.edit((a, d), f"{second}{gap}{first}", "order", 0.4)
    yield from moved_out(statement, block, at)
    yield from moved_in(statement, block, index, at)


def moved_out(statement: ast.stmt, block: list[ast.stmt], at: Place) -> Iterator[Draft]:
    """The last statement of a block, after the block."""
    parent = at.parent(statement)
    if len(block) < 2 or statement is not block[-1] or not isinstance(parent, (ast.For, ast.While, ast.If, ast.With)):
        return
    if statement.end_lineno == parent.end_lineno:
        yield reindented(statement, len(at.source.indent(statement)), at.source.indent(parent), at)


def moved_in(statement: ast.stmt, block: list[ast.stmt], index: int, at: Place) -> Iterator[Draft]:
    """A statement after a block, as the last one in it."""
    before = block[index - 1] if 0 < index < len(block) else None
    if isinstance(before, (ast.For, ast.While, ast.If, ast.With)) and isinstance(statement, SIMPLE):
        last = (getattr(before, "orelse", None) or before.body)[-1]
        if last.lineno != before.lineno:
            yield reindented(statement, len(at.source.indent(statement)), at.source.indent(last), at)


def reindented(statement: ast.stmt, cut: int, indent: str, at: Place) -> Draft:
    start, end = at.source.offsets[statement.lineno - 1], line_end(statement, at)
    lines = at.source.data[start:end].decode().splitlines(keepends=True)
    return at.edit(
        (start, end), "".join(indent + line[cut:] if line.strip() else line for line in lines), "indent", 0.4
    )


def line_end(statement: ast.stmt, at: Place) -> int:
    return at.source.offsets[min(statement.end_lineno or statement.lineno, len(at.source.offsets) - 1)]


def insertion(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    """One more statement after this one, and before the first: a copy of one nearby, or a small one made up."""
    block = block_of(statement, at)
    if not block or is_docstring(statement):
        return
    for text, prior in additions(at).items():
        if block[0] is statement:
            yield inserted(statement, at, text, "insert", prior)
        if not isinstance(statement, LEAVING):
            yield appended(statement, at, text, "insert", prior)


def appended(statement: ast.stmt, at: Place, text: str, template: str, prior: float) -> Draft:
    end = line_end(statement, at)
    lines = indented(text, at.source.indent(statement), at)
    if at.source.data[end - 1 : end] not in (b"\n", b"\r"):
        lines = "\n" + lines.rstrip("\r\n")
    return at.edit((end, end), lines, template, prior)


def additions(at: Place) -> dict[str, float]:
    found = definitions(at)
    for other in at.file.statements:
        text = at.text(other)
        if other is not at.statement and len(text) < 100 and "\n" not in text:
            is_near = at.source.function_of(other) is at.function
            prior = 0.32 if is_near else 0.12
            found[text] = max(found.get(text, 0.0), prior)
    found = dict(sorted(found.items(), key=lambda pair: -pair[1])[: MAX_COPIES + MAX_DEFINITIONS])
    for name in at.locals:
        found.setdefault(f"return {name}", 0.3)
        found.setdefault(f"{name} += 1", 0.25)
        found.setdefault(f"{name} -= 1", 0.22)
    for one, two in permutations(at.locals[:8], 2):
        for form, prior in (("{0} = {1}", 0.2), ("{0}.append({1})", 0.22), ("{0}.add({1})", 0.2), ("{0} += {1}", 0.2)):
            found.setdefault(form.format(one, two), prior)
    found.setdefault("return None", 0.1)
    found.setdefault("return True", 0.2)
    found.setdefault("return False", 0.2)
    found.setdefault("break", 0.25)
    found.setdefault("continue", 0.25)
    return found


def definitions(at: Place) -> dict[str, float]:
    """Return what gives a name or an attribute a value that is used here and has none."""
    found: dict[str, float] = {}
    for name in at.unfilled:
        for other in at.locals:
            if other != name:
                found.update({f"{name}.add({other})": 0.7, f"{name}.append({other})": 0.7})
    for name in at.undefined:
        found.update(definitions_of(name, at))
    if at.function is not None and at.function.name == "__init__":
        for name in at.unset_attributes:
            found[f"self.{name} = {name}"] = 0.8 if name in at.locals else 0.0
            found.update({f"self.{name} = {value}": 0.7 for value in ("[]", "{}", "0", "None", "set()", "''", "False")})
    return dict(list(found.items())[:MAX_DEFINITIONS])


def definitions_of(name: str, at: Place) -> Iterator[tuple[str, float]]:
    if name in at.own_attributes:
        yield f"{name} = self.{name}", 0.9
    for other in at.file.statements:
        if isinstance(other, ast.Assign) and name in {getattr(target, "id", "") for target in other.targets}:
            yield at.text(other), 0.7
    for value in ("None", "0", "[]", "{}", "''", "1", "True", "False"):
        yield f"{name} = {value}", 0.5
    for expression, text, is_near in at.ingredients:
        if not isinstance(expression, ast.Compare):
            yield f"{name} = {text}", 0.4 if is_near else 0.3


def missing_return(statement: ast.stmt, at: Place) -> Iterator[Draft]:
    """`return` before the last expression that is assigned, where a function ends without one."""
    function = at.function
    if function is None or statement is not function.body[-1]:
        return
    if isinstance(statement, ast.Assign):
        yield at.replace(statement, f"return {at.text(statement.value)}", "return", 0.35)
        name = at.text(statement.targets[0])
        yield appended(statement, at, f"return {name}", "return", 0.5)
    if "self" in at.locals:
        yield appended(statement, at, "return self", "return", 0.35)
