from collections.abc import Callable
from pathlib import Path

import pytest

from tests.autofix.fixers.local_tree import LocalTree


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., LocalTree]:
    """Make a project of these files: `project({"a.py": "…"})`, and say what command failed in it."""

    def made(files: dict[str, str], command: str = "") -> LocalTree:
        tree = LocalTree(tmp_path, command)
        for path, text in files.items():
            tree.write(path, text)
        return tree

    return made
