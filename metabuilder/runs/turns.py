"""Whose turn is it? Which due run a free worker takes next, fair between tenants and inside the limits.

The tenant with the fewest runs in work comes first, then the one whose last turn is longest ago: a
batch of one tenant never holds up another's run. Among a tenant's own runs the higher priority goes
first, then the one that is due longest. The cost grows with the tenants that have due runs, not
with the runs: every look is a probe of a partial index (`Run.Meta`).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, DateTimeField, F, OuterRef, Subquery
from django.db.models import IntegerField as Integer
from django.db.models.functions import Coalesce, Now

from metabuilder.runs import rows
from metabuilder.runs.models import Priority, Run
from metabuilder.runs.states import WAITING, RunStatus
from tenants.models import Tenant

NO_LIMIT = 1 << 30
TENANTS_AT_ONCE = 8
PRIORITIES = sorted(Priority.values, reverse=True)
LOCKS = 0x4D42  # the first key of our advisory locks
ALL_TENANTS = 0


class Turn(NamedTuple):
    """A tenant that may have a run started. `limit` is how many of its runs may be in work."""

    tenant: UUID
    priority: int
    limit: int


def due() -> Any:  # Any: a queryset of runs
    return Run.objects.filter(status__in=WAITING, due_at__lte=Now())


def next_turns(count: int = TENANTS_AT_ONCE) -> list[Turn]:
    """Return the tenants whose turn it is, the first first; none if nothing may be started."""
    if not has_room():
        return []
    sql, parameters = _turns_sql(connection.vendor, settings.MAX_RUNNING_RUNS_PER_TENANT or NO_LIMIT, count)
    with rows.prepared_cursor() as cursor:
        cursor.execute(sql, parameters)
        return [Turn(UUID(str(tenant)), priority, limit) for tenant, priority, limit in cursor.fetchall()]


@cache
def _turns_sql(vendor: str, usual_limit: int, count: int) -> tuple[str, tuple[Any, ...]]:  # Any: parameters
    """Return the query for the next turns: putting it together takes longer than carrying it out."""
    mine = due().filter(tenant=OuterRef("pk"))
    of_all = Run.objects.filter(tenant=OuterRef("pk"))
    in_work = of_all.filter(status=RunStatus.RUNNING).order_by().values("tenant").annotate(runs=Count("pk"))
    served = of_all.exclude(claimed_at=None).order_by("-claimed_at").values("claimed_at")[:1]
    best = [Subquery(mine.filter(priority=p).values("priority")[:1]) for p in PRIORITIES]
    tenants = Tenant.objects.order_by().annotate(
        best=Coalesce(*best, output_field=Integer()),
        in_work=Coalesce(Subquery(in_work.values("runs")), 0),
        served=Subquery(served, output_field=DateTimeField()),
        own_limit=Coalesce("max_running_runs", usual_limit),
    )
    open_ones = tenants.filter(best__isnull=False, in_work__lt=F("own_limit"))
    fair = open_ones.order_by("in_work", F("served").asc(nulls_first=True), "pk")
    wanted = fair.values_list("pk", "best", "own_limit")[:count]
    sql, parameters = wanted.query.get_compiler(connection=connection).as_sql()
    return sql, tuple(parameters)


def candidates(turn: Turn) -> Any:  # Any: a queryset of runs
    """Return a tenant's due runs of the turn's priority in their order."""
    return due().filter(tenant=turn.tenant, priority=turn.priority).order_by("due_at", "pk")


def next_runs(count: int) -> list[UUID]:
    """Return runs that may be started now, in turn: whom to wake, without taking any."""
    if not due().exists():
        return []
    lists = [list(candidates(turn).values_list("pk", flat=True)[:count]) for turn in next_turns(count)]
    return list(_one_of_each(lists))[:count]


def has_room() -> bool:
    """True while fewer runs are in work, of all tenants, than the platform allows."""
    limit = settings.MAX_RUNNING_RUNS
    return not limit or in_work().count() < limit


def tenant_has_room(tenant: Tenant) -> bool:
    limit = limit_of(tenant)
    return not limit or in_work().filter(tenant=tenant).count() < limit


def limit_of(tenant: Tenant) -> int:
    """Return how many of a tenant's runs may be in work at once; 0: any number."""
    return int(tenant.max_running_runs or settings.MAX_RUNNING_RUNS_PER_TENANT)


def is_full(tenant: Tenant | None = None) -> bool:
    """True if as many runs wait as may, of a tenant or of all; counts no further than that."""
    limit = settings.MAX_QUEUED_RUNS
    waiting = Run.objects.filter(status__in=WAITING)
    if tenant is not None:
        waiting = waiting.filter(tenant=tenant)
        limit = tenant.max_queued_runs or settings.MAX_QUEUED_RUNS_PER_TENANT
    return bool(waiting.order_by()[:limit].count() >= limit)


def in_work() -> Any:  # Any: a queryset of runs
    return Run.objects.filter(status=RunStatus.RUNNING)


def lock_all() -> None:
    """Let one claim at a time count the runs in work, where their number is limited."""
    if settings.MAX_RUNNING_RUNS:
        _lock(ALL_TENANTS)


def lock_tenant(tenant: UUID, limit: int) -> None:
    """The same for one tenant's; two tenants may share a lock, which only makes one wait."""
    if 0 < limit < NO_LIMIT:
        _lock(tenant.int % 0x7FFFFFFF + 1)


def _lock(key: int) -> None:
    """Wait for a lock until the transaction ends; on SQLite a writing transaction is alone anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCKS, key])


def _one_of_each(lists: Sequence[Sequence[UUID]]) -> Iterator[UUID]:
    longest = max(map(len, lists), default=0)
    for position in range(longest):
        yield from (runs[position] for runs in lists if position < len(runs))
