"""What the fan-out remembers from batch to batch: how much each target has had, and which messages still count."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from notifications.rules.grouping import Flow, Group
from scheduler_project.lib import sql

# The day of a flow is over everywhere by then. Names are kept longer, for jobs that go on failing.
KEPT, NAMES_KEPT = timedelta(days=3), timedelta(days=30)

FLOWS = """
SELECT key, recent, storm_until, storm_jobs, day, told, named FROM notification_flows WHERE key = ANY(%(keys)s::text[])
"""
# Arrays of arrays would have to be of one length, so they come as JSON.
STORE = """
INSERT INTO notification_flows AS f (key, recent, storm_until, storm_jobs, day, told, named, updated_at)
SELECT v.key, ARRAY(SELECT jsonb_array_elements_text(v.recent)::timestamptz), v.storm_until,
       ARRAY(SELECT jsonb_array_elements_text(v.jobs)), v.day, v.told, ARRAY(SELECT jsonb_array_elements_text(v.named)),
       %(now)s
FROM unnest(%(keys)s::text[], %(recent)s::jsonb[], %(storm_until)s::timestamptz[], %(jobs)s::jsonb[], %(day)s::date[],
            %(told)s::integer[], %(named)s::jsonb[]) AS v(key, recent, storm_until, jobs, day, told, named)
ORDER BY v.key
ON CONFLICT (key) DO UPDATE
SET recent = excluded.recent, storm_until = excluded.storm_until, storm_jobs = excluded.storm_jobs, day = excluded.day,
    told = excluded.told, named = excluded.named, updated_at = excluded.updated_at
"""
FORGET = """
DELETE FROM notification_flows
WHERE updated_at < %(now)s - CASE WHEN named = '{}' THEN %(kept)s::interval ELSE %(names_kept)s::interval END
"""

OPEN_IN_INBOXES = """
SELECT v.place FROM unnest(%(tenant)s::bigint[], %(user)s::bigint[], %(key)s::text[])
    WITH ORDINALITY AS v(tenant_id, user_id, key, place)
JOIN ui_notifications n ON n.is_open AND n.group_key = v.key AND n.tenant_id IS NOT DISTINCT FROM v.tenant_id
    AND n.user_id IS NOT DISTINCT FROM v.user_id
"""
# The newest that was sent or is being sent, and whether one still counts.
OF_CHANNELS = """
SELECT v.place, d.is_open, coalesce(d.ended_at, d.not_before) AS sent_at
FROM unnest(%(channel)s::bigint[], %(key)s::text[]) WITH ORDINALITY AS v(channel_id, key, place)
CROSS JOIN LATERAL (
    SELECT status = 'waiting' AND tries = 0 AS is_open, ended_at, not_before FROM notification_deliveries
    WHERE channel_id = v.channel_id AND group_key = v.key ORDER BY id DESC LIMIT 2
) AS d
"""


def flows(keys: Collection[str]) -> dict[str, Flow]:
    return {row["key"]: _flow(row) for row in sql.rows(FLOWS, {"keys": sorted(keys)}, prepare=False)}


def _flow(row: sql.Row) -> Flow:
    return Flow(
        recent=tuple(row["recent"]),
        storm_until=row["storm_until"],
        storm_jobs=frozenset(row["storm_jobs"]),
        day=row["day"],
        told=row["told"],
        named=tuple(row["named"]),
    )


def store(flows: dict[str, Flow], *, now: datetime) -> None:
    if not flows:
        return
    keys = sorted(flows)
    values = {
        "keys": keys,
        "recent": [sql.json([at.isoformat() for at in flows[key].recent]) for key in keys],
        "storm_until": [flows[key].storm_until for key in keys],
        "jobs": [sql.json(sorted(flows[key].storm_jobs)) for key in keys],
        "day": [flows[key].day for key in keys],
        "told": [flows[key].told for key in keys],
        "named": [sql.json(list(flows[key].named)) for key in keys],
        "now": now,
    }
    sql.rows(STORE, values)


def forget_old(*, now: datetime) -> None:
    sql.rows(FORGET, {"now": now, "kept": KEPT, "names_kept": NAMES_KEPT})


def open_in_inboxes(groups: Iterable[Group]) -> set[Group]:
    """Those of these groups that have an unread row which still counts."""
    asked = [group for group in groups if group.target.channel_id is None]
    values = {
        "tenant": [group.target.tenant_id for group in asked],
        "user": [group.target.user_id for group in asked],
        "key": [group.key for group in asked],
    }
    return {asked[row["place"] - 1] for row in sql.rows(OPEN_IN_INBOXES, values, prepare=False)} if asked else set()


def in_channels(groups: Iterable[Group]) -> tuple[set[Group], dict[Group, datetime]]:
    """Those that have an unsent delivery, and when the newest other one went out."""
    asked = [group for group in groups if group.target.channel_id is not None]
    if not asked:
        return set(), {}
    values = {"channel": [group.target.channel_id for group in asked], "key": [group.key for group in asked]}
    waiting: set[Group] = set()
    sent: dict[Group, datetime] = {}
    for row in sql.rows(OF_CHANNELS, values, prepare=False):
        group = asked[row["place"] - 1]
        if row["is_open"]:
            waiting.add(group)
        elif group not in sent:
            sent[group] = row["sent_at"]
    return waiting, sent
