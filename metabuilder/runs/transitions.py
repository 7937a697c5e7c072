"""How a run moves from one status to the next: THE state machine, and the only one to ring the bell.

Every change is a compare-and-set: it names the status it starts from and, for a worker, the fence
of its lease; if no row changed, somebody else was first. The clock is the database's. Which moves
are allowed: `states`. A run's own row is its queue entry: waiting and due, it is anybody's to claim.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from metabuilder.runs import doorbell, rows, states, turns
from metabuilder.runs.models import Priority, Run, RunEvent, Step, StepExecution
from metabuilder.runs.states import FINAL, ExecutionStatus, RunStatus, StepStatus
from metabuilder.runs.storable import storable
from metabuilder.runs.workers import shown

SWEEP_BATCH = 200
MAX_WORKERS_LOST = 3
DROPPED_SECONDS = 2.0
_driver: ContextVar[Callable[[RunEvent], None] | None] = ContextVar("driver", default=None)


class LeaseLost(Exception):
    """The run is no longer this worker's: cancelled, or taken over. Step back, write nothing."""


class CannotMove(Exception):
    """The run is not in a status from which this is possible."""


def claim(run_id: UUID | str, owner: str) -> Run | None:
    """Take a run that is due; None if it is not, or if the limits leave no room for it."""
    with transaction.atomic():
        run = _lock_due(turns.due().filter(pk=run_id))
        if run is None:
            return None
        turns.lock_all()
        turns.lock_tenant(run.tenant_id, turns.limit_of(run.tenant))
        if not (turns.has_room() and turns.tenant_has_room(run.tenant)):
            return None
        return _take(run, owner)


def claim_next(owner: str) -> Run | None:
    """Take the run whose turn it is; None if there is none."""
    with transaction.atomic():
        turns.lock_all()
        for turn in turns.next_turns():
            turns.lock_tenant(turn.tenant, turn.limit)
            run = _lock_due(turns.candidates(turn))
            if run is not None and turns.tenant_has_room(run.tenant):
                return _take(run, owner)
    return None


def is_poisoned(run: Run) -> bool:
    """True if worker after worker was lost on this run and nothing came of it in between."""
    return run.workers_lost >= MAX_WORKERS_LOST


def renew(run: Run, **values: Any) -> bool:  # Any: any field's value
    """Keep the lease; False once it is lost, whatever the reason."""
    return bool(rows.write(kept(run, **values)))


def is_held(run: Run) -> bool:
    return bool(owned(run).exists())


def hold(run: Run, **values: Any) -> None:  # Any: any field's value
    """Renew the lease or raise LeaseLost: inside a transaction nobody else takes the run meanwhile."""
    if not renew(run, **values):
        raise LeaseLost(f"run {run.pk} is no longer held by {run.lease_owner}")


def write(run: Run, *writes: rows.Update | rows.Insert, **values: Any) -> None:  # Any: any field's value
    """Write rows of a run and renew its lease, whole or not at all; raise LeaseLost if it is not held."""
    if not rows.write(kept(run, **values), *writes):
        raise LeaseLost(f"run {run.pk} is no longer held by {run.lease_owner}")


def kept(run: Run, **values: Any) -> rows.Update:  # Any: any field's value
    """Return the write that renews the lease, and finds no row once it is lost."""
    until = rows.DatabaseTime(settings.LEASE_SECONDS)
    return rows.Update(Run, ownership(run), {"lease_until": until, **values})


def move(run: Run, new: RunStatus, message: str, **values: Any) -> None:  # Any: any field's value
    """Move a run that this worker holds; raise LeaseLost if it does not hold it any more.

    A run that is held is running, whatever the object in hand says: it may remember a move that was
    rolled back with the database's connection.
    """
    states.check(RunStatus.RUNNING, new)
    if new in FINAL:
        values["finished_at"] = rows.NOW
    moved = {"old_status": RunStatus.RUNNING, "new_status": new}
    event = RunEvent(run=run, kind="status", message=brief(message), **moved)
    with transaction.atomic(savepoint=False) if _is_limited(run) else nullcontext():
        write(run, rows.Insert(event), status=new, **{"lease_until": None, "lease_owner": "", **values})
        if _is_limited(run):
            wake()  # a place has become free that a waiting node may fill
    tell(event)
    run.status = new


def back_off(run: Run, message: str, delay_seconds: float) -> None:
    """Give the run back; it is due again once `delay_seconds` have passed."""
    status = RunStatus.BACKING_OFF if delay_seconds else RunStatus.QUEUED
    with transaction.atomic():
        move(run, status, message, due_at=rows.DatabaseTime(delay_seconds))
        wake(delay_seconds)


def hand_back(run: Run, message: str) -> None:
    """Give the run back unfinished, to be gone on with at once by whoever is free."""
    with transaction.atomic():
        move(run, RunStatus.QUEUED, message, due_at=rows.NOW)
        _lose_execution(run)
        wake()


def drop(run: Run, message: str) -> None:
    """Give the run back after an error of ours, as if its worker had been lost, a little later each time."""
    with transaction.atomic():
        lost = run.workers_lost + 1
        delay = DROPPED_SECONDS * lost
        move(run, RunStatus.QUEUED, message, due_at=rows.DatabaseTime(delay), workers_lost=lost)
        _lose_execution(run)
        wake(delay)


def intervene(run: Run, new: RunStatus, message: str, actor: str, allowed: frozenset[RunStatus]) -> None:
    """Move a run on a person's word, from any of `allowed`; whoever held it loses its lease.

    A run that is sent on gets its time limit anew, and goes before its tenant's other runs.
    """
    with transaction.atomic():
        old = Run.objects.values_list("status", flat=True).get(pk=run.pk)
        values: dict[str, Any] = {"finished_at": Now()} if new in FINAL else {"finished_at": None}
        if new == RunStatus.QUEUED:
            values |= {"due_at": Now(), "deadline_at": None, "priority": Priority.PERSON, "workers_lost": 0}
        moved = old in allowed and Run.objects.filter(pk=run.pk, status=old).update(
            status=new, fence=F("fence") + 1, lease_until=None, **values
        )
        if not moved:
            raise CannotMove(f"The run is {old.replace('_', ' ')}; nothing was changed.")
        run.refresh_from_db()
        note(run, "status", message, old_status=old, new_status=new, actor=actor)
        if old == RunStatus.RUNNING:
            _lose_execution(run)
        if new == RunStatus.QUEUED or _is_limited(run):
            wake()


def start(run: Run, actor: str) -> None:
    """Put a new run in the queue."""
    Run.objects.filter(pk=run.pk).update(due_at=Now())
    note(run, "status", "queued", old_status="", new_status=run.status, actor=actor)
    wake()


def note(run: Run, kind: str, message: str, actor: str = "", **fields: Any) -> RunEvent:  # Any: by field
    """Write down an event of a run, and tell an in-process driver that wants to know."""
    event = RunEvent.objects.create(run=run, kind=kind, message=brief(message), actor=actor, **fields)
    tell(event)
    return event


def tell(event: RunEvent) -> None:
    """Tell an in-process driver that wants to know; for who writes the event's row itself."""
    if driver := _driver.get():
        event.__dict__.setdefault("created_at", timezone.now())  # the row's own is the database's
        driver(event)


def brief(message: str) -> str:
    return storable(message)[:500]


def wake(delay_seconds: float = 0.0) -> None:
    """Tell the nodes that a run is due once the transaction is through; an in-process driver needs none."""
    if not _driver.get():
        doorbell.ring(delay_seconds)


@contextmanager
def driven_in_process(on_event: Callable[[RunEvent], None]) -> Iterator[None]:
    """Tell `on_event` of every event and ring no bell: who calls this advances the run itself.

    Should that process die, the sweep finds the run.
    """
    token = _driver.set(on_event)
    try:
        yield
    finally:
        _driver.reset(token)


def sweep() -> int:
    """Put the runs back in the queue whose worker let its lease run out; return how many.

    After a restart of the database its leases may be over though their workers live: they get the
    length of another one to renew them, or every run would change hands at once.
    """
    lost = turns.in_work().filter(lease_until__lt=Now())
    runs = list(lost.only("pk", "status", "fence", "lease_owner")[:SWEEP_BATCH])
    if not runs or _database_started_lately():
        return 0
    return sum(release(run) for run in runs)


def release(run: Run) -> bool:
    """Put a run back in the queue whose lease ran out; False if its worker renewed it meanwhile."""
    with transaction.atomic():
        lost = owned(run).filter(lease_until__lt=Now())
        if not lost.update(
            status=RunStatus.QUEUED,
            due_at=Now(),
            lease_until=None,
            fence=F("fence") + 1,
            workers_lost=F("workers_lost") + 1,
        ):
            return False
        message = f"its worker {shown(run.lease_owner)} was lost"
        note(run, "status", message, old_status=RunStatus.RUNNING, new_status=RunStatus.QUEUED)
        _lose_execution(run)
        wake()
    return True


def seconds_to_next_event(at_most: float) -> float:
    """Return when the next waiting run is due or the next lease runs out, in seconds from now."""
    waiting = Run.objects.filter(status__in=states.WAITING).order_by("due_at")
    leased = turns.in_work().order_by("lease_until")
    first = [
        waiting.values_list("due_at", Now()).first(),
        leased.values_list("lease_until", Now()).first(),
    ]
    waits = [(moment - now).total_seconds() for moment, now in filter(None, first) if moment is not None]
    return float(max(0.0, min([at_most, *waits])))


def owned(run: Run) -> Any:  # Any: a queryset of runs, narrowed to the one this worker holds
    return Run.objects.filter(**ownership(run))


def ownership(run: Run) -> dict[str, Any]:  # Any: the fields' values
    """Return what is so of the row as long as this worker holds the run."""
    return {"id": run.pk, "status": RunStatus.RUNNING, "fence": run.fence}


def lease_end() -> Any:  # Any: an expression of the database's clock
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def _lock_due(runs: Any) -> Run | None:  # Any: a queryset of due runs
    """Return the first one that no other worker is just looking at, locked where the database can."""
    wanted = runs.select_related("tenant", "project").annotate(now=Now())
    run: Run | None = wanted.select_for_update(of=("self",), skip_locked=True).first()
    return run


def _take(run: Run, owner: str) -> Run | None:
    minutes = run.tenant.max_run_minutes or settings.MAX_RUN_MINUTES
    seconds = minutes * 60
    untouched = {"id": run.pk, "status": run.status, "fence": run.fence}
    values: dict[str, Any] = {
        "status": RunStatus.RUNNING,
        "lease_owner": owner,
        "lease_until": rows.DatabaseTime(settings.LEASE_SECONDS),
        "fence": run.fence + 1,
        "claimed_at": rows.NOW,
        "priority": min(run.priority, Priority.NORMAL),
    }
    values |= {} if run.started_at else {"started_at": rows.NOW}
    values |= {} if run.deadline_at else {"deadline_at": rows.DatabaseTime(seconds)}
    message = f"taken by {shown(owner)}"
    event = RunEvent(run=run, kind="status", message=message, old_status=run.status, new_status=RunStatus.RUNNING)
    if not rows.write(rows.Update(Run, untouched, values), rows.Insert(event)):
        return None
    tell(event)
    now: datetime = run.now  # type: ignore[attr-defined]  # annotated by `_lock_due`
    run.deadline_at = run.deadline_at or now + timedelta(minutes=minutes)
    run.out_of_time_at = time.monotonic() + (run.deadline_at - now).total_seconds()
    run.lost_by, run.lease_owner = run.lease_owner, owner
    run.status, run.fence, run.claimed_at = RunStatus.RUNNING, run.fence + 1, now
    run.started_at = run.started_at or now
    return run


def _lose_execution(run: Run) -> None:
    """Mark what was running when the run was taken from its worker: it will run again."""
    running = StepExecution.objects.filter(run=run, status=ExecutionStatus.RUNNING)
    running.update(status=ExecutionStatus.LOST, finished_at=Now())
    Step.objects.filter(run=run, status=StepStatus.RUNNING).update(status=StepStatus.PENDING)


def _is_limited(run: Run) -> bool:
    return bool(settings.MAX_RUNNING_RUNS or turns.limit_of(run.tenant))


def _database_started_lately() -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        seconds = settings.LEASE_SECONDS
        cursor.execute("SELECT pg_postmaster_start_time() > now() - %s * interval '1 second'", [seconds])
        return bool(cursor.fetchone()[0])
