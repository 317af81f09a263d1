"""Reconciling when somebody asks for it: what is wrong is mended once, and told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from jobs import beat_sync, ledger
from jobs.models import Execution, LedgerViolation, Tick
from scheduler_project.lib import sql, transactions
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = "/api/v1/scheduler/reconcile"


def test_a_job_that_is_fine_is_left_alone_however_often(job_of: MakeJob, by_key: ApiClient) -> None:
    job = job_of()
    for _ in range(2):
        report = by_key.send("POST", reverse("job-reconcile", args=[job.pk]), {})
        assert report.status_code == 200, report.content
        assert report.json() == {
            "jobs": 1,
            "rows_mended": 0,
            "rows_refused": [],
            "violations": 0,
            "finds": [],
            "next_after": None,
        }


def test_the_row_that_somebody_changed_is_brought_in_line(job_of: MakeJob, by_key: ApiClient) -> None:
    job, other = job_of(), job_of()
    for each in (job, other):
        each.refresh_from_db()
        PeriodicTask.objects.filter(pk=each.periodic_task_id).update(name=f"Somebody's {each.pk}", enabled=True)
    path = reverse("job-reconcile", args=[job.pk])
    assert [by_key.send("POST", path, {}).json()["rows_mended"] for _ in range(2)] == [1, 0]
    left = beat_sync.find_changed(after=0, limit=10, adopt=False)
    assert [drift.job_id for drift in left] == [other.pk]


def test_all_jobs_are_for_superusers_only(job_of: MakeJob, by_key: ApiClient, cast: Cast, client_of: ClientOf) -> None:
    for _ in range(3):
        job_of()
    job_of(cast.globex)
    for client in (by_key, client_of(cast.ana)):
        refused = client.send("POST", SYSTEM, {})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "superuser_only")
    report = client_of(cast.root).send("POST", SYSTEM, {}).json()
    assert (report["jobs"], report["violations"], report["next_after"]) == (4, 0, None)


def test_what_nobody_recorded_is_recorded_once_and_told(
    job_of: MakeJob, by_key: ApiClient, cast: Cast, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = sql.now()
    with monkeypatch.context() as then:
        then.setattr(sql, "now", lambda: now - timedelta(minutes=10))
        policies = {"overlap": "allow", "misfire": "all"}
        jobs = [job_of(schedule={"kind": "cron", "cron": "* * * * *"}, policies=policies) for _ in range(2)]
    with transactions.engine():
        ledger.decide_due(now=sql.now(), epoch=1)
    for job in jobs:
        tick = Tick.objects.filter(job=job).order_by("due_at")[3]
        Execution.objects.filter(pk=tick.execution_id).delete()
        tick.delete()
    path = reverse("job-reconcile", args=[jobs[0].pk])
    first, again = (by_key.send("POST", path, {}).json() for _ in range(2))
    assert (first["violations"], again["violations"]) == (1, 0)
    assert (first["finds"][0]["job_id"], first["finds"][0]["kind"]) == (jobs[0].pk, "unrecorded")
    assert Tick.objects.get(job=jobs[0], reason="unaccounted").outcome == "missed"
    assert LedgerViolation.objects.filter(job=jobs[0]).count() == 1
    whole, nothing = (client_of(cast.root).send("POST", SYSTEM, {}).json() for _ in range(2))
    assert [find["job_id"] for find in whole["finds"]] == [jobs[1].pk]
    assert nothing["violations"] == 0
