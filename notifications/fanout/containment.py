"""Keeps what cannot be told from holding up the rest: a batch that fails is read again in halves, down to one event.

What is wrong may be a whole tenant's, such as the settings of a channel; the others are to hear of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError, ProgrammingError, connection, transaction

from scheduler_project.lib import sql, telemetry, transactions

LONGEST_THOUGHT = 30  # seconds between two statements; less would end a large batch on a slow machine

Read = Callable[[list[sql.Row]], int]  # how many happenings it told of

# Of the database as a whole and of no row: the same events are read again later.
PASSING = (InterfaceError, OperationalError, ProgrammingError)


def read_contained(read: Read, events: list[sql.Row], *, batch: int) -> None:
    """In the caller's transaction. Passes over single events that nobody can be told of.

    Raises what `read` raised when it could tell of nothing at all: then it is no row that is bad.
    """
    failed: list[tuple[sql.Row, Exception]] = []
    told = _read_in_halves(read, events, failed)
    is_of_many = len({event["tenant_id"] for event, _ in failed}) > 1
    if failed and not told and (is_of_many or len(events) < batch):  # behind a batch that is not full nobody waits
        raise failed[0][1]
    for event, error in failed:
        telemetry.emit(
            "notification.passed_over", event_id=event["id"], tenant_id=event["tenant_id"], reason=repr(error)[:500]
        )


def _read_in_halves(read: Read, events: Sequence[sql.Row], failed: list[tuple[sql.Row, Exception]]) -> int:
    """How many happenings were told of."""
    try:
        with transaction.atomic():
            transactions.never_standing_still(seconds=LONGEST_THOUGHT)
            told = read(list(events))
            connection.check_constraints()  # else what refers to nothing would fail with the commit
            return told
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001  whatever a row is like, it is one of many
        if len(events) == 1:
            failed.append((events[0], error))
            return 0
    middle = len(events) // 2
    return _read_in_halves(read, events[:middle], failed) + _read_in_halves(read, events[middle:], failed)
