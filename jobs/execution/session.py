"""The database session of a process that runs jobs: made ready for the engine, lent to each template, taken back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.utils import Error
from psycopg.pq import TransactionStatus

from scheduler_project.lib import sql

# Planning a claim for each run costs three times as much as carrying it out. A plan that is kept must suit tables of
# any size, and statistics of quiet times must not make a claim read and sort all that is announced: indexes only.
ENGINE = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_sort": "off", "jit": "off"}
SET = "; ".join(f"SET {name} = {value}" for name, value in ENGINE.items())
RESET = "; ".join(f"RESET {name}" for name in ENGINE).encode()

# What a template may have set on the connection that it shares with us. Not DISCARD ALL: the prepared statements stay.
SET_BACK = (
    "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); "
    "DISCARD TEMP; "
) + SET

_ready: Any = None


def make_ready() -> None:
    """Before a claim: what is prepared on this connection keeps its plan."""
    global _ready
    if settings.DATABASE_POOLER == "transaction":
        return  # the session is the pooler's, and nothing is prepared in it
    connection.ensure_connection()
    if connection.connection is not _ready:
        sql.script(SET)
        _ready = connection.connection


class Loan:
    """Hands the connection to a template when it first asks for it, so that nothing has to be set back after one that
    never does."""

    def __init__(self) -> None:
        self._wrapper = connections[DEFAULT_DB_ALIAS]
        self._lent = self._wrapper.connection
        if self._lent is not None:
            self._wrapper.connection = None
            self._wrapper.connect = self._hand_over  # type: ignore[method-assign]

    def _hand_over(self) -> None:
        """In place of opening a connection."""
        self._wrapper.connection = self._lent
        del self._wrapper.connect
        if self._lent is _ready:
            self._lent.pgconn.exec_(RESET)  # the template's statements are not ours

    def end(self) -> None:
        """Take it back: what the template did not commit is not kept, and what it set is set back."""
        if self._lent is not None and connections[DEFAULT_DB_ALIAS] is not self._wrapper:
            self._lent.close()
        elif self._lent is not None:
            is_untouched = self._wrapper.connection is None and "connect" in vars(self._wrapper)
            vars(self._wrapper).pop("connect", None)
            if is_untouched:
                self._wrapper.connection = self._lent
                return
        _clean()


def drop() -> None:
    """The next statement opens a new connection. Closing alone would keep an atomic block that was never left."""
    connection.close()
    del connections[DEFAULT_DB_ALIAS]


def _clean() -> None:
    database = connection.connection
    if (
        connection.in_atomic_block
        or not connection.autocommit
        or database is None
        or database.info.transaction_status is not TransactionStatus.IDLE
    ):
        drop()
        return
    if settings.DATABASE_POOLER == "transaction":
        return  # what is set back there is perhaps somebody else's
    try:
        sql.script(SET_BACK)
        connection.ensure_timezone()
    except Error:
        drop()
