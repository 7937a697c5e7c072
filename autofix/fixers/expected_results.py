"""Snapshots and generated files are made again by what made them. Only a person knows whether they are right."""

import re
import shlex
from collections.abc import Sequence

from autofix.failures import Failure, Signal
from autofix.fixers.base import Fixer, Tree, careful, readable
from autofix.fixers.tools import BETWEEN_COMMANDS, NOT_PLAIN, RUNNERS, WITH_PROJECT_TOOLS

UPDATES = {
    "pytest": ("--snapshot-update",),
    "py.test": ("--snapshot-update",),
    "jest": ("--updateSnapshot",),
    "vitest": ("--run", "--update"),
    "npm": ("--", "-u"),
    "pnpm": ("--", "-u"),
    "yarn": ("-u",),
}
SNAPSHOTS = ("__snapshots__", "snapshots", "*.ambr", "*.snap", "*.raw")
# What a step looks for differences with, once it has generated.
LOOKS = re.compile(r"(?:^|&&|;|\n|\|\|)\s*(?:!\s*)?(?:test -z|\[ -z|if |git (?:add|diff|status|update-index)\b)")
TARGET = re.compile(r"^(?P<name>generate|gen|codegen|regenerate|regen)\s*:", re.MULTILINE)
SECONDS = 900


def update_snapshots(tree: Tree, _failure: Failure) -> bool:
    commands = [_updating(part) for part in BETWEEN_COMMANDS.split(tree.command) if not NOT_PLAIN.search(part)]
    wanted = [command for command in commands if command]
    for command in wanted:
        tree.run([*WITH_PROJECT_TOOLS, *command], SECONDS)
    return bool(wanted)


def generate(tree: Tree, _failure: Failure) -> bool:
    """Do the part of the step that generates, or make the target that is there for it."""
    look = LOOKS.search(tree.command)
    command = tree.command[: look.start()].strip() if look else ""
    if not command and look is None:
        makefiles = readable(tree, {"Makefile", "makefile", "GNUmakefile"} & set(tree.files()))
        target = next((match["name"] for text in makefiles.values() if (match := TARGET.search(text))), "")
        command = f"make {target}" if target and tree.command.strip().startswith("make ") else ""
    return bool(command) and tree.run([*WITH_PROJECT_TOOLS, "sh", "-ec", command], SECONDS).exit_code == 0


def _updating(part: str) -> Sequence[str]:
    """Return a call of a test runner with what makes it write snapshots; empty for anything else."""
    try:
        plain = shlex.split(part)
    except ValueError:
        return ()
    runner = next((each for each in RUNNERS if tuple(plain[: len(each)]) == each), ())
    name = plain[len(runner)] if len(plain) > len(runner) else ""
    return (*plain, *UPDATES[name]) if name in UPDATES else ()


def _generated(name: str, signals: frozenset[Signal], details: frozenset[str]) -> Fixer:
    return Fixer(
        name=name,
        tool="make",
        ecosystem="any",
        signals=signals,
        details=details,
        touches=("*",),
        needs_approval=True,
        apply=careful(generate),
    )


FIXERS = (
    Fixer(
        name="snapshots",
        tool="pytest",
        ecosystem="any",
        signals=frozenset({Signal.TEST_ASSERT}),
        details=frozenset({"snapshot"}),
        command=("pytest", *UPDATES["pytest"]),
        touches=SNAPSHOTS,
        needs_approval=True,
        apply=careful(update_snapshots),
    ),
    _generated("generated-files", frozenset({Signal.UNKNOWN}), frozenset()),
    _generated("stale-generated-files", frozenset({Signal.RUNTIME}), frozenset({"lockfile"})),
)
