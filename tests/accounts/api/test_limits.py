"""`/api/v1/limits` and those of a tenant: read, lowered by the tenant, granted by superusers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from accounts.audit.models import AuditEntry
from accounts.limits.models import RateLimit
from accounts.limits.table import TABLE
from accounts.models import Membership
from accounts.scopes import Role, Scope
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

EVERYONE = "/api/v1/limits"


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    with override_settings(DAYBOOK_RATE_LIMIT=100):
        yield
    TABLE.forget()


@pytest.fixture
def path(cast: Cast) -> str:
    return f"/api/v1/tenants/{cast.acme.pk}/limits"


@pytest.fixture
def admin(cast: Cast, client_of: ClientOf) -> ApiClient:
    """Of acme, by session."""
    Membership.objects.filter(user=cast.ana).update(role=Role.ADMIN)
    return client_of(cast.ana)


@pytest.fixture
def root(cast: Cast, client_of: ClientOf) -> ApiClient:
    return client_of(cast.root)


def put(client: ApiClient, path: str, *limits: dict[str, Any]) -> Any:
    answer = client.send("PUT", path, {"limits": list(limits)})
    TABLE.forget()  # what is put here must not limit the test
    return answer


def in_force(answer: Any) -> dict[str, tuple[int | None, int | None, str | None]]:
    assert answer.status_code == 200, answer.content
    return {
        entry["endpoint"]: (entry["per_minute"], entry["burst"], entry["algorithm"])
        for entry in answer.json()["in_force"]
    }


class TestReading:
    def test_tells_the_defaults_where_nothing_was_set(self, admin: ApiClient, path: str) -> None:
        answer = admin.get(path)
        assert in_force(answer) == dict.fromkeys(("read", "write", "submit", "keys"), (100, 100, "bucket"))
        body = answer.json()
        assert (body["tenant"], body["default_per_minute"], body["granted"], body["chosen"]) == ("acme", 100, [], [])
        everyone = admin.get(EVERYONE)
        assert everyone.json()["tenant"] is None
        assert in_force(everyone)["hooks"] == (1000, 1000, "bucket")


class TestTenant:
    def test_lowers_its_own_limits_and_takes_that_back(
        self, admin: ApiClient, root: ApiClient, path: str, cast: Cast
    ) -> None:
        lowered = put(
            admin,
            path,
            {"endpoint": "read", "per_minute": 50, "burst": 10},
            {"endpoint": "submit", "per_minute": 5, "algorithm": "window"},
            {"endpoint": "job-list", "per_minute": 7},
        )
        assert in_force(lowered) == {
            "read": (50, 10, "bucket"),
            "write": (100, 100, "bucket"),
            "submit": (5, None, "window"),
            "keys": (100, 100, "bucket"),
            "job-list": (7, 7, "bucket"),
        }
        assert [entry["updated_by"] for entry in lowered.json()["chosen"]] == ["user:ana"] * 3
        assert in_force(put(admin, path))["read"] == (100, 100, "bucket")
        entries = AuditEntry.objects.filter(action="rate_limits.changed").order_by("pk")
        assert [(entry.actor, entry.target_name, entry.tenant_id) for entry in entries] == [
            ("user:ana", "acme", cast.acme.pk)
        ] * 2

    def test_raises_nothing(self, admin: ApiClient, root: ApiClient, path: str) -> None:
        for limits, field, message in (
            ({"per_minute": 101}, "per_minute", "Write at most 100,"),
            ({"per_minute": 50, "burst": 101}, "burst", "Write at most 100,"),
            ({"per_minute": None}, "per_minute", "only superusers take a limit away"),
            ({"per_minute": 0}, "per_minute", "only superusers take a limit away"),
        ):
            refused = put(admin, path, {"endpoint": "read", **limits})
            assert refused.status_code == 400, limits
            assert message in refused.json()["error"]["fields"][f"limits[0].{field}"][0]
        put(root, path, {"endpoint": "read", "per_minute": 10})
        assert put(admin, path, {"endpoint": "read", "per_minute": 11}).status_code == 400
        assert in_force(put(admin, path))["read"] == (10, 10, "bucket")  # what was granted stays
        assert RateLimit.objects.get().level == "granted"

    def test_is_the_only_one_that_may(self, cast: Cast, path: str, client_of: ClientOf, make_key: MakeKey) -> None:
        foreign = client_of(make_key(tenant=cast.globex)[1])
        assert put(foreign, path).json()["error"]["code"] == "other_tenant"
        assert put(client_of(cast.vera), path).json()["error"]["code"] == "missing_scope"
        assert put(client_of(make_key(Scope.TENANT_READ)[1]), path).status_code == 403
        assert client_of(cast.root).get("/api/v1/tenants/987654/limits").status_code == 404


class TestSuperuser:
    def test_grants_more_than_the_default_or_all_to_a_tenant_and_to_everyone(
        self, root: ApiClient, path: str, admin: ApiClient
    ) -> None:
        granted = put(
            root,
            path,
            {"endpoint": "read", "per_minute": 5_000, "burst": 100},
            {"endpoint": "execution-list", "per_minute": 0},
        )
        assert in_force(granted)["read"] == (5_000, 100, "bucket")
        assert in_force(granted)["execution-list"] == (None, None, None)
        assert put(root, EVERYONE, {"endpoint": "write", "per_minute": 30}).status_code == 200
        assert in_force(admin.get(path))["write"] == (30, 30, "bucket")
        assert in_force(put(admin, path, {"endpoint": "read", "per_minute": 4_000, "burst": 9}))["read"][:2] == (
            4_000,
            9,
        )
        assert put(admin, EVERYONE).json()["error"]["code"] == "superuser_only"

    def test_is_told_what_is_wrong_by_its_path(self, root: ApiClient, path: str) -> None:
        refused = put(
            root,
            path,
            {"endpoint": "raed", "per_minute": 5},
            {"endpoint": "read", "per_minute": 5},
            {"endpoint": "read", "per_minute": 5},
            {"endpoint": "write", "per_minute": 10_001, "algorithm": "window"},
            {"endpoint": "submit", "per_minute": 5, "burst": 2, "algorithm": "window"},
            {"endpoint": "keys", "per_minute": None, "burst": 2},
        )
        assert refused.status_code == 400
        assert set(refused.json()["error"]["fields"]) == {
            "limits[0].endpoint",
            "limits[2].endpoint",
            "limits[3].per_minute",
            "limits[4].burst",
            "limits[5].burst",
        }
        assert not RateLimit.objects.exists()
        for wrong in ({"endpoint": "read"}, {"endpoint": "read", "per_minute": -1}, {"endpoint": 7, "per_minute": 1}):
            assert put(root, path, wrong).status_code == 400
        many = [{"endpoint": f"route-{number}", "per_minute": 1} for number in range(101)]
        assert "limits" in put(root, path, *many).json()["error"]["fields"]


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_at_once_in_this_process(root: ApiClient, admin: ApiClient, path: str) -> None:
    answer = root.send("PUT", path, {"limits": [{"endpoint": "read", "per_minute": 500}]})
    assert answer.status_code == 200
    assert admin.get(path).headers["RateLimit-Limit"] == "500"
