"""The lead, with two candidates in one database."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from jobs.models import LeaseHistory, SchedulerLease
from jobs.tick.leader import Leader, NotLeading
from scheduler_project.lib import sql, transactions
from tests import live

TTL = timedelta(seconds=10)


def expire() -> None:
    sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 ms'")


@pytest.mark.django_db
class TestLeader:
    def test_takes_a_lease_that_nobody_holds(self) -> None:
        first = Leader("a", ttl=TTL)
        assert first.keep()
        assert (first.epoch, first.is_leading) == (1, True)

    def test_keeps_it_from_others(self) -> None:
        first, second = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        assert first.keep()
        assert not second.keep()
        assert first.keep()
        assert first.epoch == 1

    def test_loses_it_when_it_did_not_renew(self) -> None:
        first, second = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        first.keep()
        expire()
        assert second.keep()
        assert second.epoch == 2
        with pytest.raises(NotLeading):
            first.fence()
        assert not first.keep()
        assert not first.is_leading

    def test_is_fenced_off_even_before_anyone_took_over(self) -> None:
        first = Leader("a", ttl=TTL)
        first.keep()
        expire()
        with pytest.raises(NotLeading):
            first.fence()

    def test_gives_it_up_at_once(self) -> None:
        first, second = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        first.keep()
        first.release()
        assert second.keep()
        history = list(LeaseHistory.objects.order_by("epoch").values_list("epoch", "holder", "cause"))
        assert history == [(1, "a", "released"), (2, "b", "")]

    def test_an_old_release_takes_nothing_from_the_new_leader(self) -> None:
        first, second = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        first.keep()
        expire()
        second.keep()
        first.release()
        assert second.keep()
        assert SchedulerLease.objects.get().holder == "b"

    def test_takes_a_lease_from_before_the_clock_was_set_back(self) -> None:
        Leader("a", ttl=TTL).keep()
        sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() + interval '1 hour'")
        assert Leader("b", ttl=TTL).keep()

    def test_does_not_believe_in_a_lead_it_could_not_renew_in_time(self) -> None:
        leader = Leader("a", ttl=timedelta(seconds=0))
        leader.keep()
        assert not leader.is_leading


def keep_elsewhere(leader: Leader) -> Future[bool]:
    """Let it try in a session of its own."""

    def keep() -> bool:
        try:
            return leader.keep()
        finally:
            connection.close()

    return ThreadPoolExecutor(1).submit(keep)


def wait_for_a_waiting_session() -> None:
    live.wait_for(lambda: sql.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), what="the other to wait")


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_for_a_free_lease_is_lost_by_whoever_comes_second(self) -> None:
        Leader("old", ttl=TTL).keep()
        expire()
        winner, loser = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        with transaction.atomic():
            assert winner.keep()
            outcome = keep_elsewhere(loser)
            wait_for_a_waiting_session()
        assert outcome.result(timeout=5) is False
        assert [(entry.epoch, entry.holder) for entry in LeaseHistory.objects.order_by("epoch")] == [
            (1, "old"),
            (2, "a"),
        ]

    def test_for_the_first_lease_of_all_is_lost_by_whoever_comes_second(self) -> None:
        winner, loser = Leader("a", ttl=TTL), Leader("b", ttl=TTL)
        with transaction.atomic():
            assert winner.keep()
            outcome = keep_elsewhere(loser)
            wait_for_a_waiting_session()
        assert outcome.result(timeout=5) is False
        assert LeaseHistory.objects.get().holder == "a"

    def test_a_take_over_waits_for_the_old_leader_s_transaction(self) -> None:
        """So no tick of an epoch commits after the next one began, though the lease ran out in the middle."""
        old, new = Leader("a", ttl=timedelta(seconds=0.2)), Leader("b", ttl=TTL)
        old.keep()
        with transactions.engine():
            old.fence()
            live.wait_for(lambda: SchedulerLease.objects.get().expires_at < sql.now(), what="the end of the lease")
            assert not old.is_leading
            outcome = keep_elsewhere(new)
            wait_for_a_waiting_session()
            assert not outcome.done()
        assert outcome.result(timeout=5) is True
        assert not old.keep()
