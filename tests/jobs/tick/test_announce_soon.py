"""Announcing what a person started: after the commit, in a thread, and never at the caller's cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
from django.db import transaction

from jobs import registry
from jobs.backends.base import Announcement, BackendUnavailable
from jobs.models import Execution, Job
from jobs.tick import publisher
from tests.live import wait_for


class SlowBackend:
    """Remembers what it was told, after a while; or fails after a while."""

    name = "slow"

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.told: list[int] = []
        self.tries = 0

    def announce(self, announcements: Sequence[Announcement]) -> None:
        time.sleep(0.3)
        self.tries += 1
        if self.fails:
            raise BackendUnavailable("The broker cannot be reached.")
        self.told += [announcement.execution_id for announcement in announcements]


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> SlowBackend:
    slow = SlowBackend()
    monkeypatch.setattr(publisher, "get_backend", lambda: slow)
    return slow


@pytest.mark.django_db(transaction=True)
class TestAnnounceSoon:
    def test_costs_the_caller_nothing(self, make_job: Callable[..., Job], backend: SlowBackend) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        started = time.monotonic()
        publisher.announce_soon([execution_id])
        assert time.monotonic() - started < 0.2
        wait_for(lambda: backend.told == [execution_id], what="the announcement")
        wait_for(lambda: Execution.objects.get(pk=execution_id).published_at, what="the mark")

    def test_waits_for_the_commit(self, make_job: Callable[..., Job], backend: SlowBackend) -> None:
        with transaction.atomic():
            execution_id = registry.run_now(make_job(), actor="user:test")
            publisher.announce_soon([execution_id])
            time.sleep(0.05)
            assert not publisher.SOON
            assert not backend.tries
        wait_for(lambda: backend.told == [execution_id], what="the announcement")

    def test_survives_a_broker_that_is_away(self, make_job: Callable[..., Job], backend: SlowBackend) -> None:
        backend.fails = True
        lost = registry.run_now(make_job(), actor="user:test")
        publisher.announce_soon([lost])
        wait_for(lambda: backend.tries == 1, what="the try")
        backend.fails = False
        execution_id = registry.run_now(make_job(), actor="user:test")
        publisher.announce_soon([execution_id])
        wait_for(lambda: backend.told == [execution_id], what="the announcement")
        assert Execution.objects.get(pk=lost).published_at is not None  # the leader wakes somebody for it

    def test_tells_of_runs_with_and_without_slots(self, make_job: Callable[..., Job], backend: SlowBackend) -> None:
        jobs = [make_job(name=name, policies={"overlap": name}) for name in ("allow", "skip")]
        ids = [registry.run_now(job, actor="user:test") for job in jobs]
        publisher.announce_soon(ids)
        wait_for(lambda: sorted(backend.told) == ids, what="the announcements")
        assert Execution.objects.filter(published_at__isnull=True).count() == 0

    def test_leaves_out_what_was_taken_already(self, make_job: Callable[..., Job], backend: SlowBackend) -> None:
        taken = registry.run_now(make_job(), actor="user:test")
        Execution.objects.filter(pk=taken).update(status="running")
        execution_id = registry.run_now(make_job(), actor="user:test")
        publisher.announce_soon([taken, execution_id])
        wait_for(lambda: backend.told == [execution_id], what="the announcement")
