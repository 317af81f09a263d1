"""A sign-in: what somebody asked for, the one refresh token of it that is good, and its end."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from accounts import access, audit, last_known, memory
from accounts.audit import Outcome
from accounts.grants import Excess
from accounts.models import SignIn, Tenant
from accounts.scopes import Scope
from accounts.tokens.signing import AccessToken, RefreshToken, UnknownToken

LONGEST = timedelta(days=30)  # however often it is refreshed
HAS_ENDED = "This sign-in has ended; sign in again."


@dataclass(frozen=True)
class Pair:
    access: str
    refresh: str
    expires_at: datetime
    refresh_expires_at: datetime
    scopes: list[str]
    tenant: str | None


def start(user: AbstractBaseUser, *, scopes: Iterable[str] | None = None, tenant: Tenant | None = None) -> Pair:
    """Of somebody whose password was right: with the scopes that they ask for, else all that their roles give, in the
    one tenant or in all of theirs. Raises `Excess`."""
    held = _held(user, tenant)
    label = f"user:{user.get_username()}"
    if not held:
        raise Excess(f"{label} holds nothing {_where(tenant)}. Ask an administrator of the tenant for a role.")
    wanted = sorted(held if scopes is None else set(scopes))
    excess = sorted(set(wanted) - held)
    if excess:
        raise Excess(
            f"{label} does not hold {', '.join(excess)} {_where(tenant)}, only {', '.join(sorted(held))}. "
            "Ask for less, or ask an administrator of the tenant for a role that has it."
        )
    sign_in = SignIn(id=uuid.uuid4(), user_id=user.pk, tenant=tenant, scopes=wanted)
    sign_in.is_unlimited = access.is_superuser(user) and scopes is None and tenant is None
    sign_in.password_mark = password_mark(sign_in.id, user)
    now = timezone.now()
    pair = _pair(sign_in, user, now=now, began_at=now)
    with transaction.atomic():
        sign_in.save(force_insert=True)
        _record("token.issued", sign_in, label, after={"scopes": wanted})
    return pair


def refresh(text: str) -> Pair:
    """The next pair, for the one refresh token that is good. Any older one ends the sign-in: it is in wrong hands, or
    the good one is. Raises `UnknownToken`."""
    token = RefreshToken.read(text)
    outcome = _refreshed(token)
    if isinstance(outcome, str):  # raised only now, since what ended has to stay ended
        raise UnknownToken(outcome)
    return outcome


def end(text: str) -> None:
    """End the sign-in of this token, of either kind; whatever else it gave out is good for nothing from then on."""
    try:
        token: AccessToken | RefreshToken = RefreshToken.read(text)
    except UnknownToken:
        token = AccessToken.read(text)
    with transaction.atomic():
        found = _locked(token)
        if found is not None and found.ended_at is None:
            _end(found, "signed_out")


def password_mark(sign_in_id: uuid.UUID, user: AbstractBaseUser) -> str:
    """Changes with the password, and says nothing about it."""
    return hmac.new(sign_in_id.bytes, user.password.encode(), hashlib.sha256).hexdigest()


@transaction.atomic
def _refreshed(token: RefreshToken) -> Pair | str:
    sign_in = _locked(token)
    if sign_in is None or sign_in.ended_at is not None:
        return HAS_ENDED
    if not hmac.compare_digest(sign_in.refresh_id, str(token["jti"])):
        _end(sign_in, "reused")
        return "This refresh token was used before, so its sign-in was ended; sign in again."
    user, now = sign_in.user, timezone.now()
    is_same = hmac.compare_digest(sign_in.password_mark, password_mark(sign_in.id, user))
    if not user.is_active or not is_same or (sign_in.tenant is not None and not sign_in.tenant.is_active):
        _end(sign_in, "no_longer_good")
        return HAS_ENDED
    if now >= sign_in.created_at + LONGEST:
        _end(sign_in, "too_old")
        return HAS_ENDED
    pair = _pair(sign_in, user, now=now, began_at=sign_in.created_at)
    SignIn.objects.filter(pk=sign_in.pk).update(refresh_id=sign_in.refresh_id, expires_at=sign_in.expires_at)
    return pair


def _pair(sign_in: SignIn, user: AbstractBaseUser, *, now: datetime, began_at: datetime) -> Pair:
    access_token, refresh_token = AccessToken(), RefreshToken()
    last = began_at + LONGEST
    for token in (access_token, refresh_token):
        token["sub"] = str(user.pk)
        token["sign_in"] = str(sign_in.id)
        token["exp"] = min(int(token["exp"]), int(last.timestamp()))
    access_token["scopes"] = sign_in.scopes
    access_token["tenant"] = sign_in.tenant.slug if sign_in.tenant else None
    sign_in.refresh_id = str(refresh_token["jti"])
    sign_in.expires_at = datetime.fromtimestamp(refresh_token["exp"], UTC)
    return Pair(
        access=str(access_token),
        refresh=str(refresh_token),
        expires_at=datetime.fromtimestamp(access_token["exp"], UTC),
        refresh_expires_at=sign_in.expires_at,
        scopes=list(sign_in.scopes),
        tenant=sign_in.tenant.slug if sign_in.tenant else None,
    )


def _held(user: AbstractBaseUser, tenant: Tenant | None) -> frozenset[str]:
    if access.is_superuser(user):
        return frozenset(Scope.values)
    by_tenant = access.scopes(user)
    if tenant is not None:
        return by_tenant.get(tenant.pk, frozenset())
    return frozenset().union(*by_tenant.values())


def _where(tenant: Tenant | None) -> str:
    return f"in the tenant {tenant.slug}" if tenant is not None else "in any tenant"


def _locked(token: AccessToken | RefreshToken) -> SignIn | None:
    rows = SignIn.objects.select_related("user", "tenant").select_for_update(of=("self",))
    return rows.filter(pk=sign_in_id(token)).first()


def sign_in_id(token: AccessToken | RefreshToken) -> uuid.UUID:
    """Raises `UnknownToken`."""
    try:
        return uuid.UUID(str(token.get("sign_in")))
    except ValueError:
        raise UnknownToken("This token is not known.") from None


def _end(sign_in: SignIn, reason: str) -> None:
    SignIn.objects.filter(pk=sign_in.pk).update(ended_at=timezone.now(), end_reason=reason)
    label = f"user:{sign_in.user.get_username()}"
    outcome = Outcome.REFUSED if reason == "reused" else Outcome.DONE
    _record("token.revoked", sign_in, label, note=reason, outcome=outcome)
    memory.forget()
    transaction.on_commit(lambda: last_known.forget("token", str(sign_in.pk)))


def _record(
    action: str,
    sign_in: SignIn,
    label: str,
    *,
    after: dict[str, object] | None = None,
    note: str = "",
    outcome: Outcome = Outcome.DONE,
) -> None:
    audit.record(
        action,
        actor=label,
        tenant_id=sign_in.tenant_id,
        target="sign_in",
        target_id=sign_in.id,
        after=after,
        note=note,
        outcome=outcome,
    )
