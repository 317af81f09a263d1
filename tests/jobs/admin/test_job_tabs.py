"""The tabs of a job's page: history, decisions, parameters, versions, and bringing a version back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from jobs import registry, sealed
from jobs.models import Execution, Job, JobRevision, Tick
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, job_url
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tick(job: Job, outcome: str, due_at: datetime, **facts: Any) -> Tick:
    if outcome == "fired":
        facts["execution_id"] = registry.run_now(job, actor="user:ana")
    facts = {"reason": "", "revision": 1, "epoch": 1, "decided_at": due_at + timedelta(seconds=3), **facts}
    return Tick.objects.create(tenant=job.tenant, job=job, due_at=due_at, outcome=outcome, **facts)


def restore_url(job: Job, number: int) -> str:
    return reverse("admin:jobs_job_restore", args=[job.pk, number])


class TestOverview:
    def test_draws_runs_misses_and_changes_in_their_order(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of()
        first = run_of(job, "succeeded")
        registry.change(job.pk, {"schedule": {"kind": "cron", "cron": "0 10 * * *"}}, actor="user:ana")
        run_of(job, "failed"), run_of(job, "running")
        run_of(job, "succeeded", dry_run=True)
        tick(job, "missed", first.created_at - timedelta(hours=1), reason="misfire_none")
        page = as_vera.text(job_url(job))
        chart = page.partition('<svg class="history-chart"')[2].partition("</svg>")[0]
        titles = re.findall("<title>([^<]*)</title>", chart)
        assert [title.split(",")[0].split(": ")[-1] for title in titles] == ["Missed", "Succeeded", "Failed", "Running"]
        assert chart.count('class="hollow"') == 1
        assert chart.count('class="mark"') == 1
        assert "At 09:00 (UTC)" in page.partition('class="marked"')[2]
        assert "50%" in page
        assert page.partition('id="history-table"')[2].partition("</table>")[0].count("<tr><td") == 4

    def test_tells_of_a_run_that_is_slower_than_usual(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        job = job_of(policies={"overlap": "allow"})
        for _ in range(3):
            run_of(job, "succeeded")
        running = run_of(job, "running")
        assert "Slower than usual" not in as_vera.text(job_url(job_of()))
        Execution.objects.filter(pk=running.pk).update(started_at=sql.now() - timedelta(hours=1))
        page = as_vera.text(job_url(job))
        assert "Slower than usual" in page
        assert f"Execution {running.pk}</a> has run for 1 h" in page

    def test_shows_the_next_runs_in_the_zone_of_the_job_and_of_the_viewer(
        self, job_of: MakeJob, as_vera: Browser
    ) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 9 * * *", "timezone": "Asia/Tokyo"})
        as_vera.cookies["daybook_zone"] = "Europe/Berlin"
        page = as_vera.text(job_url(job))
        assert "Next runs in Asia/Tokyo" in page
        assert "For you (Europe/Berlin)" in page
        as_vera.cookies["daybook_zone"] = "Asia/Tokyo"
        assert "For you" not in as_vera.text(job_url(job))

    def test_is_read_again_in_parts(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        part = as_ana.text(job_url(job), part="tab")
        assert "<html" not in part
        assert f'data-live="job:{job.pk}"' in part
        assert 'id="job-head" class="page-head" hx-swap-oob="true"' in part
        head = as_ana.text(job_url(job), tab="versions", part="head")
        assert "<table" not in head
        assert f"{job_url(job)}?tab=versions&amp;part=head" in head


class TestRuns:
    def test_are_narrowed_and_paged(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.admin.jobs.tabs.runs.SHOWN", 2)
        job = job_of(policies={"overlap": "allow"})
        runs = [run_of(job, state) for state in ("succeeded", "failed", "failed")]
        run_of(job_of(), "failed")
        page = as_vera.get(job_url(job), {"tab": "runs"})
        assert [row["execution"].pk for row in page.context["rows"]] == [runs[2].pk, runs[1].pk]
        older = as_vera.get(f"{job_url(job)}{page.context['pages'].older}")
        assert [row["execution"].pk for row in older.context["rows"]] == [runs[0].pk]
        assert "data-live" not in older.content.decode().partition('id="job-tab"')[2].partition(">")[0]
        found = as_vera.get(job_url(job), {"tab": "runs", "status": "succeeded", "trigger": "manual"})
        assert [row["execution"].pk for row in found.context["rows"]] == [runs[0].pk]
        assert "No run fits" in as_vera.text(job_url(job), tab="runs", trigger="api")
        assert len(as_vera.get(job_url(job), {"tab": "runs", "status": "x", "before": "y"}).context["rows"]) == 2


class TestDecisions:
    def test_say_what_came_of_each_tick(self, job_of: MakeJob, as_vera: Browser) -> None:
        job, now = job_of(), sql.now()
        for hours, (outcome, reason) in enumerate(
            [("fired", ""), ("skipped", "overlap"), ("missed", "misfire_none"), ("skipped", "paused")], start=1
        ):
            tick(
                job,
                outcome,
                now - timedelta(hours=hours),
                reason=reason,
                blocking_id=7 if reason == "overlap" else None,
            )
        tick(job, "fired", now - timedelta(days=10))
        page = as_vera.text(job_url(job), tab="decisions")
        for text in ("An earlier run had not ended", "execution 7", "The job was paused", "3.0 s", "All <b>5</b>"):
            assert text in page, text
        chart = page.partition('<svg class="decisions-chart"')[2].partition("</svg>")[0]
        assert (chart.count("<rect"), chart.count("hollow-bad"), chart.count("bar-good")) == (5, 1, 2)
        skipped = as_vera.get(job_url(job), {"tab": "decisions", "outcome": "skipped", "span": "day"})
        assert [row.reason for row, _ in skipped.context["ticks"]] == ["overlap", "paused"]
        assert skipped.context["total"] == 4
        assert "No tick fits" in as_vera.text(job_url(job), tab="decisions", outcome="late")

    def test_go_on_where_the_page_ended(
        self, job_of: MakeJob, as_vera: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.admin.jobs.tabs.decisions.SHOWN", 2)
        job = job_of()
        ticks = [tick(job, "fired", NOON + timedelta(hours=hour)) for hour in range(3)]
        page = as_vera.get(job_url(job), {"tab": "decisions"})
        older = as_vera.get(f"{job_url(job)}{page.context['pages'].older}")
        assert [row.pk for row, _ in older.context["ticks"]] == [ticks[0].pk]


class TestParameters:
    def test_stand_by_their_titles_and_without_secrets(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(parameters={"text": "hi", "token": "hunter2"})
        page = as_vera.text(job_url(job), tab="parameters")
        assert "hunter2" not in page
        assert "••••••" in page
        assert page.count('<span class="tag">secret</span>') == 1


class TestVersions:
    def test_say_in_words_what_was_changed(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(name="Greet all", parameters={"text": "hi", "token": "one"})
        registry.change(
            job.pk,
            {"schedule": {"kind": "cron", "cron": "0 10 * * *"}, "policies": {"max_retries": 7}, "tags": ["a", "b"]},
            actor="user:ana",
            note="Later",
        )
        registry.change(job.pk, {"parameters": {"text": "hi", "token": "two"}}, actor="user:ana")
        registry.pause(job.pk, actor="user:olaf", note="Until Tuesday")
        page = as_vera.text(job_url(job), tab="versions")
        for text in (
            "At 09:00 (UTC)",
            "At 10:00 (UTC)",
            "Max retries",
            "a, b",
            "another secret",
            "Until Tuesday",
        ):
            assert text in page, text
        compared = as_vera.get(job_url(job), {"tab": "versions", "one": "4", "other": "1"}).context["comparison"]
        assert (compared["old"].number, compared["new"].number) == (1, 4)
        assert {change.path for change in compared["changes"]} == {
            *("schedule", "policies.max_retries", "tags", "parameters.token"),
        }
        assert as_vera.get(job_url(job), {"tab": "versions", "one": "1", "other": "99"}).context["comparison"] is None

    def test_call_numbers_the_same_however_they_were_written(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(policies={"retry_base_seconds": 1.0, "retry_cap_seconds": 300.0})
        changed = {"retry_base_seconds": 1, "retry_cap_seconds": 300, "retry_multiplier": 2.5}
        registry.change(job.pk, {"policies": changed, "tags": ["new"]}, actor="user:ana")
        compared = as_vera.get(job_url(job), {"tab": "versions", "one": "2", "other": "1"}).context["comparison"]
        assert "policies.retry_cap_seconds" not in {change.path for change in compared["changes"]}
        assert "tags" in {change.path for change in compared["changes"]}

    def test_come_back_as_a_new_revision(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(name="Greet all", parameters={"text": "hi", "token": "one"}, tags=["old"])
        changes = {
            "name": "Greet some", "parameters": {"text": "ho", "token": "two"}, "tags": ["new"],
            "schedule": {"kind": "cron", "cron": "0 10 * * *"}, "policies": {"max_retries": 7},
        }  # fmt: skip
        registry.change(job.pk, changes, actor="user:ana")
        registry.pause(job.pk, actor="user:ana")
        page = as_ana.text(restore_url(job, 1))
        for text in ("Greet some", "Greet all", "At 09:00 (UTC)", "What that does", "Another secret"):
            assert text in page, text
        answer = as_ana.post(restore_url(job, 1), {"note": "It was better", "expected_revision": "3"})
        assert as_ana.told(answer) == ["Greet all is as it was in revision 1; that is revision 4 now."]
        job = Job.objects.select_related("template").get(pk=job.pk)
        assert (job.name, job.tags, job.spec["cron"], job.is_paused) == ("Greet all", ["old"], "0 9 * * *", True)
        assert sealed.parameters_of(job) == {**sealed.parameters_of(job), "text": "hi", "token": "one"}
        newest = job.revisions.get(number=4)
        assert (newest.note, newest.actor) == ("Restored revision 1. It was better", "user:ana")
        assert AuditEntry.objects.filter(action="job.changed", note__startswith="Restored revision 1").exists()

    def test_take_away_a_secret_that_came_later(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "hi"})
        registry.change(job.pk, {"parameters": {"text": "hi", "token": "two"}}, actor="user:ana")
        as_ana.post(restore_url(job, 1))
        assert "token" not in sealed.parameters_of(Job.objects.select_related("template").get(pk=job.pk))

    def test_do_not_come_back_over_a_change_that_nobody_saw(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        for name in ("Second", "Third"):
            registry.change(job.pk, {"name": name}, actor="user:ana")
        told = as_ana.told(as_ana.post(restore_url(job, 1), {"expected_revision": "2"}))
        assert "The job is at revision 3, not 2" in told[0]

    def test_whose_template_is_gone_say_so(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        registry.change(job.pk, {"name": "Other"}, actor="user:ana")
        definition = {**JobRevision.objects.get(job=job, number=2).definition, "template": "vanished"}
        registry.change(job.pk, {"name": "Third"}, actor="user:ana")
        JobRevision.objects.bulk_create(
            [
                JobRevision(
                    job=job, number=99, valid_from=sql.now(), change="changed", actor="user:ana", definition=definition,
                    engine_version="1", tzdata_version="1",
                )
            ]
        )  # fmt: skip
        page = as_ana.text(restore_url(job, 99))
        assert "of vanished is not known any more" in page
        assert "Restore revision 99</button>" not in page

    def test_are_brought_back_by_those_who_may_change_the_job(
        self, cast: Cast, job_of: MakeJob, as_olaf: Browser, as_gita: Browser, as_ana: Browser
    ) -> None:
        job = job_of()
        registry.change(job.pk, {"name": "Other"}, actor="user:ana")
        assert "Restore" not in as_olaf.text(job_url(job), tab="versions")
        with untouched():
            for browser in (as_olaf, as_gita):
                assert browser.get(restore_url(job, 1)).status_code == 403
                assert browser.post(restore_url(job, 1)).status_code == 403
            assert as_ana.get(restore_url(job, 50)).status_code == 404
