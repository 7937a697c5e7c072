from collections.abc import Callable

from tests.autofix.fixers.local_tree import LocalTree, fixer, lint

Project = Callable[..., LocalTree]
UNSORTED = "import sys\nimport os\n\nprint(os, sys)\n"


def test_it_removes_unused_imports_and_nothing_else(project: Project) -> None:
    tree = project({"a.py": UNSORTED.replace("os, ", ""), "b.py": "import re\n"})
    assert fixer("ruff-unused").apply(tree, lint(("a.py", 2, "F401")))
    assert tree.read("a.py") == "import sys\n\nprint(sys)\n"
    assert tree.read("b.py") == "import re\n"


def test_it_fixes_only_the_rules_that_were_broken(project: Project) -> None:
    tree = project({"a.py": 'import re\nx = f"a"\n'})
    assert fixer("ruff-fix").apply(tree, lint(("./a.py", 2, "F541")))
    assert tree.read("a.py") == 'import re\nx = "a"\n'


def test_it_fixes_what_the_project_selects_when_no_rule_is_named(project: Project) -> None:
    tree = project({"a.py": "import re\n", "ruff.toml": ""})
    assert fixer("ruff-fix").apply(tree, lint(message="Found 1 error."))
    assert tree.read("a.py") == ""


def test_it_gets_along_with_codes_that_ruff_does_not_know(project: Project) -> None:
    tree = project({"a.py": "import re\n"})
    assert fixer("ruff-fix").apply(tree, lint(("a.py", 1, "W503"), ("a.py", 1, "F401")))
    assert tree.read("a.py") == ""


def test_it_leaves_unsafe_fixes_alone(project: Project) -> None:
    tree = project({"a.py": "def f():\n    x = g()\n\n\ndef g():\n    pass\n"})
    assert not fixer("ruff-unused").apply(tree, lint(("a.py", 2, "F841")))


def test_it_sorts_imports(project: Project) -> None:
    tree = project({"a.py": UNSORTED})
    assert fixer("ruff-imports").apply(tree, lint(("a.py", 1, "I001")))
    assert tree.read("a.py").startswith("import os\nimport sys\n")
    assert not fixer("ruff-imports").apply(tree, lint(("a.py", 1, "I001")))


def test_it_formats(project: Project) -> None:
    tree = project({"a.py": "x = { 'a':1 }\n", "b.py": "y   = 1\n"})
    assert fixer("ruff-format").apply(tree, lint(detail="format"))
    assert tree.read("a.py") == 'x = {"a": 1}\n'
    assert tree.read("b.py") == "y = 1\n"


def test_it_formats_for_findings_about_layout_only(project: Project) -> None:
    tree = project({"a.py": "y   = 1\n"})
    assert not fixer("ruff-format").apply(tree, lint(("a.py", 1, "F401"), ("a.py", 1, "E221")))
    assert fixer("ruff-format").apply(tree, lint(("a.py", 1, "E221")))


def test_it_compares_with_none_by_identity(project: Project) -> None:
    tree = project({"a.py": "def f(x):\n    return x == None\n"})
    assert fixer("none-comparison").apply(tree, lint(("a.py", 2, "E711")))
    assert "x is None" in tree.read("a.py")


def test_it_leaves_comparisons_of_columns_alone(project: Project) -> None:
    tree = project({"a.py": "from sqlalchemy import select\nq = select(a).where(a.b == None)\n"})
    assert not fixer("none-comparison").apply(tree, lint(("a.py", 2, "E711")))


def test_a_project_without_python_is_no_trouble(project: Project) -> None:
    tree = project({"a.js": "a()\n"})
    for name in ("ruff-fix", "ruff-format", "ruff-imports", "ruff-unused", "none-comparison"):
        assert not fixer(name).apply(tree, lint(("a.js", 1, "I001"), detail="format"))


def test_black_and_isort_are_for_projects_that_use_them(project: Project) -> None:
    tree = project({"a.py": "y   = 1\n"})
    for name in ("black", "isort"):
        assert not fixer(name).apply(tree, lint(detail="format"))
        assert not fixer(name).apply(tree, lint(message=f"{name} would change a.py"))
