"""Executions: the list that is never counted in full, the page, its fragments and buttons."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs import executions, registry, sealed
from jobs.admin.bounded_paginator import BoundedPaginator
from jobs.models import Attempt, Execution, ExecutionLease, Job, LogLine
from scheduler_project.lib import sql
from scheduler_project.lib.markup import NOTHING
from tests.cast import Cast
from tests.jobs.admin.conftest import EXECUTIONS, Browser, SignIn
from tests.jobs.api.conftest import MakeJob, RunJob, untouched


def page_of(execution: Execution) -> str:
    return reverse("admin:jobs_execution_change", args=[execution.pk])


def fragment(execution: Execution, name: str) -> str:
    return reverse(f"admin:jobs_execution_{name}", args=[execution.pk])


def log(execution: Execution, count: int, *, first: int = 1) -> None:
    LogLine.objects.bulk_create(
        LogLine(
            execution=execution,
            sequence=number,
            attempt=1,
            logged_at=timezone.now(),
            level="warning" if number % 2 else "info",
            message=f"Line <{number}>",
        )
        for number in range(first, first + count)
    )


def numbers(page: str) -> list[int]:
    """Of the executions that a page lists."""
    return [int(pk) for pk in re.findall(r'class="row-link"[^>]*>(\d+)<', page)]


class TestList:
    def test_tells_state_job_trigger_times_and_error(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run_of(job_of(name="Greet all", template="failing"), "failed")
        page = as_vera.text(EXECUTIONS)
        for expected in ("Failed", "Greet all", "By hand", "by ana", "It broke.", "1 of 4"):
            assert expected in page, expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"status": "queued"}, {"queued"}),
            ({"status": "unsuccessful"}, {"failed"}),
            ({"status": "succeeded", "trigger": "manual"}, {"succeeded"}),
            ({"trigger": "schedule"}, set()),
            ({"job": "0"}, {"queued", "failed", "succeeded"}),
            ({"job": "x"}, {"queued", "failed", "succeeded"}),
        ],
    )
    def test_is_narrowed_by_filters(
        self, query: dict[str, str], expected: set[str], job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of()
        runs = {run_of(job, state).pk: state for state in ("queued", "failed", "succeeded")}
        found = {runs[int(pk)] for pk in re.findall(r'class="row-link"[^>]*>(\d+)<', as_vera.text(EXECUTIONS, **query))}
        assert found == expected

    def test_is_narrowed_by_queue_priority_template_and_search(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        night = run_of(job_of(name="Night load", queue="night", priority="low", tags=["nightly"]), "succeeded")
        day = run_of(job_of(name="Day load", template="failing"), "failed")
        run_of(job_of(name="Night of others", tenant=cast.globex), "succeeded")
        Execution.objects.filter(pk=day.pk).update(request_id="request-of-day")
        for query, expected in (
            ({"queue": "night"}, {night.pk}),
            ({"queue": "nobody's"}, set()),
            ({"priority": "low"}, {night.pk}),
            ({"template": "failing"}, {day.pk}),
            ({"template": "failing", "queue": "night"}, set()),
            ({"q": "night"}, {night.pk}),
            ({"q": "LOAD"}, {night.pk, day.pk}),
            ({"when": "24h", "tag": "nightly"}, {night.pk}),
            ({"since": "2020-01-01T00:00", "until": "2021-01-01T00:00"}, set()),
            ({"since": "2020-01-01T00:00", "zone": "Europe/Berlin", "worker": "worker@test"}, {night.pk, day.pk}),
            ({"worker": "nobody"}, set()),
            ({"fingerprint": day.fingerprint}, {day.pk}),
            ({"since": "nonsense", "zone": "No/Where", "when": "range"}, {night.pk, day.pk}),
            ({"q": "request-of-day"}, {day.pk}),
            ({"q": "9" * 30}, set()),
        ):
            page = as_vera.text(EXECUTIONS, **query)
            assert {int(pk) for pk in re.findall(r'class="row-link"[^>]*>(\d+)<', page)} == expected, query

    def test_is_left_for_an_execution_whose_number_is_typed(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        ours, theirs = run_of(job_of()), run_of(job_of(tenant=cast.globex))
        assert as_vera.get(EXECUTIONS, {"q": f" #{ours.pk}"}).headers["Location"] == page_of(ours)
        for number in (theirs.pk, 10**17):
            assert numbers(as_vera.text(EXECUTIONS, q=number)) == []

    def test_counts_no_try_for_what_was_handed_back(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(), "failed")
        Execution.objects.filter(pk=execution.pk).update(handed_back_count=1)
        assert "1 of 5" in as_vera.text(EXECUTIONS)

    def test_of_one_job_names_it(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        one, other = job_of(name="One"), job_of(name="Other")
        run_of(one), run_of(other)
        page = as_vera.text(EXECUTIONS, job=one.pk)
        assert "<h1>Executions of One</h1>" in page
        assert "Other" not in page

    def test_counts_no_wait_for_another_try_as_running(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(), "queued")
        long_ago = sql.now() - timedelta(hours=5)
        Execution.objects.filter(pk=execution.pk).update(started_at=long_ago, attempt=1)
        assert f"<b>{NOTHING}</b>" in as_vera.text(EXECUTIONS)

    def test_names_no_foreign_job(self, cast: Cast, job_of: MakeJob, as_vera: Browser) -> None:
        theirs = job_of(cast.globex, name="Theirs")
        assert "Theirs" not in as_vera.text(EXECUTIONS, job=theirs.pk)

    def test_never_counts_the_whole_table(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run_of(job_of())
        with CaptureQueriesContext(connection) as queries:
            as_vera.text(EXECUTIONS)
        texts = [query["sql"] for query in queries if 'FROM "job_executions"' in query["sql"]]
        assert not [text for text in texts if "COUNT(" in text or "OFFSET" in text]
        assert [text for text in texts if "LIMIT 51" in text]

    def test_is_read_page_by_page_from_a_row_on(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.admin.history_list.HistoryAdmin.list_per_page", 2)
        job = job_of()
        newest = [run_of(job).pk for _ in range(5)][::-1]
        seen, address = [], EXECUTIONS
        while address:
            page = as_vera.text(address)
            seen.append(numbers(page))
            older = re.search(r'href="([^"]*)" rel="next"', page)
            address = EXECUTIONS + html.unescape(older[1]) if older else ""
        assert seen == [newest[:2], newest[2:4], newest[4:]]
        newer = re.search(r'href="([^"]*)" rel="prev"', page)
        assert newer is not None
        assert numbers(as_vera.text(EXECUTIONS + html.unescape(newer[1]))) == newest[2:4]

    def test_has_words_for_nothing(self, as_vera: Browser) -> None:
        assert "Entries appear as soon as a job is due" in as_vera.text(EXECUTIONS)
        assert "No entry fits these filters" in as_vera.text(EXECUTIONS, status="dead")

    def test_is_read_only(self, as_root: Browser) -> None:
        assert as_root.get(f"{EXECUTIONS}add/").status_code == 403


class TestPage:
    def test_tells_all_about_a_failure(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(name="Greet all", parameters={"token": "hunter2", "text": "hi"}), "failed")
        log(execution, 2)
        page = as_vera.text(page_of(execution))
        for expected in (
            f"Execution {execution.pk}", "Greet all</a>", "Failed", "This kind of error is not retried", "It broke.",
            "ValueError", "<summary>Traceback</summary>", "worker@test", "Line &lt;1&gt;", "level-warning", "hi",
            str(execution.run_key), "Trace",
        ):  # fmt: skip
            assert expected in page, expected
        assert "hunter2" not in page

    def test_counts_no_try_for_what_was_handed_back(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(), "failed")
        assert "of 4</small>" in as_vera.text(page_of(execution))
        Attempt.objects.filter(execution_id=execution.pk).update(outcome="handed_back")
        assert "of 5</small>" in as_vera.text(page_of(execution))

    def test_shows_the_result_as_json(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        page = as_vera.text(page_of(run_of(job_of(), "succeeded")))
        assert "&quot;text&quot;: &quot;hello&quot;" in page

    def test_says_that_it_waits_for_a_slot(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of())
        assert "slot of the job" not in as_vera.text(page_of(execution))
        run_of(execution.job, "running")
        page = as_vera.text(page_of(execution))
        assert "Every slot of the job (1) is taken" in page

    def test_asks_again_only_while_something_can_change(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of()
        for state, polls in (("queued", True), ("succeeded", False)):
            page = as_vera.text(page_of(run_of(job, state)))
            assert ('id="execution-live" data-state="' in page) is True
            assert ('data-live="exec:' in page) is polls
            assert ("data-active" in page) is polls

    def test_of_a_run_without_a_job_names_the_template(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(), "succeeded")
        Execution.objects.filter(pk=execution.pk).update(job=None)
        page = as_vera.text(page_of(execution))
        assert "Echo" in page
        assert "Run again" not in page


class TestFragments:
    def test_bring_the_state_and_progress(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of(), "running")
        progress = {"done": 3, "total": 10, "text": "Greeting"}
        ExecutionLease.objects.filter(pk=execution.pk).update(progress=progress)
        page = as_vera.text(fragment(execution, "live"))
        assert "<html" not in page
        for expected in ("Running", "Greeting", "30 %", "3 of 10", 'hx-trigger="live"'):
            assert expected in page


class TestCancel:
    def test_ends_a_queued_run_at_once(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        execution = run_of(job_of())
        response = as_olaf.post(fragment(execution, "cancel"))
        assert as_olaf.told(response) == ["Cancelled."]
        execution.refresh_from_db()
        assert (execution.status, execution.cancel_requested_by) == ("cancelled", "user:olaf")

    def test_asks_a_running_one_to_stop(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        execution = run_of(job_of(), "running")
        response = as_olaf.post(fragment(execution, "cancel"))
        assert "Asked the worker to stop" in as_olaf.told(response)[0]
        page = as_olaf.text(page_of(execution))
        assert "Cancelling asked for by olaf" in page
        assert 'id="cancel-button"' not in page

    def test_of_an_ended_run_is_refused(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        execution = run_of(job_of(), "succeeded")
        response = as_olaf.post(fragment(execution, "cancel"))
        assert "already finished" in as_olaf.told(response)[0]

    def test_is_for_operators(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        execution = run_of(job_of())
        with untouched():
            assert as_vera.post(fragment(execution, "cancel")).status_code == 403
            assert as_vera.get(fragment(execution, "cancel")).status_code == 405
        assert 'id="cancel-button"' not in as_vera.text(page_of(execution))


class TestRunAgain:
    def again(self, browser: Browser, execution: Execution) -> Any:
        return browser.post(fragment(execution, "again"))

    def test_uses_the_parameters_of_that_run(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        job = job_of(parameters={"text": "then", "token": "hunter2"})
        execution = run_of(job, "succeeded")
        registry.change(job.pk, {"parameters": {"text": "now"}}, actor="user:ana")
        response = self.again(as_olaf, execution)
        newest = Execution.objects.order_by("-id")[0]
        assert response.headers["Location"] == page_of(newest)
        assert sealed.parameters_of(newest) == {"text": "then", "token": "hunter2"}
        assert newest.requested_by == "user:olaf"

    def test_keeps_a_dry_run_dry(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        self.again(as_olaf, run_of(job_of(), "succeeded", dry_run=True))
        assert Execution.objects.order_by("-id")[0].dry_run

    def test_is_refused_when_the_job_is_archived(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        job = job_of()
        execution = run_of(job, "succeeded")
        registry.archive(job.pk, actor="user:ana")
        response = self.again(as_olaf, execution)
        assert "archived" in as_olaf.told(response)[0]
        assert Execution.objects.count() == 1

    def test_is_for_operators(self, cast: Cast, job_of: MakeJob, run_of: RunJob, sign_in: SignIn) -> None:
        execution = run_of(job_of(), "succeeded")
        assert self.again(sign_in(cast.vera), execution).status_code == 403
        assert sign_in(cast.olaf).get(fragment(execution, "again")).status_code == 405


class TestOtherHistory:
    def test_lists_ticks_with_reasons(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(name="Greet all", schedule={"kind": "cron", "cron": "* * * * *"})
        registry.pause(job.pk, actor="user:ana")
        from tests.jobs.admin.test_job_page import decide_one_tick

        decide_one_tick(job)
        page = as_vera.text("/admin/jobs/tick/")
        for expected in ("Greet all", "Skipped", "The job was paused"):
            assert expected in page
        assert "Skipped" in as_vera.text("/admin/jobs/tick/", outcome="unfired", job=job.pk)
        assert "No entry fits" in as_vera.text("/admin/jobs/tick/", outcome="fired")

    def test_shows_a_revision_against_the_one_before(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(parameters={"token": "hunter2"})
        registry.change(job.pk, {"name": "Renamed", "parameters": {"token": "hunter3"}}, actor="user:ana", note="Why")
        first, second = Job.objects.get(pk=job.pk).revisions.order_by("number")
        page = as_vera.text(reverse("admin:jobs_jobrevision_change", args=[second.pk]))
        for expected in ("Revision 2 of Renamed", "Why", "Greet 1", "Renamed", "user:ana"):
            assert expected in page
        assert "hunter" not in page
        page = as_vera.text(reverse("admin:jobs_jobrevision_change", args=[first.pk]))
        assert '<details class="fold" open>' in page
        assert "Against revision" not in page


def test_cancel_reaches_the_executor(job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
    execution = run_of(job_of(), "running")
    as_olaf.post(fragment(execution, "cancel"))
    row = Execution.objects.get(pk=execution.pk)
    assert row.cancel_requested_at is not None
    assert executions.cancel(row.pk, by="user:olaf", now=sql.now()) == "running"


class SlowRows:
    """A query whose count takes longer than anyone waits."""

    def order_by(self) -> SlowRows:
        return self

    def __getitem__(self, _: object) -> SlowRows:
        return self

    def count(self) -> int:
        sql.rows("SELECT pg_sleep(20)")
        return 1


class TestBoundedPaginator:
    def test_gives_up_counting_after_a_while(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jobs.admin.bounded_paginator.PATIENCE", "20ms")
        paginator = BoundedPaginator(SlowRows(), 50)
        assert paginator.is_cut
        assert paginator.num_pages == BoundedPaginator.bound / 50
