"""Writes down what tries came to, for the delivery and for its channel."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, OperationalError

from notifications.channels.calling import Tried
from notifications.rules.answers import Came, Decision, decide, rest
from notifications.rules.kinds import SendingStatus
from notifications.sending import totals
from notifications.sending.claiming import Claimed
from notifications.sending.totals import Ended
from scheduler_project.lib import sql, telemetry, transactions

KEPT_TRIES = 20
MOST_REASON = 500

RECORD = """
UPDATE notification_deliveries SET status = %(status)s::text, reason = %(reason)s,
    next_try_at = clock_timestamp() + %(wait)s::interval,
    ended_at = CASE WHEN %(status)s::text = 'waiting' THEN NULL ELSE clock_timestamp() END,
    taken_by = taken_by || %(taken_by)s::varchar[],
    log = (CASE WHEN jsonb_array_length(log) >= %(kept)s THEN log - 0 ELSE log END) || %(entry)s::jsonb
WHERE id = %(id)s AND tries = %(tries)s AND status = 'waiting'
RETURNING extract(epoch FROM clock_timestamp() - not_before)::float AS lag
"""
WELL = """
UPDATE notification_channels SET failures_in_row = 0, open_until = NULL WHERE id = %(channel)s AND failures_in_row > 0
"""
FAILED = """
UPDATE notification_channels SET failures_in_row = failures_in_row + 1
WHERE id = %(channel)s RETURNING failures_in_row, name
"""
REST = """
UPDATE notification_channels SET open_until = clock_timestamp() + %(rest)s WHERE id = %(channel)s
"""
PUT_BACK = """
UPDATE notification_deliveries SET tries = %(counted)s, next_try_at = clock_timestamp() + %(wait)s, reason = %(reason)s
WHERE id = %(id)s AND tries = %(tries)s AND status = 'waiting'
"""


def record(back: Iterable[tuple[Claimed, Tried]], *, now: datetime) -> None:
    """In the caller's transaction, as the last thing that it does."""
    # In the order of the channels, whose rows two senders may both ask for.
    back = sorted(back, key=lambda one: (one[0].channel_id, one[0].delivery_id))
    totals.add([ended for claimed, tried in back if (ended := _record(claimed, tried, now)) is not None])


def put_back(claimed: Claimed, *, wait: timedelta, reason: str) -> None:
    """As if it had not been claimed: nobody has tried to send it."""
    values = {"id": claimed.delivery_id, "tries": claimed.tries, "wait": wait, "reason": sql.text(reason[:MOST_REASON])}
    try:
        with transactions.engine():
            sql.rows(PUT_BACK, {**values, "counted": claimed.tries - 1})
    except (IntegrityError, OperationalError):  # a repeat has become the unsent one of its group, or is being written
        sql.rows(PUT_BACK, {**values, "counted": claimed.tries})


def _record(claimed: Claimed, tried: Tried, now: datetime) -> Ended | None:
    answer = tried.answer
    spread = random.random()  # noqa: S311
    decision = decide(answer, tries=claimed.tries, left=claimed.give_up_at - now, spread=spread)
    values = {
        "id": claimed.delivery_id,
        "tries": claimed.tries,
        "status": decision.status.value,
        "reason": sql.text(decision.reason[:MOST_REASON]),
        "wait": decision.wait,
        "taken_by": list(answer.taken_by),
        "entry": sql.json([tried.to_json()]),
        "kept": KEPT_TRIES,
    }
    stored = sql.row(RECORD, values)
    _record_channel(claimed, tried)
    if stored is None:
        return None  # somebody else has sent it since
    _tell(claimed, tried, decision, lag=stored["lag"])
    is_over = decision.status is not SendingStatus.WAITING
    return Ended(claimed.kind, decision.status, stored["lag"]) if is_over else None


def _record_channel(claimed: Claimed, tried: Tried) -> None:
    if tried.answer.came is Came.TAKEN or tried.answer.taken_by:
        sql.rows(WELL, {"channel": claimed.channel_id})
        return
    if not tried.answer.blames_channel:
        return
    failed = sql.row(FAILED, {"channel": claimed.channel_id})
    if failed is None:
        return
    failures: int = failed["failures_in_row"]
    most: int = settings.DAYBOOK_CIRCUIT_FAILURES
    wait = rest(failures, most=most, first=settings.DAYBOOK_CIRCUIT_RESET)
    if wait is None:
        return
    sql.rows(REST, {"channel": claimed.channel_id, "rest": wait})
    if failures == most:
        telemetry.emit(
            "notification.channel_rests",
            channel_id=claimed.channel_id,
            failures=failures,
            seconds=wait.total_seconds(),
            reason=tried.answer.in_words[:MOST_REASON],
        )


def _tell(claimed: Claimed, tried: Tried, decision: Decision, *, lag: float) -> None:
    fields = {
        "delivery_id": claimed.delivery_id,
        "channel_id": claimed.channel_id,
        "kind": claimed.kind.value,
        "tries": claimed.tries,
        "seconds": tried.seconds,
    }
    if decision.status is SendingStatus.DELIVERED:
        telemetry.emit("notification.delivered", **fields, lag=lag)
    elif decision.status is SendingStatus.DEAD:
        telemetry.emit("notification.gave_up", **fields, reason=decision.reason)
    else:
        telemetry.emit("notification.failed", **fields, reason=decision.reason)
