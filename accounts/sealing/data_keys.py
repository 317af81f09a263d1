"""The data keys of tenants: made when first needed, unwrapped by their provider, kept in the process for a while."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings

from accounts.sealing import providers
from accounts.sealing.errors import CannotOpen
from accounts.sealing.providers import Wrapped
from scheduler_project.lib import sql, transactions

KEY_BYTES = 32
MOST_KEPT = 1_000

ACTIVE = "SELECT id, provider, key_id, wrapped FROM data_keys WHERE tenant_id = %(tenant)s AND retired_at IS NULL"
FIND = "SELECT id, provider, key_id, wrapped FROM data_keys WHERE tenant_id = %(tenant)s AND id = %(id)s"
ADD = """
INSERT INTO data_keys (id, tenant_id, provider, key_id, wrapped, is_taking_over)
VALUES (%(id)s, %(tenant)s, %(provider)s, %(key_id)s, %(wrapped)s, %(takes_over)s)
ON CONFLICT DO NOTHING
"""
RETIRE = """
UPDATE data_keys SET retired_at = statement_timestamp()
WHERE tenant_id = %(tenant)s AND retired_at IS NULL AND NOT is_taking_over RETURNING id
"""


@dataclass(frozen=True)
class DataKey:
    id: uuid.UUID
    secret: bytes


class _Kept:
    """Unwrapped keys: so many, and each for so long. Which of them is active only the database says, so that one that
    was never committed does no harm here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: OrderedDict[tuple[int, uuid.UUID], tuple[bytes, float]] = OrderedDict()

    def find(self, tenant_id: int, key_id: uuid.UUID) -> bytes | None:
        with self._lock:
            secret, ends_at = self._keys.get((tenant_id, key_id), (None, 0.0))
            return secret if time.monotonic() < ends_at else None

    def put(self, tenant_id: int, key_id: uuid.UUID, secret: bytes) -> None:
        with self._lock:
            ends_at = time.monotonic() + settings.DAYBOOK_DATA_KEY_CACHE.total_seconds()
            self._keys[(tenant_id, key_id)] = (secret, ends_at)
            self._keys.move_to_end((tenant_id, key_id))
            while len(self._keys) > MOST_KEPT:
                self._keys.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()


kept = _Kept()


def active(tenant_id: int) -> DataKey:
    """The key that seals what the tenant stores now; a new one at the first call. Raises `KeysUnavailable`."""
    row = sql.row(ACTIVE, {"tenant": tenant_id})
    if row is None:
        add(tenant_id)
        row = sql.row(ACTIVE, {"tenant": tenant_id})  # ours, or that of whoever was faster
        assert row is not None
    return DataKey(row["id"], _unwrapped(tenant_id, row))


def add(tenant_id: int) -> None:
    """Give the tenant a key, unless somebody else does so now."""
    sql.rows(ADD, _new(tenant_id))


def replace(tenant_id: int) -> bool:
    """Retire the tenant's key in favour of a new one, which takes over. False when a key is taking over already."""
    with transactions.engine():
        if sql.row(RETIRE, {"tenant": tenant_id}) is None:
            return False
        sql.rows(ADD, {**_new(tenant_id), "takes_over": True})
        return True


def _new(tenant_id: int) -> dict[str, object]:
    key_id, secret = uuid.uuid4(), os.urandom(KEY_BYTES)
    provider = providers.active()
    wrapped = provider.wrap(secret, context=context_of(tenant_id, key_id))
    kept.put(tenant_id, key_id, secret)
    named = {"provider": provider.name, "key_id": wrapped.key_id, "wrapped": wrapped.text}
    return {"id": key_id, "tenant": tenant_id, **named, "takes_over": False}


def secret_of(tenant_id: int, key_id: uuid.UUID) -> bytes:
    """The key itself. Raises `KeysUnavailable`, `CannotOpen`."""
    secret = kept.find(tenant_id, key_id)
    if secret is not None:
        return secret
    row = sql.row(FIND, {"tenant": tenant_id, "id": key_id})
    if row is None:
        raise CannotOpen("The tenant has no such data key.")
    return _unwrapped(tenant_id, row)


def context_of(tenant_id: int, key_id: uuid.UUID) -> bytes:
    return f"daybook data key {key_id.hex} of tenant {tenant_id}".encode()


def _unwrapped(tenant_id: int, row: sql.Row) -> bytes:
    secret = kept.find(tenant_id, row["id"])
    if secret is None:
        wrapped = Wrapped(row["wrapped"], row["key_id"])
        secret = providers.named(row["provider"]).unwrap(wrapped, context=context_of(tenant_id, row["id"]))
        kept.put(tenant_id, row["id"], secret)
    return secret
