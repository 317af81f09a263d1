"""What is read from the trail: its entries by what is asked for, a sample of them, all of them in pieces, its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from accounts.audit.chain import START
from accounts.audit.models import AuditEntry
from accounts.audit.sealing import newest_seal
from scheduler_project.lib import sql

EXACT = ("actor", "action", "target", "target_id", "outcome", "request_id", "via")
PIECE = 2_000
LONGEST_EXPORT = timedelta(days=366)
DEFAULT_WINDOW = timedelta(days=31)


def find(entries: QuerySet[AuditEntry], **wishes: Any) -> QuerySet[AuditEntry]:
    """Narrowed by what `wishes` name, the newest first. An `action` that ends in a dot begins several."""
    for name in EXACT:
        if value := wishes.get(name):
            is_beginning = name == "action" and value.endswith(".")
            entries = entries.filter(**{f"{name}__startswith" if is_beginning else name: value})
    if since := wishes.get("since"):
        entries = entries.filter(at__gte=since)
    if until := wishes.get("until"):
        entries = entries.filter(at__lt=until)
    if tenant := wishes.get("tenant"):
        entries = entries.filter(tenant__slug=tenant)
    if before := wishes.get("before"):
        entries = entries.filter(id__lt=before)
    if text := wishes.get("q"):
        says_it = Q(target_name__icontains=text) | Q(note__icontains=text) | Q(actor__icontains=text)
        entries = entries.filter(says_it)
    return entries.order_by("-id")


def sample(entries: QuerySet[AuditEntry], size: int) -> list[AuditEntry]:
    """Each as likely as any other, for somebody to look at."""
    return list(entries.order_by("?")[:size])


def in_pieces(entries: QuerySet[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """All of them, the oldest first, some thousand at a time: no transaction stays open while somebody downloads."""
    last = 0
    while piece := list(entries.filter(id__gt=last).order_by("id")[:PIECE]):
        yield piece
        last = piece[-1].pk


@dataclass(frozen=True)
class State:
    """How far the trail is sealed."""

    head: str
    seals: int
    sealed_at: datetime | None
    waiting: int


WAITING = """
SELECT count(*) AS count FROM (
    SELECT FROM audit_entries WHERE id > %(floor)s AND (xid, id) > (%(xid)s, %(id)s) LIMIT 10000
) AS entries
"""


def state() -> State:
    newest = newest_seal()
    place = {"floor": newest.floor_id, "xid": newest.last_xid, "id": newest.last_id} if newest else {}
    found = sql.row(WAITING, place or {"floor": 0, "xid": 0, "id": 0})
    return State(
        head=(newest.hash if newest else START).hex(),
        seals=newest.sequence if newest else 0,
        sealed_at=newest.sealed_at if newest else None,
        waiting=found["count"] if found else 0,
    )
