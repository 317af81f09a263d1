"""`/api/v1/token`: sign in by password, renew, sign out; and what a token opens at every endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts import tokens
from accounts.models import Membership, SignIn
from accounts.scopes import ROLE_SCOPES, Role, Scope
from scheduler_project.api.permissions import SIGNED_IN
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import GUARDED, LISTENING, NOTIFIED, READ, RULES, Stage, Walk

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, REVOKE = "/api/v1/token", "/api/v1/token/refresh", "/api/v1/token/revoke"


def sign_in(name: str = "ana", **more: Any) -> Any:
    return ApiClient().send("POST", TOKEN, {"username": name, "password": name, **more})


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestSignIn:
    def test_gives_a_pair_for_what_was_asked_for(self, cast: Cast, client_of: ClientOf) -> None:
        answer = sign_in(scopes=["scheduler:read"], tenant="acme")
        pair = answer.json()
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert {name: pair[name] for name in ("token_type", "scopes", "tenant")} == {
            "token_type": "Bearer",
            "scopes": ["scheduler:read"],
            "tenant": "acme",
        }
        assert 595 <= pair["expires_in"] <= 600
        assert 86_390 <= pair["refresh_expires_in"] <= 86_400
        assert client_of(pair["access"]).get("/api/v1/jobs").status_code == 200
        assert ApiClient(headers={"X-API-Key": pair["access"]}).get("/api/v1/jobs").status_code == 401

    def test_tells_nobody_which_tenants_there_are(self, cast: Cast) -> None:
        answers = [sign_in(tenant=slug) for slug in ("globex", "initech")]
        assert [refusal(answer) for answer in answers] == [(403, "other_tenant")] * 2
        messages = [answer.json()["error"]["message"] for answer in answers]
        assert messages[0].replace("globex", "initech") == messages[1]

    def test_refuses_what_is_not_held(self, cast: Cast) -> None:
        assert refusal(sign_in("vera", scopes=["scheduler:write"])) == (403, "more_than_held")
        User.objects.create_user("stranger", password="stranger")
        assert refusal(sign_in("stranger")) == (403, "more_than_held")
        assert not SignIn.objects.exists()

    def test_takes_a_password_as_it_was_typed(self, cast: Cast) -> None:
        for name, password in (("spaces", "  two  "), ("letters", "pässwörd🙂")):
            user = User.objects.create_user(name, password=password)
            Membership.objects.create(tenant=cast.acme, user=user, role=Role.VIEWER)
            assert ApiClient().send("POST", TOKEN, {"username": name, "password": password}).status_code == 200
            assert (
                ApiClient().send("POST", TOKEN, {"username": name, "password": password.strip(" 🙂")}).status_code
                == 401
            )

    @pytest.mark.parametrize(
        "change",
        [
            {"username": None},
            {"username": 7},
            {"username": "x" * 151},
            {"password": ["a"]},
            {"password": ""},
            {"password": "x" * 1_001},
            {"scopes": []},
            {"scopes": ["all"]},
            {"tenant": 1},
            {"grant_type": "password"},
        ],
    )
    def test_names_what_is_wrong(self, cast: Cast, change: dict[str, Any]) -> None:
        answer = (
            sign_in(**change)
            if "username" not in change
            else ApiClient().send("POST", TOKEN, {"password": "x", **change})
        )
        assert refusal(answer) == (400, "invalid")
        assert [path.partition("[")[0] for path in answer.json()["error"]["fields"]] == list(change)

    def test_heeds_no_credentials_that_come_with_it(self, cast: Cast, client_of: ClientOf) -> None:
        stale = ApiClient(headers={"Authorization": "Bearer sch_live_no_longer_good"})
        assert stale.send("POST", TOKEN, {"username": "ana", "password": "ana"}).status_code == 200
        assert client_of(cast.vera).send("POST", TOKEN, {"username": "ana", "password": "ana"}).status_code == 200


class TestRenewal:
    def test_gives_the_next_pair_once(self, cast: Cast, client_of: ClientOf) -> None:
        first = sign_in().json()
        second = ApiClient().send("POST", REFRESH, {"refresh": first["refresh"]})
        assert second.status_code == 200
        again = ApiClient().send("POST", REFRESH, {"refresh": first["refresh"]})
        assert refusal(again) == (401, "authentication_failed")
        assert again.headers["WWW-Authenticate"].startswith("Bearer")
        answer = client_of(second.json()["access"]).get("/api/v1/jobs")
        assert refusal(answer) == (401, "authentication_failed")
        assert "has ended" in answer.json()["error"]["message"]

    def test_ends_with_the_sign_out(self, cast: Cast, client_of: ClientOf) -> None:
        pair = sign_in().json()
        assert client_of(pair["access"]).get("/api/v1/jobs").status_code == 200
        assert ApiClient().send("POST", REVOKE, {"token": pair["refresh"]}).status_code == 204
        assert client_of(pair["access"]).get("/api/v1/jobs").status_code == 401
        assert ApiClient().send("POST", REFRESH, {"refresh": pair["refresh"]}).status_code == 401
        assert refusal(ApiClient().send("POST", REVOKE, {"token": "a.b.c"})) == (401, "authentication_failed")


@pytest.fixture
def stage(job_of: MakeJob, run_of: RunJob) -> Stage:
    job = job_of()
    backfill_of(job)
    return Stage(job, run_of(job))


def test_a_token_opens_at_no_endpoint_more_than_it_was_made_for(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    """Of an administrator whose roles give everything, so that what is missing is missing in the token."""
    ada = User.objects.create_user("ada")
    Membership.objects.create(tenant=cast.acme, user=ada, role=Role.ADMIN)
    without = {
        scope: client_of(tokens.start(ada, scopes=set(Scope.values) - {scope}).access)
        for scope in set(RULES.values())
        if scope in Scope.values
    }
    hears_nothing = client_of(tokens.start(ada, scopes=set(Scope.values) - {READ, NOTIFIED}).access)
    ended = tokens.start(ada)
    tokens.end(ended.refresh)
    by_ended = client_of(ended.access)
    walk = Walk(stage)
    for endpoint in GUARDED:
        scope = RULES[endpoint]
        if scope != SIGNED_IN:
            answer = walk.send(endpoint, hears_nothing if endpoint == LISTENING else without[scope])
            message = answer.error.get("message", "")
            walk.expect(answer.is_refusal == (403, "missing_scope"), endpoint, answer.status, answer.content)
            walk.expect(f"Ask POST /api/v1/token for a token with {scope}" in message, endpoint, message)
            walk.expect(not answer.writes, endpoint, answer.writes)
        walk.expect(walk.send(endpoint, by_ended).is_refusal == (401, "authentication_failed"), endpoint)
    walk.finish()


def test_a_token_of_one_tenant_opens_no_row_of_another(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    """Of somebody who is a member of both."""
    Membership.objects.create(tenant=cast.acme, user=cast.gita, role=Role.ADMIN)
    elsewhere = client_of(tokens.start(cast.gita, tenant=cast.globex).access)
    both = client_of(tokens.start(cast.gita).access)
    walk = Walk(stage)
    for endpoint in (("get", "job-detail"), ("post", "job-pause"), ("get", "execution-log"), ("get", "pool-detail")):
        answer = walk.send(endpoint, elsewhere)
        walk.expect(answer.is_refusal == (403, "other_tenant"), endpoint, answer.status, answer.content)
        walk.expect(walk.send(endpoint, both).status == 200, endpoint)
    walk.finish()
    assert elsewhere.get("/api/v1/jobs").json()["total_count"] == 0
    assert both.get("/api/v1/jobs").json()["total_count"] > 0


def test_a_token_is_let_in_where_it_was_made_for(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    by_scope = {
        scope: client_of(tokens.start(cast.ana, scopes=[scope], tenant=cast.acme).access)
        for scope in ROLE_SCOPES[Role.AUTHOR]
    }
    walk = Walk(stage)
    for endpoint in GUARDED:
        if endpoint[0] == "get" and RULES[endpoint] in by_scope and endpoint[1] != "live":
            answer = walk.send(endpoint, by_scope[RULES[endpoint]])
            walk.expect(answer.status == 200, endpoint, answer.status, answer.content)
            walk.expect(not answer.writes, endpoint, answer.writes)
    assert walk.tried > 30
    walk.finish()


def test_a_form_of_another_site_gets_nowhere(cast: Cast) -> None:
    """What a browser sends by itself is not JSON."""
    answer = ApiClient().post(reverse("token"), {"username": "ana", "password": "ana"})
    assert answer.status_code == 415
