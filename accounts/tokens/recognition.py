"""What an access token opens: what was asked for at the sign-in, as far as the roles of its user still give it."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.contrib.auth.base_user import AbstractBaseUser

from accounts import access
from accounts import last_known as known_last
from accounts.memory import Memory
from accounts.models import SignIn, Tenant
from accounts.scopes import Scope
from accounts.tokens.sign_ins import HAS_ENDED, password_mark, sign_in_id
from accounts.tokens.signing import AccessToken, UnknownToken


@dataclass(frozen=True)
class Opened:
    """`problem` says why it is nothing."""

    label: str
    scopes: Mapping[int, frozenset[str]]  # by tenant
    is_superuser: bool = False
    user: AbstractBaseUser | None = field(default=None, compare=False)
    until: datetime | None = None
    problem: str = ""


ENDED = Opened("", {}, problem=HAS_ENDED)
_opened: Memory[Opened] = Memory(most=10_000)


def recognise(text: str) -> Opened:
    """Raises `UnknownToken`."""
    token = AccessToken.read(text)
    name = sign_in_id(token)
    return _narrowed(_opened.recall(name) or _opened.read(name, lambda: _look(name)) or ENDED, token)


def last_known(text: str) -> Opened | None:
    """What it opened within the last minutes, for reads while PostgreSQL is away. Raises `UnknownToken`."""
    token = AccessToken.read(text)
    known = known_last.find("token", str(sign_in_id(token)))
    if known is None:
        return None
    scopes = {int(tenant_id): frozenset(held) for tenant_id, held in known["scopes"].items()}
    return _narrowed(Opened(known["label"], scopes), token)


def _narrowed(opened: Opened, token: AccessToken) -> Opened:
    if opened.problem:
        raise UnknownToken(opened.problem)
    asked = frozenset(map(str, token.get("scopes") or ()))
    scopes = {tenant_id: held & asked for tenant_id, held in opened.scopes.items()}
    return replace(opened, scopes=scopes, until=datetime.fromtimestamp(token["exp"], UTC))


def _look(name: uuid.UUID) -> Opened:
    sign_in = SignIn.objects.select_related("user").filter(pk=name).first()
    if sign_in is None or sign_in.ended_at is not None:
        return ENDED
    user = sign_in.user
    if not user.is_active:
        return replace(ENDED, problem="The user of this token may no longer sign in.")
    if not hmac.compare_digest(sign_in.password_mark, password_mark(sign_in.id, user)):
        return replace(ENDED, problem="The password was changed since this token was made; sign in again.")
    scopes = _held(sign_in, user)
    label = f"user:{user.get_username()}"
    kept = {str(tenant_id): sorted(held) for tenant_id, held in scopes.items()}
    known_last.keep("token", str(sign_in.id), {"label": label, "scopes": kept})
    is_superuser = sign_in.is_unlimited and access.is_superuser(user)
    return Opened(label, scopes, is_superuser=is_superuser, user=user)


def _held(sign_in: SignIn, user: AbstractBaseUser) -> dict[int, frozenset[str]]:
    """By tenant; what is asked for here may since have been taken away."""
    if access.is_superuser(user):
        tenant_ids = Tenant.objects.filter(is_active=True).values_list("pk", flat=True)
        held = {tenant_id: frozenset(Scope.values) for tenant_id in tenant_ids}
    else:
        held = access.scopes(user)
    asked = frozenset(sign_in.scopes)
    return {tenant_id: scopes & asked for tenant_id, scopes in held.items() if sign_in.tenant_id in (None, tenant_id)}
