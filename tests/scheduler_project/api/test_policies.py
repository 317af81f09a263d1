"""The policy server's say in changes, over the API and in the console."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import override_settings

from accounts.models import Membership, Tenant
from accounts.scopes import Role
from scheduler_project.embedded.processes import free_port
from tests import policy_servers
from tests.cast import Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, untouched
from tests.policy_servers import Policy, result

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"


@pytest.fixture
def policy() -> Iterator[Policy]:
    with (
        policy_servers.serve() as policy,
        override_settings(DAYBOOK_POLICY_URL=policy.url, DAYBOOK_POLICY_TIMEOUT=timedelta(seconds=2)),
    ):
        yield policy


class TestPolicy:
    def test_is_told_who_wants_what(self, policy: Policy, make_key: MakeKey, client_of: ClientOf) -> None:
        key, text = make_key()
        client = client_of(text)
        job = client.send("POST", JOBS, {**JOB, "parameters": {"text": "hello"}}, **{"X-Request-ID": "a-request-id"})
        assert job.status_code == 201, job.content
        asked = policy.asked[0]
        assert asked["body"]["parameters"] == {"text": "hello"}
        assert {name: asked[name] for name in set(asked) - {"body", "scopes"}} == {
            "principal": f"key:{key.prefix}",
            "credential": "key",
            "tenant": "acme",
            "tenant_ids": [key.tenant_id],
            "is_superuser": False,
            "action": "create",
            "via": "api",
            "method": "POST",
            "route": "job-list",
            "path": JOBS,
            "target": {},
            "body_is_left_out": False,
            "address": "127.0.0.1",
            "request_id": "a-request-id",
        }
        assert asked["scopes"] == sorted(key.scopes)

        client.send("PATCH", f"{JOBS}/{job.json()['id']}", {"description": "https://me:hunter2@example.com/"})
        assert policy.asked[1]["target"] == {"pk": str(job.json()["id"])}
        assert policy.asked[1]["body"] == {"description": "https://me:***@example.com/"}

        hidden = {"password": "hunter2", "nested": [{"api_key": "hunter2"}], "list": ["fine"]}
        client.send("POST", JOBS, {**JOB, "parameters": hidden})
        assert policy.asked[2]["body"]["parameters"] == {
            "password": "***",
            "nested": [{"api_key": "***"}],
            "list": ["fine"],
        }
        client.send("POST", JOBS, {**JOB, "description": "x" * 70_000})
        assert (policy.asked[3]["body"], policy.asked[3]["body_is_left_out"]) == (None, True)

    def test_hides_what_templates_call_secret_whatever_its_name(
        self, policy: Policy, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        from templates_registry.secret_names import secret_names

        name = sorted(secret_names())[0]
        client_of(make_key()[1]).send("POST", JOBS, {**JOB, "parameters": {name: "hunter2"}})
        assert policy.asked[0]["body"]["parameters"] == {name: "***"}

    def test_refuses_with_its_reason_and_nothing_is_done(
        self, policy: Policy, cast: Cast, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        policy.behaviour = result({"allow": False, "reason": "Not on Fridays."})
        for caller in (make_key()[1], cast.ana):
            with untouched():
                answer = client_of(caller).send("POST", JOBS, JOB)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (403, "policy_denied")
            assert error["message"] == "The policy does not allow this. Not on Fridays."

    def test_is_asked_about_nothing_that_changes_nothing_or_is_refused_anyway(
        self, policy: Policy, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        client = client_of(make_key()[1])
        assert client.get(JOBS).status_code == 200
        preview = client.send("POST", "/api/v1/schedules/preview", {"schedule": JOB["schedule"]})
        assert preview.status_code == 200
        assert client_of(make_key("task:read")[1]).send("POST", JOBS, JOB).status_code == 403
        assert client_of(None).send("POST", JOBS, JOB).status_code == 401
        assert client_of(None).send("POST", "/api/v1/hooks/none", {}).status_code == 401
        assert policy.asked == []

    def test_that_gives_no_answer_is_taken_as_the_setting_says(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key()[1])
        with override_settings(DAYBOOK_POLICY_URL=f"http://127.0.0.1:{free_port()}/"):
            with untouched():
                answer = client.send("POST", JOBS, JOB)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "policy_unavailable")
            assert answer.headers["Retry-After"] == "2"
            assert client.get(JOBS).status_code == 200
            with override_settings(DAYBOOK_POLICY_FAIL="open"):
                assert client.send("POST", JOBS, JOB).status_code == 201


class TestConsole:
    ADD = "/admin/accounts/tenant/add/"
    FORM = {"name": "Initech", "slug": "initech", "is_active": "on"}

    def test_asks_before_a_change(self, policy: Policy, cast: Cast, client_of: ClientOf) -> None:
        client = client_of(cast.root)
        assert client.get(self.ADD).status_code == 200
        assert policy.asked == []
        policy.behaviour = result({"allow": False, "reason": "Not on Fridays."})
        refused = client.post(self.ADD, {**self.FORM, "csrfmiddlewaretoken": "x", "password1": "hunter2"})
        assert refused.status_code == 403
        assert "Not on Fridays." in refused.content.decode()
        assert not Tenant.objects.filter(slug="initech").exists()
        asked = policy.asked[0]
        assert asked["body"] == {**self.FORM, "password1": "***"}
        assert (asked["principal"], asked["via"], asked["is_superuser"]) == ("user:root", "admin", True)
        assert asked["route"] == "admin:accounts_tenant_add"
        policy.behaviour = result(True)
        assert client.post(self.ADD, self.FORM).status_code == 302
        assert Tenant.objects.filter(slug="initech").exists()

    def test_changes_nothing_without_a_decision(self, cast: Cast, client_of: ClientOf) -> None:
        client = client_of(cast.root)
        with override_settings(DAYBOOK_POLICY_URL=f"http://127.0.0.1:{free_port()}/"):
            refused = client.post(self.ADD, self.FORM)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
            assert "The policy server gives no decision" in refused.content.decode()
            assert not Tenant.objects.filter(slug="initech").exists()

    def test_lets_people_in_without_asking(self, policy: Policy, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.update_or_create(tenant=cast.acme, user=cast.vera, defaults={"role": Role.VIEWER})
        cast.vera.is_staff = True
        cast.vera.save()
        answer = client_of(None).post("/admin/login/", {"username": "vera", "password": "vera", "next": "/admin/"})
        assert answer.status_code == 302
        assert policy.asked == []
