"""Is the working tree still what git's index says? Asked without starting git, which costs more than a short step.

git writes down in its index what `lstat` said of each file, and trusts a file of which that is the same
and which is older than the index itself (git's Documentation/technical/index-format and racy-git). Here
the change time counts too, which nobody can set. What this module does not know counts as changed.
"""

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"DIRC"
VERSIONS = (2, 3)
MOST_ENTRIES = 20_000
ENTRY = struct.Struct(">10I20sH")
EXTENDED, NAME_LENGTH, SHORT = 0x4000, 0x0FFF, 0xFFFFFFFF
OWNER_MAY_RUN = 0o100
NANOSECONDS = 1_000_000_000


class Unknown(Exception):
    """The index is of a kind that is not read here."""


@dataclass(frozen=True)
class Entry:
    """A file as git saw it last; times in nanoseconds, numbers cut to 32 bits as git does."""

    path: bytes
    changed_ns: int
    written_ns: int
    inode: int
    mode: int
    size: int

    def is_seen_in(self, found: os.stat_result) -> bool:
        return (
            found.st_ctime_ns == self.changed_ns
            and found.st_mtime_ns == self.written_ns
            and found.st_ino & SHORT == self.inode
            and found.st_size & SHORT == self.size
            and stat.S_IFMT(found.st_mode) == stat.S_IFMT(self.mode)
            and (stat.S_ISLNK(self.mode) or bool(found.st_mode & OWNER_MAY_RUN) == bool(self.mode & OWNER_MAY_RUN))
        )


def seal(git_dir: Path) -> tuple[int, int, int] | None:
    """Return what tells this state of the index from any other; None if there is none."""
    try:
        found = (git_dir / "index").lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def tree_matches(git_dir: Path, tree: Path) -> bool:
    """True if every tracked file is as it was when the index was written; False if that cannot be told."""
    try:
        written_ns = (git_dir / "index").stat().st_mtime_ns
        root = os.fsencode(tree)
        found = list(entries((git_dir / "index").read_bytes()))
        return _are_directories(root, {os.path.dirname(entry.path) for entry in found}) and all(
            max(entry.written_ns, entry.changed_ns) < written_ns
            and entry.is_seen_in(os.lstat(os.path.join(root, entry.path)))
            for entry in found
        )
    except (OSError, Unknown, struct.error, ValueError):
        return False


def _are_directories(root: bytes, folders: set[bytes]) -> bool:
    """False if one of them, or one above it, is a link: what is behind it may be the very same files."""
    above = {
        b"/".join(parts[:n]) for parts in (folder.split(b"/") for folder in folders) for n in range(len(parts) + 1)
    }
    return all(stat.S_ISDIR(os.lstat(os.path.join(root, folder)).st_mode) for folder in above if folder)


def entries(data: bytes) -> Iterator[Entry]:
    """Yield the files in an index; raise Unknown for what is not understood."""
    signature, version, count = struct.unpack_from(">4s2I", data)
    if signature != SIGNATURE or version not in VERSIONS or count > MOST_ENTRIES:
        raise Unknown
    at = 12
    for _ in range(count):
        fields = ENTRY.unpack_from(data, at)
        flags = fields[11]
        name_at = at + ENTRY.size
        if flags & EXTENDED or not (stat.S_ISREG(fields[6]) or stat.S_ISLNK(fields[6])):
            raise Unknown  # skipped or only announced, or a repository of its own
        length = flags & NAME_LENGTH
        end = name_at + length if length < NAME_LENGTH else data.index(b"\0", name_at)
        yield Entry(
            data[name_at:end],
            fields[0] * NANOSECONDS + fields[1],
            fields[2] * NANOSECONDS + fields[3],
            fields[5],
            fields[6],
            fields[9],
        )
        at += (end - at + 8) & ~7
