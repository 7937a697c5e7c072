"""Templates for values: another constant, variable, attribute or function, arguments in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from .places import BUILTINS, Draft, Place, is_stored

SAME_KIND = {
    "any": ("all",), "all": ("any",), "min": ("max",), "max": ("min",), "sorted": ("list", "reversed"),
    "sum": ("len", "max"), "len": ("sum", "max"), "int": ("float", "round", "str"), "float": ("int",),
    "round": ("int",), "list": ("sorted", "set", "tuple"), "set": ("list", "sorted", "frozenset"),
    "tuple": ("list",), "floor": ("ceil",), "ceil": ("floor",), "reversed": ("sorted", "list"), "str": ("repr",),
    "repr": ("str",), "dict": ("list",), "isinstance": ("issubclass",), "filter": ("map",), "map": ("filter",),
    "hasattr": ("getattr",), "range": ("list",), "enumerate": ("list",), "abs": ("int",), "zip": ("zip_longest",),
    "type": ("isinstance",), "iter": ("list",), "ord": ("chr",), "chr": ("ord",), "divmod": ("pow",),
}  # fmt: skip
SAME_METHOD = {
    "append": ("extend", "add", "appendleft"), "extend": ("append", "update"), "add": ("append", "update", "discard"),
    "pop": ("popleft", "get"), "popleft": ("pop",), "appendleft": ("append",), "lower": ("upper", "casefold"),
    "upper": ("lower", "title", "capitalize"), "title": ("capitalize", "upper"), "capitalize": ("title", "upper"),
    "isupper": ("islower",), "islower": ("isupper",), "isalpha": ("isalnum", "isdigit"),
    "isdigit": ("isnumeric", "isalpha", "isdecimal"), "isalnum": ("isalpha",), "startswith": ("endswith",),
    "endswith": ("startswith",), "find": ("rfind", "index"), "rfind": ("find",), "index": ("find", "rindex"),
    "strip": ("lstrip", "rstrip"), "lstrip": ("strip", "rstrip"), "rstrip": ("strip", "lstrip"),
    "keys": ("values", "items"), "values": ("keys", "items"), "items": ("keys", "values"),
    "union": ("intersection", "difference"), "intersection": ("union", "difference"), "difference": ("union",),
    "issubset": ("issuperset",), "issuperset": ("issubset",), "split": ("rsplit", "partition"), "rsplit": ("split",),
    "partition": ("rpartition",), "rpartition": ("partition",), "ljust": ("rjust",), "rjust": ("ljust",),
    "remove": ("discard", "pop"), "discard": ("add", "remove"), "insert": ("append",), "update": ("add", "setdefault"),
    "get": ("setdefault",), "setdefault": ("get",), "match": ("search", "fullmatch"), "search": ("match",),
    "fullmatch": ("match", "search"), "group": ("groups",), "groups": ("group",), "start": ("end",), "end": ("start",),
    "total_seconds": ("seconds",), "days": ("seconds",), "seconds": ("days", "total_seconds"), "sub": ("subn",),
    "findall": ("finditer",), "encode": ("decode",), "decode": ("encode",), "floor": ("ceil",), "ceil": ("floor",),
}  # fmt: skip
MAX_TEXTS = 40
# What an edit is worth more or less: it makes use of what nothing uses, or names the same value twice.
NEGLECTED, TWICE = 1.5, 0.4


def constant(node: ast.Constant, at: Place) -> Iterator[Draft]:
    value = node.value
    if isinstance(value, bool):
        yield at.replace(node, str(not value), "constant", 1.0)
        yield at.replace(node, "None", "constant", 0.2)
    elif isinstance(value, (int, float)):
        yield from number(node, value, at)
    elif isinstance(value, (str, bytes)):
        yield from text(node, value, at)
    elif value is None:
        for other in ("0", "[]", "''", "False", "True", "()", "{}"):
            yield at.replace(node, other, "constant", 0.35)
        for name in at.locals:
            yield at.replace(node, name, "constant-to-name", 0.3)


def number(node: ast.Constant, value: float, at: Place) -> Iterator[Draft]:
    near = {value + 1: 0.9, value - 1: 0.9 if value > 0 else 0.6}
    far = (0, 1, -1, 2, -value, value * 10, value // 10, value * 2, value / 2, value * 1000, value // 1000, value + 2)
    weights = {**dict.fromkeys((*far, 24, 60, 100, 1000, 1024, 3600), 0.45), **near}
    for other, prior in weights.items():
        if other != value and not (isinstance(value, int) and other != int(other)):
            shown = repr(int(other) if isinstance(value, int) else other)
            yield at.replace(node, shown if other >= 0 else f"({shown})", "constant", prior)
    for name in at.locals:
        yield at.replace(node, name, "constant-to-name", 0.3)
        yield at.replace(node, f"len({name})", "constant-to-name", 0.2)
    for name in at.file.globals:
        if name.isupper():
            yield at.replace(node, name, "constant-to-name", 0.25)


def text(node: ast.Constant, value: str | bytes, at: Place) -> Iterator[Draft]:
    if isinstance(value, bytes) or at.source.text(node).count("\n"):
        return
    near = [
        value.upper(),
        value.lower(),
        value.strip(),
        value.capitalize(),
        f"{value} ",
        f" {value}",
        value[1:],
        value[:-1],
    ]
    short = [" ", ",", ", ", ".", "-", "_", "", "/", ":", "\n", "0"] if len(value) < 4 else [""]
    others = [other for other in at.file.texts if abs(len(other) - len(value)) <= 8][:MAX_TEXTS]
    weights = {**dict.fromkeys(others, 0.3), **dict.fromkeys(short, 0.4), **dict.fromkeys(near, 0.5)}
    for other in swapped_codes(value):
        weights[other] = 0.6
    for other, prior in weights.items():
        if other != value:
            yield at.replace(node, literal(other, at.text(node)), "text", prior)


def swapped_codes(value: str) -> Iterator[str]:
    """Return a pattern or a format with one of its signs the other way round."""
    for old, new in (
        ("%d", "%s"),
        ("%s", "%d"),
        ("%s", "%r"),
        ("+", "*"),
        ("*", "+"),
        ("*", "?"),
        ("+", ""),
        ("?", ""),
    ):
        if old in value:
            yield value.replace(old, new, 1)
            yield new.join(value.rsplit(old, 1))
    for old, new in (("\\d", "\\w"), ("\\w", "\\d"), ("\\s", "\\S"), ("\\b", ""), ("\\w", "\\S"), ("\\W", "\\w")):
        if old in value:
            yield value.replace(old, new)
    if len(value) > 1:
        yield f"^{value}"
        yield f"{value}$"
        if value[:1] == "^":
            yield value[1:]
        if value[-1:] == "$":
            yield value[:-1]


def literal(value: str, like: str) -> str:
    """Write a text with the quotes and the prefix of another where that can be."""
    quote = next((sign for sign in like if sign in "'\""), "'")
    if like[:1] in "rR" and quote not in value and not value.endswith("\\") and "\n" not in value:
        return f"{like[0]}{quote}{value}{quote}"
    shown = repr(value)
    if quote == '"' and shown[0] == "'" and '"' not in value:
        return f'"{shown[1:-1]}"'
    return shown


def name(node: ast.Name, at: Place) -> Iterator[Draft]:
    parent = at.parent(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        yield from function_name(node, parent, at)
        return
    likely = (0.3 if is_stored(node) else 0.65) / (1 + 0.1 * len(at.locals[1:]))  # one of many is not as likely
    others = dict.fromkeys(at.locals, likely)
    if node.id not in at.locals and not is_stored(node):
        of_its_kind = [other for other in at.file.globals if other.isupper() == node.id.isupper()]
        others = dict.fromkeys((*at.locals, *of_its_kind[:30]), min(likely, 0.35))
    for other, prior in others.items():
        if other != node.id:
            share = NEGLECTED if other in at.neglected else TWICE if is_beside(other, node, at) else 1.0
            yield at.replace(node, other, "variable", prior * share)
    if not is_stored(node) and "self" in at.locals:
        for attribute in at.own_attributes:
            if attribute.strip("_") == node.id.strip("_"):
                yield at.replace(node, f"self.{attribute}", "variable", 0.5)


def is_beside(other: str, node: ast.Name, at: Place) -> bool:
    """Whether a name stands next to another already: nobody compares or adds a value to itself."""
    parent = at.parent(node)
    beside = ast.iter_child_nodes(parent) if isinstance(parent, (ast.Compare, ast.BinOp, ast.Call, ast.BoolOp)) else ()
    return any(isinstance(child, ast.Name) and child.id == other for child in beside)


def function_name(node: ast.Name, call: ast.Call, at: Place) -> Iterator[Draft]:
    for other in SAME_KIND.get(node.id, ()):
        if other in BUILTINS or other in at.file.globals:
            yield at.replace(node, other, "function", 0.8)
    if node.id in BUILTINS:
        return
    for other in (*at.file.globals[:60], *at.locals):
        if other != node.id:
            yield at.replace(node, other, "function", 0.4 if similar(other, node.id) else 0.25)


def similar(one: str, other: str) -> bool:
    return one[:4] == other[:4] or one[-4:] == other[-4:]


def attribute(node: ast.Attribute, at: Place) -> Iterator[Draft]:
    parent = at.parent(node)
    is_called = isinstance(parent, ast.Call) and parent.func is node
    is_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    start = at.source.span(node)[1] - len(node.attr.encode())
    weights = dict.fromkeys(at.own_attributes, 0.55) if is_self else dict.fromkeys(at.file.attributes, 0.3)
    weights.update(dict.fromkeys(SAME_METHOD.get(node.attr, ()), 0.75))
    for other, prior in list(weights.items())[:120]:
        if other != node.attr:
            yield at.edit((start, start + len(node.attr.encode())), other, "attribute", prior)
    if not is_called and not is_stored(node):
        yield at.replace(node, at.text(node.value), "drop-attribute", 0.35)
        if is_self and node.attr in at.locals:
            yield at.replace(node, node.attr, "variable", 0.5)


def call(node: ast.Call, at: Place) -> Iterator[Draft]:
    positional, keywords = node.args, node.keywords
    if not any(isinstance(argument, ast.Starred) for argument in positional):
        yield from exchanged(positional, at, "argument-order", 0.9)
        values = [keyword.value for keyword in keywords if keyword.arg]
        yield from exchanged([*positional[-2:], *values], at, "argument-order", 0.4) if values else ()
    every = [*positional, *keywords]
    for index in range(len(every)):
        rest = ", ".join(at.text(each) for each in every[:index] + every[index + 1 :])
        yield at.replace(node, f"{at.text(node.func)}({rest})", "drop-argument", 0.4 if len(every) > 1 else 0.25)
    shown, by_name = [at.text(argument) for argument in positional], [at.text(keyword) for keyword in keywords]
    for other in at.locals:
        yield at.replace(node, f"{at.text(node.func)}({', '.join([*shown, other, *by_name])})", "add-argument", 0.25)
    yield from parameters_added(node, at)


def parameters_added(node: ast.Call, at: Place) -> Iterator[Draft]:
    """Pass on what the function around takes under the same name, and well-known switches."""
    given = {keyword.arg for keyword in node.keywords}
    arguments = at.function.args if at.function is not None else None
    inside = ", ".join([at.text(each) for each in (*node.args, *node.keywords)])
    comma = ", " if inside else ""
    for argument in (*arguments.args, *arguments.kwonlyargs) if arguments else ():
        if argument.arg not in given and argument.arg not in ("self", "cls"):
            extra = f"{argument.arg}={argument.arg}"
            yield at.replace(node, f"{at.text(node.func)}({inside}{comma}{extra})", "add-argument", 0.3)
    called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    for extra in {"sorted": ("reverse=True",), "sort": ("reverse=True",), "sub": ("count=1",)}.get(called, ()):
        if extra.split("=")[0] not in given:
            yield at.replace(node, f"{at.text(node.func)}({inside}{comma}{extra})", "add-argument", 0.4)
    if called in ("get", "pop", "getattr", "next") and len(node.args) in (1, 2):
        for default in ("None", "0", "''", "[]", "False", "{}"):
            yield at.replace(node, f"{at.text(node.func)}({inside}{comma}{default})", "add-argument", 0.3)
    if called == "range":
        yield from ranges(node, at)


def ranges(node: ast.Call, at: Place) -> Iterator[Draft]:
    shown = [at.text(argument) for argument in node.args]
    forms = []
    if len(shown) == 1:
        forms = [f"1, {shown[0]}", f"1, {shown[0]} + 1", f"2, {shown[0]}", f"-1, {shown[0]}", f"{shown[0]} - 1, -1, -1"]
    elif len(shown) == 2:
        forms = [shown[1], f"{shown[0]}, {shown[1]}, -1", f"{shown[1]} - 1, {shown[0]} - 1, -1"]
    elif len(shown) == 3:
        forms = [f"{shown[0]}, {shown[1]}", f"{shown[0]}, {shown[1]}, -({shown[2]})"]
    for form in forms:
        yield at.replace(node, f"range({form})", "range", 0.55)


def exchanged(nodes: list[ast.expr], at: Place, template: str, prior: float) -> Iterator[Draft]:
    """Two of some neighbours, each in the other's place."""
    for first, second in combinations(nodes[:6], 2):
        (a, b), (c, d) = at.source.span(first), at.source.span(second)
        if b <= c:
            gap = at.source.data[b:c].decode()
            yield at.edit((a, d), f"{at.text(second)}{gap}{at.text(first)}", template, prior)


def elements(node: ast.Tuple | ast.List, at: Place) -> Iterator[Draft]:
    if 2 <= len(node.elts) <= 5 and not any(isinstance(element, ast.Starred) for element in node.elts):
        yield from exchanged(node.elts, at, "element-order", 0.45 if is_stored(node) else 0.65)
    if isinstance(node, ast.List) and not is_stored(node):
        yield at.replace(node, f"[{at.text(node)}]", "wrap", 0.25)
        for other in at.locals if not node.elts else ():
            yield at.replace(node, f"[{other}]", "wrap", 0.3)


def subscript(node: ast.Subscript, at: Place) -> Iterator[Draft]:
    if isinstance(node.slice, ast.Slice):
        yield from slices(node, node.slice, at)
    elif not is_stored(node):
        index = at.text(node.slice)
        value = at.closed(node.value)
        yield at.replace(node, f"{value}[{index}:]", "slice", 0.3)
        yield at.replace(node, f"{value}[:{index}]", "slice", 0.3)
        yield at.replace(node, f"{value}.get({index})", "get", 0.3)
        yield at.replace(node, value, "drop-index", 0.4)
        if not isinstance(node.slice, ast.Constant):
            yield at.replace(node, f"{value}[-{at.closed(node.slice)}]", "sign", 0.35)


def slices(node: ast.Subscript, cut: ast.Slice, at: Place) -> Iterator[Draft]:
    low, high, step = (at.text(part) if part is not None else "" for part in (cut.lower, cut.upper, cut.step))
    forms = {(low, "", step): 0.6, ("", high, step): 0.6, (high, low, step): 0.6, (low, high, ""): 0.5}
    forms.update({("1", high, step): 0.5, (low, "-1", step): 0.5, (low, high, "-1"): 0.4, (low, high, "2"): 0.2})
    if high:
        forms[low, f"{high} + 1", step] = forms[low, f"{high} - 1", step] = 0.6
    for (a, b, c), prior in forms.items():
        if (a, b, c) != (low, high, step):
            tail = f":{c}" if c else ""
            yield at.replace(node, f"{at.closed(node.value)}[{a}:{b}{tail}]", "slice", prior)
    yield at.replace(node, at.text(node.value), "drop-slice", 0.4)
