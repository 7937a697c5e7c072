"""The servers, and which of them does what next: at most one request for each core at a time."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from . import server, wire
from .wire import Answer, Request

Then = Callable[[Answer], None]
HOT, COLD = "hot", "cold"
SLOWEST, SLOWEST_ALONE = 0.25, 0.7
SETTLED_SECONDS = 1.0
# What comes after the search - comparing - may take this much more.
GRACE_SECONDS = 15.0


class ServerGone(Exception):
    """pytest ended before it served, or a server was killed."""


@dataclass
class Budget:
    """How much of the time is spent. Where other work takes the processors away, time runs slower."""

    seconds: float
    began: float = field(default_factory=time.monotonic)
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0

    def note(self, answer: Answer) -> None:
        self.processor_seconds += answer.processor_seconds
        self.wall_seconds += answer.wall_seconds

    @property
    def spent(self) -> float:
        share = 1.0
        if self.wall_seconds > SETTLED_SECONDS:
            is_crowded = os.getloadavg()[0] > (os.cpu_count() or 1) + 1
            least = SLOWEST if is_crowded else SLOWEST_ALONE
            share = min(1.0, max(least, self.processor_seconds / self.wall_seconds))
        return (time.monotonic() - self.began) * share

    @property
    def left(self) -> float:
        return self.seconds - self.spent


class Pool:
    """`lanes` are the descriptors of the hot and the cold servers, one of each for a core."""

    def __init__(self, count: int, arguments: Sequence[str], files: Sequence[str], budget: Budget) -> None:
        self.count = count
        self._budget = budget
        self._waiting: dict[str, deque[tuple[Request, Then]]] = {HOT: deque(), COLD: deque()}
        self._busy: dict[int, tuple[str, Then]] = {}
        self._free: dict[str, list[int]] = {HOT: [], COLD: []}
        self._start(arguments, files)

    def _start(self, arguments: Sequence[str], files: Sequence[str]) -> None:
        pairs = [socket.socketpair() for _ in range(2 * self.count)]
        theirs = [pair[1].detach() for pair in pairs]
        ours = [pair[0].detach() for pair in pairs]
        if os.fork() == 0:
            for fd in ours:
                os.close(fd)
            server.serve(theirs[: self.count], theirs[self.count :], arguments, files)
        for fd in theirs:
            os.close(fd)
        self._free = {HOT: ours[: self.count], COLD: ours[self.count :]}

    @property
    def has_room(self) -> bool:
        """Whether another request would be begun, or be ready when one that runs has ended."""
        return len(self._busy) + sum(map(len, self._waiting.values())) <= self.count

    @property
    def is_idle(self) -> bool:
        return not self._busy and not any(self._waiting.values())

    def submit(self, lane: str, request: Request, then: Then, *, first: bool = False) -> None:
        """Queue a request; `then` is called with the answer from `wait`."""
        line = self._waiting[lane]
        line.appendleft((request, then)) if first else line.append((request, then))
        self._pump()

    def ask(self, lane: str, request: Request) -> Answer:
        """Return the answer to one request, whatever else is going on."""
        answers: list[Answer] = []
        self.submit(lane, request, answers.append, first=True)
        while not answers and self._budget.left > -GRACE_SECONDS:
            self.wait(1.0)
        return answers[0] if answers else Answer([], "late")

    def _pump(self) -> None:
        for lane in (COLD, HOT):
            while self._waiting[lane] and self._free[lane] and len(self._busy) < self.count:
                fd = self._free[lane].pop()
                request, then = self._waiting[lane].popleft()
                try:
                    wire.send(fd, wire.packed(request))
                except OSError:
                    raise ServerGone from None
                self._busy[fd] = lane, then

    def wait(self, seconds: float) -> None:
        """Let answers that are there, or come in this time, be dealt with."""
        ready, _, _ = select.select(list(self._busy), [], [], seconds)
        for fd in ready:
            try:
                data = wire.receive(fd)
            except OSError:
                data = None
            if data is None:
                raise ServerGone
            lane, then = self._busy.pop(fd)
            self._free[lane].append(fd)
            answer = Answer(*json.loads(data))
            self._budget.note(answer)
            then(answer)
        self._pump()
