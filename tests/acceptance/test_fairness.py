"""Whose turn it is under load, with real processes: levels are strict, tenants share, pools hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import pools, registry
from jobs.models import Attempt, Execution, ExecutionLease, Job
from jobs.rules.states import PRIORITIES
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests import live
from tests.live import wait_for

pytestmark = [pytest.mark.acceptance, pytest.mark.django_db(transaction=True)]

BACKLOG = """
INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, revision, parameters, policy, queue, priority,
                            max_attempts)
SELECT tenant_id, id, template_id, 'manual', revision, parameters, policy, queue, priority, 1
FROM dynamic_jobs, generate_series(1, %(count)s) WHERE id = %(job)s
"""


def make_job(tenant: Tenant, **changes: Any) -> Job:
    data = {
        "name": "Job",
        "template": "echo",
        "schedule": {"kind": "manual"},
        "policies": {"overlap": "allow"},
        **changes,
    }
    return registry.create(data, tenant=tenant, actor="user:test")


def napping(folder: Path, seconds: float) -> dict[str, Any]:
    return {"template": "journal", "parameters": {"path": str(folder / "journal"), "seconds": seconds}}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def submit(job: Job) -> int:
    execution_id = registry.run_now(job, actor="user:test")
    publisher.announce_soon([execution_id])
    return execution_id


def waited(execution_id: int) -> float:
    """Seconds from being queued to being taken."""
    wait_for(lambda: Attempt.objects.filter(execution_id=execution_id).exists(), what="the start", seconds=60)
    attempt = Attempt.objects.get(execution_id=execution_id, number=1)
    return (attempt.started_at - Execution.objects.get(pk=execution_id).created_at).total_seconds()


class TestTenants:
    def test_a_backlog_of_one_does_not_delay_the_single_run_of_another(
        self, tenant: Tenant, stack: ExitStack, tmp_path: Path, settings: Any
    ) -> None:
        settings.DAYBOOK_QUEUE_LIMIT = 1_000_000
        busy = make_job(tenant, name="Busy", **napping(tmp_path, 0.2))
        sql.rows(BACKLOG, {"job": busy.pk, "count": 10_000})
        other = Tenant.objects.create(slug="other", name="Other")
        single = make_job(other, name="Single")
        stack.enter_context(live.scheduler(tmp_path))
        stack.enter_context(live.worker(tmp_path, concurrency=2))
        wait_for(lambda: Execution.objects.filter(job=busy, status="succeeded").count() >= 10, what="the load")
        waits = [waited(submit(single)) for _ in range(10)]
        assert Execution.objects.filter(job=busy, status="queued").count() > 5_000
        assert max(waits) < 2, waits


class TestLevels:
    def test_go_in_strict_order(self, tenant: Tenant, stack: ExitStack, tmp_path: Path) -> None:
        jobs = {
            name: make_job(tenant, name=name, priority=name, **napping(tmp_path, 0.05))
            for name in ("low", "normal", "high", "critical")
        }
        for name in ("low", "normal", "high", "critical"):
            sql.rows(BACKLOG, {"job": jobs[name].pk, "count": 15})
        publisher.publish_waiting()
        stack.enter_context(live.worker(tmp_path, concurrency=2))
        wait_for(lambda: not Execution.objects.filter(status__in=["queued", "running"]).exists(), seconds=60)
        order = list(
            Attempt.objects.order_by("started_at", "execution_id").values_list("execution__priority", flat=True)
        )
        assert order == sorted(order)
        assert order.count(PRIORITIES["critical"]) == 15


@pytest.mark.long
class TestPools:
    def test_hold_their_number_under_load(self, tenant: Tenant, stack: ExitStack, tmp_path: Path) -> None:
        pool = pools.create({"name": "Vendor API", "size": 3}, tenant=tenant, actor="user:test")
        jobs = [make_job(tenant, name=f"{n}", pool="vendor-api", **napping(tmp_path, 0.1)) for n in range(4)]
        for name in ("w1", "w2"):
            stack.enter_context(live.worker(tmp_path, name=name, concurrency=4))
        for job in jobs:
            for _ in range(10):
                registry.run_now(job, actor="user:test")
        publisher.publish_waiting()
        most = 0
        while Execution.objects.filter(status__in=["queued", "running"]).exists():
            most = max(most, ExecutionLease.objects.filter(pool_id=pool.pk).count())
        assert most == 3
        assert _at_once() == 3


def _at_once() -> int:
    """By the attempts' own times."""
    row = sql.row(
        """
        SELECT max(n) AS most FROM (
            SELECT (SELECT count(*) FROM task_executions b
                    WHERE b.started_at <= a.started_at AND b.finished_at > a.started_at) AS n
            FROM task_executions a) AS counted
        """
    )
    assert row is not None
    return int(row["most"])
