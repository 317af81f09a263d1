"""Announcing what was lost, with a real Redis-protocol server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.conf import settings

from jobs import executions, registry
from jobs.backends.base import BackendUnavailable
from jobs.backends.celery import CeleryBackend
from jobs.models import Execution, Job
from jobs.recovery.redelivery import redeliver
from jobs.tick import publisher

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker() -> redis.Redis:
    client: redis.Redis = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    client.flushdb()
    return client


@pytest.fixture
def waiting(make_job: MakeJob) -> list[int]:
    job = make_job(policies={"overlap": "allow"})
    return [registry.run_now(job, actor="user:test") for _ in range(3)]


class TestPublish:
    def test_announces_each_execution_once(self, broker: redis.Redis, waiting: list[int]) -> None:
        assert publisher.publish_waiting() == 3
        assert publisher.publish_waiting() == 0
        assert CeleryBackend().waiting("default") == 3

    def test_sends_nothing_but_the_id(self, broker: redis.Redis, waiting: list[int]) -> None:
        publisher.publish_waiting()
        (key,) = [name for name in broker.scan_iter() if b"default" in name and broker.type(name) == b"list"]
        message = broker.lrange(key, 0, 0)[0]  # type: ignore[index]
        assert b"hello" not in message

    def test_keeps_strict_order_of_priorities(self, broker: redis.Redis, make_job: MakeJob) -> None:
        for priority in ("low", "critical", "normal"):
            registry.run_now(make_job(priority=priority), actor="user:test")
        publisher.publish_waiting()
        queues = sorted(name.decode() for name in broker.scan_iter() if broker.type(name) == b"list")
        assert queues == ["daybook:default", "daybook:default:6", "daybook:default:9"]

    def test_leaves_alone_what_has_no_free_slot(self, broker: redis.Redis, make_job: MakeJob) -> None:
        job = make_job()
        running, second = (registry.run_now(job, actor="user:test") for _ in range(2))
        assert executions.claim(running, worker="w", lease=timedelta(seconds=60))
        assert publisher.publish_waiting() == 0
        assert Execution.objects.get(pk=second).published_at is None

    def test_announces_no_more_than_there_are_slots(self, broker: redis.Redis, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all", "max_instances": 2})
        queued = [registry.run_now(job, actor="user:test") for _ in range(5)]
        assert publisher.publish_waiting() == 2
        assert publisher.publish_waiting() == 0
        assert executions.claim(queued[0], worker="w", lease=timedelta(seconds=60))
        assert publisher.publish_waiting() == 0
        assert (
            list(Execution.objects.filter(published_at__isnull=False).order_by("id").values_list("id", flat=True))
            == (queued[:2])
        )

    def test_leaves_everything_as_it_is_when_the_broker_is_away(self, settings: object, waiting: list[int]) -> None:
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"  # type: ignore[attr-defined]
        with pytest.raises(BackendUnavailable):
            publisher.publish_waiting()
        assert not Execution.objects.filter(published_at__isnull=False).exists()


class TestRedeliver:
    def test_announces_nothing_twice_while_the_queue_holds_it(self, broker: redis.Redis, waiting: list[int]) -> None:
        CeleryBackend().has_lost_its_memory()
        publisher.publish_waiting()
        assert redeliver(wait_seconds=0) == 0

    def test_finds_a_message_that_got_lost(self, broker: redis.Redis, waiting: list[int]) -> None:
        CeleryBackend().has_lost_its_memory()
        publisher.publish_waiting()
        broker.lpop("daybook:default:6")
        assert redeliver(wait_seconds=0) == 1
        assert publisher.publish_waiting() == 1
        assert CeleryBackend().waiting("default") == 3

    def test_announces_everything_again_when_redis_lost_its_data(self, broker: redis.Redis, waiting: list[int]) -> None:
        CeleryBackend().has_lost_its_memory()
        publisher.publish_waiting()
        broker.flushdb()
        assert redeliver(wait_seconds=3600) == 3
        assert publisher.publish_waiting() == 3
        assert redeliver(wait_seconds=3600) == 0
