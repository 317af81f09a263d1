"""Brings recoveries forward, where order is kept, when their job is in trouble again before they were to go out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from notifications.channels import registry
from notifications.rules import wording
from notifications.rules.audience import Circle
from notifications.rules.grouping import Group
from notifications.rules.kinds import RESOLVING
from scheduler_project.lib import sql

# Sent later, one would resolve what was triggered after it; and it wakes nobody. Either of the two may be the one that
# is new, since one of the two streams of events is read after the other.
HASTEN = """
WITH told AS (
    SELECT DISTINCT d.channel_id, d.order_key
    FROM unnest(%(channel)s::bigint[], %(group_key)s::text[]) AS v(channel_id, group_key)
    JOIN notification_deliveries d ON d.channel_id = v.channel_id AND d.group_key = v.group_key
        AND d.status = 'waiting' AND d.tries = 0
), held AS (
    SELECT r.id, greatest(min(n.not_before), %(now)s) AS due_at
    FROM told t
    JOIN notification_deliveries r ON r.channel_id = t.channel_id AND r.order_key = t.order_key
        AND r.next_try_at IS NOT NULL AND r.type = ANY(%(resolving)s::text[]) AND r.not_before > %(now)s
    JOIN notification_deliveries n ON n.channel_id = t.channel_id AND n.order_key = t.order_key
        AND n.next_try_at IS NOT NULL AND (n.last_at, n.id) > (r.last_at, r.id) AND n.not_before < r.not_before
    GROUP BY r.id
)
UPDATE notification_deliveries d SET not_before = held.due_at, next_try_at = held.due_at
FROM held WHERE d.id = held.id AND d.status = 'waiting' AND d.tries = 0
"""


def hasten(groups: Iterable[Group], circle: Circle, *, now: datetime) -> None:
    """After deliveries of these have been written, in the same transaction."""
    ordered = [group for group in groups if _keeps_order(group, circle)]
    if not ordered:
        return
    values = {
        "channel": [group.target.channel_id for group in ordered],
        "group_key": [group.key for group in ordered],
        "resolving": [wording.type_of(kind) for kind in RESOLVING],
        "now": now,
    }
    sql.rows(HASTEN, values)


def _keeps_order(group: Group, circle: Circle) -> bool:
    way = circle.ways.get(group.target.channel_id or 0)
    return way is not None and registry.type_of(way.kind).keeps_order
