"""How does an archive that somebody sends become an Upload? Read in pieces, judged by its first bytes."""

import hashlib
import tempfile
from collections.abc import Iterator
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
