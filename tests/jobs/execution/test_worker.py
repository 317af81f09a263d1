"""Real worker processes, and what becomes of runs when something dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import registry
from jobs.models import Attempt, Execution, ExecutionLease, Job, Worker
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests import live
from tests.live import time_until, wait_for
from tests.own_servers import OwnServer

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.acceptance
on_the_shared_database = pytest.mark.django_db(transaction=True)


def start_run(job: Job) -> int:
    execution_id = registry.run_now(job, actor="user:test")
    publisher.publish_waiting()
    return execution_id


def status(execution_id: int) -> str:
    return str(Execution.objects.values_list("status", flat=True).get(pk=execution_id))


def outcomes(execution_id: int) -> list[str]:
    return list(Attempt.objects.filter(execution_id=execution_id).order_by("number").values_list("outcome", flat=True))


def owner(execution_id: int) -> int:
    """The process that works on it, once there is one."""
    found: list[int] = []

    def look() -> bool:
        found[:] = ExecutionLease.objects.filter(execution_id=execution_id).values_list("pid", flat=True)
        return bool(found)

    wait_for(look, what="a claim")
    return found[0]


@pytest.fixture
def journal(make_job: MakeJob, tmp_path: Path) -> Callable[..., Job]:
    def make(*, seconds: float, how: str = "sleep", **changes: Any) -> Job:
        return make_job(
            template="journal",
            parameters={"path": str(tmp_path / "journal"), "seconds": seconds, "how": how},
            **changes,
        )

    return make


@on_the_shared_database
class TestRegistration:
    def test_registers_beats_and_marks_its_stop(self, db: None, tmp_path: Path) -> None:
        with live.worker(tmp_path, queues="default,reports") as worker:
            wait_for(lambda: Worker.objects.exists())
            row = Worker.objects.get()
            assert row.name.startswith("w1@test:")
            assert (row.pid, row.queues, row.concurrency) == (worker.pid, ["default", "reports"], 2)
            wait_for(lambda: Worker.objects.get().heartbeat_at > row.heartbeat_at, seconds=3)
            worker.send(signal.SIGTERM)
            worker.wait(seconds=10)
        assert Worker.objects.get().stopped_at is not None


@on_the_shared_database
class TestLostChild:
    def test_its_run_is_tried_again_within_two_seconds(self, journal: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path):
            execution_id = start_run(journal(seconds=1.5))
            child = owner(execution_id)
            os.kill(child, signal.SIGKILL)
            took = time_until(lambda: owner(execution_id) != child, seconds=2)
            wait_for(lambda: status(execution_id) == "succeeded", seconds=5)
        assert outcomes(execution_id) == ["lost", "succeeded"]
        print(f"claimed again {took:.2f} s after SIGKILL of the child")

    def test_its_run_is_tried_again_by_the_only_child(self, journal: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path, concurrency=1):
            execution_id = start_run(journal(seconds=1.5))
            child = owner(execution_id)
            os.kill(child, signal.SIGKILL)
            took = time_until(lambda: owner(execution_id) != child, seconds=3)
            wait_for(lambda: status(execution_id) == "succeeded", seconds=5)
        print(f"claimed again by a new child {took:.2f} s after SIGKILL of the only one")

    def test_a_request_to_end_does_not_count_as_the_template_s_failure(self, journal: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path):
            execution_id = start_run(journal(seconds=1))
            os.kill(owner(execution_id), signal.SIGTERM)
            wait_for(lambda: status(execution_id) == "succeeded", seconds=5)
        assert outcomes(execution_id) == ["lost", "succeeded"]

    def test_a_run_past_its_limit_in_code_that_holds_the_interpreter_timed_out(
        self, make_job: MakeJob, tmp_path: Path
    ) -> None:
        job = make_job(template="deaf", policies={"timeout_seconds": 1, "max_retries": 0})
        with live.worker(tmp_path):
            execution_id = start_run(job)
            took = time_until(lambda: status(execution_id) == "timed_out", seconds=6)
        assert outcomes(execution_id) == ["timed_out"]
        print(f"timed out {took:.2f} s after the start, with a limit of 1 s")

    def test_programs_that_the_template_started_end_with_it(self, make_job: MakeJob, tmp_path: Path) -> None:
        job = make_job(template="program", parameters={"path": str(tmp_path / "pid")}, policies={"max_retries": 0})
        with live.worker(tmp_path):
            execution_id = start_run(job)
            wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
            program = int((tmp_path / "pid").read_text())
            os.kill(owner(execution_id), signal.SIGKILL)
            wait_for(lambda: not Path(f"/proc/{program}").exists(), seconds=3, what="the end of the program")
            wait_for(lambda: status(execution_id) == "lost", seconds=3)


@on_the_shared_database
class TestLostWorker:
    def test_its_run_is_settled_by_the_reaper_and_tried_by_another_worker(
        self, journal: MakeJob, tmp_path: Path
    ) -> None:
        with live.scheduler(tmp_path), live.worker(tmp_path, name="w1") as first:
            execution_id = start_run(journal(seconds=2))
            owner(execution_id)
            first.send(signal.SIGKILL)
            killed_at = datetime.now(UTC)
            with live.worker(tmp_path, name="w2"):
                wait_for(lambda: outcomes(execution_id)[0] == "lost", seconds=20)
                wait_for(lambda: status(execution_id) == "succeeded", seconds=10)
        assert outcomes(execution_id) == ["lost", "succeeded"]
        settled_at = Attempt.objects.get(execution_id=execution_id, number=1).finished_at
        assert settled_at is not None
        took = (settled_at - killed_at).total_seconds()
        assert took < 10
        print(f"settled {took:.2f} s after SIGKILL of the worker, with a lease of 4 s")


@on_the_shared_database
@pytest.mark.parametrize("remapped", [{}, {"REMAP_SIGTERM": "SIGQUIT"}], ids=["plain", "remapped"])
class TestShutdown:
    def test_waits_for_a_short_run_and_no_longer(
        self, journal: MakeJob, tmp_path: Path, remapped: dict[str, str]
    ) -> None:
        with live.worker(tmp_path, **remapped) as worker:
            execution_id = start_run(journal(seconds=2))
            owner(execution_id)
            worker.send(signal.SIGTERM)
            took = worker.wait(seconds=15)
            assert (status(execution_id), outcomes(execution_id)) == ("succeeded", ["succeeded"])
            assert Worker.objects.get().stopped_at is not None
        print(f"ended {took:.2f} s after SIGTERM, with a run of 2 s in progress")

    def test_begins_no_further_run(self, journal: MakeJob, tmp_path: Path, remapped: dict[str, str]) -> None:
        job = journal(seconds=0.2, policies={"overlap": "allow"})
        with live.worker(tmp_path, concurrency=1, **remapped) as worker:
            for _ in range(30):
                registry.run_now(job, actor="user:test")
            publisher.publish_waiting()
            wait_for(lambda: Attempt.objects.filter(outcome="succeeded").count() >= 2)
            worker.send(signal.SIGTERM)
            told_at = sql.now()
            took = worker.wait(seconds=15)
        last = Attempt.objects.latest("started_at")
        assert (last.started_at - told_at).total_seconds() < 0.25  # one may have begun before the signal arrived
        assert set(Attempt.objects.values_list("outcome", flat=True)) == {"succeeded"}
        assert Execution.objects.filter(status="queued").count() >= 20
        print(f"ended {took:.2f} s after SIGTERM, with a queue full of short runs")

    def test_hands_back_what_it_cannot_wait_for(
        self, journal: MakeJob, tmp_path: Path, remapped: dict[str, str]
    ) -> None:
        remapped = {**remapped, "TEST_SOFT_SHUTDOWN": "1"}
        with live.worker(tmp_path, **remapped) as worker:
            execution_id = start_run(journal(seconds=30))
            owner(execution_id)
            worker.send(signal.SIGTERM)
            took = worker.wait(seconds=15)
        assert (status(execution_id), outcomes(execution_id)) == ("queued", ["handed_back"])
        assert Execution.objects.get(pk=execution_id).handed_back_count == 1
        assert not ExecutionLease.objects.exists()
        print(f"ended {took:.2f} s after SIGTERM, with 1 s of patience")

    def test_a_second_signal_ends_the_patience(
        self, journal: MakeJob, tmp_path: Path, remapped: dict[str, str]
    ) -> None:
        with live.worker(tmp_path, **remapped) as worker:
            execution_id = start_run(journal(seconds=30))
            owner(execution_id)
            worker.send(signal.SIGTERM)
            time.sleep(1.5)  # two signals within a second would mean one wish
            worker.send(signal.SIGTERM)
            took = worker.wait(seconds=15)
        assert (status(execution_id), outcomes(execution_id)) == ("queued", ["handed_back"])
        print(f"ended {took:.2f} s after the second SIGTERM")


@on_the_shared_database
class TestConnections:
    def test_children_keep_theirs_between_runs(self, make_job: MakeJob, tmp_path: Path) -> None:
        job = make_job(template="backend_of_database")
        with live.worker(tmp_path, concurrency=1):
            found = set()
            for _ in range(5):
                execution_id = start_run(job)
                wait_for(lambda: status(execution_id) == "succeeded")  # noqa: B023
                found.add(Execution.objects.get(pk=execution_id).result["backend"])
        assert len(found) == 1


class TestDatabaseOutage:
    """On a PostgreSQL of its own, which is restarted under the worker."""

    def test_children_and_parent_reconnect_by_themselves(self, own_postgres: OwnServer, tmp_path: Path) -> None:
        job = new_job("backend_of_database")
        with live.worker(tmp_path, concurrency=2) as worker:
            for _ in range(4):  # so that each child has a connection
                succeed(start_run(job))
            beat = Worker.objects.get().heartbeat_at
            connection.close()
            own_postgres.stop(signal.SIGQUIT)
            own_postgres.start()
            started = time.monotonic()
            for _ in range(4):
                succeed(start_run(job))
            took = time.monotonic() - started
            wait_for(lambda: Worker.objects.get().heartbeat_at > beat, seconds=10, what="a heartbeat")
            assert worker.process.poll() is None
        print(f"four runs took {took:.2f} s right after a crash restart of PostgreSQL")

    def test_runs_that_outlast_it_are_tried_again(self, own_postgres: OwnServer, tmp_path: Path) -> None:
        job = new_job("journal", parameters={"path": str(tmp_path / "journal"), "seconds": 8})
        with live.worker(tmp_path, concurrency=1):
            execution_id = start_run(job)
            child = owner(execution_id)
            connection.close()
            own_postgres.stop(signal.SIGQUIT)
            wait_for(lambda: not Path(f"/proc/{child}").exists(), seconds=6, what="the end of the child")
            own_postgres.start()
            wait_for(lambda: outcomes(execution_id)[0] == "lost", seconds=10)
            wait_for(lambda: len(outcomes(execution_id)) == 2, seconds=10)


def new_job(template: str, **changes: Any) -> Job:
    tenant = Tenant.objects.get(slug="default")
    data = {"name": template, "template": template, "schedule": {"kind": "cron", "cron": "0 0 1 1 *"}, **changes}
    return registry.create(data, tenant=tenant, actor="user:test")


def succeed(execution_id: int) -> None:
    wait_for(lambda: status(execution_id) == "succeeded", seconds=15, what=f"execution {execution_id}")
