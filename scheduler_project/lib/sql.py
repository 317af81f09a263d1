"""Hand-written statements on Django's own connection, prepared by the server. For the engine's hot paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from json import loads as loads_json
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row, tuple_row
from psycopg.types.json import Jsonb

Row = dict[str, Any]


def rows(statement: str, parameters: Mapping[str, Any] | None = None, *, prepare: bool | None = None) -> list[Row]:
    """Run one statement and return what it returns. With `prepare=False` it is planned for these very parameters."""
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    text, names = _numbered(statement) if parameters is not None else (statement.encode(), ())
    values = [parameters[name] for name in names] if parameters is not None else None
    # Not Django's cursor: that one pastes the values into the text, so that nothing could ever be prepared.
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection, row_factory=dict_row) as cursor:
        cursor.execute(text, values, prepare=prepare)
        result = cursor.pgresult
        return cursor.fetchall() if result is not None and result.status == ExecStatus.TUPLES_OK else []


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as the server knows it, with the names of `$1`, `$2`, …: long ones are costly to read each time."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}" if found[1] else "%"

    return re.sub(r"%\((\w+)\)s|%%", number, statement).encode(), tuple(numbers)


def tuples(statement: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The same for very many rows: plain tuples out of the binary protocol, in a fraction of the time."""
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection, row_factory=tuple_row) as cursor:
        cursor.execute(statement.encode(), parameters, binary=True)
        return cursor.fetchall()


def row(statement: str, parameters: Mapping[str, Any] | None = None) -> Row | None:
    """The first row, or None."""
    found = rows(statement, parameters)
    return found[0] if found else None


def now() -> datetime:
    """The database's clock."""
    found = row("SELECT clock_timestamp() AS now")
    assert found is not None
    instant: datetime = found["now"]
    return instant


def script(statements: str) -> None:
    """Run several statements without parameters in one round trip."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statements.encode())


def text(value: str) -> str:
    """The text as PostgreSQL can hold it: without NUL, and without halves of characters such as file names have."""
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def json(value: object) -> Jsonb:
    return Jsonb(value)


def loads(value: Any) -> Any:
    """A jsonb column: Django has registered a loader on its connections that leaves the text as it is."""
    return loads_json(value) if isinstance(value, str | bytes) else value
