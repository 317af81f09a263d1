"""Limits on the number of requests, as callers of the API meet them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from accounts.limits import taking
from accounts.limits.models import RateLimit
from accounts.limits.table import TABLE
from accounts.models import Membership
from accounts.scopes import Role, Scope
from scheduler_project.lib import quick_redis
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db

READ, SUBMIT = "/api/v1/jobs", "/api/v1/tasks"
TASK = {"template": "echo"}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Ids of tenants come again after a test, so what Redis counts for them goes."""
    _clear()
    with override_settings(DAYBOOK_RATE_LIMIT=3):
        yield
    _clear()


def _clear() -> None:
    TABLE.forget()
    taking.OWN.clear()
    names = quick_redis.ask(lambda redis: list(redis.scan_iter("daybook:limit:*")))
    if names:
        quick_redis.ask(lambda redis: redis.delete(*names))


def limit(endpoint: str, per_minute: int | None, **values: Any) -> None:
    RateLimit.objects.create(endpoint=endpoint, per_minute=per_minute, **values)
    TABLE.read()


def statuses(client: ApiClient, times: int = 4, path: str = READ, **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


class TestLimit:
    def test_refuses_the_request_after_the_last_and_says_when_to_come_back(
        self, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        client = client_of(make_key()[1])
        answers = [client.get(READ) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
        refused = answers[-1]
        assert refused.headers["RateLimit-Limit"] == "3"
        assert refused.headers["RateLimit-Policy"] == "3;w=60;burst=3"
        assert refused.json()["error"]["message"].startswith("The limit of read is 3 requests a minute, 3 at once. Try")
        assert 18 <= int(refused.headers["Retry-After"]) <= 20
        assert 55 <= int(refused.headers["RateLimit-Reset"]) <= 60
        error = refused.json()["error"]
        assert error["code"] == "rate_limited"
        assert f"Try again in {refused.headers['Retry-After']} s" in error["message"]

    def test_is_one_for_all_keys_of_a_tenant_and_another_for_each_class_and_tenant(
        self, cast: Cast, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        first, second = client_of(make_key()[1]), client_of(make_key()[1])
        assert statuses(first, 2) + statuses(second, 2) == [200, 200, 200, 429]
        assert statuses(client_of(cast.vera), 1) == [429]  # a member, by session
        assert first.send("POST", SUBMIT, TASK).status_code == 202
        assert statuses(client_of(make_key(tenant=cast.globex)[1]), 1) == [200]

    def test_counts_what_is_refused_for_other_reasons(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key(Scope.TASK_READ)[1])
        assert statuses(client) == [403, 403, 403, 429]

    def test_of_submissions_keeps_nobody_from_stopping_what_runs(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key()[1])
        made = [client.send("POST", SUBMIT, TASK) for _ in range(4)]
        assert [answer.status_code for answer in made] == [202, 202, 202, 429]
        assert client.delete(f"{SUBMIT}/{made[0].json()['id']}").status_code == 202

    def test_of_bad_credentials_goes_by_address(self, client_of: ClientOf, make_key: MakeKey) -> None:
        forged = client_of(f"sch_live_00000000_{'A' * 43}")
        assert statuses(forged, 2) + statuses(client_of(None), 2) == [401, 401, 401, 429]
        assert forged.get(READ, REMOTE_ADDR="192.0.2.9").status_code == 401
        networks = [f"2001:db8:1:2::{number}" for number in range(1, 5)]
        assert [client_of(None).get(READ, REMOTE_ADDR=one).status_code for one in networks] == [401, 401, 401, 429]
        assert statuses(client_of(make_key()[1]), 1) == [200]  # good ones from the same address

    def test_of_public_documents_goes_by_address(self, client_of: ClientOf) -> None:
        assert statuses(client_of(None), path="/api/schema") == [200, 200, 200, 429]

    def test_of_somebody_in_several_tenants_is_that_of_the_named_one(self, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.vera, role=Role.VIEWER)
        client = client_of(cast.vera)
        assert statuses(client) == [200, 200, 200, 429]  # her own
        assert statuses(client, **{"X-Tenant": "acme"}) == [200, 200, 200, 429]
        assert statuses(client, **{"X-Tenant": "nowhere"}) == [429] * 4
        assert statuses(client_of(cast.gita), 1) == [200]
        assert statuses(client_of(cast.root), 4) == [200, 200, 200, 429]  # superusers are no exception

    def test_is_none_for_internal_callers(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key()[1])
        with override_settings(DAYBOOK_INTERNAL_NETWORKS=["127.0.0.0/8"]):
            assert statuses(client, 6) == [200] * 6
            assert statuses(client_of(None), 6) == [401] * 6
        assert statuses(client, 4) == [200, 200, 200, 429]


class TestSettings:
    def test_of_a_tenant_a_class_and_a_route_stand_instead_of_the_default(
        self, cast: Cast, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        limit("read", 2)
        limit("read", 1, tenant=cast.globex)
        limit("execution-list", None, tenant=cast.acme)
        acme, globex = client_of(make_key()[1]), client_of(make_key(tenant=cast.globex)[1])
        assert statuses(acme) == [200, 200, 429, 429]
        assert statuses(globex, 2) == [200, 429]
        answer = [acme.get("/api/v1/executions") for _ in range(5)][-1]
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer.headers

    def test_chosen_by_the_tenant_only_lower(self, cast: Cast, make_key: MakeKey, client_of: ClientOf) -> None:
        limit("read", 50, tenant=cast.acme, level="chosen")  # more than it was granted
        limit("execution-list", 1, tenant=cast.acme, level="chosen")
        client = client_of(make_key()[1])
        assert statuses(client, 2, "/api/v1/executions") == [200, 429]
        assert statuses(client, 3) == [200, 200, 429]  # one was taken by the list of executions

    def test_of_a_burst_and_a_window_are_told(self, cast: Cast, make_key: MakeKey, client_of: ClientOf) -> None:
        limit("read", 60, burst=2, tenant=cast.acme)
        client = client_of(make_key()[1])
        assert statuses(client, 3) == [200, 200, 429]
        assert client.get(READ).headers["RateLimit-Policy"] == "60;w=60;burst=2"
        RateLimit.objects.update(algorithm="window", per_minute=2)
        TABLE.read()
        assert statuses(client, 3) == [200, 200, 429]
        assert client.get(READ).headers["RateLimit-Policy"] == "2;w=60"


class TestWithoutRedis:
    def test_reads_and_submissions_pass_and_the_answer_says_so(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key()[1])
        with override_settings(CELERY_BROKER_URL=NO_REDIS, DAYBOOK_RATE_LIMIT=8):
            answers = [client.get(READ) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert {answer.headers["Daybook-Degraded"] for answer in answers} == {"rate-limit-local"}
        assert answers[0].headers["RateLimit-Policy"] == '2;w=60;burst=2;comment="local"'

    def test_keys_are_revoked_but_not_made(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client, doomed = client_of(make_key()[1]), make_key()[0]
        with override_settings(CELERY_BROKER_URL=NO_REDIS, DAYBOOK_RATE_LIMIT=8):
            made = client.send("POST", "/api/v1/keys", {"name": "Importer", "scopes": ["task:read"]})
            assert (made.status_code, made.json()["error"]["code"]) == (503, "rate_limiter_unavailable")
            assert made.headers["Retry-After"] == "2"
            assert client.delete(f"/api/v1/keys/{doomed.pk}").status_code in (200, 204)
