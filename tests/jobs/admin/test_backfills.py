"""Backfills in the admin: who gets the form, the plan, the start, the page that follows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from jobs import registry
from jobs.models import Backfill, Execution, Job
from jobs.recovery import backfills
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, untouched
from tests.jobs.api.conftest import MakeJob, backfill_of
from tests.jobs.backfills import record

pytestmark = pytest.mark.django_db

WINDOW = {"since": "2026-01-01T00:00", "until": "2026-01-03T12:00", "at_once": "2", "note": "the disk was full"}


def form_of(job: Job) -> str:
    return reverse("admin:jobs_backfill_start", args=[job.pk])


def page_of(backfill: Backfill) -> str:
    return reverse("admin:jobs_backfill_change", args=[backfill.pk])


class TestForm:
    def test_is_reached_from_the_job(self, as_olaf: Browser, as_vera: Browser, job_of: MakeJob) -> None:
        job = job_of()
        page = reverse("admin:jobs_job_page", args=[job.pk])
        assert form_of(job) in as_olaf.text(page)
        assert form_of(job) not in as_vera.text(page)
        assert "Look what would run" in as_olaf.text(form_of(job))

    def test_shows_the_plan_before_anything_starts(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of()
        with untouched():
            text = as_olaf.post(form_of(job), {**WINDOW, "plan": ""}).content.decode()
        assert "3 runs would start" in text
        assert "3 not recorded" in text
        assert 'name="start"' in text

    def test_reads_times_on_the_clock_of_the_job(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 9 * * *", "timezone": "Asia/Tokyo"})
        assert "Times are in Asia/Tokyo" in as_olaf.text(form_of(job))
        as_olaf.post(form_of(job), {**WINDOW, "start": ""})
        assert Backfill.objects.get().since == datetime(2025, 12, 31, 15, tzinfo=UTC)

    def test_starts_what_it_showed(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of()
        answer = as_olaf.post(form_of(job), {**WINDOW, "only": ["unrecorded"], "dry_run": "on", "start": ""})
        started = Backfill.objects.get()
        assert answer.headers["Location"] == page_of(started)
        assert (started.requested_by, started.at_once, started.dry_run) == ("user:olaf", 2, True)
        assert (started.note, started.runs.count()) == ("the disk was full", 3)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"until": "2025-01-01T00:00"}, "Lies before"),
            ({"until": "2999-01-01T00:00"}, "Lies in the future"),
            ({"since": "soon"}, "Write a date and a time"),
            ({"at_once": "0"}, "greater than or equal to 1"),
            ({"only": ["missed"]}, "Nothing was due in this window"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field(
        self, as_olaf: Browser, job_of: MakeJob, changes: dict[str, Any], message: str
    ) -> None:
        job = job_of()
        with untouched():
            text = as_olaf.post(form_of(job), {**WINDOW, **changes, "start": ""}).content.decode()
        assert message in text
        assert "Nothing was started" in text

    def test_tells_of_one_that_runs(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of()
        running = backfill_of(job)
        text = as_olaf.post(form_of(job), {**WINDOW, "start": ""}).content.decode()
        assert f"Backfill {running.pk} of {job.name} is still running" in text

    def test_has_no_dry_run_where_the_template_has_none(self, as_olaf: Browser, job_of: MakeJob) -> None:
        assert 'name="dry_run"' not in as_olaf.text(form_of(job_of(template="failing")))

    def test_is_closed_to_other_roles_and_tenants(
        self, as_vera: Browser, as_gita: Browser, as_olaf: Browser, job_of: MakeJob
    ) -> None:
        job = job_of()
        for browser in (as_vera, as_gita):
            with untouched():
                assert browser.post(form_of(job), {**WINDOW, "start": ""}).status_code == 403
        assert as_olaf.get(reverse("admin:jobs_backfill_start", args=[10**9])).status_code == 404

    def test_opens_for_a_job_whose_schedule_is_broken(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of()
        Job.objects.filter(pk=job.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "Nowhere/Else"})
        assert "Times are in UTC" in as_olaf.text(form_of(job))
        assert "cannot be evaluated" in as_olaf.post(form_of(job), {**WINDOW, "plan": ""}).content.decode()


class TestPage:
    def test_follows_it(self, as_vera: Browser, job_of: MakeJob) -> None:
        started = backfill_of(job_of())
        backfills.sweep()
        live = reverse("admin:jobs_backfill_live", args=[started.pk])
        assert f'hx-get="{live}"' in as_vera.text(page_of(started))
        Execution.objects.update(status="succeeded", finished_at="2026-05-01T00:00:00Z")
        assert "1 <small>of 2</small>" in as_vera.text(live)
        assert "cancel-button" not in as_vera.text(live)

    def test_stands_still_when_it_is_over(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of()
        started = backfill_of(job)
        registry.archive(job.pk, actor="user:ana")
        backfills.sweep()
        text = as_olaf.text(page_of(started))
        assert "Never queued" in text
        assert "every 2s" not in text

    def test_cancels(self, as_olaf: Browser, as_vera: Browser, job_of: MakeJob) -> None:
        started = backfill_of(job_of())
        path = reverse("admin:jobs_backfill_cancel", args=[started.pk])
        with untouched():
            assert as_vera.post(path).status_code == 403
            assert as_olaf.get(path).status_code == 405
        assert as_olaf.told(as_olaf.post(path)) == ["Cancelled. What runs goes on to its end."]
        assert "has ended already" in as_olaf.told(as_olaf.post(path))[0]
        started.refresh_from_db()
        assert started.status == "cancelled"

    def test_is_closed_to_other_tenants(self, as_gita: Browser, job_of: MakeJob) -> None:
        started = backfill_of(job_of())
        for name in ("change", "live"):
            assert as_gita.get(reverse(f"admin:jobs_backfill_{name}", args=[started.pk])).status_code == 403


class TestList:
    def test_shows_those_of_the_own_tenant(self, as_vera: Browser, cast: Cast, job_of: MakeJob) -> None:
        path = reverse("admin:jobs_backfill_changelist")
        assert "No past window was run again yet" in as_vera.text(path)
        backfill_of(job_of(name="Ours"))
        backfill_of(job_of(cast.globex, name="Theirs"))
        text = as_vera.text(path)
        assert "Ours" in text
        assert "Theirs" not in text


def test_the_page_of_a_run_names_the_tick(as_vera: Browser, job_of: MakeJob) -> None:
    job = job_of()
    started = backfill_of(job)
    first = started.runs.first()
    assert first is not None
    record(job, first.due_at, "missed", "misfire_none")
    backfills.sweep()
    text = as_vera.text(reverse("admin:jobs_execution_change", args=[Execution.objects.get().pk]))
    assert "Missed" in text
