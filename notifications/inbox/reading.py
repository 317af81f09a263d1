"""Reads an inbox: what is in it, newest first, and how much of it is unread.

What is for one person and what is for a whole tenant are two parts, each with an index of its own; a query over both
would have to sort them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from notifications.inbox.readers import Reader
from notifications.models import Notification, NotificationMark
from notifications.rules.kinds import Severity, rank
from scheduler_project.lib import sql

ORDER = ("-last_at", "-id")

Rows = QuerySet[Notification]

# Without OR where it can be: each half walks the index of what is unread, or of the tenant.
UNREAD = """
SELECT (SELECT count(*) FROM ui_notifications n
        WHERE n.user_id = %(user)s AND n.read_at IS NULL AND n.ttl_at > now()
          AND (%(tenants)s::bigint[] IS NULL OR n.tenant_id = ANY(%(tenants)s::bigint[])))
     + (SELECT count(*) FROM ui_notifications n
        WHERE n.user_id IS NULL AND n.ttl_at > now()
          AND (%(tenants)s::bigint[] IS NULL OR n.tenant_id = ANY(%(tenants)s::bigint[]))
          AND NOT EXISTS (SELECT FROM ui_notification_marks m
                          WHERE m.notification_id = n.id AND m.reader = %(reader)s
                            AND (m.read_at IS NOT NULL OR m.cleared_at IS NOT NULL))) AS count
"""


@dataclass(frozen=True)
class Wanted:
    """Which notifications. Those at `since` belong to it, those at `until` do not."""

    unread: bool | None = None
    severity: str = ""
    """This one and graver ones."""
    type: str = ""
    job_id: int | None = None
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tenant: str = ""
    ids: tuple[int, ...] = ()
    """Only these; none: any."""

    def condition(self) -> Q:
        """What does not depend on who reads."""
        found = Q()
        if self.severity:
            found &= Q(severity__in=[one.value for one in Severity if rank(one) >= rank(self.severity)])
        if self.type:
            found &= Q(type=self.type)
        if self.job_id is not None:
            found &= Q(meta__job__id=self.job_id)
        if self.text:
            found &= Q(title__icontains=self.text) | Q(body__icontains=self.text)
        if self.since is not None:
            found &= Q(last_at__gte=self.since)
        if self.until is not None:
            found &= Q(last_at__lt=self.until)
        if self.tenant:
            found &= Q(tenant__slug=self.tenant)
        if self.ids:
            found &= Q(pk__in=self.ids)
        return found


ALL = Wanted()


def parts(reader: Reader, wanted: Wanted = ALL) -> list[Rows]:
    """What the reader has: for itself, and for all of its tenants. `seen_at` of a row is when this reader read it."""
    return [part for part in (own(reader, wanted), shared(reader, wanted)) if part is not None]


def own(reader: Reader, wanted: Wanted = ALL) -> Rows | None:
    if reader.user_id is None:
        return None
    rows = _alive(reader).filter(wanted.condition(), user_id=reader.user_id).annotate(seen_by_reader=F("read_at"))
    return rows if wanted.unread is None else rows.filter(read_at__isnull=wanted.unread)


def shared(reader: Reader, wanted: Wanted = ALL) -> Rows | None:
    if reader.tenant_ids == ():
        return None
    marks = NotificationMark.objects.filter(reader=reader.name, notification=OuterRef("pk"))
    seen = Subquery(marks.values("read_at"), output_field=DateTimeField(null=True))
    rows = _alive(reader).filter(wanted.condition(), ~Exists(marks.exclude(cleared_at=None)), user=None)
    if wanted.unread is not None:
        is_read = Exists(marks.exclude(read_at=None))
        rows = rows.filter(~is_read if wanted.unread else is_read)
    return rows.annotate(seen_by_reader=seen)


def find(reader: Reader, pk: int) -> Notification | None:
    found = (part.filter(pk=pk).select_related("tenant", "user").first() for part in parts(reader))
    return next((row for row in found if row is not None), None)


def newest(
    wanted_parts: Sequence[Rows], *, most: int, page: Callable[[Rows, int], Sequence[Notification]] | None = None
) -> list[Notification]:
    """The first rows of all parts together. `page` reads so many of one part, from the newest unless told."""
    read = page or (lambda part, count: list(part.order_by(*ORDER)[:count]))
    found = [read(part.select_related("tenant", "user"), most) for part in wanted_parts]
    return list(heapq.merge(*found, key=lambda row: (row.last_at, row.pk), reverse=True))[:most]


def window(wanted_parts: Sequence[Rows], offset: int, most: int) -> list[Notification]:
    """Rows further down: found by their ids alone, then read."""
    if not offset:
        return newest(wanted_parts, most=most)
    ids = [part.order_by(*ORDER).values_list("last_at", "pk")[: offset + most] for part in wanted_parts]
    if not ids:
        return []
    together = ids[0].union(*ids[1:], all=True).order_by("-last_at", "-pk")[offset : offset + most]
    wanted = [pk for _, pk in together]
    return newest([part.filter(pk__in=wanted) for part in wanted_parts], most=most)


def unread_count(reader: Reader) -> int:
    tenants = None if reader.tenant_ids is None else list(reader.tenant_ids)
    values = {"user": reader.user_id, "tenants": tenants, "reader": reader.name}
    (found,) = sql.rows(UNREAD, values, prepare=False)
    return int(found["count"])


def _alive(reader: Reader) -> Rows:
    rows = Notification.objects.filter(ttl_at__gt=Now())
    return rows if reader.tenant_ids is None else rows.filter(tenant_id__in=reader.tenant_ids)
