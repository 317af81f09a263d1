"""Ends what nobody can send in time any more: dead where the channel went on failing, else dropped."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

from notifications.rules.kinds import ChannelKind, SendingStatus
from notifications.sending import totals
from notifications.sending.totals import Ended
from scheduler_project.lib import sql, telemetry, transactions

AT_A_TIME = 1_000
# A channel that fails is tried again and again, so its last rest has just ended or goes on. One whose last rest lies
# longer back was switched off, or its tenant or all was, and is not known to fail.
JUST_ENDED = timedelta(minutes=10)
DROPPED = "Not sent in time: notifications, the tenant or this channel were switched off, or its rate left no room."
TRIED = "Not sent in time. {reason}"
GAVE_UP = "Given up after {tries} tries. {reason}"
FAILING = "The channel went on failing."

END = """
WITH overdue AS (
    SELECT d.id FROM notification_deliveries d
    WHERE d.next_try_at <= statement_timestamp() AND d.give_up_at <= statement_timestamp()
    ORDER BY d.id LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED
), judged AS (
    SELECT d.id, c.kind,
           c.is_enabled AND c.failures_in_row > 0
               AND coalesce(c.open_until > statement_timestamp() - %(just_ended)s, false) AS is_failing
    FROM overdue JOIN notification_deliveries d USING (id) JOIN notification_channels c ON c.id = d.channel_id
)
UPDATE notification_deliveries d SET
    status = CASE WHEN j.is_failing THEN 'dead' ELSE 'dropped' END,
    reason = left(CASE
        WHEN j.is_failing THEN replace(replace(%(gave_up)s, '{tries}', d.tries::text), '{reason}',
            coalesce(nullif(d.reason, ''), %(failing)s))
        WHEN d.reason <> '' THEN replace(%(tried)s, '{reason}', d.reason)
        ELSE %(dropped)s END, 500),
    next_try_at = NULL, ended_at = clock_timestamp()
FROM judged j WHERE d.id = j.id
RETURNING j.kind, d.status, extract(epoch FROM clock_timestamp() - d.not_before)::float AS lag
"""


def end_overdue(*, until: float) -> int:
    """So many at a time, until that time of `time.monotonic` at most. Returns how many."""
    ended: Counter[SendingStatus] = Counter()
    while True:
        some = _end_some()
        ended.update(one.status for one in some)
        if len(some) < AT_A_TIME or time.monotonic() >= until:
            break
    if ended:
        dropped, dead = ended[SendingStatus.DROPPED], ended[SendingStatus.DEAD]
        telemetry.emit("notification.overdue", dropped=dropped, dead=dead)
    return ended.total()


def _end_some() -> list[Ended]:
    values = {
        "most": AT_A_TIME,
        "just_ended": JUST_ENDED,
        "gave_up": GAVE_UP,
        "tried": TRIED,
        "failing": FAILING,
        "dropped": DROPPED,
    }
    with transactions.engine():
        rows = sql.rows(END, values, prepare=False)
        ended = [Ended(ChannelKind(row["kind"]), SendingStatus(row["status"]), row["lag"]) for row in rows]
        totals.add(ended)
    return ended
