"""Writes into inboxes, many entries at once. Repeats are counted in the row that is open for their group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from notifications.inbox import changes, muting, totals
from notifications.inbox.changes import Change
from notifications.inbox.lean import lean
from notifications.rules.kinds import ChangeKind, Severity, rank
from scheduler_project.lib import sql

LONGEST_TITLE = 200
LONGEST_TYPE = 60

Group = tuple[int | None, int | None, str]  # tenant, user and key

WRITE = """
INSERT INTO ui_notifications AS n
    (tenant_id, user_id, type, severity, title, body, meta, count, group_key, is_open, last_at, ttl_at)
SELECT v.tenant_id, v.user_id, v.type, v.severity, v.title, v.body, v.meta, v.count, v.group_key, v.group_key <> '',
       coalesce(v.at, statement_timestamp()), statement_timestamp() + make_interval(secs => v.ttl)
FROM unnest(%(tenant)s::bigint[], %(user)s::bigint[], %(type)s::text[], %(severity)s::text[], %(title)s::text[],
            %(body)s::text[], %(meta)s::jsonb[], %(count)s::integer[], %(group_key)s::text[], %(at)s::timestamptz[],
            %(ttl)s::double precision[])
     WITH ORDINALITY AS v(tenant_id, user_id, type, severity, title, body, meta, count, group_key, at, ttl, place)
ORDER BY v.tenant_id, v.user_id, v.group_key, v.place
ON CONFLICT (tenant_id, user_id, group_key) WHERE is_open DO UPDATE
SET count = n.count + excluded.count, last_at = greatest(n.last_at, excluded.last_at), body = excluded.body,
    meta = excluded.meta,
    severity = CASE WHEN array_position(%(severities)s::text[], excluded.severity::text)
                       > array_position(%(severities)s::text[], n.severity::text)
                    THEN excluded.severity ELSE n.severity END,
    ttl_at = greatest(n.ttl_at, excluded.ttl_at)
RETURNING id, tenant_id, user_id, type, severity, title, meta, count, group_key, created_at, last_at, ttl_at
"""

ENTITLE = """
UPDATE ui_notifications n SET title = v.title
FROM unnest(%(ids)s::bigint[], %(titles)s::text[]) AS v(id, title) WHERE n.id = v.id
"""


@dataclass(frozen=True)
class Entry:
    """One thing that somebody is told. With a `group_key` it is counted in the row of that group that is still open;
    `many` is the title for more than one, with {count}. Without a user it is for all of the tenant."""

    tenant_id: int | None
    user_id: int | None
    type: str
    severity: str
    title: str
    body: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    group_key: str = ""
    many: str = ""
    count: int = 1
    at: datetime | None = None
    ttl: timedelta | None = None
    """How long it is kept; None: as the setting says."""
    job_id: int | None = None
    """The job that it is about. What is for all of the tenant is kept from those who have muted it."""

    def title_for(self, count: int) -> str:
        title = self.many.replace("{count}", f"{count:,}") if self.many and count > 1 else self.title
        return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "\N{HORIZONTAL ELLIPSIS}"


def tell(entries: Sequence[Entry]) -> list[int]:
    """In the caller's transaction, as the last thing that may wait for others. Returns the ids of the rows."""
    if not entries:
        return []
    with transaction.atomic():
        changes.take_turn()
        merged = _merged(entries)
        rows = _write(merged)
        hidden = _kept_from_who_muted(rows, merged)
        _add_up(entries)
        created = [
            Change(ChangeKind.CREATED, row["tenant_id"], row["user_id"], "", row["id"], data=lean(row)) for row in rows
        ]
        changes.record([*created, *hidden])
    return [row["id"] for row in rows]


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """The entries of one group as one, which says what the last of them says and is as grave as the gravest."""
    found: dict[object, Entry] = {}
    for number, entry in enumerate(entries):
        key: object = (entry.tenant_id, entry.user_id, entry.group_key) if entry.group_key else number
        before = found.get(key)
        if before is not None:
            gravest = max(before.severity, entry.severity, key=rank)
            at = max(before.at, entry.at) if before.at and entry.at else None
            entry = replace(entry, count=before.count + entry.count, severity=gravest, at=at)
        found[key] = entry
    return list(found.values())


def _write(entries: Sequence[Entry]) -> list[sql.Row]:
    kept = timedelta(days=settings.DAYBOOK_NOTIFICATIONS_KEPT_DAYS)
    rows = sql.rows(
        WRITE,
        {
            "tenant": [entry.tenant_id for entry in entries],
            "user": [entry.user_id for entry in entries],
            "type": [entry.type[:LONGEST_TYPE] for entry in entries],
            "severity": [entry.severity for entry in entries],
            "title": [sql.text(entry.title_for(entry.count)) for entry in entries],
            "body": [sql.text(entry.body) for entry in entries],
            "meta": [sql.json(entry.meta) for entry in entries],
            "count": [entry.count for entry in entries],
            "group_key": [entry.group_key for entry in entries],
            "at": [entry.at for entry in entries],
            "ttl": [(entry.ttl or kept).total_seconds() for entry in entries],
            "severities": [severity.value for severity in Severity],
        },
    )
    return _entitled(rows, entries)


def _kept_from_who_muted(rows: Iterable[sql.Row], entries: Iterable[Entry]) -> list[Change]:
    groups = _by_group(entries)
    jobs: dict[int, int] = {}
    counted = set()
    for row in rows:
        entry = groups.get(_group(row))
        if entry is not None and row["user_id"] is None and entry.job_id is not None:
            jobs[row["id"]] = entry.job_id
            counted |= {row["id"]} if row["count"] > entry.count else set()
    return muting.keep(jobs, counted=counted)


def _by_group(entries: Iterable[Entry]) -> dict[Group, Entry]:
    return {(entry.tenant_id, entry.user_id, entry.group_key): entry for entry in entries if entry.group_key}


def _group(row: sql.Row) -> Group:
    return row["tenant_id"], row["user_id"], row["group_key"]


def _entitled(rows: list[sql.Row], entries: Sequence[Entry]) -> list[sql.Row]:
    """The rows with titles that say how often it has happened by now."""
    groups = _by_group(entries)
    titles: dict[int, str] = {}
    for row in rows:
        entry = groups.get(_group(row))
        if entry is not None and (title := sql.text(entry.title_for(row["count"]))) != row["title"]:
            row["title"] = titles[row["id"]] = title
    if titles:
        sql.rows(ENTITLE, {"ids": list(titles), "titles": list(titles.values())})
    return rows


def _add_up(entries: Iterable[Entry]) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for entry in entries:
        sums[entry.type[:LONGEST_TYPE], entry.severity] += entry.count
    totals.add(sums)
