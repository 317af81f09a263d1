"""The part of channels in a rotation of keys: their secrets are sealed by the newest key of their tenant."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts import sealing
from accounts.sealing import CannotOpen, Sealer
from jobs.rotation import Keeper, Moved
from notifications.channels.secrets import place_of
from notifications.models import Channel
from scheduler_project.lib import transactions


def move(size: int, plan: bool) -> Moved:
    """Each batch is a transaction: what was cut off goes on with the next call. Raises `KeysUnavailable`."""
    found, after = Moved(), 0
    while ids := list(_sealed().filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:size]):
        with transactions.engine():
            for channel in _sealed().filter(pk__in=ids).order_by("pk").select_for_update(no_key=True):
                found.seen += 1
                if not plan:
                    _move(channel, found)
        after = ids[-1]
    return found


def _move(channel: Channel, found: Moved) -> None:
    sealer, place = Sealer(channel.tenant_id), place_of(channel.public_id)
    if sealing.key_id_of(channel.secret) == sealer.key.id:
        return
    try:
        secret = sealing.open_sealed(channel.secret, tenant_id=channel.tenant_id, place=place)
    except CannotOpen as error:
        found.refuse(_problem(channel, error))
        return
    found.moved += 1
    Channel.objects.filter(pk=channel.pk).update(secret=sealer.seal(secret, place=place))


def verify() -> Moved:
    """Opens every one. Raises `KeysUnavailable`."""
    found = Moved()
    for channel in _sealed().order_by("pk").iterator(chunk_size=200):
        found.seen += 1
        try:
            sealing.open_sealed(channel.secret, tenant_id=channel.tenant_id, place=place_of(channel.public_id))
        except CannotOpen as error:
            found.refuse(_problem(channel, error))
    return found


KEEPER = Keeper("channels", move, verify)


def _sealed() -> QuerySet[Channel]:
    return Channel.objects.exclude(secret="").only("id", "tenant_id", "public_id", "secret", "name")


def _problem(channel: Channel, error: CannotOpen) -> str:
    return f"Channel {channel.pk} ({channel.name}): its secret cannot be opened. {error}"
