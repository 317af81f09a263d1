"""The list of jobs: what it shows, finds and does."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from jobs import registry
from jobs.models import Execution, Job
from jobs.rules.states import Origin
from tests.cast import Cast
from tests.jobs.admin.conftest import JOBS, Browser, job_url
from tests.jobs.api.conftest import MakeJob, RunJob


def rows(page: str) -> list[str]:
    """The names of the jobs that a page lists."""
    return [html.unescape(name) for name in re.findall(r'<a class="row-link"[^>]*>([^<]*)</a>', page)]


class TestColumns:
    def test_tell_what_when_and_how_it_went(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run_of(job_of(name="Greet all", tags=["hello"], queue="slow"), "failed")
        page = as_vera.text(JOBS)
        for expected in ("Greet all", "At 09:00", "UTC", "hello", "slow", "Echo", "Failed", "0 9 * * *"):
            assert expected in page, expected
        assert re.search(r'<time class="moment" datetime="\d{4}-\d\d-\d\dT09:00:00\+00:00"', page)
        assert 'aria-label="Last run: 1 failed; longest ' in page

    def test_replace_the_stock_title(self, as_vera: Browser) -> None:
        page = as_vera.text(JOBS)
        assert "<h1>Jobs</h1>" in page
        assert "to change" not in page

    def test_escape_what_people_wrote(self, job_of: MakeJob, as_vera: Browser) -> None:
        job_of(name="<script>alert(1)</script>")
        page = as_vera.text(JOBS)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_tell_what_comes_from_what_is_overdue(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of()
        assert "Was due" not in as_vera.text(JOBS) + as_vera.text(job_url(job))
        Job.objects.filter(pk=job.pk).update(next_tick_at=job.created_at - timedelta(minutes=20))
        assert "Was due" in as_vera.text(JOBS)
        assert "Was due" in as_vera.text(job_url(job))

    def test_mark_adopted_jobs(self, job_of: MakeJob, as_vera: Browser) -> None:
        Job.objects.filter(pk=job_of().pk).update(origin=Origin.ADOPTED)
        assert "Adopted" in as_vera.text(JOBS)

    def test_tell_pauses_from_disabled_and_broken_jobs(self, job_of: MakeJob, as_vera: Browser) -> None:
        registry.pause(job_of().pk, actor="user:ana", note="Until Tuesday")
        job_of(enabled=False)
        Job.objects.filter(pk=job_of().pk).update(problem="No such zone", next_tick_at=None)
        page = as_vera.text(JOBS)
        for expected in ("Paused", "Until Tuesday", "Disabled", "Needs attention", "No such zone"):
            assert expected in page

    def test_bear_a_schedule_that_cannot_be_read(self, job_of: MakeJob, as_vera: Browser) -> None:
        Job.objects.filter(pk=job_of().pk).update(spec={"kind": "cron", "cron": "broken", "timezone": "Nowhere"})
        assert "The stored schedule cannot be read" in as_vera.text(JOBS)

    def test_need_no_query_per_job(self, job_of: MakeJob, as_vera: Browser) -> None:
        job_of()
        as_vera.text(JOBS)  # what is read once per process is read now
        with CaptureQueriesContext(connection) as with_one:
            as_vera.text(JOBS)
        for _ in range(5):
            job_of()
        with CaptureQueriesContext(connection) as with_many:
            as_vera.text(JOBS)
        assert len(with_many) == len(with_one)


class TestEmptyStates:
    def test_tell_the_next_step(self, as_ana: Browser, as_vera: Browser) -> None:
        assert "Create the first job" in as_ana.text(JOBS)
        assert "Create the first job" not in as_vera.text(JOBS)

    def test_offer_to_clear_a_search_that_found_nothing(self, job_of: MakeJob, as_ana: Browser) -> None:
        job_of()
        assert "Clear search and filters" in as_ana.text(JOBS, q="zebra")


class TestFinding:
    def test_hides_archived_jobs_until_asked(self, job_of: MakeJob, as_vera: Browser) -> None:
        job_of(name="Alive")
        registry.archive(job_of(name="Gone").pk, actor="user:ana")
        assert rows(as_vera.text(JOBS)) == ["Alive"]
        assert rows(as_vera.text(JOBS, state="archived")) == ["Gone"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "alpha"}, ["Alpha"]),
            ({"q": "special"}, ["Beta"]),
            ({"tag": "special"}, ["Beta"]),
            ({"queue": "slow"}, ["Beta"]),
            ({"state": "paused"}, ["Beta"]),
            ({"state": "active"}, ["Alpha"]),
            ({"template": "failing"}, ["Beta"]),
            ({"outcome": "none"}, ["Beta"]),
            ({"outcome": "succeeded"}, ["Alpha"]),
            ({"state": "nonsense"}, ["Alpha", "Beta"]),
        ],
    )
    def test_narrows_the_list(self, query: dict[str, str], found: list[str], job_of: MakeJob, as_vera: Browser) -> None:
        Job.objects.filter(pk=job_of(name="Alpha").pk).update(last_status="succeeded")
        beta = job_of(name="Beta", template="failing", tags=["special"], queue="slow")
        registry.pause(beta.pk, actor="user:ana")
        assert rows(as_vera.text(JOBS, **query)) == found

    def test_counts_what_each_filter_would_find(self, job_of: MakeJob, as_vera: Browser) -> None:
        job_of(tags=["blue"])
        job_of(tags=["blue", "green"])
        page = as_vera.text(JOBS)
        assert "blue (2)" in page
        assert "green (1)" in page
        assert "Paused (" not in page

    def test_offers_no_tag_of_another_tenant(self, cast: Cast, job_of: MakeJob, as_vera: Browser) -> None:
        job_of()
        job_of(cast.globex, tags=["theirs"])
        assert "theirs" not in as_vera.text(JOBS)


class TestActions:
    def act(self, browser: Browser, action: str, *jobs: Job, **query: str) -> list[str]:
        data = {"id": [job.pk for job in jobs]}
        path = f"{JOBS}many/{action}/?" + "&".join(f"{key}={value}" for key, value in query.items())
        response = browser.post(path, data)
        assert isinstance(response, HttpResponse)
        return browser.told(response) if response.status_code == 302 else []

    def test_run_each_selected_job(self, job_of: MakeJob, as_olaf: Browser) -> None:
        jobs = [job_of(), job_of()]
        job_of()
        assert self.act(as_olaf, "run", *jobs) == ["Queued a run of 2 jobs."]
        runs = Execution.objects.order_by("job_id").values_list("job_id", "trigger", "requested_by")
        assert list(runs) == [(job.pk, "manual", "user:olaf") for job in jobs]

    def test_pause_and_resume(self, job_of: MakeJob, as_ana: Browser) -> None:
        jobs = [job_of(), job_of()]
        assert self.act(as_ana, "pause", *jobs) == ["Paused 2 jobs."]
        assert self.act(as_ana, "pause", *jobs) == ["2 jobs needed no change."]
        assert self.act(as_ana, "resume", jobs[0]) == ["Resumed 1 job."]
        assert Job.objects.filter(paused_at=None).get() == jobs[0]

    def test_name_each_job_that_could_not_be_done(self, job_of: MakeJob, as_ana: Browser) -> None:
        gone = job_of(name="Gone")
        registry.archive(gone.pk, actor="user:ana")
        told = self.act(as_ana, "run", gone, state="archived")
        assert told == ["Gone: Gone is archived; it cannot run any more."]

    def test_refuse_the_jobs_of_tenants_where_the_role_is_too_small(
        self, cast: Cast, job_of: MakeJob, as_ana: Browser
    ) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role="viewer")
        told = self.act(as_ana, "pause", job_of(), job_of(cast.globex, name="Theirs"))
        assert told == ["Paused 1 job.", "Theirs: your role in Globex does not allow it."]

    def test_are_offered_by_role(self, job_of: MakeJob, as_vera: Browser, as_olaf: Browser, as_ana: Browser) -> None:
        job = job_of()
        assert "many/run/" not in as_vera.text(JOBS)
        assert "many/run/" in as_olaf.text(JOBS)
        assert 'formaction="/admin/jobs/job/many/pause/' not in as_olaf.text(JOBS)
        assert 'formaction="/admin/jobs/job/many/pause/' in as_ana.text(JOBS)
        self.act(as_vera, "run", job)
        self.act(as_olaf, "pause", job)
        assert not Execution.objects.exists()
        assert not Job.objects.get(pk=job.pk).is_paused

    def test_announce_runs_only_after_the_commit(
        self, job_of: MakeJob, as_olaf: Browser, django_capture_on_commit_callbacks: object
    ) -> None:
        with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
            self.act(as_olaf, "run", job_of())
        assert any(callback.__qualname__.startswith("announce_soon") for callback in callbacks)


class TestNextRun:
    def test_says_that_a_paused_job_is_skipped(self, job_of: MakeJob, as_vera: Browser) -> None:
        registry.pause(job_of().pk, actor="user:ana")
        assert "Skipped while paused" in as_vera.text(JOBS)

    def test_links_to_the_job(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of()
        assert job_url(job) in as_vera.text(JOBS)
        assert job.next_tick_at is not None
        assert job.next_tick_at > job.created_at - timedelta(days=1)
