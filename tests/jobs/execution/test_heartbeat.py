"""The heartbeat's races with the main thread, stepped by hand: who settles, who is killed, what stays armed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError

from jobs import executions, registry
from jobs.execution import executor
from jobs.execution import heartbeat as heartbeats
from jobs.execution.heartbeat import Heartbeat
from jobs.execution.interrupts import Cancelled, Interrupts
from jobs.execution.run_context import ExecutionContext
from jobs.execution.watchdog import Watchdog
from jobs.models import Execution, Job
from jobs.rules.states import AttemptOutcome
from tests.jobs.conftest import database_now
from tests.sample.job_templates import Echo

MakeJob = Callable[..., Job]


class Killed(Exception):
    pass


@pytest.fixture
def heartbeat(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heartbeat]:
    execution_id = registry.run_now(make_job(), actor="user:test")
    claim = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
    assert claim is not None

    def die() -> None:
        raise Killed

    monkeypatch.setattr(Heartbeat, "_die", staticmethod(die))
    beating = Heartbeat(claim, ExecutionContext(claim), Interrupts(), claimed_at=time.monotonic())
    Watchdog.take_over_signal()
    beating.watchdog.arm(proven_at=time.monotonic())
    yield beating
    beating.stop()


@pytest.mark.django_db(transaction=True)
class TestHeartbeat:
    def test_on_its_way_while_the_run_ends_leaves_no_timer_armed(
        self, heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        renewed, stopped = threading.Event(), threading.Event()
        arm = heartbeat.watchdog.arm

        def late(*, proven_at: float) -> None:
            renewed.set()
            stopped.wait(2)
            arm(proven_at=proven_at)

        monkeypatch.setattr(heartbeat.watchdog, "arm", late)

        def beat_once() -> None:
            heartbeat._beat(time.monotonic())
            connection.close()

        beat = threading.Thread(target=beat_once)
        beat.start()
        renewed.wait(2)
        heartbeat.stop()
        stopped.set()
        beat.join()
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0

    def test_without_its_lease_kills_a_template_that_works(self, heartbeat: Heartbeat) -> None:
        settle(heartbeat)
        with pytest.raises(Killed):
            heartbeat._beat(time.monotonic())

    def test_without_its_lease_leaves_alone_who_has_just_settled(self, heartbeat: Heartbeat) -> None:
        heartbeat.stop_watching_the_template()
        settle(heartbeat)
        heartbeat._beat(time.monotonic())

    def test_gives_the_last_word_back_when_it_could_not_settle(
        self, heartbeat: Heartbeat, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(heartbeats, "RETRY", 0.01)
        heartbeat._cancel_at = time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(executions, "settle", away)
            heartbeat.step()
        assert heartbeat._last_word.acquire(blocking=False)
        heartbeat._last_word.release()
        with pytest.raises(Killed):
            heartbeat._end(AttemptOutcome.CANCELLED, "")
        assert Execution.objects.get().status == "cancelled"


def settle(heartbeat: Heartbeat) -> None:
    assert heartbeats.settle(heartbeat._claim, executions.Ending(AttemptOutcome.SUCCEEDED)) is not None


def away(*args: Any, **kwargs: Any) -> None:
    raise OperationalError("away")


class TestInterrupts:
    def test_outside_of_a_template_do_nothing(self) -> None:
        interrupts = Interrupts()
        with interrupts.handled():
            with interrupts.accepted():
                pass
            interrupts.send(Cancelled)
            time.sleep(0.01)

    def test_sent_before_the_template_began_reach_it(self) -> None:
        interrupts = Interrupts()
        with interrupts.handled():
            interrupts.send(Cancelled)
            with pytest.raises(Cancelled), interrupts.accepted():
                raise AssertionError("It began.")

    def test_give_the_signal_back(self) -> None:
        before = signal.getsignal(signal.SIGUSR1)
        with Interrupts().handled():
            assert signal.getsignal(signal.SIGUSR1) != before
        assert signal.getsignal(signal.SIGUSR1) == before


@pytest.mark.django_db(transaction=True)
class TestCancelledStatement:
    def test_does_not_commit_behind_the_back_of_its_run(
        self, make_job: MakeJob, tenant: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")

        def cancel() -> None:
            executions.cancel(execution_id, by="user:test", now=database_now())
            connection.close()

        def work(self: Echo, context: Any, parameters: Any) -> None:
            threading.Thread(target=cancel).start()
            with connection.cursor() as cursor:
                cursor.execute("UPDATE tenants SET name = 'late' FROM pg_sleep(4) WHERE slug = 'default'")

        monkeypatch.setattr(Echo, "run", work)
        assert executor.execute(execution_id, worker=f"w{os.getpid()}") == "cancelled"
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE tenants%' AND state = 'active'"
            )
            assert cursor.fetchone() == (0,)
        tenant.refresh_from_db()
        assert tenant.name == "Default"
