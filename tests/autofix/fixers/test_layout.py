import ast
from collections.abc import Callable

import pytest

from tests.autofix.fixers.local_tree import LocalTree, fixer, lint

Project = Callable[..., LocalTree]
TOO_LONG = "Line too long (120 > 60)"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen"


def test_bare_except_is_named_where_it_was_found(project: Project) -> None:
    code = "try:\n    a()\nexcept:\n    b()\n\ntry:\n    a()\nexcept :\n    b()\n"
    tree = project({"a.py": code})
    assert fixer("bare-except").apply(tree, lint(("a.py", 8, "E722")))
    assert tree.read("a.py") == code.replace("except :", "except Exception:")
    assert fixer("bare-except").apply(tree, lint(("a.py", 3, "E722")))
    assert tree.run(["ruff", "check", "--isolated", "--select", "E722", "."]).exit_code == 0


@pytest.mark.parametrize(
    "line",
    [
        f"# {WORDS}",
        f"x = 1  # {WORDS}",
        f'x = "{WORDS}"',
        f'x = f("{WORDS}", 2)',
        f'x = "{WORDS}" + y',
        f'raise ValueError("{WORDS}")',
        f'def f():\n    return "{WORDS}"',
        f'def f():\n    """Do.\n\n    {WORDS}\n    """',
    ],
)
def test_long_comments_and_strings_are_broken(line: str, project: Project) -> None:
    tree = project({"a.py": line + "\n"})
    long = next(n for n, text in enumerate(line.split("\n"), 1) if WORDS in text)
    assert fixer("line-too-long").apply(tree, lint(("a.py", long, "E501"), message=TOO_LONG))
    new = tree.read("a.py")
    assert max(map(len, new.split("\n"))) <= 60, new
    constants = [node.value for node in ast.walk(ast.parse(new)) if isinstance(node, ast.Constant)]
    assert "#" in new or any(WORDS in " ".join(str(each).split()) for each in constants)


@pytest.mark.parametrize(
    "line",
    [
        f"import {WORDS.replace(' ', '.')}",
        f"x = 1  # noqa: E741 {WORDS}",
        f"# {WORDS.replace(' ', '_')}",
        f'x = f"{WORDS} {{x}}"',
        f'x = """{WORDS}"""',
        f'def f():\n    """Do.\n\n    - {WORDS}\n    """',
        f"def f(:  # {WORDS}",
    ],
)
def test_other_long_lines_are_left_alone(line: str, project: Project) -> None:
    tree = project({"a.py": line + "\n"})
    long = next(n for n, text in enumerate(line.split("\n"), 1) if len(text) > 60)
    assert not fixer("line-too-long").apply(tree, lint(("a.py", long, "E501"), message=TOO_LONG))
    assert tree.read("a.py") == line + "\n"


def test_white_space_is_tidied_but_not_inside_strings(project: Project) -> None:
    tree = project({"a.py": 'x = 1  \r\ny = """a  \nb"""\t\nz = 2'})
    assert fixer("whitespace").apply(tree, lint(("a.py", 1, "W291")))
    assert tree.read("a.py") == 'x = 1\ny = """a  \nb"""\nz = 2\n'


def test_line_breaks_of_markdown_stay(project: Project) -> None:
    tree = project({"a.md": "a  \nb   \n\tc\n\n\n"})
    assert fixer("whitespace").apply(tree, lint(("a.md", 2, "MD009")))
    assert tree.read("a.md") == "a  \nb\n\tc\n"


def test_only_named_files_are_tidied(project: Project) -> None:
    tree = project({"a.txt": "a \n", "b.txt": "b \n", "c.bin": "c \n"})
    assert fixer("whitespace").apply(tree, lint(("a.txt", 0, ""), message="trailing whitespace"))
    assert (tree.read("a.txt"), tree.read("b.txt")) == ("a\n", "b \n")
    assert not fixer("whitespace").apply(tree, lint(("b.txt", 0, "X1")))
    assert not fixer("whitespace").apply(tree, lint(("c.bin", 1, "W291")))
