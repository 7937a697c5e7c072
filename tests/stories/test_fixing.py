"""Whole runs in which deterministic fixers work: what they may do, and what has to pass with it."""

from dataclasses import replace

from autofix.failures import Failure, Signal
from autofix.fixers import Fixer
from autofix.strategies import Bench
from autofix.strategies.patch import ScratchTree, try_out
from metabuilder.runs.states import RunStatus
from metabuilder.runs.workspaces import open_for
from tests.wheels import wheel

LINT = {"name": "lint", "run": "ruff check .", "kind": "lint"}
TEST = {"name": "test", "run": "pytest -q", "kind": "test"}
SHARED_LIST = {
    "shop.py": "def add(item, basket=[]):\n    basket.append(item)\n    return basket\n",
    "ruff.toml": 'lint.select = ["B006"]\n',
}
WANTS_EITHER = "from shop import add\n\n\ndef test_it():\n    assert add(1)[-1] == 1\n"
WANTS_SHARED = "from shop import add\n\n\ndef test_it():\n    add(1)\n    assert add(2) == [1, 2]\n"


def test_an_unsafe_fix_is_kept_where_the_tests_pass_with_it(build, story):
    run = build({**SHARED_LIST, "test_shop.py": WANTS_EITHER}, [TEST, LINT])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("lint", "lint", "patch", "patch_applied", True)]
    assert "+def add(item, basket=None):" in run.diff


def test_an_unsafe_fix_that_breaks_a_test_is_not_even_proposed(build, story):
    run = build({**SHARED_LIST, "test_shop.py": WANTS_SHARED}, [TEST, LINT])
    assert run.status == RunStatus.FAILED
    assert [row[2] for row in story(run)] == ["give_up"]
    assert run.diff == ""


def test_tests_that_have_not_run_yet_are_asked_too(build, story):
    run = build({**SHARED_LIST, "test_shop.py": WANTS_SHARED}, [LINT, TEST])
    assert [row[:3] for row in story(run)] == [("lint", "lint", "give_up")]
    run = build({**SHARED_LIST, "test_shop.py": WANTS_SHARED.replace("[1, 2]", "[3]")}, [LINT, TEST])
    assert story(run)[0][:3] == ("lint", "lint", "patch")


def test_unsafe_fixes_can_be_switched_off(build, story, settings):
    settings.META_V3_UNSAFE_FIXES = False
    run = build(SHARED_LIST, [LINT])
    assert run.status == RunStatus.FAILED
    assert [row[2] for row in story(run)] == ["give_up"]


def test_a_change_of_files_that_a_fixer_did_not_declare_is_taken_back(build):
    workspace = open_for(build(SHARED_LIST, [LINT], rest=False), [], frozenset())
    workspace = replace(workspace, sandbox=replace(workspace.sandbox, should_stop=None))  # nobody holds the run

    def meddle(tree, _):
        tree.write("shop.py", "x = 1\n")
        tree.write("ruff.toml", "")
        return True

    def touching(*patterns):
        return Fixer(name="meddler", tool="own", signals=frozenset({Signal.LINT}), touches=patterns, apply=meddle)

    bench = Bench(workspace.root, lambda _: None, lambda *_: None, lambda _: None)
    tree, failure = ScratchTree(workspace, bench), Failure(Signal.LINT, "", "")
    assert try_out(touching("*.py"), failure, tree, "one") is None
    assert workspace.read("shop.py") == SHARED_LIST["shop.py"]
    link = try_out(touching("*.py", "ruff.toml"), failure, tree, "two")
    assert link is not None
    assert workspace.paths_in(link.commit) == ["ruff.toml", "shop.py"]


INSTALL = {
    "name": "install",
    "run": "python -m venv .venv && .venv/bin/pip install -q --no-index --find-links wheels -r requirements.txt",
    "kind": "install",
}
IMPORTS = {"shop.py": "import tinyrates\n", "test_shop.py": "import shop\n\n\ndef test_it():\n    assert shop\n"}


def test_what_another_file_declares_is_added_where_it_is_installed_from(build, story, tmp_path):
    wheel(tmp_path / "source" / "wheels", "tinyrates", "RATE = 2\n")
    wheel(tmp_path / "source" / "wheels", "other", "")
    files = {**IMPORTS, "requirements.txt": "other\n", "requirements-dev.txt": "tinyrates<2\n"}
    run = build(files, [INSTALL, TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("test", "runtime", "replan", "replanned", True)]
    assert "+tinyrates<2" in run.diff


def test_what_only_tests_need_is_installed_from_where_it_is_declared(build, story, tmp_path):
    wheel(tmp_path / "source" / "wheels", "tinyrates", "RATE = 2\n")
    wheel(tmp_path / "source" / "wheels", "other", "")
    dev = "--no-index\n--find-links wheels\ntinyrates<2\n"
    test = "import tinyrates\n\n\ndef test_it():\n    assert tinyrates.RATE == 2\n"
    run = build({"test_it.py": test, "requirements.txt": "other\n", "requirements-dev.txt": dev}, [INSTALL, TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert run.diff == ""
    assert "-r requirements-dev.txt" in run.steps.get(name="install").command


def test_a_lock_that_cannot_be_made_without_a_network_is_a_precise_question(build, story):
    stale = "echo 'The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.'; exit 1"
    run = build({"uv.lock": "version = 1\n"}, [{"name": "sync", "run": stale, "kind": "install"}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert story(run) == [("sync", "runtime", "escalate", "escalated", None)]
    assert run.gates.get().reason.startswith("`uv lock` needs the network")


def test_types_that_are_not_installed_wait_for_a_person_by_their_own_name(build):
    files = {"a.py": "import yaml\n\nprint(yaml)\n", "mypy.ini": "[mypy]\n"}
    run = build(files, [{"name": "typecheck", "run": "mypy a.py", "kind": "typecheck"}])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert "types-PyYAML" in run.gates.get().reason


def test_a_snapshot_is_written_again_for_a_person_to_look_at(build, story):
    from_plugin = """
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--snapshot-update", action="store_true")


@pytest.fixture
def snapshot(request):
    path = Path("__snapshots__/it.txt")
    if request.config.getoption("--snapshot-update"):
        path.write_text("new\\n")
    return path.read_text().strip()
"""
    differs = "def test_it(snapshot):\n    assert snapshot == 'new', '[+ received] == [- snapshot]'\n"
    files = {"conftest.py": from_plugin, "__snapshots__/it.txt": "old\n", "test_it.py": differs}
    run = build(files, [TEST])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert story(run) == [("test", "test_assert", "escalate", "escalated", None)]
    gate = run.gates.get()
    assert (gate.verified, gate.kind) == (True, "policy")
    assert "+new" in gate.patch


def test_a_misspelt_import_is_no_missing_dependency(build, story):
    files = {"shop.py": "RATE = 2\n", "app.py": "from shopp import RATE\n\nprint(RATE)\n"}
    run = build(files, [{"name": "app", "run": "python app.py"}])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("app", "runtime", "patch", "patch_applied", True)]
    assert "+from shop import RATE" in run.diff


def test_a_pin_that_does_not_exist_is_mended_where_it_stands(build, story, tmp_path):
    wheel(tmp_path / "source" / "wheels", "tinyrates", "RATE = 2\n")
    run = build({"requirements.txt": "tinyrates==1.7\n"}, [INSTALL])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("install", "runtime", "patch", "patch_applied", True)]
    assert "+tinyrates==1.0" in run.diff


def test_what_the_project_keeps_a_wheel_of_is_declared_and_installed(build, story, tmp_path):
    wheel(tmp_path / "source" / "wheels", "tinyrates", "RATE = 2\n", version="1.4")
    wheel(tmp_path / "source" / "wheels", "other", "")
    run = build({**IMPORTS, "requirements.txt": "other\n"}, [INSTALL, TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("test", "runtime", "replan", "replanned", True)]
    assert "+tinyrates==1.4" in run.diff


def test_where_the_installer_was_told_to_be_quiet_it_is_asked_what_excludes_what(build, story, tmp_path):
    wheels = tmp_path / "source" / "wheels"
    wheel(wheels, "other", "", version="3.1", needs=["tinyrates>=2"])
    wheel(wheels, "tinyrates", "RATE = 1\n", version="1.1")
    wheel(wheels, "tinyrates", "RATE = 2\n", version="2.3")
    run = build({**IMPORTS, "requirements.txt": "tinyrates<2\nother==3.1\n"}, [INSTALL, TEST])
    assert run.status == RunStatus.SUCCEEDED
    assert story(run) == [("install", "runtime", "patch", "patch_applied", True)]
    assert "+tinyrates>=2" in run.diff


def test_a_wheel_that_lies_elsewhere_vouches_for_nothing(build, tmp_path):
    wheel(tmp_path / "source" / "tests" / "fixtures", "tinyrates", "RATE = 2\n")
    wheel(tmp_path / "source" / "wheels", "other", "")
    run = build({**IMPORTS, "requirements.txt": "other\n"}, [INSTALL, TEST])
    assert run.status == RunStatus.PAUSED_AWAITING_APPROVAL
    assert run.gates.get().evidence["plan_changes"]
