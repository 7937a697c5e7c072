"""Type errors as people make them; mypy says whether they are gone, and the text how."""

from collections.abc import Callable

import pytest

from tests.autofix.fixers.healing import failing, heal
from tests.autofix.fixers.local_tree import LocalTree

Project = Callable[..., LocalTree]
MYPY = "mypy --strict a.py"
FIND = "def find(x: int) -> str | None:\n    return str(x) if x else None\n\n\n"


def healed(code: str, project: Project, command: str = MYPY) -> str:
    tree = project({"a.py": code}, command)
    assert failing(tree, "typecheck") is not None, "mypy does not see this"
    _, left = heal(tree, "typecheck")
    assert left is None, f"{left and left.excerpt}\n{tree.read('a.py')}"
    return tree.read("a.py")


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("def f(x: int = None) -> None:\n    print(x)\n", "x: int | None = None"),
        ("x: int = None\n", "x: int | None = None"),
        ("x = 1\nx = 'a'\n", "x: int | str = 1"),
        ("def f(x: int) -> int:\n    return str(x)\n", "-> str:"),
        ("def f(x: int) -> int:\n    return x if x else None\n", "-> int | None:"),
        ("def f():\n    print(1)\n", "def f() -> None:"),
        ("def f(x):\n    print(x)\n", "def f(x: object) -> None:"),
        ("def f(x=1, *, y='a'):\n    return x, y\n", "def f(x: int = 1, *, y: str = 'a') -> tuple[int, str]:"),
        ("def f(x: int):\n    return [x]\n", "def f(x: int) -> list[int]:"),
        ("def f(x: int):\n    if x:\n        return 'a'\n    return None\n", "-> str | None:"),
        ("async def f():\n    return 1\n", "async def f() -> int:"),
        ("class A:\n    def f(self):\n        return self\n", "def f(self) -> A:"),
        ("def f(\n    x=1,\n):\n    print(x)\n", "    x: int = 1,\n) -> None:"),
        ("x = []\n\n\ndef f() -> None:\n    x.append('a')\n", "x: list[str] = []"),
        (
            "def f(items: list[int]) -> dict[str, int]:\n    found: dict[str, str] = {}\n    for item in items:\n"
            "        found[str(item)] = item\n    return found\n",
            "found: dict[str, int] = {}",
        ),
        ("x: list[str] = []\n\n\ndef f() -> None:\n    x.append(1)\n", "x: list[int] = []"),
        ("x: set[str] = {'a'}\n\n\ndef f() -> None:\n    x.add(1)\n", "x: set[str | int] = {'a'}"),
        ("x = {}\n\n\ndef f() -> None:\n    x['a'] = 1\n", "x: dict[str, int] = {}"),
        ("x = set()\n\n\ndef f() -> None:\n    x.add(1)\n", "x: set[int] = set()"),
        ("x = 1  # type: ignore\n", "x = 1\n"),
        ("x = 1  # type: ignore[assignment]  # a reason\n", "x = 1  # a reason\n"),
        ("x: int = 'a'  # type: ignore[assignment, misc]\n", "# type: ignore[assignment]\n"),
        ("def f(x: dict) -> None:\n    print(x)\n", "x: dict[str, Any]"),
        ("def f(x: list) -> None:\n    print(x)\n", "x: list[Any]"),
        ("from typing import cast\n\nx = 1\ny = cast(int, x)\n", "y = x\n"),
        ("import json\n\n\ndef f() -> str:\n    return json.loads('1')\n", "result: str = json.loads('1')"),
        ("x: int = 1\nx: int = 2\n", "x: int = 1\nx = 2\n"),
        ("def f(x: any) -> None:\n    print(x)\n", "def f(x: Any)"),
        ("def f(x: Optional[int]) -> None:\n    print(x)\n", "from typing import Optional"),
        ("def f(x: int) -> int:\n    if x:\n        return 1\n", "return None"),
    ],
)
def test_annotations_say_what_there_is(code: str, wanted: str, project: Project) -> None:
    assert wanted in healed(code, project)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (f"{FIND}def f() -> str:\n    x = find(1)\n    return x.upper()\n", "if x is None:\n        raise ValueError("),
        (f"{FIND}def f() -> None:\n    x = find(1)\n    print(x.upper())\n", "if x is None:\n        return\n"),
        (f"{FIND}def f() -> str:\n    return find(1).upper()\n", "found = find(1)\n    if found is None:"),
        (f"{FIND}def f() -> int:\n    x = find(1)\n    return len(x)\n", "if x is None:"),
        (f"{FIND}def f() -> str:\n    x = find(1)\n    return x + 'a'\n", "if x is None:"),
        (f"{FIND}def f() -> str:\n    x = find(1)\n    return x[0]\n", "if x is None:"),
        (f"{FIND}def f() -> None:\n    for x in find(1):\n        print(x)\n", "is None:"),
        ("def f(x: int) -> None:\n    print(x)\n\n\nf('5')\n", "f(5)"),
        ("def f(x: str) -> None:\n    print(x)\n\n\nf(5)\n", 'f("5")'),
        ("x = 'a'.uper()\n", "'a'.upper()"),
        ("import os\n\nx = os.getcwdd()\n", "os.getcwd()"),
        ("def f(name: str) -> None:\n    print(name)\n\n\nf(nam='a')\n", "f(name='a')"),
        (
            "async def g() -> int:\n    return 1\n\n\nasync def f() -> None:\n    g()\n",
            "    await g()\n",
        ),
    ],
)
def test_the_code_does_what_its_types_say(code: str, wanted: str, project: Project) -> None:
    assert wanted in healed(code, project)


def test_several_errors_are_repaired_together_and_others_are_left(project: Project) -> None:
    code = "def f():\n    print(1)\n\n\ndef g(x: int = None) -> None:\n    print(x)\n\n\n(1).nothing()\n"
    tree = project({"a.py": code}, MYPY)
    used, left = heal(tree, "typecheck")
    assert "type-annotation" in [fixer.name for fixer in used]
    assert left is not None
    assert [finding.location.line for finding in left.findings if finding.location] == [9]
    assert "# type:" not in tree.read("a.py")


def test_what_makes_new_errors_elsewhere_is_not_done(project: Project) -> None:
    code = "def f(x: int) -> int:\n    return str(x)\n\n\ny: int = f(1) + 1\n"
    tree = project({"a.py": code}, MYPY)
    heal(tree, "typecheck")
    assert tree.read("a.py") == code


def test_a_project_of_older_python_gets_its_own_spelling(project: Project) -> None:
    text = healed("def f(x: int = None) -> None:\n    print(x)\n", project, f"{MYPY} --python-version 3.10")
    assert "int | None" in text
