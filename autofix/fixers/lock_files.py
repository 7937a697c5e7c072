"""Lock files that do not fit what they lock are made again by the tool that made them.

That needs the network, unless the tool has all it needs in its cache: the tenant decides (`wants_network`).
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from autofix.failures import Failure, Signal
from autofix.fixers.base import Fixer, Tree, careful, readable, run_and_compare
from autofix.fixers.tools import WITH_PROJECT_TOOLS

SECONDS = 600
PIP_COMPILE = re.compile(r"^#\s+(?P<command>(?:uv pip compile|pip-compile)\b[^\n|;&<>`$]*)$", re.MULTILINE)
COMPILED = re.compile(r"(?:.*/)?[\w.-]*\.(?:txt|lock)")


@dataclass(frozen=True)
class LockRow:
    lock: str
    ecosystem: str
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"lock-{self.command[0]}"


ROWS = (
    LockRow("uv.lock", "python", ("uv", "lock")),
    LockRow("poetry.lock", "python", ("poetry", "lock", "--no-interaction")),
    LockRow("pdm.lock", "python", ("pdm", "lock")),
    LockRow(
        "package-lock.json",
        "node",
        ("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"),
    ),
    LockRow("pnpm-lock.yaml", "node", ("pnpm", "install", "--lockfile-only", "--ignore-scripts")),
    LockRow("Cargo.lock", "rust", ("cargo", "update", "--workspace")),
    LockRow("go.sum", "go", ("go", "mod", "tidy")),
)


def lock_again(row: LockRow, tree: Tree, _failure: Failure) -> bool:
    changed = False
    for path in (each for each in tree.files() if PurePosixPath(each).name == row.lock):
        directory = str(PurePosixPath(path).parent)
        changed = _run_in(tree, directory, row.command, (path,)) or changed
    return changed


def compile_again(tree: Tree, _failure: Failure) -> bool:
    """Files of pip-tools and uv begin with the command that made them."""
    changed = False
    paths = [path for path in tree.files() if COMPILED.fullmatch(path)]
    for path, text in readable(tree, paths).items():
        match = PIP_COMPILE.search("\n".join(text.splitlines()[:10]))
        if match is not None:
            changed = _run_in(tree, ".", shlex.split(match["command"]), (path,)) or changed
    return changed


def _run_in(tree: Tree, directory: str, command: Sequence[str], watched: Sequence[str]) -> bool:
    there = ["sh", "-c", 'cd "$0" && exec "$@"', directory, *command]
    return run_and_compare(tree, [*WITH_PROJECT_TOOLS, *there], watched, SECONDS)


RUNTIME = frozenset({Signal.RUNTIME})
LOCKFILE = frozenset({"lockfile"})
FIXERS = (
    *(
        Fixer(
            name=row.name,
            tool=row.command[0],
            ecosystem=row.ecosystem,
            signals=RUNTIME,
            details=LOCKFILE,
            command=row.command,
            touches=(row.lock, *(["go.mod"] if row.lock == "go.sum" else [])),
            wants_network=True,
            apply=careful(partial(lock_again, row)),
        )
        for row in ROWS
    ),
    Fixer(
        name="lock-requirements",
        tool="pip-compile",
        signals=RUNTIME,
        details=LOCKFILE,
        command=("uv", "pip", "compile"),
        touches=("*.txt", "*.lock"),
        wants_network=True,
        apply=careful(compile_again),
    ),
)
