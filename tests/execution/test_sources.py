import os
import tarfile
from pathlib import Path

import pytest

from metabuilder.execution import sources
from metabuilder.execution.addresses import NotPublic
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.sources import (
    Source,
    SourceKind,
    SourceRejected,
    fetch,
    validate_directory,
    validate_git_url,
)
from metabuilder.execution.workspace import Workspace, create
from tests.execution.conftest import git


@pytest.fixture
def build(ground: Path, sandbox: Sandbox) -> "Build":
    return Build(ground, sandbox)


class Build:
    def __init__(self, ground: Path, sandbox: Sandbox) -> None:
        self.root = ground / "built"
        self.sandbox = sandbox

    def __call__(self, source: Source, ref: str | None = None) -> tuple[sources.PreparedSource, Workspace]:
        prepared = fetch(source, self.root, self.sandbox, ref)
        return prepared, create(self.root, self.sandbox, prepared)


def directory(path: Path) -> Source:
    return validate_directory(path, None)


def test_a_clean_repository_is_built_at_its_own_commit(project: Path, build: Build) -> None:
    prepared, workspace = build(directory(project))
    assert prepared.commit == prepared.origin == git(project, "rev-parse", "HEAD")
    assert workspace.files() == [".gitignore", "app.py", "pkg/data.txt", "run.sh"]
    assert os.access(workspace.tree / "run.sh", os.X_OK)
    assert workspace.diff() == ""


def test_uncommitted_changes_are_built_too(project: Path, build: Build) -> None:
    (project / "app.py").write_text("x = 5\n")
    (project / "new.py").write_text("n\n")
    (project / "big.log").write_text("ignored")
    (project / "pkg" / "data.txt").unlink()
    for left_over in (".venv", "node_modules"):
        (project / left_over).mkdir()
        (project / left_over / "x.py").write_text("")
    prepared, workspace = build(directory(project))
    assert workspace.files() == [".gitignore", "app.py", "new.py", "run.sh"]
    assert workspace.read("app.py") == "x = 5\n"
    assert not (workspace.tree / "big.log").exists()
    assert prepared.origin == git(project, "rev-parse", "HEAD") != prepared.commit


def test_the_same_content_makes_the_same_commit(project: Path, ground: Path, sandbox: Sandbox) -> None:
    (project / "app.py").write_text("x = 5\n")
    commits = {fetch(directory(project), ground / name, sandbox).commit for name in ("1", "2")}
    assert len(commits) == 1


def test_a_ref_is_built_as_committed(project: Path, build: Build) -> None:
    git(project, "branch", "old")
    (project / "app.py").write_text("x = 2\n")
    git(project, "commit", "--all", "--quiet", "--message=two")
    (project / "app.py").write_text("dirty\n")
    _, workspace = build(directory(project), "old")
    assert workspace.read("app.py") == "x = 1\n"


@pytest.mark.parametrize("name", ["v1", "refs/tags/v1", "commit"])
def test_tags_and_commits_are_found(project: Path, build: Build, name: str) -> None:
    git(project, "tag", "v1")
    commit = git(project, "rev-parse", "HEAD")
    prepared, _ = build(validate_git_url(str(project), None), commit if name == "commit" else name)
    assert prepared.commit == commit


def test_an_unknown_ref_is_rejected_and_leaves_nothing(project: Path, build: Build) -> None:
    with pytest.raises(SourceRejected, match="there is no branch, tag or commit 'nope'"):
        build(directory(project), "nope")
    assert not build.root.exists()


def test_a_plain_directory_gets_a_commit(ground: Path, build: Build) -> None:
    (ground / "plain").mkdir()
    (ground / "plain" / "a.py").write_text("a\n")
    (ground / "plain" / ".gitignore").write_text("a.py\n")
    prepared, workspace = build(directory(ground / "plain"))
    assert (prepared.kind, prepared.origin) == (SourceKind.DIRECTORY, None)
    assert workspace.files() == [".gitignore", "a.py"]


def test_an_empty_directory_is_rejected(ground: Path, build: Build) -> None:
    (ground / "empty").mkdir()
    with pytest.raises(SourceRejected, match="no file to build"):
        build(directory(ground / "empty"))


def test_an_archive_gets_a_commit(project: Path, ground: Path, build: Build) -> None:
    with tarfile.open(ground / "p.tar.gz", "w:gz") as archive:
        archive.add(project / "app.py", "p-1/app.py")
    _, workspace = build(Source(SourceKind.ARCHIVE, str(ground / "p.tar.gz")))
    assert workspace.files() == ["app.py"]


def test_a_hostile_archive_leaves_nothing(ground: Path, build: Build) -> None:
    (ground / "p.zip").write_bytes(b"x")
    with pytest.raises(SourceRejected, match="upload"):
        build(Source(SourceKind.ARCHIVE, str(ground / "p.zip")))
    assert not build.root.exists()


def test_a_hostile_repository_configures_nothing(project: Path, ground: Path, build: Build) -> None:
    marker = ground / "marker"
    marker.mkdir(mode=0o777)
    marker.chmod(0o777)
    evil = f"touch {marker}/ran;false"
    for key in (
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.smudge",
        "core.sshCommand",
        "uploadpack.packObjectsHook",
    ):
        git(project, "config", key, evil)
    (project / ".gitattributes").write_text("* filter=evil\n")
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        path = project / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{evil}\n")
        path.chmod(0o755)
    (marker / "ran").unlink(missing_ok=True)
    _, workspace = build(directory(project))
    workspace.diff()
    assert list(marker.iterdir()) == []
    assert "evil" not in (workspace.git_dir / "config").read_text()
    assert not (workspace.git_dir / "hooks").exists()


def test_links_in_the_git_directory_lead_nowhere(project: Path, ground: Path, build: Build) -> None:
    (ground / "secret").write_text("secret")
    (project / ".git" / "refs" / "heads" / "evil").symlink_to(ground / "secret")
    (project / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (project / ".git" / "objects" / "info" / "alternates").write_text("/etc\n")
    _, workspace = build(directory(project))
    assert not (workspace.git_dir / "objects" / "info" / "alternates").exists()
    assert workspace.files() == [".gitignore", "app.py", "pkg/data.txt", "run.sh"]


def test_a_repository_whose_history_is_damaged_is_built_without_it(project: Path, build: Build) -> None:
    for item in (project / ".git" / "objects").glob("??/*"):
        item.unlink()
    prepared, workspace = build(directory(project))
    assert "without its history" in prepared.notes[0]
    assert "app.py" in workspace.files()


def test_a_submodule_is_left_out_with_a_note(project: Path, build: Build) -> None:
    commit = git(project, "rev-parse", "HEAD")
    git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    git(project, "commit", "--quiet", "--message=sub")
    prepared, workspace = build(validate_git_url(str(project), None))
    assert prepared.notes == ("submodule left out: sub",)
    assert "sub" not in workspace.files()


def test_a_repository_that_unpacks_to_millions_of_files_is_rejected(project: Path, build: Build) -> None:
    blob = git(project, "rev-parse", "HEAD:app.py")
    tree = make_tree(project, "".join(f"100644 blob {blob}\tf{n}\n" for n in range(20)))
    for _ in range(4):
        tree = make_tree(project, "".join(f"040000 tree {tree}\td{n}\n" for n in range(20)))
    commit = git(project, "commit-tree", tree, "-m", "bomb")
    git(project, "update-ref", "refs/heads/bomb", commit)
    with pytest.raises(SourceRejected, match="more than 50000 files"):
        build(validate_git_url(str(project), None), "bomb")


def make_tree(project: Path, listing: str) -> str:
    (project / "listing").write_text(listing)
    tree = git(project, "-c", "alias.mk=!git mktree <listing", "mk")
    (project / "listing").unlink()
    return tree


def test_special_files_are_not_copied(project: Path, build: Build) -> None:
    os.mkfifo(project / "pipe")
    (project / "link").symlink_to("/etc/passwd")
    _, workspace = build(directory(project))
    assert (workspace.tree / "link").is_symlink()
    assert not (workspace.tree / "pipe").exists()


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/a",
        "https://127.0.0.1/a",
        "ssh://git@169.254.169.254/a",
        "https://[::1]/a",
    ],
)
def test_a_host_inside_is_not_asked(build: Build, url: str) -> None:
    with pytest.raises(SourceRejected, match="not on the public internet"):
        build(validate_git_url(url))
    assert not build.root.exists()


def test_a_fetch_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.addresses, "pinned", lambda host, port: "140.82.121.3")
    options = sources._network_options(sources.urlsplit("https://example.org/a"))
    assert "http.curloptResolve=example.org:443:140.82.121.3" in options.config
    assert "http.followRedirects=false" in options.config
    assert options.env["GIT_ALLOW_PROTOCOL"] == "https:ssh"


def test_a_host_that_cannot_be_found_is_said_so(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(host: str, port: int) -> str:
        raise NotPublic(f"cannot look up {host}")

    monkeypatch.setattr(sources.addresses, "pinned", nowhere)
    with pytest.raises(SourceRejected, match="cannot look up example.org"):
        build(validate_git_url("https://example.org/a"))


def test_it_works_without_isolation_too(project: Path, ground: Path) -> None:
    prepared = fetch(directory(project), ground / "built", Sandbox("none"))
    assert prepared.commit == git(project, "rev-parse", "HEAD")
