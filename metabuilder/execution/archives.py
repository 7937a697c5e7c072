"""How is an uploaded archive unpacked without letting it decide where and how much?

All entries are looked at before the first is written. Only plain files and directories are made,
with names and modes of our own.
"""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

CHUNK_BYTES = 1 << 20
MAX_NAME = 1000
RATIO_FREE_BYTES = 10 << 20
ZIP_KIND_MASK, ZIP_REGULAR, ZIP_DIRECTORY = 0o170000, (0, 0o100000), 0o040000


GZIP, ZIP = b"\x1f\x8b", b"PK"


class ArchiveRejected(Exception):
    """The archive is not one that we unpack; the message is one line."""


@dataclass(frozen=True)
class ArchiveLimits:
    entries: int = 20_000
    unpacked_bytes: int = 512 << 20
    ratio: int = 200


@dataclass(frozen=True)
class Entry:
    name: str
    size: int
    is_directory: bool
    is_plain: bool
    is_executable: bool


class Archive(Protocol):
    def entries(self) -> Iterator[Entry]: ...

    def open(self, entry: Entry) -> IO[bytes]: ...


class Tar:
    def __init__(self, file: tarfile.TarFile) -> None:
        self._file = file
        self._members: dict[str, tarfile.TarInfo] = {}

    def entries(self) -> Iterator[Entry]:
        for info in self._file:
            self._members[info.name] = info
            is_plain = (info.isreg() and not info.issparse()) or info.isdir()
            is_executable = bool(info.mode & 0o100)
            yield Entry(info.name, info.size, info.isdir(), is_plain, is_executable)

    def open(self, entry: Entry) -> IO[bytes]:
        content = self._file.extractfile(self._members[entry.name])
        if content is None:
            raise ArchiveRejected(f"cannot read {entry.name!r}")
        return content


class Zip:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def entries(self) -> Iterator[Entry]:
        for info in self._file.infolist():
            mode = info.external_attr >> 16
            kind = mode & ZIP_KIND_MASK
            is_plain = kind in (*ZIP_REGULAR, ZIP_DIRECTORY) and not info.flag_bits & 0x1
            yield Entry(info.filename, info.file_size, info.is_dir(), is_plain, bool(mode & 0o100))

    def open(self, entry: Entry) -> IO[bytes]:
        return self._file.open(entry.name)


def check_archive(archive: Path, limits: ArchiveLimits | None = None) -> None:
    """Raise `ArchiveRejected` for what `unpack_archive` would refuse by its list of entries."""
    chosen = limits or ArchiveLimits()
    with _opened(archive) as opened:
        _checked(opened, chosen, _allowed(chosen, archive.stat().st_size))


def unpack_archive(archive: Path, dest: Path, limits: ArchiveLimits | None = None) -> None:
    """Unpack into `dest`, which must not exist and does not exist either when the archive is
    refused.
    """
    dest.mkdir()
    try:
        with _opened(archive) as opened:
            _unpack(opened, dest, limits or ArchiveLimits(), archive.stat().st_size)
    except BaseException:
        shutil.rmtree(dest, ignore_errors=True)
        raise


@contextmanager
def _opened(archive: Path) -> Iterator[Archive]:
    try:
        with archive.open("rb") as file:
            head = file.read(2)
        if head == GZIP:
            with tarfile.open(archive, "r:gz") as tar:
                yield Tar(tar)
        elif head == ZIP:
            with zipfile.ZipFile(archive) as zipped:
                yield Zip(zipped)
        else:
            raise ArchiveRejected("not an archive of a known kind: use .tar.gz or .zip")
    except ArchiveRejected:
        raise
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        raise ArchiveRejected(f"the archive cannot be read: {str(error)[:200]}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise ArchiveRejected(f"the archive cannot be read: {str(error)[:200]}") from error


def _allowed(limits: ArchiveLimits, packed_bytes: int) -> int:
    return min(limits.unpacked_bytes, max(packed_bytes * limits.ratio, RATIO_FREE_BYTES))


def _unpack(archive: Archive, dest: Path, limits: ArchiveLimits, packed_bytes: int) -> None:
    allowed = _allowed(limits, packed_bytes)
    entries = _checked(archive, limits, allowed)
    top = _single_top([parts for parts, _ in entries])
    written = 0
    for parts, entry in entries:
        target = dest.joinpath(*parts[top:])
        if entry.is_directory:
            target.mkdir(parents=True, exist_ok=True)
        elif ".git" not in parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as content:
                written += _write(content, target, allowed - written)
            target.chmod(0o755 if entry.is_executable else 0o644)


def _checked(archive: Archive, limits: ArchiveLimits, allowed: int) -> list[tuple[tuple[str, ...], Entry]]:
    found: dict[tuple[str, ...], Entry] = {}
    total = 0
    for count, entry in enumerate(archive.entries(), start=1):
        total += entry.size
        if count > limits.entries:
            raise ArchiveRejected(f"the archive has more than {limits.entries} entries")
        if total > allowed:
            raise ArchiveRejected(f"the archive unpacks to more than {allowed} bytes")
        parts = _parts(entry)
        if parts in found and not entry.is_directory:
            raise ArchiveRejected(f"the archive has an entry twice: {entry.name!r}")
        if parts:
            found[parts] = entry
    plain = {parts for parts, entry in found.items() if not entry.is_directory}
    if not plain:
        raise ArchiveRejected("the archive contains no file")
    _refuse_files_as_directories(found.keys(), plain)
    return list(found.items())


def _refuse_files_as_directories(paths: Iterable[tuple[str, ...]], plain: set[tuple[str, ...]]) -> None:
    for parts in paths:
        if any(parts[:length] in plain for length in range(1, len(parts))):
            raise ArchiveRejected(f"the archive uses a file as a directory: {'/'.join(parts)!r}")


def _parts(entry: Entry) -> tuple[str, ...]:
    name = entry.name
    if not entry.is_plain:
        raise ArchiveRejected(f"the archive has a link, device or encrypted entry: {name!r}")
    if name.startswith("/") or "\\" in name or "\0" in name or len(name) > MAX_NAME:
        raise ArchiveRejected(f"the archive has an entry with an unusable name: {name[:200]!r}")
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ArchiveRejected(f"the archive has an entry that leaves its directory: {name!r}")
    return parts


def _single_top(paths: list[tuple[str, ...]]) -> int:
    """Return 1 when everything is below one directory, which is then left out, else 0."""
    tops = {parts[0] for parts in paths}
    has_top_file = len(tops) == 1 and not any(len(parts) > 1 for parts in paths)
    return int(len(tops) == 1 and not has_top_file)


def _write(content: IO[bytes], target: Path, allowed: int) -> int:
    written = 0
    with target.open("xb") as file:
        while chunk := content.read(CHUNK_BYTES):
            written += len(chunk)
            if written > allowed:
                raise ArchiveRejected("the archive unpacks to more than it says")
            file.write(chunk)
    return written
