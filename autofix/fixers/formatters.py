"""black and isort, where the project itself uses them; without them nothing changes."""

import re

from autofix.failures import Failure, Signal
from autofix.fixers.base import (
    Fixer,
    Tree,
    all_files,
    careful,
    named_files,
    readable,
    run_and_compare,
    words,
)

PYTHON = (".py", ".pyi")
# Where a project says which formatter it uses.
DECLARED_IN = (
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    ".isort.cfg",
    ".pre-commit-config.yaml",
    "requirements-dev.txt",
)


def run_black(tree: Tree, failure: Failure) -> bool:
    return _uses(tree, failure, "black") and _run(tree, failure, ["black", "--quiet"])


def run_isort(tree: Tree, failure: Failure) -> bool:
    return _uses(tree, failure, "isort") and _run(tree, failure, ["isort", "--quiet"])


def _uses(tree: Tree, failure: Failure, tool: str) -> bool:
    """The failed tool is this one, or the failure is about layout and the project names it."""
    named = re.compile(rf"(?:^|[^\w.-]){tool}(?:$|[^\w-])", re.MULTILINE)
    if tool == failure.rule or named.search(words(failure)):
        return True
    texts = readable(tree, set(DECLARED_IN) & set(tree.files()))
    return failure.detail == "format" and any(named.search(text) for text in texts.values())


def _run(tree: Tree, failure: Failure, command: list[str]) -> bool:
    paths = named_files(tree, failure, PYTHON)
    return run_and_compare(tree, [*command, "--", *(paths or ["."])], all_files(tree, PYTHON))


LINT = frozenset({Signal.LINT})
FIXERS = (
    Fixer("isort", "isort", "python", LINT, frozenset(), False, careful(run_isort)),
    Fixer("black", "black", "python", LINT, frozenset(), False, careful(run_black)),
)
