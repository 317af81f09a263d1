"""The promise, with real processes and real kills: every due tick is in the ledger once, and no run is lost."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db.models import Count

from accounts.models import Tenant
from jobs import registry
from jobs.models import Attempt, Execution, ExecutionLease, Job, LeaseHistory, SchedulerLease, Tick
from jobs.rules.schedule import occurrences
from tests import live
from tests.jobs.conftest import database_now
from tests.live import wait_for

pytestmark = pytest.mark.acceptance


def make_job(**changes: Any) -> Job:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    data = {"name": "Job", "template": "echo", "schedule": {"kind": "interval", "every_seconds": 2}, **changes}
    return registry.create(data, tenant=tenant, actor="user:test", may_run_sub_minute=True)


def leader() -> str:
    lease = SchedulerLease.objects.filter(expires_at__gt=database_now()).first()
    return lease.holder if lease else ""


def succeeded(**which: Any) -> int:
    return Execution.objects.filter(status="succeeded", **which).count()


def pid_of(holder: str) -> int:
    return int(holder.split(":")[1])


def assert_ledger_is_whole(job: Job) -> int:
    """Each occurrence that the engine lists has its one tick, and there is no other. Returns how many."""
    job.refresh_from_db()
    assert job.next_tick_at is not None
    last = Tick.objects.filter(job=job).latest("due_at").due_at
    due = list(occurrences(job.schedule, job.created_at, last))
    recorded = list(Tick.objects.filter(job=job).order_by("due_at").values_list("due_at", flat=True))
    assert recorded == due
    return len(due)


def assert_executions_agree_with_ticks() -> None:
    fired = Tick.objects.filter(outcome__in=["fired", "late"])
    assert Counter(fired.values_list("execution_id", flat=True)).most_common(1)[0][1] == 1
    scheduled = set(Execution.objects.filter(trigger="schedule").values_list("id", flat=True))
    assert scheduled == set(fired.values_list("execution_id", flat=True))


class TestWholePath:
    def test_survives_the_death_of_the_leader_and_of_a_worker(self, running: ExitStack, tmp_path: Path) -> None:
        journal = tmp_path / "journal"
        each_minute = make_job(name="Each minute", schedule={"kind": "cron", "cron": "* * * * *"})
        quick = make_job(name="Quick", policies={"overlap": "allow"})
        long = make_job(
            name="Longer than its lease",
            template="journal",
            parameters={"path": str(journal), "seconds": 7},
            schedule={"kind": "manual"},
        )
        schedulers = [running.enter_context(live.scheduler(tmp_path, name=name)) for name in ("beat-1", "beat-2")]
        workers = [running.enter_context(live.worker(tmp_path, name=name)) for name in ("worker-1", "worker-2")]
        wait_for(lambda: succeeded(job=quick) >= 2, seconds=40, what="runs")

        first = leader()
        assert pid_of(first) in {process.pid for process in schedulers}
        next(process for process in schedulers if process.pid == pid_of(first)).send(signal.SIGKILL)
        killed_at = database_now()
        second = wait_for(lambda: leader() if leader() not in {"", first} else "", seconds=12, what="a new leader")
        taken_over_at = LeaseHistory.objects.get(holder=second).acquired_at
        assert (taken_over_at - killed_at).total_seconds() <= 12

        execution_id = registry.run_now(long, actor="user:test")
        lease = wait_for(
            lambda: ExecutionLease.objects.filter(execution_id=execution_id).first(), seconds=20, what="the long run"
        )
        wait_for(journal.exists, seconds=10, what="the first line of the journal")
        next(process for process in workers if f"{process.output.stem}@" in lease.worker).send(signal.SIGKILL)

        wait_for(
            lambda: Execution.objects.get(pk=execution_id).status == "succeeded", seconds=60, what="the retried run"
        )
        attempts = list(Attempt.objects.filter(execution_id=execution_id).order_by("number"))
        assert [attempt.outcome for attempt in attempts] == ["lost", "succeeded"]
        assert attempts[0].finished_at is not None
        assert attempts[0].finished_at <= attempts[1].started_at
        assert journal.read_text().count("\nE ") == 1

        wait_for(lambda: Tick.objects.filter(job=each_minute).exists(), seconds=70, what="the tick of a minute")
        assert assert_ledger_is_whole(quick) > 5
        assert_ledger_is_whole(each_minute)
        assert_executions_agree_with_ticks()

    def test_two_schedulers_give_each_tick_once(self, running: ExitStack, tmp_path: Path) -> None:
        jobs = [make_job(name=f"Job {number}", policies={"overlap": "allow"}) for number in range(20)]
        for name in ("beat-1", "beat-2"):
            running.enter_context(live.scheduler(tmp_path, name=name))
        wait_for(lambda: Tick.objects.count() >= 80, seconds=40, what="80 ticks")
        doubles = Tick.objects.values("job", "due_at").annotate(count=Count("id")).filter(count__gt=1)
        assert not doubles.exists()
        for job in jobs:
            assert_ledger_is_whole(job)
        assert_executions_agree_with_ticks()


class TestOutages:
    def test_redis_gone_and_back_loses_no_tick_and_no_run(self, running: ExitStack, tmp_path: Path) -> None:
        """Emptied behind everyone's back: what was announced is announced again."""
        job = make_job(policies={"overlap": "allow"})
        running.enter_context(live.scheduler(tmp_path))
        published = Execution.objects.filter(published_at__isnull=False)
        wait_for(lambda: published.count() >= 2, seconds=30, what="messages")
        redis.Redis.from_url(settings.CELERY_BROKER_URL).flushdb()
        running.enter_context(live.worker(tmp_path))
        wait_for(lambda: succeeded() >= 5, seconds=40, what="all runs after the loss")
        oldest = Execution.objects.order_by("id").first()
        assert oldest is not None
        assert oldest.status == "succeeded"
        assert_ledger_is_whole(job)

    @pytest.mark.django_db(transaction=True)
    def test_without_a_broker_everything_runs_from_the_database(self, tmp_path: Path) -> None:
        off = {"SCHEDULER_USE_CELERY": "false", "REDIS_URL": "redis://127.0.0.1:9/0"}
        job = make_job(schedule={"kind": "interval", "every_seconds": 5})
        with live.manage(tmp_path, "run_scheduler", "--slots", "2", **off):
            wait_for(lambda: succeeded() >= 2, seconds=60, what="two runs")
        assert_ledger_is_whole(job)
        assert not ExecutionLease.objects.exists()
