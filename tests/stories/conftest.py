"""Whole runs with real tools: a repository of a few files, a plan, and the loop until the run rests."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from autofix.control import start_run
from autofix.driver import drive
from metabuilder.runs.intake import Order
from metabuilder.runs.models import Run, SourceKind
from metabuilder.runs.transitions import driven_in_process
from tenants.models import Tenant

Files = dict[str, str]
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_AUTHOR_NAME": "Dana",
    "GIT_AUTHOR_EMAIL": "dana@ledger.example",
    "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@ledger.example",
}


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=directory, env=GIT_ENV, check=True, capture_output=True)
    return done.stdout.decode()


@pytest.fixture
def staging(db) -> Tenant:
    return Tenant.objects.create(slug="staging", name="Staging", backoff_cap_seconds=1)


@pytest.fixture
def tenant_two(db) -> Tenant:
    return Tenant.objects.create(slug="two", name="Two")


@pytest.fixture
def repository(tmp_path: Path) -> Callable[[Files], Path]:
    """Make a git repository of these files, with one commit."""

    def make(files: Files) -> Path:
        root = tmp_path / "source"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "start")
        return root

    return make


@pytest.fixture
def build(staging: Tenant, repository: Callable[[Files], Path]) -> Callable[..., Run]:
    """Start a run of these steps on these files and drive it until it rests."""

    def build(files: Files, steps: list[dict], *, rest: bool = True, **overrides: object) -> Run:
        order = Order(
            tenant=staging,
            source_kind=SourceKind.PATH,
            location=str(repository(files)),
            plan={"steps": steps},
            overrides=overrides,
            actor="test",
            any_directory=True,
        )
        with driven_in_process(lambda _: None):
            run = start_run(order)
            return drive(run) if rest else run

    return build


@pytest.fixture
def story() -> Callable[[Run], list[tuple]]:
    """The list of (step, signal, strategy, outcome, verified) that a run went through."""

    def tell(run: Run) -> list[tuple]:
        fields = ("step__name", "signal", "strategy", "outcome", "verified")
        return list(run.attempts.order_by("number").values_list(*fields))

    return tell
