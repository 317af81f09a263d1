"""Puts a notification into the inbox of a member of a tenant, or of all of them, because somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Q

from accounts import audit
from accounts.models import Membership, Tenant
from notifications.inbox.writing import Entry, tell
from notifications.models import Notification
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput

LONGEST_BODY = 5_000
LONGEST_META = 8_192  # characters of JSON
LONGEST_GROUP = 100
SHORTEST_LIFE = timedelta(minutes=1)
LONGEST_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class New:
    """`user` is a name, or an id of one; neither: all of the tenant. `life` is how long it stays; None: as usual."""

    type: str
    title: str
    severity: str
    body: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    user: str | int | None = None
    group: str = ""
    life: timedelta | None = None


def create(new: New, *, tenant: Tenant, actor: str) -> Notification:
    """The row; with a group that is still unread, the row that it was counted in. Raises `InvalidInput`."""
    with transactions.engine():
        user_id = _member(new.user, tenant)
        entry = Entry(
            tenant_id=tenant.pk,
            user_id=user_id,
            type=new.type,
            severity=new.severity,
            title=new.title,
            body=new.body,
            meta=new.meta,
            # Of the rules' own groups nobody is to add to one.
            group_key=f"asked:{new.group}" if new.group else "",
            ttl=new.life,
        )
        after = {"type": new.type, "severity": new.severity, "title": new.title, "user": new.user}
        # Before the row, whose writers wait for each other: the audit trail has an order of its own.
        audit.record(
            "notification.created",
            actor=actor,
            tenant_id=tenant.pk,
            target="notification",
            target_name=new.title,
            after=after,
        )
        [pk] = tell([entry])
        return Notification.objects.select_related("tenant", "user").get(pk=pk)


def _member(named: str | int | None, tenant: Tenant) -> int | None:
    if named is None:
        return None
    is_named = Q(user_id=named) if isinstance(named, int) else Q(user__username=named)
    members = Membership.objects.filter(is_named, tenant=tenant, user__is_active=True)
    user_id = members.values_list("user_id", flat=True).first()
    if user_id is None:
        path = "user_id" if isinstance(named, int) else "user"
        raise InvalidInput({path: [f"{named} is no active member of {tenant.slug}; leave it out to tell all members."]})
    return user_id
