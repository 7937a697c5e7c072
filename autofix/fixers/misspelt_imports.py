"""A module that is not there has nearly the name of one that is: the project's, Python's, or one it declares."""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial

from autofix.failures import Failure
from autofix.fixers.base import Tree, all_files, readable, rewrite, words
from autofix.fixers.project_names import project_names
from autofix.fixers.requirements import declared, locked

LIKE = 0.8
MISSING = re.compile(r"No module named '?(?P<name>[A-Za-z_]\w*)")


def rename_module(tree: Tree, failure: Failure) -> bool:
    wrong = {match["name"] for match in MISSING.finditer(words(failure))}
    changed = [_rename(tree, name) for name in sorted(wrong)]
    return any(changed)


def _rename(tree: Tree, wrong: str) -> bool:
    close = get_close_matches(wrong, sorted(_known(tree) - {wrong}), 2, LIKE)
    if len(close) != 1 or wrong in sys.stdlib_module_names:
        return False
    if tree.run(
        ["python", "-c", "import importlib, sys; importlib.import_module(sys.argv[1])", close[0]], 30
    ).exit_code:
        return False
    importing = re.compile(rf"^\s*(?:import|from)\s+(?:[\w., ]+,\s*)?{wrong}\b", re.MULTILINE)
    texts = readable(tree, all_files(tree, (".py",))).items()
    changed = [
        rewrite(tree, path, partial(_renamed, wrong, close[0])) for path, text in texts if importing.search(text)
    ]
    return any(changed)


def _known(tree: Tree) -> set[str]:
    own = {module.partition(".")[0] for module in project_names(tree).modules}
    asked = {name for names in declared(tree).values() for name in names} | locked(tree).keys()
    return own | set(sys.stdlib_module_names) | {name.replace("-", "_") for name in asked}


def _renamed(wrong: str, better: str, text: str) -> str:
    lines = text.split("\n")
    for line, start, end in sorted(_places(wrong, text), reverse=True):
        lines[line - 1] = lines[line - 1][:start] + better + lines[line - 1][end:]
    return "\n".join(lines)


def _places(wrong: str, text: str) -> Iterator[tuple[int, int, int]]:
    """Where the name stands for the module: not behind a dot, and not as the name of an argument."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string == wrong and before != ".":
            yield token.start[0], token.start[1], token.end[1]
        before = token.string
