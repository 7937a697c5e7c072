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

LIKE = 0.85  # `jsn` is json, but `zipp` is not zipapp
MISSING = re.compile(r"No module named '?(?P<name>[A-Za-z_]\w*)")


def rename_module(tree: Tree, failure: Failure) -> bool:
    wrong = sorted({match["name"] for match in MISSING.finditer(words(failure))})
    changed = [_rename(tree, name, better) for name in wrong if (better := meant(tree, name))]
    return any(changed)


def meant(tree: Tree, wrong: str) -> str:
    """Return the one module that is there and has nearly this name; empty if there is none."""
    known = _known(tree)
    close = get_close_matches(wrong, sorted(known), 2, LIKE)
    if wrong in known or len(close) != 1:
        return ""
    done = tree.run(["python", "-c", "import importlib, sys; importlib.import_module(sys.argv[1])", close[0]], 30)
    return close[0] if done.exit_code == 0 else ""


def _rename(tree: Tree, wrong: str, better: str) -> bool:
    importing = re.compile(rf"^\s*(?:import|from)\s+(?:[\w., ]+,\s*)?{wrong}\b", re.MULTILINE)
    texts = readable(tree, all_files(tree, (".py",))).items()
    changed = [rewrite(tree, path, partial(_renamed, wrong, better)) for path, text in texts if importing.search(text)]
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
