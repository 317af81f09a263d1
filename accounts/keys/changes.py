"""Every change of an API key. Admin, API and command all come through here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit, memory
from accounts.grants import SYSTEM, Excess, Giver
from accounts.input import name_of
from accounts.keys import text as texts
from accounts.keys.recognition import forget_last
from accounts.limits import taking
from accounts.models import ApiKey, Tenant
from accounts.scopes import Scope
from scheduler_project.lib.input import InvalidInput

LONGEST_OVERLAP = timedelta(days=7)
LONGEST_LIFE = timedelta(days=3650)
MOST_KEYS = 500  # good ones of one tenant


class InvalidKey(InvalidInput):
    """Input that is no key; `fields` has the messages by name."""


class KeyIsDead(Exception):
    """The key was revoked or has expired."""


class AlreadyReplaced(Exception):
    """The key was rotated before."""


class TooManyKeys(Exception):
    """The tenant has as many good keys as it can have."""


def create(
    *,
    tenant: Tenant,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    is_internal: bool = False,
    by: Giver = SYSTEM,
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which cannot be had again.

    Raises `InvalidKey`, `Excess`, `TooManyKeys`, `LimiterUnavailable`.
    """
    wanted = sorted(set(scopes))
    with transaction.atomic():
        judge(tenant=tenant, name=name, scopes=wanted, expires_at=expires_at, is_internal=is_internal, by=by)
        return _store(tenant, name_of(name), wanted, expires_at, is_internal, by)


def judge(
    *,
    tenant: Tenant,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime | None = None,
    is_internal: bool = False,
    by: Giver,
) -> None:
    """Raises what `create` raises; writes nothing."""
    now, wanted = timezone.now(), sorted(set(scopes))
    name_of(name)
    _check_scopes(wanted)
    by.check(wanted, what="Such a key")
    _check_internal(is_internal, by)
    _check_end(expires_at, by, now)
    _need_redis(by)
    _check_number(tenant, now)


def rename(key_id: int, name: str, *, by: Giver) -> ApiKey:
    """Raises `InvalidInput`."""
    name = name_of(name)
    with transaction.atomic():
        key = _locked(key_id)
        before, key.name = key.name, name
        key.save(update_fields=["name"])
        _record("key.renamed", key, by, before={"name": before}, after={"name": name})
    memory.forget()
    return key


def revoke(key_id: int, *, by: Giver) -> bool:
    """From now on the key opens nothing here, and within moments nowhere. Returns whether it was good until now."""
    with transaction.atomic():
        key = _locked(key_id)
        if key.revoked_at is not None:
            return False
        key.revoked_at, key.revoked_by = timezone.now(), by.label[:200]
        key.save(update_fields=["revoked_at", "revoked_by"])
        _record("key.revoked", key, by, before={"revoked_at": None}, after={"revoked_at": key.revoked_at.isoformat()})
        _forget(key)
    return True


def rotate(
    key_id: int, *, by: Giver, overlap: timedelta = timedelta(0), expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key with the rights of the old one, which stays good for `overlap` and then expires.

    Unless told otherwise the new key lives as long as the old one was to live. Raises `InvalidKey`, `Excess`,
    `KeyIsDead`, `AlreadyReplaced`, `TooManyKeys`, `LimiterUnavailable`.
    """
    now = timezone.now()
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        most = int(LONGEST_OVERLAP.total_seconds())
        raise InvalidKey({"overlap_seconds": [f"Write a whole number of seconds from 0 to {most}."]})
    _need_redis(by)
    with transaction.atomic():
        old = _locked(key_id)
        _check_replaceable(old, now)
        by.check(old.scopes, what=f"A successor of the key {old.prefix}")
        _check_internal(old.is_internal, by)
        end = expires_at or _natural_end(old, by, now)
        _check_end(end, by, now)
        _check_number(old.tenant, now)
        was_to_end = old.expires_at
        old.expires_at = min(filter(None, (was_to_end, now + overlap)))
        old.save(update_fields=["expires_at"])
        new, text = _store(old.tenant, old.name, old.scopes, end, old.is_internal, by, rotated_from=old)
        ends = {"before": {"expires_at": _iso(was_to_end)}, "after": {"expires_at": _iso(old.expires_at)}}
        _record("key.rotated", old, by, note=f"Replaced by {new.prefix}.", **ends)
        _forget(old)
    return new, text


def _natural_end(old: ApiKey, by: Giver, now: datetime) -> datetime | None:
    end = now + (old.expires_at - old.created_at) if old.expires_at else None
    return min(filter(None, (end, by.until)), default=None)


def _check_replaceable(old: ApiKey, now: datetime) -> None:
    successor = ApiKey.objects.filter(rotated_from=old).first()
    if successor is not None:
        raise AlreadyReplaced(f"The key {old.prefix} was replaced by {successor.prefix}; rotate that one.")
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise KeyIsDead(f"The key {old.prefix} is no longer good; create a new one.")


def _check_scopes(wanted: list[str]) -> None:
    unknown = [scope for scope in wanted if scope not in Scope.values]
    if unknown or not wanted:
        what = f"{', '.join(unknown)[:200]} is no scope." if unknown else "A key needs a scope."
        raise InvalidKey({"scopes": [f"{what} Scopes are {', '.join(Scope.values)}."]})


def _check_internal(is_internal: bool, by: Giver) -> None:
    if is_internal and not by.is_superuser:
        raise Excess("Only superusers make internal keys, which no rate limit holds for.")


def _check_end(end: datetime | None, by: Giver, now: datetime) -> None:
    problem = ""
    if end is not None and not now < end <= now + LONGEST_LIFE:
        problem = f"Write an instant to come, within {LONGEST_LIFE.days} days."
    elif by.until is not None and (end is None or end > by.until):
        problem = f"Write an instant no later than {by.until:%Y-%m-%dT%H:%M:%SZ}, when {by.label} itself expires."
    if problem:
        raise InvalidKey({"expires_at": [problem]})


def _check_number(tenant: Tenant, now: datetime) -> None:
    good = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), tenant=tenant, revoked_at=None)
    if good.count() >= MOST_KEYS:
        raise TooManyKeys(f"The tenant {tenant.slug} has {MOST_KEYS} good keys, the most it can have; revoke some.")


def _need_redis(by: Giver) -> None:
    if by is not SYSTEM:  # whoever has a shell on the server repairs things with it
        taking.require_redis()


def _store(
    tenant: Tenant,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
    is_internal: bool,
    by: Giver,
    *,
    rotated_from: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    prefix, text = texts.new()
    key = ApiKey(
        tenant=tenant,
        name=name,
        prefix=prefix,
        digest=texts.digest(text),
        scopes=scopes,
        created_by_id=by.user_id,
        expires_at=expires_at,
        is_internal=is_internal,
        rotated_from=rotated_from,
    )
    key.save(force_insert=True)
    after = {"prefix": prefix, "name": name, "scopes": scopes, "expires_at": _iso(expires_at), "internal": is_internal}
    _record("key.created", key, by, after=after, note=f"Replaces {rotated_from.prefix}." if rotated_from else "")
    return key, text


def _locked(key_id: int) -> ApiKey:
    return ApiKey.objects.select_related("tenant").select_for_update(of=("self",)).get(pk=key_id)


def _forget(key: ApiKey) -> None:
    memory.forget()
    transaction.on_commit(lambda: forget_last(key))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _record(action: str, key: ApiKey, by: Giver, **more: Any) -> None:
    who: dict[str, Any] = {"actor": by.label, "tenant_id": key.tenant_id}
    audit.record(action, target="key", target_id=key.pk, target_name=key.name, **who, **more)
