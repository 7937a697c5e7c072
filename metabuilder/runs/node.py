"""A worker node: django-q2's cluster, which hands its runs back when told to stop, and dies whole.

Told to stop, it first tells its workers; each hands its run back at the next step's end, or ends the
step once the grace is over. What is killed takes its children with it: a worker whose sentinel is
gone would wait for ever, and a sentinel without its cluster could not be stopped. What is killed holds
up nobody else (`wires`) and leaves no command behind (`orphans`).
"""

import ctypes
import gc
import logging
import os
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from django_q.cluster import Cluster, Sentinel, get_mp_context
from django_q.conf import Conf
from django_q.worker import worker

from metabuilder.runs import orphans, stopping
from metabuilder.runs.wires import Flag, Timer, Wire

STUCK_SECONDS = 8.0  # after the grace: ending a command takes a second or two
ORPHANS_SECONDS = 2.0
logger = logging.getLogger(__name__)


class Guardian(Sentinel):
    """django-q2's sentinel, whose processes do not outlive it, and which does not outlive its node."""

    def __init__(self, stop: Flag, *others: Any) -> None:  # Any: as django-q2 has it
        super().__init__(_Rounds(stop, self.end_orphans), *others, start=False)
        self.task_queue, self.result_queue, self.event_out = Wire(Conf.QUEUE_LIMIT), Wire(), Flag()
        orphans.adopt()
        self._orphanage = orphans.Orphanage()
        self.start()

    def spawn_process(self, target: Callable[..., None], *args: Any) -> Any:  # Any: as django-q2 has it
        return super().spawn_process(_Bound(target, os.getpid()), *args)

    def spawn_worker(self) -> None:
        self.spawn_process(worker, self.task_queue, self.result_queue, Timer(), self.timeout)

    def end_orphans(self) -> None:
        own = {process.pid for process in (*self.pool, self.monitor, self.pusher)}
        if ended := self._orphanage.make_round(own):
            logger.warning("Ended %d sandboxes that a killed worker left behind", ended)


class _Rounds:
    """The flag that a sentinel looks at once in each of its rounds, with something to do before."""

    def __init__(self, flag: Flag, before: Callable[[], None]) -> None:
        self.is_set, self.set = flag.is_set, flag.set
        self._wait, self._before = flag.wait, before

    def wait(self, seconds: float) -> bool:
        self._before()
        return self._wait(seconds)


class _Bound:
    """A process's function that first ties the process to its parent. Equal to the function itself,
    because django-q2 tells its workers from other processes by comparing functions.
    """

    def __init__(self, function: Callable[..., object], parent: int) -> None:
        self.function = function
        self.parent = parent

    def __call__(self, *args: Any) -> None:  # Any: the function's own
        orphans.die_with(self.parent)
        self.function(*args)

    def __eq__(self, other: object) -> bool:
        return self.function == other

    def __hash__(self) -> int:
        return hash(self.function)


class Node(Cluster):
    """Runs in the foreground; SIGTERM and SIGINT stop it in order."""

    def start(self) -> int:
        """Start the processes and return; raise RuntimeError if they do not come up."""
        stopping.forget()
        share_memory()
        orphans.adopt()
        self.stop_event, self.start_event = Flag(), Flag()
        arguments = (self.stop_event, self.start_event, self.cluster_id, self.broker, self.timeout)
        target = _Bound(Guardian, os.getpid())
        name = f"Process-{uuid.uuid4().hex}"
        self.sentinel = get_mp_context().Process(target=target, name=name, args=arguments)
        self.sentinel.start()
        while self.start_event and not self.start_event.is_set():  # `wait` would deadlock with a signal
            if not self.sentinel.is_alive():
                raise RuntimeError(f"The worker node did not start (exit code {self.sentinel.exitcode}).")
            time.sleep(0.05)
        return int(self.pid)

    def stop(self) -> bool:
        """Let every process end in order; those that have not some seconds after the grace are killed."""
        stopping.ask()
        self.stop_event.set()
        self.sentinel.join(settings.STOP_GRACE_SECONDS + STUCK_SECONDS)
        if self.sentinel.is_alive():
            logger.error("A process of this node did not end when it was told to: all are killed")
            self.sentinel.kill()
        return True

    def wait(self) -> int:
        """Return the exit code once every process has ended; 1 if it was not told to stop."""
        self.sentinel.join()
        orphans.end_all(ORPHANS_SECONDS)
        return 0 if stopping.is_asked() else 1


def share_memory() -> None:
    """Load what every worker needs before they are forked, and keep the garbage collector from touching it:
    a page that nobody writes to is there once for all of them.
    """
    import_string(settings.ADVANCE_TASK)
    for dotted_path in settings.WARM_UPS:
        import_string(dotted_path)()
    connections.close_all()  # none may be shared
    gc.collect()
    with suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()
