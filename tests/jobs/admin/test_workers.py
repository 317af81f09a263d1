"""Workers and queues in the admin: states, what runs now, memory, and what waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import executions, registry, workers
from jobs.execution import registration
from jobs.execution.registration import Report
from jobs.models import Job
from jobs.tick import canaries
from jobs.tick.canaries import Canaries
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import JOB, MakeJob

PAGE = "/admin/jobs/worker/"
MEGABYTE = 1024**2


def beat(name: str, report: Report | None = None) -> None:
    registration.beat(name, queues=["default"], concurrency=2, report=report)


def claim(job: Job, worker: str) -> None:
    execution_id = registry.run_now(job, actor="user:ana")
    assert executions.claim(execution_id, worker=worker, lease=timedelta(seconds=60)) is not None


class TestWorkers:
    def test_tells_how_to_start_the_first(self, as_vera: Browser) -> None:
        page = as_vera.text(PAGE)
        assert "No worker has reported yet" in page
        assert "celery -A scheduler_project worker" in page

    def test_shows_state_and_trouble(self, as_vera: Browser) -> None:
        beat("well@test:1")
        beat("ill@test:1", Report(health="degraded", trouble="The database took 1.5 s for a heartbeat."))
        beat("ending@test:1", Report(draining_for=1.0, drains_for=59.0))
        beat("gone@test:1")
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE name = 'gone@test:1'")
        beat("done@test:1")
        registration.stop("done@test:1")
        page = as_vera.text(PAGE)
        for expected in (
            "Healthy",
            "Degraded",
            "took 1.5 s",
            "Draining",
            "Lost",
            "its runs are tried again",
            "Stopped",
        ):
            assert expected in page

    def test_shows_what_each_runs_of_the_user_s_tenants(
        self, as_vera: Browser, as_root: Browser, job_of: MakeJob, cast: Cast
    ) -> None:
        beat("w1@test:1")
        claim(job_of(), "w1@test:1")
        foreign = registry.create({**JOB, "name": "Secret plans"}, tenant=cast.globex, actor="user:gil")
        claim(foreign, "w1@test:1")
        page = as_vera.text(PAGE)
        assert "2 of 2 busy" in page
        assert "Greet 1" in page
        assert "1 more" in page
        assert "Secret plans" not in page
        assert "Secret plans" in as_root.text(PAGE)

    def test_shows_memory_beside_its_limit(self, as_vera: Browser) -> None:
        sizes = [
            {"pid": 1, "rss": 90 * MEGABYTE, "pss": 60 * MEGABYTE},
            {"pid": 2, "rss": 480 * MEGABYTE, "pss": 40 * MEGABYTE},
        ]
        beat("w1@test:1", Report(memory=sizes, max_memory_mb=512))
        page = as_vera.text(PAGE)
        assert "100 MB" in page
        assert "largest process 480 of 512 MB" in page


class TestQueues:
    def test_shows_what_waits_and_who_hears(self, as_vera: Browser, job_of: MakeJob) -> None:
        beat("w1@test:1")
        registry.run_now(job_of(priority="high"), actor="user:ana")
        registry.run_now(job_of(name="Other", queue="reports"), actor="user:ana")
        Canaries(lambda queue: None).sweep()
        canaries.answer("default", by="w1@test:1")
        page = as_vera.text(PAGE)
        for expected in ("1 high", "Heard", "-Q reports", "2 processes"):
            assert expected in page

    @pytest.mark.parametrize("is_deaf", [False, True])
    def test_shows_that_nobody_hears(self, as_vera: Browser, is_deaf: bool) -> None:
        beat("w1@test:1")
        Canaries(lambda queue: None).sweep()
        if is_deaf:
            sql.rows("UPDATE queue_canaries SET asked_at = asked_at - interval '31 seconds'")
            Canaries(lambda queue: None).sweep()
        assert ("Nobody hears" in as_vera.text(PAGE)) == is_deaf


class TestPause:
    def test_asks_why_and_holds_the_queue(self, as_root: Browser, as_vera: Browser, job_of: MakeJob) -> None:
        job_of(queue="io")
        question = as_root.text(f"{PAGE}queue/pause/", queue="io")
        assert "Pause the queue io?" in question
        refused = as_root.post(f"{PAGE}queue/pause/", {"queue": "io", "note": " "})
        assert "everybody whose runs wait reads it" in refused.content.decode()
        as_root.post(f"{PAGE}queue/pause/", {"queue": "io", "note": "The disk is full"})
        page = as_vera.text(PAGE)
        for expected in ("Paused", "by user:root", "The disk is full"):
            assert expected in page
        assert "Resume" not in page

    def test_ends_by_a_click(self, as_root: Browser, job_of: MakeJob) -> None:
        registry.run_now(job_of(queue="io"), actor="user:ana")
        workers.pause("io", actor="user:root", note="The disk is full")
        answer = as_root.post(f"{PAGE}queue/resume/", {"queue": "io"}, follow=True)
        assert "Workers take from the queue io again" in answer.content.decode()
        assert "The disk is full" not in as_root.text(PAGE)

    def test_is_for_superusers(self, as_ana: Browser, job_of: MakeJob) -> None:
        job_of(queue="io")
        for path in ("pause", "resume"):
            assert as_ana.post(f"{PAGE}queue/{path}/", {"queue": "io", "note": "x"}).status_code == 403
        assert "queue/pause" not in as_ana.text(PAGE)

    def test_of_a_queue_that_is_not_there_is_not_found(self, as_root: Browser) -> None:
        assert as_root.get(f"{PAGE}queue/pause/?queue=oi").status_code == 404


def test_live_fragment_shows_the_same(as_vera: Browser, job_of: MakeJob) -> None:
    beat("w1@test:1")
    fragment = as_vera.text(f"{PAGE}live/")
    assert "w1@test:1" in fragment
    assert "<html" not in fragment
