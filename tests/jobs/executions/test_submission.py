"""Runs without a job, through everything that handles runs."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import dead_letters, executions
from jobs.execution import executor
from jobs.explain import explain_execution
from jobs.models import DeadLetter, Execution, ExecutionEvent, ExecutionLease, ExecutionTotal
from jobs.recovery import celery_results, deadlines, projections
from jobs.recovery.deliveries import Deliveries
from jobs.recovery.reaper import Reaper
from jobs.rules.policy import JobPolicy
from jobs.tick import publisher
from templates_registry.models import TemplateVersion
from tests.jobs.conftest import database_now

LEASE = timedelta(seconds=60)

# A run takes the connection out of whatever transaction it is in.
pytestmark = pytest.mark.django_db(transaction=True)


def submit(tenant: Tenant, template: str = "echo", **changes: Any) -> int:
    values: dict[str, Any] = {
        "tenant_id": tenant.pk,
        "template_id": TemplateVersion.objects.filter(name=template).latest("version").pk,
        "parameters": {"text": "hi"} if template == "echo" else {"permanent": False, "until_attempt": 2},
        "policy": JobPolicy(retry_base_seconds=0),
        "queue": "default",
        "priority": 6,
        "requested_by": "key:12345678",
        **changes,
    }
    return executions.submit(**values)


def read(execution_id: int) -> Execution:
    return Execution.objects.get(pk=execution_id)


class TestSubmit:
    def test_queues_a_run_without_a_job(self, tenant: Tenant) -> None:
        row = read(submit(tenant, request_id="abcdefgh"))
        assert (row.job_id, row.status, row.trigger, row.max_attempts) == (None, "queued", "api", 4)
        assert (row.requested_by, row.request_id, row.max_instances) == ("key:12345678", "abcdefgh", None)
        assert [event.kind for event in ExecutionEvent.objects.filter(execution_id=row.pk)] == ["queued"]

    def test_does_not_start_before_its_time(self, tenant: Tenant) -> None:
        at = database_now() + timedelta(hours=1)
        run = submit(tenant, scheduled_at=at)
        assert (read(run).available_at, read(run).scheduled_for) == (at, at)
        assert publisher.publish_waiting() == 0
        assert executions.claim(run, worker="w", lease=LEASE) is None

    def test_with_a_time_in_the_past_starts_now(self, tenant: Tenant) -> None:
        at = database_now() - timedelta(hours=1)
        run = submit(tenant, scheduled_at=at)
        assert read(run).scheduled_for == at
        assert read(run).available_at > at
        assert executor.execute(run, worker="w") == "succeeded"

    def test_waits_for_approval_where_that_is_required(self, tenant: Tenant) -> None:
        run = submit(tenant, policy=JobPolicy(requires_approval=True))
        assert executor.execute(run, worker="w") is None
        executions.approve(run, by="user:ana", now=database_now())
        assert executor.execute(run, worker="w") == "succeeded"

    def test_of_a_dry_run_has_one_attempt_and_waits_for_nobody(self, tenant: Tenant) -> None:
        run = submit(tenant, policy=JobPolicy(requires_approval=True), dry_run=True)
        assert (read(run).max_attempts, read(run).held_for) == (1, "")
        assert executor.execute(run, worker="w") == "succeeded"
        assert read(run).result["summary"] == "Would echo hi"


class TestLife:
    def test_is_announced_claimed_and_run(self, tenant: Tenant) -> None:
        run = submit(tenant)
        assert publisher.publish_waiting() == 1
        assert executor.work(run, queues=["default"], worker="w") == 1
        assert read(run).result == {"text": "hi", "attempt": 1}

    def test_is_tried_again(self, tenant: Tenant) -> None:
        run = submit(tenant, "failing")
        assert executor.execute(run, worker="w") == "queued"
        Execution.objects.filter(pk=run).update(available_at=database_now())
        assert executor.execute(run, worker="w") == "succeeded"
        assert read(run).attempt == 2

    def test_is_settled_by_the_reaper_when_its_process_is_gone(self, tenant: Tenant) -> None:
        run = submit(tenant)
        assert executions.claim(run, worker="w", lease=LEASE)
        ExecutionLease.objects.update(expires_at=database_now() - LEASE)
        clock = itertools.count(step=0.5)
        reaper = Reaper(lease=LEASE, interval=timedelta(seconds=1), clock=lambda: next(clock))
        assert any(reaper.sweep() == [run] for _ in range(200))
        assert (read(run).status, read(run).lost_count) == ("queued", 1)

    def test_is_explained(self, tenant: Tenant) -> None:
        run = submit(tenant)
        answer = explain_execution(read(run), now=database_now())
        assert answer.title == f"Execution {run}"
        executor.execute(run, worker="w")
        assert "succeeded" in explain_execution(read(run), now=database_now()).answer

    def test_is_expired_by_nothing(self, tenant: Tenant) -> None:
        submit(tenant)
        assert deadlines.sweep() == 0

    def test_that_fails_for_good_is_buried_and_replayed(self, tenant: Tenant) -> None:
        run = submit(tenant, "failing", parameters={"permanent": True, "until_attempt": 100})
        assert executor.execute(run, worker="w") == "failed"
        letter = DeadLetter.objects.get(execution_id=run)
        new = read(dead_letters.replay(letter.pk, actor="user:ana"))
        assert (new.job_id, new.parent_id, new.trigger) == (None, run, "replay")

    def test_is_tried_at_once_or_given_up_on_request(self, tenant: Tenant) -> None:
        policy = JobPolicy(retry_base_seconds=600, retry_cap_seconds=600)
        runs = [submit(tenant, "failing", policy=policy) for _ in range(2)]
        assert [executor.execute(run, worker="w") for run in runs] == ["queued", "queued"]
        executions.retry_now(runs[0], by="user:ana")
        assert executor.execute(runs[0], worker="w") == "succeeded"
        executions.give_up(runs[1], by="user:ana")
        assert read(runs[1]).status == "dead"

    def test_passes_every_reader_of_events(self, tenant: Tenant) -> None:
        celery_results.sweep()
        for run in (submit(tenant), submit(tenant, "failing", policy=JobPolicy(max_retries=0))):
            executor.execute(run, worker="w")
        for sweep in (projections.sweep, celery_results.sweep, Deliveries().sweep):
            sweep()

    def test_counts_in_the_sums_of_its_template(self, tenant: Tenant) -> None:
        executor.execute(submit(tenant), worker="w")
        projections.sweep()
        assert ExecutionTotal.objects.get(template="echo", kind="succeeded").count == 1
