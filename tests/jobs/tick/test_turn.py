"""One turn: only the leader decides, and outages are outlived."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.db.utils import OperationalError

from jobs import ledger
from jobs.models import Job, SchedulerCandidate, SchedulerLease, Tick
from jobs.tick.leader import Leader
from jobs.tick.turn import STANDBY, Turn
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
TTL = timedelta(seconds=10)


def make_due(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(next_tick_at=job.next_tick_at - timedelta(minutes=1))  # type: ignore[operator]


@pytest.mark.django_db
class TestTake:
    def test_only_the_leader_decides(self, make_job: MakeJob) -> None:
        make_due(make_job())
        first, second = Turn(Leader("a", ttl=TTL)), Turn(Leader("b", ttl=TTL))
        first.leader.keep()
        second.take()
        assert not Tick.objects.exists()
        first.take()
        assert Tick.objects.count() == 1

    def test_wakes_the_publisher_when_something_fired(self, make_job: MakeJob) -> None:
        make_due(make_job())
        woken: list[bool] = []
        turn = Turn(Leader("a", ttl=TTL), on_fired=lambda: woken.append(True))
        turn.take()
        turn.take()
        assert woken == [True]

    def test_waits_no_longer_than_until_the_next_tick(self, make_job: MakeJob) -> None:
        job = make_job()
        Job.objects.filter(pk=job.pk).update(next_tick_at=database_now() + timedelta(milliseconds=200))
        assert Turn(Leader("a", ttl=TTL)).take() <= timedelta(milliseconds=200)

    def test_comes_back_at_once_while_something_is_left(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledger, "MAX_JOBS", 1)
        make_due(make_job())
        make_due(make_job())
        assert Turn(Leader("a", ttl=TTL)).take() == timedelta()

    def test_outlives_an_error_of_the_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        turn = Turn(Leader("a", ttl=TTL))

        def fail(**kwargs: object) -> None:
            raise OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(ledger, "decide_due", fail)
            patch.setattr("scheduler_project.lib.transactions.forget_connection", lambda: None)
            assert turn.take() > timedelta()
        assert turn.take() > timedelta()

    def test_outlives_whatever_else_goes_wrong(self, monkeypatch: pytest.MonkeyPatch) -> None:
        turn = Turn(Leader("a", ttl=TTL))

        def fail(**kwargs: object) -> None:
            raise ValueError("a surprise")

        monkeypatch.setattr(ledger, "decide_due", fail)
        monkeypatch.setattr("scheduler_project.lib.transactions.forget_connection", lambda: None)
        assert turn.take() > timedelta()


@pytest.mark.django_db(transaction=True)
class TestHeldJob:
    def test_is_tried_again_soon_but_not_all_the_time(self, make_job: MakeJob) -> None:
        job = make_job()
        make_due(job)
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("SELECT FROM dynamic_jobs WHERE id = %s FOR UPDATE", [job.pk])
            assert timedelta(seconds=0.05) <= Turn(Leader("a", ttl=TTL)).take() <= timedelta(seconds=0.2)


@pytest.mark.django_db(transaction=True)
class TestTwoSchedulers:
    def test_a_leader_that_stood_still_in_its_transaction_writes_nothing(self, make_job: MakeJob) -> None:
        """The suspended one holds the fence until the server ends its session; then its commit has no effect."""
        make_due(make_job())
        stale = Turn(Leader("a", ttl=TTL))
        stale.leader.keep()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 s'")
        fresh = Turn(Leader("b", ttl=TTL))
        fresh.take()
        assert Tick.objects.get().epoch == 2
        make_due(make_job())
        stale.take()
        assert set(Tick.objects.values_list("epoch", flat=True)) == {2}


@pytest.mark.django_db
class TestCandidate:
    def test_leaves_the_list_when_it_ends(self) -> None:
        turns = [Turn(Leader(holder, ttl=TTL)) for holder in ("a", "b")]
        for turn in turns:
            turn.take()
        assert candidates() == {"a": "", "b": ""}
        turns[0].end()
        assert candidates() == {"b": ""}
        turns[1].take()
        assert turns[1].leader.epoch == 2

    def test_is_forgotten_by_the_leader_when_nobody_saw_it_for_a_minute(self) -> None:
        now = database_now()
        for holder, age in (("long dead", 61), ("just gone", 50)):
            SchedulerCandidate.objects.create(holder=holder, started_at=now, seen_at=now - timedelta(seconds=age))
        Turn(Leader("a", ttl=TTL)).take()
        assert set(candidates()) == {"a", "just gone"}

    def test_tells_what_its_last_turn_failed_at_until_one_goes_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        turn = Turn(Leader("a", ttl=TTL))

        def fail(**kwargs: object) -> None:
            raise ValueError("a surprise")

        with monkeypatch.context() as patch:
            patch.setattr(ledger, "decide_due", fail)
            patch.setattr("scheduler_project.lib.transactions.forget_connection", lambda: None)
            turn.take()
            assert candidates() == {"a": "ValueError('a surprise')"}
            turn.take()
            assert SchedulerLease.objects.get().ticked_at is None
        turn.take()
        turn.take()
        assert candidates() == {"a": ""}
        assert SchedulerLease.objects.get().ticked_at is not None


@pytest.mark.django_db
class TestLeaderThatFails:
    def test_gives_the_lead_up_after_a_lease_so_that_a_standby_may_try(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(**kwargs: object) -> None:
            raise ValueError("a surprise")

        failing, standby = Turn(Leader("a", ttl=TTL)), Turn(Leader("b", ttl=TTL))
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "decide_due", fail)
            patch.setattr("scheduler_project.lib.transactions.forget_connection", lambda: None)
            failing.take()
            assert failing.leader.is_leading
            failing._good_at -= TTL.total_seconds() + 1
            wait = failing.take()
        assert wait > STANDBY
        standby.take()
        assert standby.leader.is_leading


@pytest.mark.django_db
class TestLiveness:
    """The file that a container's health check looks at is touched by turns that end, not by those that begin."""

    @pytest.fixture
    def proofs(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        proofs: list[str] = []
        monkeypatch.setattr("scheduler_project.lib.liveness.prove", proofs.append)
        monkeypatch.setattr("scheduler_project.lib.transactions.forget_connection", lambda: None)
        return proofs

    def test_is_proven_by_a_standby_too(self, proofs: list[str]) -> None:
        for holder in ("a", "b"):
            Turn(Leader(holder, ttl=TTL)).take()
        assert proofs == ["scheduler"] * 2

    @pytest.mark.parametrize(
        ("error", "is_proven"),
        [
            (ValueError("a surprise"), False),
            (psycopg.errors.LockNotAvailable("locked"), False),
            (psycopg.errors.QueryCanceled("too slow"), False),
            (psycopg.OperationalError("connection refused"), True),
            (psycopg.errors.ConnectionFailure("server closed the connection"), True),
        ],
    )
    def test_is_proven_by_a_turn_that_failed_only_without_a_database(
        self, proofs: list[str], error: Exception, is_proven: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**kwargs: object) -> None:
            if isinstance(error, psycopg.Error):
                raise OperationalError(str(error)) from error
            raise error

        monkeypatch.setattr(ledger, "decide_due", fail)
        Turn(Leader("a", ttl=TTL)).take()
        assert bool(proofs) == is_proven


@pytest.mark.django_db(transaction=True)
class TestLockedLease:
    def test_is_told_of_and_not_waited_for_in_silence(self) -> None:
        turn = Turn(Leader("a", ttl=TTL))
        turn.take()
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("SELECT FROM scheduler_leases FOR UPDATE")
            turn.take()
        assert "lock timeout" in candidates()["a"]
        turn.take()
        turn.take()
        assert candidates() == {"a": ""}


def candidates() -> dict[str, str]:
    return dict(SchedulerCandidate.objects.values_list("holder", "trouble"))
