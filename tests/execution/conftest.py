"""Ground that an unprivileged step can reach, a sandbox that works, and a repository to build."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metabuilder.execution.command import Command, CommandResult, Limits
from metabuilder.execution.sandbox import Sandbox, SandboxUnavailable, probe
from metabuilder.execution.sources import fetch, validate_directory
from metabuilder.execution.workspace import Workspace, create

Run = Callable[..., CommandResult]


@pytest.fixture
def ground() -> Iterator[Path]:
    """Like tmp_path, but every directory on the way to it may be traversed by a dropped uid."""
    directory = Path(tempfile.mkdtemp(prefix="metabuilder-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def level() -> str:
    try:
        return probe("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"NOT TESTED - THE SANDBOX DOES NOT WORK ON THIS MACHINE: {error}")


@pytest.fixture
def sandbox(level: str) -> Sandbox:
    return Sandbox(level)


@pytest.fixture(params=["bubblewrap", "none"])
def either(request: pytest.FixtureRequest) -> Sandbox:
    """A sandbox at each level, for what both promise."""
    if request.param == "bubblewrap":
        request.getfixturevalue("level")
    return Sandbox(request.param)


def runner(sandbox: Sandbox, ground: Path) -> Run:
    workdir = ground / "work"
    workdir.mkdir()
    sandbox.hand_over(workdir)

    def run(script: str, **limits: float) -> CommandResult:
        command = Command(("sh", "-c", script), workdir, limits=Limits(**limits))  # type: ignore[arg-type]
        return sandbox.run(command)

    return run


@pytest.fixture
def run(sandbox: Sandbox, ground: Path) -> Run:
    return runner(sandbox, ground)


@pytest.fixture
def run_either(either: Sandbox, ground: Path) -> Run:
    return runner(either, ground)


@pytest.fixture
def project(ground: Path) -> Path:
    """A small git repository that its owner keeps to himself."""
    directory = ground / "project"
    directory.mkdir(mode=0o700)
    (directory / "app.py").write_text("x = 1\n")
    (directory / "pkg").mkdir()
    (directory / "pkg" / "data.txt").write_text("one\ntwo\nthree\n")
    (directory / "run.sh").write_text("#!/bin/sh\n")
    (directory / "run.sh").chmod(0o755)
    (directory / ".gitignore").write_text("*.log\n")
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message=one")
    return directory


def git(directory: Path, *args: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false")
    done = subprocess.run(["git", *identity, *args], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def workspace(project: Path, ground: Path, sandbox: Sandbox) -> Workspace:
    source = fetch(validate_directory(project, None), ground / "workspace", sandbox)
    return create(source.root, sandbox, source)
