"""The referee sees what makes anything easier to pass, and lets honest repairs through."""

import pytest

from scripts.benchmarks.repair import referee

TEST = """import pytest


def test_total():
    assert total([1, 2]) == 3


def test_none():
    with pytest.raises(ValueError):
        total(None)
"""
CODE = "def total(items):\n    return sum(items)\n"
BEFORE = {
    "app.py": CODE,
    "tests/test_app.py": TEST,
    "pyproject.toml": "[tool.mypy]\nstrict = true\n",
    "tools/audit": "x",
}


def changed(**texts: str | None) -> dict[str, str]:
    names = {"app": "app.py", "test": "tests/test_app.py", "config": "pyproject.toml", "audit": "tools/audit"}
    after = {**BEFORE, **{names.get(name, name): text for name, text in texts.items()}}
    return {name: text for name, text in after.items() if text is not None}


@pytest.mark.parametrize(
    "after",
    [
        changed(test=TEST.replace("== 3", "== 4")),
        changed(test=TEST.replace("def test_total", "@pytest.mark.skip\ndef test_total")),
        changed(test=TEST.replace("def test_total", "def total_is_right")),
        changed(test=TEST.replace("    assert total([1, 2]) == 3\n", "    total([1, 2])\n")),
        changed(test=TEST.replace("ValueError", "Exception")),
        changed(test=None),
        changed(app=CODE.replace("sum(items)", "sum(items)  # type: ignore")),
        changed(app=CODE.replace("sum(items)", "sum(items)  # noqa: F821")),
        changed(config="[tool.mypy]\nstrict = false\n"),
        changed(audit="exit 0"),
        {**BEFORE, "conftest.py": "collect_ignore = ['tests']\n"},
        {**BEFORE, "mypy.ini": "[mypy]\nignore_errors = true\n"},
    ],
    ids=range(12),
)
def test_what_is_easier_to_pass_is_named(after):
    assert referee.weakened(BEFORE, after)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        changed(app=CODE.replace("sum(items)", "sum(items, 0)")),
        changed(test=TEST.replace("assert total([1, 2]) == 3", "assert total( [1, 2] )  ==  3")),
        changed(test=TEST + "\n\ndef test_more():\n    assert total([]) == 0\n"),
        {**BEFORE, "shop/migrations/0002_more.py": "x = 1\n"},
    ],
    ids=range(5),
)
def test_an_honest_repair_weakens_nothing(after):
    assert referee.weakened(BEFORE, after) == ""


def test_what_a_case_allows_may_change():
    assert referee.weakened({"requirements.txt": "a==1\n"}, {"requirements.txt": "a==2\n"}, ["requirements*.txt"]) == ""
    assert referee.weakened({"tests/x.ambr": "1"}, {"tests/x.ambr": "2"})
    assert referee.weakened({"tests/x.ambr": "1"}, {"tests/x.ambr": "2"}, ["*.ambr"]) == ""


def test_a_plan_that_checks_less_is_named():
    before = [{"name": "test", "run": "pytest -q"}, {"name": "lint", "run": "ruff check ."}]
    install = {"name": "install", "run": "pip install x"}
    assert referee.plan_weakened(before, [install, *before]) == ""
    assert referee.plan_weakened(before, before[:1])
    assert referee.plan_weakened(before, [{"name": "test", "run": "pytest -q || true"}, before[1]])
