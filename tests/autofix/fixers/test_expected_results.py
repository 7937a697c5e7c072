from collections.abc import Callable

import pytest

from autofix.failures import Failure, Signal
from autofix.fixers import FIXERS
from tests.autofix.fixers.local_tree import LocalTree, fixer

Project = Callable[..., LocalTree]
# What pytest's snapshot plugins have in common.
PLUGIN = """
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--snapshot-update", action="store_true")


@pytest.fixture
def snapshot(request):
    path = Path("__snapshots__/it.txt")
    if request.config.getoption("--snapshot-update"):
        path.write_text("new")
    return path.read_text()
"""
FILES = {
    "conftest.py": PLUGIN,
    "__snapshots__/it.txt": "old",
    "test_it.py": "def test_it(snapshot):\n    assert snapshot == 'new'\n",
}
DIFFERS = Failure(Signal.TEST_ASSERT, "A result differs from its snapshot", "snapshot-mismatch", detail="snapshot")
STALE = Failure(Signal.UNKNOWN, "exit code 1", "")


def test_only_a_person_accepts_new_expected_results() -> None:
    found = [each for each in FIXERS if each.name in ("snapshots", "generated-files", "stale-generated-files")]
    assert [each.needs_approval for each in found] == [True] * 3


def test_snapshots_are_written_by_the_tests_themselves(project: Project) -> None:
    tree = project(FILES, "python -m pytest -q -p no:cacheprovider")
    assert tree.run(["sh", "-c", tree.command]).exit_code == 1
    assert fixer("snapshots").apply(tree, DIFFERS)
    assert tree.read("__snapshots__/it.txt") == "new"
    assert tree.run(["sh", "-c", tree.command]).exit_code == 0


@pytest.mark.parametrize("command", ["make test", "sh run.sh | tee log", ""])
def test_what_is_no_test_runner_is_left_alone(command: str, project: Project) -> None:
    assert not fixer("snapshots").apply(project(FILES, command), DIFFERS)


@pytest.mark.parametrize(
    "command",
    [
        "sh make.sh && git diff --exit-code",
        "sh make.sh; git add -N . && git diff --exit-code",
        'sh make.sh\ntest -z "$(git status --porcelain)"',
    ],
)
def test_the_part_of_the_step_that_generates_is_done_again(command: str, project: Project) -> None:
    tree = project({"make.sh": "echo new > made.txt\n", "made.txt": "old\n"}, command)
    assert fixer("generated-files").apply(tree, STALE)
    assert tree.read("made.txt") == "new\n"


@pytest.mark.parametrize("command", ["git diff --exit-code", "sh make.sh", "false && git diff"])
def test_without_a_part_that_generates_nothing_is_done(command: str, project: Project) -> None:
    tree = project({"make.sh": "echo new > made.txt\n", "made.txt": "old\n"}, command)
    assert not fixer("generated-files").apply(tree, STALE)
    assert tree.read("made.txt") == "old\n"
