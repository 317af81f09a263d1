"""What has changed in an inbox since a place: nothing is left out, and nothing comes twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifications.inbox.readers import Reader
from scheduler_project.lib import sql

MOST = 100  # changes at once

# One statement, so one snapshot: up to its greatest id every change is seen, whoever else is writing.
AFTER = """
SELECT bounds.first, bounds.last, found.*
FROM (SELECT min(id) AS first, max(id) AS last FROM ui_notification_changes) bounds
LEFT JOIN LATERAL (
    SELECT c.id, c.kind, c.notification_id, c.data, c.at FROM ui_notification_changes c
    WHERE c.id > %(place)s AND c.reader IN ('', %(reader)s)
      AND (c.user_id = %(user)s AND (c.reader <> '' OR %(tenants)s::bigint[] IS NULL
                                     OR c.tenant_id = ANY(%(tenants)s::bigint[]))
           OR c.user_id IS NULL AND (%(tenants)s::bigint[] IS NULL OR c.tenant_id = ANY(%(tenants)s::bigint[])))
      AND NOT (c.kind = 'created' AND c.user_id IS NULL
               AND EXISTS (SELECT FROM ui_notification_marks m
                           WHERE m.notification_id = c.notification_id AND m.reader = %(reader)s
                             AND m.cleared_at IS NOT NULL AND m.read_at IS NULL))  -- see muting
    ORDER BY c.id LIMIT %(most)s
) found ON true
ORDER BY found.id
"""
LAST = "SELECT coalesce(max(id), 0) AS last FROM ui_notification_changes"


@dataclass(frozen=True)
class Told:
    id: int
    kind: str
    notification_id: int | None
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Followed:
    """`has_gap`: the place is too old, or of another database; what is shown has to be read again."""

    told: list[Told]
    place: int
    has_more: bool = False
    has_gap: bool = False


def place_now() -> int:
    """Whatever changes from here on comes after it. 0: nothing has ever changed."""
    found = sql.row(LAST)
    assert found is not None
    return int(found["last"])


def after(reader: Reader, place: int) -> Followed:
    tenants = None if reader.tenant_ids is None else list(reader.tenant_ids)
    values = {"place": place, "reader": reader.name, "user": reader.user_id, "tenants": tenants, "most": MOST + 1}
    rows = sql.rows(AFTER, values, prepare=False)
    first, last = rows[0]["first"] or 0, rows[0]["last"] or 0
    if place > last or 0 < place < first - 1:
        return Followed([], last, has_gap=True)
    told = [
        Told(row["id"], row["kind"], row["notification_id"], sql.loads(row["data"]), row["at"])
        for row in rows
        if row["id"] is not None
    ]
    if len(told) > MOST:
        return Followed(told[:MOST], told[MOST - 1].id, has_more=True)
    return Followed(told, last)
