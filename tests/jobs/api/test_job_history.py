"""What belongs to one job: executions, ticks, revisions and what comes next."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import ledger, outlook
from jobs.models import Job
from scheduler_project.lib import sql, transactions
from tests.cast import ApiClient, Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db

EVERY_MINUTE = {"kind": "cron", "cron": "* * * * *"}


def decide(job: Job, *, minutes: int) -> None:
    """As if the scheduler came by after some minutes."""
    with transactions.engine():
        ledger.decide_due(now=sql.now() + timedelta(minutes=minutes), epoch=3)


def read(client: ApiClient, job: Job, what: str, query: str = "") -> Any:
    answer = client.get(f"/api/v1/jobs/{job.pk}/{what}?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestTicks:
    def test_show_what_became_of_each_occurrence_and_what_stood_in_the_way(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob
    ) -> None:
        job = job_of(schedule=EVERY_MINUTE)
        run = run_of(job, "running")
        decide(job, minutes=1)
        tick = read(by_key, job, "ticks")["results"][0]
        assert (tick["outcome"], tick["reason"]) == ("skipped", "overlap")
        assert (tick["blocking_execution_id"], tick["execution_id"]) == (run.pk, None)
        assert (tick["revision"], tick["epoch"]) == (1, 3)
        assert tick["due_at"].endswith(":00Z")

    def test_come_newest_first_and_can_be_narrowed(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job, other = job_of(schedule=EVERY_MINUTE), job_of(schedule=EVERY_MINUTE)
        decide(job, minutes=3)
        due = [tick["due_at"] for tick in read(by_key, job, "ticks")["results"]]
        assert len(due) == 3
        assert due == sorted(due, reverse=True)
        assert read(by_key, job, "ticks", "outcome=coalesced")["total_count"] == 2
        assert read(by_key, job, "ticks", "reason=misfire_last")["total_count"] == 2
        assert read(by_key, job, "ticks", f"since={due[1]}")["total_count"] == 2
        assert read(by_key, job, "ticks", f"until={due[1]}")["total_count"] == 1
        assert read(by_key, other, "ticks", "limit=1")["has_more"] is True

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("outcome=lost", "outcome"),
            ("since=yesterday", "since"),
            ("since=2026-01-01T00:00:00", "since"),
            ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
            ("count=5", "count"),
        ],
    )
    def test_name_the_parameter_that_is_wrong(self, by_key: ApiClient, job_of: MakeJob, query: str, field: str) -> None:
        answer = by_key.get(f"/api/v1/jobs/{job_of().pk}/ticks?{query}")
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == {field}


class TestExecutions:
    def test_are_those_of_the_job(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        job, other = job_of(), job_of()
        ended, waiting = run_of(job, "succeeded"), run_of(job)
        run_of(other)
        assert [run["id"] for run in read(by_key, job, "executions")["results"]] == [waiting.pk, ended.pk]
        assert [run["id"] for run in read(by_key, job, "executions", "status=succeeded")["results"]] == [ended.pk]
        assert read(by_key, job, "executions", "trigger=schedule")["total_count"] == 0


class TestRevisions:
    def test_show_each_change_with_the_definition_in_force(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(parameters={"text": "one", "token": "hush-hush"})
        by_key.send("PATCH", f"/api/v1/jobs/{job.pk}", {"parameters": {"text": "two"}, "note": "better"})
        new, old = read(by_key, job, "revisions")["results"]
        assert (new["number"], new["change"], new["note"]) == (2, "changed", "better")
        assert (old["actor"], old["definition"]["parameters"]) == ("user:ana", {"text": "one"})
        assert new["definition"]["parameters"] == {"text": "two"}
        assert next(iter(new["definition"]["schedule"])) == "kind"


class TestPreview:
    BERLIN = {"kind": "cron", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}

    def test_shows_the_next_ticks_with_their_wall_clock(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 9 * * *", "timezone": "Asia/Tokyo"})
        preview = read(by_key, job, "preview", "count=2")
        assert (preview["text"], preview["timezone"], preview["holds_back"]) == (
            "At 09:00 (Asia/Tokyo)",
            "Asia/Tokyo",
            "",
        )
        first, second = preview["ticks"]
        assert first["due_at"].endswith("T00:00:00Z")
        assert first["local"].endswith("T09:00:00+09:00")
        assert datetime.fromisoformat(second["due_at"]) - datetime.fromisoformat(first["due_at"]) == timedelta(days=1)

    def test_is_what_the_scheduler_will_do(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        assert read(by_key, job, "preview", "count=1")["ticks"][0]["due_at"] == read(by_key, job, "")["next_tick_at"]

    def test_shows_five_unless_told(self, by_key: ApiClient, job_of: MakeJob) -> None:
        assert len(read(by_key, job_of(), "preview")["ticks"]) == 5

    def test_shows_where_the_clocks_change(self, job_of: MakeJob) -> None:
        job = job_of(schedule=self.BERLIN)
        preview = outlook.of_job(job, now=datetime(2026, 10, 23, tzinfo=UTC), count=4)
        assert [note.kind for note in preview.clock_changes] == ["fold"]
        assert "02:00 to 2026-10-25 03:00" in preview.clock_changes[0].text

    def test_writes_changes_of_the_clocks_for_programs_and_for_people(
        self, by_key: ApiClient, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.api.job_history.sql.now", lambda: datetime(2026, 3, 27, 12, tzinfo=UTC))
        change = read(by_key, job_of(schedule=self.BERLIN), "preview")["clock_changes"][0]
        assert (change["at"], change["kind"], change["effect"]) == ("2026-03-29T01:00:00Z", "gap", "shifted")
        assert change["due"] == ["2026-03-29T01:00:00Z"]
        assert change["text"].startswith("The clocks of Europe/Berlin leave out")

    @pytest.mark.parametrize(("action", "word"), [("pause", "paused"), ("disable", "disabled")])
    def test_says_what_holds_the_job_back(self, by_key: ApiClient, job_of: MakeJob, action: str, word: str) -> None:
        job = job_of()
        by_key.send("POST", f"/api/v1/jobs/{job.pk}/{action}")
        preview = read(by_key, job, "preview")
        assert (preview["holds_back"], len(preview["ticks"])) == (word, 5)

    def test_ends_with_the_last_run_that_is_left(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(policies={"max_runs": 3})
        Job.objects.filter(pk=job.pk).update(fired_count=1)
        assert len(read(by_key, job, "preview")["ticks"]) == 2

    def test_is_empty_for_a_job_that_only_runs_by_hand(self, by_key: ApiClient, job_of: MakeJob) -> None:
        preview = read(by_key, job_of(schedule={"kind": "manual"}), "preview")
        assert (preview["text"], preview["ticks"]) == ("Only by hand", [])

    def test_of_a_schedule_that_no_longer_loads_is_refused_and_the_job_still_shown(
        self, by_key: ApiClient, job_of: MakeJob
    ) -> None:
        job = job_of()
        Job.objects.filter(pk=job.pk).update(spec={**job.spec, "cron": "of old"})
        answer = by_key.get(f"/api/v1/jobs/{job.pk}/preview")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "quarantined")
        assert read(by_key, job, "")["schedule_text"] == ""

    @pytest.mark.parametrize("count", ["0", "51", "five", "1" * 30])
    def test_has_a_bounded_length(self, by_key: ApiClient, job_of: MakeJob, count: str) -> None:
        answer = by_key.get(f"/api/v1/jobs/{job_of().pk}/preview?count={count}")
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == {"count"}


class TestPreviewOfAnUnsavedSchedule:
    PATH = "/api/v1/schedules/preview"

    def test_shows_the_next_ticks(self, by_key: ApiClient, cast: Cast) -> None:
        body = {"schedule": {"kind": "interval", "every_seconds": 900}, "count": 3}
        preview = by_key.send("POST", self.PATH, body).json()
        assert (preview["text"], len(preview["ticks"])) == ("Every 15 minutes (UTC)", 3)
        assert not Job.objects.exists()

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"schedule"}),
            ({"schedule": "daily"}, {"schedule"}),
            ({"schedule": {"kind": "cron", "cron": "0 0 13 * 5"}}, {"schedule.day_match"}),
            ({"schedule": {"kind": "interval", "every_seconds": 5}}, {"schedule.every_seconds"}),
            ({"schedule": EVERY_MINUTE, "count": 0}, {"count"}),
            ({"schedule": EVERY_MINUTE, "count": "5"}, {"count"}),
            ({"schedule": EVERY_MINUTE, "count": True}, {"count"}),
            ({"schedule": EVERY_MINUTE, "template": "nothing"}, {"template"}),
            ({"schedule": EVERY_MINUTE, "name": "x"}, {"name"}),
        ],
    )
    def test_names_what_is_wrong(self, by_key: ApiClient, body: Any, fields: set[str]) -> None:
        answer = by_key.send("POST", self.PATH, body)
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == fields

    def test_goes_by_the_shortest_interval_of_a_template(self, by_key: ApiClient) -> None:
        schedule = {"kind": "interval", "every_seconds": 5}
        assert by_key.send("POST", self.PATH, {"schedule": schedule, "template": "echo"}).status_code == 200

    def test_is_quick_for_a_date_that_hardly_ever_comes(self, by_key: ApiClient) -> None:
        rare = {"kind": "cron", "cron": "30 2 29 2 *", "timezone": "Europe/Berlin"}
        started = time.monotonic()
        answer = by_key.send("POST", self.PATH, {"schedule": rare, "count": 50})
        assert time.monotonic() - started < 2
        assert len(answer.json()["ticks"]) > 30
