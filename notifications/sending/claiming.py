"""Claims what is due, as much as there is room for: in each channel, in each kind, within its rate, and past nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifications.channels import registry
from notifications.channels.base import Letter
from notifications.channels.message import Message
from notifications.models import Channel
from notifications.rules import wording
from notifications.rules.kinds import RESOLVING, ChannelKind, Severity
from scheduler_project.lib import sql

# Calls at once: of all channels, of one kind (all mail goes by one server), and of all whose last call failed. Those
# get one each, so that receivers that hang take the places of no others.
AT_ONCE, OF_KIND, OF_FAILING = 48, 16, 8
# After a crash of the sender what was under way is sent again; the receiver knows it by its id. While a call is under
# way its claim is renewed.
CLAIMED_FOR = timedelta(seconds=60)

# Where order is kept, one waits for those about the same that are due and happened before it; what resolves them also
# for those that are not due, such as in quiet hours, since what is triggered after it would stay open.
CLAIM = """
WITH receivers AS (
    SELECT c.id, c.kind, c.failures_in_row > 0 AS is_failing, k.keeps_order, least(
        CASE WHEN c.failures_in_row > 0 THEN 1 ELSE k.at_once END - coalesce(b.calls, 0),
        c.per_minute - CASE WHEN c.minute_started_at > statement_timestamp() - interval '1 minute'
            THEN c.minute_sent ELSE 0 END) AS room
    FROM notification_channels c JOIN tenants n ON n.id = c.tenant_id AND n.is_active
    JOIN unnest(%(kinds)s::text[], %(at_once)s::integer[], %(kind_room)s::integer[], %(keeps_order)s::boolean[])
        AS k(kind, at_once, room, keeps_order) ON k.kind = c.kind AND k.room > 0
    LEFT JOIN unnest(%(busy)s::bigint[], %(calls)s::integer[]) AS b(id, calls) ON b.id = c.id
    WHERE c.is_enabled AND (c.open_until IS NULL OR c.open_until <= statement_timestamp())
        AND EXISTS (SELECT FROM notification_deliveries d
                    WHERE d.channel_id = c.id AND d.next_try_at <= statement_timestamp())
    FOR NO KEY UPDATE OF c SKIP LOCKED
), due AS (
    SELECT d.id, r.kind, r.is_failing, d.place, d.next_try_at,
        row_number() OVER (PARTITION BY r.kind ORDER BY r.is_failing, d.place, d.next_try_at) AS turn_in_kind,
        row_number() OVER (PARTITION BY r.is_failing ORDER BY d.place, d.next_try_at) AS turn
    FROM receivers r CROSS JOIN LATERAL (
        SELECT o.id, o.next_try_at, row_number() OVER (ORDER BY o.next_try_at, o.id) AS place FROM (
            SELECT w.id, w.next_try_at FROM notification_deliveries w
            WHERE w.channel_id = r.id AND w.next_try_at <= statement_timestamp()
                AND w.not_before <= statement_timestamp() AND w.give_up_at > statement_timestamp()
                AND NOT (r.keeps_order AND EXISTS (
                    SELECT FROM notification_deliveries e
                    WHERE e.channel_id = w.channel_id AND e.order_key = w.order_key AND e.next_try_at IS NOT NULL
                        AND (e.last_at, e.id) < (w.last_at, w.id)
                        AND (e.not_before <= statement_timestamp() OR w.type = ANY(%(resolving)s::text[]))))
            ORDER BY w.next_try_at, w.id LIMIT 8) AS o) AS d  -- a constant, so that the index is read in its order
    WHERE d.place <= r.room
), chosen AS (
    SELECT due.id FROM due JOIN unnest(%(kinds)s::text[], %(kind_room)s::integer[]) AS k(kind, room) USING (kind)
    WHERE due.turn_in_kind <= k.room AND (NOT due.is_failing OR due.turn <= %(of_failing)s)
    ORDER BY due.is_failing, due.place, due.next_try_at LIMIT %(room)s
), mine AS (
    SELECT d.id, d.channel_id FROM notification_deliveries d JOIN chosen USING (id)
    WHERE d.next_try_at <= statement_timestamp() FOR UPDATE OF d SKIP LOCKED
), counted AS (
    UPDATE notification_channels c SET
        minute_started_at = CASE WHEN c.minute_started_at > statement_timestamp() - interval '1 minute'
            THEN c.minute_started_at ELSE statement_timestamp() END,
        minute_sent = CASE WHEN c.minute_started_at > statement_timestamp() - interval '1 minute'
            THEN c.minute_sent ELSE 0 END + m.sent
    FROM (SELECT channel_id, count(*) AS sent FROM mine GROUP BY channel_id) AS m WHERE c.id = m.channel_id
)
UPDATE notification_deliveries d SET tries = d.tries + 1, next_try_at = clock_timestamp() + %(claimed_for)s
FROM mine, notification_channels c WHERE d.id = mine.id AND c.id = d.channel_id
RETURNING d.id, d.uid, d.tries, d.type, d.severity, d.facts, d.count, d.last_at, d.give_up_at, d.created_at,
    d."to", d.taken_by, c.id AS channel_id, c.tenant_id, c.kind, c.config, c.secret, c.title_text, c.body_text,
    c.failures_in_row, c.public_id, c.nonce, c.previous_nonce, c.previous_until, clock_timestamp() AS now
"""
RENEW = """
UPDATE notification_deliveries d SET next_try_at = clock_timestamp() + %(claimed_for)s
FROM unnest(%(ids)s::bigint[], %(tries)s::integer[]) AS v(id, tries)
WHERE d.id = v.id AND d.tries = v.tries AND d.status = 'waiting'
"""


@dataclass(frozen=True)
class Claimed:
    """A delivery that is this sender's for a while. `sealed` are the secrets that its letter needs."""

    delivery_id: int
    tries: int
    give_up_at: datetime
    channel_id: int
    tenant_id: int
    kind: ChannelKind
    failures_in_row: int
    public_id: str
    sealed: str
    letter: Letter


def claim(under_way: Sequence[Claimed]) -> list[Claimed]:
    """What may be sent beside what is under way."""
    room = AT_ONCE - len(under_way)
    if room <= 0:
        return []
    busy = Counter(one.channel_id for one in under_way)
    in_kind = Counter(one.kind for one in under_way)
    failing = sum(one.failures_in_row > 0 for one in under_way)
    types = registry.all_types()
    values = {
        "kinds": [one.kind.value for one in types],
        "at_once": [one.sends_at_once for one in types],
        "kind_room": [OF_KIND - in_kind[one.kind] for one in types],
        "keeps_order": [one.keeps_order for one in types],
        "resolving": [wording.type_of(kind) for kind in RESOLVING],
        "busy": list(busy),
        "calls": list(busy.values()),
        "of_failing": max(OF_FAILING - failing, 0),
        "room": room,
        "claimed_for": CLAIMED_FOR,
    }
    return [_claimed(row) for row in sql.rows(CLAIM, values, prepare=False)]


def renew(claimed: Sequence[Claimed]) -> None:
    """Keep them for as long again, so that nobody else sends them meanwhile."""
    ids, tries = [one.delivery_id for one in claimed], [one.tries for one in claimed]
    sql.rows(RENEW, {"ids": ids, "tries": tries, "claimed_for": CLAIMED_FOR})


def _claimed(row: sql.Row) -> Claimed:
    signs = {name: row[name] for name in ("public_id", "nonce", "previous_nonce", "previous_until")}
    letter = Letter(
        _message(row),
        sql.loads(row["config"]),
        {},
        signs_with=Channel(**signs).secrets(row["now"]),
        to=row["to"],
        taken_by=row["taken_by"],
    )
    return Claimed(
        row["id"],
        row["tries"],
        row["give_up_at"],
        row["channel_id"],
        row["tenant_id"],
        ChannelKind(row["kind"]),
        row["failures_in_row"],
        row["public_id"],
        row["secret"],
        letter,
    )


def _message(row: sql.Row) -> Message:
    facts: dict[str, Any] = sql.loads(row["facts"])
    return Message(
        uid=row["uid"],
        type=row["type"],
        severity=Severity(row["severity"]),
        facts=facts,
        count=row["count"],
        at=row["last_at"],
        title_text=row["title_text"],
        body_text=row["body_text"],
    )
