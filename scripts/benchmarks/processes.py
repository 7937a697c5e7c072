"""Processes that a benchmark starts, what they cost, and how they end."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

FIELDS_BEFORE_TIMES = 11  # of /proc/PID/stat, between the command and utime
TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 15.0
WORDS = 3000
GONE = (FileNotFoundError, ProcessLookupError)


class Service:
    """A process with children, started here and ended here: by its id, its own group at last."""

    def __init__(self, argv: Sequence[str], root: Path, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(argv),
                cwd=root,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def __enter__(self) -> "Service":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def words(self) -> str:
        """Return the end of what it has said."""
        return self.log.read_text(errors="replace")[-WORDS:]

    def cpu_seconds(self) -> float:
        """Processor time of the process, its descendants, and those that came to their end."""
        return sum(sum(seconds_of(pid)) for pid in tree(self.pid))

    def stop(self) -> None:
        descendants = tree(self.pid)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
        for pid in descendants[1:]:
            end_if_left(pid, self.pid)


def end_if_left(pid: int, session: int) -> None:
    """Kill what has outlived its service, if it is still of that service's session."""
    with suppress(ProcessLookupError):
        if os.getsid(pid) == session:
            os.kill(pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:
        found += children(parent)
    return found


def children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(*GONE):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def seconds_of(pid: int) -> tuple[float, float]:
    """Return a process's own processor seconds and those of its reaped children; none if it is gone.

    The scheduler counts nanoseconds of living threads; the times in `stat` are cut to ticks of 10 ms.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        on_processor = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except GONE:
        return 0.0, 0.0
    first = FIELDS_BEFORE_TIMES
    user, system, reaped_user, reaped_system = (int(value) / TICKS for value in after_name[first : first + 4])
    return max(on_processor, user + system), reaped_user + reaped_system


def proportional_mib(pid: int) -> float:
    """Return the memory of a process, what it shares divided by those who share it (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"the kernel does not say what process {pid} shares")


def wait_until_quiet(services: Sequence[Service], seconds: float = 20.0) -> None:
    """Wait until freshly started services have done with starting: hardly any processor time in half a second."""
    give_up = time.monotonic() + seconds
    spent = -1.0
    while time.monotonic() < give_up:
        now = sum(service.cpu_seconds() for service in services)
        if spent >= 0 and now - spent < 0.05:  # noqa: PLR2004 - a tenth of a core
            return
        spent = now
        time.sleep(0.5)


def run_quietly(argv: Sequence[str], root: Path, env: Mapping[str, str]) -> None:
    """Run a command to its end; raise RuntimeError with what it said if it fails."""
    done = subprocess.run(list(argv), cwd=root, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed: {(done.stdout + done.stderr)[-3000:]}")
