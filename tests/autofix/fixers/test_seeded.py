"""How much of what people typically get wrong is repaired? The real linter says when it is content."""

from collections.abc import Callable

import pytest

from tests.autofix.fixers.healing import failing, heal
from tests.autofix.fixers.local_tree import LocalTree
from tests.autofix.fixers.seeds import HOSTS, SOURCES, Seed, seeds

Project = Callable[..., LocalTree]
STRICT = """
line-length = 120
preview = true
lint.explicit-preview-rules = true
lint.select = [
  "E", "F", "W", "I", "B", "UP", "SIM", "RET", "C4", "PIE", "PLR1714", "PLR5501",
  "E203", "E225", "E265", "E302", "E305", "E303",
]
"""


def test_the_files_are_clean_before(project: Project) -> None:
    tree = project({host: (SOURCES / host).read_text() for host in HOSTS} | {"ruff.toml": STRICT}, "ruff check .")
    assert failing(tree, "lint") is None


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: seed.title)
def test_a_seeded_defect_is_repaired(seed: Seed, project: Project) -> None:
    tree = project({seed.host: seed.text, "ruff.toml": STRICT}, "ruff check .")
    assert failing(tree, "lint") is not None, "the linter does not see this defect"
    _, left = heal(tree, "lint")
    assert left is None, f"{left and left.excerpt}"
