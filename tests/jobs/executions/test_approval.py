"""Approving, refusing and releasing what waits, with the losers of each race."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import executions, ledger, registry, submission
from jobs.definition import InvalidJob
from jobs.execution import executor
from jobs.models import Execution, ExecutionEvent, Job
from jobs.recovery import deadlines, projections
from jobs.tick import publisher
from scheduler_project.lib import sql, transactions
from templates_registry.models import TemplateVersion
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(make_job: MakeJob) -> int:
    return registry.run_now(make_job(policies={"requires_approval": True}), actor="user:test")


def read(execution_id: int) -> Execution:
    return Execution.objects.get(pk=execution_id)


def claim(execution_id: int) -> executions.Claim | None:
    return executions.claim(execution_id, worker="w", lease=LEASE)


def kinds(execution_id: int) -> list[str]:
    return list(ExecutionEvent.objects.filter(execution_id=execution_id).values_list("kind", flat=True))


class TestWaiting:
    def test_cannot_be_claimed_or_announced(self, waiting: int) -> None:
        assert read(waiting).held_for == "approval"
        assert claim(waiting) is None
        assert executions.claim_next(["default"], worker="w", lease=LEASE) is None
        assert publisher.publish_waiting() == 0

    def test_goes_for_the_ticks_of_the_job_as_well(self, make_job: MakeJob) -> None:
        job = make_job(policies={"requires_approval": True})
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(minutes=1), epoch=1)
        assert Execution.objects.get(job=job).held_for == "approval"

    def test_is_no_matter_for_a_dry_run(self, make_job: MakeJob) -> None:
        job = make_job(policies={"requires_approval": True})
        assert read(registry.run_now(job, actor="user:test", dry_run=True)).held_for == ""

    def test_ends_with_the_start_deadline(self, waiting: int) -> None:
        Execution.objects.filter(pk=waiting).update(start_deadline_at=database_now())
        with pytest.raises(executions.NotWaitingForApproval):
            executions.approve(waiting, by="user:ana", now=database_now())
        assert deadlines.sweep() == 1
        assert (read(waiting).status, read(waiting).reason) == ("cancelled", "start_deadline")


class TestTemplate:
    def test_that_requires_approval_says_so_to_its_jobs(self, make_job: MakeJob) -> None:
        job = make_job(template="delicate")
        assert job.policies.requires_approval
        assert read(registry.run_now(job, actor="user:test")).held_for == "approval"

    def test_cannot_be_overruled_by_a_job(self, make_job: MakeJob) -> None:
        off = {"requires_approval": False}
        with pytest.raises(InvalidJob) as error:
            make_job(template="delicate", policies=off)
        assert set(error.value.fields) == {"policies.requires_approval"}
        with pytest.raises(InvalidJob):
            registry.change(make_job(template="delicate").pk, {"policies": off}, actor="user:test")

    def test_switches_it_on_in_a_job_that_takes_it_up(self, make_job: MakeJob) -> None:
        job = registry.change(make_job().pk, {"template": "delicate", "parameters": {}}, actor="user:test")
        assert job.policies.requires_approval

    def test_holds_for_jobs_that_are_older_than_the_requirement(self, make_job: MakeJob) -> None:
        job = make_job()
        TemplateVersion.objects.filter(pk=job.template_id).update(requires_approval=True)
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(minutes=1), epoch=1)
        registry.run_now(job, actor="user:test")
        registry.run_now(job, actor="user:test", dry_run=True)
        runs = Execution.objects.order_by("id").values_list("trigger", "dry_run", "held_for")
        assert list(runs) == [
            ("schedule", False, "approval"), ("manual", False, "approval"), ("manual", True, ""),
        ]  # fmt: skip

    def test_holds_for_tasks(self, tenant: Tenant) -> None:
        run = submission.submit({"template": "delicate"}, tenant=tenant, actor="key:1")
        assert read(run).held_for == "approval"


class TestApprove:
    def test_lets_it_start(self, waiting: int) -> None:
        now = database_now()
        executions.approve(waiting, by="user:ana", now=now)
        row = read(waiting)
        assert (row.held_for, row.approved_by, row.approved_at, row.available_at) == ("", "user:ana", now, now)
        assert kinds(waiting) == ["queued", "approved"]
        assert publisher.publish_waiting() == 1
        assert claim(waiting) is not None

    def test_keeps_a_later_start(self, waiting: int) -> None:
        later = database_now() + timedelta(hours=1)
        Execution.objects.filter(pk=waiting).update(available_at=later)
        executions.approve(waiting, by="user:ana", now=database_now())
        assert read(waiting).available_at == later

    def test_is_refused_a_second_time(self, waiting: int) -> None:
        executions.approve(waiting, by="user:ana", now=database_now())
        with pytest.raises(executions.NotWaitingForApproval):
            executions.approve(waiting, by="user:olaf", now=database_now())
        assert read(waiting).approved_by == "user:ana"

    @pytest.mark.django_db(transaction=True)
    def test_holds_for_every_attempt(self, make_job: MakeJob) -> None:
        job = make_job(template="failing", policies={"requires_approval": True, "retry_base_seconds": 0})
        run = registry.run_now(job, actor="user:test")
        executions.approve(run, by="user:ana", now=database_now())
        executor.execute(run, worker="w")
        assert (read(run).status, read(run).held_for) == ("queued", "")

    def test_is_refused_for_what_waits_for_nothing(self, make_job: MakeJob) -> None:
        run = registry.run_now(make_job(), actor="user:test")
        for operation in (executions.approve, executions.refuse):
            with pytest.raises(executions.NotWaitingForApproval):
                operation(run, by="user:ana", now=database_now())
        assert read(run).status == "queued"


class TestRefuse:
    def test_ends_it_and_says_why(self, waiting: int) -> None:
        executions.refuse(waiting, by="user:ana", now=database_now(), note="Not before the audit.")
        row = read(waiting)
        assert (row.status, row.reason, row.error, row.cancel_requested_by) == (
            "cancelled", "refused", "Not before the audit.", "user:ana",
        )  # fmt: skip
        assert row.finished_at is not None
        assert kinds(waiting) == ["queued", "refused", "cancelled"]
        with pytest.raises(executions.NotWaitingForApproval):
            executions.approve(waiting, by="user:ana", now=database_now())

    @pytest.mark.django_db(transaction=True)
    def test_is_what_became_of_the_job(self, waiting: int) -> None:
        executions.refuse(waiting, by="user:ana", now=database_now())
        projections.sweep()
        job = Job.objects.get()
        assert (job.last_status, job.last_execution_id, job.failures_in_row) == ("cancelled", waiting, 0)

    @pytest.mark.django_db(transaction=True)
    def test_and_approve_cannot_both_win(self, make_job: MakeJob) -> None:
        job = make_job(policies={"requires_approval": True})

        def decide(what: tuple[bool, int]) -> bool:
            is_yes, execution_id = what
            try:
                (executions.approve if is_yes else executions.refuse)(execution_id, by="user:x", now=sql.now())
            except executions.NotWaitingForApproval:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                run = registry.run_now(job, actor="user:test")
                assert sum(pool.map(decide, [(True, run), (False, run), (True, run), (False, run)])) == 1


class TestReleaseUpstream:
    def test_makes_what_needs_no_approval_ready_to_start(self, make_job: MakeJob) -> None:
        plain = registry.run_now(make_job(), actor="user:test")
        gated = registry.run_now(make_job(policies={"requires_approval": True}), actor="user:test")
        other = registry.run_now(make_job(), actor="user:test")
        Execution.objects.filter(pk__in=[plain, gated]).update(held_for="upstream")
        assert executions.release_upstream([plain, gated, other], now=database_now()) == [plain]
        assert [read(run).held_for for run in (plain, gated, other)] == ["", "approval", ""]
        assert kinds(other) == ["queued"]
        assert executions.release_upstream([plain, gated], now=database_now()) == []
