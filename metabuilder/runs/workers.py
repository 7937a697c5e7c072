"""Who holds a run, whose is a directory? Names of worker processes, and whether the one of a name still lives here."""

import os
import socket
import uuid
from functools import cache
from pathlib import Path

DEAD = frozenset("ZXx")  # in a container without an init nobody may ever bury it


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


def directory_prefix() -> str:
    """Return what the name of a directory begins with that only this process uses: it tells whose it was."""
    host, _, process = own_name().rpartition(":")
    return f"{host}.{process.replace('@', '.')}."


def directory_name() -> str:
    return f"{directory_prefix()}{uuid.uuid4().hex}"


def is_abandoned(directory: str) -> bool:
    """True if a directory of that name belonged to a process of this machine that has ended."""
    host, *process = directory.rsplit(".", 3)
    if host != _host() or len(process) != len(("pid", "start", "uuid")):
        return False
    pid, start, _ = process
    return _start_of(pid) != start


@cache
def _name_of(pid: int) -> str:
    return f"{_host()}:{pid}@{_start_of(str(pid))}"


def _host() -> str:
    return socket.gethostname()[:60]


def _start_of(pid: str) -> str:
    """Return when a process was started, in clock ticks since boot; empty if there is none, or a dead one."""
    try:
        state, *others = Path(f"/proc/{int(pid)}/stat").read_text().rsplit(")", 1)[1].split()
        return "" if state in DEAD else others[18]
    except (OSError, ValueError, IndexError):
        return ""
