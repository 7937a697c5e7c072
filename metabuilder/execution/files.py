"""How is a file read or written in a tree that hostile code could shape?

Never through a link, never outside the tree, never a FIFO or a device, never more than the cap.
"""

import ctypes
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_BYTES = 2 << 20
OPENAT2 = 437
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = (
    0x01,
    0x02,
    0x04,
    0x08,
)
RESOLVE = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KERNEL_ANSWERS = (38, 1)  # ENOSYS, EPERM: an old kernel, or a container that does not know the call


class UnsafePath(Exception):
    """The path is not that of a plain file inside the tree."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


def read_bytes(root: Path, path: str, max_bytes: int = MAX_BYTES) -> bytes:
    with opened_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK) as fd:
        if os.fstat(fd).st_size > max_bytes:
            raise UnsafePath(f"{path}: larger than {max_bytes} bytes")
        with open(fd, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UnsafePath(f"{path}: larger than {max_bytes} bytes")
    return content


def write_bytes(
    root: Path, path: str, content: bytes, owner: int | None = None, *, changed_at: float | None = None
) -> None:
    """Write a file, made if missing together with its directories, and give what was made to
    `owner`. `changed_at` is the time of change that it gets; none: now.
    """
    if len(content) > MAX_BYTES:
        raise UnsafePath(f"{path}: larger than {MAX_BYTES} bytes")
    _make_parents(root, _parts(path)[:-1], owner)
    with opened_beneath(root, path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK) as fd:
        if owner is not None:
            os.fchown(fd, owner, owner)
        os.ftruncate(fd, 0)
        with open(fd, "wb", closefd=False) as file:
            file.write(content)
        if changed_at is not None:
            os.utime(fd, (changed_at, changed_at))


def changed_at(root: Path, path: str) -> int | None:
    """Return the second in which a plain file was last changed; None for what is none."""
    try:
        with opened_beneath(root, path) as fd:
            return int(os.fstat(fd).st_mtime)
    except (OSError, UnsafePath):
        return None


def set_changed_at(root: Path, path: str, seconds: float) -> None:
    """Set the time of change of a plain file; what is none stays as it is."""
    try:
        with opened_beneath(root, path) as fd:
            os.utime(fd, (seconds, seconds))
    except (OSError, UnsafePath):
        return


def is_plain(root: Path, path: str) -> bool:
    """Say whether `path` can be read as a plain file."""
    try:
        with opened_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK):
            return True
    except (OSError, UnsafePath):
        return False


@contextmanager
def opened_beneath(root: Path, path: str, flags: int = os.O_RDONLY | os.O_NONBLOCK) -> Iterator[int]:
    """Give a descriptor of the plain file at `path`, reached through no link."""
    parts = _parts(path)
    root_fd = os.open(root, DIRECTORY)
    try:
        fd = _open_beneath(root_fd, parts, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafePath(f"{path}: {error.strerror}") from error
    finally:
        os.close(root_fd)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UnsafePath(f"{path}: not a regular file")
        yield fd
    finally:
        os.close(fd)


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        raise UnsafePath(f"{path!r}: not a path inside the tree")
    return parts


def _open_beneath(root_fd: int, parts: list[str], flags: int) -> int:
    how = _OpenHow(flags, 0o644 if flags & os.O_CREAT else 0, RESOLVE)
    name = "/".join(parts).encode(errors="surrogateescape")
    fd: int = _libc.syscall(OPENAT2, root_fd, name, ctypes.byref(how), ctypes.sizeof(how))
    if fd >= 0:
        return fd
    number = ctypes.get_errno()
    if number in KERNEL_ANSWERS:
        return _walk(root_fd, parts, flags)
    raise OSError(number, os.strerror(number))


def _walk(root_fd: int, parts: list[str], flags: int) -> int:
    """Open one component after the other, none of them a link."""
    directory = os.dup(root_fd)
    try:
        for part in parts[:-1]:
            following = os.open(part, DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = following
        return os.open(parts[-1], flags, 0o644, dir_fd=directory)
    finally:
        os.close(directory)


def _make_parents(root: Path, parts: list[str], owner: int | None) -> None:
    directory = os.open(root, DIRECTORY)
    try:
        for part in parts:
            directory = _enter(directory, part, owner)
    except OSError as error:
        raise UnsafePath(f"{'/'.join(parts)}: {error.strerror}") from error
    finally:
        os.close(directory)


def _enter(directory: int, name: str, owner: int | None) -> int:
    """Return the open subdirectory `name`, made if missing, in exchange for `directory`."""
    try:
        os.mkdir(name, dir_fd=directory)
    except FileExistsError:
        pass
    else:
        if owner is not None:
            os.chown(name, owner, owner, dir_fd=directory, follow_symlinks=False)
    following = os.open(name, DIRECTORY, dir_fd=directory)
    os.close(directory)
    return following
