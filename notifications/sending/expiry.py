"""Ends what nobody can send in time any more: dropped where nobody tried, dead where the channel failed."""

from __future__ import annotations

from notifications.rules.kinds import ChannelKind, SendingStatus
from notifications.sending import totals
from scheduler_project.lib import sql, telemetry, transactions

AT_A_TIME = 1_000
DROPPED = "Not sent in time: notifications, the tenant or this channel were switched off, or its rate left no room."
GAVE_UP = "Given up after {tries} tries: the channel went on failing."

END = """
WITH overdue AS (
    SELECT d.id FROM notification_deliveries d
    WHERE d.next_try_at <= statement_timestamp() AND d.give_up_at <= statement_timestamp()
    ORDER BY d.id LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED
)
UPDATE notification_deliveries d SET
    status = CASE WHEN c.is_enabled AND c.failures_in_row > 0 THEN 'dead' ELSE 'dropped' END,
    reason = CASE WHEN c.is_enabled AND c.failures_in_row > 0
        THEN replace(%(gave_up)s, '{tries}', d.tries::text) ELSE %(dropped)s END,
    next_try_at = NULL, ended_at = clock_timestamp()
FROM overdue, notification_channels c WHERE d.id = overdue.id AND c.id = d.channel_id
RETURNING c.kind, d.status, extract(epoch FROM clock_timestamp() - d.created_at)::float AS lag
"""


def end_overdue() -> int:
    """Up to so many at a time. Returns how many."""
    with transactions.engine():
        rows = sql.rows(END, {"most": AT_A_TIME, "gave_up": GAVE_UP, "dropped": DROPPED}, prepare=False)
        for row in rows:
            totals.add(ChannelKind(row["kind"]), SendingStatus(row["status"]), row["lag"])
    dropped = sum(row["status"] == SendingStatus.DROPPED.value for row in rows)
    if rows:
        telemetry.emit("notification.overdue", dropped=dropped, dead=len(rows) - dropped)
    return len(rows)
