"""Workers and queues through the API: what a tenant sees of what serves all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import executions, registry
from jobs.execution import registration
from jobs.execution.registration import Report
from jobs.models import Job, Worker
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast
from tests.jobs.api.conftest import JOB, MakeJob

pytestmark = pytest.mark.django_db

WORKERS, QUEUES = "/api/v1/workers", "/api/v1/queues"
NAME = "w1@test:abc"


def beat(name: str = NAME, report: Report | None = None) -> int:
    registration.beat(name, queues=["default"], concurrency=2, report=report)
    return Worker.objects.get(name=name).pk


def claim(job: Job) -> int:
    execution_id = registry.run_now(job, actor="user:ana")
    assert executions.claim(execution_id, worker=NAME, lease=timedelta(seconds=60)) is not None
    return execution_id


class TestList:
    def test_has_the_living_first(self, by_key: ApiClient) -> None:
        beat("a@test:1")
        registration.stop("a@test:1")
        beat("b@test:1", Report(health="unhealthy", trouble="The broker has not answered for 20 s."))
        found = by_key.get(WORKERS).json()
        assert found["total_count"] == 2
        assert [(row["name"], row["state"]) for row in found["results"]] == [
            ("b@test:1", "unhealthy"),
            ("a@test:1", "stopped"),
        ]
        assert found["results"][0]["trouble"] == "The broker has not answered for 20 s."

    @pytest.mark.parametrize("query", ["?state=lost", "?limit=0", "?limit=x", "?offset=-1", "?limit=1&limit=2"])
    def test_refuses_what_it_does_not_know(self, by_key: ApiClient, query: str) -> None:
        assert by_key.get(f"{WORKERS}{query}").status_code == 400


class TestDetail:
    def test_shows_the_runs_of_the_caller_s_tenants_and_counts_all(
        self, by_key: ApiClient, job_of: MakeJob, cast: Cast
    ) -> None:
        pk = beat()
        own = claim(job_of())
        claim(registry.create({**JOB, "name": "Foreign"}, tenant=cast.globex, actor="user:gil"))
        found = by_key.get(f"{WORKERS}/{pk}").json()
        assert found["running"] == 2
        assert [run["execution_id"] for run in found["runs"]] == [own]
        assert found["safe_to_restart_at"] >= found["runs"][0]["limit_at"]

    def test_of_an_older_release_has_no_figures(self, by_key: ApiClient) -> None:
        pk = beat()
        sql.rows("UPDATE workers SET memory = NULL, release = '', pool = ''")
        found = by_key.get(f"{WORKERS}/{pk}").json()
        assert (found["memory"], found["rss_bytes"], found["release"]) == (None, None, "")

    @pytest.mark.parametrize("pk", [0, 999_999_999_999_999_999])
    def test_says_that_there_is_none(self, by_key: ApiClient, pk: int) -> None:
        answer = by_key.get(f"{WORKERS}/{pk}")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].startswith(f"There is no worker {pk}.")


class TestQueues:
    def test_counts_the_caller_s_tenants_only(self, by_key: ApiClient, job_of: MakeJob, cast: Cast) -> None:
        beat()
        registry.run_now(job_of(priority="high"), actor="user:ana")
        foreign = registry.create({**JOB, "name": "Foreign", "queue": "theirs"}, tenant=cast.globex, actor="user:gil")
        registry.run_now(foreign, actor="user:gil")
        (found,) = by_key.get(QUEUES).json()["queues"]
        assert (found["queue"], found["waiting"]["high"], found["waiting_total"]) == ("default", 1, 1)
        assert (found["workers"], found["processes"]) == (1, 2)

    def test_refuses_what_it_does_not_know(self, by_key: ApiClient) -> None:
        assert by_key.get(f"{QUEUES}?queue=default").status_code == 400
