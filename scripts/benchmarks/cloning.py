"""Fills a database with copies of one real run, inside the database: a past of any length, like a real one.

New keys are made from the old ones, so that what refers to what needs no table: of a UUID and a copy's
number the MD5, of a number as many strides further as the copy has.
"""

from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Field, Model, UUIDField

from autofix.models import Attempt, Episode, PlanDelta
from metabuilder.runs.models import LogChunk, Plan, Run, RunEvent, Step, StepExecution
from tenants.models import Tenant

SECONDS_APART = 0.5
WAITING_TENANTS = 100
COPIED: dict[type[Model], str] = {
    Run: "id",
    Plan: "run_id",
    Step: "run_id",
    StepExecution: "run_id",
    LogChunk: "execution_id",
    RunEvent: "run_id",
    Episode: "run_id",
    Attempt: "run_id",
    PlanDelta: "run_id",
}


def rows_of(run: Run) -> dict[str, float]:
    """Return how many rows a run has in each table."""
    with connection.cursor() as cursor:
        counts = {}
        for model in COPIED:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE {_belongs(model)}", _given(run))
            counts[model._meta.db_table] = cursor.fetchone()[0]
    return counts


def add_finished(run: Run, count: int) -> None:
    with connection.cursor() as cursor:
        strides = _strides(cursor)
        for model in COPIED:
            _copy(cursor, model, {}, strides, run, count)
        _settle(cursor)


def add_waiting(run: Run, count: int) -> None:
    """Add waiting runs with their steps, due tomorrow, of a hundred tenants."""
    _add_unfinished(run, count, "waiting", {"status": "'backing_off'", "due_at": "now() + interval '1 day'"})


def add_running(run: Run, count: int) -> None:
    """Add runs that a worker elsewhere holds until tomorrow, of a hundred tenants."""
    lease = {"lease_until": "now() + interval '1 day'", "lease_owner": "'elsewhere:1@1'"}
    _add_unfinished(run, count, "running", {"status": "'running'", **lease})


def _add_unfinished(run: Run, count: int, what: str, values: dict[str, str]) -> None:
    made = [Tenant(slug=f"{what}-{number}", name=what) for number in range(WAITING_TENANTS)]
    tenants = ", ".join(f"'{tenant.pk}'::uuid" for tenant in Tenant.objects.bulk_create(made))
    values |= {"finished_at": "NULL", "tenant_id": f"(ARRAY[{tenants}])[1 + mod(copy, {WAITING_TENANTS})]"}
    with connection.cursor() as cursor:
        strides = _strides(cursor)
        for model in (Run, Plan, Step):
            _copy(cursor, model, values if model is Run else {}, strides, run, count)
        _settle(cursor)


def _copy(cursor: Any, model: type[Model], values: dict[str, str], strides: dict[str, int], *what: Any) -> None:
    run, count = what
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    taken = ", ".join(values.get(field.column or "") or _value(field, strides) for field in fields)
    table = model._meta.db_table
    cursor.execute(
        f'INSERT INTO "{table}" ({columns}) SELECT {taken} FROM "{table}", generate_series(1, {count}) AS copy'
        f" WHERE {_belongs(model)}",
        _given(run),
    )
    if table in strides:
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM \"{table}\"")


def _value(field: "Field[Any, Any]", strides: dict[str, int]) -> str:
    """Return what a copy has in a column, in SQL: other keys, an earlier time, the same for the rest."""
    owner = field.related_model if field.is_relation else field.model if field.primary_key else None
    column = f'"{field.column}"'
    if owner in COPIED and isinstance(owner, type) and issubclass(owner, Model):
        if isinstance(owner._meta.pk, UUIDField):
            return f"md5({column}::text || copy)::uuid"
        return f"{column} + copy::bigint * {strides[owner._meta.db_table]}"
    if isinstance(field, DateTimeField):
        return f"{column} - copy * interval '{SECONDS_APART} s'"
    return column


def _strides(cursor: Any) -> dict[str, int]:  # Any: a database cursor
    strides = {}
    for model in COPIED:
        if not isinstance(model._meta.pk, UUIDField):
            cursor.execute(f'SELECT coalesce(max(id), 0) + 1 FROM "{model._meta.db_table}"')
            strides[model._meta.db_table] = cursor.fetchone()[0]
    return strides


def _settle(cursor: Any) -> None:  # Any: a database cursor
    """Do at once what the server would have done by and by."""
    cursor.execute("VACUUM ANALYZE")
    cursor.execute("CHECKPOINT")


def _belongs(model: type[Model]) -> str:
    if COPIED[model] == "execution_id":
        return "execution_id IN (SELECT id FROM runs_stepexecution WHERE run_id = %s)"
    return f"{COPIED[model]} = %s"


def _given(run: Run) -> list[Any]:  # Any: a key
    return [run.pk]
