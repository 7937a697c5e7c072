"""How is a log kept in the storage? In parts of as many characters each, so that any page is one read.

A log's name is a directory that nobody can guess; its parts are compressed by themselves. Whether a
log is here at all: `logs`.
"""

import gzip
from collections.abc import Iterable, Iterator
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

PART_CHARACTERS = 1 << 18  # the parts of every log that is stored already have this length


def new_name() -> str:
    name = uuid4().hex
    return f"logs/{name[:2]}/{name}"


def write(name: str, texts: Iterable[str]) -> None:
    """Store a log; raise whatever the storage raises."""
    for number, text in enumerate(in_parts(texts)):
        content = gzip.compress(text.encode(), compresslevel=6, mtime=0)
        default_storage.save(part_name(name, number), ContentFile(content))


def read(name: str, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Yield the parts with the characters from `start` to before `stop`, each with its place."""
    for number in range(start // PART_CHARACTERS, count_of(stop)):
        with default_storage.open(part_name(name, number)) as part:
            yield number * PART_CHARACTERS, gzip.decompress(part.read()).decode()


def remove(name: str, characters: int) -> None:
    """Remove a log, or what there is of it; the last part first, that a beginning never lacks."""
    for number in reversed(range(count_of(characters))):
        default_storage.delete(part_name(name, number))


def in_parts(texts: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    length = 0
    for text in texts:
        held.append(text)
        length += len(text)
        if length >= PART_CHARACTERS:
            whole = "".join(held)
            cut = length - length % PART_CHARACTERS
            yield from (whole[at : at + PART_CHARACTERS] for at in range(0, cut, PART_CHARACTERS))
            held, length = [whole[cut:]], length - cut
    if length:
        yield "".join(held)


def count_of(characters: int) -> int:
    return -(-characters // PART_CHARACTERS)


def part_name(name: str, number: int) -> str:
    return f"{name}/{number:05}.gz"
