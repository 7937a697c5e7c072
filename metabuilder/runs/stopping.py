"""Has this worker node been told to stop, and may what it runs still go on?

Shared by the processes of a node, which are forked from one (`node`); elsewhere nobody ever asks.
"""

import mmap
import struct
import time

from django.conf import settings

_asked_at = mmap.mmap(-1, 8)  # memory that a forked process shares; 0.0: not asked
_SECONDS = struct.Struct("d")


def ask() -> None:
    """Ask every process of this node to hand its run back; asking again changes nothing."""
    if not is_asked():
        _SECONDS.pack_into(_asked_at, 0, time.monotonic())


def is_asked() -> bool:
    return bool(_SECONDS.unpack_from(_asked_at)[0])


def is_overdue() -> bool:
    """True once a command that still runs has to be ended."""
    asked_at: float = _SECONDS.unpack_from(_asked_at)[0]
    return bool(asked_at) and time.monotonic() - asked_at >= settings.STOP_GRACE_SECONDS


def forget() -> None:
    """Begin anew: for a node that starts in a process where one had been stopped."""
    _SECONDS.pack_into(_asked_at, 0, 0.0)
