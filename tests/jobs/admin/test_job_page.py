"""The page of a job and its buttons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from jobs import ledger, registry
from jobs.models import Execution, Job
from scheduler_project.lib import sql, transactions
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn, job_url
from tests.jobs.api.conftest import MakeJob, RunJob, untouched


class TestPage:
    def test_tells_what_it_is_when_it_runs_and_what_it_did(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of(name="Greet all", description="Says hello.", tags=["hello"], parameters={"token": "hunter2"})
        execution = run_of(job, "failed")
        link = reverse("admin:jobs_execution_change", args=[execution.pk])
        expected = {
            "": ("Greet all</h1>", "Says hello.", "At 09:00 (UTC)", "hello", "Failed", "the new run is skipped", link),
            "runs": ("It broke.", "by ana", link),
            "decisions": ("No ticks yet", "The first one is due"),
            "parameters": ("••••••", "secret"),
            "versions": ("Created", "user:ana", "in force"),
            "connections": ("No job follows it", "No call from outside starts it"),
        }
        for tab, texts in expected.items():
            page = as_vera.text(job_url(job), tab=tab)
            assert [text for text in texts if text not in page] == [], tab
            assert "hunter2" not in page

    def test_tells_why_it_did_not_run(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "* * * * *"})
        blocking = run_of(job, "running")
        decide_one_tick(job)
        page = as_vera.text(job_url(job), tab="decisions")
        assert "Skipped" in page
        assert f'An earlier run had not ended: <a href="/admin/jobs/execution/{blocking.pk}/change/"' in page

    @pytest.mark.parametrize(("fired", "listed"), [(0, 3), (1, 2), (3, 0)])
    def test_lists_no_more_runs_than_are_left(self, fired: int, listed: int, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(policies={"max_runs": 3})
        Job.objects.filter(pk=job.pk).update(fired_count=fired)
        _, _, runs = as_vera.text(job_url(job)).partition('next-table"')
        assert runs.partition("</tbody>")[0].count("<tr><td>") == listed

    def test_has_words_for_a_job_without_history(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of()
        assert "It has not run yet" in as_vera.text(job_url(job))
        assert "It has not run yet" in as_vera.text(job_url(job), tab="runs")
        assert "No ticks yet" in as_vera.text(job_url(job), tab="decisions")

    def test_bears_a_schedule_that_cannot_be_read(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of()
        spec = {"kind": "cron", "cron": "broken", "timezone": "Nowhere"}
        Job.objects.filter(pk=job.pk).update(spec=spec, problem="No such zone.", next_tick_at=None)
        page = as_vera.text(job_url(job))
        assert "This job needs attention" in page
        assert "The stored schedule cannot be read" in page

    def test_offers_what_the_role_allows(
        self, job_of: MakeJob, as_vera: Browser, as_olaf: Browser, as_ana: Browser
    ) -> None:
        job = job_of()
        do = {name: reverse("admin:jobs_job_do", args=[job.pk, name]) for name in ("run", "dry-run", "pause")}
        edit = reverse("admin:jobs_job_change", args=[job.pk])
        shown = {
            browser: {link for link in (*do.values(), edit) if f'"{link}"' in browser.text(job_url(job))}
            for browser in (as_vera, as_olaf, as_ana)
        }
        assert shown[as_vera] == set()
        assert shown[as_olaf] == {do["run"], do["dry-run"]}
        assert shown[as_ana] == {*do.values(), edit}

    def test_offers_no_dry_run_where_there_is_none(self, job_of: MakeJob, as_ana: Browser) -> None:
        assert "/do/dry-run/" not in as_ana.text(job_url(job_of(template="failing")))

    def test_of_an_archived_job_offers_nothing(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        page = as_ana.text(job_url(job))
        assert "/do/" not in page
        assert "It neither runs nor changes any more" in page

    def test_takes_the_place_of_the_history_page(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        response = as_ana.get(reverse("admin:jobs_job_history", args=[job.pk]))
        assert response.headers["Location"] == f"{job_url(job)}?tab=versions"


class TestButtons:
    def test_run_it_now(self, job_of: MakeJob, as_olaf: Browser) -> None:
        job = job_of()
        response = as_olaf.do(job, "run")
        execution = Execution.objects.get()
        assert response.headers["Location"] == reverse("admin:jobs_execution_change", args=[execution.pk])
        assert (execution.trigger, execution.requested_by, execution.dry_run) == ("manual", "user:olaf", False)
        assert execution.request_id == response.headers["X-Request-ID"]

    def test_run_it_dry(self, job_of: MakeJob, as_olaf: Browser) -> None:
        as_olaf.do(job_of(), "dry-run")
        assert Execution.objects.get().dry_run

    def test_refuse_a_dry_run_that_there_is_not(self, job_of: MakeJob, as_olaf: Browser) -> None:
        told = as_olaf.told(as_olaf.do(job_of(template="failing"), "dry-run"))
        assert told == ["The template failing has no dry run."]
        assert not Execution.objects.exists()

    def test_pause_with_a_note_and_resume(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        as_ana.do(job, "pause", note="Until Tuesday")
        page = as_ana.text(job_url(job))
        assert "Until Tuesday" in page
        assert "user:ana" in page
        as_ana.do(job, "resume")
        job.refresh_from_db()
        assert not job.is_paused

    def test_disable_and_enable(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        as_ana.do(job, "disable")
        assert "Nothing is due while it is disabled" in as_ana.text(job_url(job))
        as_ana.do(job, "enable")
        job.refresh_from_db()
        assert job.next_tick_at is not None

    def test_ask_before_they_archive(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        assert "cannot be brought back" in as_ana.text(reverse("admin:jobs_job_archive", args=[job.pk]))
        job.refresh_from_db()
        assert job.archived_at is None
        as_ana.do(job, "archive", note="Not needed")
        job.refresh_from_db()
        assert job.archived_at is not None

    def test_refuse_what_an_archived_job_cannot_do(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        with untouched():
            for name in ("run", "pause", "enable"):
                assert "archived" in as_ana.told(as_ana.do(job, name))[0]

    @pytest.mark.parametrize("name", ["run", "dry-run", "pause", "resume", "enable", "disable", "archive"])
    def test_answer_posts_only(self, name: str, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        with untouched():
            assert as_ana.get(reverse("admin:jobs_job_do", args=[job.pk, name])).status_code == 405

    @pytest.mark.parametrize(
        ("name", "allowed"),
        [
            ("run", {"olaf", "ana"}),
            ("dry-run", {"olaf", "ana"}),
            ("pause", {"ana"}),
            ("resume", {"ana"}),
            ("enable", {"ana"}),
            ("disable", {"ana"}),
            ("archive", {"ana"}),
        ],
    )
    def test_follow_the_role(self, name: str, allowed: set[str], cast: Cast, job_of: MakeJob, sign_in: SignIn) -> None:
        job = job_of()
        for person in ("vera", "olaf", "ana"):
            status = sign_in(getattr(cast, person)).do(job, name).status_code
            assert status == (302 if person in allowed else 403), person

    def test_need_the_csrf_token(self, cast: Cast, job_of: MakeJob, sign_in: SignIn) -> None:
        sign_in(cast.ana)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(cast.ana)
        assert strict.post(reverse("admin:jobs_job_do", args=[job_of().pk, "run"])).status_code == 403
        assert not Execution.objects.exists()

    def test_that_do_not_exist_are_not_found(self, job_of: MakeJob, as_ana: Browser) -> None:
        assert as_ana.do(job_of(), "explode").status_code == 404


def decide_one_tick(job: Job) -> None:
    """As the scheduler would, a minute from now."""
    with transactions.engine():
        ledger.decide_due(now=sql.now() + timedelta(minutes=1), epoch=1)
