"""The changes of inboxes, with ids in the order of their commits: whoever has read up to one has missed nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from notifications.inbox import waking
from notifications.rules.kinds import ChangeKind
from scheduler_project.lib import sql, transactions

# An id is given before its commit is seen. So whoever writes to inboxes holds this lock from before the first row until
# the commit: the next writer's ids are greater, its changes are seen later, and no two writers can wait for each other.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('daybook inbox changes', 0))"

RECORD = """
INSERT INTO ui_notification_changes (tenant_id, user_id, reader, kind, notification_id, data)
SELECT v.tenant_id, v.user_id, v.reader, v.kind, v.notification_id, v.data
FROM unnest(%(tenant)s::bigint[], %(user)s::bigint[], %(reader)s::text[], %(kind)s::text[], %(notification)s::bigint[],
            %(data)s::jsonb[]) WITH ORDINALITY AS v(tenant_id, user_id, reader, kind, notification_id, data, place)
ORDER BY v.place
"""


@dataclass(frozen=True)
class Change:
    """`reader` is the one whom it concerns; without one it concerns the user, or all of the tenant."""

    kind: ChangeKind
    tenant_id: int | None = None
    user_id: int | None = None
    reader: str = ""
    notification_id: int | None = None
    """None: many at once."""
    data: Mapping[str, Any] = field(default_factory=dict)


def take_turn() -> None:
    """Wait until no other writer of inboxes is under way. What may wait for anything else comes before it."""
    transactions.never_standing_still()  # everybody's inbox waits behind it, and whoever reads events in their order
    sql.rows(LOCK)


def record(changes: Sequence[Change]) -> None:
    """In the caller's transaction, as the last thing that it does. Those who listen are told when it is over."""
    if not changes:
        return
    take_turn()
    sql.rows(
        RECORD,
        {
            "tenant": [change.tenant_id for change in changes],
            "user": [change.user_id for change in changes],
            "reader": [change.reader for change in changes],
            "kind": [change.kind.value for change in changes],
            "notification": [change.notification_id for change in changes],
            "data": [sql.json(change.data) for change in changes],
        },
    )
    users = {change.user_id for change in changes if change.user_id is not None}
    tenants = {change.tenant_id for change in changes if change.user_id is None and change.tenant_id is not None}
    transaction.on_commit(partial(waking.wake, users, tenants), robust=True)
