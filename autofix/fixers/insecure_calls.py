"""Replacements for calls that bandit (and ruff's S rules) warn of, each at the line of a finding.

Pure edits of syntax: `bandit` lists them as fixers. What cannot be replaced for sure stays.
"""

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import libcst
from libcst import matchers
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor
from libcst.metadata import (
    MetadataWrapper,
    PositionProvider,
    QualifiedNameProvider,
    QualifiedNameSource,
)

from autofix.fixers.syntax_trees import expression, parsed

Imports = Sequence[tuple[str, str]]

TIMEOUT_SECONDS = "10"
WEAK_HASHES = frozenset({"md5", "sha1", "md4"})
REQUEST_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
SHELL_CHARACTERS = frozenset("|&;<>()$`*?[]{}~#!%\n\r\\=")
SHELL_BUILTINS = frozenset({"cd", "export", "source", ".", "alias", "set", "ulimit", "umask"})
SUBPROCESS_CALLS = frozenset({"run", "call", "check_call", "check_output", "Popen"})
RANDOM_CALLS = frozenset(
    {
        "randint",
        "randrange",
        "random",
        "uniform",
        "shuffle",
        "sample",
        "choices",
        "getrandbits",
    }
)


@dataclass(frozen=True)
class Found:
    """A call whose full name is certain; `is_statement` where nobody uses what it returns."""

    call: libcst.Call
    name: str
    is_statement: bool


Replacement = Callable[[Found], libcst.BaseExpression | None]


def strong_hash(found: Found) -> libcst.BaseExpression | None:
    """`hashlib.md5(x)` -> `hashlib.sha256(x)`, `hashlib.new("md5")` -> `hashlib.new("sha256")`."""
    call, name = found.call, found.name
    if name == "hashlib.new" and call.args:
        first = call.args[0]
        chosen = _constant(first.value).lower().replace("-", "")
        if chosen not in WEAK_HASHES:
            return None
        value = libcst.SimpleString('"sha256"')
        return call.with_changes(args=[first.with_changes(value=value), *call.args[1:]])
    module, _, function = name.rpartition(".")
    return _renamed(call, "sha256") if module == "hashlib" and function in WEAK_HASHES else None


def safe_yaml(found: Found) -> libcst.BaseExpression | None:
    """`yaml.load(x, Loader=…)` -> `yaml.safe_load(x)`."""
    call, name = found.call, found.name
    calls = {"yaml.load": "safe_load", "yaml.load_all": "safe_load_all"}
    if name not in calls or not call.args or call.args[0].keyword or call.args[0].star:
        return None
    only = call.args[0].with_changes(comma=libcst.MaybeSentinel.DEFAULT)
    return _renamed(call.with_changes(args=[only]), calls[name])


def with_timeout(found: Found) -> libcst.BaseExpression | None:
    """`requests.get(x)` -> `requests.get(x, timeout=10)`, also where it was None."""
    call, name = found.call, found.name
    module, _, function = name.rpartition(".")
    if module not in ("requests", "requests.api", "httpx") or function not in REQUEST_VERBS:
        return None
    if any(argument.star == "**" for argument in call.args):
        return None
    kept = [argument for argument in call.args if not _is_keyword(argument, "timeout")]
    timeout = _keyword("timeout", TIMEOUT_SECONDS)
    if len(kept) < len(call.args):
        old = next(each for each in call.args if each not in kept)
        return call.with_deep_changes(old, value=libcst.Integer(TIMEOUT_SECONDS))
    return call.with_changes(args=_appended(call, kept, timeout))


def without_shell(found: Found) -> libcst.BaseExpression | None:
    """`subprocess.run("ls -l", shell=True)` -> `subprocess.run(["ls", "-l"])`."""
    call, name = found.call, found.name
    module, _, function = name.rpartition(".")
    if module != "subprocess" or function not in SUBPROCESS_CALLS or not call.args:
        return None
    words = _command(call.args[0])
    rest = [each for each in call.args[1:] if not _is_keyword(each, "shell")]
    has_shell = len(rest) == len(call.args) - 2
    if not words or not has_shell or any(each.star or not each.keyword for each in rest):
        return None
    first = call.args[0].with_changes(value=_list(words))
    last = (rest or [first])[-1].with_changes(comma=libcst.MaybeSentinel.DEFAULT)
    return call.with_changes(args=[first, *rest[:-1], last] if rest else [last])


def without_system(found: Found) -> libcst.BaseExpression | None:
    """`os.system("ls -l")` -> `subprocess.run(["ls", "-l"], check=False)`, as a statement."""
    call, name = found.call, found.name
    is_plain = found.is_statement and name == "os.system" and len(call.args) == 1
    words = _command(call.args[0]) if is_plain else []
    if not words:
        return None
    return libcst.Call(
        expression("subprocess.run"),
        [libcst.Arg(_list(words)), _keyword("check", "False")],
    )


def unpredictable(found: Found) -> libcst.BaseExpression | None:
    """`random.choice(x)` -> `secrets.choice(x)`; the others from `secrets.SystemRandom()`."""
    call, name = found.call, found.name
    module, _, function = name.rpartition(".")
    if module != "random" or function not in RANDOM_CALLS | {"choice"}:
        return None
    target = "secrets" if function == "choice" else "secrets.SystemRandom()"
    return call.with_changes(func=expression(f"{target}.{function}"))


def edited(replace: Replacement, imports: Imports, lines: Collection[int], text: str) -> str:
    """Return the text with the calls on these lines replaced, and the imports they need."""
    replacer = CallReplacer(lines, replace)
    module = MetadataWrapper(parsed(text)).visit(replacer)
    if not replacer.replaced:
        return text
    return reimported(module, replacer.replaced, [*imports, *sorted(replacer.needed)])


def reimported(module: libcst.Module, replaced: Collection[str], imports: Imports) -> str:
    """Import what the new calls need, and no longer what only the old ones did."""
    context = CodemodContext()
    for origin, name in imports:
        AddImportsVisitor.add_needed_import(context, origin, name or None)
    for origin, _, name in (each.rpartition(".") for each in sorted(replaced)):
        RemoveImportsVisitor.remove_unused_import(context, origin, name)
        if (origin, "") not in imports:
            RemoveImportsVisitor.remove_unused_import(context, origin)
    module = AddImportsVisitor(context).transform_module(module)
    return RemoveImportsVisitor(context).transform_module(module).code


class CallReplacer(matchers.MatcherDecoratableTransformer):
    METADATA_DEPENDENCIES = (PositionProvider, QualifiedNameProvider)

    def __init__(self, lines: Collection[int], replace: Replacement) -> None:
        super().__init__()
        self.lines, self.cure = lines, replace
        self.replaced: set[str] = set()
        self.needed: set[tuple[str, str]] = set()
        self.statements: list[libcst.BaseExpression] = []

    @matchers.visit(matchers.Expr())
    def note_statement(self, node: libcst.Expr) -> None:
        self.statements.append(node.value)

    @matchers.leave(matchers.Call())
    def change(
        self,
        original_node: libcst.Call,
        updated_node: libcst.Call,
    ) -> libcst.BaseExpression:
        name = imported_name(self, original_node) if self._is_meant(original_node) else ""
        is_statement = any(each is original_node for each in self.statements)
        new = self.cure(Found(updated_node, name, is_statement)) if name else None
        if new is None:
            return updated_node
        self.replaced.add(name)
        self._note_import(original_node, new, name.rpartition(".")[0])
        return new

    def _is_meant(self, call: libcst.Call) -> bool:
        place = self.get_metadata(PositionProvider, call)
        return any(place.start.line <= line <= place.end.line for line in self.lines)

    def _note_import(self, old: libcst.Call, new: libcst.BaseExpression, module: str) -> None:
        """`md5(x)` became `sha256(x)`: that name has to be imported too."""
        function = new.func if isinstance(new, libcst.Call) else None
        if isinstance(function, libcst.Name) and not function.deep_equals(old.func):
            self.needed.add((module, function.value))


def imported_name(visitor: libcst.MetadataDependent, call: libcst.Call) -> str:
    """`hashlib.md5`, however it was imported; empty where the name is not certain."""
    names = visitor.get_metadata(QualifiedNameProvider, call.func, set())
    if len(names) != 1:
        return ""
    name = next(iter(names))
    return name.name if name.source is QualifiedNameSource.IMPORT else ""


def _renamed(call: libcst.Call, name: str) -> libcst.Call:
    if isinstance(call.func, libcst.Attribute):
        return call.with_changes(func=call.func.with_changes(attr=libcst.Name(name)))
    return call.with_changes(func=libcst.Name(name))


def _constant(node: libcst.BaseExpression) -> str:
    value = node.evaluated_value if isinstance(node, libcst.SimpleString) else ""
    return value if isinstance(value, str) else ""


def _command(argument: libcst.Arg) -> list[str]:
    """The words of a constant command that needs no shell; empty for all others."""
    text = _constant(argument.value)
    if argument.keyword or argument.star or SHELL_CHARACTERS & set(text):
        return []
    words = shlex.split(text)
    return [] if words and words[0] in SHELL_BUILTINS else words


def _list(words: Sequence[str]) -> libcst.BaseExpression:
    quoted = ", ".join(_quoted(word) for word in words)
    return expression(f"[{quoted}]")


def _quoted(word: str) -> str:
    return repr(word) if '"' in word else f'"{word}"'


def _is_keyword(argument: libcst.Arg, name: str) -> bool:
    return argument.keyword is not None and argument.keyword.value == name


def _keyword(name: str, value: str) -> libcst.Arg:
    return libcst.Arg(
        expression(value),
        libcst.Name(name),
        equal=libcst.AssignEqual(libcst.SimpleWhitespace(""), libcst.SimpleWhitespace("")),
    )


def _appended(
    call: libcst.Call,
    arguments: Sequence[libcst.Arg],
    new: libcst.Arg,
) -> list[libcst.Arg]:
    """Add an argument in the layout of the others: on a line of its own where they have one."""
    if not arguments:
        return [new]
    last = arguments[-1]
    has_comma = isinstance(last.comma, libcst.Comma)
    is_spread = isinstance(call.whitespace_before_args, libcst.ParenthesizedWhitespace)
    between = call.whitespace_before_args if is_spread else libcst.SimpleWhitespace(" ")
    behind = last.whitespace_after_arg if is_spread and not has_comma else None
    placed = last.with_changes(
        comma=libcst.Comma(whitespace_after=between),
        whitespace_after_arg=libcst.SimpleWhitespace(""),
    )
    new = new.with_changes(comma=last.comma) if has_comma else new
    new = new.with_changes(whitespace_after_arg=behind) if behind else new
    return [*arguments[:-1], placed, new]
