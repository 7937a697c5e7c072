"""The guard: every known way to cheat is named, and honest work passes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autofix.guard import Violation, inspect
from tests.autofix.test_guard_cases import CHEATS, PYPROJECT, SOURCE, TESTS, TWO_TESTS, Case

RUFF = str(Path(sys.executable).with_name("ruff"))


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=True)
    return done.stdout.decode()


def put(directory: Path, path: str, text: str | None) -> None:
    file = directory / path
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, newline="")


def verdict(
    directory: Path,
    before: dict[str, str | None],
    change: Callable[[], None],
    protected: tuple[str, ...] = (),
) -> tuple[Violation, ...]:
    """Commit `before`, make the change, and let the guard read the real diff of it."""
    git(directory, "init", "-q")
    for path, text in before.items():
        put(directory, path, text)
    git(directory, "add", "-Af")
    git(directory, "commit", "-qm", "before", "--allow-empty")
    change()
    git(directory, "add", "-Af")
    patch = git(directory, "diff", "--cached", "--no-ext-diff", "HEAD")
    assert patch, "the case changes nothing"
    return inspect(patch, before.get, protected)


@pytest.mark.parametrize("case", CHEATS, ids=lambda case: case.name)
def test_it_names_the_rule_that_a_cheating_patch_breaks(case: Case, tmp_path: Path) -> None:
    found = verdict(
        tmp_path, {case.path: case.before}, lambda: put(tmp_path, case.path, case.after)
    )
    assert case.rule in {violation.rule for violation in found}, found
