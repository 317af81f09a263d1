"""Full queues: what a tick, an operator and an API client get to hear, and where a run waits instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from pytest_django import Settings

from jobs import ledger, queues, registry
from jobs.models import Execution, Job, QueueRejection, Tick
from jobs.rules.states import PRIORITIES
from scheduler_project.lib import transactions
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limit(settings: Settings) -> None:
    settings.DAYBOOK_QUEUE_LIMIT = 2


def decide() -> None:
    with transactions.engine():
        ledger.decide_due(now=database_now() + timedelta(minutes=1), epoch=1)


def outcomes() -> list[tuple[str, str]]:
    return list(Tick.objects.order_by("due_at", "id").values_list("outcome", "reason"))


class TestTicks:
    def test_are_skipped_when_the_queue_is_full(self, make_job: MakeJob) -> None:
        for _ in range(3):
            make_job()
        decide()
        assert sorted(outcomes()) == [("fired", ""), ("fired", ""), ("skipped", "queue_full")]
        assert Execution.objects.count() == 2

    def test_of_other_priorities_go_on(self, make_job: MakeJob) -> None:
        for priority in ("normal", "normal", "normal", "critical"):
            make_job(priority=priority)
        decide()
        assert sorted(Execution.objects.values_list("priority", flat=True)) == [0, 6, 6]

    def test_of_one_job_share_the_room(self, make_job: MakeJob) -> None:
        make_job(policies={"overlap": "allow", "misfire": "all"}, schedule={"kind": "interval", "every_seconds": 10})
        decide()
        assert outcomes()[:3] == [("fired", ""), ("fired", ""), ("skipped", "queue_full")]

    def test_wait_in_a_lower_priority_when_the_job_says_so(self, make_job: MakeJob) -> None:
        for _ in range(5):
            make_job(priority="normal", policies={"on_queue_full": "degrade"})
        decide()
        assert sorted(Execution.objects.values_list("priority", flat=True)) == [6, 6, 9, 9]
        assert sorted(outcomes()) == [
            *[("fired", "")] * 2,
            *[("fired", "degraded")] * 2,
            ("skipped", "queue_full"),
        ]

    def test_never_wait_in_a_higher_one(self, make_job: MakeJob) -> None:
        for _ in range(3):
            make_job(priority="low", policies={"on_queue_full": "degrade"})
        decide()
        assert set(Execution.objects.values_list("priority", flat=True)) == {PRIORITIES["low"]}

    def test_fire_again_once_there_is_room(self, make_job: MakeJob) -> None:
        job = make_job()
        for _ in range(2):
            registry.run_now(make_job(schedule={"kind": "manual"}), actor="user:test")
        decide()
        assert (job.pk, "queue_full") in Tick.objects.values_list("job_id", "reason")
        Execution.objects.update(status="succeeded", finished_at=database_now())
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(minutes=2), epoch=1)
        assert Tick.objects.filter(job=job).order_by("-due_at").values_list("outcome", flat=True).first() == "fired"


class TestRunNow:
    def test_is_refused_when_the_queue_is_full(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow"})
        registry.run_now(job, actor="user:test")
        registry.run_now(job, actor="user:test")
        with pytest.raises(queues.QueueFull, match="2 runs of priority normal wait already"):
            registry.run_now(job, actor="user:test")
        assert Execution.objects.count() == 2

    def test_waits_in_a_lower_priority_when_the_job_says_so(self, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "allow", "on_queue_full": "degrade"})
        for _ in range(3):
            registry.run_now(job, actor="user:test")
        assert sorted(Execution.objects.values_list("priority", flat=True)) == [6, 6, 9]

    def test_counts_who_was_refused(self) -> None:
        for _ in range(2):
            queues.count_rejection(queues.QueueFull(0))
        assert QueueRejection.objects.get().count == 2
