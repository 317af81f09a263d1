"""Questions that go through queues, and what silence means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from kombu import Connection

from jobs import executions, registry
from jobs.backends.base import BackendUnavailable
from jobs.backends.celery import CeleryBackend
from jobs.execution import registration
from jobs.models import Job, QueueCanary, SchedulerEvent
from jobs.tick import canaries
from jobs.tick.canaries import Canaries
from scheduler_project.lib import sql, telemetry
from tests import live
from tests.live import wait_for

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: heard.append((event, fields))])
    return heard


@pytest.fixture
def sweeper(asked: list[str]) -> Canaries:
    registration.beat("w1@test:abc", queues=["default"], concurrency=1)
    return Canaries(asked.append)


def later(seconds: float) -> None:
    sql.rows(
        "UPDATE queue_canaries SET asked_at = asked_at - %(by)s, sent_at = sent_at - %(by)s,"
        " answered_at = answered_at - %(by)s",
        {"by": timedelta(seconds=seconds)},
    )


def is_deaf() -> bool:
    return QueueCanary.objects.get().deaf_since is not None


class TestSweep:
    def test_asks_each_queue_that_somebody_serves(self, sweeper: Canaries, asked: list[str]) -> None:
        registration.beat("w2@test:abc", queues=["default", "reports"], concurrency=1)
        sweeper.sweep()
        assert asked == ["default", "reports"]

    def test_asks_again_after_a_minute_when_there_was_an_answer(self, sweeper: Canaries, asked: list[str]) -> None:
        sweeper.sweep()
        canaries.answer("default", by="w1@test:abc")
        later(50)
        sweeper.sweep()
        assert asked == ["default"]
        later(15)
        sweeper.sweep()
        assert asked == ["default"] * 2

    def test_asks_sooner_while_there_is_none(self, sweeper: Canaries, asked: list[str]) -> None:
        sweeper.sweep()
        first = QueueCanary.objects.get().asked_at
        later(11)
        sweeper.sweep()
        assert asked == ["default"] * 2
        assert (first - QueueCanary.objects.get().asked_at).total_seconds() == pytest.approx(11)

    def test_finds_a_queue_deaf_after_half_a_minute(self, sweeper: Canaries, told: list[tuple[str, Any]]) -> None:
        sweeper.sweep()
        later(29)
        sweeper.sweep()
        assert not is_deaf()
        later(2)
        sweeper.sweep()
        assert is_deaf()
        canaries.answer("default", by="w1@test:abc")
        row = QueueCanary.objects.get()
        assert (row.deaf_since, row.answered_by) == (None, "w1@test:abc")
        assert told == [
            ("queue.deaf", {"queue": "default", "free": 1}),
            ("queue.hears", {"queue": "default", "worker": "w1@test:abc"}),
        ]
        event = SchedulerEvent.objects.get(type="worker_silent")
        assert (event.source, event.tenant_id) == ("queue default", None)
        assert event.message == "Nobody hears the queue default, though a free worker process serves it."

    def test_takes_a_busy_queue_for_no_deaf_one(self, sweeper: Canaries, make_job: MakeJob) -> None:
        sweeper.sweep()
        execution_id = registry.run_now(make_job(), actor="user:test")
        assert executions.claim(execution_id, worker="w1@test:abc", lease=settings.DAYBOOK_RUN_LEASE) is not None
        later(31)
        sweeper.sweep()
        assert not is_deaf()

    def test_takes_a_broker_that_is_away_for_no_deaf_queue(self, sweeper: Canaries) -> None:
        sweeper.sweep()

        def refuse(queue: str) -> None:
            raise BackendUnavailable("The broker cannot be reached.")

        later(31)
        Canaries(refuse).sweep()
        assert not is_deaf()

    def test_asks_nothing_where_nobody_listens(self, asked: list[str]) -> None:
        Canaries(asked.append).sweep()
        registration.beat("run_scheduler@host:1", queues=[], concurrency=4)
        Canaries(asked.append).sweep()
        assert asked == []

    def test_forgets_queues_that_nobody_serves_any_more(self, sweeper: Canaries) -> None:
        sweeper.sweep()
        registration.stop("w1@test:abc")
        later(90_000)
        sweeper.sweep()
        assert not QueueCanary.objects.exists()


class TestCountRedelivered:
    def test_adds_up(self, sweeper: Canaries) -> None:
        sweeper.sweep()
        canaries.count_redelivered("default", 2)
        canaries.count_redelivered("default", 3)
        assert QueueCanary.objects.get().redelivered == 5


def test_a_question_goes_before_all_runs(db: None) -> None:
    CeleryBackend().ask("canary-test")
    with Connection(settings.CELERY_BROKER_URL, transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS) as broker:
        message = broker.SimpleQueue("canary-test").get(timeout=2)
        message.ack()
    assert message.headers["task"] == "scheduler.answer_canary"
    assert int(message.properties["priority"]) == 0


@pytest.mark.acceptance
@pytest.mark.django_db(transaction=True)
def test_a_worker_answers_within_a_second(db: None, tmp_path: Path) -> None:
    with live.worker(tmp_path, queues="default,reports"):
        wait_for(lambda: registered() == 1, what="the worker's row")
        # The first answer comes after the worker's processes have loaded everything, and a busy machine delays any.
        wait_for(lambda: max(seconds_to_answer()) < 1, what="an answer from each queue within a second")


def seconds_to_answer() -> list[float]:
    """Ask both queues once more."""
    later(65)
    Canaries(CeleryBackend().ask).sweep()
    answered = QueueCanary.objects.filter(answered_at__gte=F("asked_at"))
    wait_for(lambda: answered.count() == 2, what="two answers")
    took = {row.queue: (row.answered_at - row.asked_at).total_seconds() for row in answered if row.answered_at}
    print(took)
    return list(took.values())


def registered() -> int:
    return int(sql.rows("SELECT count(*) AS count FROM workers")[0]["count"])
