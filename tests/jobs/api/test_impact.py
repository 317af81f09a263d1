"""`POST /api/v1/jobs/{id}/impact`, and the choice of what to do with what was missed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from jobs import registry
from jobs.models import Job, Tick
from scheduler_project.lib import sql
from tests.cast import ApiClient, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, untouched

pytestmark = pytest.mark.django_db


def impact_of(client: ApiClient, job: Job, body: Any) -> dict[str, Any]:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        answer = client.send("POST", f"/api/v1/jobs/{job.pk}/impact", body)
        transaction.set_rollback(True)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def skipped_while_paused(job: Job) -> None:
    registry.pause(job.pk, actor="user:ana")
    yesterday = (sql.now() - timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
    Job.objects.filter(pk=job.pk).update(paused_at=yesterday - timedelta(days=2))
    for days in (0, 1):
        Tick.objects.create(
            tenant=job.tenant, job=job, due_at=yesterday - timedelta(days=days), outcome="skipped", reason="paused",
            revision=2, epoch=1, decided_at=yesterday,
        )  # fmt: skip


class TestImpact:
    def test_shows_what_an_edit_would_do(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        found = impact_of(by_key, job, {"schedule": {"kind": "cron", "cron": "0 9,18 * * *"}, "note": "Twice a day"})
        assert (found["change"], found["added"]["count"], found["removed"]["count"]) == ("change", 30, 0)
        assert found["after"]["count"] == found["before"]["count"] + 30
        assert found["added"]["first"][0]["local"].endswith("T18:00:00+00:00")
        assert len(found["added"]["first"]) == 10
        assert "30 added" in found["notes"][0]

    def test_shows_what_an_action_would_do(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        skipped_while_paused(job)
        found = impact_of(by_key, job, {"action": "resume"})
        assert found["missed"]["choices"] == {"none": 0, "last": 1, "all": 2}
        assert found["added"]["count"] == 30

    def test_answers_an_invalid_change_as_patch_does(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        for body in ({"schedule": {"kind": "cron", "cron": "x"}}, {"name": ""}, {"nonsense": 1}):
            with untouched():
                answers = [
                    by_key.send("POST", f"/api/v1/jobs/{job.pk}/impact", body),
                    by_key.send("PATCH", f"/api/v1/jobs/{job.pk}", body),
                ]
            assert [answer.status_code for answer in answers] == [400, 400]
            assert answers[0].json()["error"]["fields"] == answers[1].json()["error"]["fields"]

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"action": "explode"}, "action"),
            ({"action": "pause", "until": "2020-01-01T00:00:00Z"}, "until"),
            ({"action": "resume", "until": "2027-01-01T00:00:00Z"}, "until"),
            ({"action": "resume", "name": "x"}, "name"),
            ({"missed": "some"}, "missed"),
        ],
    )
    def test_names_what_is_wrong(self, by_key: ApiClient, job_of: MakeJob, body: Any, path: str) -> None:
        answer = by_key.send("POST", f"/api/v1/jobs/{job_of().pk}/impact", body)
        assert (answer.status_code, set(answer.json()["error"]["fields"])) == (400, {path})

    def test_of_an_archived_job_is_refused(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        assert by_key.send("POST", f"/api/v1/jobs/{job.pk}/impact", {"action": "enable"}).status_code == 409


class TestMissed:
    def test_none_is_the_default(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        skipped_while_paused(job)
        assert by_key.send("POST", f"/api/v1/jobs/{job.pk}/resume").status_code == 200
        assert not job.backfills.exists()

    def test_all_runs_what_was_skipped(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        skipped_while_paused(job)
        answer = by_key.send("POST", f"/api/v1/jobs/{job.pk}/resume", {"missed": "all"})
        assert (answer.status_code, answer.json()["paused"]) == (200, False)
        assert job.backfills.get().runs.count() == 2

    def test_a_late_start_runs_the_last(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        start = (sql.now() - timedelta(days=5)).isoformat()
        body = {"schedule": {"kind": "cron", "cron": "0 9 * * *", "start_at": start}, "missed": "last"}
        assert by_key.send("PATCH", f"/api/v1/jobs/{job.pk}", body).status_code == 200
        assert job.backfills.get().runs.count() == 1

    def test_needs_the_scope_to_run(self, job_of: MakeJob, client_of: ClientOf, make_key: MakeKey) -> None:
        job = job_of()
        skipped_while_paused(job)
        client = client_of(make_key("scheduler:write")[1])
        with untouched():
            answer = client.send("POST", f"/api/v1/jobs/{job.pk}/resume", {"missed": "all"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")
        assert client.send("POST", f"/api/v1/jobs/{job.pk}/resume").status_code == 200

    def test_a_backfill_in_progress_refuses_the_whole_change(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        skipped_while_paused(job)
        by_key.send("POST", f"/api/v1/jobs/{job.pk}/resume", {"missed": "all"})
        registry.pause(job.pk, actor="user:ana")
        Job.objects.filter(pk=job.pk).update(paused_at=sql.now() - timedelta(days=3))
        with untouched():
            answer = by_key.send("POST", f"/api/v1/jobs/{job.pk}/resume", {"missed": "last"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "backfill_is_running")
