"""Backfills over the API: the plan, the start, the progress, the end."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import registry
from jobs.models import Backfill, Execution, Job
from jobs.recovery import backfills
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, backfill_of, untouched

pytestmark = pytest.mark.django_db

WINDOW = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-03T12:00:00Z"}


def path(job: Job) -> str:
    return f"/api/v1/jobs/{job.pk}/backfills"


def start(client: ApiClient, job: Job, **changes: Any) -> Any:
    return client.send("POST", path(job), {**WINDOW, **changes})


class TestPlanOnly:
    def test_refuses_the_first_year_there_is(self, by_key: ApiClient, job_of: MakeJob) -> None:
        answer = start(by_key, job_of(), since="0001-01-01T00:00:00Z", plan_only=True)
        assert answer.json()["error"]["fields"] == {"since": ["Lies before 1900; write a later instant."]}

    def test_says_what_would_run_and_starts_nothing(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        with untouched():
            answer = start(by_key, job, plan_only=True)
        assert answer.status_code == 200
        plan = answer.json()
        assert (plan["total"], plan["revision"], plan["since"], plan["until"]) == (3, 1, *WINDOW.values())
        assert plan["runs"][0] == {
            "due_at": "2026-01-01T09:00:00Z",
            "outcome": "unrecorded",
            "reason": "",
            "execution_id": None,
            "backfilled_by": None,
        }

    def test_is_what_starts(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        planned = [run["due_at"] for run in start(by_key, job, plan_only=True).json()["runs"]]
        start(by_key, job)
        stored = [run.due_at.isoformat().replace("+00:00", "Z") for run in Backfill.objects.get().runs.all()]
        assert stored == planned


class TestStart:
    def test_answers_with_the_backfill(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        answer = start(by_key, job, at_once=2, note="again", only=["unrecorded"])
        assert answer.status_code == 201, answer.content
        made = answer.json()
        assert answer.headers["Location"] == f"/api/v1/backfills/{made['id']}"
        assert (made["job_id"], made["job_name"], made["tenant"]) == (job.pk, job.name, "acme")
        assert (made["at_once"], made["note"], made["status"], made["dry_run"]) == (2, "again", "running", False)
        assert made["requested_by"].startswith("key:")
        assert made["request_id"] == answer.headers["X-Request-ID"]
        assert made["progress"] == {
            **dict.fromkeys(("queued", "running", "succeeded", "failed", "cancelled"), 0),
            "total": 3,
            "left": 3,
        }

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *[("since", value) for value in (None, 7, "yesterday", "2026-01-01T00:00:00", "")],
            *[("until", value) for value in ("2999-01-01T00:00:00Z", "2025-12-31T23:59:59Z", [])],
            *[("at_once", value) for value in (0, 101, "1", 1.5, True, None)],
            *[("only", value) for value in ("missed", ["lost"], [7], {}, None, [[]])],
            *[("dry_run", value) for value in ("yes", 1, None)],
            *[("plan_only", value) for value in ("yes", 1, None)],
            *[("note", value) for value in (7, "x" * 501, None)],
            ("newest", 1),
        ],
    )
    def test_names_what_is_wrong(self, by_key: ApiClient, job_of: MakeJob, field: str, value: Any) -> None:
        job = job_of()
        with untouched():
            answer = start(by_key, job, **{field: value})
        assert answer.status_code == 400, answer.content
        fields = answer.json()["error"]["fields"]
        assert all(name == field or name.startswith((f"{field}[", f"{field}.")) for name in fields), fields

    def test_needs_a_window(self, by_key: ApiClient, job_of: MakeJob) -> None:
        answer = by_key.send("POST", path(job_of()), {})
        assert set(answer.json()["error"]["fields"]) == {"since", "until"}

    def test_says_how_to_narrow_what_is_too_much(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "* * * * *"})
        answer = start(by_key, job)
        assert answer.status_code == 400
        assert "not after 2026-01-01T16:39:00Z" in answer.json()["error"]["fields"]["until"][0]

    def test_conflicts_with_one_that_runs(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        running = backfill_of(job)
        with untouched():
            answer = start(by_key, job)
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "backfill_is_running"
        assert f"Backfill {running.pk}" in answer.json()["error"]["message"]

    def test_refuses_an_archived_job(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        for plan_only in (True, False):
            answer = start(by_key, job, plan_only=plan_only)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_is_archived")

    def test_refuses_a_dry_run_that_there_is_none_of(self, by_key: ApiClient, job_of: MakeJob) -> None:
        answer = start(by_key, job_of(template="failing"), dry_run=True)
        assert set(answer.json()["error"]["fields"]) == {"dry_run"}


class TestReading:
    def test_shows_how_far_it_is(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        made = start(by_key, job).json()
        backfills.sweep()
        Execution.objects.update(status="succeeded", finished_at="2026-05-01T00:00:00Z")
        backfills.sweep()
        shown = by_key.get(f"/api/v1/backfills/{made['id']}").json()["progress"]
        assert (shown["total"], shown["succeeded"], shown["queued"], shown["left"]) == (3, 1, 1, 1)
        assert by_key.get(path(job)).json()["results"][0]["progress"] == shown

    def test_lists_the_newest_of_the_job_first(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job, other = job_of(), job_of()
        first = start(by_key, job).json()
        by_key.send("POST", f"/api/v1/backfills/{first['id']}/cancel")
        second = start(by_key, job).json()
        start(by_key, other)
        page = by_key.get(path(job)).json()
        assert [row["id"] for row in page["results"]] == [second["id"], first["id"]]
        assert page["total_count"] == 2


class TestCancel:
    def test_ends_it(self, by_key: ApiClient, job_of: MakeJob) -> None:
        made = start(by_key, job_of()).json()
        backfills.sweep()
        answer = by_key.send("POST", f"/api/v1/backfills/{made['id']}/cancel")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["progress"]["cancelled"]) == ("cancelled", 1)
        again = by_key.send("POST", f"/api/v1/backfills/{made['id']}/cancel")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "backfill_has_ended")

    def test_takes_no_body(self, by_key: ApiClient, job_of: MakeJob) -> None:
        made = start(by_key, job_of()).json()
        assert by_key.send("POST", f"/api/v1/backfills/{made['id']}/cancel", {"force": True}).status_code == 400


class TestOtherTenants:
    @pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/cancel")])
    def test_are_kept_out(
        self, cast: Cast, job_of: MakeJob, client_of: ClientOf, make_key: MakeKey, method: str, tail: str
    ) -> None:
        backfill = backfill_of(job_of())
        for caller in (cast.gita, make_key(tenant=cast.globex)[1]):
            with untouched():
                answer = client_of(caller).send(method, f"/api/v1/backfills/{backfill.pk}{tail}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_tenant")
        answer = client_of(cast.ana).send(method, f"/api/v1/backfills/{10**17}{tail}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
