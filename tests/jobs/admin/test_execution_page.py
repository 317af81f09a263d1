"""The page of an execution: its log by stretches, its tries, its error among others, what differs, the report."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs import executions, registry
from jobs.models import Attempt, Execution, LogLine
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db


def at(execution: Execution, name: str = "change") -> str:
    return reverse(f"admin:jobs_execution_{name}", args=[execution.pk])


def log(execution: Execution, count: int, *, attempt: int = 1, first: int = 1) -> None:
    LogLine.objects.bulk_create(
        LogLine(
            execution=execution, sequence=number, attempt=attempt, logged_at=timezone.now(),
            level="warning" if number % 2 else "info", message=f"Line <{number}> \x1b[31mred\x1b[0m",
        )
        for number in range(first, first + count)
    )  # fmt: skip


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="L(\d+)"', page)]


class TestLog:
    def test_shows_its_end_and_any_stretch_on_demand(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(), "succeeded")
        log(run, 1_300)
        page = as_vera.text(at(run))
        assert shown(page) == list(range(1_101, 1_301))
        assert 'Line &lt;1300&gt; <span class="ansi-red">red</span>' in page
        assert 'href="?before=1101#log-card"' in page
        assert shown(as_vera.text(at(run), before=1_101)) == list(range(101, 1_101))
        queries: tuple[tuple[dict[str, Any], tuple[int, int]], ...] = (
            ({}, (301, 1_300)), ({"after": 1_290}, (1_291, 1_300)), ({"before": 11}, (1, 10)),
            ({"around": 700}, (200, 1_199)), ({"level": "warning"}, (1, 1_299)), ({"after": "9" * 30}, (301, 1_300)),
            ({"around": "<b>"}, (301, 1_300)),
        )  # fmt: skip
        for query, expected in queries:
            part = as_vera.text(at(run, "log"), **query)
            assert (shown(part)[0], shown(part)[-1]) == expected, query
            assert "<html" not in part
        part = as_vera.text(at(run, "log"), before=1_101)
        assert 'data-earlier="1" data-later="1"' in part
        assert len(re.findall("log-chunk", part)) == 5

    def test_is_searched_without_scripts_too(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(), "succeeded")
        log(run, 1_300)
        page = as_vera.text(at(run), search="LINE <12")
        assert "1 of 111" in page
        assert 12 in shown(page)
        answer = as_vera.get(at(run, "log_search"), {"search": "line <12", "after": "12"}).json()
        assert answer == {"count": 111, "is_cut": False, "sequence": 120, "position": 2}
        assert "Not found" in as_vera.text(at(run), search="nowhere")

    def test_says_where_another_try_begins_and_where_it_was_cut_off(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        run = run_of(job_of(), "succeeded")
        log(run, 3)
        log(run, 3, attempt=2, first=4)
        LogLine.objects.filter(execution=run, sequence=3).update(message="The log ends here: it has reached 10 lines.")
        page = as_vera.text(at(run))
        assert (
            page.index('id="L3" class="level-warning log-cut"') < page.index(">Attempt 2</li>") < page.index('id="L4"')
        )

    def test_is_given_as_text(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(), "succeeded")
        log(run, 2)
        response = as_vera.get(f"{at(run, 'log_raw')}?download")
        assert response.headers["Content-Disposition"] == f'attachment; filename="execution-{run.pk}.log"'
        assert response.content.decode().count("\n") == 2
        assert "\x1b[31mred" in response.content.decode()

    def test_is_not_for_others(self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(cast.globex), "succeeded")
        for name in ("log", "log_search", "log_raw", "report", "status", "live", "edit"):
            assert as_vera.get(at(run, name)).status_code == 403, name


class TestHead:
    def test_says_why_it_waits(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(queue="io"))
        Execution.objects.filter(pk=run.pk).update(published_at=sql.now())
        assert "No worker listens to the queue io" in as_vera.text(at(run))
        Execution.objects.filter(pk=run.pk).update(available_at=sql.now() + timedelta(hours=1))
        assert "It may not start before" in as_vera.text(at(run, "live"))

    def test_leads_to_the_runs_beside_it(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        job = job_of()
        first, middle, last = (run_of(job, "succeeded") for _ in range(3))
        page = as_vera.text(at(middle))
        assert f'aria-label="Previous run, {first.pk}"' in page
        assert f'aria-label="Next run, {last.pk}"' in page
        assert "Previous run" not in as_vera.text(at(first))
        assert "Next run" not in as_vera.text(at(last))

    def test_tells_a_hidden_page_in_few_words(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        job = job_of()
        assert as_vera.get(at(run_of(job, "running"), "status")).json()["is_active"] is True
        answer = as_vera.get(at(run_of(job_of(), "failed"), "status")).json()
        assert answer == {"is_active": False, "word": "Failed", "tone": "bad"}


class TestError:
    def test_says_since_when_and_where_else_it_is_seen(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        run = run_of(job_of(), "failed")
        page = as_vera.text(at(run))
        assert "First time that it is seen" in page
        assert f"Fingerprint <code>{run.fingerprint}</code>" in page
        others = [run_of(job_of(), "failed") for _ in range(2)]
        theirs = run_of(job_of(cast.globex), "failed")
        same = [other.pk for other in (*others, theirs)]
        Execution.objects.filter(pk__in=same).update(fingerprint=run.fingerprint)
        page = as_vera.text(at(run))
        assert "3 runs of 3 jobs</a> ended by it" in page
        assert "First seen <time" in page


class TestTries:
    def test_are_drawn_with_the_wait_before_each(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(), "failed")
        begin = run.created_at
        Attempt.objects.filter(execution=run).update(
            started_at=begin + timedelta(seconds=60), finished_at=begin + timedelta(seconds=120)
        )
        first = Attempt.objects.get(execution=run)
        Attempt.objects.create(
            execution=run, number=2, fence=first.fence + 1, worker="w2", pid=7, outcome="succeeded",
            started_at=begin + timedelta(seconds=180), finished_at=begin + timedelta(seconds=240),
        )  # fmt: skip
        Execution.objects.filter(pk=run.pk).update(finished_at=begin + timedelta(seconds=240))
        page = as_vera.text(at(run))
        assert 'aria-label="Waited 1 min, then ran 1 min: failed"' in page
        assert "Waited 1 min in the queue" in page
        assert "Waited 1 min for the next try" in page
        assert '<rect x="250.0" y="1" width="250.0"' in page
        assert '<rect x="750.0" y="1" width="250.0"' in page


class TestParameters:
    def test_are_compared_with_the_last_success_and_the_run_before(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of(parameters={"text": "hello", "token": "hunter2"})
        good = run_of(job, "succeeded")
        registry.change(job.pk, {"parameters": {"text": "<good> day"}}, actor="user:ana")
        before, run = run_of(job, "failed"), run_of(job, "failed")
        page = as_vera.text(at(run))
        assert "The same as in the run before" in page
        assert f">{before.pk}</a>" in page
        assert "Other than in the last success" in page
        assert f">{good.pk}</a>" in page
        assert "<del>hello</del> <ins>&lt;good&gt; day</ins>" in page
        assert "hunter2" not in page
        assert "Other than in the run before, which succeeded" in as_vera.text(at(before))


class TestEditAndRerun:
    def test_shows_what_differs_and_writes_nothing_until_it_is_sent(
        self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser, as_vera: Browser
    ) -> None:
        run = run_of(job_of(name="Greet all", parameters={"text": "hello", "token": "hunter2"}), "succeeded")
        page = as_olaf.text(at(run, "edit"))
        assert "hunter2" not in page
        assert "Nothing: the same parameters" in page
        form = {"parameters_of": run.template_id, "parameters-text": "good morning", "parameters-token": ""}
        with untouched():
            part = as_olaf.post(at(run, "edit"), {**form, "review": "1"}, headers={"HX-Request": "true"})
            assert "<html" not in part.content.decode()
            assert "<del>hello</del> <ins>good morning</ins>" in part.content.decode()
            assert as_vera.post(at(run, "edit"), form).status_code == 403
        response = as_olaf.post(at(run, "edit"), form)
        new = Execution.objects.latest("id")
        assert response.headers["Location"] == at(new)
        assert new.parent_id == run.pk
        page = as_olaf.text(at(new))
        assert f"Repeats execution {run.pk}" in page
        assert "Other than in the run before, which succeeded" in page
        assert f"Repeated as execution {new.pk}" in as_olaf.text(at(run))

    def test_of_what_cannot_run_says_why(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        run = run_of(job_of(), "succeeded", dry_run=True)
        response: Any = as_olaf.get(at(run, "edit"))
        assert "is a dry run" in as_olaf.told(response)[0]
        assert "edit-button" not in as_olaf.text(at(run))


class TestReport:
    def test_has_all_that_a_colleague_asks_for_and_no_secret(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of(name="Greet *all*", parameters={"text": "```", "token": "hunter2"})
        run = run_of(job, "failed")
        log(run, 60)
        Attempt.objects.filter(execution_id=run.pk).update(traceback="\x1b[31mTrace\x1b]0;title\x07")
        Execution.objects.filter(pk=run.pk).update(error="It \x1b[1mbroke.", queue="x|\x1b[2Jy")
        response = as_vera.get(at(run, "report"))
        assert response.headers["Content-Type"].startswith("text/markdown")
        report = response.content.decode()
        for expected in (
            "# Greet \\*all\\*: failed", f"[{run.pk}](http://testserver{at(run)})", "attempt 1 of 4", "Echo".lower(),
            "ValueError: It broke.", "Trace", "x\\|y", "## Log, last 50 lines", "Line <60> red", "````json",
        ):  # fmt: skip
            assert expected in report, expected
        assert "hunter2" not in report
        assert "Line <10> " not in report
        assert "\x1b" not in report


class TestCancel:
    def test_of_a_run_that_ended_unheard_says_so(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run = run_of(job_of(), "running")
        executions.cancel(run.pk, by="user:olaf", now=sql.now())
        Execution.objects.filter(pk=run.pk).update(status=ExecutionStatus.SUCCEEDED, finished_at=sql.now())
        page = as_vera.text(at(run))
        assert "The worker did not hear of it any more" in page
        assert "Ended as succeeded <time" in page
