"""Writes a step's output to the database while it runs, and reads it back in pages.

Kept are the first `limit` bytes and, of a longer log, its last mebibyte, with a marker between.
Once its step has ended a large log moves to the storage (`log_files`): it is there if it has no rows.
"""

import codecs
import logging
import time
from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings
from django.db import Error

from metabuilder.runs import log_files
from metabuilder.runs.models import LogChunk, StepExecution

FLUSH_SECONDS = 0.5
FLUSH_CHARACTERS = 32_768
TAIL_BYTES = 1 << 20
ENDLESS = 1 << 62
logger = logging.getLogger(__name__)


class LogWriter:
    """Takes raw output as it comes; NUL, which PostgreSQL cannot store, becomes U+FFFD."""

    def __init__(self, execution: StepExecution, limit_bytes: int) -> None:
        self.execution = execution
        self.limit_bytes = limit_bytes
        self.seen_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._buffer = ""
        self._offset = 0
        self._sequence = 0
        self._flushed = time.monotonic()

    @property
    def characters(self) -> int:
        """How long the log is, in characters, once it is closed."""
        return self._offset

    @property
    def truncated(self) -> bool:
        return self.seen_bytes > self.limit_bytes

    def write(self, data: bytes) -> None:
        room = max(0, self.limit_bytes - self.seen_bytes)
        self.seen_bytes += len(data)
        self._buffer += self._decoder.decode(data[:room]).replace("\0", "\ufffd")
        is_due = time.monotonic() - self._flushed >= FLUSH_SECONDS
        if is_due or len(self._buffer) >= FLUSH_CHARACTERS:
            with suppress(Error):  # the database is away: the rest is kept until it is back
                self.flush()

    def close(self, tail: bytes) -> list[LogChunk]:
        """Return what is left to write; `tail` is the end of the whole output."""
        self._buffer += self._decoder.decode(b"", final=True)
        if self.truncated:
            end = tail[-min(TAIL_BYTES, self.seen_bytes - self.limit_bytes) :]
            left_out = self.seen_bytes - self.limit_bytes - len(end)
            self._buffer += f"\n[... {left_out} bytes of output are not kept ...]\n"
            self._buffer += end.decode("utf-8", errors="replace").replace("\0", "\ufffd")
        return list(self._chunks())

    def flush(self) -> None:
        self._flushed = time.monotonic()
        for chunk in self._chunks():
            chunk.save(force_insert=True)

    def _chunks(self) -> Iterator[LogChunk]:
        """Yield what is in the buffer as rows; what has been dealt with when the next is asked for is gone from it."""
        while self._buffer:
            text = self._buffer[: FLUSH_CHARACTERS * 2]
            yield LogChunk(execution=self.execution, sequence=self._sequence, offset=self._offset, text=text)
            self._buffer = self._buffer[len(text) :]
            self._sequence += 1
            self._offset += len(text)


def archive(execution: StepExecution) -> None:
    """Move a large log of an execution that has ended to the storage; if that fails it stays where it is.

    Outside of any transaction: a storage may be slow. A worker that dies in between leaves its rows.
    """
    if execution.log_characters <= settings.LOG_ROWS_LIMIT or not execution.chunks.exists():
        return
    name = log_files.new_name()
    mine = StepExecution.objects.filter(pk=execution.pk)
    try:
        mine.update(log_file=name)  # first: what is stored can then be found and removed, whatever happens
        log_files.write(name, (text for _, text in _rows(execution)))
        LogChunk.objects.filter(execution=execution).delete()
    except Exception as error:  # whatever a storage raises: the evidence is in the rows
        logger.warning("The log of execution %s stays in the database: it cannot be stored: %s", execution.pk, error)
    else:
        execution.log_file.name = name


def read(execution: StepExecution, start: int = 0) -> Iterator[str]:
    """Yield the log from character `start` on, piece by piece."""
    for offset, text in pieces(execution, start):
        yield text[max(0, start - offset) :]


def pieces(execution: StepExecution, start: int = 0, stop: int = ENDLESS) -> Iterator[tuple[int, str]]:
    """Yield the pieces that a log is kept in, with their places, from that with character `start` on.

    Where they are is asked now: a log may have moved since the execution was read.
    """
    is_in_rows = False
    for piece in _rows(execution, start, stop):
        is_in_rows = True
        yield piece
    if not is_in_rows:
        stored = StepExecution.objects.filter(pk=execution.pk).values_list("log_file", "log_characters").first()
        name, characters = stored or ("", 0)
        if name:
            yield from log_files.read(name, start, min(stop, characters))


def _rows(execution: StepExecution, start: int = 0, stop: int = ENDLESS) -> Iterator[tuple[int, str]]:
    chunks = execution.chunks.filter(offset__lt=stop)
    first = chunks.filter(offset__lte=start).order_by("-sequence").values("sequence").first()
    if first is not None:
        chunks = chunks.filter(sequence__gte=first["sequence"])
    yield from chunks.order_by("sequence").values_list("offset", "text").iterator(chunk_size=20)
