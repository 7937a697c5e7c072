"""What does the tree that steps run on look like, and how does a fix get into it and out again?

A workspace is a directory with `tree/`, which steps see and write, and `git/`, which they may at
most read. All git commands run in the sandbox's git profile. Read next: `sources.py`, which makes
workspaces.
"""

import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from metabuilder.execution import files, index, patches
from metabuilder.execution.command import Command, Limits, Mount
from metabuilder.execution.patches import PatchRejected
from metabuilder.execution.repository import Repository, WorkspaceError, split, words
from metabuilder.execution.sandbox import Sandbox
from metabuilder.execution.sources import PreparedSource

__all__ = ["PatchRejected", "Workspace", "WorkspaceError", "create"]

ATTEMPT_TRAILER = "Autofix-Attempt"
REVERT_TRAILER = "Autofix-Revert"
KEY = re.compile(r"[\w.:-]{1,200}")
DIFF = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index", "--binary")
RESET = ("reset", "--hard", "--quiet", "HEAD", "--")
PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")
AHEAD_SECONDS = 3600
_writes = count()


@dataclass(frozen=True)
class Workspace:
    """A git working tree at `root`. Files in `untracked_before` are a step's left-overs, not part
    of a change.
    """

    root: Path
    sandbox: Sandbox
    untracked_before: frozenset[str] = frozenset()
    _seals: set[tuple[int, int, int]] = field(default_factory=set, compare=False, repr=False)

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    @property
    def git_dir(self) -> Path:
        return self.root / "git"

    def head(self) -> str:
        return self._repository.head()

    def tree_id(self) -> str:
        """Return git's name of what HEAD holds: equal for equal files, whatever the history."""
        return self._git("rev-parse", "--verify", "HEAD^{tree}").strip()

    def as_seen_now(self) -> "Workspace":
        """Return the workspace with what is untracked now taken as given: no commit will have it."""
        return replace(self, untracked_before=self.untracked())

    def applied_keys(self) -> frozenset[str]:
        """Return the keys of all patches that were ever applied here, taken back or not."""
        log = self._git("log", f"--format=%(trailers:key={ATTEMPT_TRAILER},valueonly)", "HEAD", "--")
        return frozenset(log.split())

    def break_locks(self) -> None:
        """Remove git's lock files; only for who alone uses this workspace, when no git runs in it."""
        for lock in self.git_dir.rglob("*.lock"):
            lock.unlink(missing_ok=True)

    def files(self) -> list[str]:
        """Return the tracked files."""
        return split(self._git("ls-files", "-z", "--cached"))

    def untracked(self) -> frozenset[str]:
        """Return the files that are neither tracked nor ignored."""
        return frozenset(self._repository.untracked())

    def restore(self) -> None:
        """Put tracked files back to HEAD. Untracked ones stay: a step's .venv and build output are
        among them.

        Where nothing has touched the index since they were last, and every file is as it says, git is spared.
        """
        seal = index.seal(self.git_dir)
        if seal is not None and seal in self._seals and index.tree_matches(self.git_dir, self.tree):
            return
        if not self._repository.try_git(*RESET).ok:
            self._make_accessible()
            self._git(*RESET)
        self.trust_index()

    def trust_index(self) -> None:
        """Remember that HEAD, index and tracked files are the same now."""
        self._seals.clear()
        if (seal := index.seal(self.git_dir)) is not None:
            self._seals.add(seal)

    def diff(self) -> str:
        """Return what changed since HEAD, new files included, but for those in `untracked_before`."""
        self._stage()
        try:
            return _readable(self._git("diff", "--cached", *DIFF, *PREFIXES, "HEAD", "--"))
        finally:
            self._git("reset", "--quiet", "HEAD", "--")

    def commit(self, message: str, key: str) -> bool:
        """Commit what `diff` would return; False if that is nothing."""
        self._stage()
        if self._repository.try_git("diff", "--cached", "--quiet", "--no-ext-diff", "HEAD", "--").ok:
            return False
        self._commit(message, ATTEMPT_TRAILER, key)
        return True

    def diff_between(self, base: str, head: str | None = None) -> str:
        """Return the change from commit `base` to commit `head`, HEAD if none is given."""
        diff = self._git("diff", *DIFF, *PREFIXES, "--end-of-options", base, head or "HEAD", "--")
        return _readable(diff)

    def paths_in(self, commit: str) -> list[str]:
        """Return the paths that a commit added, changed or removed."""
        return split(
            self._git("diff", "--name-only", "--no-renames", "-z", "--end-of-options", f"{commit}^", commit, "--")
        )

    def apply(self, patch: str, message: str, key: str) -> str:
        """Apply `patch` to HEAD as one commit and return it; a key that was applied before is not
        applied again.

        Tracked files are put back to HEAD first.
        """
        if done := self._commit_with(ATTEMPT_TRAILER, key):
            return done
        before = self._seconds_of(patches.check(patch))
        self.restore()
        result = self._repository.try_git(
            *("apply", "--index", "--whitespace=nowarn", "-p1", "-"),
            stdin=patch.encode(errors="surrogateescape"),
        )
        if not result.ok:
            self.restore()
            raise PatchRejected(words(result))
        self._check_staged()
        self._keep_apart(before)
        return self._commit(message, ATTEMPT_TRAILER, key)

    def _seconds_of(self, paths: Iterable[str]) -> dict[str, int | None]:
        return {path: files.changed_at(self.tree, path) for path in paths}

    def _keep_apart(self, before: Mapping[str, int | None]) -> None:
        """See that files which were changed have another second of change than before.

        Python, mypy and others take a file of the same second and the same size for the same file, and go on using
        what they compiled of it.
        """
        for path, seconds in self._seconds_of(before).items():
            if seconds is not None and seconds == before[path]:
                files.set_changed_at(self.tree, path, seconds + 1)

    def commit_of(self, key: str) -> str:
        """Return the commit that a patch became here; in another workspace it is another one."""
        if done := self._commit_with(ATTEMPT_TRAILER, key):
            return done
        raise WorkspaceError(f"no patch {key} was applied here")

    def revert(self, commit: str, key: str) -> str:
        """Undo `commit` in a new one and return it; a key that was used before is not used again."""
        if done := self._commit_with(REVERT_TRAILER, key):
            return done
        self.restore()
        subject = self._git("show", "--no-patch", "--format=%s", "--end-of-options", commit, "--").strip()
        before = self._seconds_of(self.paths_in(commit))
        result = self._repository.try_git("revert", "--no-commit", "--end-of-options", commit)
        if not result.ok:
            self.restore()
            raise PatchRejected(words(result))
        self._keep_apart(before)
        self._git("update-ref", "-d", "REVERT_HEAD")
        return self._commit(f"Take back: {subject}\n\nThis takes back {commit}.", REVERT_TRAILER, key)

    def read(self, path: str) -> str:
        """Return the text of a plain file of at most 2 MB."""
        try:
            return files.read_bytes(self.tree, path).decode(errors="replace")
        except (files.UnsafePath, FileNotFoundError) as error:
            raise WorkspaceError(f"cannot read {path}: {error}") from error

    def write(self, path: str, text: str) -> None:
        """Write a file, with a time of change that no other state of it ever had: see `_keep_apart`."""
        changed_at = time.time() + AHEAD_SECONDS + next(_writes)
        try:
            files.write_bytes(self.tree, path, text.encode(), self.sandbox.owner, changed_at=int(changed_at))
        except files.UnsafePath as error:
            raise WorkspaceError(f"cannot write {path}: {error}") from error

    @contextmanager
    def scratch(self, dest_root: Path, prefix: str = "scratch-") -> Iterator["Workspace"]:
        """Give an independent copy with tracked files as in HEAD, to try things in; it is removed
        afterwards.
        """
        dest_root.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=prefix, dir=dest_root))
        root.chmod(0o711)
        copy = Workspace(root, self.sandbox)
        try:
            for source, target in ((self.tree, copy.tree), (self.git_dir, copy.git_dir)):
                copy_tree(self.sandbox, source, target)
            copy.restore()
            yield replace(copy, untracked_before=copy.untracked())
        finally:
            copy.remove()

    def remove(self) -> None:
        """Delete the workspace, whatever a step left in it."""
        for directory in (self.tree, self.git_dir):
            if directory.is_dir() and not directory.is_symlink():
                self.sandbox.run(Command(("sh", "-c", "chmod -R u+rwX . ; find . -mindepth 1 -delete"), directory))
        shutil.rmtree(self.root, ignore_errors=True)

    def _make_accessible(self) -> None:
        """Give back the permissions that a step took from its own files."""
        argv = ("find", ".", "-type", "d", "!", "-perm", "-u=rwx", "-exec", "chmod", "u+rwx", "{}", ";")
        self.sandbox.run(Command(argv, self.tree))

    def _stage(self) -> None:
        new_files = sorted(self.untracked() - self.untracked_before)
        self._refuse_nested_repositories(new_files)
        self._git("add", "--update", "--", ".")
        self._repository.add(new_files)

    def _commit_with(self, trailer: str, key: str) -> str | None:
        """Return the commit that carries `key`, if there is one."""
        if not KEY.fullmatch(key):
            raise WorkspaceError(f"not a key: {key!r}")
        log = self._git("log", f"--format=%H %(trailers:key={trailer},valueonly,separator=%x20)", "HEAD", "--")
        return next((line.split()[0] for line in log.splitlines() if key in line.split()[1:]), None)

    def _commit(self, message: str, trailer: str, key: str) -> str:
        body = re.sub(r"^(?=Autofix-)", "> ", message.strip(), flags=re.MULTILINE)
        self._git(
            *("commit", "--quiet", "--no-verify", "--cleanup=whitespace", "--file=-"),
            stdin=f"{body}\n\n{trailer}: {key}\n".encode(errors="replace"),
        )
        return self.head()

    def _check_staged(self) -> None:
        """Look at what git made of a patch: it, not our reader of diffs, has written the files."""
        changes = split(self._git("diff", "--cached", "--raw", "--no-renames", "-z", "HEAD", "--"))
        try:
            if not changes:
                raise PatchRejected("the patch changes nothing")
            for meta, path in zip(changes[::2], changes[1::2], strict=True):
                old, new = meta.removeprefix(":").split()[:2]
                patches.check_path(path)
                if new != "000000":
                    patches.check_mode(new, path=path, was=old)
        except PatchRejected:
            self.restore()
            raise

    def _refuse_nested_repositories(self, new_files: list[str]) -> None:
        """A nested repository, once added, runs its own hooks and filters in every later git
        command.
        """
        for path in new_files:
            if path.endswith("/"):
                raise WorkspaceError(f"there is a git repository inside the workspace: {path}.git")
        directories = {str(parent) for path in (*new_files, *self.files()) for parent in Path(path).parents}
        for directory in sorted(directories - {"."}):
            with suppress(OSError):
                (self.tree / directory / ".git").lstat()
                raise WorkspaceError(f"there is a git repository inside the workspace: {directory}/.git")

    def _git(self, *args: str, stdin: bytes | None = None) -> str:
        return self._repository.git(*args, stdin=stdin)

    @property
    def _repository(self) -> Repository:
        return Repository(self.root, self.sandbox)


def create(root: Path, sandbox: Sandbox, source: PreparedSource) -> Workspace:
    """Make a workspace of its own from a prepared source, or take the one that `fetch` left at
    `root`.
    """
    if root != source.root:
        root.mkdir(mode=0o711, parents=True)
        for name in ("tree", "git"):
            copy_tree(sandbox, source.root / name, root / name)
    workspace = Workspace(root, sandbox)
    workspace.trust_index()
    return workspace


def copy_tree(sandbox: Sandbox, source: Path, target: Path) -> None:
    """Copy a tree inside the sandbox, where links, FIFOs and devices in it are harmless."""
    target.mkdir()
    sandbox.hand_over(target)
    mount = Mount(source, "/source")
    argv = ("cp", "-a", "--reflink=auto", f"{sandbox.seen_at(mount)}/.", ".")
    result = sandbox.run(Command(argv, target, mounts=(mount,), limits=Limits(disk_bytes=4 << 30)))
    if not result.ok:
        raise WorkspaceError(f"cannot copy the workspace: {result.message}: {result.text[-500:]}")


def _readable(diff: str) -> str:
    """Return text that any database takes. Bytes that are not UTF-8 get lost: such a patch then
    does not apply.
    """
    return diff.encode(errors="surrogateescape").decode(errors="replace")
