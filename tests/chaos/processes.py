"""Which processes are ours? Only those that carry a mark of the harness in their environment.

Every process of a node inherits the mark; what runs in a sandbox does not, but is a descendant, and
is adopted by the harness when those before it have died. A signal goes through a pidfd to a process
that was just seen to be the one that was meant.
"""

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36
MARK = "CHAOS_NODE"
FIELDS_AFTER_NAME = {"state": 0, "parent": 1, "started": 19}


@dataclass(frozen=True, order=True)
class Process:
    """`started` (in ticks since boot) tells it from another that was given the same pid later."""

    started: int
    pid: int
    parent: int


def adopt_orphans() -> None:
    """Become the parent, in the place of init, of every descendant whose own parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot adopt orphans")


def children() -> list[Process]:
    """Return the living children of this process, adopted ones among them."""
    pids = [int(pid) for task in (PROC / "self/task").iterdir() for pid in read_at(task / "children").split()]
    return sorted(process for pid in pids if (process := look(pid)))


def marked(mark: str) -> list[Process]:
    """Return the living processes whose mark begins with `mark`, the oldest first."""
    wanted = f"{MARK}={mark}".encode()
    return sorted(each for each in everything() if any(v.startswith(wanted) for v in environment(each.pid)))


def with_descendants(roots: Iterable[Process]) -> list[Process]:
    """Return the processes and all that descend from them, sandboxed steps included."""
    children: dict[int, list[Process]] = {}
    for process in everything():
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    pending = list(roots)
    while pending:
        process = pending.pop()
        if process.pid not in found:
            found[process.pid] = process
            pending += children.get(process.pid, [])
    return sorted(found.values())


def mentioning(words: Iterable[str]) -> list[Process]:
    """Return the processes with one of `words` in their environment, command line or mounts."""
    wanted = [word.encode() for word in words]
    own = {os.getpid(), *ancestors(os.getpid())}
    return [
        each
        for each in everything()
        if each.pid not in own and any(word in text for text in traces(each.pid) for word in wanted)
    ]


def ancestors(pid: int) -> Iterator[int]:
    while (process := look(pid)) is not None and process.parent > 1:
        pid = process.parent
        yield pid


def send(process: Process, number: signal.Signals) -> bool:
    """Signal a process; False if it is gone."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            now = look(process.pid)
            if now is not None and now.started == process.started:
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def everything() -> list[Process]:
    return [process for pid in PROC.iterdir() if pid.name.isdigit() and (process := look(int(pid.name)))]


def look(pid: int) -> Process | None:
    """Return a living process; a zombie is dead."""
    fields = read(pid, "stat").rpartition(b")")[2].split()
    if not fields or fields[FIELDS_AFTER_NAME["state"]] == b"Z":
        return None
    return Process(int(fields[FIELDS_AFTER_NAME["started"]]), pid, int(fields[FIELDS_AFTER_NAME["parent"]]))


def environment(pid: int) -> list[bytes]:
    return read(pid, "environ").split(b"\0")


def command_line(pid: int) -> str:
    return read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def traces(pid: int) -> Iterator[bytes]:
    """What leads from a process to the harness; a sandbox shows it only in what it has mounted."""
    yield read(pid, "environ")
    yield read(pid, "cmdline")
    yield read(pid, "mountinfo")


def read(pid: int, name: str) -> bytes:
    return read_at(PROC / str(pid) / name)


def read_at(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
