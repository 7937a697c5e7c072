"""Who holds a run? The names of worker processes, and whether the one of a name still lives here."""

import os
import socket
from functools import cache
from pathlib import Path


def own_name() -> str:
    """Name this process for good: a process id alone comes again."""
    return _name_of(os.getpid())


def shown(name: str) -> str:
    """Return a worker's name as people read it."""
    return name.split("@", maxsplit=1)[0]


def may_live_here(name: str) -> bool:
    """True unless the worker of this name is known to have ended, or is on another machine."""
    host, _, process = name.rpartition(":")
    if host != _host():
        return False
    pid, _, start = process.partition("@")
    return bool(start) and _start_of(pid) == start


@cache
def _name_of(pid: int) -> str:
    return f"{_host()}:{pid}@{_start_of(str(pid))}"


def _host() -> str:
    return socket.gethostname()[:60]


def _start_of(pid: str) -> str:
    """Return when a process was started, in clock ticks since boot; empty if there is none."""
    try:
        return Path(f"/proc/{int(pid)}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, ValueError, IndexError):
        return ""
