"""Pytest plugin: the fixed cast of every test that has people in it, and clients that speak for them.

Tenants acme and globex; ana writes jobs in acme, olaf runs them, vera looks at them; gita writes jobs in globex; root
is a superuser. Keys are made for the tenant and the scopes that a test needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Membership, Tenant
from accounts.scopes import Role, Scope

MEMBERS = {
    "ana": ("acme", Role.AUTHOR),
    "olaf": ("acme", Role.OPERATOR),
    "vera": ("acme", Role.VIEWER),
    "gita": ("globex", Role.AUTHOR),
}


@dataclass(frozen=True)
class Cast:
    acme: Tenant
    globex: Tenant
    ana: User
    olaf: User
    vera: User
    gita: User
    root: User


@pytest.fixture
def default_tenant(db: None) -> Tenant:
    """The one that a migration makes; tests that commit may have taken it away."""
    return Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]


@pytest.fixture
def cast(db: None) -> Cast:
    tenants = {slug: Tenant.objects.create(slug=slug, name=slug.capitalize()) for slug in ("acme", "globex")}
    users = {name: User.objects.create_user(name, password=name) for name in MEMBERS}
    for name, (tenant, role) in MEMBERS.items():
        Membership.objects.create(tenant=tenants[tenant], user=users[name], role=role)
    root = User.objects.create_superuser("root", password="root")
    return Cast(
        acme=tenants["acme"],
        globex=tenants["globex"],
        ana=users["ana"],
        olaf=users["olaf"],
        vera=users["vera"],
        gita=users["gita"],
        root=root,
    )


@pytest.fixture
def acme(cast: Cast) -> Tenant:
    return cast.acme


@pytest.fixture
def globex(cast: Cast) -> Tenant:
    return cast.globex


@pytest.fixture
def ana(cast: Cast) -> User:
    return cast.ana


@pytest.fixture
def olaf(cast: Cast) -> User:
    return cast.olaf


@pytest.fixture
def vera(cast: Cast) -> User:
    return cast.vera


@pytest.fixture
def gita(cast: Cast) -> User:
    return cast.gita


@pytest.fixture
def root(cast: Cast) -> User:
    return cast.root


MakeKey = Callable[..., tuple[ApiKey, str]]


@pytest.fixture
def make_key(cast: Cast) -> MakeKey:
    """A key of acme with all scopes, unless told otherwise, and its text."""

    def make(
        *scopes: str, tenant: Tenant | None = None, expires_at: datetime | None = None, revoked: bool = False
    ) -> tuple[ApiKey, str]:
        key, text = keys.create(tenant=tenant or cast.acme, name="a program", scopes=scopes or Scope.values)
        if revoked or expires_at:
            key.revoked_at = timezone.now() if revoked else None
            key.expires_at = expires_at
            key.save()
        return key, text

    return make


def secret_of(key: str) -> str:
    """What follows a key's prefix; it may have underscores itself."""
    return key.split("_", 3)[3]


class ApiClient(Client):
    """Sends JSON."""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if body is None:
            return self.generic(method, path, headers=headers)
        return self.generic(method, path, json.dumps(body), "application/json", headers=headers)


ClientOf = Callable[[User | str | None], ApiClient]


@pytest.fixture
def client_of() -> ClientOf:
    """A client for a signed-in user, for the text of a key, or for nobody."""

    def make(who: User | str | None) -> ApiClient:
        if isinstance(who, str):
            return ApiClient(headers={"Authorization": f"Bearer {who}"})
        client = ApiClient()
        if who is not None:
            client.force_login(who)
        return client

    return make
