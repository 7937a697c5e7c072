import pytest

from metabuilder.execution.patches import PatchRejected, check

GOOD = "diff --git a/a.py b/a.py\nindex 1234567..89abcde 100644\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n"


def new_file(path: str, mode: str = "100644", content: str = "x") -> str:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{content}\n"
    )


HOSTILE = {
    "symbolic link": new_file("l", "120000", "/etc/passwd"),
    "submodule": new_file("sub", "160000", "Subproject commit 1234"),
    "new executable file": new_file("x.sh", "100755"),
    "mode 100666": new_file("x", "100666"),
    "leaves the tree": new_file("../x"),
    "absolute path": GOOD.replace("a/a.py", "a//etc/x").replace("b/a.py", "b//etc/x"),
    "git's own files": new_file(".git/hooks/pre-commit"),
    "own files: '.GIT": new_file(".GIT/config"),
    "own files: 'sub/.gitmodules": new_file("sub/.gitmodules"),
    "own files: 'git~1": new_file("git~1/config"),
    "control characters": new_file("a\x1b[31m.py"),
    "quotes": new_file('"a\\n.py"'),
    "binary file": "diff --git a/a.png b/a.png\nindex 1..2 100644\nGIT binary patch\nliteral 0\n",
    "contradicts itself": GOOD.replace("+++ b/a.py", "+++ b/b.py"),
    "ends early": GOOD.replace("@@ -1 +1 @@", "@@ -1,5 +1,5 @@"),
    "not part of a diff": "Here is the fix:\n" + GOOD,
    "without '\\+\\+\\+'": "--- a/a.py\n@@ -1 +1 @@\n-x\n+y\n",
    "without 'a/'": "--- a.py\n+++ a.py\n@@ -1 +1 @@\n-x\n+y\n",
    "cannot be read": GOOD.replace("index 1234567..89abcde 100644", "evil header"),
    "changes no file": "",
    "NUL": GOOD + "\0",
    "larger than": new_file("big", content="x" * (1 << 20)),
    "touches 51 files": "".join(new_file(f"f{number}") for number in range(51)),
}


@pytest.mark.parametrize(("reason", "patch"), HOSTILE.items(), ids=HOSTILE)
def test_a_hostile_patch_is_rejected_with_a_reason(reason: str, patch: str) -> None:
    with pytest.raises(PatchRejected, match=reason):
        check(patch)


def test_it_says_which_files_a_patch_touches() -> None:
    move = "diff --git a/old.py b/new.py\nsimilarity index 100%\nrename from old.py\nrename to new.py\n"
    assert check(GOOD + new_file("b c.txt") + move) == {"a.py", "b c.txt", "old.py", "new.py"}


def test_it_reads_hunks_that_look_like_headers() -> None:
    patch = "--- a/a.sql\n+++ b/a.sql\n@@ -1,2 +1,2 @@\n--- a/x\n+++ b/y\n z\n\\ No newline at end of file\n"
    assert check(patch) == {"a.sql"}


def test_it_reads_a_deletion_and_several_hunks() -> None:
    deletion = "diff --git a/d b/d\ndeleted file mode 100755\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    two_hunks = "--- a/t\n+++ b/t\n@@ -1 +1 @@\n-a\n+b\n@@ -9,2 +9,2 @@ def f():\n\n-c\n+d\n"
    assert check(deletion + two_hunks) == {"d", "t"}
