from collections.abc import Callable

import pytest

from autofix.failures import Signal
from tests.autofix.fixers.local_tree import LocalTree, failure, fixer, lint

Project = Callable[..., LocalTree]


def undefined(name: str, file: str = "a.py") -> object:
    return lint((file, 1, "F821"), message=f"Undefined name `{name}`")


@pytest.mark.parametrize(
    ("code", "name", "wanted"),
    [
        ("print(json.dumps(1))\n", "json", "import json"),
        ("x = Path('a')\n", "Path", "from pathlib import Path"),
        ("x = datetime.now()\n", "datetime", "from datetime import datetime"),
        ("x = datetime.datetime.now()\n", "datetime", "import datetime"),
        ("x = defaultdict(list)\n", "defaultdict", "from collections import defaultdict"),
        ("def f(x: Any) -> None: ...\n", "Any", "from typing import Any"),
        ("import os\n\nx = Decimal(os.name)\n", "Decimal", "from decimal import Decimal"),
    ],
)
def test_it_imports_from_the_standard_library(code: str, name: str, wanted: str, project: Project) -> None:
    tree = project({"a.py": code})
    assert fixer("missing-import").apply(tree, undefined(name))
    assert wanted in tree.read("a.py").splitlines()
    check = tree.run(["ruff", "check", "--isolated", "--select", "F,I", "a.py"])
    assert check.exit_code == 0, check.output


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("print(string)\n", "string"),
        ("print(code.strip())\n", "code"),
        ("print(antigravity.fly())\n", "antigravity"),
        ("print(nonsense)\n", "nonsense"),
        ("def (\n", "json"),
    ],
)
def test_it_does_not_guess(code: str, name: str, project: Project) -> None:
    tree = project({"a.py": code})
    assert not fixer("missing-import").apply(tree, undefined(name))
    assert tree.read("a.py") == code


def test_it_finds_what_the_project_defines(project: Project) -> None:
    tree = project(
        {
            "src/shop/__init__.py": "",
            "src/shop/cart.py": "class Cart:\n    pass\n",
            "src/shop/app.py": '"""App."""\n\nimport os\n\n\ndef go():\n    return Cart(), os\n',
        }
    )
    assert fixer("missing-import").apply(tree, undefined("Cart", "src/shop/app.py"))
    assert "import os\n\nfrom shop.cart import Cart\n" in tree.read("src/shop/app.py")


def test_two_homes_are_none(project: Project) -> None:
    tree = project({"a.py": "Cart()\n", "b.py": "class Cart: ...\n", "c.py": "Cart = 1\n"})
    assert not fixer("missing-import").apply(tree, undefined("Cart"))


def test_it_follows_the_habit_of_the_project(project: Project) -> None:
    tree = project({"a.py": "np.array([1])\n", "b.py": "import numpy as np\n\nnp.zeros(1)\n"})
    assert fixer("missing-import").apply(tree, undefined("np"))
    assert tree.read("a.py").startswith("import numpy as np\n")


def test_test_code_does_not_serve_the_product(project: Project) -> None:
    tree = project({"a.py": "fake()\n", "tests/test_b.py": "def fake(): ...\n"})
    assert not fixer("missing-import").apply(tree, undefined("fake"))


def test_a_name_error_is_traced_to_the_file_that_lacks_it(project: Project) -> None:
    tree = project(
        {
            "shop.py": "def go():\n    return json.dumps(1)\n",
            "tests/test_shop.py": "from shop import go\n\n\ndef test_go():\n    assert go()\n",
        }
    )
    broken = failure(
        Signal.RUNTIME,
        ("tests/test_shop.py", 5, ""),
        message="NameError: name 'json' is not defined",
        detail="import",
    )
    assert fixer("missing-import").apply(tree, broken)
    assert tree.read("shop.py").startswith("import json\n")
    assert tree.run(["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]).exit_code == 0


def test_a_finding_of_mypy_is_understood(project: Project) -> None:
    tree = project({"a.py": "x: Path\n"})
    said = 'Name "Path" is not defined'
    broken = failure(Signal.TYPECHECK, ("a.py", 1, "name-defined"), message=said)
    assert fixer("missing-import").apply(tree, broken)


def test_a_wrong_import_is_pointed_at_the_right_module(project: Project) -> None:
    tree = project(
        {
            "shop/__init__.py": "",
            "shop/cart.py": "class Cart: ...\n",
            "shop/tax.py": "RATE = 1\n",
            "shop/app.py": "from shop.tax import RATE, Cart\n\nprint(RATE, Cart)\n",
            "shop/other.py": "from .tax import Cart as C\n\nprint(C)\n",
            "shop/wrapped.py": "from shop.tax import (\n    Cart,\n    RATE,\n)\n",
        }
    )
    said = "ImportError: cannot import name 'Cart' from 'shop.tax' (/w/shop/tax.py)"
    broken = failure(Signal.RUNTIME, message=said, detail="import")
    assert fixer("wrong-import").apply(tree, broken)
    assert "from shop.cart import Cart\n" in tree.read("shop/app.py")
    assert "from shop.tax import RATE\n" in tree.read("shop/app.py")
    assert tree.read("shop/other.py").startswith("from shop.cart import Cart as C\n")
    assert tree.run(["python", "-c", "import shop.app, shop.other, shop.wrapped"]).exit_code == 0


def test_what_python_moved_is_found(project: Project) -> None:
    tree = project({"a.py": "from collections import Mapping, deque\n\nprint(Mapping, deque)\n"})
    said = "`Mapping` cannot be imported from `collections`"
    assert fixer("wrong-import").apply(tree, failure(Signal.RUNTIME, message=said))
    assert tree.run(["python", "a.py"]).exit_code == 0


def test_a_circle_of_imports_is_not_a_wrong_address(project: Project) -> None:
    tree = project({"a.py": "from b import x\ny = 1\n", "b.py": "from a import y\nx = 1\n"})
    said = "cannot import name 'y' from partially initialized module 'a' (most likely due to)"
    assert not fixer("wrong-import").apply(tree, failure(Signal.RUNTIME, message=said))
    said = "cannot import name 'y' from 'a'"
    assert not fixer("wrong-import").apply(tree, failure(Signal.RUNTIME, message=said))


def test_a_module_that_is_asked_about_is_still_a_module(project: Project) -> None:
    code = "PYPY = hasattr(sys, 'pypy_version_info')\nprint(sys.version_info)\n"
    tree = project({"a.py": code})
    assert fixer("missing-import").apply(tree, undefined("sys"))
    assert tree.read("a.py").startswith("import sys\n")
