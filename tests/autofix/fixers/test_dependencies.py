"""Requirements that cannot be met; pip itself says what is wrong, over the project's own wheels."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autofix.failures import Failure, Signal
from autofix.fixers import FIXERS
from autofix.fixers.requirements import with_requirement
from tests.autofix.fixers.healing import heal, needs
from tests.autofix.fixers.local_tree import LocalTree, fixer
from tests.wheels import wheel

Project = Callable[..., LocalTree]
INSTALL = "python -m pip install --dry-run --no-index --find-links wheels -r requirements.txt"
PYPROJECT = '[project]\nname = "a"\nversion = "1"\ndependencies = [\n  "{}",\n]\n'


def said(text: str) -> Failure:
    return Failure(Signal.RUNTIME, text.splitlines()[0], "a rule", detail="dependency", excerpt=text)


def offer(root: Path, name: str, version: str, *needs: str) -> None:
    wheel(root / "wheels", name, "", version=version, needs=needs)


def test_a_version_that_does_not_exist_becomes_the_nearest(project: Project) -> None:
    tree = project({"requirements.txt": "tinyrates[all]==1.9  # rates\nother\n"}, INSTALL)
    for version in ("1.0", "1.4", "2.0"):
        offer(tree.root, "tinyrates", version)
    offer(tree.root, "other", "1.0")
    used, left = heal(tree, "install")
    assert left is None
    assert [each.name for each in used] == ["requirement-version"]
    assert tree.read("requirements.txt") == "tinyrates[all]==1.4  # rates\nother\n"


def test_a_lower_bound_stays_one(project: Project) -> None:
    tree = project({"requirements.txt": "tinyrates>=9\n"})
    nobody = "Could not find a version that satisfies the requirement tinyrates>=9 (from versions: 1.0, 1.1rc1)"
    assert fixer("requirement-version").apply(tree, said(nobody))
    assert tree.read("requirements.txt") == "tinyrates>=1.0\n"


def test_the_lock_knows_which_version_exists(project: Project) -> None:
    lock = 'version = 1\n\n[[package]]\nname = "tinyrates"\nversion = "1.2"\n'
    tree = project({"pyproject.toml": PYPROJECT.format("TinyRates==9.9; python_version > '3'"), "uv.lock": lock})
    uv = "Because there is no version of tinyrates==9.9 and your project depends on tinyrates==9.9, we can conclude"
    assert fixer("requirement-version").apply(tree, said(uv))
    assert "\"TinyRates==1.2; python_version > '3'\"" in tree.read("pyproject.toml")


def test_a_misspelt_requirement_is_one_that_the_project_names_elsewhere(project: Project) -> None:
    tree = project({"requirements.txt": "tinyrats==1.0\n", "constraints.txt": "tinyrates==1.0\n"}, INSTALL)
    offer(tree.root, "tinyrates", "1.0")
    _, left = heal(tree, "install")
    assert left is None
    assert tree.read("requirements.txt") == "tinyrates==1.0\n"


def test_a_name_that_only_the_code_knows_needs_a_person(project: Project) -> None:
    tree = project({"requirements.txt": "tinyrats\n", "a.py": "import tinyrates\n\nprint(tinyrates)\n"})
    nobody = said("ERROR: Could not find a version that satisfies the requirement tinyrats (from versions: none)")
    assert not fixer("requirement-name").apply(tree, nobody)
    new = fixer("requirement-new-name")
    assert new.needs_approval
    assert new.apply(tree, nobody)
    assert tree.read("requirements.txt") == "tinyrates\n"


def test_what_another_requirement_excludes_is_relaxed(project: Project) -> None:
    tree = project({"requirements.txt": "shop==1.0\ntinyrates==2.0\n"}, INSTALL)
    offer(tree.root, "shop", "1.0", "tinyrates<2")
    offer(tree.root, "tinyrates", "1.0")
    offer(tree.root, "tinyrates", "2.0")
    used, left = heal(tree, "install")
    assert left is None
    assert [each.name for each in used] == ["requirement-conflict"]
    assert tree.read("requirements.txt") == "shop==1.0\ntinyrates<2\n"


@pytest.mark.parametrize(
    "words",
    [
        "Because all versions of boto3 depend on urllib3>=1.25.4,<2.0 and you require boto3==1.34.0, we can conclude"
        " that you require urllib3>=1.25.4,<2.0.\nAnd because you require urllib3>=2, we can conclude",
        "boto3 1.34.0 has requirement urllib3<2.0,>=1.25.4, but you have urllib3 2.2.",
    ],
)
def test_uv_and_pip_check_are_understood(words: str, project: Project) -> None:
    tree = project({"requirements.txt": "boto3==1.34.0\nurllib3>=2\n"})
    assert fixer("requirement-conflict").apply(tree, said(words))
    assert tree.read("requirements.txt") == "boto3==1.34.0\nurllib3<2.0,>=1.25.4\n"


def test_files_that_a_tool_has_made_are_not_edited(project: Project) -> None:
    tree = project({"requirements.txt": "tinyrates==9.9 \\\n    --hash=sha256:00\n", "uv.lock": ""})
    nobody = said("satisfies the requirement tinyrates==9.9 (from versions: 1.0)")
    assert not fixer("requirement-version").apply(tree, nobody)


def test_a_misspelt_import_is_a_module_that_is_there(project: Project) -> None:
    code = "import jsn\nfrom shopp import RATE\n\nprint(jsn.dumps(RATE), 'jsn')\n"
    tree = project({"a.py": code, "shop.py": "RATE = 1\n"}, "python a.py")
    used, left = heal(tree, "test")
    assert left is None
    assert {each.name for each in used} == {"misspelt-import"}
    assert tree.read("a.py") == code.replace("jsn", "json", 2).replace("shopp", "shop").replace("'json'", "'jsn'")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("reqeusts", {}),
        ("zipp", {}),
        ("tomli", {"requirements.txt": "tomli\n"}),
        ("jsonn", {"requirements.txt": "jsonn\n"}),
    ],
)
def test_a_module_that_may_be_what_it_says_is_not_renamed(name: str, files: dict[str, str], project: Project) -> None:
    tree = project({"a.py": f"import {name}\n", **files})
    assert not fixer("misspelt-import").apply(tree, said(f"ModuleNotFoundError: No module named '{name}'"))


def test_the_lock_is_made_again_by_its_tool(project: Project) -> None:
    pyproject = PYPROJECT.format("tinyrates") + 'requires-python = ">=3.11"\n'
    offline = '[tool.uv]\nno-index = true\nfind-links = ["wheels"]\n'
    files = {"pyproject.toml": pyproject.replace('  "tinyrates",\n', "") + offline}
    tree = project(files, "uv lock --check")
    needs("uv", tree)
    offer(tree.root, "tinyrates", "1.0")
    assert tree.run(["uv", "lock"]).exit_code == 0
    tree.write("pyproject.toml", pyproject + offline)
    used, left = heal(tree, "install")
    assert left is None
    assert [each.name for each in used] == ["lock-uv"]
    assert 'name = "tinyrates"' in tree.read("uv.lock")


def test_a_compiled_file_says_how_it_is_made(project: Project) -> None:
    command = "uv pip compile --no-index --find-links wheels --no-header requirements.in -o requirements.txt"
    header = f"# This file was autogenerated by uv via the following command:\n#    {command}\n"
    tree = project({"requirements.in": "tinyrates\n", "requirements.txt": header})
    needs("uv", tree)
    offer(tree.root, "tinyrates", "1.0")
    assert fixer("lock-requirements").apply(tree, said("the lock file is out of date"))
    assert "tinyrates==1.0" in tree.read("requirements.txt")


def test_npm_makes_its_lock_again(project: Project) -> None:
    lock = (
        '{"name": "a", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "a", "version": "1.0.0"}}}\n'
    )
    package = '{"name": "a", "version": "1.0.0", "dependencies": {"b": "file:b"}}\n'
    files = {
        "package.json": package,
        "package-lock.json": lock,
        "b/package.json": '{"name": "b", "version": "1.0.0"}\n',
    }
    tree = project(files, "npm ci --ignore-scripts")
    needs("npm", tree)
    used, left = heal(tree, "install")
    assert left is None
    assert [each.name for each in used] == ["lock-npm"]


def test_only_locks_ask_for_the_network() -> None:
    assert {each.name.partition("-")[0] for each in FIXERS if each.wants_network} == {"lock"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dependencies = []\n", 'dependencies = ["a<2"]\n'),
        ('dependencies = ["b[c]"]\n', 'dependencies = ["b[c]", "a<2"]\n'),
        ('dependencies = [\n  "b[c]",\n]\n', 'dependencies = [\n  "b[c]",\n  "a<2",\n]\n'),
    ],
)
def test_a_requirement_is_added_to_the_projects_own(before: str, after: str) -> None:
    head = '[project]\nname = "x"\n'
    assert with_requirement("pyproject.toml", "a<2", head + before) == head + after
