import os
from pathlib import Path

import pytest

from metabuilder.execution.layout import STATE_ROOT, default_data_dir, is_reachable


def test_data_lie_in_the_checkout_where_steps_can_reach_it(ground: Path) -> None:
    assert default_data_dir(ground) == ground / "var"


def test_root_keeps_them_elsewhere_when_steps_cannot(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    found = default_data_dir(ground)
    assert found.parent == STATE_ROOT
    assert len(found.name) == 12
    assert default_data_dir(ground) == found


def test_anyone_else_keeps_them_in_the_checkout(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_data_dir(ground) == ground / "var"


def test_a_private_parent_makes_a_path_unreachable(ground: Path) -> None:
    (ground / "a" / "b").mkdir(parents=True)
    assert is_reachable(ground / "a" / "b")
    (ground / "a").chmod(0o700)
    assert not is_reachable(ground / "a" / "b")
    assert not is_reachable(ground / "missing")
