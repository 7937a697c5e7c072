"""Cures of lint findings for which ruff has none; ruff says whether they satisfy the rule."""

from collections.abc import Callable

import pytest

from tests.autofix.fixers.local_tree import LocalTree, fixer, lint

Project = Callable[..., LocalTree]


def cured(tree: LocalTree, name: str, rule: str, *lines: int) -> str:
    """Apply a fixer to findings on these lines, see that ruff finds none any more, and return the file."""
    assert fixer(name).apply(tree, lint(*(("a.py", line, rule) for line in lines)))
    check = tree.run(["ruff", "check", "--isolated", "--select", f"{rule},F821,E9", "a.py"])
    assert check.exit_code == 0, check.output
    return tree.read("a.py")


@pytest.mark.parametrize(
    ("handler", "wanted"),
    [
        ("except ValueError:", "except ValueError as error:"),
        ("except ValueError as e:", "except ValueError as e:"),
        ("except (ValueError, KeyError):", "except (ValueError, KeyError) as error:"),
    ],
)
def test_what_is_raised_says_what_it_came_from(handler: str, wanted: str, project: Project) -> None:
    tree = project({"a.py": f"try:\n    f()\n{handler}\n    raise KeyError('x')\n".replace("f()", "print()")})
    text = cured(tree, "raise-from", "B904", 4)
    assert wanted in text
    name = wanted.rsplit(maxsplit=1)[-1].rstrip(":")
    assert f"raise KeyError('x') from {name}\n" in text


def test_a_name_that_is_taken_is_not_given_again(project: Project) -> None:
    code = "error = 1\ntry:\n    print(error)\nexcept ValueError:\n    raise KeyError\n"
    assert "from exc\n" in cured(project({"a.py": code}), "raise-from", "B904", 5)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("type(a) == type(b)", "type(a) is type(b)"),
        ("type(a) != int", "type(a) is not int"),
        ("int == type(a)", "int is type(a)"),
    ],
)
def test_types_are_compared_by_identity(code: str, wanted: str, project: Project) -> None:
    tree = project({"a.py": f"a = b = 1\nx = {code}\n"})
    assert wanted in cured(tree, "type-comparison", "E721", 2)


@pytest.mark.parametrize(
    ("code", "line", "wanted"),
    [
        ("def f(lines):\n    for l in lines:\n        print(l, l.strip())\n", 2, "print(item, item.strip())"),
        ("x = [l for l in 'ab' if l]\n", 1, "x = [item for item in 'ab' if item]"),
        ("def f():\n    l = 1\n    return lambda: l\n", 2, "return lambda: item"),
        ("def f(l):\n    return l\n", 1, "def f(item):"),
        ("item = 1\nfor l in 'ab':\n    print(l)\n", 2, "print(value)"),
        ("def f(a):\n    a.l = 1\n    l = a.l\n    return l\n", 3, "item = a.l\n    return item"),
    ],
)
def test_an_ambiguous_name_gets_a_better_one(code: str, line: int, wanted: str, project: Project) -> None:
    assert wanted in cured(project({"a.py": code}), "ambiguous-name", "E741", line)


@pytest.mark.parametrize(
    ("code", "other"),
    [
        ("l = [1]\n", "from a import l\n"),
        ("l = [1]\n", "import a\n\nprint(a.l)\n"),
        ("def f(l):\n    return l\n", "from a import f\n\nf(l=1)\n"),
        ("class A:\n    l = 1\n", ""),
        ("def f():\n    global l\n    l = 1\n", ""),
    ],
)
def test_a_name_that_others_may_use_stays(code: str, other: str, project: Project) -> None:
    tree = project({"a.py": code, "b.py": other})
    assert not fixer("ambiguous-name").apply(tree, lint(*(("a.py", line, "E741") for line in (1, 2, 3))))


def test_a_star_becomes_the_names_that_are_used(project: Project) -> None:
    tree = project(
        {
            "a.py": "from os.path import *\nfrom shop import *\n\nprint(join('a'), RATE, basename)\n",
            "shop.py": "import re\n\nRATE = 1\n_HIDDEN = 2\n\n\ndef unused(): ...\n",
        }
    )
    text = cured(tree, "star-import", "F403", 1, 2)
    assert text.startswith("from os.path import basename, join\nfrom shop import RATE\n")


def test_a_star_keeps_what_others_import_through_it(project: Project) -> None:
    tree = project(
        {
            "a.py": "from shop import *\n",
            "shop.py": "RATE = 1\nTAX = 2\n",
            "user.py": "from a import TAX\n\nprint(TAX)\n",
        }
    )
    assert cured(tree, "star-import", "F403", 1) == "from shop import TAX\n"


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "from gone import *\n\nprint(x)\n"},
        {"a.py": "from shop import *\n", "shop.py": "X = 1\n", "user.py": "from a import *\n"},
        {"a.py": "from shop import *\n\nprint(nobody_has_it)\n", "shop.py": "X = 1\n"},
    ],
)
def test_a_star_that_nobody_can_resolve_stays(files: dict[str, str], project: Project) -> None:
    tree = project(files)
    assert not fixer("star-import").apply(tree, lint(("a.py", 1, "F403")))


def test_a_late_import_moves_up(project: Project) -> None:
    code = '"""Doc."""\n\nimport os\n\nX = 1\n\nimport sys\n\n\ndef f():\n    return os, sys, X\n'
    text = cured(project({"a.py": code}), "late-import", "E402", 7)
    assert text.startswith('"""Doc."""\n\nimport os\nimport sys\n')


@pytest.mark.parametrize(
    "before",
    [
        "sys.path.insert(0, 'lib')",
        "X = os.environ.setdefault('A', 'b')",
        "print()",
        "if sys:\n    pass",
        "import b",
    ],
)
def test_an_import_stays_behind_what_may_have_to_come_first(before: str, project: Project) -> None:
    code = f"import os\nimport sys\n\n{before}\nimport shop\n\nprint(os, sys, shop)\n"
    line = code[: code.index("import shop")].count("\n") + 1
    tree = project({"a.py": code, "shop.py": "import a\n\nprint(a)\n" if before == "import b" else ""})
    assert not fixer("late-import").apply(tree, lint(("a.py", line, "E402")))


def test_a_dead_definition_goes(project: Project) -> None:
    code = "def f():\n    return 1\n\n\ndef g(): ...\n\n\ndef f():\n    return 2\n"
    assert cured(project({"a.py": code}), "redefinition", "F811", 8).startswith("def g(): ...\n\n\ndef f():")


def test_a_dead_test_is_brought_to_life(project: Project) -> None:
    code = "def test_a():\n    assert 1\n\n\ndef test_a():\n    assert 2\n"
    text = cured(project({"a.py": code}), "redefinition", "F811", 5)
    assert "def test_a_2():\n    assert 1" in text
    assert "def test_a():\n    assert 2" in text


@pytest.mark.parametrize(
    "code",
    [
        "@route('/')\ndef f(): ...\n\n\ndef f(): ...\n",
        "def f(): ...\n\n\nx = f()\n\n\ndef f(): ...\n",
    ],
)
def test_a_definition_that_may_be_used_stays(code: str, project: Project) -> None:
    line = code.rstrip().count("\n") + 1
    assert not fixer("redefinition").apply(project({"a.py": code}), lint(("a.py", line, "F811")))
