"""What the leader reads: everything that was committed since its last look, once, and in no order's way."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from django.db import connection, transaction

from jobs import registry
from jobs.models import Job
from jobs.tick.service import Service
from notifications.live import changes
from notifications.live.changes import Changes, TooMuch
from tests.jobs.api.conftest import MakeJob

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_transaction_that_stays_open_holds_nothing_back_and_is_told_when_it_ends(job_of: MakeJob) -> None:
    job = job_of()
    reader = Changes()
    reader.begin()
    has_written, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                registry.run_now(job, actor="user:ana")
                has_written.set()
                may_end.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert has_written.wait(10)
    quick = [registry.run_now(job, actor="user:ana") for _ in range(3)]
    first = [event.execution_id for event in reader.read()]
    assert first == quick
    assert reader.read() == []
    may_end.set()
    thread.join()
    [late] = reader.read()
    assert late.name == "execution.queued"
    assert late.execution_id not in quick
    assert reader.read() == []


def test_revisions_of_jobs_are_told_once(job_of: MakeJob) -> None:
    job = job_of()
    reader = Changes()
    reader.begin()
    registry.pause(job.pk, actor="user:ana")
    other = job_of()
    assert [(event.name, event.job_id) for event in reader.read()] == [
        ("job.paused", job.pk),
        ("job.created", other.pk),
    ]
    assert reader.read() == []
    registry.resume(job.pk, actor="user:ana")
    assert [event.name for event in reader.read()] == ["job.resumed"]


def test_too_much_at_once_is_not_told_one_by_one(job_of: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of()
    reader = Changes()
    reader.begin()
    monkeypatch.setattr(changes, "MOST", 3)
    for _ in range(4):
        registry.run_now(job, actor="user:ana")
    with pytest.raises(TooMuch):
        reader.read()
    registry.run_now(job, actor="user:ana")
    assert Counter(event.name for event in reader.read()) == {"execution.queued": 1}


def test_events_of_a_cluster_that_was_restored_here_are_left_alone(job_of: MakeJob) -> None:
    job: Job = job_of()
    registry.run_now(job, actor="user:ana")
    reader = Changes()
    reader.begin()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE execution_events SET xid = xid + 1000000000")
    assert reader.read() == []


def test_the_leader_of_every_scheduler_tells_it() -> None:
    assert [loop.name for loop in Service()._sweeps].count("live") == 1
