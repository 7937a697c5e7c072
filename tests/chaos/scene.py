"""What the faults act on: the nodes, the database, and a diary of what was done to them when."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from metabuilder.runs.models import Run
from metabuilder.runs.states import FINAL, RunStatus
from tenants.models import Tenant
from tests.chaos.nodes import Node
from tests.chaos.processes import Process
from tests.chaos.stage import Stage

RESTS = FINAL | {RunStatus.PAUSED_AWAITING_APPROVAL}
PATIENCE_SECONDS = 60.0
RETRY_SECONDS = 0.2
T = TypeVar("T")


@dataclass(frozen=True)
class Killing:
    """A worker that held a run was killed; `moment` is the database's."""

    run: UUID
    moment: datetime


@dataclass
class Later:
    """Something that a fault has begun and that is to end; `lift` may be called early, but once."""

    due: float
    lift: Callable[[], None]


@dataclass
class Scene:
    stage: Stage
    nodes: list[Node]
    later: list[Later] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    killings: list[Killing] = field(default_factory=list)
    off: list[tuple[datetime, datetime]] = field(default_factory=list)
    frozen: set[Process] = field(default_factory=set)
    workers: set[int] = field(default_factory=set)
    extra_runs: int = 0
    surprises: list[str] = field(default_factory=list)

    def after(self, seconds: float, lift: Callable[[], None]) -> None:
        self.later.append(Later(time.monotonic() + seconds, lift))

    def lift_due(self, *, all_of_them: bool = False) -> None:
        due = [each for each in self.later if all_of_them or each.due <= time.monotonic()]
        for each in due:
            self.later.remove(each)
            each.lift()

    def held(self) -> dict[UUID, int]:
        """Return the runs in work and the process id of the worker that holds each."""
        rows = Run.objects.filter(status=RunStatus.RUNNING).exclude(lease_owner="").order_by("title")
        found = {pk: pid_of(owner) for pk, owner in rows.values_list("pk", "lease_owner")}
        self.workers.update(found.values())
        return found

    def note_killings(self, killed: Iterable[Process], held: dict[UUID, int]) -> None:
        pids = {process.pid for process in killed}
        moment = patiently(database_time)
        self.killings += [Killing(run, moment) for run, pid in held.items() if pid in pids]


def pid_of(owner: str) -> int:
    """Return the process id in a worker's name, host:pid@start."""
    digits = owner.rpartition(":")[2].partition("@")[0].split(" ")[0]
    return int(digits) if digits.isdigit() else 0


def database_time() -> datetime:
    tenant = Tenant.objects.annotate(now=Now()).first()
    assert tenant is not None
    moment: datetime = tenant.now
    return moment


def patiently(action: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Do something that bears being done twice, as soon as the database answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with transaction.atomic():
                return action()
        except (OperationalError, InterfaceError):
            if time.monotonic() > end:
                raise
            connection.close()
            time.sleep(RETRY_SECONDS)


def some(rng: random.Random, choices: Iterable[T], most: int) -> list[T]:
    found = list(choices)
    return rng.sample(found, min(len(found), rng.randint(1, most))) if found else []
