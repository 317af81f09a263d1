"""Keeps what is for all of a tenant from those who have muted its job: for them it is cleared away without having been
read, until it is written again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from notifications.inbox.changes import Change
from notifications.rules.kinds import ChangeKind
from scheduler_project.lib import sql

FORGET = """
DELETE FROM ui_notification_marks WHERE notification_id = ANY(%(ids)s) AND read_at IS NULL
RETURNING notification_id AS id, reader
"""
KEEP = """
INSERT INTO ui_notification_marks (notification_id, reader, cleared_at)
SELECT v.id, 'user:' || p.user_id, now()
FROM unnest(%(ids)s::bigint[], %(jobs)s::bigint[]) AS v(id, job)
JOIN notification_preferences p ON p.muted_jobs @> ARRAY[v.job]
ON CONFLICT (reader, notification_id) DO NOTHING
RETURNING notification_id AS id, reader
"""


def keep(jobs: Mapping[int, int], *, counted: Collection[int]) -> list[Change]:
    """From each notification to its job. Of those that were `counted` in a row that was there, whoever had it in sight
    until now is told that it is gone; to be recorded by the caller, in whose turn this is."""
    if not jobs:
        return []
    hidden = {(row["id"], row["reader"]) for row in sql.rows(FORGET, {"ids": list(jobs)})}
    kept = sql.rows(KEEP, {"ids": list(jobs), "jobs": list(jobs.values())})
    return [
        Change(ChangeKind.CLEARED, None, _user(row["reader"]), row["reader"], data={"count": 1, "ids": [row["id"]]})
        for row in kept
        if row["id"] in counted and (row["id"], row["reader"]) not in hidden
    ]


def _user(reader: str) -> int:
    return int(reader.removeprefix("user:"))
