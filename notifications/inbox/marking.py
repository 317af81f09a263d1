"""What a reader does with an inbox: reads, and clears away. It concerns nobody else's inbox.

What is for one person is marked in its row, and deleted when it is cleared away; of what is for all of a tenant each
reader has a mark. A group that somebody has read is closed: what follows is a new notification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from notifications.inbox import changes, reading
from notifications.inbox.changes import Change
from notifications.inbox.lean import lean
from notifications.inbox.readers import Reader
from notifications.inbox.reading import ALL, Rows, Wanted
from notifications.models import Notification
from notifications.rules.kinds import ChangeKind
from scheduler_project.lib import sql

BATCH = 2_000  # marked in one transaction
MOST_NAMED = 200  # ids in the change of many

READ_OWN = """
UPDATE ui_notifications SET read_at = now(), is_open = false WHERE id = ANY(%(ids)s) AND read_at IS NULL RETURNING id
"""
CLEAR_OWN = "DELETE FROM ui_notifications WHERE id = ANY(%(ids)s) RETURNING id"
CLOSE = "UPDATE ui_notifications SET is_open = false WHERE id = ANY(%(ids)s) AND is_open"
MARK = """
INSERT INTO ui_notification_marks AS m (notification_id, reader, read_at, cleared_at)
SELECT n.id, %(reader)s, now(), CASE WHEN %(cleared)s::boolean THEN now() END
FROM ui_notifications n WHERE n.id = ANY(%(ids)s)
ON CONFLICT (reader, notification_id) DO UPDATE
SET read_at = coalesce(m.read_at, excluded.read_at), cleared_at = coalesce(m.cleared_at, excluded.cleared_at)
WHERE m.read_at IS NULL OR excluded.cleared_at IS NOT NULL AND m.cleared_at IS NULL
RETURNING notification_id AS id
"""


def read_one(reader: Reader, pk: int) -> Notification | None:
    """The notification, read by now; None when the reader has none of that id."""
    with transaction.atomic():
        changes.take_turn()
        row = reading.find(reader, pk)
        if row is None or row.seen_at is not None:
            return row
        _mark(reader, ChangeKind.READ, own=[pk] if row.user_id else [], shared=[] if row.user_id else [pk])
        changes.record([_change(reader, ChangeKind.READ, row)])
        return reading.find(reader, pk)


def read_all(reader: Reader, wanted: Wanted = ALL) -> int:
    """All that are unread and wanted. Returns how many."""
    if wanted.unread is False:
        return 0
    return _mark_many(reader, ChangeKind.READ, wanted, unread=True)


def clear(reader: Reader, wanted: Wanted = ALL, *, unread_too: bool = False) -> int:
    """Those that are read and wanted, or all that are wanted. Returns how many."""
    if wanted.unread and not unread_too:
        return 0
    return _mark_many(reader, ChangeKind.CLEARED, wanted, unread=wanted.unread if unread_too else False)


def _mark_many(reader: Reader, kind: ChangeKind, wanted: Wanted, *, unread: bool | None) -> int:
    """Some at a time, so that other writers wait for moments only. What comes meanwhile is left alone."""
    which = replace(wanted, unread=unread)
    own, shared = _ids(reading.own(reader, which)), _ids(reading.shared(reader, which))
    total = 0
    for first in range(0, len(own) + len(shared), BATCH):
        some = slice(max(first - len(own), 0), max(first + BATCH - len(own), 0))
        total += _mark_some(reader, kind, own=own[first : first + BATCH], shared=shared[some])
    return total


def _mark_some(reader: Reader, kind: ChangeKind, *, own: Sequence[int], shared: Sequence[int]) -> int:
    with transaction.atomic():
        changes.take_turn()
        marked = _mark(reader, kind, own=own, shared=shared)
        if marked:
            data = {"count": len(marked), "ids": marked[:MOST_NAMED]}
            changes.record([Change(kind, _tenant_of(reader), reader.user_id, reader.name, data=data)])
        return len(marked)


def _ids(part: Rows | None) -> list[int]:
    return [] if part is None else list(part.order_by(*reading.ORDER).values_list("pk", flat=True))


def _mark(reader: Reader, kind: ChangeKind, *, own: Sequence[int], shared: Sequence[int]) -> list[int]:
    """The ids of those that were not marked so already."""
    is_cleared = kind is ChangeKind.CLEARED
    marked: list[int] = []
    if own:
        marked += [row["id"] for row in sql.rows(CLEAR_OWN if is_cleared else READ_OWN, {"ids": list(own)})]
    if shared:
        # One that is gone by now cannot be marked, and a mark of it would not be taken.
        values = {"reader": reader.name, "cleared": is_cleared, "ids": list(shared)}
        marked += [row["id"] for row in sql.rows(MARK, values)]
        sql.rows(CLOSE, {"ids": list(shared)})
    return marked


def _change(reader: Reader, kind: ChangeKind, row: Notification) -> Change:
    data = lean(vars(row))
    tenant_id = _tenant_of(reader) if reader.user_id is None else row.tenant_id
    return Change(kind, tenant_id, reader.user_id, reader.name, row.pk, data)


def _tenant_of(reader: Reader) -> int | None:
    """A program has one; a person's change belongs to none."""
    return reader.tenant_ids[0] if reader.user_id is None and reader.tenant_ids else None
