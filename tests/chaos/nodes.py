"""A worker node of the harness and what keeps it running, as systemd would (`ops/deploy`).

SIGTERM goes to the main process alone; when that has ended, whatever is left of the node is killed,
and the node is started again.
"""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import processes
from tests.chaos.processes import Process

ROOT = Path(__file__).parent.parent.parent
RESTART_SECONDS = 0.5
LOOK_SECONDS = 0.1
# setpriv: should the harness be killed, its nodes stop.
COMMAND = ("setpriv", "--pdeathsig", "TERM", sys.executable, "manage.py", "qcluster")


@dataclass
class Node:
    """One `manage.py qcluster` with all its processes."""

    name: str
    mark: str
    work_dir: Path
    log: Path
    env: dict[str, str]
    is_wanted: bool = False
    main: subprocess.Popen[bytes] | None = None
    starts: int = 0
    asked_at: float | None = None
    stop_seconds: list[float] = field(default_factory=list)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.main = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        self.asked_at = None

    def processes(self) -> list[Process]:
        return processes.marked(self.mark)

    def sentinel(self) -> Process | None:
        """The process that watches over the workers: the first child of the main one."""
        return next((each for each in self.processes() if self.main and each.parent == self.main.pid), None)

    def hands(self) -> list[Process]:
        """The sentinel's children: workers, pusher, monitor."""
        sentinel = self.sentinel()
        return [each for each in self.processes() if sentinel and each.parent == sentinel.pid]

    def is_up(self) -> bool:
        """True once its workers are there and nobody has asked it to stop."""
        return self.asked_at is None and bool(self.hands())

    def ask_to_stop(self) -> None:
        if self.main and self.main.poll() is None:
            self.asked_at = time.monotonic()
            self.main.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill every process of the node, as a power cut does; stopped first, none can start another."""
        while found := self.processes():
            for process in found:
                processes.send(process, signal.SIGSTOP)
            for process in processes.with_descendants(found):
                processes.send(process, signal.SIGKILL)
            time.sleep(0.01)

    def has_ended(self) -> bool:
        """True once the main process is gone; what it left is then gone too."""
        if self.main is None or self.main.poll() is None:
            return False
        if self.asked_at is not None:
            self.stop_seconds.append(time.monotonic() - self.asked_at)
            self.asked_at = None
        self.kill()
        self.main = None
        return True


class Supervisor:
    """Starts the nodes and starts them again, from a thread that lives as long as they do."""

    def __init__(self, nodes: list[Node], is_known: Callable[[Process], bool] = lambda _: False) -> None:
        self.nodes = nodes
        self._is_known: Callable[[Process], bool] = is_known
        self._orphans: set[Process] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor")

    def __enter__(self) -> "Supervisor":
        for node in self.nodes:
            node.is_wanted = True
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        for node in self.nodes:
            node.is_wanted = False
        self._is_over.set()
        self._thread.join()
        for node in self.nodes:
            node.kill()
        for orphan in self.orphans():
            processes.send(orphan, signal.SIGKILL)

    def orphans(self) -> list[Process]:
        """Return what we had to adopt: a node has left it behind."""
        own = {node.main.pid for node in self.nodes if node.main}
        return [each for each in processes.children() if each.pid not in own and not self._is_known(each)]

    def stop(self, patience_seconds: float) -> list[str]:
        """Stop all nodes in order; return the names of those that did not in time."""
        for node in self.nodes:
            node.is_wanted = False
            node.ask_to_stop()
        end = time.monotonic() + patience_seconds
        while any(node.main for node in self.nodes) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        return [node.name for node in self.nodes if node.main]

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            ended = [node for node in self.nodes if node.has_ended()]
            self._look_at_orphans(a_node_ended=bool(ended))
            for node in self.nodes:
                if node.main is None and node.is_wanted and node not in ended:
                    node.start()
            if ended:
                self._is_over.wait(RESTART_SECONDS)

    def _look_at_orphans(self, *, a_node_ended: bool) -> None:
        """What a node leaves at its very end goes with its control group; what was left before, stays."""
        found = set(self.orphans())
        if a_node_ended:
            for orphan in found - self._orphans:
                processes.send(orphan, signal.SIGKILL)
        else:
            self._orphans |= found
