"""How the search and its servers speak: values with a length before them, code objects among them."""

from __future__ import annotations

import marshal
import os
import struct
from dataclasses import dataclass
from types import CodeType
from typing import Any

HEADER = struct.Struct("I")


@dataclass(frozen=True)
class Swap:
    """New code for a function that is there: the one of this name whose code starts at this line of this file."""

    path: str
    line: int
    name: str
    code: CodeType | None
    defaults: CodeType | None = None


@dataclass(frozen=True)
class Request:
    """What a child is to do: one of the names in `children.DEEDS`. `silence_seconds`: how long it may say nothing."""

    do: str
    tests: tuple[str, ...] = ()
    seconds: float = 5.0
    silence_seconds: float = 20.0
    until_failure: bool = False
    files: tuple[str, ...] = ()
    candidates: tuple[tuple[Swap, ...], ...] = ()
    texts: tuple[tuple[str, bytes], ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What a child said, and how it ended: by itself ("done"), of itself ("died"), or for its silence ("killed")."""

    rows: list[Any]  # JSON of a child that runs whatever code there is
    end: str
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0


def packed(request: Request) -> bytes:
    plain = dict(vars(request))
    plain["candidates"] = tuple(tuple(tuple(vars(swap).values()) for swap in each) for each in request.candidates)
    return marshal.dumps(plain)


def unpacked(data: bytes) -> Request:
    plain = marshal.loads(data)  # noqa: S302  # from the search, which started this process
    plain["candidates"] = tuple(tuple(Swap(*swap) for swap in each) for each in plain["candidates"])
    return Request(**plain)


def send(fd: int, data: bytes) -> None:
    data = HEADER.pack(len(data)) + data
    while data:
        data = data[os.write(fd, data) :]


def receive(fd: int) -> bytes | None:
    """Return the next message; None at the end."""
    header = _exactly(fd, HEADER.size)
    return None if header is None else _exactly(fd, HEADER.unpack(header)[0])


def _exactly(fd: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
