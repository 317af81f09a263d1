"""The lead, with two candidates in one database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.models import LeaseHistory, SchedulerLease
from jobs.tick.leader import Leader, NotLeading
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db

TTL = timedelta(seconds=10)


def expire() -> None:
    sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 ms'")


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
