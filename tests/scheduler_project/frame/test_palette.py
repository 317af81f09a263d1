"""The search over everything: what it finds, for whom, and how fast."""

from __future__ import annotations

import time

from django.db import connection
from django.urls import reverse

from jobs.models import Job
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn, job_url
from tests.jobs.api.conftest import MakeJob, RunJob

FIND = "/admin/find/"


def hits(browser: Browser, query: str) -> dict[str, str]:
    """Labels and addresses in the order in which they are shown."""
    sections = browser.get(FIND, {"part": "1", "q": query}).context["sections"]
    return {hit.label: hit.url for section in sections for hit in section.hits}


class TestSearch:
    def test_finds_jobs_executions_templates_pages_and_actions(
        self, job_of: MakeJob, run_of: RunJob, as_ana: Browser
    ) -> None:
        job = job_of(name="Nightly export")
        execution = run_of(job)
        other = job_of(name="The nightly cleanup")
        assert list(hits(as_ana, "nightly"))[:2] == ["Nightly export", "The nightly cleanup"]  # the beginning first
        assert hits(as_ana, "export nightly")["Nightly export"] == job_url(job)
        assert hits(as_ana, "run clean")["Run The nightly cleanup"] == reverse("admin:run_job", args=[other.pk])
        for number in (str(execution.pk), f"#{execution.pk}"):
            found = hits(as_ana, number)
            assert found[f"Execution {execution.pk}"] == f"/admin/jobs/execution/{execution.pk}/change/"
        assert "Echo" in hits(as_ana, "echo")
        assert "Dead letters" in hits(as_ana, "dead")
        assert "New job" in hits(as_ana, "new")
        assert {"Dashboard", "Jobs"} <= set(hits(as_ana, ""))

    def test_shows_nobody_what_they_may_not_open(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser, as_ana: Browser, sign_in: SignIn
    ) -> None:
        theirs = job_of(cast.globex, name="Secret merger")
        execution = run_of(theirs)
        job_of(name="Ours")
        for browser in (as_vera, as_ana):
            assert "Secret merger" not in browser.text(FIND, q="secret") + browser.text(FIND, part="1", q="merger")
            assert f"Execution {execution.pk}" not in hits(browser, str(execution.pk))
        assert not {"New job", "Run Ours"} & set(hits(as_vera, "") | hits(as_vera, "run ours"))
        assert "Users" not in hits(as_vera, "users")

    def test_takes_any_text(self, as_vera: Browser) -> None:
        for query in ("%", "_", "'", "<b>", "9" * 30, "a" * 5_000, "run ", "#", "٣", "ﬁ \u202e"):
            assert as_vera.get(FIND, {"part": "1", "q": query}).status_code == 200
        assert "<b>x" not in as_vera.text(FIND, q="<b>x")

    def test_answers_at_once_among_ten_thousand_jobs(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(name="Job 0")
        with connection.cursor() as cursor:
            own = ("id", "slug", "name", "periodic_task_id", "public_id")
            same = ", ".join(column for field in Job._meta.fields if (column := field.column) not in own)
            table = Job._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} ({same}, slug, name) SELECT {same}, 'job-' || n, 'Import of branch ' || n "
                f"FROM {table}, generate_series(1, 10000) n WHERE id = %s",
                [job.pk],
            )
        took = []
        for query in ("import of", "branch 9999", "nothing fits this", "run branch 77", "i", "12345"):
            started = time.perf_counter()
            hits(as_ana, query)
            took.append(time.perf_counter() - started)
        assert sorted(took)[len(took) // 2] < 0.5


class TestRun:
    def test_is_asked_about_first(self, job_of: MakeJob, as_ana: Browser, as_vera: Browser) -> None:
        job = job_of(name="Nightly export")
        path = reverse("admin:run_job", args=[job.pk])
        page = as_ana.text(path)
        assert "Run Nightly export now?" in page
        assert reverse("admin:jobs_job_do", args=[job.pk, "run"]) in page
        refused = as_vera.get(path)
        assert refused.status_code == 403
        assert "scheduler:run" in refused.content.decode()
        assert as_ana.get(reverse("admin:run_job", args=[job.pk + 999])).status_code == 404

    def test_of_another_tenant_is_refused(self, cast: Cast, job_of: MakeJob, as_ana: Browser) -> None:
        assert as_ana.get(reverse("admin:run_job", args=[job_of(cast.globex).pk])).status_code == 403
