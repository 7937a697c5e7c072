"""What a fixer is, and the careful reading and writing that all of them share.

A fixer gets a scratch copy of the workspace and changes its files. It never decides whether the
change is good: the step that failed does, when it runs again. Read next: the table in `__init__`.
"""

import ast
import re
import tokenize
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import PurePosixPath
from typing import Protocol

from autofix.failures import Failure, Location, Signal

MAX_FILE_CHARACTERS = 1_000_000
LINT = frozenset({Signal.LINT})
PYTHON = ("*.py", "*.pyi", "*.ipynb")
REQUIREMENT_FILES = ("*requirements*.txt", "*requirements*.in", "*constraints*.txt", "requirements/", "pyproject.toml")
# What reading a file as Python can end in.
NOT_PYTHON = (SyntaxError, ValueError, RecursionError, tokenize.TokenError)


@dataclass(frozen=True)
class ToolResult:
    exit_code: int
    output: str


class Tree(Protocol):
    """A scratch copy of the workspace; `run` is sandboxed, with ruff, python and pytest in PATH."""

    @property
    def command(self) -> str:
        """The command of the step that failed; empty where nobody knows it."""
        ...

    def run(self, argv: Sequence[str], timeout_seconds: float = 120) -> ToolResult: ...

    def read(self, path: str) -> str:
        """Return a file's text, or raise FileNotFoundError."""
        ...

    def write(self, path: str, text: str) -> None: ...

    def files(self) -> Sequence[str]:
        """Return the paths of the tracked files."""
        ...


Apply = Callable[[Tree, Failure], bool]
Edit = Callable[[Collection[int], str], str]


@dataclass(frozen=True, kw_only=True)
class Fixer:
    """A row of the table: what it works with, which failures it is for, and what it may do.

    `details` empty fits every failure of its signals. `touches` are patterns as in .gitignore: a
    change of any other file is taken back. What `is_unsafe` may change what the code does, so it
    counts only where the step and the tests pass with it. `apply` says whether it changed a file.
    """

    name: str
    tool: str
    signals: frozenset[Signal]
    touches: tuple[str, ...]
    apply: Apply
    command: tuple[str, ...] = ()
    ecosystem: str = "python"
    details: frozenset[str] = frozenset()
    needs_approval: bool = False
    is_unsafe: bool = False
    wants_network: bool = False


def careful(apply: Apply) -> Apply:
    """Make "cannot do this one" of what odd files and odd findings raise."""

    def applied(tree: Tree, failure: Failure) -> bool:
        try:
            return apply(tree, failure)
        except (OSError, *NOT_PYTHON):
            return False

    return applied


def later(function: str, says: str = "") -> Apply:
    """Return what calls `module:function` of this package, which is imported when it is needed.

    A failure that nowhere `says` such a thing (a regular expression) is not for it.
    """
    said = re.compile(says)

    def apply(tree: Tree, failure: Failure) -> bool:
        if says and not said.search(words(failure)):
            return False
        module, _, name = function.partition(":")
        found: Apply = getattr(import_module(f"{__package__}.{module}"), name)
        return found(tree, failure)

    return careful(apply)


def places(failure: Failure) -> tuple[Location, ...]:
    """Everything the failure points at, findings first."""
    found = [finding.location for finding in failure.findings if finding.location]
    return tuple(dict.fromkeys((*found, *failure.locations)))


def codes(failure: Failure) -> frozenset[str]:
    return frozenset(place.code for place in places(failure) if place.code)


def words(failure: Failure) -> str:
    """All that is said about the failure, to be searched."""
    findings = (finding.message for finding in failure.findings)
    return "\n".join((failure.message, failure.excerpt, *findings))


def tracked(path: str, files: Collection[str]) -> str:
    """Return the tracked file that a tool meant (`./a.py`, `/workspace/a.py`); empty if none."""
    plain = str(PurePosixPath(path))
    if plain in files:
        return plain
    fitting = [file for file in files if plain.endswith(f"/{file}")]
    return max(fitting, key=len, default="")


def lines_with(tree: Tree, failure: Failure, wanted: Collection[str]) -> Mapping[str, set[int]]:
    """Where findings with one of the `wanted` codes are: lines by tracked file."""
    files = frozenset(tree.files())
    found: dict[str, set[int]] = {}
    for place in places(failure):
        file = tracked(place.file, files) if place.code in wanted else ""
        if file:
            found.setdefault(file, set()).add(place.line)
    return found


def named_files(tree: Tree, failure: Failure, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tracked files of a kind that the failure names, in a stable order."""
    files = frozenset(tree.files())
    found = {tracked(place.file, files) for place in places(failure)}
    return tuple(sorted(file for file in found if file.endswith(suffixes)))


def all_files(tree: Tree, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(file for file in tree.files() if file.endswith(suffixes)))


def readable(tree: Tree, paths: Iterable[str]) -> dict[str, str]:
    """Return the texts of those files that are there, are text, and are not enormous."""
    texts: dict[str, str] = {}
    for path in paths:
        try:
            text = tree.read(path)
        except (OSError, ValueError):
            continue
        if len(text) <= MAX_FILE_CHARACTERS:
            texts[path] = text
    return texts


def rewrite(tree: Tree, path: str, change: Callable[[str], str]) -> bool:
    """Change one file; leave it alone where it is no text, or would no longer be Python."""
    old = readable(tree, (path,)).get(path)
    if old is None:
        return False
    try:
        new = change(old)
        if new == old:
            return False
        if path.endswith(".py"):
            ast.parse(new)
    except NOT_PYTHON:
        return False
    tree.write(path, new)
    return True


def at_findings(wanted: str, edit: Edit) -> Apply:
    """Edit the lines that have a finding with one of these codes; the edit is told which they are."""
    found = frozenset(wanted.split())

    def apply(tree: Tree, failure: Failure) -> bool:
        named = lines_with(tree, failure, found).items()
        changed = [rewrite(tree, path, partial(edit, lines)) for path, lines in named if path.endswith(".py")]
        return any(changed)

    return apply


def run_and_compare(tree: Tree, argv: Sequence[str], paths: Sequence[str], timeout_seconds: float = 120) -> bool:
    """Let a tool work on files and say whether one of them is different afterwards."""
    before = readable(tree, paths)
    tree.run(argv, timeout_seconds)
    return readable(tree, paths) != before
