"""Which key a text opens: from memory, from PostgreSQL, or, while that is away, as it was last known."""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from accounts import last_known as known_last
from accounts.keys import text as texts
from accounts.memory import Memory
from accounts.models import ApiKey, Tenant

_known: Memory[ApiKey] = Memory(most=10_000)
_unknown: Memory[bool] = Memory(most=1_000, seconds=1)  # apart, so that no flood of guesses drives good keys out


class UnknownKey(Exception):
    """The text opens nothing: no such key, or one that is no longer good. The message is for whoever sent it."""


def recognise(text: str, *, now: datetime) -> ApiKey:
    """The key that this text opens, with its tenant. Raises `UnknownKey`."""
    shape = texts.KEY.fullmatch(text)
    if shape is None:
        raise UnknownKey("This API key is not known.")
    digest = texts.digest(text)
    key = _known.recall(digest) or (None if _unknown.recall(digest) else _read(shape["prefix"], digest))
    if key is None:
        raise UnknownKey("This API key is not known.")
    _check(key, now)
    return key


def last_known(text: str, *, now: datetime) -> ApiKey | None:
    """The key as it was within the last minutes, for reads while PostgreSQL is away. Not a row: it cannot be saved."""
    known = known_last.find("key", texts.digest(text)) if texts.KEY.fullmatch(text) else None
    if known is None:
        return None
    tenant = Tenant(pk=known["tenant"], slug=known["slug"], name=known["tenant_name"])
    end = datetime.fromisoformat(known["expires_at"]) if known["expires_at"] else None
    key = ApiKey(pk=known["id"], tenant=tenant, prefix=known["prefix"], scopes=known["scopes"], expires_at=end)
    key.is_internal = known["is_internal"]
    _check(key, now)
    return key


def forget_last(key: ApiKey) -> None:
    known_last.forget("key", key.digest)


def _read(prefix: str, digest: str) -> ApiKey | None:
    key = _known.read(digest, lambda: _find(prefix, digest))
    if key is None:
        _unknown.read(digest, lambda: True)
    elif key.revoked_at is None:
        _keep_last(key)
    return key


def _find(prefix: str, digest: str) -> ApiKey | None:
    key = ApiKey.objects.select_related("tenant").filter(prefix=prefix).first()
    return key if key is not None and compare_digest(key.digest, digest) else None


def _check(key: ApiKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise UnknownKey(f"The API key {key.prefix} was revoked on {key.revoked_at:%Y-%m-%d}.")
    if key.expires_at is not None and key.expires_at <= now:
        raise UnknownKey(f"The API key {key.prefix} expired on {key.expires_at:%Y-%m-%d}.")
    if not key.tenant.is_active:
        raise UnknownKey(f"The tenant {key.tenant.slug} of the API key {key.prefix} is not active.")


def _keep_last(key: ApiKey) -> None:
    what = {
        "id": key.pk,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "is_internal": key.is_internal,
        "tenant": key.tenant_id,
        "slug": key.tenant.slug,
        "tenant_name": key.tenant.name,
    }
    known_last.keep("key", key.digest, what)
