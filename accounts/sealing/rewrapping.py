"""Wraps data keys anew, after the key that wraps them has changed; what they have sealed stays as it is."""

from __future__ import annotations

from collections import Counter

from accounts.models import DataKey
from accounts.sealing import data_keys, providers
from accounts.sealing.errors import KeysUnavailable
from accounts.sealing.providers import Wrapped
from scheduler_project.lib import sql

# Whoever wrapped it in between was faster.
STORE = """
UPDATE data_keys SET provider = %(provider)s, key_id = %(key_id)s, wrapped = %(wrapped)s
WHERE id = %(id)s AND wrapped = %(before)s RETURNING id
"""


def replace_active() -> int:
    """A new data key for each tenant that has one, unless a rotation that was cut off has made it. Returns how many."""
    tenants = DataKey.objects.filter(retired_at=None, is_taking_over=False).order_by("tenant_id")
    return sum(data_keys.replace(tenant_id) for tenant_id in tenants.values_list("tenant_id", flat=True))


def rewrap() -> int:
    """Wrap by the active key all that another one has wrapped. Returns how many. Raises `KeysUnavailable`,
    `CannotOpen`."""
    return sum(_rewrapped(key) for key in outdated())


def outdated() -> list[DataKey]:
    provider = providers.active()
    active = (provider.name, provider.active_id())
    return [key for key in DataKey.objects.order_by("created_at") if (key.provider, key.key_id) != active]


def _rewrapped(key: DataKey) -> bool:
    context = data_keys.context_of(key.tenant_id, key.pk)
    secret = providers.named(key.provider).unwrap(Wrapped(key.wrapped, key.key_id), context=context)
    provider = providers.active()
    wrapped = provider.wrap(secret, context=context)
    values = {"provider": provider.name, "key_id": wrapped.key_id, "wrapped": wrapped.text}
    return sql.row(STORE, {"id": key.pk, "before": key.wrapped, **values}) is not None


def verify() -> list[str]:
    """What is wrong with any data key, judged by the active key alone; nothing that the process has kept is used."""
    provider, problems = providers.active(), []
    active_id = provider.active_id()
    for key in DataKey.objects.order_by("created_at"):
        if (key.provider, key.key_id) != (provider.name, active_id):
            problems.append(f"The data key {key.pk} is wrapped by {key.provider} {key.key_id}.")
            continue
        try:
            context = data_keys.context_of(key.tenant_id, key.pk)
            provider.unwrap(Wrapped(key.wrapped, key.key_id), context=context)
        except Exception as error:  # noqa: BLE001  whatever is wrong with one, the others are judged too
            problems.append(f"The data key {key.pk} cannot be unwrapped: {error}")
    return problems


def finish() -> None:
    """The rotation has ended: the next one makes new keys."""
    DataKey.objects.filter(is_taking_over=True).update(is_taking_over=False)


def idle() -> list[tuple[str, str]]:
    """The keys of all providers that are set up, and that wrap nothing."""
    used, active = in_use(), providers.active()
    found = []
    for name in providers.PROVIDERS:
        try:
            known = providers.named(name).known_ids()
        except KeysUnavailable:
            continue  # not set up
        found += [(name, key_id) for key_id in known if (name, key_id) not in used]
    return [key for key in found if key != (active.name, active.active_id())]


def in_use() -> Counter[tuple[str, str]]:
    """How many data keys each key of a provider wraps."""
    return Counter(DataKey.objects.values_list("provider", "key_id"))
