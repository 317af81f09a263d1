"""Sends a delivery again that has ended, whatever its end was."""

from __future__ import annotations

from jobs import trail
from notifications.models import Delivery
from notifications.rules.answers import GIVE_UP_AFTER
from notifications.rules.kinds import SendingStatus
from scheduler_project.lib import sql, transactions

LONGEST_KEY = 200


class NothingToSendAgain(Exception):
    """The delivery waits to be sent already."""


def redeliver(delivery_id: int, *, actor: str) -> Delivery:
    """For another day, under the same id, to all of its addresses. Raises `NothingToSendAgain`,
    `Delivery.DoesNotExist`."""
    with transactions.engine():
        rows = Delivery.objects.select_related("channel").select_for_update(of=("self",), no_key=True)
        delivery = rows.get(pk=delivery_id)
        if delivery.status == SendingStatus.WAITING:
            raise NothingToSendAgain("It waits to be sent already.")
        now = sql.now()
        delivery.status, delivery.reason, delivery.tries, delivery.taken_by = SendingStatus.WAITING.value, "", 0, []
        delivery.not_before = delivery.next_try_at = now
        delivery.give_up_at, delivery.ended_at = now + GIVE_UP_AFTER, None
        # A group of its own: what is new must not be counted in what the receiver may know by its id.
        end = f"#{delivery.pk}"
        delivery.group_key = delivery.group_key.removesuffix(end)[: LONGEST_KEY - len(end)] + end
        delivery.save()
        after = {"delivery": delivery.pk, "type": delivery.type}
        trail.tell("notification_channel.redelivered", delivery.channel, actor=actor, after=after)
    return delivery
