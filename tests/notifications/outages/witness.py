"""Holds what was told against what has failed: in inboxes, in deliveries, at the receivers and with a listener."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Now

from jobs.models import Execution
from notifications.models import Delivery, Notification
from tests.live import wait_for
from tests.notifications.outages.listener import Listener
from tests.notifications.outages.world import CHAT, HOOK, World
from tests.receivers import Receiver

OF_FAILURES = ("job.failed", "digest.storm", "digest.day")  # beside them there is trouble of the scheduler itself


def failed(**which: Any) -> int:
    return Execution.objects.filter(status="failed", **which).count()


def told(**which: Any) -> int:
    return _sum(Notification.objects.filter(type__in=OF_FAILURES, **which))


def _sum(rows: QuerySet[Any]) -> int:
    return rows.aggregate(total=Sum("count"))["total"] or 0


def wait_until_told(count: int) -> None:
    wait_for(lambda: told() >= count, seconds=60, what=f"{count} failures to be told")


def claims_run_out() -> None:
    """Of a sender that is dead; it would take a minute."""
    Delivery.objects.filter(status="waiting", tries__gt=0).update(next_try_at=Now())


def assert_each_is_told_once(
    world: World, receiver: Receiver, listener: Listener | None = None, *, seconds: float = 30
) -> int:
    """Once the storm is over. Returns how many calls of the webhook repeated an earlier one."""
    count = failed()
    wait_for(lambda: told() >= count, seconds=seconds, what="all failures to be told")
    assert {user.pk: told(user=user) for user in world.owners} == {
        user.pk: failed(job__owner=user) for user in world.owners
    }
    assert told(user=None) == failed(job__in=world.shared)
    assert told() == count
    wait_for(_is_all_sent, seconds=seconds, what="all deliveries to end")
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert {_sum(Delivery.objects.filter(channel__kind=kind)) for kind in ("webhook", "slack")} == {count}
    chats = sum(call.path == CHAT for call in receiver.calls)
    assert chats >= Delivery.objects.filter(channel__kind="slack").count()
    if listener is not None:
        of_all = dict(Notification.objects.filter(user=None).values_list("id", "count"))
        wait_for(lambda: listener.counts == of_all, what="the listener to know all")
        assert listener.heard == sorted(set(listener.heard))
    return _repeats(receiver, count)


def _is_all_sent() -> bool:
    """What is gathered for a minute goes out at once."""
    waiting = Delivery.objects.filter(status="waiting")
    waiting.filter(tries=0, not_before__gt=Now()).update(next_try_at=Now(), not_before=Now())
    return not waiting.exists()


def _repeats(receiver: Receiver, count: int) -> int:
    """A message has one key however often it is sent, and a key one message."""
    by_key: dict[str, list[bytes]] = defaultdict(list)
    for call in receiver.calls:
        if call.path == HOOK:
            by_key[call.headers["idempotency-key"]].append(call.body)
    uids = Delivery.objects.filter(channel__kind="webhook").values_list("uid", flat=True)
    assert by_key.keys() == {str(uid) for uid in uids}
    assert all(len(set(bodies)) == 1 for bodies in by_key.values())
    assert sum(json.loads(bodies[0])["count"] for bodies in by_key.values()) == count
    return sum(len(bodies) - 1 for bodies in by_key.values())
