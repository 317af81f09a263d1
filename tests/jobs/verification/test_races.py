"""While a scheduler decides and people change jobs, neither the command nor the reconciler sees a difference."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connections

from jobs import registry
from jobs.models import Job, LedgerViolation, Tick
from jobs.recovery.reconciler import Reconciler
from jobs.tick.leader import Leader
from jobs.tick.turn import Turn
from jobs.verification import reading, verifier
from jobs.verification.reading import Kept

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def repeating(act: Callable[[int], object]) -> Iterator[None]:
    """Calls it again and again in a thread, as long as the block lasts."""
    is_over, failures = threading.Event(), []

    def repeat() -> None:
        number = 0
        try:
            while not is_over.is_set():
                act(number := number + 1)
        except Exception as error:  # the test shows it
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(10)
    assert not failures


def test_a_healthy_system_is_never_accused(make_job: MakeJob) -> None:
    jobs = [
        make_job(
            schedule={"kind": "interval", "every_seconds": 1 + number % 2},
            policies={"overlap": "allow", "max_runs": 4 if number == 3 else None},
        )
        for number in range(8)
    ]
    turn = Turn(Leader("here", ttl=timedelta(seconds=30)))
    reconciler = Reconciler(turn.leader)
    turn.take()

    def decide(number: int) -> None:
        time.sleep(min(0.02, turn.take().total_seconds()))

    def change(number: int) -> None:
        job = jobs[number % 3]
        act = (registry.pause, registry.resume, registry.disable, registry.enable)[number // 3 % 4]
        act(job.pk, actor="user:test")

    found, deadline = 0, time.monotonic() + 5
    with repeating(decide), repeating(change):
        while time.monotonic() < deadline:
            report = verifier.verify()
            assert report.holds, list(report.lines())
            found += reconciler.sweep()
    assert found == 0
    assert not LedgerViolation.objects.exists()
    assert Tick.objects.count() >= 10


def test_what_was_dropped_meanwhile_is_not_missed(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    make_job()
    true = reading.kept()
    answers = [Kept(true.since - timedelta(days=31), 0), true]
    monkeypatch.setattr(reading, "kept", lambda: answers.pop(0) if answers else true)
    assert verifier.verify().since == true.since
