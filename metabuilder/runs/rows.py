"""Writes rows without building queries for them: for the few writes that every step makes.

Django needs several times as long to put an UPDATE together as PostgreSQL to carry it out, and each
statement costs both sides a round trip. Here the text is made once for each set of columns, and writes
that belong together go as one statement, which is a transaction by itself. Values are adapted by the
model's fields as ever. Nothing is read back: what the database fills in is loaded when asked for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault
from django.utils.module_loading import import_string

SERVER_BINDING = "django.db.backends.postgresql.base.ServerBindingCursor"
Values = Mapping[str, Any]  # Any: what the field of that name takes
Shape = tuple[tuple[str, "DatabaseTime | None"], ...]


@dataclass(frozen=True)
class DatabaseTime:
    """The database's clock when the statement runs, and so many seconds after."""

    seconds_later: float = 0.0


NOW = DatabaseTime()


@dataclass(frozen=True)
class Update:
    """Columns to set in the rows where all columns of `where` are as given."""

    model: type[Model]
    where: Values
    values: Values

    @property
    def shape(self) -> tuple[type[Model], Shape, Shape]:
        return self.model, _shape(self.values), _shape(self.where)

    @property
    def parameters(self) -> list[Any]:
        return [*_adapted(self.model, self.values), *_adapted(self.model, self.where)]


class Insert:
    """A new row to store; columns that the database fills in are deferred on it."""

    def __init__(self, row: Model) -> None:
        self.model = type(row)
        given = {field.attname: getattr(row, field.attname) for field in self.model._meta.concrete_fields}
        made = {name for name, value in given.items() if isinstance(value, DatabaseDefault)}
        if row.pk is None:
            made.add(str(self.model._meta.pk.attname))
        self.values = {name: value for name, value in given.items() if name not in made}
        for name in made:
            row.__dict__.pop(name, None)
        row._state.adding, row._state.db = False, connection.alias

    @property
    def shape(self) -> tuple[type[Model], Shape, None]:
        return self.model, _shape(self.values), None

    @property
    def parameters(self) -> list[Any]:
        return _adapted(self.model, self.values)


def write(*writes: Update | Insert) -> int:
    """Do all of it or nothing: nothing if the first, an update, finds no row. Return how many it found."""
    if connection.vendor == "postgresql":
        sql = _together(tuple(each.shape for each in writes))
        return _execute(sql, [value for each in writes for value in each.parameters])
    with transaction.atomic(savepoint=False):
        found = 0
        for number, each in enumerate(writes):
            count = _execute(_alone(each.shape), each.parameters)
            if number == 0:
                found = count
            if not found:
                break
        return found


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """Give a cursor whose statements PostgreSQL plans once for a connection, not each time anew.

    Django's own puts the parameters into the text. Elsewhere it is the same as `connection.cursor()`.
    """
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    raw = import_string(SERVER_BINDING)(connection.connection)
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with connection.wrap_database_errors, wrap(raw) as cursor:
        yield cursor


def _execute(sql: str, parameters: list[Any]) -> int:  # Any: as the database's driver takes them
    with prepared_cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.fetchone()[0] if cursor.description else cursor.rowcount)


def _shape(values: Values) -> Shape:
    return tuple((name, value if isinstance(value, DatabaseTime) else None) for name, value in values.items())


def _adapted(model: type[Model], values: Values) -> list[Any]:  # Any: as the database's driver takes them
    return [
        _field(model, name).get_db_prep_save(value, connection)
        for name, value in values.items()
        if not isinstance(value, DatabaseTime)
    ]


@cache
def _alone(shape: tuple[type[Model], Shape, Shape | None]) -> str:
    model, values, where = shape
    return _insertion(model, values) if where is None else _change(model, values, where)


@cache
def _together(shapes: tuple[tuple[type[Model], Shape, Shape | None], ...]) -> str:
    """Return one statement of several: each part after the first takes effect only if that finds a row."""
    (model, values, where), *others = shapes
    parts = [f"first AS ({_change(model, values, where or ())} RETURNING 1)"]
    for number, (other, its_values, its_where) in enumerate(others):
        if its_where is None:
            text = _insertion(other, its_values, source="SELECT {} FROM first")
        else:
            text = _change(other, its_values, its_where, also=" AND EXISTS (SELECT 1 FROM first)")
        parts.append(f"part{number} AS ({text})")
    return f"WITH {', '.join(parts)} SELECT count(*) FROM first"  # noqa: S608  # names of our own


def _change(model: type[Model], values: Shape, where: Shape, also: str = "") -> str:
    changes = ", ".join(f"{_column(model, name)} = {_place(model, name, time)}" for name, time in values)
    conditions = " AND ".join(f"{_column(model, name)} = %s" for name, _ in where)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {changes} WHERE {conditions}{also}"  # noqa: S608  # as above


def _insertion(model: type[Model], values: Shape, source: str = "VALUES ({})") -> str:
    columns = ", ".join(_column(model, name) for name, _ in values)
    places = source.format(", ".join(_place(model, name, time) for name, time in values))
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) {places}"  # noqa: S608  # as above


def _place(model: type[Model], name: str, time: DatabaseTime | None) -> str:
    """Return the place of a parameter, or the clock in SQL in the same form as Django's `Now` has it."""
    if time is None and connection.vendor == "postgresql":  # a SELECT does not know what type it is for
        return f"%s::{_type(_field(model, name))}"
    if time is None:
        return "%s"
    if connection.vendor == "postgresql":
        return f"STATEMENT_TIMESTAMP() + INTERVAL '{time.seconds_later} seconds'"
    return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '+{time.seconds_later} seconds')"


def _type(field: Any) -> str:  # Any: a field that is a column
    """Return the type of a column without its length: a cast would cut what is too long, and say nothing."""
    return str(field.db_type(connection)).split("(", maxsplit=1)[0]


def _column(model: type[Model], name: str) -> str:
    return _quoted(str(_field(model, name).column))


@cache
def _field(model: type[Model], name: str) -> Any:  # Any: a field that is a column, by either of its names
    return next(field for field in model._meta.concrete_fields if name in {field.name, field.attname})


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
