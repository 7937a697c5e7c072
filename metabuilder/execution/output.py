"""How is output of any length and shape read in bounded memory?

Fixed chunks, never lines: a line may be 300 MB long.
"""

import os
import time
from collections import deque
from collections.abc import Callable

CHUNK_BYTES = 64 * 1024
FLUSH_SECONDS = 0.2


class Tail:
    """Keeps the last `keep_bytes` of what it is fed and counts all of it."""

    def __init__(self, keep_bytes: int) -> None:
        self.total = 0
        self._keep_bytes = keep_bytes
        self._kept = 0
        self._chunks: deque[bytes] = deque()

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._kept += len(chunk)
        self._chunks.append(chunk)
        while self._kept - len(self._chunks[0]) >= self._keep_bytes:
            self._kept -= len(self._chunks.popleft())

    @property
    def truncated(self) -> bool:
        return self.total > self._keep_bytes

    def value(self) -> bytes:
        return b"".join(self._chunks)[-self._keep_bytes :]


class Stream:
    """One pipe of a command: its tail is kept, and a listener hears every chunk at most 0.2 s late."""

    def __init__(self, fd: int, keep_bytes: int, listener: Callable[[bytes], None] | None) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.is_open = True
        self.tail = Tail(keep_bytes)
        self._listener = listener
        self._unsent = bytearray()
        self._sent_at = time.monotonic()

    def read_once(self) -> bool:
        """Read what is there, up to one chunk; say whether there may be more."""
        try:
            chunk = os.read(self.fd, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self.is_open = False
            return False
        self.tail.feed(chunk)
        if self._listener is not None:
            self._unsent += chunk
        return True

    def flush(self, *, force: bool = False) -> None:
        if self._listener is None or not self._unsent:
            return
        is_due = time.monotonic() - self._sent_at >= FLUSH_SECONDS
        if force or is_due or len(self._unsent) >= CHUNK_BYTES:
            chunk = bytes(self._unsent)
            self._unsent.clear()
            self._sent_at = time.monotonic()
            self._listener(chunk)

    def drain(self) -> None:
        """Read what the dead left in the pipe. Never waits: someone else may still hold its other
        end.
        """
        for _ in range(64):
            if not self.is_open or not self.read_once():
                break
            self.flush()
        self.flush(force=True)
