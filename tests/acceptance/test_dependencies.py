"""Jobs that follow each other, run by real schedulers and workers, with real kills."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import dependencies, registry
from jobs.models import Execution, ExecutionLease, Job, Succession, Tick
from jobs.tick import publisher
from jobs.verification import verifier
from scheduler_project.lib import sql
from tests import live
from tests.live import wait_for

pytestmark = pytest.mark.acceptance

MANUAL = {"kind": "manual"}
EVERY_2_SECONDS = {"kind": "interval", "every_seconds": 2, "anchor": "2026-01-01T00:00:00Z"}


def make_job(name: str, **changes: Any) -> Job:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    policies = {"overlap": "allow", "retry_base_seconds": 0, **changes.pop("policies", {})}
    data = {"name": name, "template": "echo", "schedule": MANUAL, "policies": policies, **changes}
    return registry.create(data, tenant=tenant, actor="user:test", may_run_sub_minute=True)


def follow(upstream: Job, downstream: Job, **data: Any) -> None:
    dependencies.add(upstream.pk, downstream.pk, data, actor="user:test")


def start(job: Job) -> int:
    execution_id = registry.run_now(job, actor="user:test")
    publisher.announce_soon([execution_id])
    return execution_id


def ended(job: Job, status: str = "succeeded") -> Execution | None:
    return Execution.objects.filter(job=job, status=status).first()


class TestDependencies:
    def test_start_once_through_the_death_of_a_worker(self, running: ExitStack, tmp_path: Path) -> None:
        first = make_job("first", template="journal", parameters={"path": str(tmp_path / "journal"), "seconds": 3})
        left, right = make_job("left"), make_job("right", parameters={"text": "from right"})
        last = make_job("last")
        for upstream, downstream in ((first, left), (first, right), (left, last)):
            follow(upstream, downstream)
        follow(right, last, parameters={"text": "/text"})
        running.enter_context(live.scheduler(tmp_path))
        workers = [running.enter_context(live.worker(tmp_path, name=name)) for name in ("worker-1", "worker-2")]
        root = start(first)
        lease = wait_for(lambda: ExecutionLease.objects.filter(execution_id=root).first(), what="the first run")
        next(process for process in workers if f"{process.output.stem}@" in lease.worker).send(signal.SIGKILL)
        run = wait_for(lambda: ended(last), seconds=60, what="the last job")
        assert run.result["text"] == "from right"
        assert Execution.objects.get(pk=root).lost_count == 1
        wait_for(lambda: Succession.objects.filter(outcome="started").count() == 4, what="all answers")
        assert [job.executions.count() for job in (first, left, right, last)] == [1, 1, 1, 1]
        assert set(Execution.objects.exclude(pk=root).values_list("flow_id", flat=True)) == {root}
        delays = [
            (Execution.objects.get(pk=row.successor_id).created_at - upstream.finished_at).total_seconds()
            for row in Succession.objects.all()
            if (upstream := Execution.objects.get(pk=row.upstream_execution_id)).finished_at
        ]
        print(f"from the end of an upstream to its successor: {min(delays):.3f} to {max(delays):.3f} s")
        assert max(delays) < 5

    def test_start_after_a_run_that_its_own_heartbeat_ended(self, running: ExitStack, tmp_path: Path) -> None:
        slow = make_job(
            "slow",
            template="journal",
            parameters={"path": str(tmp_path / "journal"), "seconds": 60, "how": "spin"},
            policies={"timeout_seconds": 2, "max_retries": 0},
        )
        alarm = make_job("alarm")
        follow(slow, alarm, condition="failure")
        running.enter_context(live.scheduler(tmp_path))
        running.enter_context(live.worker(tmp_path))
        start(slow)
        wait_for(lambda: ended(alarm), seconds=30, what="the alarm")

    def test_hold_the_same_tick_back(self, running: ExitStack, tmp_path: Path) -> None:
        extract = make_job(
            "extract",
            schedule=EVERY_2_SECONDS,
            template="journal",
            parameters={"path": str(tmp_path / "journal"), "seconds": 1},
        )
        report = make_job("report", schedule=EVERY_2_SECONDS)
        follow(extract, report, kind="gate", gate_patience_seconds=60)
        running.enter_context(live.scheduler(tmp_path))
        running.enter_context(live.worker(tmp_path, concurrency=3))
        wait_for(lambda: Execution.objects.filter(job=report, status="succeeded").count() >= 4, seconds=40)
        for job in (extract, report):
            registry.disable(job.pk, actor="user:test")
        waiting = Execution.objects.filter(job=report, status__in=["queued", "running"])
        wait_for(lambda: not waiting.exists(), seconds=40, what="what is held")
        for run in Execution.objects.filter(job=report, status="succeeded"):
            tick = Tick.objects.get(job=extract, due_at=run.scheduled_for)
            upstream = Execution.objects.get(pk=tick.execution_id)
            assert run.started_at is not None
            assert upstream.finished_at is not None
            assert upstream.finished_at <= run.started_at
            assert run.started_at - upstream.finished_at < timedelta(seconds=3)
        assert not verifier.verify(now=sql.now()).sums.kinds
