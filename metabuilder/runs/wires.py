"""How do a node's processes talk so that the death of one holds up no other?

The Queue, Event and Value of multiprocessing keep a lock in shared memory; a process that is killed
while it holds one takes it along, and the others wait for ever. Whoever waits for work or results holds
one all the time. Here a message is a datagram: the kernel gives it whole to one of those who wait.
"""

import fcntl
import logging
import mmap
import socket
import struct
import termios
import time
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.reduction import ForkingPickler
from multiprocessing.sharedctypes import RawValue
from typing import Any

MESSAGE_BYTES = 128 << 10
FULL_LOOK_SECONDS = 0.02
FLAG_LOOK_SECONDS = 0.1
UNTIMED = -1.0  # django-q2's word for a worker without a time limit
logger = logging.getLogger(__name__)


class Wire:
    """In the place of a Queue. `most`: messages that may lie in it before `put` waits; 0: any number.

    What is left of a message once its taker is killed is nothing: it is taken whole or lies there still.
    """

    def __init__(self, most: int = 0) -> None:
        self.most = most
        self._inlet, self._outlet = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def put(self, message: Any) -> None:  # Any: as django-q2 has it
        """Hand a message over; one that is too large is dropped and told of in the log."""
        packed = ForkingPickler.dumps(message)
        if len(packed) > MESSAGE_BYTES:
            logger.error("A message of %d bytes was dropped: a task's arguments and result must be small", len(packed))
            return
        while self.most and self._waiting_bytes() >= self.most * len(packed):
            time.sleep(FULL_LOOK_SECONDS)
        self._inlet.send(packed)

    def get(self) -> Any:  # Any: what was put
        return ForkingPickler.loads(self._outlet.recv(MESSAGE_BYTES))

    def empty(self) -> bool:
        return not self._waiting_bytes()

    def qsize(self) -> int:
        """Return 0 if it is empty, else 1: how many messages there are, nobody counts."""
        return int(not self.empty())

    def close(self) -> None:
        """Nothing is buffered on this side; the sockets end with the process."""

    def join_thread(self) -> None:
        """There is no thread: what was put is on its way."""

    def _waiting_bytes(self) -> int:
        answer = fcntl.ioctl(self._outlet, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])


class Flag:
    """In the place of an Event: a byte that forked processes share. It may be set in a signal handler."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        self._byte[0] = 1

    def is_set(self) -> bool:
        return bool(self._byte[0])

    def wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self.is_set() and (left := end - time.monotonic()) > 0:
            time.sleep(min(FLAG_LOOK_SECONDS, left))
        return self.is_set()


class Timer:
    """In the place of a Value: what a worker tells its sentinel of the time it has left. A float is
    written whole, so its lock locks nothing.
    """

    def __init__(self) -> None:
        self._raw = RawValue("f", UNTIMED)

    @property
    def value(self) -> float:
        return float(self._raw.value)

    @value.setter
    def value(self, seconds: float) -> None:
        self._raw.value = seconds

    def get_lock(self) -> AbstractContextManager[None]:
        return nullcontext()
