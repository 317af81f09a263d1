"""How much longer a run will take, on its page and over the API."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from jobs.models import Execution, ExecutionLease
from scheduler_project.lib import sql
from tests.cast import ClientOf, MakeKey
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(job_of: MakeJob, run_of: RunJob) -> Execution:
    execution = run_of(job_of(), "running")
    Execution.objects.filter(pk=execution.pk).update(started_at=sql.now() - timedelta(minutes=10))
    now = time.time()
    progress = {"done": 25, "total": 100, "text": "Copying", "at": now, "first_at": now - 600, "first_done": 0}
    ExecutionLease.objects.filter(pk=execution.pk).update(progress=progress)
    return execution


def test_is_on_the_page(running: Execution, as_ana: Browser) -> None:
    page = as_ana.text(f"/admin/jobs/execution/{running.pk}/change/")
    assert "by its progress" in page
    assert "25 of 100" in page


def test_is_in_the_answer(running: Execution, make_key: MakeKey, client_of: ClientOf) -> None:
    answer = client_of(make_key()[1]).get(f"/api/v1/executions/{running.pk}").json()
    assert answer["lease"]["progress"] == {"done": 25, "total": 100, "text": "Copying"}
    assert answer["estimate"]["basis"] == "progress"
    assert answer["estimate"]["finishes_at"] > answer["started_at"]
    assert not answer["estimate"]["is_slower_than_usual"]
