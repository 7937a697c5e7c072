"""How does an archive that somebody sends become an Upload, and a file again? Judged by its first bytes."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from uuid import uuid4

from django.contrib.auth.models import User
from django.core.files import File

from metabuilder.execution import archives
from metabuilder.runs.models import Upload
from tenants.models import Tenant

PIECE_BYTES = 1 << 16
SUFFIXES = {archives.GZIP: ".tar.gz", archives.ZIP: ".zip"}


class UploadRefused(Exception):
    """What was sent is not an archive that can be built from."""


class UploadOutOfReach(Exception):
    """The storage does not give the archive back. `is_gone`: it never will."""

    def __init__(self, message: str, *, is_gone: bool) -> None:
        super().__init__(message)
        self.is_gone = is_gone


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Received:
    """An archive on this machine's disk, gone when `file` is closed."""

    file: IO[bytes]
    size: int
    digest: str
    suffix: str


def receive(stream: Readable, announced: int) -> Received:
    """Read exactly the announced number of bytes; raise UploadRefused if they do not come."""
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115  # whoever gets it closes it
    digest, size, head = hashlib.sha256(), 0, b""
    for piece in pieces(stream, announced):
        head = head or piece[:2]
        size += len(piece)
        digest.update(piece)
        file.write(piece)
    if size != announced:
        raise UploadRefused(f"{announced} bytes were announced and {size} came.")
    if head not in SUFFIXES:
        raise UploadRefused("This is no archive of a known kind: send a .tar.gz or .zip file.")
    file.flush()
    try:
        archives.check_archive(Path(file.name))
    except archives.ArchiveRejected as error:
        raise UploadRefused(f"The archive is refused: {error}.") from None
    file.seek(0)
    return Received(file, size, digest.hexdigest(), SUFFIXES[head])


def pieces(stream: Readable, announced: int) -> Iterator[bytes]:
    left = announced
    while left > 0:
        piece = stream.read(min(PIECE_BYTES, left))
        if not piece:
            return
        left -= len(piece)
        yield piece


def store(received: Received, tenant: Tenant, name: str, user: User) -> Upload:
    upload = Upload(tenant=tenant, name=name or "source", size_bytes=received.size, created_by=user)
    upload.file.save(f"{uuid4().hex}{received.suffix}", File(received.file), save=False)
    upload.save()
    return upload


@contextmanager
def local_copy(upload: Upload) -> Iterator[Path]:
    """Give the archive as a file of this machine: the stored one itself, or a copy for as long as this lasts."""
    try:
        path = Path(upload.file.path)
    except NotImplementedError:  # the storage is not a directory
        with tempfile.NamedTemporaryFile() as copy:
            download(upload, copy)
            yield Path(copy.name)
        return
    if not path.exists():
        raise UploadOutOfReach(f"The upload {upload} is not in the storage any more.", is_gone=True)
    yield path


def download(upload: Upload, target: IO[bytes]) -> None:
    try:
        with upload.file.open("rb") as stored:
            shutil.copyfileobj(stored, target, PIECE_BYTES)
        target.flush()
    except FileNotFoundError:
        raise UploadOutOfReach(f"The upload {upload} is not in the storage any more.", is_gone=True) from None
    except Exception as error:  # whatever a storage raises
        raise UploadOutOfReach(f"The upload {upload} cannot be fetched just now: {error}", is_gone=False) from error
