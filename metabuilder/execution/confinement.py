"""How is a command ended, with everything it started?

Isolated, by the first process of its pid namespace; without isolation, by looking for its session
and its mark.
"""

import json
import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from metabuilder.execution.output import Stream

MARK = "METABUILDER_COMMAND"
SWEEP_SECONDS = 5.0
SESSION, STARTED = 3, 19  # of /proc/PID/stat behind the name


class Confinement(Protocol):
    def terminate(self) -> None:
        """Ask the command to end."""

    def kill(self) -> None:
        """Kill the command and everything it started."""

    def settle(self) -> None:
        """Return when nothing that the command started is left. Called before the process is
        reaped.
        """

    def exit_code(self, returncode: int) -> int | None:
        """Return the command's exit code, or None when it never ran."""


class Namespace:
    """A command inside bubblewrap: the end of its first process is the end of all."""

    def __init__(self, pid: int, status: Stream) -> None:
        self._pid = pid
        self._status = status
        self._init: int | None = None
        self._init_fd: int | None = None

    def terminate(self) -> None:
        """Signal the command itself: bubblewrap would answer a SIGTERM by killing it at once."""
        self._find_init()
        for pid in _children(self._init) if self._init is not None else []:
            _signal_child(pid, self._init, signal.SIGTERM)

    def kill(self) -> None:
        self._find_init()
        if self._init_fd is not None:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._init_fd, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGKILL)

    def settle(self) -> None:
        if self._init_fd is not None:
            ended = select.poll()
            ended.register(self._init_fd, select.POLLIN)
            ended.poll(SWEEP_SECONDS * 1000)
            os.close(self._init_fd)
            self._init_fd = None

    def exit_code(self, returncode: int) -> int | None:
        code = self._documents().get("exit-code")
        return code if isinstance(code, int) else None

    def _find_init(self) -> None:
        if self._init is not None:
            return
        pid = self._documents().get("child-pid")
        if isinstance(pid, int) and (fd := _open_child(pid, self._pid)) is not None:
            self._init, self._init_fd = pid, fd

    def _documents(self) -> dict[str, object]:
        while self._status.is_open and self._status.read_once():
            pass
        found: dict[str, object] = {}
        for line in self._status.tail.value().splitlines():
            with suppress(ValueError):
                found |= json.loads(line)
        return found


class Session:
    """A command without isolation: its session, its process group, and whoever carries its mark."""

    def __init__(self, pid: int, mark: str) -> None:
        self._pid = pid
        self._mark = f"{MARK}={mark}".encode()
        self._started = _started(pid)

    def terminate(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        for pid in self._survivors():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def settle(self) -> None:
        deadline = time.monotonic() + SWEEP_SECONDS
        while self._survivors() and time.monotonic() < deadline:
            self.kill()
            time.sleep(0.01)

    def exit_code(self, returncode: int) -> int | None:
        return returncode if returncode >= 0 else 128 - returncode

    def _survivors(self) -> list[int]:
        pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
        return [pid for pid in pids if self._belongs(pid)]

    def _belongs(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            if fields[0] == b"Z" or int(fields[STARTED]) < self._started:
                return False
            return int(fields[SESSION]) == self._pid or self._is_marked(pid)
        except (OSError, IndexError, ValueError):
            return False

    def _is_marked(self, pid: int) -> bool:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return self._mark in file.read().split(b"\0")


def _started(pid: int) -> int:
    """Return when a process began, in ticks since boot; 0 if it is gone: no process is older."""
    try:
        return int(_stat(pid)[STARTED])
    except (OSError, IndexError, ValueError):
        return 0


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal_child(pid: int, parent: int | None, number: signal.Signals) -> None:
    if parent is None or (fd := _open_child(pid, parent)) is None:
        return
    try:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(fd, number)
    finally:
        os.close(fd)


def _open_child(pid: int, parent: int) -> int | None:
    """Return a handle on `pid` if it is a child of `parent`: a bare number may belong to a stranger
    by now.
    """
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        if int(_stat(pid)[1]) == parent:
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; the name before them may hold
    anything.
    """
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
