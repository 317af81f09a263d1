"""Announces executions to Celery workers. A message holds one execution id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import current_app, signals
from django.conf import settings
from kombu import Connection, Producer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from jobs.backends.base import Announcement, BackendUnavailable
from jobs.backends.messages import Writer

TASK = "scheduler.run_job"
CANARY = "scheduler.answer_canary"
PATIENCE = 1  # seconds: whoever publishes must not hang with a Redis that hangs


class CeleryBackend:
    name = "celery"

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """In one pipeline. What fails half-way is announced again: a second message changes nothing."""
        with self._connection() as connection:
            if _writes_messages():
                _push(connection, announcements)
            else:
                _send(connection, announcements)

    def waiting(self, queue: str) -> int:
        with self._connection() as connection:
            channel: Any = connection.default_channel
            return int(channel._size(queue))

    def ask(self, queue: str) -> None:
        """Put a question to whoever serves the queue, before all runs in it. Raises `BackendUnavailable`."""
        with self._connection() as connection:
            current_app.send_task(
                CANARY,
                args=[queue],
                queue=queue,
                priority=0,
                producer=Producer(connection),
                retry=False,
                ignore_result=True,
            )

    def is_provisioned(self) -> bool:
        return bool(settings.CELERY_BROKER_URL)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "socket_timeout": PATIENCE, "retry_on_timeout": False}
        try:
            with Connection(
                settings.CELERY_BROKER_URL, transport_options=options, connect_timeout=PATIENCE
            ) as connection:
                yield connection
        except (OperationalError, RedisError, OSError) as error:
            raise BackendUnavailable(f"The broker cannot be reached: {error}") from error


def _writes_messages() -> bool:
    """Whether nobody asked for Celery's own way: the settings, or a listener that adds to messages or counts them."""
    listeners = (signals.before_task_publish, signals.after_task_publish)
    return settings.DAYBOOK_ANNOUNCE == "pipeline" and not any(signal.receivers for signal in listeners)


def _push(connection: Connection, announcements: Sequence[Announcement]) -> None:
    """An eighth of what Celery's own way costs, and one round trip."""
    channel: Any = connection.default_channel
    ids: dict[tuple[str, int], list[int]] = defaultdict(list)
    for announcement in announcements:
        ids[announcement.queue, announcement.priority].append(announcement.execution_id)
    with channel.client.pipeline(transaction=False) as pipeline:
        for (queue, priority), executions in ids.items():
            writer = Writer(TASK, queue=queue, priority=priority)
            pipeline.lpush(channel._q_for_pri(queue, priority), *map(writer.write, executions))
        pipeline.execute()


def _send(connection: Connection, announcements: Sequence[Announcement]) -> None:
    """One call of Celery each, collected by kombu and sent together."""
    producer: Any = Producer(connection)
    with producer.batch():
        for announcement in announcements:
            current_app.send_task(
                TASK,
                args=[announcement.execution_id],
                queue=announcement.queue,
                priority=announcement.priority,
                producer=producer,
                retry=False,
                ignore_result=True,
            )
