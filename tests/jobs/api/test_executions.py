"""Executions: lists, the detail with its attempts, the log, the request to end one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs import executions, registry
from jobs.models import Execution, ExecutionLease, LogLine
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/executions"


def read(client: ApiClient, path: str) -> Any:
    answer = client.get(f"{PATH}{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestList:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["waiting", "running", "failed", "succeeded"]),
            ("status=running", ["running"]),
            ("status=failed", ["failed"]),
            ("trigger=manual", ["waiting", "running", "failed", "succeeded"]),
            ("trigger=schedule", []),
            ("template=failing", ["failed"]),
            ("priority=high", ["running"]),
            ("tenant=globex", []),
            ("job={job}", ["succeeded"]),
            ("since={failed}", ["waiting", "running", "failed"]),
            ("until={failed}", ["succeeded"]),
        ],
    )
    def test_is_narrowed_and_newest_first(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, cast: Cast, query: str, found: list[str]
    ) -> None:
        first = job_of()
        runs = {
            "succeeded": run_of(first, "succeeded"),
            "failed": run_of(job_of(template="failing"), "failed"),
            "running": run_of(job_of(priority="high"), "running"),
            "waiting": run_of(job_of()),
        }
        for number, run in enumerate(runs.values()):
            moment = datetime.fromisoformat("2026-05-01T00:00:00Z") + timedelta(hours=number)
            Execution.objects.filter(pk=run.pk).update(created_at=moment)
        run_of(job_of(cast.globex))
        asked = query.format(job=first.pk, failed="2026-05-01T01:00:00Z")
        names = {run.pk: name for name, run in runs.items()}
        assert [names[run["id"]] for run in read(by_key, f"?{asked}")["results"]] == found

    @pytest.mark.parametrize(
        "query", ["status=gone", "job=x", "job=0", "job=99999999999999999999", "since=1", "sort=id"]
    )
    def test_names_the_parameter_that_is_wrong(self, by_key: ApiClient, query: str) -> None:
        answer = by_key.get(f"{PATH}?{query}")
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == {query.partition("=")[0]}

    def test_cuts_long_errors_off(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        run = run_of(job_of(), "failed")
        Execution.objects.filter(pk=run.pk).update(error="x" * 5_000)
        assert len(read(by_key, "")["results"][0]["error"]) == 500
        assert len(read(by_key, f"/{run.pk}")["error"]) == 5_000


class TestDetail:
    def test_shows_the_result(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        job = job_of(parameters={"text": "hi", "token": "hush-hush"})
        run = read(by_key, f"/{run_of(job, 'succeeded').pk}")
        assert (run["status"], run["result"], run["lease"]) == ("succeeded", {"text": "hello"}, None)
        assert run["parameters"] == {"text": "hi"}
        assert run["policies"]["timeout_seconds"] == 3600
        assert (run["job_name"], run["template"], run["priority"]) == (job.name, "echo", "normal")

    def test_shows_each_attempt_with_its_traceback(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        run = read(by_key, f"/{run_of(job_of(), 'failed').pk}")
        assert (run["status"], run["error"], run["error_class"]) == ("failed", "It broke.", "ValueError")
        attempt = run["attempts"][0]
        assert (attempt["number"], attempt["outcome"], attempt["traceback"]) == (1, "failed", "Trace")
        assert (attempt["worker"], attempt["is_stale"]) == ("worker@test", False)

    def test_shows_who_runs_it_now_and_how_far_it_is(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        execution = run_of(job_of(), "running")
        ExecutionLease.objects.filter(pk=execution.pk).update(progress={"done": 1, "total": 4, "text": "a"})
        lease = read(by_key, f"/{execution.pk}")["lease"]
        assert (lease["worker"], lease["progress"]) == ("worker@test", {"done": 1, "total": 4, "text": "a"})
        assert lease["expires_at"] > lease["acquired_at"]

    def test_tells_waiting_from_running(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        execution = run_of(job_of(), "succeeded")
        now = sql.now()
        Execution.objects.filter(pk=execution.pk).update(created_at=now - timedelta(seconds=100), finished_at=now)
        execution.attempts.update(started_at=now - timedelta(seconds=30), finished_at=now - timedelta(seconds=5))
        run = read(by_key, f"/{execution.pk}")
        assert (run["running_seconds"], run["waiting_seconds"]) == (25.0, 75.0)

    def test_counts_up_while_it_waits(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        execution = run_of(job_of())
        Execution.objects.filter(pk=execution.pk).update(created_at=sql.now() - timedelta(seconds=60))
        run = read(by_key, f"/{execution.pk}")
        assert run["running_seconds"] == 0
        assert 60 <= run["waiting_seconds"] < 70


class TestLog:
    @pytest.fixture
    def logged(self, job_of: MakeJob, run_of: RunJob) -> Execution:
        execution = run_of(job_of(), "running")
        for number in range(1, 6):
            LogLine.objects.create(
                execution=execution,
                sequence=number,
                attempt=1,
                logged_at=sql.now(),
                level="info",
                message=f"{number} ✓",
            )
        return execution

    def test_is_read_piece_by_piece_without_gaps(self, by_key: ApiClient, logged: Execution) -> None:
        seen: list[str] = []
        since, has_more = 0, True
        while has_more:
            log = read(by_key, f"/{logged.pk}/log?limit=2&since={since}")
            seen += [line["message"] for line in log["results"]]
            since, has_more = log["next_since"], log["has_more"]
        assert seen == ["1 ✓", "2 ✓", "3 ✓", "4 ✓", "5 ✓"]
        assert read(by_key, f"/{logged.pk}/log?since=5") == {
            "results": [],
            "has_more": False,
            "next_since": 5,
            "finished": False,
        }

    def test_says_when_no_more_will_come(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        assert read(by_key, f"/{run_of(job_of(), 'succeeded').pk}/log")["finished"] is True

    @pytest.mark.parametrize("query", ["since=-1", "since=x", "limit=0", "limit=1001", "since=99999999999"])
    def test_names_the_parameter_that_is_wrong(self, by_key: ApiClient, logged: Execution, query: str) -> None:
        assert by_key.get(f"{PATH}/{logged.pk}/log?{query}").status_code == 400


class TestCancel:
    def test_ends_what_is_queued_at_once(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        answer = by_key.send("POST", f"{PATH}/{run_of(job_of()).pk}/cancel")
        run = answer.json()
        assert (answer.status_code, run["status"], run["reason"]) == (202, "cancelled", "cancelled")
        assert run["cancel_requested_by"].startswith("key:")
        assert run["finished_at"] is not None

    def test_asks_what_is_running_to_end(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        run = by_key.send("POST", f"{PATH}/{run_of(job_of(), 'running').pk}/cancel").json()
        assert run["status"] == "running"
        assert run["cancel_requested_at"].endswith("Z")

    def test_comes_too_late_for_what_has_ended(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        execution = run_of(job_of(), "succeeded")
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{execution.pk}/cancel")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_finished")

    def test_takes_no_fields(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        execution = run_of(job_of())
        with untouched():
            answer = by_key.send("POST", f"{PATH}/{execution.pk}/cancel", {"reason": "x"})
        assert answer.status_code == 400

    def test_loses_to_an_end_in_the_same_moment(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        execution = run_of(job_of())
        cancel = executions.cancel

        def cancelled_by_another_first(execution_id: int, **values: Any) -> Any:
            cancel(execution_id, **{**values, "by": "user:olaf"})
            return cancel(execution_id, **values)

        monkeypatch.setattr("jobs.api.executions.executions.cancel", cancelled_by_another_first)
        assert by_key.send("POST", f"{PATH}/{execution.pk}/cancel").status_code == 409


def test_what_is_over_waits_for_nothing(by_key: ApiClient, job_of: MakeJob) -> None:
    job = job_of(policies={"overlap": "allow", "requires_approval": True})
    waiting, over = (registry.run_now(job, actor="user:ana") for _ in range(2))
    executions.cancel(over, by="user:ana", now=sql.now())
    found = by_key.get("/api/v1/executions?held_for=approval").json()["results"]
    assert [run["id"] for run in found] == [waiting]
