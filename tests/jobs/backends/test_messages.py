"""The message that is written here against the one that the pinned Celery and kombu send themselves."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import signals
from kombu import Connection
from kombu.transport.virtual import Message
from pytest_django import Settings

from jobs.backends.base import Announcement, BackendUnavailable
from jobs.backends.celery import TASK, CeleryBackend
from jobs.backends.messages import Writer

UNIQUE = (("headers", "id"), ("headers", "root_id"), ("properties", "correlation_id"), ("properties", "delivery_tag"))


@pytest.fixture
def broker(settings: Settings) -> Iterator[redis.Redis]:
    client: redis.Redis = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    client.flushdb()
    yield client
    client.flushdb()


def queued(broker: redis.Redis, key: str) -> list[dict[str, Any]]:
    """The messages of a list, the one that a worker takes first in front."""
    return [json.loads(text) for text in reversed(broker.lrange(f"daybook:{key}", 0, -1))]


def without_what_is_unique(message: dict[str, Any]) -> dict[str, Any]:
    for part, name in UNIQUE:
        assert message[part].pop(name)
    # A result is sent nowhere, so where to is of no matter.
    message["properties"].pop("reply_to")
    return message


@pytest.mark.parametrize("priority", [0, 3, 6, 9])
class TestFormat:
    def test_is_the_one_of_celery(self, broker: redis.Redis, settings: Settings, priority: int) -> None:
        found = []
        for way in ("celery", "pipeline"):
            settings.DAYBOOK_ANNOUNCE = way
            broker.flushdb()
            CeleryBackend().announce([Announcement(12_345_678_901, "reports", priority)])
            (key,) = [name.decode() for name in broker.scan_iter() if broker.type(name) == b"list"]
            (message,) = queued(broker, key.removeprefix("daybook:"))
            found.append((key, without_what_is_unique(message)))
        assert found[0] == found[1]
        assert list(found[0][1]) == list(found[1][1])


class TestWriter:
    def test_gives_each_message_an_id_of_its_own(self) -> None:
        writer = Writer(TASK, queue="default", priority=6)
        first, second = (json.loads(writer.write(7)) for _ in range(2))
        assert first["headers"]["id"] != second["headers"]["id"]
        assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]

    def test_holds_the_execution_and_nothing_else(self) -> None:
        message = json.loads(Writer(TASK, queue="default", priority=6).write(7))
        assert json.loads(b64decode(message["body"]))[:2] == [[7], {}]

    def test_is_read_by_kombu(self) -> None:
        with Connection("memory://") as connection:
            channel: Any = connection.channel()
            message = Message(json.loads(Writer(TASK, queue="default", priority=6).write(7)), channel)
        assert message.decode()[0] == [7]


class TestAnnounce:
    @pytest.mark.parametrize("way", ["celery", "pipeline"])
    def test_keeps_the_order_and_the_queues(self, broker: redis.Redis, settings: Settings, way: str) -> None:
        settings.DAYBOOK_ANNOUNCE = way
        wanted = [("default", 6), ("default", 6), ("default", 0), ("reports", 6)]
        CeleryBackend().announce([Announcement(number, *where) for number, where in enumerate(wanted, 1)])
        assert [message["headers"]["argsrepr"] for message in queued(broker, "default:6")] == ["[1]", "[2]"]
        assert [message["headers"]["argsrepr"] for message in queued(broker, "default")] == ["[3]"]
        assert [message["headers"]["argsrepr"] for message in queued(broker, "reports:6")] == ["[4]"]

    @pytest.mark.parametrize("way", ["celery", "pipeline"])
    def test_says_so_when_the_broker_is_away(self, settings: Settings, way: str) -> None:
        settings.DAYBOOK_ANNOUNCE = way
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
        with pytest.raises(BackendUnavailable):
            CeleryBackend().announce([Announcement(1, "default", 6)])

    def test_goes_celerys_way_for_a_listener(self, broker: redis.Redis) -> None:
        """Such as tracing, which adds its own headers to each message."""

        def trace(headers: dict[str, Any], **kwargs: Any) -> None:
            headers["trace"] = "abc"

        signals.before_task_publish.connect(trace)
        try:
            CeleryBackend().announce([Announcement(1, "default", 6)])
        finally:
            signals.before_task_publish.disconnect(trace)
        assert queued(broker, "default:6")[0]["headers"]["trace"] == "abc"
