"""Who leads, and how long ago it last looked what is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.models import SchedulerLease
from jobs.tick.leader import Leader
from tests.cast import ApiClient

pytestmark = pytest.mark.django_db

PATH = "/api/v1/scheduler/status"


class TestStatus:
    def test_names_the_leader_and_its_last_tick(self, by_key: ApiClient) -> None:
        leader = Leader("scheduler@test", ttl=timedelta(seconds=10))
        assert leader.keep()
        assert leader.keep()
        status = by_key.get(PATH).json()
        assert (status["leader"], status["epoch"], status["backend"]) == ("scheduler@test", 1, "celery")
        assert 0 <= status["last_tick_age_seconds"] < 5
        assert status["leading_since"].endswith("Z")

    def test_says_that_nobody_leads_once_the_lease_ran_out(self, by_key: ApiClient) -> None:
        assert Leader("scheduler@test", ttl=timedelta(seconds=10)).keep()
        lease = SchedulerLease.objects.get()
        lease.expires_at = lease.acquired_at
        lease.save()
        status = by_key.get(PATH).json()
        assert (status["leader"], status["leading_since"], status["epoch"]) == (None, None, 1)

    def test_says_so_before_anyone_ever_led(self, by_key: ApiClient) -> None:
        status = by_key.get(PATH).json()
        assert (status["leader"], status["epoch"], status["last_tick_age_seconds"]) == (None, 0, None)

    def test_takes_no_parameters(self, by_key: ApiClient) -> None:
        assert by_key.get(f"{PATH}?verbose=1").json()["error"]["fields"] == {
            "verbose": ["Unknown parameter. Known are none."]
        }
