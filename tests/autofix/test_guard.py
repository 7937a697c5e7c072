"""The guard: every known way to cheat is named, and honest work passes."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autofix.guard import Violation, inspect
from tests.autofix import test_guard_config_cases as config_cases
from tests.autofix.test_guard_cases import CHEATS, SOURCE, TESTS, TWO_TESTS, Case, edited
from tests.autofix.test_guard_config_cases import PYPROJECT

RUFF = str(Path(sys.executable).with_name("ruff"))


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=True)
    return done.stdout.decode()


def put(directory: Path, path: str, text: str | None) -> None:
    file = directory / path
    if text is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, newline="")


def verdict(
    directory: Path,
    before: dict[str, str | None],
    change: Callable[[], None],
    protected: tuple[str, ...] = (),
) -> tuple[Violation, ...]:
    """Commit `before`, make the change, and let the guard read the real diff of it."""
    git(directory, "init", "-q")
    for path, text in before.items():
        put(directory, path, text)
    git(directory, "add", "-Af")
    git(directory, "commit", "-qm", "before", "--allow-empty")
    change()
    git(directory, "add", "-Af")
    patch = git(directory, "diff", "--cached", "--no-ext-diff", "HEAD")
    assert patch, "the case changes nothing"
    return inspect(patch, before.get, protected)


@pytest.mark.parametrize("case", [*CHEATS, *config_cases.CHEATS], ids=lambda case: case.name)
def test_it_names_the_rule_that_a_cheating_patch_breaks(case: Case, tmp_path: Path) -> None:
    found = verdict(tmp_path, {case.path: case.before}, lambda: put(tmp_path, case.path, case.after))
    assert case.rule in {violation.rule for violation in found}, found


MESSY_TEST = '''import sys, os
from typing import List, Optional
import pytest
from shop.cart import total
from shop.cart import Cart


class  Helper(object):
    """Help."""
    items : List[int] = []


@pytest.fixture()
def cart( ):
    return Cart( [ 4,8 ] )

@pytest.mark.parametrize(('items,price'), [([1], 1)])
def test_prices(items: List[int], price : Optional[int]):
    assert total(items)==price;  assert not price in [7]
    message = f"nothing"
    assert message == 'nothing' and "{} b".format(price) != u"x"


def test_file(tmp_path):
    with open(tmp_path / "a", "w") as handle: handle.write("x")
    assert open(tmp_path / "a", "r").read() == "x"
    if not "a" == "b":
        pass
'''
RUFF_RULES = "E,F,I,UP,PT001,PT023,W,E711,E713,F541,SIM201,D2"


def ruff(directory: Path, *arguments: str) -> None:
    command = [RUFF, arguments[0], "--isolated", "--no-cache", *arguments[1:], "."]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--fix", "--exit-zero"),
        ("check", "--fix", "--exit-zero", "--select", RUFF_RULES, "--target-version", "py311"),
        ("check", "--fix", "--exit-zero", "--select", "I"),
        ("check", "--fix", "--exit-zero", "--select", "E711", "--unsafe-fixes"),
        ("format",),
        ("format", "--line-length", "60"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_what_ruff_does_to_tests_passes(arguments: tuple[str, ...], tmp_path: Path) -> None:
    before: dict[str, str | None] = {
        TESTS: MESSY_TEST + "    assert tmp_path.parent != None\n",
        "tests/test_more.py": TWO_TESTS + "\ndef test_x( ):\n    assert EXPECTED  == 12\n",
    }
    assert verdict(tmp_path, before, lambda: ruff(tmp_path, *arguments)) == ()


def edit(name: str, path: str, text: str, *change: str) -> Case:
    return edited(name, "", path, text, *change)


def added(name: str, path: str, text: str, more: str) -> Case:
    return Case(name, "", path, text, text + more)


JAVASCRIPT_TEST = 'import { a } from "./a"\n\ntest("a", () => {\n  expect(a("x", 1)).toBe(2)\n})\n'
HONEST = (
    edit("import", "shop/cart.py", SOURCE, "import os\n", "import os\nfrom pathlib import Path\n"),
    edit("import in test", TESTS, TWO_TESTS, "import pytest\n", "import json\nimport pytest\n"),
    edit("moved name", TESTS, TWO_TESTS, "from shop.cart import", "from shop.basket import"),
    edit("bug fix", "shop/cart.py", SOURCE, "sum(items)", "sum(items, start=0)"),
    edit("new argument", "shop/cart.py", SOURCE, "total(items):", "total(items, tax=0):"),
    edit("dependency", "pyproject.toml", PYPROJECT, '"requests"', '"requests", "attrs>=23"'),
    edit("selects more", "pyproject.toml", PYPROJECT, '"B"]', '"B", "I"]'),
    edit("ignores less", "pyproject.toml", PYPROJECT, '["E203"]', "[]"),
    edit("covers more", "pyproject.toml", PYPROJECT, "= 90", "= 95"),
    edit("shorter lines", "pyproject.toml", PYPROJECT, "= 88", "= 80"),
    edit("stricter", "pyproject.toml", PYPROJECT, '"-ra"', '"-ra --strict-markers"'),
    added("new test", TESTS, TWO_TESTS, "\n\ndef test_more():\n    assert total([2]) == 2\n"),
    added(
        "new test with fixture",
        TESTS,
        TWO_TESTS,
        "\n\n@pytest.fixture\ndef full():\n    return Cart([9])\n\n\n"
        "def test_full(full, cart):\n    cart.name = 'a'\n    assert full.total() == 9\n",
    ),
    added(
        "new test class",
        TESTS,
        TWO_TESTS,
        "\n\nclass TestMore:\n    price = 2\n\n    def setup_method(self):\n        self.a = 1\n\n"
        "    def test_it(self):\n        assert total([self.a]) == 1\n",
    ),
    Case("new test file", "", "tests/test_new.py", None, TWO_TESTS),
    Case("new module", "", "shop/tax.py", None, SOURCE),
    Case("module deleted", "", "shop/tax.py", "RATE = 2\n", None),
    edit("comment in test", TESTS, TWO_TESTS, "    result =", "    # why\n    result ="),
    edit("docstring", TESTS, TWO_TESTS, '"""Cart."""', '"""The cart and its prices."""'),
    edit("annotations", TESTS, TWO_TESTS, "_total(cart):", "_total(cart) -> None:"),
    Case("noqa removed", "", "a.py", "import os  # noqa: F401, E402\n", "import os  # noqa: E402\n"),
    Case("noqa moved", "", "a.py", "import os  # noqa\na = 1\n", "a = 1\nimport os  # noqa\n"),
    Case("noqa in prose", "", "README.md", "Hello\n", "Write `# noqa` with care\n"),
    Case(
        "main",
        "",
        "a.py",
        "A = 1\n",
        'A = 1\nif __name__ == "__main__":\n    raise SystemExit(A)\n',
    ),
    Case(
        "bare except",
        "",
        "a.py",
        "try:\n    a()\nexcept:\n    b()\n",
        "try:\n    a()\nexcept Exception:\n    b()\n",
    ),
    Case("line ends", "", "a.py", "a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n"),
    Case("last line", "", "a.py", "a = 1\nb = 2", "a = 1\nb = 2\n"),
    Case("form feed", "", "a.py", "a = 1\n\x0c\nb = 2\n", "a = 1\n\x0c\nb = 3\n"),
    Case("umlaut and blank", "", "shop/käse und brot.py", "A = 1\n", "A = 2\n"),
    Case("empty file", "", "shop/__init__.py", None, ""),
    Case("npm", "", "package.json", '{"dependencies": {}}\n', '{"dependencies": {"a": "1"}}\n'),
    Case("requirement", "", "requirements.txt", "a\n", "a\nb==2\n"),
    Case("tox deps", "", "tox.ini", "[testenv]\ndeps = a\n", "[testenv]\ndeps =\n    a\n    b\n"),
    Case(
        "setup.cfg",
        "",
        "setup.cfg",
        "[metadata]\nname = a\n",
        "[metadata]\nname = a\nversion = 2\n",
    ),
    Case("new js test", "", "a.test.js", JAVASCRIPT_TEST, JAVASCRIPT_TEST + JAVASCRIPT_TEST[26:]),
    Case(
        "prettier",
        "",
        "a.test.js",
        JAVASCRIPT_TEST,
        JAVASCRIPT_TEST.replace('"', "'").replace(")\n", ");\n"),
    ),
    Case("test data spaces", "", "tests/data/a.md", "a  \nb\n", "a\nb\n"),
)


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_it_lets_honest_work_pass(case: Case, tmp_path: Path) -> None:
    before = {case.path: case.before}
    assert verdict(tmp_path, before, lambda: put(tmp_path, case.path, case.after)) == ()


def test_a_tenant_protects_paths_of_its_own(tmp_path: Path) -> None:
    for number, glob in enumerate(("deploy/", "deploy/**", "*.SQL", "deploy/*/a.sql", "**/a.sql")):
        where = tmp_path / str(number)
        where.mkdir()
        found = verdict(where, {"x": "1\n"}, lambda at=where: put(at, "deploy/db/a.sql", "1\n"), (glob,))
        assert [violation.rule for violation in found] == ["protected-path"], glob


def test_moving_a_module_is_free_and_moving_a_test_is_not(tmp_path: Path) -> None:
    before: dict[str, str | None] = {"shop/a.py": SOURCE, TESTS: TWO_TESTS}
    found = verdict(tmp_path, before, lambda: _move(tmp_path, "shop/a.py", "shop/b.py"))
    assert found == ()
    again = tmp_path / "again"
    again.mkdir()
    found = verdict(again, before, lambda: _move(again, TESTS, "tests/cart.py"))
    assert found[0].rule == "test-deleted"


def _move(directory: Path, old: str, new: str) -> None:
    (directory / old).rename(directory / new)


HEADER = "diff --git a/a.py b/a.py\nindex 1111111..2222222 100644\n--- a/a.py\n+++ b/a.py\n"
HUNK = "@@ -1 +1 @@\n-a = 1\n+a = 2\n"
HOSTILE = {
    "empty": "",
    "prose": "I have fixed it for you.\n",
    "preamble": "From: me\n\n" + HEADER + HUNK,
    "truncated": HEADER + "@@ -1,3 +1,3 @@\n-a = 1\n+a = 2\n",
    "too long": HEADER + HUNK + "+b = 3\n",
    "does not fit": HEADER + HUNK.replace("a = 1", "a = 7"),
    "elsewhere": HEADER + HUNK.replace("@@ -1 +1 @@", "@@ -2 +2 @@"),
    "no such file": (HEADER + HUNK).replace("a.py", "b.py"),
    "other source": HEADER.replace("--- a/a.py", "--- a/conftest.py") + HUNK,
    "other target": HEADER.replace("+++ b/a.py", "+++ b/conftest.py") + HUNK,
    "two names": HEADER.replace("b/a.py\nindex", "b/b.py\nindex") + HUNK,
    "copy": "diff --git a/a.py b/b.py\nsimilarity index 100%\ncopy from a.py\ncopy to b.py\n",
    "false rename": "diff --git a/a.py b/b.py\nsimilarity index 100%\nrename from c.py\nrename to b.py\n",
    "rename without git": "similarity index 93%\nrename from a.py\nrename to b.py\n"
    "--- a/a.py\n+++ b/b.py\n@@ -1,0 +2 @@\n+z\n",
    "twice": HEADER + HUNK + HEADER + HUNK,
    "exists": "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+a = 2\n",
    "outside": (HEADER + HUNK).replace("/a.py", "/../a.py"),
    "absolute": (HEADER + HUNK).replace("/a.py", "//etc/a.py"),
    "no prefix": "--- a.py\n+++ a.py\n" + HUNK,
    "control": (HEADER + HUNK).replace("/a.py", "/\x1ba.py"),
    "quoted control": (HEADER + HUNK).replace("a/a.py", '"a/\\033.py"').replace("b/a.py", '"b/\\033.py"'),
    "binary": "diff --git a/a.bin b/a.bin\nnew file mode 100644\nindex 0000000..1111111\n"
    "GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\n",
    "binary differs": "diff --git a/a.bin b/a.bin\nindex 1111111..2222222 100644\n"
    "Binary files a/a.bin and b/a.bin differ\n",
    "half deleted": "diff --git a/a.py b/a.py\ndeleted file mode 100644\n"
    "--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a = 1\n",
    "junk between": HEADER + HUNK + "junk\n--- a/conftest.py\n+++ b/conftest.py\n" + HUNK,
    "huge": HEADER + "@@ -1 +1 @@\n-a = 1\n+a = '" + "x" * 1_000_001 + "'\n",
    "many files": "".join(f"--- /dev/null\n+++ b/f{number}.txt\n@@ -0,0 +1 @@\n+a\n" for number in range(51)),
    "deep": HEADER + f"@@ -1 +1 @@\n-a = 1\n+a = {'-' * 90_000}1\n",
}


@pytest.mark.parametrize("patch", HOSTILE.values(), ids=list(HOSTILE))
def test_what_cannot_be_read_is_refused(patch: str) -> None:
    files = {"a.py": "a = 1\nb = 2\n"}
    assert [violation.rule for violation in inspect(patch, files.get)] == ["unreadable-patch"]


def test_a_plain_diff_without_git_headers_is_read() -> None:
    assert inspect("--- a/a.py\n+++ b/a.py\n" + HUNK, {"a.py": "a = 1\n"}.get) == ()


@pytest.mark.parametrize(
    "header",
    [
        "new file mode 120000\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+/etc/passwd\n",
        "new file mode 160000\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+Subproject commit 1\n",
        "new file mode 100755\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+a = 1\n",
        "old mode 100644\nnew mode 100755\n",
        "deleted file mode 120000\n--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a = 1\n",
    ],
)
def test_only_contents_may_change(header: str) -> None:
    files = {} if "new file" in header else {"a.py": "a = 1\n"}
    found = inspect("diff --git a/a.py b/a.py\n" + header, files.get)
    assert "file-mode" in {violation.rule for violation in found}


def test_a_file_that_cannot_be_read_is_refused() -> None:
    def before(path: str) -> str | None:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, path)

    assert inspect(HEADER + HUNK, before)[0].rule == "unreadable-patch"


def test_a_violation_says_where(tmp_path: Path) -> None:
    change = SOURCE.replace("import os", "import os  # noqa")
    found = verdict(tmp_path, {"a.py": SOURCE}, lambda: put(tmp_path, "a.py", change))
    assert found == (Violation("suppression-added", "a.py", 2, found[0].message),)
    assert "noqa" in found[0].message
