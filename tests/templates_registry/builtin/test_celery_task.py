"""Sending Celery tasks to a real broker: with which options, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app, shared_task
from kombu import pools
from kombu.exceptions import OperationalError

from templates_registry.base import PermanentFailure
from templates_registry.builtin.celery_task import CeleryTaskTemplate
from templates_registry.models import TaskFunction
from templates_registry.testing import RecordingContext

pytestmark = pytest.mark.django_db

DUE = datetime(2026, 11, 1, 9, tzinfo=UTC)


@shared_task(name="tests.celery_task.add", ignore_result=True)
def add(x: int, y: int) -> int:
    return x + y


@pytest.fixture
def broker() -> Iterator[Broker]:
    with current_app.connection_for_write() as connection:
        broker = Broker(connection.default_channel)
        broker.client.flushdb()
        yield broker
        broker.client.flushdb()


class Broker:
    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.client = channel.client

    def take(self, queue: str) -> Any:
        """The one message of a queue."""
        message = self.channel.basic_get(queue, no_ack=True)
        assert message is not None
        assert self.channel.basic_get(queue, no_ack=True) is None
        return message


def arguments(message: Any) -> list[Any]:
    return list(message.decode()[:2])


def run(context: RecordingContext, **parameters: Any) -> Any:
    return CeleryTaskTemplate().run(context, parameters)


class TestAdopted:
    def test_is_sent_with_the_rows_own_options(self, broker: Broker) -> None:
        context = RecordingContext(is_adopted=True, job_name="Nightly", scheduled_for=DUE)
        result = run(
            context,
            task="elsewhere.build",
            args=[1, "zwei"],
            kwargs={"three": [3]},
            queue="reports",
            priority=3,
            headers={"x-trace": "abc"},
            expire_seconds=60,
        )
        message = broker.take("reports")
        assert arguments(message) == [[1, "zwei"], {"three": [3]}]
        assert message.properties["priority"] == 3
        headers = message.headers
        assert (headers["task"], headers["id"]) == ("elsewhere.build", str(context.run_key))
        assert headers["x-trace"] == "abc"
        assert headers["periodic_task_name"] == "Nightly"
        assert headers["expires"] == "2026-11-01T09:01:00+00:00"
        assert result["state"] == "sent"
        assert "broker took the message" in result["note"]

    def test_is_sent_through_an_exchange_and_a_routing_key(self, broker: Broker) -> None:
        with current_app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            channel.exchange_declare("reports", "direct")
            channel.queue_declare("routed")
            channel.queue_bind("routed", "reports", "daily")
        run(RecordingContext(is_adopted=True), task="elsewhere.build", exchange="reports", routing_key="daily")
        assert broker.take("routed").delivery_info["routing_key"] == "daily"

    def test_takes_the_expiry_of_the_row(self, broker: Broker) -> None:
        expires_at = "2027-01-01T00:00:00+00:00"
        run(RecordingContext(is_adopted=True), task="elsewhere.build", queue="q", expires_at=expires_at)
        assert broker.take("q").headers["expires"] == expires_at

    def test_takes_the_options_of_a_task_that_is_known_here(self, broker: Broker) -> None:
        run(RecordingContext(is_adopted=True), task="tests.celery_task.add", args=[1, 2], queue="sums")
        message = broker.take("sums")
        assert arguments(message) == [[1, 2], {}]
        assert message.headers["ignore_result"] is True

    def test_fails_for_good_when_the_arguments_do_not_fit_a_known_task(self, broker: Broker) -> None:
        with pytest.raises(TypeError) as caught:
            run(RecordingContext(is_adopted=True), task="tests.celery_task.add", args=[1])
        assert not CeleryTaskTemplate.may_retry(caught.value)

    def test_has_the_same_task_id_at_every_attempt(self, broker: Broker) -> None:
        context = RecordingContext(is_adopted=True)
        first = run(context, task="elsewhere.build", queue="a")["task_id"]
        context.attempt = 2
        assert run(context, task="elsewhere.build", queue="b")["task_id"] == first

    def test_may_be_retried_when_the_broker_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        away = current_app.connection_for_write("redis://127.0.0.1:9/0")
        monkeypatch.setattr(current_app.amqp, "_producer_pool", pools.producers[away])
        with pytest.raises(OperationalError) as caught:
            run(RecordingContext(is_adopted=True), task="elsewhere.build")
        assert CeleryTaskTemplate.may_retry(caught.value)


class TestNative:
    def test_runs_what_is_listed_in_the_queue_of_the_entry(self, broker: Broker) -> None:
        schema = {
            "type": "object",
            "properties": {"region": {"type": "string", "maxLength": 9, "default": "eu"}},
            "additionalProperties": False,
        }
        TaskFunction.objects.create(name="a.b", for_all_tenants=True, queue="reports", argument_schema=schema)
        run(RecordingContext(), task="a.b")
        assert arguments(broker.take("reports")) == [[], {"region": "eu"}]

    def test_fails_for_good_when_the_entry_has_gone(self) -> None:
        with pytest.raises(PermanentFailure, match="not a task that operators may choose"):
            run(RecordingContext(), task="a.b")

    def test_never_runs_the_products_own_tasks(self) -> None:
        with pytest.raises(PermanentFailure):
            run(RecordingContext(), task="scheduler.run_job", kwargs={"job_id": 1})


class TestDryRun:
    def test_sends_nothing_and_says_what_would_be_sent(self, broker: Broker) -> None:
        context = RecordingContext(is_adopted=True, dry_run=True)
        report = CeleryTaskTemplate().dry_run(context, {"task": "elsewhere.build", "queue": "q"})
        assert report.summary == "Would send elsewhere.build to the queue q."
        assert broker.channel.basic_get("q") is None

    def test_is_refused_like_a_run(self) -> None:
        with pytest.raises(PermanentFailure):
            CeleryTaskTemplate().dry_run(RecordingContext(dry_run=True), {"task": "elsewhere.build"})
