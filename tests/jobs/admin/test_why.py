"""The pages that answer "Why?": of a job, a tick and an execution."""

from __future__ import annotations

import pytest
from django.urls import reverse

from jobs import registry
from jobs.models import Execution, Tick
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.jobs.test_ledger import decide_due

pytestmark = pytest.mark.django_db


class TestWhy:
    def test_a_job_tells_what_blocks_it_and_who_set_it(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of()
        registry.pause(job.pk, actor="user:ana", note="Broken <feed>")
        page = as_vera.text(reverse("admin:jobs_job_why", args=[job.pk]))
        assert "user:ana paused the job at" in page
        assert "Broken &lt;feed&gt;" in page
        assert page.count("Blocked") >= 1
        assert "If it were due now" in page

    def test_a_tick_and_its_execution_lead_to_each_other(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "* * * * *"})
        decide_due(minutes=1)
        tick = Tick.objects.get(job=job)
        page = as_vera.text(reverse("admin:jobs_tick_change", args=[tick.pk]))
        assert reverse("admin:jobs_execution_change", args=[tick.execution_id]) in page
        why = reverse("admin:jobs_execution_why", args=[tick.execution_id])
        assert why in as_vera.text(reverse("admin:jobs_execution_change", args=[tick.execution_id]))
        assert "The tick that fired it" in as_vera.text(why)
        back = reverse("admin:jobs_execution_change", args=[tick.execution_id])
        assert f'<a href="{back}">' in as_vera.text(why)
        assert reverse("admin:jobs_tick_change", args=[tick.pk]) in as_vera.text(
            reverse("admin:jobs_job_page", args=[job.pk]), tab="decisions"
        )
        assert reverse("admin:jobs_tick_change", args=[tick.pk]) in as_vera.text(reverse("admin:jobs_tick_changelist"))

    def test_of_another_tenant_is_closed(self, job_of: MakeJob, run_of: RunJob, as_gita: Browser) -> None:
        run = run_of(job_of())
        assert isinstance(run, Execution)
        for path in (
            reverse("admin:jobs_job_why", args=[run.job_id]),
            reverse("admin:jobs_execution_why", args=[run.pk]),
        ):
            assert as_gita.get(path).status_code in (302, 403, 404)
