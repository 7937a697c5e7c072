"""Formatters and linters that repair in place: they are run as the failed step runs them, but writing.

A tool that is not there changes nothing; then it is the next fixer's turn. The tools: `tool_rows`.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import partial

from autofix.failures import Failure
from autofix.fixers.base import (
    LINT,
    Fixer,
    Tree,
    all_files,
    careful,
    named_files,
    readable,
    run_and_compare,
    words,
)
from autofix.fixers.tool_rows import LAYOUT_ROWS, ROWS, ToolRow

BETWEEN_COMMANDS = re.compile(r"&&|\|\||;|\n")
NOT_PLAIN = re.compile(r"[|<>`$(){}\\#!]")
RUNNERS = (
    ("python", "-m"),
    ("python3", "-m"),
    ("uv", "run"),
    ("poetry", "run"),
    ("npx", "--no-install"),
    ("npx",),
    ("pnpm", "exec"),
    ("yarn", "run"),
    ("yarn",),
)
# Where a project says which formatter it uses.
DECLARED_IN = (
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    ".isort.cfg",
    ".pre-commit-config.yaml",
    "requirements-dev.txt",
    "package.json",
)
# The project's own tools first, as in a step.
WITH_PROJECT_TOOLS = ("sh", "-c", 'PATH="$PWD/node_modules/.bin:$PATH"; exec "$@"', "sh")
MAX_FILES = 500


def repair(row: ToolRow, tree: Tree, failure: Failure) -> bool:
    own = own_command(row, tree.command)
    if not own and not _is_about(row, tree, failure):
        return False
    command = own or [*row.command, *(_files(row, tree, failure) if row.takes_files else ())]
    watched = all_files(tree, row.suffixes)
    return bool(watched) and run_and_compare(tree, [*WITH_PROJECT_TOOLS, *command], watched)


def own_command(row: ToolRow, command: str) -> list[str]:
    """Return the step's own call of the tool, with its options and files, made to write; empty if there is none."""
    for plain in _plain_commands(command):
        runner = next((each for each in RUNNERS if tuple(plain[: len(each)]) == each), ())
        words_of_it = plain[len(runner) :]
        if tuple(words_of_it[: len(row.program)]) == row.program:
            kept = [word for word in words_of_it[len(row.program) :] if word not in row.checks]
            return [*row.program, *row.arguments, *(word for word in kept if word not in row.arguments)]
    return []


def _plain_commands(command: str) -> Iterator[list[str]]:
    for part in BETWEEN_COMMANDS.split(command):
        if not NOT_PLAIN.search(part):
            try:
                yield shlex.split(part)
            except ValueError:
                continue


def _is_about(row: ToolRow, tree: Tree, failure: Failure) -> bool:
    """The failed tool is this one, or the failure is about layout and the project names it."""
    named = re.compile(rf"(?:^|[^\w./-]){'[ -]'.join(row.program)}(?:$|[^\w-])", re.MULTILINE | re.IGNORECASE)
    if row.name in (failure.rule, failure.rule.removesuffix("-report").removesuffix("-diff")):
        return True
    if named.search(words(failure)) or named.search(tree.command):
        return True
    texts = readable(tree, set(DECLARED_IN) & set(tree.files()))
    return failure.detail == "format" and any(named.search(text) for text in texts.values())


def _files(row: ToolRow, tree: Tree, failure: Failure) -> Sequence[str]:
    """The files that the failure points at, else those it mentions, else all that the tool is for."""
    everything = all_files(tree, row.suffixes)
    said = set(re.split(r"[\s:'\"`,]+", words(failure)))
    mentioned = [path for path in everything if path in said or f"./{path}" in said]
    return (named_files(tree, failure, row.suffixes) or mentioned or everything)[:MAX_FILES]


def _fixer(row: ToolRow) -> Fixer:
    return Fixer(
        name=row.name,
        tool=row.name,
        ecosystem=row.ecosystem,
        signals=LINT,
        command=row.command,
        touches=tuple(f"*{suffix}" for suffix in row.suffixes),
        apply=careful(partial(repair, row)),
    )


FIXERS = tuple(map(_fixer, ROWS))
FORMATTERS = tuple(map(_fixer, LAYOUT_ROWS))
