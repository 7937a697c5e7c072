"""What the agent does on the product's side: see `agent`."""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count
from django.db.models.functions import Now

from autofix.control import start_run
from autofix.models import Attempt
from metabuilder.runs.intake import Order
from metabuilder.runs.models import LogChunk, Run, SourceKind, StepExecution
from scripts.benchmarks import cloning
from scripts.benchmarks.watching import wait_for_row, watch_load
from tenants.models import ApiToken, Membership, Tenant

IS_OVER = "SELECT status FROM runs_run WHERE id = %s AND finished_at IS NOT NULL"
IS_BUSY = """SELECT EXISTS (SELECT 1 FROM runs_run WHERE status IN ('queued', 'backing_off') AND due_at < now() + '1 h')
 OR EXISTS (SELECT 1 FROM runs_run WHERE status = 'running')"""
HAS_BEGUN = "SELECT EXISTS (SELECT 1 FROM runs_run WHERE status = 'running')"
NOOP_COMMANDS = ("true", "flaky", "true")
MANY_QUEUED = 30_000


class WentWrong(Exception):
    """A run did not end as it has to for its figures to mean anything."""


def prepare(source: str) -> str:
    """Make the tenant, and return a token for its API."""
    wanted = {"name": source, "max_queued_runs": MANY_QUEUED}
    tenant, _ = Tenant.objects.get_or_create(slug="bench", defaults=wanted)
    user, _ = User.objects.get_or_create(username="bench")
    Membership.objects.get_or_create(tenant=tenant, user=user, defaults={"role": "operator"})
    return str(ApiToken.objects.create(user=user)[1])


def begin(count: int) -> None:
    for _ in range(count):
        start(NOOP_COMMANDS)


def start(commands: tuple[str, ...] | list[str]) -> Run:
    """Start a run of one step per command, as a person would."""
    tenant = Tenant.objects.get(slug="bench")
    steps = [{"name": f"step-{number}", "run": command} for number, command in enumerate(commands, 1)]
    order = Order(tenant, SourceKind.PATH, tenant.name, plan={"steps": steps}, any_directory=True)
    return start_run(order)


def wait(seconds: float) -> dict[str, float]:
    """Wait for the end of all that was begun; return when it was seen to begin and to be over."""
    return watch_load(HAS_BEGUN, IS_BUSY, seconds)


def check(count: int) -> str:
    """Return what is wrong with the last `count` runs of no-ops, or what rows are missing; empty: nothing."""
    last = list(Run.objects.order_by("-created_at")[:count])
    ids = [run.pk for run in last]
    statuses = {run.status for run in last}
    executions = StepExecution.objects.filter(run__in=ids).count()
    attempts = Attempt.objects.filter(run__in=ids, outcome="retried", verified=True).count()
    if statuses == {"succeeded"} and executions == count * (len(NOOP_COMMANDS) + 1) and attempts == count:
        return ""
    return f"{count} runs are {statuses} with {executions} executions and {attempts} verified attempts"


def rows_of_a_run() -> dict[str, float]:
    """Return how many rows the newest run has, by table: the two sides do not write the same history."""
    return cloning.rows_of(Run.objects.latest("created_at"))


def time_one(commands: tuple[str, ...] | list[str] = NOOP_COMMANDS) -> float:
    """Return the seconds from starting a run to seeing it over."""
    started = time.monotonic()
    run = start(commands)
    (status,) = wait_for_row(IS_OVER, key_of(run))
    if status != "succeeded":
        run.refresh_from_db()
        raise WentWrong(f"a run of {commands} is {status}: {run.failure}")
    return time.monotonic() - started


def begin_waits(waits: list[float]) -> list[str]:
    """Start runs whose second step is retried after that many seconds."""
    return [str(start(("true", f"flaky {seconds}", "true")).pk) for seconds in waits]


def lateness(runs: list[str], seconds: float) -> list[list[float | None]]:
    """Return the planned and actual wait of each of these runs' retry, once they are over."""
    give_up = time.monotonic() + seconds
    ids = [UUID(run) for run in runs]
    while Run.objects.filter(pk__in=ids, finished_at=None).exists() and time.monotonic() < give_up:
        time.sleep(0.2)
    retries = Attempt.objects.filter(run__in=ids, outcome="retried")
    return [list(row) for row in retries.values_list("backoff_seconds", "actual_backoff_seconds")]


def start_id(commands: list[str]) -> str:
    return str(start(commands).pk)


def wait_for_start(run: str, after: float = 0.0) -> list[float]:
    """Return when the run's first execution after `after` began, and what its command said of that itself."""
    wait_for_row(f"{STARTED_AFTER} LIMIT 1", run, datetime.fromtimestamp(after).astimezone())
    row = wait_for_row(IS_OVER, run)
    began = StepExecution.objects.filter(run=UUID(run), started_at__gt=datetime.fromtimestamp(after).astimezone())
    first = began.order_by("number").first()
    said = LogChunk.objects.filter(execution=first).values_list("text", flat=True).first()
    if first is None or row != ("succeeded",):
        raise WentWrong(f"run {run} is {row}")
    return [first.started_at.timestamp(), float(said or 0)]


def wait_for_execution(run: str, after: float = 0.0, seconds: float = 60.0) -> float:
    """Return when the run's first execution after the moment `after` began."""
    moment = datetime.fromtimestamp(after).astimezone()
    wait_for_row(STARTED_AFTER, run, moment, seconds=seconds)
    return float(
        StepExecution.objects.filter(run=UUID(run), started_at__gt=moment).earliest("number").started_at.timestamp()
    )


def wait_for_end(run: str, seconds: float = 60.0) -> str:
    row = wait_for_row(IS_OVER, run, seconds=seconds)
    return str(row[0])


def add_finished(count: int) -> None:
    """Add copies of the newest run with everything that belongs to it."""
    cloning.add_finished(Run.objects.latest("created_at"), count)


def add_waiting(count: int) -> None:
    """Add runs that are due tomorrow only, of many tenants."""
    cloning.add_waiting(Run.objects.latest("created_at"), count)


def add_crowd(running: int, waiting: int) -> None:
    """Add runs that are in work elsewhere, and others that are due tomorrow only."""
    one, other = Run.objects.order_by("-created_at")[:2]  # copies of one and the same would have the same keys
    cloning.add_running(one, running)
    cloning.add_waiting(other, waiting)


def start_delays(since_seconds: float) -> list[float]:
    """Return how long each run waited that was begun in the last seconds, from its order to its first claim."""
    rows = Run.objects.filter(created_at__gt=Now() - timedelta(seconds=since_seconds)).exclude(started_at=None)
    return [(began - made).total_seconds() for made, began in rows.values_list("created_at", "started_at")]


def statuses() -> dict[str, int]:
    return dict(Run.objects.order_by().values_list("status").annotate(Count("pk")))


def key_of(run: Run) -> Any:  # Any: as the database has it
    return run.pk if connection.vendor == "postgresql" else run.pk.hex


STARTED_AFTER = "SELECT 1 FROM runs_stepexecution WHERE run_id = %s AND started_at > %s"
