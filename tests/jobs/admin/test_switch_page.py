"""Resuming, enabling and disabling asks first, with what it would do; the form says what saving would do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from jobs import registry
from jobs.models import Job
from scheduler_project.lib import sql
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.api.test_impact import skipped_while_paused

pytestmark = pytest.mark.django_db


def path(job: Job, name: str) -> str:
    return reverse("admin:jobs_job_switch", args=[job.pk, name])


class TestTheQuestion:
    def test_offers_what_was_missed_with_none_chosen(self, job_of: MakeJob, as_root: Browser) -> None:
        job = job_of()
        skipped_while_paused(job)
        with untouched():
            page = as_root.text(path(job, "resume"))
        assert "it would have run 2 times" in page
        assert 'name="missed" value="none" checked' in page
        assert "Run all of it, one after another (2 runs)" in page

    def test_offers_no_run_to_whoever_may_not_run(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        registry.disable(job.pk, actor="user:ana")
        assert 'name="missed" value="all"' not in as_ana.text(path(job, "enable"))

    def test_says_what_a_disable_takes_away(self, job_of: MakeJob, as_ana: Browser) -> None:
        assert "30 removed" in as_ana.text(path(job_of(), "disable"))

    def test_knows_no_other_switches(self, job_of: MakeJob, as_ana: Browser) -> None:
        assert as_ana.get(path(job_of(), "explode")).status_code == 404

    def test_is_closed_to_those_who_only_look(self, job_of: MakeJob, as_vera: Browser) -> None:
        assert as_vera.get(path(job_of(), "disable")).status_code == 403


class TestTheDeed:
    @pytest.mark.parametrize(("choice", "runs"), [("none", 0), ("last", 1), ("all", 2)])
    def test_runs_what_was_chosen(self, job_of: MakeJob, as_root: Browser, choice: str, runs: int) -> None:
        job = job_of()
        skipped_while_paused(job)
        answer = as_root.post(path(job, "resume"), {"missed": choice, "note": "Mended"})
        assert as_root.told(answer) == [f"Resumed {job.name}."]
        job.refresh_from_db()
        assert not job.is_paused
        assert sum(backfill.runs.count() for backfill in job.backfills.all()) == runs

    def test_a_switch_that_is_asked_for_twice_is_told(self, job_of: MakeJob, as_root: Browser) -> None:
        job = job_of()
        skipped_while_paused(job)
        as_root.post(path(job, "resume"), {"missed": "nonsense"})
        job.refresh_from_db()
        assert job.is_paused


class TestThePanel:
    def test_says_what_saving_the_form_would_change(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        form = reverse("admin:jobs_job_form_impact") + f"?job={job.pk}"
        page = as_ana.get(reverse("admin:jobs_job_change", args=[job.pk]))
        data = {name: value for name, value in values_of(page).items() if value is not None}
        with untouched():
            answer = as_ana.post(form, {**data, "kind": "cron", "cron": "0 9,18 * * *"})
        assert "30 added" in answer.content.decode()
        assert "Added: " in answer.content.decode()
        assert "Not known" in as_ana.post(form, {**data, "kind": "cron", "cron": "x"}).content.decode()

    def test_offers_what_a_start_in_the_past_missed(self, job_of: MakeJob, as_root: Browser) -> None:
        job = job_of()
        page = as_root.get(reverse("admin:jobs_job_change", args=[job.pk]))
        data = {name: value for name, value in values_of(page).items() if value is not None}
        data |= {"start_at": f"{sql.now() - timedelta(days=5):%Y-%m-%dT%H:%M}"}
        panel = as_root.post(reverse("admin:jobs_job_form_impact") + f"?job={job.pk}", data).content.decode()
        assert 'name="missed" value="none" checked' in panel
        assert (
            as_root.post(reverse("admin:jobs_job_change", args=[job.pk]), {**data, "missed": "last"}).status_code == 302
        )
        assert job.backfills.get().runs.count() == 1

    def test_tells_the_dialog_of_a_pause(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        assert "30 removed" in as_ana.text(reverse("admin:jobs_job_impact", args=[job.pk, "pause"]))


def values_of(page: object) -> dict[str, object]:
    form = page.context["form"]  # type: ignore[attr-defined]
    section = page.context["section"]  # type: ignore[attr-defined]
    found = {field.html_name: field.value() for field in form} | {"parameters_of": str(section.template.pk)}
    if section.form is not None:
        found |= {field.html_name: field.value() for field in section.form}
    return found
