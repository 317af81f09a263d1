"""Transactions of the engine: short ones, that a suspended process cannot hold open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, connection, transaction

from scheduler_project.lib import sql

# A process that is suspended inside a transaction would keep its locks for ever, since the kernel goes on answering for
# it. Local to the transaction: settings of a session or role would hit migrations and do not pass a pooler.
LIMITS = (
    "SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL statement_timeout = '5s'; "
    "SET LOCAL lock_timeout = '2s'; SET LOCAL synchronous_commit = on"
)

# For those that wait for one another by design, for as long as it takes.
STANDSTILL = "SET LOCAL idle_in_transaction_session_timeout = '{seconds}s'"


@contextmanager
def engine() -> Iterator[None]:
    """A transaction with the engine's limits. What it commits has reached the disk."""
    with transaction.atomic():
        sql.script(LIMITS)
        yield


def never_standing_still(*, seconds: int = 5) -> None:
    """From here on the transaction is ended when its process is suspended. It has no other limit."""
    sql.script(STANDSTILL.format(seconds=seconds))


def forget_connection() -> None:
    """Close this thread's connection, after an error of the connection itself; the next statement opens a new one."""
    connection.close()


def release_connection() -> None:
    """Give this thread's connection back before a long wait for somebody else; others may need it. Within a transaction
    it stays."""
    if not connection.in_atomic_block:
        connection.close()


@contextmanager
def refused_as(refusal: Exception, *, by: str) -> Iterator[None]:
    """Raise `refusal` when the constraint `by` refuses what is written: it speaks for a row that came in between."""
    try:
        yield
    except IntegrityError as error:
        if by in str(error):
            raise refusal from error
        raise
