from pathlib import Path

import pytest

from metabuilder.execution.command import Command
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.sources import fetch, validate_directory
from metabuilder.execution.workspace import PatchRejected, Workspace, WorkspaceError, create

FIX = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1 +1 @@
-x = 1
+x = 2
"""


def step(workspace: Workspace, script: str) -> str:
    argv = ("sh", "-c", script)
    return workspace.sandbox.run(Command(argv, workspace.tree, git_dir=workspace.git_dir)).text


def test_it_lists_reads_and_writes_files(workspace: Workspace) -> None:
    assert workspace.files() == [".gitignore", "app.py", "pkg/data.txt", "run.sh"]
    workspace.write("pkg/new/deep.py", "y = 1\n")
    assert workspace.read("pkg/new/deep.py") == "y = 1\n"
    assert step(workspace, "echo z >> pkg/new/deep.py; cat pkg/new/deep.py") == "y = 1\nz\n"


def test_restore_undoes_what_a_step_did_to_directories(workspace: Workspace) -> None:
    step(workspace, "rm app.py; mkdir app.py; touch app.py/x; chmod 000 pkg")
    workspace.restore()
    assert workspace.read("app.py") == "x = 1\n"
    assert workspace.read("pkg/data.txt").startswith("one")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "../git/config",
        "link",
        "dirlink/hostname",
        "fifo",
        "pkg",
        "huge",
        "a\0b",
        "./app.py",
    ],
)
def test_it_reads_plain_files_only(workspace: Workspace, path: str) -> None:
    step(
        workspace,
        "ln -s /etc/hostname link; ln -s /etc dirlink; mkfifo fifo; truncate -s 400M huge",
    )
    with pytest.raises(WorkspaceError):
        workspace.read(path)


def test_it_never_writes_through_a_link(workspace: Workspace, ground: Path) -> None:
    (ground / "victim").write_text("mine")
    step(workspace, f"ln -s {ground}/victim link; ln -s {ground} dir")
    for path in ("link", "dir/victim", "../victim"):
        with pytest.raises(WorkspaceError):
            workspace.write(path, "stolen")
    assert (ground / "victim").read_text() == "mine"


def test_a_step_sees_a_repository_that_it_cannot_change(workspace: Workspace) -> None:
    output = step(workspace, "git log --format=%s; git status --short; git commit --allow-empty -m x")
    assert output.startswith("one\n")
    assert "Read-only" in output


def test_restore_puts_tracked_files_back_and_leaves_the_rest(workspace: Workspace) -> None:
    step(workspace, "echo broken > app.py; rm run.sh; mkdir .venv; touch .venv/keep build.out")
    workspace.restore()
    assert workspace.read("app.py") == "x = 1\n"
    assert step(workspace, "ls .venv/keep build.out run.sh") == ".venv/keep\nbuild.out\nrun.sh\n"


def test_the_diff_has_changes_and_new_files_but_no_left_overs(workspace: Workspace) -> None:
    step(
        workspace,
        "echo y >> app.py; echo n > 'new file.py'; mkdir -p __pycache__ .venv .pytest_cache a.egg-info;"
        " touch __pycache__/a.pyc .venv/x .pytest_cache/x a.egg-info/x b.pyc ignored.log",
    )
    diff = workspace.diff()
    changed = [line for line in diff.splitlines() if line.startswith("+++ ")]
    assert changed == ["+++ b/app.py", "+++ b/new file.py\t"]
    assert workspace.diff() == diff


def test_a_commit_names_what_it_added_changed_and_removed(workspace: Workspace) -> None:
    (workspace.tree / "new file.py").write_text("")
    (workspace.tree / "app.py").write_text("x = 2\n")
    (workspace.tree / "run.sh").unlink()
    workspace.commit("all three", "key")
    assert workspace.paths_in(workspace.head()) == ["app.py", "new file.py", "run.sh"]


def test_a_fix_is_applied_once_as_one_commit(workspace: Workspace) -> None:
    commit = workspace.apply(FIX, "Make x two", "attempt-1")
    assert workspace.apply(FIX, "Make x two", "attempt-1") == commit == workspace.head()
    assert workspace.read("app.py") == "x = 2\n"
    log = step(workspace, "git log -1 --format='%an <%ae>%n%B'")
    assert log == ("Meta-Builder <autofix@localhost>\nMake x two\n\nAutofix-Attempt: attempt-1\n\n")


def test_a_message_cannot_claim_another_attempt(workspace: Workspace) -> None:
    workspace.apply(FIX, "Fix\n\nAutofix-Attempt: attempt-2", "attempt-1")
    with pytest.raises(PatchRejected):
        workspace.apply(FIX, "Fix", "attempt-2")


def test_a_fix_is_taken_back_once(workspace: Workspace) -> None:
    base = workspace.head()
    commit = workspace.apply(FIX, "Make x two", "1")
    assert "+x = 2" in workspace.diff_between(base)
    back = workspace.revert(commit, "1")
    assert workspace.revert(commit, "1") == back == workspace.head()
    assert workspace.read("app.py") == "x = 1\n"
    assert workspace.diff_between(base) == ""


def test_a_fix_that_others_build_on_is_not_taken_back(workspace: Workspace) -> None:
    first = workspace.apply(FIX, "Two", "1")
    workspace.apply(FIX.replace("x = 2", "x = 3").replace("x = 1", "x = 2"), "Three", "2")
    with pytest.raises(PatchRejected, match=r"could not revert|conflict"):
        workspace.revert(first, "1")
    assert workspace.read("app.py") == "x = 3\n"
    assert workspace.diff() == ""


def test_a_patch_that_does_not_fit_is_rejected_with_gits_words(workspace: Workspace) -> None:
    with pytest.raises(PatchRejected, match=r"app\.py: patch does not apply"):
        workspace.apply(FIX.replace("x = 1", "x = 9"), "m", "1")
    assert workspace.diff() == ""


def test_a_patch_that_makes_a_file_executable_is_rejected(workspace: Workspace) -> None:
    patch = "diff --git a/app.py b/app.py\nold mode 100644\nnew mode 100755\n"
    with pytest.raises(PatchRejected, match="executable"):
        workspace.apply(patch, "m", "1")


def test_an_executable_file_may_be_changed(workspace: Workspace) -> None:
    patch = "--- a/run.sh\n+++ b/run.sh\n@@ -1 +1,2 @@\n #!/bin/sh\n+true\n"
    workspace.apply(patch, "m", "1")
    assert step(workspace, "./run.sh && echo ok") == "ok\n"


def test_a_patch_cannot_reach_through_a_link(workspace: Workspace) -> None:
    step(workspace, "rm -r pkg; ln -s /tmp pkg")
    workspace.apply(
        "--- a/pkg/data.txt\n+++ b/pkg/data.txt\n@@ -1 +1 @@\n-one\n+1\n two\n".replace(
            "@@ -1 +1 @@", "@@ -1,2 +1,2 @@"
        ),
        "m",
        "1",
    )
    assert not (workspace.tree / "pkg").is_symlink()
    assert workspace.read("pkg/data.txt") == "1\ntwo\nthree\n"


def test_a_key_must_be_plain(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="not a key"):
        workspace.apply(FIX, "m", "a b")


def test_a_nested_repository_is_refused_by_name(workspace: Workspace) -> None:
    step(
        workspace,
        "git init -q sub && cd sub && git -c user.name=a -c user.email=b commit -q --allow-empty -m x",
    )
    with pytest.raises(WorkspaceError, match=r"sub/\.git"):
        workspace.diff()


def test_a_repository_made_in_a_tracked_directory_is_refused(workspace: Workspace) -> None:
    step(workspace, "git init -q pkg; echo y > pkg/new.py")
    with pytest.raises(WorkspaceError, match=r"pkg/\.git"):
        workspace.diff()


def test_configuration_in_the_tree_never_runs(workspace: Workspace) -> None:
    keys = "filter.evil.clean filter.evil.smudge filter.evil.process core.fsmonitor diff.evil.textconv diff.external"
    step(
        workspace,
        "printf '* filter=evil diff=evil merge=evil\\n' > .gitattributes;"
        " printf '#!/bin/sh\\ntouch /w/ran ran\\n' > evil; chmod +x evil; git init -q --bare fake;"
        f" for k in {keys}; do git config -f fake/config $k ./evil; git config -f .gitconfig $k ./evil; done;"
        " echo z >> app.py",
    )
    workspace.diff()
    workspace.restore()
    workspace.apply(FIX, "m", "1")
    workspace.diff_between("HEAD~1")
    assert not (workspace.tree / "ran").exists()


def test_configuration_under_the_mount_point_never_runs(workspace: Workspace) -> None:
    argv = (
        "sh",
        "-c",
        "git init -q . && git config core.fsmonitor 'touch ran;false'",
    )
    assert workspace.sandbox.run(Command(argv, workspace.tree)).ok
    assert workspace.diff() == ""
    workspace.apply(FIX, "m", "1")
    assert not (workspace.tree / "ran").exists()
    assert step(workspace, "git log -1 --format=%s") == "m\n"


def test_a_scratch_copy_is_independent_and_goes_away(workspace: Workspace, ground: Path) -> None:
    step(
        workspace,
        "echo left > left.over; echo broken > app.py; mkfifo pipe; ln -s /etc/shadow link",
    )
    with workspace.scratch(ground) as scratch:
        assert scratch.read("app.py") == "x = 1\n"
        step(scratch, "echo y = 2 >> app.py; echo changed > left.over; echo n > new.py; touch t.pyc")
        fix = scratch.diff()
        scratch_root = scratch.root
    assert not scratch_root.exists()
    assert [line for line in fix.splitlines() if line.startswith("+++")] == [
        "+++ b/app.py",
        "+++ b/new.py",
    ]
    assert workspace.read("app.py") == "broken\n"
    workspace.apply(fix, "m", "1")
    assert workspace.read("app.py") == "x = 1\ny = 2\n"


def test_a_workspace_goes_away_whatever_is_in_it(workspace: Workspace) -> None:
    step(
        workspace,
        "mkdir -p a/b; touch a/b/c; chmod 000 a/b a; ln -s /etc l; mkfifo f; i=0;"
        " while [ $i -lt 300 ]; do mkdir deep; cd deep; i=$((i+1)); done",
    )
    workspace.remove()
    assert not workspace.root.exists()


def test_a_second_workspace_shares_nothing_with_the_first(project: Path, ground: Path, sandbox: Sandbox) -> None:
    source = fetch(validate_directory(project, None), ground / "prepared", sandbox)
    first = create(ground / "first", sandbox, source)
    second = create(ground / "second", sandbox, source)
    first.apply(FIX, "m", "1")
    assert second.read("app.py") == "x = 1\n"
    assert second.head() == source.commit
    assert all(path.stat().st_nlink == 1 for path in second.git_dir.rglob("*") if path.is_file())


def test_it_works_without_isolation_too(project: Path, ground: Path) -> None:
    sandbox = Sandbox("none")
    source = fetch(validate_directory(project, None), ground / "workspace", sandbox)
    workspace = create(source.root, sandbox, source)
    commit = workspace.apply(FIX, "m", "1")
    with workspace.scratch(ground) as scratch:
        scratch.write("new.py", "n\n")
        assert "+++ b/new.py" in scratch.diff()
    workspace.revert(commit, "1")
    assert workspace.read("app.py") == "x = 1\n"


def test_the_service_git_is_not_configured_by_its_user(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ground: Path
) -> None:
    (ground / ".gitconfig").write_text("[user]\nname = Somebody\n[diff]\nnoprefix = true\n")
    monkeypatch.setenv("HOME", str(ground))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    step(workspace, "echo y >> app.py")
    assert "--- a/app.py" in workspace.diff()


IMPORTED = "python3 -c 'import app; print(app.x)'"


def test_a_patch_of_the_same_size_in_the_same_second_is_seen_by_python(workspace: Workspace) -> None:
    """Compiled files are told apart by second and size only (PEP 552, timestamp-based)."""
    for number in range(4):
        assert step(workspace, IMPORTED) == "1\n"
        done = workspace.apply(FIX, "fix", f"fix-{number}")
        assert step(workspace, IMPORTED) == "2\n"
        workspace.revert(done, f"back-{done}")
    assert step(workspace, IMPORTED) == "1\n"


def test_what_is_written_and_put_back_at_once_is_seen_by_python(workspace: Workspace) -> None:
    for number in range(2, 6):
        assert step(workspace, IMPORTED) == "1\n"
        workspace.write("app.py", f"x = {number}\n")
        assert step(workspace, IMPORTED) == f"{number}\n"
        workspace.restore()
    assert step(workspace, IMPORTED) == "1\n"
