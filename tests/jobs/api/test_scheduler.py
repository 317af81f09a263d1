"""Who leads, and how long ago it last looked what is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import ANY

import pytest

from jobs.models import Job, LedgerViolation, SchedulerCandidate, SchedulerLease, Tick
from jobs.tick.leader import Leader
from jobs.tick.turn import Turn
from scheduler_project.lib import sql
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
        assert leader.keep(has_turned=False)
        assert by_key.get(PATH).json()["last_tick_at"] == status["last_tick_at"]
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

    def test_lists_all_candidates_the_leader_first(self, by_key: ApiClient) -> None:
        for holder in ("a", "b"):
            Turn(Leader(holder, ttl=timedelta(seconds=10))).take()
        first, second = by_key.get(PATH).json()["candidates"]
        assert (first["holder"], first["role"], first["is_healthy"]) == ("a", "leader", True)
        assert (second["holder"], second["role"], second["trouble"]) == ("b", "standby", "")

    def test_tells_a_candidate_that_is_not_seen_or_in_trouble(self, by_key: ApiClient) -> None:
        now = sql.now()
        SchedulerCandidate.objects.create(holder="hangs", started_at=now, seen_at=now - timedelta(seconds=7))
        SchedulerCandidate.objects.create(holder="fails", started_at=now, seen_at=now, trouble="no disk")
        found = {entry["holder"]: entry for entry in by_key.get(PATH).json()["candidates"]}
        assert [found[holder]["is_healthy"] for holder in ("hangs", "fails")] == [False, False]
        assert found["fails"]["trouble"] == "no disk"

    def test_measures_the_lag_of_what_the_scheduler_decided(
        self, by_key: ApiClient, job_of: Callable[..., Job]
    ) -> None:
        job, now = job_of(), sql.now()
        lags = [(0.1, 1), (0.2, 1), (0.3, 1), (50.0, 0)]  # the last was decided by a change
        for number, (seconds, epoch) in enumerate(lags):
            Tick.objects.create(
                tenant=job.tenant, job=job, due_at=now - timedelta(minutes=number), outcome="skipped", reason="paused",
                revision=1, epoch=epoch, decided_at=now - timedelta(minutes=number) + timedelta(seconds=seconds),
            )  # fmt: skip
        status = by_key.get(PATH).json()
        assert status["lag_ticks"] == 3
        assert status["lag_seconds"] == {"p50": pytest.approx(0.2), "p95": pytest.approx(0.29), "p99": ANY}

    def test_counts_what_waits_and_what_is_wrong(self, by_key: ApiClient, job_of: Callable[..., Job]) -> None:
        behind, broken = job_of(), job_of()
        asked_before, now = time.monotonic(), sql.now()
        Job.objects.filter(pk=behind.pk).update(next_tick_at=now - timedelta(minutes=5))
        Job.objects.filter(pk=broken.pk).update(next_tick_at=None, undecided_since=now)
        for number, age in enumerate((timedelta(), timedelta(days=2))):
            LedgerViolation.objects.create(
                job=behind, due_at=now + timedelta(hours=number), kind="unaccounted", found_at=now - age
            )
        status = by_key.get(PATH).json()
        assert status["behind_jobs"] == 1
        assert 300 <= status["behind_seconds"] <= 300 + time.monotonic() - asked_before
        assert (status["violations"], status["violations_last_day"], status["quarantined_jobs"]) == (2, 1, 1)

    def test_takes_no_parameters(self, by_key: ApiClient) -> None:
        assert by_key.get(f"{PATH}?verbose=1").json()["error"]["fields"] == {
            "verbose": ["Unknown parameter. Known are none."]
        }
