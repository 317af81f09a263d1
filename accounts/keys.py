"""API keys: make one, recognise one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from hmac import compare_digest

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q

from accounts.models import ApiKey, Tenant

BRAND = "sch_live"


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
    key = ApiKey.objects.create(
        tenant=tenant,
        name=name,
        prefix=prefix,
        digest=_digest(text),
        scopes=sorted(scopes),
        created_by=created_by,
        expires_at=expires_at,
    )
    return key, text


def find_valid(text: str, *, now: datetime) -> ApiKey | None:
    """The key that this text opens: known, not revoked, not expired, of an active tenant."""
    parts = text.split("_", 3)
    if len(parts) != 4 or f"{parts[0]}_{parts[1]}" != BRAND:
        return None
    key = (
        ApiKey.objects.select_related("tenant")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), prefix=parts[2], revoked_at=None, tenant__is_active=True)
        .first()
    )
    if key is None or not compare_digest(key.digest, _digest(text)):
        return None
    return key


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
