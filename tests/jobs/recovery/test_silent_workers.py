from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from jobs import queries
from jobs.models import SchedulerEvent, Worker
from jobs.recovery.silent_workers import LOOKS, SilentWorkers
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db


def worker(name: str, *, silent: timedelta, stopped_at: datetime | None = None) -> Worker:
    heard = sql.now() - silent
    return Worker.objects.create(
        name=name, hostname="host", pid=1, started_at=heard, heartbeat_at=heard, stopped_at=stopped_at
    )


def looks(workers: SilentWorkers, count: int = LOOKS) -> list[int]:
    return [workers.sweep() for _ in range(count)]


class TestSilentWorkers:
    def test_tells_of_a_silence_once_whoever_leads(self) -> None:
        limit = queries.heartbeat_limit()
        worker("gone", silent=limit + timedelta(seconds=65))
        worker("well", silent=timedelta())
        worker("stopped", silent=timedelta(hours=1), stopped_at=sql.now())
        leader = SilentWorkers()
        assert looks(leader, LOOKS + 2) == [0, 0, 1, 0, 0]
        assert looks(SilentWorkers()) == [0, 0, 0]
        event = SchedulerEvent.objects.get()
        assert (event.type, event.level, event.source) == ("worker_silent", "error", "gone")
        assert event.message.startswith("Nothing has been heard of the worker gone for ")

    def test_tells_of_the_next_silence_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = worker("gone", silent=timedelta(hours=2))
        leader = SilentWorkers()
        looks(leader)
        SchedulerEvent.objects.get()
        gone.heartbeat_at = sql.now()
        gone.save()
        assert looks(leader) == [0, 0, 0]
        # The silence that comes next began after what was told.
        gone.heartbeat_at = sql.now()
        gone.save()
        monkeypatch.setattr(queries, "heartbeat_limit", timedelta)
        assert looks(SilentWorkers()) == [0, 0, 1]

    def test_excuses_workers_that_are_heard_again_after_an_outage(self) -> None:
        late = worker("late", silent=timedelta(minutes=10))
        leader = SilentWorkers()
        assert looks(leader, LOOKS - 1) == [0, 0]
        late.heartbeat_at = sql.now()
        late.save()
        assert looks(leader, 2) == [0, 0]
