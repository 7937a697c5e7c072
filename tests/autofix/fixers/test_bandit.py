import ast
from collections.abc import Callable

import pytest

from autofix.failures import Signal
from tests.autofix.fixers.local_tree import LocalTree, failure, fixer

Project = Callable[..., LocalTree]


@pytest.mark.parametrize(
    ("name", "code", "before", "after"),
    [
        ("weak-hash", "B324", "import hashlib\nx = hashlib.md5(b'')\n", "import hashlib\nx = hashlib.sha256(b'')\n"),
        (
            "weak-hash",
            "B324",
            "import hashlib\nx = hashlib.new('sha1', b'')\n",
            "import hashlib\nx = hashlib.new(\"sha256\", b'')\n",
        ),
        (
            "weak-hash",
            "S324",
            "from hashlib import md5\nx = md5(b'')\n",
            "from hashlib import sha256\nx = sha256(b'')\n",
        ),
        (
            "unsafe-yaml",
            "B506",
            "import yaml\nx = yaml.load(f, Loader=yaml.Loader)\n",
            "import yaml\nx = yaml.safe_load(f)\n",
        ),
        ("unsafe-yaml", "B506", "import yaml\nx = yaml.load(f)\n", "import yaml\nx = yaml.safe_load(f)\n"),
        (
            "temporary-file",
            "B306",
            "import tempfile\npath = tempfile.mktemp('.txt')\n",
            "import tempfile\nimport os\npath_descriptor, path = tempfile.mkstemp('.txt')\nos.close(path_descriptor)\n",
        ),
        (
            "temporary-file",
            "B306",
            "from tempfile import mktemp\npath = mktemp()\n",
            "from tempfile import mkstemp\nimport os\npath_descriptor, path = mkstemp()\nos.close(path_descriptor)\n",
        ),
        (
            "request-timeout",
            "B113",
            "import requests\nrequests.get(url)\n",
            "import requests\nrequests.get(url, timeout=10)\n",
        ),
        (
            "request-timeout",
            "B113",
            "import requests\nrequests.post(url, timeout=None, data=d)\n",
            "import requests\nrequests.post(url, timeout=10, data=d)\n",
        ),
        (
            "shell-true",
            "B602",
            "import subprocess\nsubprocess.run('ls -l \"a b\"', shell=True)\n",
            'import subprocess\nsubprocess.run(["ls", "-l", "a b"])\n',
        ),
        (
            "shell-true",
            "B602",
            "from subprocess import run\nrun('ls', shell=True, check=True)\n",
            'from subprocess import run\nrun(["ls"], check=True)\n',
        ),
        (
            "os-system",
            "B605",
            "import os\nos.system('ls -l')\n",
            'import subprocess\nsubprocess.run(["ls", "-l"], check=False)\n',
        ),
        (
            "predictable-random",
            "B311",
            "import random\nx = random.choice([1])\n",
            "import secrets\nx = secrets.choice([1])\n",
        ),
        (
            "predictable-random",
            "B311",
            "import random\nx = random.randint(1, 2)\nrandom.seed(1)\n",
            "import random\nimport secrets\nx = secrets.SystemRandom().randint(1, 2)\nrandom.seed(1)\n",
        ),
    ],
)
def test_it_replaces_the_call(name: str, code: str, before: str, after: str, project: Project) -> None:
    tree = project({"a.py": before})
    assert fixer(name).apply(tree, failure(Signal.SECURITY, ("a.py", 2, code)))
    lines = [line for line in tree.read("a.py").split("\n") if line]
    imports = [line for line in lines if "import " in line]
    assert sorted(imports) + lines[len(imports) :] == _expected(after)
    ast.parse(tree.read("a.py"))


def _expected(text: str) -> list[str]:
    lines = text.rstrip("\n").split("\n")
    imports = [line for line in lines if "import " in line]
    return sorted(imports) + lines[len(imports) :]


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("weak-hash", "B324", "import mine as hashlib\nx = hashlib.md5(b'')\n"),
        ("weak-hash", "B324", "import hashlib\nx = hashlib.new(name)\n"),
        ("unsafe-yaml", "B506", "import yaml\nx = yaml.load(*f)\n"),
        ("temporary-file", "B306", "import tempfile\nf(tempfile.mktemp())\n"),
        ("temporary-file", "B306", "import tempfile\na = b = tempfile.mktemp()\n"),
        ("request-timeout", "B113", "import requests\nrequests.get(url, **options)\n"),
        ("shell-true", "B602", "import subprocess\nsubprocess.run(command, shell=True)\n"),
        ("shell-true", "B602", "import subprocess\nsubprocess.run('ls | wc', shell=True)\n"),
        ("shell-true", "B602", "import subprocess\nsubprocess.run('cd a', shell=True)\n"),
        ("shell-true", "B602", "import subprocess\nsubprocess.run('ls \"', shell=True)\n"),
        ("shell-true", "B602", "import subprocess\nsubprocess.run('ls', 1, shell=True)\n"),
        ("os-system", "B605", "import os\ncode = os.system('ls')\n"),
        ("predictable-random", "B311", "import random\nx = random.Random(1).random()\n"),
        ("predictable-random", "B105", "import random\npassword = random.choice('a')\n"),
        ("weak-hash", "B324", "def (\nhashlib.md5()\n"),
    ],
)
def test_it_leaves_alone_what_it_is_not_sure_of(name: str, code: str, text: str, project: Project) -> None:
    tree = project({"a.py": text})
    assert not fixer(name).apply(tree, failure(Signal.SECURITY, ("a.py", 2, code)))
    assert tree.read("a.py") == text


@pytest.mark.parametrize("comma", [",", ""])
def test_a_call_of_several_lines_keeps_its_layout(comma: str, project: Project) -> None:
    code = f"import requests\nrequests.get(\n    url,\n    data=d{comma}\n)\n"
    tree = project({"a.py": code})
    assert fixer("request-timeout").apply(tree, failure(Signal.SECURITY, ("a.py", 2, "B113")))
    assert tree.read("a.py") == code.replace(f"d{comma}\n)", f"d,\n    timeout=10{comma}\n)")


def test_it_changes_only_the_lines_that_were_found(project: Project) -> None:
    line = "x = hashlib.md5(b'')\n"
    tree = project({"a.py": "import hashlib\n" + line * 2})
    assert fixer("weak-hash").apply(tree, failure(Signal.SECURITY, ("a.py", 3, "B324")))
    assert tree.read("a.py") == "import hashlib\n" + line + line.replace("md5", "sha256")


def test_a_cure_of_ours_satisfies_the_rule(project: Project) -> None:
    code = "import random\nimport subprocess\n\nimport requests\nimport yaml\n\n"
    code += "yaml.load(open('a'), yaml.Loader)\nrequests.get('u')\nrandom.choice([1])\n"
    tree = project({"a.py": code})
    found = [("a.py", 7, "S506"), ("a.py", 8, "S113"), ("a.py", 9, "S311")]
    for name in ("unsafe-yaml", "request-timeout", "predictable-random"):
        assert fixer(name).apply(tree, failure(Signal.SECURITY, *found))
    check = tree.run(["ruff", "check", "--isolated", "--select", "S", "--ignore", "S404", "."])
    assert check.exit_code == 0, check.output
