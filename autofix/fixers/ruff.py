"""What ruff repairs by itself. Safe fixes only: those that ruff says keep the meaning."""

import re
from collections.abc import Sequence

from autofix.failures import Failure, Signal
from autofix.fixers.base import (
    Fixer,
    Tree,
    all_files,
    careful,
    codes,
    lines_with,
    named_files,
    readable,
)

USAGE_ERROR = 2
PYTHON = (".py", ".pyi", ".ipynb")
RULE_CODE = re.compile(r"[A-Z]{1,4}\d{2,4}")
IMPORT_ORDER = frozenset({"I001", "I002", "I100", "I101", "I201", "I202", "E401", "E402"})
UNUSED = frozenset({"F401", "F811", "F841", "W0611", "W0612", "unused-import"})
# Comparing with None means something else for columns and arrays: not ours to change there.
OVERLOADED = re.compile(
    r"^\s*(?:from|import)\s+(?:sqlalchemy|sqlmodel|peewee|pony|pandas|numpy|polars|pyspark|dask)\b",
    re.MULTILINE,
)
LAYOUT = re.compile(r"E[123]\d\d|E501|E70\d|W[123]\d\d|W605|Q\d+|COM8\d\d|BLK\d+|C0301|C0303")


def fix_everything(tree: Tree, failure: Failure) -> bool:
    """Fix the rules that were broken, or, where none are named, all that the project selects."""
    if failure.detail == "format":
        return False
    found = sorted(code for code in codes(failure) if RULE_CODE.fullmatch(code))
    select = ["--select", ",".join(found)] if found else []
    return _check(tree, failure, select)


def sort_imports(tree: Tree, failure: Failure) -> bool:
    is_about_order = IMPORT_ORDER & codes(failure) or "isort" in (failure.rule, failure.subject)
    return bool(is_about_order) and _check(tree, failure, ["--select", "I,E401"])


def remove_unused(tree: Tree, failure: Failure) -> bool:
    return bool(UNUSED & codes(failure)) and _check(tree, failure, ["--select", "F401,F811,F841"])


def compare_none(tree: Tree, failure: Failure) -> bool:
    """`== None` is `is None`, unless a library of the file gives `==` a meaning of its own."""
    named = lines_with(tree, failure, ("E711", "C0121", "singleton-comparison"))
    texts = readable(tree, named)
    plain = [path for path, text in texts.items() if not OVERLOADED.search(text)]
    select = ["--select", "E711", "--unsafe-fixes"]
    return bool(plain) and _run(tree, _check_command(select), plain, plain)


def format_code(tree: Tree, failure: Failure) -> bool:
    found = codes(failure)
    if failure.detail != "format" and not (found and all(map(LAYOUT.fullmatch, found))):
        return False
    watched = all_files(tree, PYTHON)
    return _run(
        tree,
        ["ruff", "format", "--no-cache", "--force-exclude", "--quiet"],
        named_files(tree, failure, PYTHON),
        watched,
    )


def _check(tree: Tree, failure: Failure, select: Sequence[str]) -> bool:
    named, watched = named_files(tree, failure, PYTHON), all_files(tree, PYTHON)
    return _run(tree, _check_command(select), named, watched) or bool(
        # ruff refuses to start over a code that only another linter knows
        select and not _knows(tree, select) and _run(tree, _check_command(()), named, watched)
    )


def _check_command(select: Sequence[str]) -> list[str]:
    return [
        "ruff",
        "check",
        "--fix",
        "--exit-zero",
        "--no-cache",
        "--force-exclude",
        "--quiet",
        *select,
    ]


def _knows(tree: Tree, select: Sequence[str]) -> bool:
    command = ["ruff", "check", "--no-cache", "--quiet", *select, "--show-files"]
    return tree.run(command).exit_code != USAGE_ERROR


def _run(tree: Tree, command: Sequence[str], paths: Sequence[str], watched: Sequence[str]) -> bool:
    """Let ruff work on the paths, or on everything where there are none, and see what changed."""
    if not watched:
        return False
    before = readable(tree, watched)
    tree.run([*command, "--", *(paths or ["."])])
    return readable(tree, watched) != before


LINT = frozenset({Signal.LINT})
ANY = frozenset[str]()
FIXERS = (
    Fixer("ruff-imports", "ruff", "python", LINT, ANY, False, careful(sort_imports)),
    Fixer("ruff-unused", "ruff", "python", LINT, ANY, False, careful(remove_unused)),
    Fixer("ruff-fix", "ruff", "python", LINT, ANY, False, careful(fix_everything)),
    Fixer("none-comparison", "ruff", "python", LINT, ANY, False, careful(compare_none)),
)
FORMATTER = Fixer("ruff-format", "ruff", "python", LINT, ANY, False, careful(format_code))
