"""What git's index says of a tree is read as git wrote it; what is in doubt counts as changed."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from metabuilder.execution import index
from metabuilder.execution.index import entries, seal, tree_matches
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.workspace import Workspace

TICK = 0.02  # a file is trusted if it is older than the index by the kernel's clock


def git(root: Path, *arguments: str) -> str:
    command = ["git", f"--git-dir={root}/git", f"--work-tree={root}/tree", *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c"}
    env |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c"}
    return subprocess.run(command, env=env, cwd=root / "tree", check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "src" / "deep").mkdir(parents=True)
    for number in range(20):
        (tmp_path / "tree" / "src" / f"file-{'n' * number}é.txt").write_text(f"{number}\n")
    (tmp_path / "tree" / "run.sh").write_text("true\n")
    (tmp_path / "tree" / "run.sh").chmod(0o755)
    (tmp_path / "tree" / "link").symlink_to("run.sh")
    (tmp_path / "tree" / "src" / "deep" / ("x" * 200)).write_text("long name\n")
    git(tmp_path, "init", "--quiet")
    time.sleep(TICK)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "-m", "start")
    return tmp_path


def matches(repo: Path) -> bool:
    return tree_matches(repo / "git", repo / "tree")


def test_it_reads_what_git_lists(repo):
    listed = git(repo, "ls-files", "-z").split("\0")[:-1]
    found = [os.fsdecode(entry.path) for entry in entries((repo / "git" / "index").read_bytes())]
    assert found == listed
    assert len(found) == 23
    assert matches(repo)


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_of_a_kind_that_it_does_not_know_nothing_is_trusted(repo, version):
    time.sleep(TICK)
    git(repo, "update-index", "--index-version", version)
    assert matches(repo) is (version != "4")


def change(path: Path) -> None:
    path.write_text("9\n")


def change_and_hide(path: Path) -> None:
    """Keep size and times as they were: the change time tells."""
    before = path.stat()
    path.write_text("9\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("run.sh")


@pytest.mark.parametrize(
    "spoil",
    [change, change_and_hide, replace_by_link, Path.unlink, lambda path: path.chmod(0o755), lambda path: path.touch()],
)
def test_whatever_is_done_to_a_file_is_seen(repo, spoil):
    time.sleep(TICK)
    spoil(repo / "tree" / "src" / "file-nnné.txt")
    assert not matches(repo)


def test_a_directory_that_became_a_link_is_seen(repo):
    time.sleep(TICK)
    (repo / "tree" / "src" / "deep").rename(repo / "elsewhere")
    (repo / "tree" / "src" / "deep").symlink_to(repo / "elsewhere")
    assert not matches(repo)


def test_new_files_are_no_change(repo):
    (repo / "tree" / "new").write_text("x")
    assert matches(repo)


def test_a_file_as_young_as_the_index_is_not_trusted(repo):
    path = repo / "git" / "index"
    young = (repo / "tree" / "run.sh").stat().st_mtime_ns
    os.utime(path, ns=(young, young))
    assert not matches(repo)


def test_what_is_only_announced_or_skipped_is_not_trusted(repo):
    (repo / "tree" / "later").write_text("x")
    git(repo, "add", "--intent-to-add", "later")
    assert not matches(repo)


@pytest.mark.parametrize("data", [b"", b"DIRC", b"DIRC\0\0\0\2\0\0\0\5", b"x" * 5000, b"DIRC\0\0\0\2\xff\xff\xff\xff"])
def test_a_broken_index_is_not_trusted(repo, data):
    (repo / "git" / "index").write_bytes(data)
    assert not matches(repo)


def test_very_many_files_are_git_s_to_look_at(repo, monkeypatch):
    monkeypatch.setattr(index, "MOST_ENTRIES", 22)
    assert not matches(repo)


def test_without_an_index_there_is_no_seal(tmp_path):
    assert seal(tmp_path) is None


def test_git_is_spared_only_while_nothing_was_touched(repo, monkeypatch):
    workspace = Workspace(repo, Sandbox(mode="none", step_uid=os.getuid()))
    asked = []
    run_git = Sandbox.run_git
    monkeypatch.setattr(
        Sandbox, "run_git", lambda self, args, **more: asked.append(args[0]) or run_git(self, args, **more)
    )
    workspace.restore()
    time.sleep(TICK)
    workspace.restore()
    assert asked == ["reset"]  # an index that was not known, then one that was
    (repo / "tree" / "run.sh").write_text("false\n")
    workspace.restore()
    assert asked == ["reset", "reset"]
    assert (repo / "tree" / "run.sh").read_text() == "true\n"
    git(repo, "rm", "--cached", "--quiet", "link")  # somebody's staging: the tree is as it was, the index is not
    workspace.restore()
    assert asked == ["reset"] * 3
    assert "link" in git(repo, "ls-files")
