"""What a killed process of a node leaves behind: commands that have lost whoever would end them.

A sandbox dies with its worker, but for some milliseconds of its start: a bubblewrap whose worker is
killed in these may wait for ever for a word from it. A process that adopts orphans becomes the parent of
all such, and ends them: they can only be in the way of the run's next worker. It has to bury the first
processes of ordinary sandboxes too, which outlive the second ones by some milliseconds.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK_SECONDS = 0.02
SANDBOX = "bwrap"


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, and end now if that has happened already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def adopt() -> None:
    """Become the parent, in the place of init, of every descendant whose own parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Orphanage:
    """Ends sandboxes that stay; a daemon of a command without a sandbox is its worker's to end."""

    def __init__(self) -> None:
        self._not_ours = frozenset(children())
        self._seen: frozenset[int] = frozenset()

    def make_round(self, known: Collection[int]) -> int:
        """Bury who is dead, and kill the sandboxes that were here in the last round already; say how many."""
        found = [pid for pid in children() if pid not in known and pid not in self._not_ours]
        living = frozenset(pid for pid in found if not is_buried(pid))
        stuck = [pid for pid in living & self._seen if name_of(pid) == SANDBOX]
        for pid in stuck:
            kill(pid)
        self._seen = living
        return len(stuck)


def end_all(seconds: float) -> bool:
    """Kill every child, and those that they leave in turn, until there is none; False if time ran out."""
    until = time.monotonic() + seconds
    while found := [pid for pid in children() if not is_buried(pid)]:
        if time.monotonic() > until:
            return False
        for pid in found:
            kill(pid)
        time.sleep(LOOK_SECONDS)
    return True


def kill(pid: int) -> None:
    """Kill a child: until it is buried, which only this process can do, its number is its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def is_buried(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return found
