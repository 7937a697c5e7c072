"""Part of a suite is kept from the run, and what is left is still a suite that sees the fault."""

import ast
import random

from scripts.benchmarks.repair import holdback

SUITE = """import pytest

LIMIT = 3


@pytest.mark.parametrize("x", [1, 2])
def test_small(x):
    assert x < LIMIT


def test_large():
    assert LIMIT > 2


class TestMore:
    @pytest.mark.filterwarnings("ignore")
    def test_only(self):
        assert LIMIT


def test_last():
    assert True
"""


def test_functions_go_with_their_decorators_and_an_empty_class_stays_readable():
    left = holdback.without(SUITE, {"test_small", "TestMore::test_only"})
    ast.parse(left)
    assert "parametrize" not in left
    assert "filterwarnings" not in left
    assert "class TestMore:\n    pass\n" in left
    assert "def test_large" in left
    assert "def test_last" in left


def test_one_that_fails_stays_whatever_is_hidden():
    failed = {"t.py::test_a[1]", "t.py::test_a[2]"}
    passed = {f"t.py::test_p{number}" for number in range(20)}
    for seed in range(20):
        hidden = holdback.choose(failed, passed, random.Random(seed))
        assert "t.py::test_a" not in hidden
        assert len(hidden) == 3


def test_half_of_those_that_fail_are_hidden():
    failed = {f"t.py::test_{number}" for number in range(6)}
    assert len(holdback.choose(failed, set(), random.Random(1))) == 3


def test_a_tree_loses_what_is_hidden_and_no_other_line(tmp_path):
    (tmp_path / "test_it.py").write_text(SUITE)
    holdback.hold_back(tmp_path, ["test_it.py::test_last", "test_it.py::test_not_there"])
    assert (tmp_path / "test_it.py").read_text() == SUITE.replace("def test_last():\n    assert True\n", "")
