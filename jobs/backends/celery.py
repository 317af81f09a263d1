"""Announces executions to Celery workers. A message holds one execution id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import current_app
from django.conf import settings
from kombu import Connection, Producer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from jobs.backends.base import Announcement, BackendUnavailable

TASK = "scheduler.run_job"
# Present as long as Redis has kept its data. Without it, everything that was announced is gone.
SENTINEL = "sentinel"
PATIENCE = 1  # seconds: whoever publishes must not hang with a Redis that hangs


class CeleryBackend:
    name = "celery"

    def announce(self, announcements: Sequence[Announcement]) -> None:
        with self._connection() as connection:
            producer = Producer(connection)
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

    def waiting(self, queue: str) -> int:
        with self._connection() as connection:
            channel: Any = connection.default_channel
            return int(channel._size(queue))

    def has_lost_its_memory(self) -> bool:
        with self._connection() as connection:
            channel: Any = connection.default_channel
            # The channel's client puts the deployment's prefix before every key.
            return bool(channel.client.set(SENTINEL, "1", nx=True))

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
