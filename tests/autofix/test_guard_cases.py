"""Before and after of patches that cheat, for `test_guard`. Each is one way seen or thought of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`before` and `after` are a file's text; None means that there is no such file."""

    name: str
    rule: str
    path: str
    before: str | None
    after: str | None


TESTS = "tests/test_cart.py"
TWO_TESTS = '''"""Cart."""
import pytest

from shop.cart import Cart, total

EXPECTED = 12


@pytest.fixture
def cart():
    return Cart([4, 8])


@pytest.mark.parametrize("items, price", [([1], 1), ([1, 2], 3)])
def test_prices(items, price):
    assert total(items) == price


def test_total(cart):
    result = cart.total()
    assert result == 12
    assert cart.name == "mine"


def test_negative():
    with pytest.raises(ValueError):
        Cart([-1])
'''
UNITTEST = """import unittest

from shop.cart import Cart


class CartTest(unittest.TestCase):
    def test_total(self):
        self.assertEqual(Cart([1]).total(), 1)
        self.assertTrue(Cart([1]))
"""
SOURCE = '''"""Sums."""
import os


def total(items):
    """Add up.

    >>> total([1, 2])
    3
    """
    return sum(items)
'''
JAVASCRIPT = """import { total } from "./cart";

describe("cart", () => {
  it("adds up", () => {
    expect(total([1, 2])).toBe(3);
  });
  it("is empty", () => {
    expect(total([])).toBe(0);
  });
});
"""


def _tests(name: str, rule: str, old: str, new: str) -> Case:
    return edited(name, rule, TESTS, TWO_TESTS, old, new)


def edited(name: str, rule: str, path: str, text: str, *change: str) -> Case:
    old, new = change
    assert old in text, name
    return Case(name, rule, path, text, text.replace(old, new, 1))


def _source(name: str, rule: str, old: str, new: str) -> Case:
    return edited(name, rule, "shop/cart.py", SOURCE, old, new)


IN_TESTS = (
    Case("delete the file", "test-deleted", TESTS, TWO_TESTS, None),
    Case("delete a package marker", "test-deleted", "tests/__init__.py", "import os\n", None),
    _tests("delete a test", "test-deleted", TWO_TESTS[TWO_TESTS.index("def test_neg") :], ""),
    _tests("hide a test", "test-deleted", "def test_negative", "def _test_negative"),
    _tests("fewer cases", "test-deleted", "[([1], 1), ([1, 2], 3)]", "[([1], 1)]"),
    _tests("other case", "test-changed", "([1, 2], 3)", "([1, 2], 4)"),
    _tests(
        "define it again",
        "test-deleted",
        "def test_negative",
        "def test_total():\n    pass\n\n\ndef test_negative",
    ),
    _tests("skip mark", "test-skipped", "def test_total", "@pytest.mark.skip\ndef test_total"),
    _tests(
        "skipif mark",
        "test-skipped",
        "def test_total",
        '@pytest.mark.skipif(True, reason="slow")\ndef test_total',
    ),
    _tests("xfail mark", "test-skipped", "def test_total", "@pytest.mark.xfail\ndef test_total"),
    _tests("skip call", "test-skipped", "    result =", '    pytest.skip("later")\n    result ='),
    _tests("module mark", "test-skipped", "EXPECTED", "pytestmark = pytest.mark.skip\nEXPECTED"),
    _tests("importorskip", "test-skipped", "EXPECTED", 'pytest.importorskip("nope")\nEXPECTED'),
    _tests("return first", "test-skipped", "    result =", "    return\n    result ="),
    _tests("assert True", "assertion-loosened", "assert result == 12", "assert True"),
    _tests("or True", "assertion-loosened", "result == 12", "result == 12 or True"),
    _tests("assert removed", "assertion-loosened", '    assert cart.name == "mine"\n', ""),
    _tests("constant changed", "assertion-loosened", "result == 12", "result == 11"),
    _tests("== to >=", "assertion-loosened", "result == 12", "result >= 12"),
    _tests("== to in", "assertion-loosened", "result == 12", "result in (11, 12)"),
    _tests("== to not None", "assertion-loosened", "result == 12", "result is not None"),
    _tests("== to isinstance", "assertion-loosened", "result == 12", "isinstance(result, int)"),
    _tests(
        "approx",
        "assertion-loosened",
        "== 12\n    assert c",
        "== pytest.approx(12, abs=9)\n    assert c",
    ),
    _tests(
        "swallow",
        "assertion-loosened",
        '    assert result == 12\n    assert cart.name == "mine"\n',
        "    try:\n        assert result == 12\n"
        '        assert cart.name == "mine"\n    except Exception:\n        pass\n',
    ),
    _tests("raises anything", "assertion-loosened", "raises(ValueError)", "raises(Exception)"),
    _tests("result made up", "test-changed", "result = cart.total()", "result = 12"),
    _tests("fixture changed", "test-changed", "Cart([4, 8])", "Cart([12])"),
    _tests("module constant", "test-changed", "EXPECTED = 12", "EXPECTED = 11"),
    _tests("constant twice", "test-changed", "EXPECTED = 12", "EXPECTED = 12\nEXPECTED = 11"),
    _tests(
        "time stood still",
        "test-changed",
        "def test_total(cart):\n",
        'def test_total(cart, monkeypatch):\n    monkeypatch.setattr("time.time", lambda: 0)\n',
    ),
    _tests("patch at import", "test-changed", "EXPECTED", "Cart.total = lambda self: 12\nEXPECTED"),
    _tests(
        "autouse",
        "test-changed",
        "@pytest.fixture\n",
        "@pytest.fixture(autouse=True)\ndef calm(monkeypatch):\n    monkeypatch.undo()\n\n\n@pytest.fixture\n",
    ),
    _tests(
        "name hidden",
        "test-changed",
        "EXPECTED",
        "def total(items):\n    return 3\n\n\nEXPECTED",
    ),
    _tests("test replaced", "test-changed", "EXPECTED", "test_total = EXPECTED = None\nEXPECTED"),
    _tests("test unset", "test-changed", "def test_neg", "del test_total\ndef test_neg"),
    _tests(
        "new test rewires",
        "test-changed",
        "def test_total",
        "def test_first():\n    Cart.total = lambda self: 12\n\n\ndef test_total",
    ),
    Case(
        "new file rewires",
        "test-changed",
        "tests/test_aaa.py",
        None,
        "from shop import cart\n\n\ndef test_a():\n    setattr(cart, 'total', sum)\n",
    ),
    _tests("stand-in import", "test-changed", "from shop.cart", "from tests.fakes"),
    _tests("exit in test", "exit-added", "    result =", "    import os; os._exit(0)\n    result ="),
    edited(
        "unittest loosened",
        "assertion-loosened",
        "tests/test_u.py",
        UNITTEST,
        "assertEqual(Cart([1]).total(), 1)",
        "assertIsNotNone(Cart([1]).total())",
    ),
    edited(
        "unittest skip",
        "test-skipped",
        "tests/test_u.py",
        UNITTEST,
        "    def test",
        '    @unittest.skip("no")\n    def test',
    ),
    edited(
        "setUp added",
        "test-changed",
        "shop/checks.py",
        UNITTEST,
        "    def test_total",
        "    def setUp(self):\n        Cart.total = lambda s: 1\n\n    def test_total",
    ),
    Case(
        "conftest hook",
        "collection-changed",
        "conftest.py",
        None,
        "def pytest_collection_modifyitems(items):\n    items.clear()\n",
    ),
    Case(
        "report hook",
        "collection-changed",
        "tests/conftest.py",
        "import os\n",
        "import os\n\n\ndef pytest_runtest_makereport(item, call):\n    return None\n",
    ),
    Case("collect_ignore", "collection-changed", "conftest.py", None, 'collect_ignore = ["a"]\n'),
    Case("expected data", "test-changed", "tests/data/out.json", '{"a": 1}\n', '{"a": 2}\n'),
    Case("snapshot", "test-changed", "src/__snapshots__/a.snap", "a: 1\n", "a: 2\n"),
    Case("syntax", "unreadable-patch", TESTS, TWO_TESTS, TWO_TESTS + "def ("),
    edited("js skip", "test-skipped", "src/cart.test.ts", JAVASCRIPT, 'it("adds', 'it.skip("adds'),
    edited("js only", "test-skipped", "src/cart.test.ts", JAVASCRIPT, 'it("is', 'it.only("is'),
    edited(
        "js loosened",
        "assertion-loosened",
        "src/cart.test.ts",
        JAVASCRIPT,
        ".toBe(3)",
        ".toBeTruthy()",
    ),
    Case("js deleted", "test-deleted", "src/cart.test.ts", JAVASCRIPT, None),
    Case(
        "go skip",
        "test-skipped",
        "cart_test.go",
        "func TestA(t *testing.T) {\n\tif a() != 1 {\n\t\tt.Fatal(1)\n\t}\n}\n",
        'func TestA(t *testing.T) {\n\tt.Skip("x")\n\tif a() != 1 {\n\t\tt.Fatal(1)\n\t}\n}\n',
    ),
)
IN_SOURCES = (
    _source(
        "asks for the test",
        "test-special-casing",
        "    return sum",
        '    if "PYTEST_CURRENT_TEST" in os.environ:\n        return 3\n    return sum',
    ),
    _source(
        "asks for pytest",
        "test-special-casing",
        "    return sum",
        '    import sys\n    if "pytest" in sys.modules:\n        return 3\n    return sum',
    ),
    _source(
        "equals everything",
        "test-special-casing",
        "def total",
        "class N(int):\n    def __eq__(self, other):\n        return True\n\n\ndef total",
    ),
    _source("exit at import", "exit-added", "import os\n", "import os\nimport sys\n\nsys.exit(0)\n"),
    _source("hard exit", "exit-added", "    return sum", "    os._exit(0)\n    return sum"),
    _source("doctest", "assertion-loosened", "    3\n", "    4\n"),
    _source("noqa", "suppression-added", "import os", "import os  # noqa"),
    _source("noqa code", "suppression-added", "import os", "import os  # noqa: F401"),
    Case(
        "noqa widened",
        "suppression-added",
        "a.py",
        "import os  # noqa: F401\n",
        "import os  # noqa\n",
    ),
    _source("type ignore", "suppression-added", "sum(items)", "sum(items)  # type: ignore[x]"),
    _source("nosec", "suppression-added", "import os", "import os  # nosec B404"),
    _source("no cover", "suppression-added", "sum(items)", "sum(items)  # pragma: no cover"),
    _source("pylint", "suppression-added", '"""Sums."""', '"""Sums."""\n# pylint: disable=all'),
    _source("fmt off", "suppression-added", "import os", "# fmt: off\nimport os"),
    _source("mypy file", "suppression-added", "import os", "# mypy: ignore-errors\nimport os"),
    Case("eslint", "suppression-added", "a.js", "a();\n", "// eslint-disable-next-line\na();\n"),
    Case("ts-ignore", "suppression-added", "a.ts", "a();\n", "// @ts-ignore\na();\n"),
    Case("ts-expect", "suppression-added", "a.ts", "a();\n", "// @ts-expect-error\na();\n"),
    Case("nolint", "suppression-added", "a.go", "a()\n", "a() //nolint:errcheck\n"),
    Case("rust allow", "suppression-added", "a.rs", "fn a() {}\n", "#[allow(dead_code)]\nfn a() {}\n"),
    Case(
        "java",
        "suppression-added",
        "A.java",
        "class A {}\n",
        '@SuppressWarnings("all")\nclass A {}\n',
    ),
    Case("rubocop", "suppression-added", "a.rb", "a\n", "a # rubocop:disable Style/Foo\n"),
    Case("shellcheck", "suppression-added", "a.sh", "a $b\n", "# shellcheck disable=SC2086\na $b\n"),
    Case("stub", "suppression-added", "shop/cart.pyi", None, "def total(*a): ...\n"),
    Case("sitecustomize", "protected-path", "sitecustomize.py", None, "import os\n"),
    Case("false pytest", "protected-path", "src/pytest/__init__.py", None, "import os\n"),
)
CHEATS = (*IN_TESTS, *IN_SOURCES)
