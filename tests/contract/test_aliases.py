"""The paths of the founding documents: bodies in their style are taken, and their keys and types are answered."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Tenant
from jobs.models import Execution, Job
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db

ENVELOPE = {"total_count": int, "total_is_estimate": bool, "limit": int, "offset": int, "has_more": bool}
PAGE = {**ENVELOPE, "page": int, "per_page": int}
NULLABLE_TEXT = (str, type(None))
JOB = {
    "id": int,
    "name": str,
    "description": str,
    "tenant": str,
    "template": str,
    "queue": str,
    "tags": list,
    "is_enabled": bool,
    "enabled": bool,
    "job_type_name": str,
    "task_function_name": str,
    "task_args": dict,
    "schedule_config": dict,
    "cron_expression": NULLABLE_TEXT,
    "lastRunTime": NULLABLE_TEXT,
    "nextRunTime": NULLABLE_TEXT,
    "last_status": NULLABLE_TEXT,
    "last_run_at": NULLABLE_TEXT,
    "next_tick_at": NULLABLE_TEXT,
    "revision": int,
}
RUN = {
    "id": int,
    "execution_id": int,
    "job_id": int,
    "job_name": str,
    "status": str,
    "state": str,
    "trigger": str,
    "created_at": str,
    "started_at": NULLABLE_TEXT,
    "finished_at": NULLABLE_TEXT,
    "error": str,
    "attempt": int,
    "user_id": NULLABLE_TEXT,
    "scheduled_for": NULLABLE_TEXT,
}

JOB_PATHS = ("/v1/ui/scheduler/jobs", "/api/v1/schedules", "/api/admin/scheduler-jobs", "/api/v1/scheduler/jobs")
ITEMS = {"/api/v1/scheduler/jobs": "jobs", "/api/v1/scheduler/executions": "executions"}
RUN_PATHS = ("/v1/ui/scheduler/runs", "/api/v1/scheduler/executions")
WORDS = {"/v1/ui/scheduler/runs": ("success", "failure"), "/api/v1/scheduler/executions": ("success", "failed")}


def assert_shape(value: Any, shape: dict[str, Any]) -> None:
    assert set(shape) <= set(value), set(shape) - set(value)
    for name, kind in shape.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        assert type(value[name]) in kinds, (name, value[name])


def answered(response: Any, status: int) -> Any:
    assert response.status_code == status, response.content
    return response.json() if response.content else None


BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "the default jobs of the migration plan",
        {
            "name": "Token Cleanup (Daily)",
            "description": "Clean up expired authentication tokens and sessions daily",
            "task_function_name": "echo",
            "job_type_name": "interval",
            "schedule_config": {"hours": 24, "minutes": 0, "seconds": 0},
            "task_args": {"text": "seven"},
            "is_enabled": True,
        },
        {"kind": "interval", "every_seconds": 86_400},
    ),
    (
        "a cron text",
        {"name": "Nightly", "template": "echo", "cron_expression": "0 2 * * *", "timezone": "Europe/Berlin"},
        {"kind": "cron", "cron": "0 2 * * *", "timezone": "Europe/Berlin"},
    ),
    (
        "camel case",
        {
            "name": "Camel",
            "taskType": "echo",
            "cronExpression": "*/5 * * * *",
            "payload": {"text": "hi"},
            "isEnabled": False,
            "maxRetries": 5,
            "timeoutSeconds": 60,
            "priority": "HIGH",
        },
        {"kind": "cron", "cron": "*/5 * * * *"},
    ),
    (
        "the schedule as one text",
        {"name": "Text", "template": "echo", "schedule": "15 3 * * *"},
        {"kind": "cron", "cron": "15 3 * * *"},
    ),
    (
        "cron in parts",
        {
            "name": "Parts",
            "template": "echo",
            "job_type_name": "cron",
            "schedule_config": {"hour": 4, "day_of_week": "mon-fri"},
        },
        {"kind": "cron", "cron": "0 4 * * mon-fri"},
    ),
    (
        "a single run",
        {
            "name": "Once",
            "template": "echo",
            "job_type_name": "date",
            "schedule_config": {"run_date": "2099-01-01T00:00:00Z"},
        },
        {"kind": "once"},
    ),
    ("by hand", {"name": "Hand", "template": "echo", "job_type_name": "manual"}, {"kind": "manual"}),
    (
        "the canonical form",
        {"name": "Canonical", "template": "echo", "schedule": {"kind": "interval", "every_seconds": 120}},
        {"kind": "interval", "every_seconds": 120},
    ),
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"schedule_config": {"hours": 0}}, "schedule_config"),
    ({"schedule_config": {"hours": "one"}}, "schedule_config.hours"),
    ({"schedule_config": [1]}, "schedule_config"),
    ({"schedule_config": {"hours": 1, "fortnights": 2}}, "schedule_config.fortnights"),
    ({"job_type_name": "solar", "schedule_config": {}}, "job_type_name"),
    ({"job_type_name": "cron", "schedule_config": {"day_of_week": "0-4"}}, "schedule_config.day_of_week"),
    ({"task_args": {}, "payload": {}}, "payload"),
    ({"cron_expression": "never"}, "schedule.cron"),
    ({"is_enabled": "yes"}, "enabled"),
    ({"colour": "red", "cron_expression": "0 2 * * *"}, "colour"),
]


class TestJobs:
    @pytest.mark.parametrize("path", JOB_PATHS)
    def test_are_created_read_changed_run_and_archived(self, path: str, by_key: ApiClient) -> None:
        for number, (what, body, schedule) in enumerate(BODIES):
            made = answered(by_key.send("POST", path, body), 201)
            assert_shape(made, JOB)
            job = Job.objects.get(pk=made["id"])
            assert {**job.spec, **schedule} == job.spec, (what, job.spec)
            assert made["is_enabled"] is body.get("is_enabled", body.get("isEnabled", True)), what
            assert made["task_args"].get("text") == {0: "seven", 2: "hi"}.get(number, "hello"), what
        camel = Job.objects.get(name="Camel")
        assert (camel.policies.max_retries, camel.policies.timeout_seconds, camel.priority) == (5, 60, 3)

        listed = answered(by_key.get(f"{path}/?per_page=3&page=2"), 200)
        rows = listed[ITEMS.get(path, "results")]
        assert_shape(listed, PAGE if path in ITEMS else ENVELOPE)
        assert (listed["total_count"], listed["limit"], listed["offset"], len(rows)) == (len(BODIES), 3, 3, 3)
        assert (listed["has_more"], "results" in listed) == (True, path not in ITEMS)
        for row in rows:
            assert_shape(row, JOB)

        one = f"{path}/{camel.pk}"
        change = {
            "description": "other",
            "is_enabled": True,
            "schedule_config": {"hours": 1, "minutes": 0, "seconds": 30},
        }
        changed = answered(by_key.send("PUT", one, change), 200)
        assert_shape(changed, JOB)
        assert changed["schedule_config"] == {"hours": 1, "minutes": 0, "seconds": 30}
        assert (changed["is_enabled"], changed["policies"]["max_retries"], changed["nextRunTime"] is None) == (
            True,
            5,
            False,
        )
        assert answered(by_key.send("PUT", one, {"is_enabled": False}), 200)["is_enabled"] is False
        assert answered(by_key.get(one), 200)["description"] == "other"

        run = answered(by_key.send("POST", f"{one}/run", {"task_args": {"text": "now"}, "user_id": 42}), 202)
        assert_shape(run, RUN)
        assert (run["state"], run["user_id"], run["job_id"]) == ("queued", "42", camel.pk)
        assert Execution.objects.get(pk=run["id"]).parameters["text"] == "now"
        assert by_key.delete(one).status_code == 204
        assert Job.objects.get(pk=camel.pk).archived_at is not None

    @pytest.mark.parametrize("path", JOB_PATHS)
    def test_tell_what_is_wrong_in_the_one_form(self, path: str, by_key: ApiClient) -> None:
        for wrong, where in REFUSED:
            error = answered(by_key.send("POST", path, {"name": "Wrong", "template": "echo", **wrong}), 400)["error"]
            assert (error["code"], where in error["fields"]) == ("invalid", True), (wrong, error)
        assert not Job.objects.exists()

    @pytest.mark.parametrize("path", JOB_PATHS)
    def test_keep_tenants_apart_and_ask_for_the_same_scopes(
        self, path: str, job_of: MakeJob, globex: Tenant, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        job = job_of(globex)
        key = client_of(make_key()[1])
        canonical = f"/api/v1/jobs/{job.pk}"
        for method, end, body in (
            ("GET", "", None),
            ("PUT", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/run", {}),
        ):
            refusal = answered(key.send(method, f"{path}/{job.pk}{end}", body), 403)["error"]
            same = answered(key.send(method.replace("PUT", "PATCH"), f"{canonical}{end}", body), 403)["error"]
            assert (refusal["code"], refusal["message"]) == (same["code"], same["message"])
        reader = client_of(make_key("scheduler:read")[1])
        refusal = answered(reader.send("POST", path, {"name": "x"}), 403)["error"]
        assert (
            refusal["message"] == answered(reader.send("POST", "/api/v1/jobs", {"name": "x"}), 403)["error"]["message"]
        )
        assert answered(key.get(path), 200)["total_count"] == 0
        assert answered(key.get(f"{path}/999999"), 404)["error"]["code"] == "not_found"

    def test_happen_once_per_idempotency_key(self, by_key: ApiClient) -> None:
        body = {"name": "Once", "template": "echo", "job_type_name": "interval", "schedule_config": {"hours": 1}}
        first, second = (
            by_key.send("POST", "/v1/ui/scheduler/jobs", body, **{"Idempotency-Key": "k1"}) for _ in range(2)
        )
        assert second.headers["Idempotent-Replayed"] == "true"
        assert (first.json(), Job.objects.count()) == (second.json(), 1)

    def test_are_named_in_the_body_or_the_query_of_the_collection(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job, path = job_of(), "/v1/ui/scheduler/jobs"
        assert answered(by_key.send("PUT", path, {"id": job.pk, "name": "Other"}), 200)["name"] == "Other"
        assert "id" in answered(by_key.send("PUT", path, {"name": "Other"}), 400)["error"]["fields"]
        assert "id" in answered(by_key.delete(path), 400)["error"]["fields"]
        assert by_key.delete(f"{path}?id={job.pk}").status_code == 204

    def test_change_both_the_definition_and_the_switch_or_neither(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        wrong = {"is_enabled": False, "cron_expression": "never"}
        answered(by_key.send("PUT", f"/api/admin/scheduler-jobs/{job.pk}", wrong), 400)
        answered(by_key.send("PUT", f"/api/admin/scheduler-jobs/{job.pk}", {"name": "New", "is_enabled": 1}), 400)
        job.refresh_from_db()
        assert (job.is_enabled, job.revision) == (True, 1)

    @pytest.mark.parametrize("path", JOB_PATHS)
    def test_heed_the_condition_of_a_change_once(self, path: str, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(description="old")
        url = f"{path}/{job.pk}"
        both = {"description": "new", "is_enabled": False}
        read = by_key.get(url).headers["ETag"]
        changed = by_key.send("PATCH", url, both, **{"If-Match": read})
        assert (answered(changed, 200)["is_enabled"], changed.json()["description"]) == (False, "new")
        for body in (both, {"is_enabled": False}, {"is_enabled": True}, {"name": "Other"}):
            for method in ("PATCH", "PUT"):
                answered(by_key.send(method, url, body, **{"If-Match": read}), 412)
        job.refresh_from_db()
        assert (job.is_enabled, job.name) == (False, changed.json()["name"])
        answered(by_key.send("PATCH", url, {"is_enabled": True}, **{"If-Match": changed.headers["ETag"]}), 200)

    def test_need_the_token_of_the_page_in_a_session(self, cast: Cast) -> None:
        client = ApiClient(enforce_csrf_checks=True)
        client.force_login(cast.ana)
        body = {"name": "x", "template": "echo", "job_type_name": "manual"}
        for path in JOB_PATHS:
            assert answered(client.send("POST", path, body), 403)["error"]["message"].startswith("CSRF")


class TestRuns:
    @pytest.mark.parametrize("path", RUN_PATHS)
    def test_are_listed_in_the_familys_words(
        self, path: str, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, globex: Tenant
    ) -> None:
        job, success, failure = job_of(), *WORDS[path]
        done, broken = run_of(job, "succeeded"), run_of(job, "failed")
        run_of(job_of(globex), "succeeded")
        listed = answered(by_key.get(f"{path}?per_page=5"), 200)
        assert_shape(listed, PAGE if path in ITEMS else ENVELOPE)
        rows = listed[ITEMS.get(path, "results")]
        assert [(row["id"], row["status"]) for row in rows] == [(broken.pk, failure), (done.pk, success)]
        for row in rows:
            assert_shape(row, RUN)
        for word, found in ((success, [done.pk]), (failure, [broken.pk]), ("failed", [broken.pk]), ("dead", [])):
            rows = answered(by_key.get(f"{path}?status={word}&job_id={job.pk}"), 200)[ITEMS.get(path, "results")]
            assert [row["id"] for row in rows] == found, word
        assert "status" in answered(by_key.get(f"{path}?status=great"), 400)["error"]["fields"]

    def test_of_a_job_and_each_of_them_have_paths(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        job = job_of()
        run = run_of(job, "succeeded")
        listed = answered(by_key.get(f"/api/admin/scheduler-jobs/{job.pk}/executions?status=success"), 200)
        assert_shape(listed, ENVELOPE)
        assert_shape(listed["results"][0], RUN)
        for path in ("/api/admin/job-executions", "/api/v1/scheduler/executions"):
            one = answered(by_key.get(f"{path}/{run.pk}"), 200)
            assert_shape(one, {**RUN, "result": dict, "attempts": list})
            assert (one["status"], one["state"]) == ("success", "succeeded")


class TestRuntime:
    def test_shows_each_switch_with_its_value_and_source(self, by_key: ApiClient) -> None:
        config = answered(by_key.get("/v1/runtime/config/"), 200)
        assert config["notifications"] == {"enabled": True}
        assert config["scheduler"] == {"enabled": True, "use_celery": True}
        shape = {"name": str, "value": bool, "source": str, "variable": str, "description": str}
        for flag in config["flags"]:
            assert_shape(flag, shape)
        names = ["notifications.enabled", "scheduler.enabled", "scheduler.use_celery"]
        assert [flag["name"] for flag in config["flags"]] == names
        sections = answered(by_key.get("/v1/ui/settings/sections"), 200)["sections"]
        assert [section["id"] for section in sections] == ["scheduler", "notifications"]
        for setting in (setting for section in sections for setting in section["settings"]):
            assert_shape(setting, {**shape, "label": str, "type": str, "read_only": bool})
            assert setting["read_only"] is True

    def test_is_read_only(self, by_key: ApiClient) -> None:
        for path in ("/v1/runtime/config", "/v1/ui/settings/sections"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert answered(by_key.send(method, path, {}), 405)["error"]["code"] == "method_not_allowed"


class TestPathsOutsideTheApi:
    def test_have_its_errors(self, client_of: ClientOf) -> None:
        nobody = client_of(None)
        assert answered(nobody.get("/v1/nothing"), 404)["error"]["code"] == "not_found"
        refused = nobody.get("/v1/ui/scheduler/jobs")
        assert answered(refused, 401)["error"]["code"] == "not_authenticated"
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert refused.headers["X-Request-ID"] == refused.json()["error"]["request_id"]


class TestTasks:
    TASK = {"id": int, "template": str, "payload": dict, "status": str, "task_status": str, "priority": str}

    def test_are_submitted_read_and_cancelled_in_the_words_of_a_task_queue(self, by_key: ApiClient) -> None:
        body = {
            "taskType": "echo",
            "payload": {"text": "hi"},
            "priority": "HIGH",
            "maxRetries": 2,
            "timeoutSeconds": 30,
            "scheduledAt": "2026-12-01T00:00:00Z",
            "userId": "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        }
        task = answered(by_key.send("POST", "/api/v1/tasks", body), 202)
        assert_shape(task, {**self.TASK, "scheduled_at": str, "max_retries": int, "timeout_seconds": int})
        assert (task["template"], task["payload"], task["priority"], task["max_retries"]) == (
            "echo",
            {"text": "hi"},
            "high",
            2,
        )
        assert (task["status"], task["task_status"]) == ("queued", "QUEUED")
        assert task["user_id"] == "6f9619ff-8b86-d011-b42d-00c04fc964ff"
        cancelled = answered(by_key.delete(f"/api/v1/tasks/{task['id']}"), 202)
        assert cancelled["task_status"] == "CANCELLED"
        for word, count in (
            ("QUEUED", 0),
            ("CANCELLED", 1),
            ("cancelled", 1),
            ("COMPLETED,CANCELLED", 1),
            ("PROCESSING", 0),
        ):
            assert answered(by_key.get(f"/api/v1/tasks?status={word}"), 200)["total_count"] == count, word
        assert "status" in answered(by_key.get("/api/v1/tasks?status=GREAT"), 400)["error"]["fields"]

    def test_are_refused_by_the_names_that_were_written(self, by_key: ApiClient) -> None:
        twice = answered(by_key.send("POST", "/api/v1/tasks", {"template": "echo", "type": "echo"}), 400)["error"]
        assert "type" in twice["fields"]
        assert (
            "colour"
            in answered(by_key.send("POST", "/api/v1/tasks", {"template": "echo", "colour": 1}), 400)["error"]["fields"]
        )


def test_health_answers_where_others_look_for_it(client_of: ClientOf) -> None:
    for path in ("/api/v1/health", "/v1/health", "/actuator/health"):
        answer = client_of(None).get(path)
        assert answer.status_code in (200, 503)
        assert_shape(answer.json(), {"status": str})


NOTIFICATION = {
    "id": int,
    "tenant_id": int,
    "user_id": (int, type(None)),
    "type": str,
    "title": str,
    "body": str,
    "severity": str,
    "created_at": str,
    "read_at": NULLABLE_TEXT,
    "ttl_at": str,
    "meta": dict,
}


class TestNotifications:
    PATH = "/v1/ui/notifications"

    def test_are_created_listed_read_and_cleared(self, cast: Cast, client_of: ClientOf) -> None:
        ana = client_of(cast.ana)
        body = {"type": "backup", "title": "Done", "body": "12 GB", "severity": "success", "meta": {"size": 12}}
        told = {**body, "tenant_id": cast.acme.pk, "user_id": cast.ana.pk, "ttl_at": "2099-01-01T00:00:00Z"}
        assert "ttl_at" in answered(ana.send("POST", self.PATH, told), 400)["error"]["fields"]
        made = answered(ana.send("POST", self.PATH, {**told, "ttl_at": None}), 201)
        assert_shape(made, NOTIFICATION)
        assert {name: made[name] for name in body} == body
        everybody = answered(ana.send("POST", f"{self.PATH}/", {**body, "tenant_id": None, "user_id": None}), 201)
        assert (everybody["tenant_id"], everybody["user_id"]) == (cast.acme.pk, None)
        page = answered(ana.get(f"{self.PATH}?limit=1&severity=success&unread=true"), 200)
        assert_shape(page, ENVELOPE)
        assert ([row["id"] for row in page["results"]], page["has_more"]) == ([everybody["id"]], True)
        assert_shape(page["results"][0], NOTIFICATION)
        read = answered(ana.send("POST", f"{self.PATH}/{made['id']}/read"), 200)
        assert_shape(read, NOTIFICATION)
        assert read["read_at"] is not None
        assert answered(ana.send("DELETE", f"{self.PATH}/clear?type=backup"), 200) == {"count": 1}
        left = answered(ana.get(f"{self.PATH}?page=1&per_page=5"), 200)["results"]
        assert [row["id"] for row in left] == [everybody["id"]]

    def test_are_for_tenants_of_the_caller(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        gita, key = client_of(cast.gita), client_of(make_key(tenant=cast.globex)[1])
        for client in (gita, key):
            for tenant_id in (cast.acme.pk, 987_654):
                refused = answered(client.send("POST", self.PATH, {"title": "x", "tenant_id": tenant_id}), 403)
                assert refused["error"]["code"] == "other_tenant"
            assert answered(client.send("POST", self.PATH, {"title": "x", "tenant_id": "1"}), 400)
        everybody = answered(client_of(cast.ana).send("POST", self.PATH, {"title": "x"}), 201)["id"]
        assert answered(gita.send("POST", f"{self.PATH}/{everybody}/read"), 403)["error"]["code"] == "other_tenant"
        assert answered(gita.send("POST", f"{self.PATH}/987654/read"), 404)["error"]["code"] == "not_found"
        assert answered(client_of(cast.vera).send("POST", self.PATH, {"title": "x"}), 403)
        assert answered(gita.get(self.PATH), 200)["results"] == []
