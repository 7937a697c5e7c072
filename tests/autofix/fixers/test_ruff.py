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
    for name in ("ruff-fix", "ruff-format", "ruff-imports", "ruff-unused", "none-comparison", "ruff-unsafe"):
        assert not fixer(name).apply(tree, lint(("a.js", 1, "I001"), detail="format"))


def test_black_and_isort_are_for_projects_that_use_them(project: Project) -> None:
    tree = project({"a.py": "y   = 1\n"})
    for name in ("black", "isort"):
        assert not fixer(name).apply(tree, lint(detail="format"))
        assert not fixer(name).apply(tree, lint(message=f"{name} would change a.py"))


def test_it_repairs_unsafely_only_what_was_found(project: Project) -> None:
    tree = project({"a.py": "def f(x=[]):\n    y = g()\n    print(x)\n\n\ndef g():\n    pass\n"})
    assert fixer("ruff-unsafe").apply(tree, lint(("a.py", 1, "B006")))
    assert "def f(x=None):\n    if x is None:\n        x = []\n    y = g()\n" in tree.read("a.py")


def test_it_never_takes_output_and_comparisons_of_columns_away(project: Project) -> None:
    code = "import pandas\n\nprint(1)\nx = pandas.x == True\n"
    tree = project({"a.py": code})
    assert not fixer("ruff-unsafe").apply(tree, lint(("a.py", 3, "T201"), ("a.py", 4, "E712")))
    assert tree.read("a.py") == code


def test_it_lays_out_the_lines_that_were_found_and_no_others(project: Project) -> None:
    call = f"x = print({', '.join(['12345'] * 20)})\n"
    tree = project({"a.py": f"y   =  1\n{call}"})
    assert fixer("ruff-format-lines").apply(tree, lint(("a.py", 2, "E501"), message="Line too long (149 > 60)"))
    lines = tree.read("a.py").split("\n")
    assert lines[0] == "y   =  1"
    assert max(map(len, lines)) <= 60


def test_blank_lines_are_set_without_laying_out_the_file(project: Project) -> None:
    tree = project({"a.py": "x = {'a':1}\ndef f(): ...\n"})
    assert fixer("ruff-spacing").apply(tree, lint(("a.py", 2, "E302")))
    assert tree.read("a.py") == "x = {'a':1}\n\n\ndef f(): ...\n"


def test_rules_of_pylint_and_flake8_are_rules_of_ruff(project: Project) -> None:
    tree = project({"a.py": "import re\nimport os\n\nx = lambda: os\n"})
    assert fixer("ruff-fix").apply(tree, lint(("a.py", 1, "unused-import"), ("a.py", 1, "C0114")))
    assert fixer("ruff-unsafe").apply(tree, lint(("a.py", 3, "C3001")))
    assert tree.read("a.py") == "import os\n\ndef x():\n    return os\n"


def test_a_long_line_is_laid_out_at_the_length_that_black_has(project: Project) -> None:
    line = f"x = ({' + '.join(['12345'] * 9)})\n"
    tree = project({"a.py": line, "pyproject.toml": "[tool.black]\nline-length = 60\n"})
    assert fixer("ruff-format").apply(tree, lint(detail="format"))
    assert max(map(len, tree.read("a.py").split("\n"))) <= 60
