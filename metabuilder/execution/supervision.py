"""When does a running command have to end, and why?

One loop per command: read output, look at the clock, the disk and the caller's wish to stop.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from metabuilder.execution.command import Limits, Verdict
from metabuilder.execution.confinement import Confinement
from metabuilder.execution.disk import DiskWatch
from metabuilder.execution.output import Stream

TICK_SECONDS = 0.1
STOP_CHECK_SECONDS = 0.25
GRACE_SECONDS = 5.0
STOPPED_GRACE_SECONDS = 0.5  # a person who cancels waits for it
OUTPUT_KILL_FACTOR = 25
ENDED_AT_ONCE = frozenset({Verdict.DISK_QUOTA, Verdict.OUTPUT_LIMIT})


@dataclass
class Supervision:
    """Watches one command from its start to the end of everything it started."""

    pid: int
    confinement: Confinement
    streams: list[Stream]
    limits: Limits
    disk: DiskWatch
    should_stop: Callable[[], bool] | None = None
    reason: Verdict | None = None
    growth_bytes: int = 0
    started_at: float = field(default_factory=time.monotonic)
    _kill_at: float = 0.0
    _next_stop_check: float = 0.0

    def watch(self) -> None:
        """Return once the command has ended. Whatever is raised meanwhile, it has ended then too."""
        exit_fd = os.pidfd_open(self.pid)
        try:
            self._until_exit(exit_fd)
        finally:
            if not _has_ended(exit_fd):
                self.confinement.kill()
                _await_end(exit_fd)
            self.confinement.settle()
            os.close(exit_fd)
        for stream in self.streams:
            stream.drain()

    def _until_exit(self, exit_fd: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(exit_fd, selectors.EVENT_READ)
            for stream in self.streams:
                selector.register(stream.fd, selectors.EVENT_READ, stream)
            while not self._read(selector):
                self._end_if_due()

    def _read(self, selector: selectors.BaseSelector) -> bool:
        """Wait one tick for output and pass it on; say whether the command has ended."""
        has_ended = False
        for key, _ in selector.select(TICK_SECONDS):
            stream = key.data
            if not isinstance(stream, Stream):
                has_ended = True
                continue
            stream.read_once()
            if not stream.is_open:
                selector.unregister(stream.fd)
        for stream in self.streams:
            stream.flush()
        return has_ended

    def _end_if_due(self) -> None:
        now = time.monotonic()
        if self.reason is None:
            self.reason = self._reason_to_end(now)
            if self.reason is None:
                return
            self._kill_at = now + (STOPPED_GRACE_SECONDS if self.reason is Verdict.STOPPED else GRACE_SECONDS)
            self.growth_bytes = self.disk.growth_bytes
            self.confinement.terminate()
        if now >= self._kill_at or self.reason in ENDED_AT_ONCE:
            self.confinement.kill()

    def _reason_to_end(self, now: float) -> Verdict | None:
        if self.disk.is_over:
            return Verdict.DISK_QUOTA
        if sum(stream.tail.total for stream in self.streams) > self.limits.output_bytes * OUTPUT_KILL_FACTOR:
            return Verdict.OUTPUT_LIMIT
        if now - self.started_at >= self.limits.wall_seconds:
            return Verdict.TIMEOUT
        if self.should_stop is not None and now >= self._next_stop_check:
            self._next_stop_check = now + STOP_CHECK_SECONDS
            if self.should_stop():
                return Verdict.STOPPED
        return None


def _has_ended(exit_fd: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(exit_fd, selectors.EVENT_READ)
        return bool(selector.select(0))


def _await_end(exit_fd: int) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(exit_fd, selectors.EVENT_READ)
        selector.select(GRACE_SECONDS)


def verdict_of(exit_code: int | None, reason: Verdict | None, oom_kills: int) -> Verdict:
    """Return how a command ended: by us, by the machine, or by itself."""
    if reason is not None:
        return reason
    by_signal = {
        None: Verdict.NOT_STARTED,
        0: Verdict.PASSED,
        128 + signal.SIGXCPU: Verdict.TIMEOUT,
        128 + signal.SIGXFSZ: Verdict.DISK_QUOTA,
    }
    if exit_code == 128 + signal.SIGKILL and oom_kills:
        return Verdict.OUT_OF_MEMORY
    return by_signal.get(exit_code, Verdict.FAILED)
