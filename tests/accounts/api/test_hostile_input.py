"""Bodies that are no objects, and values of wrong types: refused in the one form, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.models import ApiKey, Membership, SignIn, Tenant
from accounts.scopes import Role
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

STRANGE: list[Any] = [[], "text", 7, True, [{}], {"": ""}, {"__proto__": {}}, {"name": "a", "unknown": 1}]
NUMBERS = ["0", "1" * 18, "1" * 19, "-1", "1.0", "%00", "'%20OR%201=1", "9223372036854775808", "\u0661"]


@pytest.fixture
def as_root(cast: Cast, client_of: ClientOf) -> ApiClient:
    return client_of(cast.root)


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (ApiKey, Membership, Tenant, SignIn)]


@pytest.fixture
def paths(cast: Cast, make_key: MakeKey) -> list[tuple[str, str]]:
    key, _ = make_key()
    noor = User.objects.create_user("noor")
    member = Membership.objects.create(tenant=cast.acme, user=noor, role=Role.VIEWER)
    return [
        ("POST", "/api/v1/keys"),
        ("PATCH", f"/api/v1/keys/{key.pk}"),
        ("POST", f"/api/v1/keys/{key.pk}/rotate"),
        ("POST", "/api/v1/members"),
        ("PATCH", f"/api/v1/members/{member.pk}"),
        ("POST", "/api/v1/tenants"),
        ("PATCH", f"/api/v1/tenants/{cast.acme.pk}"),
        ("POST", "/api/v1/token"),
        ("POST", "/api/v1/token/refresh"),
        ("POST", "/api/v1/token/revoke"),
    ]


def test_strange_bodies_are_refused(as_root: ApiClient, paths: list[tuple[str, str]]) -> None:
    before = rows()
    problems = []
    for method, path in paths:
        for body in STRANGE:
            answer = as_root.send(method, path, body)
            error = answer.json().get("error", {})
            if answer.status_code != 400 or set(error) != {"code", "message", "fields", "request_id"}:
                problems.append((method, path, body, answer.status_code, answer.content[:200]))
    assert problems == []
    assert rows() == before


def test_strange_ids_are_not_found(as_root: ApiClient) -> None:
    problems = []
    for kind in ("keys", "members", "tenants"):
        for number in NUMBERS:
            answer = as_root.get(f"/api/v1/{kind}/{number}")
            if (answer.status_code, answer.json()["error"]["code"]) != (404, "not_found"):
                problems.append((kind, number, answer.status_code, answer.content[:200]))
    assert problems == []


@pytest.mark.parametrize(
    "send",
    [
        lambda client, text: client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}),
        lambda client, text: client.get("/api/v1/me", headers={"X-API-Key": text}),
    ],
    ids=["bearer", "header"],
)
def test_strange_credentials_open_nothing(cast: Cast, send: Callable[[ApiClient, str], Any]) -> None:
    for text in (
        "..",
        "a.b.c",
        "sch_live_",
        "é" * 50,
        "x" * 900,
        "eyJhbGciOiJub25lIn0.e30.",
        "sch_live_0.0.0",
        "\x7f",
    ):
        answer = send(ApiClient(), text)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication_failed"), text[:30]
