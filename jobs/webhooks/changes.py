"""Every change of a webhook. The secret leaves this module once, with the webhook that is new or has a new one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from accounts.models import Tenant
from jobs import trail
from jobs.hooks.changes import refuse_overlap
from jobs.models import Webhook, WebhookDelivery
from jobs.rules.webhooks import GIVE_UP_AFTER, DeliveryStatus
from jobs.webhooks.reader import WebhookInput, read
from scheduler_project.lib import batches, sql, telemetry, transactions

MOST_PER_TENANT = 100


class TooManyWebhooks(Exception):
    """The tenant has as many as a tenant can have."""


class NothingToRedeliver(Exception):
    """The delivery is under way already."""


def create(data: Mapping[str, Any], *, tenant: Tenant, actor: str) -> tuple[Webhook, str]:
    """A new webhook and its secret; it hears of what happens from now on.

    Raises `InvalidWebhook`, `TooManyWebhooks`.
    """
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        new = read(data, tenant_id=tenant.pk)
        if Webhook.objects.filter(tenant=tenant).count() >= MOST_PER_TENANT:
            raise TooManyWebhooks(f"{tenant.name} has {MOST_PER_TENANT} webhooks already; delete one of them first.")
        webhook = Webhook(tenant=tenant)
        _write(webhook, new, actor=actor)
        _tell("webhook.created", webhook, actor, after=vars(new))
    return webhook, webhook.newest_secret()


def change(webhook_id: int, data: Mapping[str, Any], *, actor: str) -> Webhook:
    """Change what `data` names. What waits to be sent goes to the new address.

    Raises `InvalidWebhook`, `Webhook.DoesNotExist`.
    """
    with transactions.engine():
        webhook = _locked(webhook_id)
        before = WebhookInput.of(webhook)
        new = read(data, tenant_id=webhook.tenant_id, current=before)
        if new.url != webhook.url:
            webhook.failures_in_row = 0
        _write(webhook, new, actor=actor)
        _tell("webhook.changed", webhook, actor, before=vars(before), after=vars(new))
    return webhook


def rotate(webhook_id: int, *, actor: str, overlap: timedelta = timedelta()) -> tuple[Webhook, str]:
    """Another secret; for `overlap` each call is signed with both.

    Raises `RotationIsTooLong`, `Webhook.DoesNotExist`.
    """
    refuse_overlap(overlap)
    with transactions.engine():
        webhook = _locked(webhook_id)
        webhook.take_new_secret(now=sql.now(), overlap=overlap)
        webhook.updated_at, webhook.updated_by = sql.now(), actor
        webhook.save()
        _tell("webhook.rotated", webhook, actor, after={"overlap_seconds": overlap.total_seconds()})
    return webhook, webhook.newest_secret()


def delete(webhook_id: int, *, actor: str) -> None:
    """Remove a webhook with what waits for it and its log. Raises `Webhook.DoesNotExist`."""
    Webhook.objects.filter(pk=webhook_id).update(is_enabled=False)  # so that nothing new comes while the log goes
    batches.delete(WebhookDelivery.objects.filter(webhook_id=webhook_id).order_by("-pk"))
    with transactions.engine():
        webhook = _locked(webhook_id)
        _tell("webhook.deleted", webhook, actor, before=vars(WebhookInput.of(webhook)))
        webhook.delete()


def redeliver(delivery_id: int, *, actor: str) -> WebhookDelivery:
    """Send a delivery again, for another day, under the same id. Raises `NothingToRedeliver`."""
    with transactions.engine():
        delivery = WebhookDelivery.objects.select_related("webhook").select_for_update(of=("self",)).get(pk=delivery_id)
        if delivery.status == DeliveryStatus.WAITING:
            raise NothingToRedeliver("It waits to be sent already.")
        now = sql.now()
        delivery.status, delivery.reason, delivery.tries = DeliveryStatus.WAITING, "", 0
        delivery.next_try_at, delivery.give_up_at, delivery.ended_at = now, now + GIVE_UP_AFTER, None
        delivery.save()
        _tell("webhook.redelivered", delivery.webhook, actor, after={"delivery": delivery.pk, "event": delivery.event})
    return delivery


def _locked(webhook_id: int) -> Webhook:
    return Webhook.objects.select_for_update().get(pk=webhook_id)


def _write(webhook: Webhook, new: WebhookInput, *, actor: str) -> None:
    new.write_to(webhook)
    webhook.updated_at, webhook.updated_by = sql.now(), actor
    webhook.save()


def _tell(event: str, webhook: Webhook, actor: str, **states: Any) -> None:
    trail.tell(event, webhook, actor=actor, **states)
    fields = {"webhook": webhook.name, "actor": actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))
