"""Deletes what is past its end: notifications, and changes that nobody comes back for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from notifications.inbox import changes
from notifications.inbox.changes import Change
from notifications.rules.kinds import ChangeKind
from scheduler_project.lib import sql

EVERY = timedelta(minutes=1)
CHANGES_KEPT = timedelta(days=2)  # whoever was away for longer reads the inbox again
BATCH = 5_000

EXPIRED = """
SELECT id, tenant_id, user_id FROM ui_notifications WHERE ttl_at <= statement_timestamp() ORDER BY ttl_at LIMIT %(most)s
"""
FORGET_MARKS = "DELETE FROM ui_notification_marks WHERE notification_id = ANY(%(ids)s)"
FORGET = "DELETE FROM ui_notifications WHERE id = ANY(%(ids)s) AND ttl_at <= statement_timestamp()"

# The last one stays, whatever its age: it says how far the changes have come.
FORGET_CHANGES = """
DELETE FROM ui_notification_changes WHERE id IN (
    SELECT id FROM ui_notification_changes
    WHERE at < statement_timestamp() - %(kept)s::interval AND id < (SELECT max(id) FROM ui_notification_changes)
    ORDER BY at LIMIT %(most)s)
RETURNING id
"""


def sweep() -> int:
    """Delete all of them, a batch at a time. Returns how many rows."""
    return _all(_expired) + _all(_old_changes)


def _all(delete: Callable[[], int]) -> int:
    total = 0
    while True:
        gone = delete()
        total += gone
        if gone < BATCH:
            return total


def _expired() -> int:
    with transaction.atomic():
        changes.take_turn()  # so that none is counted in or read meanwhile
        rows = sql.rows(EXPIRED, {"most": BATCH}, prepare=False)
        if rows:
            ids = {"ids": [row["id"] for row in rows]}
            sql.rows(FORGET_MARKS, ids)
            sql.rows(FORGET, ids)
            changes.record(_cleared(rows))
        return len(rows)


def _cleared(rows: list[sql.Row]) -> list[Change]:
    """One for each inbox, so that whoever has it open counts anew."""
    inboxes = Counter((None if row["user_id"] else row["tenant_id"], row["user_id"]) for row in rows)
    return [
        Change(ChangeKind.CLEARED, tenant, user, f"user:{user}" if user else "", data={"count": count, "ids": []})
        for (tenant, user), count in inboxes.items()
    ]


def _old_changes() -> int:
    return len(sql.rows(FORGET_CHANGES, {"kept": CHANGES_KEPT, "most": BATCH}, prepare=False))
