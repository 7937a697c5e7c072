from collections.abc import Callable
from pathlib import Path

import pytest

from tests.autofix.fixers.local_tree import LocalTree


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., LocalTree]:
    """Make a project of these files: `project({"a.py": "…"})`."""

    def made(files: dict[str, str]) -> LocalTree:
        tree = LocalTree(tmp_path)
        for path, text in files.items():
            tree.write(path, text)
        return tree

    return made
