"""How much did a directory grow while a command ran?"""

import errno
import os
import threading
import time
from pathlib import Path

CHECK_SECONDS = 0.8
MAX_ENTRIES = 500_000
UNMEASURABLE = 1 << 62


def usage(root: Path, stop: threading.Event | None = None) -> int:
    """Return the allocated bytes below `root`; a tree made to escape measuring counts as endless."""
    total = 0
    entries = 0
    pending = [str(root)]
    while pending and not (stop is not None and stop.is_set()):
        size, count, directories = _directory(pending.pop())
        total += size
        entries += count
        pending += directories
        if entries > MAX_ENTRIES:
            return UNMEASURABLE
    return total


def _directory(path: str) -> tuple[int, int, list[str]]:
    size = 0
    count = 0
    directories: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                count += 1
                size += _allocated(entry)
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return UNMEASURABLE, count, []
    return size, count, directories


def _allocated(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:
        return 0


class DiskWatch:
    """Measures a directory about once a second in a thread of its own, until it grew past its
    quota.
    """

    def __init__(self, root: Path, quota_bytes: int) -> None:
        self.growth_bytes = 0
        self.is_over = False
        self._root = root
        self._quota_bytes = quota_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="disk-watch", daemon=True)

    def __enter__(self) -> "DiskWatch":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        baseline = usage(self._root, self._stop)
        pause = CHECK_SECONDS
        while not self._stop.wait(pause):
            started = time.monotonic()
            self.growth_bytes = usage(self._root, self._stop) - baseline
            if self.growth_bytes > self._quota_bytes and not self._stop.is_set():
                self.is_over = True
                return
            pause = max(CHECK_SECONDS - (time.monotonic() - started), 0.1)
