"""API keys: make one, recognise one."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from hmac import compare_digest

from django.contrib.auth.base_user import AbstractBaseUser

from accounts.models import ApiKey, Tenant

BRAND = "sch_live"
KEY = re.compile(rf"{BRAND}_(?P<prefix>[0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


class UnknownKey(Exception):
    """The text opens nothing: no such key, or one that is no longer good. The message is for whoever sent it."""


def create(
    *,
    tenant: Tenant,
    name: str,
    scopes: Iterable[str],
    created_by: AbstractBaseUser | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which cannot be had again."""
    prefix = secrets.token_hex(4)
    text = f"{BRAND}_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        tenant=tenant,
        name=name,
        prefix=prefix,
        digest=_digest(text),
        scopes=sorted(scopes),
        created_by_id=created_by.pk if created_by else None,
        expires_at=expires_at,
    )
    key.save(force_insert=True)
    return key, text


def recognise(text: str, *, now: datetime) -> ApiKey:
    """The key that this text opens, with its tenant. Raises `UnknownKey`."""
    shape = KEY.fullmatch(text)
    key = ApiKey.objects.select_related("tenant").filter(prefix=shape["prefix"]).first() if shape else None
    if key is None or not compare_digest(key.digest, _digest(text)):
        raise UnknownKey("This API key is not known.")
    if key.revoked_at is not None:
        raise UnknownKey(f"The API key {key.prefix} was revoked on {key.revoked_at:%Y-%m-%d}.")
    if key.expires_at is not None and key.expires_at <= now:
        raise UnknownKey(f"The API key {key.prefix} expired on {key.expires_at:%Y-%m-%d}.")
    if not key.tenant.is_active:
        raise UnknownKey(f"The tenant {key.tenant.slug} of the API key {key.prefix} is not active.")
    return key


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
