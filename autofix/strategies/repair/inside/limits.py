"""What one candidate may use: processor time, so that load turns no right patch into a slow one, and memory."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

EXTRA_BYTES = 768 << 20
WALL_FACTOR = 8
GRACE_SECONDS = 2.0
RINGS_TO_DEATH = 4


class OutOfTime(BaseException):
    """Raised in whatever runs when its time is up; not for the code that runs to catch."""


class Clock:
    """Rings until what runs has ended; a candidate that swallows it again and again is not worth more."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self, signum: int, frame: FrameType | None) -> None:
        self.rings += 1
        if self.rings >= RINGS_TO_DEATH:
            os._exit(75)
        raise OutOfTime


@contextmanager
def clock(seconds: float) -> Iterator[Clock]:
    """Raise OutOfTime in the main thread after so much processor time, or eight times as much and more by the wall."""
    made = Clock()
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, made.ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.1)
    signal.setitimer(signal.ITIMER_REAL, seconds * WALL_FACTOR + GRACE_SECONDS, 0.1)
    try:
        yield made
    finally:
        stop()


def stop() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)


def limit_memory() -> None:
    """Let this process have what it has and a fixed part more."""
    with suppress(OSError, ValueError), open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
        most = pages * resource.getpagesize() + EXTRA_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
