"""Create, read, change and archive jobs; run them now; switch their schedules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import override_settings
from pytest_django import Settings

from accounts.models import Membership
from accounts.scopes import Role, Scope
from jobs.models import Execution, Job, JobRevision, QueueRejection
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/jobs"


def fields_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 400, answer.content
    fields: dict[str, list[str]] = answer.json()["error"]["fields"]
    return fields


class TestCreate:
    def test_makes_a_job_and_says_where_it_is(self, by_key: ApiClient, cast: Cast) -> None:
        answer = by_key.send("POST", PATH, {**JOB, "priority": "high", "tags": ["hello"], "queue": "ad_queue"})
        assert answer.status_code == 201
        made = answer.json()
        assert answer.headers["Location"] == f"/api/v1/jobs/{made['id']}"
        assert (made["tenant"], made["template"], made["priority"], made["tags"]) == ("acme", "echo", "high", ["hello"])
        assert made["schedule"] == {"kind": "cron", "timezone": "UTC", "cron": "0 9 * * *"}
        assert made["schedule_text"] == "At 09:00 (UTC)"
        assert made["enabled"] is True
        assert made["next_tick_at"].endswith("T09:00:00Z")
        assert made["policies"]["timeout_seconds"] == 3600
        assert by_key.get(answer.headers["Location"]).json() == made

    def test_records_who_did_it(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        key, text = make_key()
        by_key = client_of(text).send("POST", PATH, {**JOB, "name": "By key"}).json()
        by_user = client_of(cast.ana).send("POST", PATH, {**JOB, "name": "By user"}).json()
        actors = dict(JobRevision.objects.values_list("job_id", "actor"))
        assert actors == {by_key["id"]: f"key:{key.prefix}", by_user["id"]: "user:ana"}
        assert (by_key["owner"], by_user["owner"]) == (None, "ana")

    def test_can_leave_the_schedule_out_of_force(self, by_key: ApiClient) -> None:
        made = by_key.send("POST", PATH, {**JOB, "enabled": False}).json()
        assert (made["enabled"], made["next_tick_at"]) == (False, None)

    def test_names_everything_that_is_wrong_by_its_path(self, by_key: ApiClient) -> None:
        with untouched():
            answer = by_key.send(
                "POST",
                PATH,
                {
                    "name": "",
                    "template": "echo",
                    "parameters": {"text": 7, "shout": True},
                    "schedule": {"kind": "cron", "cron": "0 25 * * *", "timezone": "Berlin"},
                    "policies": {"max_retries": -1, "hurry": True},
                    "priority": "urgent",
                    "tags": ["fine", "#"],
                    "colour": "red",
                },
            )
        fields = fields_of(answer)
        assert set(fields) == {
            *("name", "parameters.text", "parameters.shout", "schedule.cron", "schedule.timezone"),
            *("policies.max_retries", "policies.hurry", "priority", "tags[1]", "colour"),
        }
        assert fields["priority"] == ["Write one of critical, high, normal, low."]

    def test_asks_for_what_a_job_needs(self, by_key: ApiClient) -> None:
        assert set(fields_of(by_key.send("POST", PATH, {}))) == {"name", "template", "schedule"}

    @pytest.mark.parametrize("body", [[], "text", 7, None, [JOB]])
    def test_refuses_what_is_no_object(self, by_key: ApiClient, body: Any) -> None:
        answer = by_key.generic("POST", PATH, json.dumps(body), "application/json")
        assert fields_of(answer) == {"": ["Write a JSON object."]}

    @pytest.mark.parametrize(("field", "value"), [("enabled", "yes"), ("enabled", 1), ("tenant", 7), ("tenant", [])])
    def test_is_strict_about_types(self, by_key: ApiClient, field: str, value: Any) -> None:
        assert set(fields_of(by_key.send("POST", PATH, {**JOB, field: value}))) == {field}

    def test_refuses_a_slug_that_is_taken(self, by_key: ApiClient) -> None:
        by_key.send("POST", PATH, JOB)
        assert "Another job" in fields_of(by_key.send("POST", PATH, JOB))["slug"][0]

    def test_loses_a_slug_to_a_job_made_in_the_same_moment(
        self, by_key: ApiClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        by_key.send("POST", PATH, JOB)
        monkeypatch.setattr("jobs.revisions.refuse_taken_slug", lambda *_, **__: None)
        with untouched():
            answer = by_key.send("POST", PATH, JOB)
        assert set(fields_of(answer)) == {"slug"}

    def test_leaves_the_same_slug_to_another_tenant(self, by_key: ApiClient, cast: Cast, client_of: ClientOf) -> None:
        by_key.send("POST", PATH, JOB)
        assert client_of(cast.gita).send("POST", PATH, JOB).status_code == 201

    def test_shows_no_secret(self, by_key: ApiClient) -> None:
        made = by_key.send("POST", PATH, {**JOB, "parameters": {"token": "hush-hush"}})
        seen = [made, by_key.get(f"{PATH}/{made.json()['id']}"), by_key.get(f"{PATH}/{made.json()['id']}/revisions")]
        assert Job.objects.get().parameters["token"].startswith("daybook:1:")
        assert [answer.json()["secrets_set"] for answer in seen[:2]] == [["parameters.token"]] * 2
        assert all(b"daybook:1:" not in answer.content for answer in seen)
        assert all(b"hush-hush" not in answer.content for answer in seen)


class TestTenantOfAWrite:
    def test_is_the_keys(self, by_key: ApiClient) -> None:
        assert by_key.send("POST", PATH, {**JOB, "tenant": "acme"}).json()["tenant"] == "acme"

    def test_of_another_than_the_keys_is_refused(self, by_key: ApiClient) -> None:
        with untouched():
            answer = by_key.send("POST", PATH, {**JOB, "tenant": "globex"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_tenant")

    def test_has_to_be_named_by_a_user_of_several(self, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.AUTHOR)
        client = client_of(cast.ana)
        assert fields_of(client.send("POST", PATH, JOB))["tenant"][0].endswith("acme, globex.")
        assert client.send("POST", PATH, {**JOB, "tenant": "globex"}).json()["tenant"] == "globex"
        assert client.send("POST", PATH, JOB, **{"X-Tenant": "acme"}).json()["tenant"] == "acme"

    def test_needs_the_scope_there(self, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
        with untouched():
            answer = client_of(cast.ana).send("POST", PATH, {**JOB, "tenant": "globex"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (403, "missing_scope")
        assert "user:ana holds notifications:read, scheduler:read, task:read in the tenant globex" in error["message"]

    def test_may_be_any_for_a_superuser(self, cast: Cast, client_of: ClientOf) -> None:
        client = client_of(cast.root)
        assert client.send("POST", PATH, {**JOB, "tenant": "globex"}).json()["tenant"] == "globex"
        assert set(fields_of(client.send("POST", PATH, JOB))) == {"tenant"}

    def test_never_is_an_inactive_one(self, cast: Cast, client_of: ClientOf) -> None:
        cast.globex.is_active = False
        cast.globex.save()
        assert client_of(cast.root).send("POST", PATH, {**JOB, "tenant": "globex"}).status_code == 403


class TestList:
    def names(self, client: ApiClient, query: str = "") -> list[str]:
        answer = client.get(f"{PATH}?{query}")
        assert answer.status_code == 200, answer.content
        return [job["name"] for job in answer.json()["results"]]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["Alpha", "Beta", "Gamma"]),
            ("enabled=false", ["Beta"]),
            ("paused=true", ["Gamma"]),
            ("paused=false", ["Alpha", "Beta"]),
            ("template=failing", ["Beta"]),
            ("template=nothing", []),
            ("tag=nightly", ["Alpha", "Gamma"]),
            ("queue=ad_queue", ["Beta"]),
            ("q=ALPH", ["Alpha"]),
            ("q=ammas+words", ["Gamma"]),
            ("q=%25", []),
            ("archived=true", ["Delta"]),
            ("last_status=succeeded", []),
            ("tenant=globex", []),
            ("ordering=-name", ["Gamma", "Beta", "Alpha"]),
            ("ordering=priority", ["Gamma", "Alpha", "Beta"]),
            ("enabled=true&tag=nightly&ordering=-name", ["Gamma", "Alpha"]),
            ("limit=1&offset=1", ["Beta"]),
            ("page=2&per_page=2", ["Gamma"]),
        ],
    )
    def test_is_narrowed_and_ordered(
        self, by_key: ApiClient, job_of: MakeJob, cast: Cast, query: str, found: list[str]
    ) -> None:
        job_of(name="Alpha", tags=["nightly"])
        job_of(name="Beta", template="failing", queue="ad_queue", enabled=False)
        gamma = job_of(name="Gamma", tags=["nightly", "x"], priority="high", description="Gammas words")
        delta = job_of(name="Delta")
        job_of(cast.globex, name="Foreign")
        by_key.send("POST", f"{PATH}/{gamma.pk}/pause")
        by_key.send("DELETE", f"{PATH}/{delta.pk}")
        assert self.names(by_key, query) == found

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("colour=red", "colour"),
            ("enabled=perhaps", "enabled"),
            ("ordering=secret", "ordering"),
            ("last_status=queued", "last_status"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=1e3", "limit"),
            ("offset=-1", "offset"),
            ("page=0", "page"),
            ("page=1&offset=0", "page"),
            ("per_page=5&limit=5", "per_page"),
            ("q=a&q=b", "q"),
            ("q=%00", "q"),
        ],
    )
    def test_names_the_parameter_that_is_wrong(self, by_key: ApiClient, query: str, field: str) -> None:
        assert set(fields_of(by_key.get(f"{PATH}?{query}"))) == {field}

    def test_says_how_many_there_are(self, by_key: ApiClient, job_of: MakeJob) -> None:
        for _ in range(3):
            job_of()
        page = by_key.get(f"{PATH}?limit=2").json()
        assert page["next_cursor"]
        assert {key: page[key] for key in page if key not in ("results", "next_cursor")} == {
            "total_count": 3,
            "total_is_estimate": False,
            "limit": 2,
            "offset": 0,
            "has_more": True,
        }


class TestChange:
    def test_changes_what_is_named_and_nothing_else(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(tags=["old"], description="as it was")
        changed = by_key.send("PATCH", f"{PATH}/{job.pk}", {"tags": ["new"], "policies": {"max_retries": 1}}).json()
        assert (changed["tags"], changed["description"], changed["revision"]) == (["new"], "as it was", 2)
        assert (changed["policies"]["max_retries"], changed["policies"]["timeout_seconds"]) == (1, 3600)

    def test_takes_effect_at_once(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        changed = by_key.send("PATCH", f"{PATH}/{job.pk}", {"schedule": {"kind": "cron", "cron": "30 7 * * *"}}).json()
        assert changed["next_tick_at"].endswith("T07:30:00Z")

    def test_keeps_the_note_with_the_revision(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        by_key.send("PATCH", f"{PATH}/{job.pk}", {"description": "new", "note": "because"})
        assert JobRevision.objects.get(job=job, number=2).note == "because"

    def test_is_refused_when_someone_else_was_first(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        body = {"description": "new", "expected_revision": 1}
        assert by_key.send("PATCH", f"{PATH}/{job.pk}", body).status_code == 200
        with untouched():
            answer = by_key.send("PATCH", f"{PATH}/{job.pk}", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "revision_conflict")

    def test_keeps_a_secret_that_is_left_out(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(parameters={"text": "a", "token": "hush-hush"})
        secret = Job.objects.get().parameters["token"]
        for method, text, others in (("PATCH", "b", {}), ("PUT", "c", JOB)):
            body = {**others, "parameters": {"text": text}}
            assert by_key.send(method, f"{PATH}/{job.pk}", body).status_code == 200
            assert Job.objects.get().parameters == {"text": text, "token": secret}

    def test_refuses_a_note_that_is_too_long(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("PATCH", f"{PATH}/{job.pk}", {"note": "x" * 501, "description": "new"})
        assert set(fields_of(answer)) == {"note"}

    def test_refuses_a_slug_that_is_taken(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job_of(slug="first")
        second = job_of(slug="second")
        with untouched():
            answer = by_key.send("PATCH", f"{PATH}/{second.pk}", {"slug": "first"})
        assert set(fields_of(answer)) == {"slug"}


class TestReplace:
    def test_puts_back_to_the_default_what_is_left_out(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(
            slug="kept", tags=["old"], priority="high", queue="ad_queue", policies={"max_retries": 1}, description="x"
        )
        replaced = by_key.send("PUT", f"{PATH}/{job.pk}", JOB).json()
        assert (replaced["slug"], replaced["tags"], replaced["priority"]) == ("kept", [], "normal")
        assert (replaced["queue"], replaced["policies"]["max_retries"], replaced["description"]) == ("default", 3, "")

    def test_takes_what_was_read(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "interval", "every_seconds": 900, "spread_seconds": 60}, tags=["x"])
        read = by_key.get(f"{PATH}/{job.pk}").json()
        known = ("name", "slug", "description", "template", "template_version", "parameters", "schedule", "policies")
        body = {name: read[name] for name in (*known, "queue", "priority", "tags")}
        written = by_key.send("PUT", f"{PATH}/{job.pk}", body).json()
        assert {name: written[name] for name in body} == body
        assert written["next_tick_at"] == read["next_tick_at"]

    def test_asks_for_what_a_job_needs(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("PUT", f"{PATH}/{job.pk}", {"description": "only this"})
        assert set(fields_of(answer)) == {"name", "template", "schedule"}


class TestShortIntervals:
    SCHEDULE = {"kind": "interval", "every_seconds": 30}

    def test_are_refused(self, by_key: ApiClient) -> None:
        answer = by_key.send("POST", PATH, {**JOB, "template": "failing", "schedule": self.SCHEDULE})
        assert set(fields_of(answer)) == {"schedule.every_seconds"}

    def test_are_open_to_users_with_the_permission(self, cast: Cast, client_of: ClientOf) -> None:
        cast.ana.user_permissions.add(Permission.objects.get(codename="run_sub_minute"))
        body = {**JOB, "template": "failing", "schedule": self.SCHEDULE}
        assert client_of(cast.ana).send("POST", PATH, body).status_code == 201


class TestSwitches:
    def test_pause_and_resume_keep_who_and_why(self, by_key: ApiClient, job_of: MakeJob, make_key: MakeKey) -> None:
        job = job_of()
        paused = by_key.send("POST", f"{PATH}/{job.pk}/pause", {"note": "until Monday"}).json()
        assert (paused["paused"], paused["pause_note"], paused["paused_by"][:4]) == (True, "until Monday", "key:")
        assert paused["paused_at"].endswith("Z")
        resumed = by_key.send("POST", f"{PATH}/{job.pk}/resume").json()
        assert (resumed["paused"], resumed["paused_at"], resumed["pause_note"]) == (False, None, "")
        assert list(JobRevision.objects.values_list("change", flat=True)) == ["resumed", "paused", "created"]

    def test_enable_and_disable_switch_the_schedule(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        disabled = by_key.send("POST", f"{PATH}/{job.pk}/disable", {}).json()
        assert (disabled["enabled"], disabled["next_tick_at"]) == (False, None)
        enabled = by_key.send("POST", f"{PATH}/{job.pk}/enable").json()
        assert enabled["next_tick_at"] is not None

    @pytest.mark.parametrize("action", ["pause", "resume", "enable", "disable"])
    def test_twice_is_as_good_as_once(self, by_key: ApiClient, job_of: MakeJob, action: str) -> None:
        job = job_of()
        by_key.send("POST", f"{PATH}/{job.pk}/{action}")
        with untouched():
            assert by_key.send("POST", f"{PATH}/{job.pk}/{action}").status_code == 200

    @pytest.mark.parametrize(("body", "field"), [({"note": 7}, "note"), ({"why": "x"}, "why"), ([], "")])
    def test_say_what_is_wrong_with_the_body(self, by_key: ApiClient, job_of: MakeJob, body: Any, field: str) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{job.pk}/pause", body)
        assert set(fields_of(answer)) == {field}


class TestArchive:
    def test_ends_the_job_and_what_waits_but_keeps_its_history(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob
    ) -> None:
        job = job_of()
        waiting = run_of(job)
        answer = by_key.send("DELETE", f"{PATH}/{job.pk}")
        assert (answer.status_code, answer.content) == (204, b"")
        waiting.refresh_from_db()
        assert (waiting.status, waiting.reason) == ("cancelled", "archived")
        shown = by_key.get(f"{PATH}/{job.pk}").json()
        assert shown["archived_at"] is not None
        assert shown["next_tick_at"] is None

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            *[("POST", f"/{action}", None) for action in ("run", "pause", "resume", "enable", "disable")],
            ("PATCH", "", {"description": "new"}),
            ("PUT", "", JOB),
            ("DELETE", "", None),
        ],
    )
    def test_is_final(self, by_key: ApiClient, job_of: MakeJob, method: str, path: str, body: Any) -> None:
        job = job_of()
        by_key.send("DELETE", f"{PATH}/{job.pk}")
        with untouched():
            answer = by_key.send(method, f"{PATH}/{job.pk}{path}", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_is_archived")


class TestRun:
    def test_queues_an_execution_and_says_where_it_is(
        self, job_of: MakeJob, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        key, text = make_key(Scope.SCHEDULER_RUN, Scope.SCHEDULER_READ)
        job = job_of()
        answer = client_of(text).send("POST", f"{PATH}/{job.pk}/run", **{"X-Request-ID": "request-0001"})
        assert answer.status_code == 202
        run = answer.json()
        assert answer.headers["Location"] == f"/api/v1/executions/{run['id']}"
        assert (run["status"], run["trigger"], run["dry_run"], run["job_id"]) == ("queued", "api", False, job.pk)
        assert (run["requested_by"], run["request_id"]) == (f"key:{key.prefix}", "request-0001")

    def test_replaces_single_parameters_for_this_run(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(parameters={"text": "for ever", "token": "hush-hush"})
        by_key.send("POST", f"{PATH}/{job.pk}/run", {"parameters": {"text": "once"}})
        job.refresh_from_db()
        assert Execution.objects.get().parameters == {"text": "once", "token": job.parameters["token"]}
        assert job.parameters["text"] == "for ever"

    def test_is_refused_while_the_queue_is_full(self, by_key: ApiClient, job_of: MakeJob, settings: Settings) -> None:
        settings.DAYBOOK_QUEUE_LIMIT = 1
        job = job_of(policies={"overlap": "allow"})
        assert by_key.send("POST", f"{PATH}/{job.pk}/run").status_code == 202
        answer = by_key.send("POST", f"{PATH}/{job.pk}/run")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
        assert answer.headers["Retry-After"] == "10"
        assert "try again in 10 s" in answer.json()["error"]["message"]
        assert Execution.objects.count() == 1
        assert QueueRejection.objects.get().count == 1

    def test_judges_the_parameters(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{job.pk}/run", {"parameters": {"text": 7}})
        assert set(fields_of(answer)) == {"parameters.text"}

    @pytest.mark.parametrize(
        ("body", "field"),
        [({"parameters": []}, "parameters"), ({"dry_run": "no"}, "dry_run"), ({"now": True}, "now")],
    )
    def test_says_what_is_wrong_with_the_body(self, by_key: ApiClient, job_of: MakeJob, body: Any, field: str) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{job.pk}/run", body)
        assert set(fields_of(answer)) == {field}

    def test_can_be_a_dry_run_where_the_template_has_one(self, by_key: ApiClient, job_of: MakeJob) -> None:
        assert by_key.send("POST", f"{PATH}/{job_of().pk}/run", {"dry_run": True}).json()["dry_run"] is True
        without = job_of(template="failing")
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{without.pk}/run", {"dry_run": True})
        assert set(fields_of(answer)) == {"dry_run"}

    def test_reaches_paused_and_disabled_jobs_too(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(enabled=False)
        by_key.send("POST", f"{PATH}/{job.pk}/pause")
        assert by_key.send("POST", f"{PATH}/{job.pk}/run").status_code == 202

    def test_says_what_to_set_when_there_is_no_broker(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with override_settings(CELERY_BROKER_URL=""), untouched():
            answer = by_key.send("POST", f"{PATH}/{job.pk}/run")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (501, "not_provisioned")
        assert "set REDIS_URL" in error["message"]

    def test_needs_no_broker_without_celery(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with override_settings(CELERY_BROKER_URL="", SCHEDULER_USE_CELERY=False):
            assert by_key.send("POST", f"{PATH}/{job.pk}/run").status_code == 202
