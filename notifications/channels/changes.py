"""Every change of a channel. Its secrets go in and never come out; the one it signs with is shown once, when made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Tenant
from jobs import trail
from jobs.hooks.changes import refuse_overlap
from notifications.channels import registry, secrets
from notifications.channels.reader import ChannelInput, InvalidChannel, read
from notifications.models import Channel, Delivery
from scheduler_project.lib import batches, sql, telemetry, transactions

MOST_PER_TENANT = 100
IS_TAKEN = "Another channel of the tenant has this name."


class TooManyChannels(Exception):
    """The tenant has as many as a tenant can have."""


class ChannelChanged(Exception):
    """Someone else changed the channel in the meantime."""


class NothingToRotate(Exception):
    """Channels of this kind sign nothing."""


def create(data: Mapping[str, Any], *, tenant: Tenant, actor: str) -> tuple[Channel, str]:
    """A new channel, and the secret that it signs with, where it does.

    Raises `InvalidChannel`, `TooManyChannels`, `KeysUnavailable`.
    """
    new = read(data)
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        if Channel.objects.filter(tenant=tenant).count() >= MOST_PER_TENANT:
            raise TooManyChannels(f"{tenant.name} has {MOST_PER_TENANT} channels already; delete one of them first.")
        channel = Channel(tenant=tenant)
        _write(channel, new, actor=actor, seals=True)
        _tell("notification_channel.created", channel, actor, after=new.to_json())
    return channel, signing_secret(channel)


def change(
    channel_id: int, data: Mapping[str, Any], *, actor: str, expected_updated_at: datetime | None = None
) -> Channel:
    """Change what `data` names. What waits goes out as it is then, and at once where the channel had been left alone.

    Raises `InvalidChannel`, `ChannelChanged`, `Channel.DoesNotExist`, `KeysUnavailable`, `CannotOpen`.
    """
    with transactions.engine():
        channel = _locked(channel_id)
        if expected_updated_at is not None and channel.updated_at != expected_updated_at:
            raise ChannelChanged(
                f"{channel.updated_by} has changed {channel.name} in the meantime; read it again first."
            )
        before = ChannelInput.of(channel, _secrets_to_keep(channel, data))
        new = read(data, current=before)
        has_new_way = (new.config, new.secrets) != (before.config, before.secrets)
        if has_new_way or (new.enabled and not before.enabled):
            channel.failures_in_row, channel.open_until = 0, None
        _write(channel, new, actor=actor, seals=isinstance(data.get("config"), Mapping))
        extra = {"secrets": "changed"} if new.secrets != before.secrets else {}
        after = {**new.to_json(), **extra}
        _tell("notification_channel.changed", channel, actor, before=before.to_json(), after=after)
    return channel


def rotate(channel_id: int, *, actor: str, overlap: timedelta = timedelta()) -> tuple[Channel, str]:
    """Another secret to sign with; for `overlap` each call is signed with both.

    Raises `NothingToRotate`, `RotationIsTooLong`, `Channel.DoesNotExist`.
    """
    refuse_overlap(overlap)
    with transactions.engine():
        channel = _locked(channel_id)
        if not registry.type_of(channel.kind).is_signed:
            raise NothingToRotate(f"{channel.name} signs nothing; change its settings to give it another secret.")
        channel.take_new_secret(now=sql.now(), overlap=overlap)
        channel.updated_at, channel.updated_by = sql.now(), actor
        channel.save()
        after = {"overlap_seconds": overlap.total_seconds()}
        _tell("notification_channel.rotated", channel, actor, after=after)
    return channel, signing_secret(channel)


def delete(channel_id: int, *, actor: str) -> None:
    """Remove a channel with what waits for it and its log; rules forget it. Raises `Channel.DoesNotExist`."""
    Channel.objects.filter(pk=channel_id).update(is_enabled=False)  # so that nothing goes out while the log goes
    batches.delete(Delivery.objects.filter(channel_id=channel_id).order_by("-pk"))
    with transactions.engine():
        channel = _locked(channel_id)
        shown = ChannelInput.of(channel, {}).to_json()
        _tell("notification_channel.deleted", channel, actor, before=shown)
        channel.delete()


def signing_secret(channel: Channel) -> str:
    """What receivers verify its calls with; empty for those that sign nothing."""
    return channel.newest_secret() if registry.type_of(channel.kind).is_signed else ""


def _locked(channel_id: int) -> Channel:
    return Channel.objects.select_for_update(no_key=True).get(pk=channel_id)


def _secrets_to_keep(channel: Channel, data: Mapping[str, Any]) -> dict[str, str]:
    """Opened only for a change of settings: one that cannot be opened can still be switched off, or be given anew."""
    given = data.get("config")
    if not isinstance(given, Mapping):
        return {}
    if set(registry.type_of(channel.kind).secret_fields) <= set(given):
        return {}
    return secrets.open_all(channel.secret, tenant_id=channel.tenant_id, public_id=channel.public_id)


def _write(channel: Channel, new: ChannelInput, *, actor: str, seals: bool) -> None:
    new.write_to(channel)
    if seals:
        channel.secret = secrets.seal(new.secrets, tenant_id=channel.tenant_id, public_id=channel.public_id)
    channel.updated_at, channel.updated_by = sql.now(), actor
    is_taken = InvalidChannel({"name": [IS_TAKEN]})
    with transactions.refused_as(is_taken, by="one_channel_per_name_and_tenant"), transaction.atomic():
        channel.save()


def _tell(event: str, channel: Channel, actor: str, **states: Any) -> None:
    trail.tell(event, channel, actor=actor, **states)
    fields = {"channel": channel.name, "actor": actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))
