"""Tasks: runs of a template without a job, from the submission to the end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from accounts.models import Membership
from accounts.scopes import Role
from jobs import executions, sealed
from jobs.execution import executor
from jobs.models import Execution, QueueRejection
from jobs.rules.states import PRIORITIES
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/tasks"
TASK: dict[str, Any] = {"template": "echo", "payload": {"text": "hi"}}


def submit(client: ApiClient, **changes: Any) -> Any:
    answer = client.send("POST", PATH, {**TASK, **changes})
    assert answer.status_code == 202, answer.content
    return answer.json()


class TestCreate:
    def test_queues_a_run(self, by_key: ApiClient, cast: Cast) -> None:
        answer = by_key.send("POST", PATH, TASK)
        task = answer.json()
        assert (answer.status_code, answer.headers["Location"]) == (202, f"{PATH}/{task['id']}")
        shown = {name: task[name] for name in ("tenant", "template", "status", "payload", "priority", "queue")}
        assert shown == {
            "tenant": "acme", "template": "echo", "status": "queued", "payload": {"text": "hi"}, "priority": "normal",
            "queue": "default",
        }  # fmt: skip
        assert (task["timeout_seconds"], task["soft_timeout_seconds"], task["max_retries"]) == (3600, None, 3)
        row = Execution.objects.get()
        assert (row.pk, row.job_id, row.tenant, row.requested_by) == (task["id"], None, cast.acme, task["requested_by"])

    def test_takes_every_wish(self, by_key: ApiClient) -> None:
        at = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
        wishes = {
            "template_version": 1, "priority": "critical", "queue": "heavy", "timeout_seconds": 60,
            "soft_timeout_seconds": 50, "max_retries": 0,
        }  # fmt: skip
        task = submit(by_key, scheduled_at=at.isoformat(), **wishes)
        assert {name: task[name] for name in wishes} == wishes
        assert task["scheduled_at"] == task["available_at"] == at.isoformat().replace("+00:00", "Z")
        assert (task["max_attempts"], Execution.objects.get().priority) == (1, PRIORITIES["critical"])

    def test_fills_in_defaults_and_hides_secrets(self, by_key: ApiClient) -> None:
        task = submit(by_key, payload={"token": "hush-hush"})
        assert task["payload"] == {"text": "hello"}
        assert sealed.parameters_of(Execution.objects.get()) == {"text": "hello", "token": "hush-hush"}
        assert b"hush" not in by_key.get(f"{PATH}/{task['id']}").content + by_key.get(PATH).content

    @pytest.mark.parametrize(
        ("changes", "paths"),
        [
            ({"template": "gone"}, {"template"}),
            ({"template_version": 7}, {"template_version"}),
            ({"payload": {"text": 7, "other": 1}}, {"payload.text", "payload.other"}),
            ({"payload": {"text": "x" * 101}}, {"payload.text"}),
            ({"payload": []}, {"payload"}),
            ({"payload": {"text": "x" * 70_000}}, {"payload"}),
            ({"payload": {"text": json.loads("[" * 25 + "]" * 25)}}, {"payload"}),
            ({"payload": {f"n{n}": n for n in range(2_001)}}, {"payload"}),
            ({"priority": "urgent"}, {"priority"}),
            ({"priority": 3}, {"priority"}),
            ({"queue": "a b"}, {"queue"}),
            ({"scheduled_at": "tomorrow"}, {"scheduled_at"}),
            ({"scheduled_at": "2026-01-01T00:00:00"}, {"scheduled_at"}),
            ({"scheduled_at": "2199-01-01T00:00:00Z"}, {"scheduled_at"}),
            ({"timeout_seconds": 0}, {"timeout_seconds"}),
            ({"timeout_seconds": 10**9}, {"timeout_seconds"}),
            ({"timeout_seconds": "60"}, {"timeout_seconds"}),
            ({"timeout_seconds": 60, "soft_timeout_seconds": 60}, {"soft_timeout_seconds"}),
            ({"max_retries": -1}, {"max_retries"}),
            ({"max_retries": 101}, {"max_retries"}),
            ({"max_retries": True}, {"max_retries"}),
            ({"job": 1}, {"job"}),
            ({"policies": {"requires_approval": False}}, {"policies"}),
            ({"template": None}, {"template"}),
        ],
        ids=lambda value: repr(sorted(value) if isinstance(value, set) else value)[:80],
    )
    def test_names_what_is_wrong_by_its_path(self, by_key: ApiClient, changes: Any, paths: set[str]) -> None:
        with untouched():
            answer = by_key.send("POST", PATH, {**TASK, **changes})
        assert answer.status_code == 400, answer.content
        assert set(answer.json()["error"]["fields"]) == paths

    @pytest.mark.parametrize("body", [None, [], "x", 7, {}])
    def test_refuses_what_is_no_task(self, by_key: ApiClient, body: Any) -> None:
        with untouched():
            assert by_key.send("POST", PATH, body).status_code == 400

    def test_is_judged_for_its_tenant(self, by_key: ApiClient) -> None:
        with untouched():
            answer = by_key.send("POST", PATH, {"template": "celery_task", "payload": {"task": "shop.tasks.ship"}})
        assert answer.status_code == 400
        assert all(path.startswith("payload") for path in answer.json()["error"]["fields"])

    def test_goes_to_the_tenant_that_is_named(self, cast: Cast, client_of: ClientOf) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.AUTHOR)
        ana = client_of(cast.ana)
        assert set(ana.send("POST", PATH, TASK).json()["error"]["fields"]) == {"tenant"}
        assert submit(ana, tenant="globex")["tenant"] == "globex"
        assert ana.send("POST", PATH, TASK, **{"X-Tenant": "acme"}).json()["tenant"] == "acme"

    @pytest.mark.parametrize("named", ["globex", "nowhere"])
    def test_to_another_tenant_is_refused(self, by_key: ApiClient, named: str) -> None:
        with untouched():
            answer = by_key.send("POST", PATH, {**TASK, "tenant": named})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_tenant")

    def test_is_not_open_to_operators(self, cast: Cast, client_of: ClientOf) -> None:
        """They run the jobs that others have written, not whatever template they like."""
        answer = client_of(cast.olaf).send("POST", PATH, TASK)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")

    def test_may_be_a_dry_run(self, by_key: ApiClient) -> None:
        assert submit(by_key, dry_run=True)["dry_run"] is True
        with untouched():
            answer = by_key.send("POST", PATH, {"template": "failing", "dry_run": True})
        assert (answer.status_code, set(answer.json()["error"]["fields"])) == (400, {"dry_run"})

    def test_says_what_to_set_when_there_is_no_broker(self, by_key: ApiClient) -> None:
        with override_settings(CELERY_BROKER_URL=""), untouched():
            answer = by_key.send("POST", PATH, TASK)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_provisioned")

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k1"}], ids=["plain", "with a key"])
    def test_is_refused_and_counted_when_the_queue_is_full(self, by_key: ApiClient, headers: dict[str, str]) -> None:
        submit(by_key)
        with override_settings(DAYBOOK_QUEUE_LIMIT=1), untouched():
            answer = by_key.send("POST", PATH, TASK, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "queue_full")
        assert int(answer.headers["Retry-After"]) > 0
        assert QueueRejection.objects.get().count == 1
        assert by_key.send("POST", PATH, TASK, **headers).status_code == 202

    def test_happens_once_per_idempotency_key(self, by_key: ApiClient) -> None:
        answers = [by_key.send("POST", PATH, TASK, **{"Idempotency-Key": "k1"}) for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert Execution.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestLife:
    def test_ends_with_a_result(self, by_key: ApiClient) -> None:
        task = submit(by_key)
        executor.execute(task["id"], worker="w")
        shown = by_key.get(f"{PATH}/{task['id']}").json()
        assert (shown["status"], shown["result"]) == ("succeeded", {"text": "hi", "attempt": 1})
        assert [attempt["outcome"] for attempt in shown["attempts"]] == ["succeeded"]


class TestList:
    def test_has_runs_without_a_job_only(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, cast: Cast, client_of: ClientOf
    ) -> None:
        first, second = submit(by_key), submit(by_key, priority="low")
        run_of(job_of())
        submit(client_of(cast.gita))
        assert [task["id"] for task in by_key.get(PATH).json()["results"]] == [second["id"], first["id"]]
        found = by_key.get(f"{PATH}?priority=low&status=queued&template=echo").json()["results"]
        assert [task["id"] for task in found] == [second["id"]]

    def test_stand_among_the_executions_as_well(self, by_key: ApiClient) -> None:
        task = submit(by_key)
        shown = by_key.get("/api/v1/executions").json()["results"][0]
        assert (shown["id"], shown["job_id"], shown["job_name"]) == (task["id"], None, None)
        for path in ("", "/log", "/explain"):
            assert by_key.get(f"/api/v1/executions/{task['id']}{path}").status_code == 200


class TestCancel:
    def test_ends_what_is_queued(self, by_key: ApiClient) -> None:
        task = submit(by_key)
        answer = by_key.send("DELETE", f"{PATH}/{task['id']}")
        assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (202, "cancelled", "cancelled")
        again = by_key.send("DELETE", f"{PATH}/{task['id']}")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "already_finished")

    def test_asks_what_runs_to_end_and_shows_when_it_was_heard(self, by_key: ApiClient) -> None:
        task = submit(by_key)
        claim = executions.claim(task["id"], worker="w", lease=timedelta(seconds=60))
        assert claim is not None
        shown = by_key.send("DELETE", f"{PATH}/{task['id']}").json()
        assert (shown["status"], shown["cancel_seen_at"], shown["finished_at"]) == ("running", None, None)
        assert shown["cancel_requested_by"] == task["requested_by"]
        executions.confirm_cancel(claim)
        shown = by_key.get(f"{PATH}/{task['id']}").json()
        assert shown["cancel_seen_at"] > shown["cancel_requested_at"]


class TestAccess:
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_to_another_tenants_task_is_refused(
        self, by_key: ApiClient, cast: Cast, client_of: ClientOf, make_key: MakeKey, method: str
    ) -> None:
        path = f"{PATH}/{submit(by_key)['id']}"
        callers: list[User | str] = [cast.gita, make_key(tenant=cast.globex)[1]]
        for caller in callers:
            with untouched():
                answer = client_of(caller).send(method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_tenant")

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_to_the_run_of_a_job_is_not_had_here(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, method: str
    ) -> None:
        run = run_of(job_of())
        with untouched():
            assert by_key.send(method, f"{PATH}/{run.pk}").status_code == 404
