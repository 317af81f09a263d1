"""The reconciler: it repairs what nobody decided, says so once, and accuses nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from jobs import ledger, registry
from jobs.models import Execution, Job, LedgerViolation, Tick
from jobs.recovery.reconciler import Reconciler
from jobs.tick.leader import Leader
from jobs.verification import verifier
from scheduler_project.lib import sql, telemetry, transactions

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leader() -> Leader:
    leader = Leader("here", ttl=timedelta(seconds=30))
    assert leader.keep()
    return leader


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []

    def listen(event: str, fields: dict[str, Any]) -> None:
        if event == "ledger.violation":
            told.append(fields)

    monkeypatch.setattr(telemetry, "_listeners", [listen])
    return told


@pytest.fixture
def job(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Made half an hour ago, with a tick a minute since then."""
    now = sql.now()
    with monkeypatch.context() as then:
        then.setattr(sql, "now", lambda: now - timedelta(minutes=30))
        job = make_job(
            schedule={"kind": "interval", "every_seconds": 60, "anchor": "2026-01-01T00:00:00+00:00"},
            policies={"overlap": "allow", "misfire": "all", "misfire_cap": 1000},
        )
    decide()
    return job


def decide() -> None:
    with transactions.engine():
        ledger.decide_due(now=sql.now(), epoch=1)


def lose(job: Job, position: int, *, with_execution: bool = True) -> Tick:
    tick = Tick.objects.filter(job=job).order_by("due_at")[position]
    if with_execution:
        Execution.objects.filter(pk=tick.execution_id).delete()
    Tick.objects.filter(pk=tick.pk).delete()
    return tick


def kinds() -> list[str]:
    return list(LedgerViolation.objects.order_by("kind").values_list("kind", flat=True))


class TestSweep:
    def test_finds_nothing_where_all_is_right(self, job: Job, leader: Leader, make_job: MakeJob) -> None:
        make_job(enabled=False)
        make_job(schedule={"kind": "manual"})
        reconciler = Reconciler(leader)
        assert [reconciler.sweep() for _ in range(3)] == [0, 0, 0]
        assert not LedgerViolation.objects.exists()

    def test_writes_down_what_nobody_decided(self, job: Job, leader: Leader, told: list[dict[str, Any]]) -> None:
        lost = lose(job, 10)
        assert Reconciler(leader).sweep() == 1
        tick = Tick.objects.get(job=job, due_at=lost.due_at)
        assert (tick.outcome, tick.reason, tick.epoch) == ("missed", "unaccounted", leader.epoch)
        violation = LedgerViolation.objects.get()
        assert (violation.job_id, violation.due_at, violation.kind) == (job.pk, lost.due_at, "unrecorded")
        assert [(fields["kind"], fields["job_id"], fields["ticks"]) for fields in told] == [("unrecorded", job.pk, 1)]
        assert verifier.verify().sums.kinds == {"unaccounted": 1}

    def test_reports_nothing_twice(self, job: Job, leader: Leader, told: list[dict[str, Any]]) -> None:
        lose(job, 10)
        Execution.objects.filter(pk=Tick.objects.filter(job=job)[3].execution_id).delete()
        reconciler = Reconciler(leader)
        assert [reconciler.sweep() for _ in range(3)] == [2, 0, 0]
        assert kinds() == ["fired_without_execution", "unrecorded"]
        assert len(told) == 2

    def test_only_tells_what_it_cannot_repair(self, job: Job, leader: Leader) -> None:
        lost = lose(job, 10, with_execution=False)
        tick = Tick.objects.filter(job=job).order_by("due_at")[3]
        Tick.objects.filter(pk=tick.pk).update(due_at=tick.due_at + timedelta(seconds=7))
        before = Tick.objects.filter(job=job).count()
        Reconciler(leader).sweep()
        assert set(kinds()) == {"execution_without_tick", "phantom", "unrecorded", "wrong_execution"}
        assert Tick.objects.filter(job=job).count() == before + 2
        assert Execution.objects.filter(job=job, scheduled_for=lost.due_at).exists()

    def test_looks_at_what_is_decided_only(self, job: Job, leader: Leader, make_job: MakeJob) -> None:
        behind = Tick.objects.filter(job=job).order_by("due_at")[5]
        Tick.objects.filter(job=job, due_at__gte=behind.due_at).delete()
        Execution.objects.filter(job=job, scheduled_for__gte=behind.due_at).delete()
        Job.objects.filter(pk=job.pk).update(next_tick_at=behind.due_at)
        assert Reconciler(leader).sweep() == 0

    def test_looks_at_the_window_only(self, job: Job, leader: Leader, settings: Any) -> None:
        lose(job, 3)
        settings.DAYBOOK_RECONCILE_WINDOW = timedelta(minutes=10)
        assert Reconciler(leader).sweep() == 0
        settings.DAYBOOK_RECONCILE_WINDOW = timedelta(hours=1)
        assert Reconciler(leader).sweep() == 1

    def test_looks_at_rare_ticks_too(self, job: Job, leader: Leader) -> None:
        """The next tick may be far ahead; the window ends now."""
        lose(job, 29)
        Job.objects.filter(pk=job.pk).update(next_tick_at=sql.now() + timedelta(days=1))
        assert Reconciler(leader).sweep() == 1

    def test_accuses_nobody_of_the_time_before_the_job(self, leader: Leader, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 1})
        registry.disable(job.pk, actor="user:test")
        registry.enable(job.pk, actor="user:test")
        assert Reconciler(leader).sweep() == 0

    def test_goes_round_all_jobs(self, leader: Leader, make_job: MakeJob, job: Job) -> None:
        for _ in range(45):
            make_job()
        lose(job, 10)
        last = make_job()
        reconciler = Reconciler(leader)
        Job.objects.filter(pk=last.pk).update(next_tick_at=None)
        assert sum(reconciler.sweep() for _ in range(6)) == 1

    def test_leaves_a_job_that_somebody_holds_for_later(self, job: Job, leader: Leader) -> None:
        lose(job, 10)
        reconciler = Reconciler(leader)
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("SELECT FROM dynamic_jobs WHERE id = %s FOR UPDATE", [job.pk])
            assert reconciler.sweep() == 0
        assert reconciler.sweep() == 1

    def test_writes_nothing_once_another_leads(self, job: Job, leader: Leader) -> None:
        lose(job, 10)
        sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 s'")
        assert Leader("there", ttl=timedelta(seconds=30)).keep()
        assert Reconciler(leader).sweep() == 0
        assert not LedgerViolation.objects.exists()

    def test_counts_what_it_wrote(self, job: Job, leader: Leader) -> None:
        lose(job, 10)
        Reconciler(leader).sweep()
        total = sql.row("SELECT count FROM tick_totals WHERE reason = 'unaccounted' AND NOT by_change")
        assert total == {"count": 1}


class TestLimitedRuns:
    def test_are_not_written_on_for_ever(self, leader: Leader, make_job: MakeJob, monkeypatch: Any) -> None:
        now = sql.now()
        with monkeypatch.context() as then:
            then.setattr(sql, "now", lambda: now - timedelta(minutes=30))
            job = make_job(
                schedule={"kind": "interval", "every_seconds": 60},
                policies={"overlap": "allow", "misfire": "all", "misfire_cap": 1000, "max_runs": 3},
            )
        decide()
        lose(job, 2)
        reconciler = Reconciler(leader)
        assert [reconciler.sweep() for _ in range(3)] == [1, 0, 0]
        assert Tick.objects.filter(job=job).count() == 3
