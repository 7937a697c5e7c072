"""Writes a step's output to the database while it runs, and reads it back in pages.

Kept are the first `limit` bytes and, of a longer log, its last mebibyte, with a marker between.
"""

import codecs
import time
from collections.abc import Iterator
from contextlib import suppress

from django.db import Error

from metabuilder.runs.models import LogChunk, StepExecution

FLUSH_SECONDS = 0.5
FLUSH_CHARACTERS = 32_768
TAIL_BYTES = 1 << 20


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

    def close(self, tail: bytes) -> None:
        """Write what is left; `tail` is the end of the whole output."""
        self._buffer += self._decoder.decode(b"", final=True)
        if self.truncated:
            end = tail[-min(TAIL_BYTES, self.seen_bytes - self.limit_bytes) :]
            left_out = self.seen_bytes - self.limit_bytes - len(end)
            self._buffer += f"\n[... {left_out} bytes of output are not kept ...]\n"
            self._buffer += end.decode("utf-8", errors="replace").replace("\0", "\ufffd")
        self.flush()

    def flush(self) -> None:
        self._flushed = time.monotonic()
        while self._buffer:
            text = self._buffer[: FLUSH_CHARACTERS * 2]
            LogChunk.objects.create(execution=self.execution, sequence=self._sequence, offset=self._offset, text=text)
            self._buffer = self._buffer[len(text) :]
            self._sequence += 1
            self._offset += len(text)


def read(execution: StepExecution, start: int = 0) -> Iterator[str]:
    """Yield the log from character `start` on, chunk by chunk."""
    chunks = execution.chunks.order_by("sequence").iterator(chunk_size=20)
    for chunk in chunks:
        if chunk.offset + len(chunk.text) > start:
            yield chunk.text[max(0, start - chunk.offset) :]
