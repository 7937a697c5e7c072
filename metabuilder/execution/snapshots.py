"""How is a foreign directory copied without trusting what is in it?

Everything is opened relative to an open directory, never through a link; only plain files and links
themselves are copied. The service may be root here, so no program is run on the source, and git
least of all.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from metabuilder.execution import files

SKIPPED = frozenset(
    {
        ".git",
        ".venv",
        "node_modules",
        "__pycache__",
        ".pytest_cache",
        ".ruff_cache",
        ".mypy_cache",
        ".tox",
        ".nox",
    }
)
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_LISTED = 200_000
MAX_DEPTH = 100
GIT_FILES = ("HEAD", "packed-refs", "shallow")
GIT_TREES = ("objects", "refs")


class SnapshotRefused(Exception):
    """The directory cannot be copied; the message says why."""


@dataclass(frozen=True)
class CopyLimits:
    entries: int = 50_000
    total_bytes: int = 2 << 30


def listing(root: Path, skipped: frozenset[str] = SKIPPED) -> list[str]:
    """Return the relative paths of plain files and links below `root`."""
    try:
        fd = os.open(root, DIRECTORY)
    except OSError as error:
        raise SnapshotRefused(f"cannot read the directory: {error.strerror}") from error
    found: list[str] = []
    try:
        for path in _walk(fd, "", skipped, MAX_DEPTH):
            found.append(path)
            if len(found) > MAX_LISTED:
                raise SnapshotRefused(f"the directory has more than {MAX_LISTED} files")
    finally:
        os.close(fd)
    return found


def copy(source: Path, target: Path, paths: Iterable[str], limits: CopyLimits) -> list[str]:
    """Copy `paths` from `source` into `target` and return those that could be."""
    copied: list[str] = []
    total = 0
    for path in paths:
        size = _copy_one(source, target, path)
        if size is None:
            continue
        copied.append(path)
        total += size
        if len(copied) > limits.entries:
            raise SnapshotRefused(f"the directory has more than {limits.entries} files to build")
        if total > limits.total_bytes:
            raise SnapshotRefused(f"the directory has more than {limits.total_bytes} bytes to build")
    return copied


def copy_git_objects(git_dir: Path, target: Path) -> None:
    """Copy objects and refs, and nothing that configures: no config, hooks, alternates or work
    trees.
    """
    paths = [name for name in GIT_FILES if (git_dir / name).is_file()]
    for tree in GIT_TREES:
        paths += [f"{tree}/{path}" for path in listing(git_dir / tree, frozenset())]
    plain = [path for path in paths if not path.startswith("objects/info/")]
    copy(git_dir, target, plain, CopyLimits(entries=MAX_LISTED, total_bytes=4 << 30))


def _walk(fd: int, prefix: str, skipped: frozenset[str], depth: int) -> Iterator[str]:
    with os.scandir(fd) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{prefix}{entry.name}"
        if entry.name in skipped:
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth == 0:
                raise SnapshotRefused(f"the directory is nested too deeply: {path[:200]}")
            yield from _descend(fd, path, entry.name, skipped, depth)
        elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
            yield path


def _descend(fd: int, path: str, name: str, skipped: frozenset[str], depth: int) -> Iterator[str]:
    with suppress(PermissionError, NotADirectoryError, FileNotFoundError):
        child = os.open(name, DIRECTORY, dir_fd=fd)
        try:
            yield from _walk(child, f"{path}/", skipped, depth - 1)
        finally:
            os.close(child)


def _copy_one(source: Path, target: Path, path: str) -> int | None:
    """Return the size of what was copied, or None for what went away or is not ours to read."""
    destination = target / path
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with files.opened_beneath(source, path) as fd:
            return _copy_file(fd, destination)
    except files.UnsafePath:
        return _copy_link(source / path, destination)
    except FileNotFoundError:
        return None


def _copy_file(fd: int, destination: Path) -> int:
    info = os.fstat(fd)
    destination.unlink(missing_ok=True)
    copied = 0
    with destination.open("xb") as output:
        while chunk := os.read(fd, 1 << 20):
            output.write(chunk)
            copied += len(chunk)
            if copied > info.st_size + (64 << 20):
                raise SnapshotRefused(f"a file grows while it is copied: {destination.name}")
    destination.chmod(0o755 if info.st_mode & stat.S_IXUSR else 0o644)
    return copied


def _copy_link(source: Path, destination: Path) -> int | None:
    with suppress(OSError):
        aim = source.readlink()
        destination.unlink(missing_ok=True)
        destination.symlink_to(aim)
        return 0
    return None
