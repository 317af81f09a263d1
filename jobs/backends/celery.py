"""Announces executions to Celery workers. A message holds one execution id."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from celery import current_app, signals
from django.conf import settings
from kombu import Connection, Producer
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from jobs.backends.base import Announcement, BackendUnavailable
from jobs.backends.messages import Writer

TASK = "scheduler.run_job"
CANARY = "scheduler.answer_canary"
ERRORS = (OperationalError, RedisError, OSError)
PATIENCE = 1  # seconds: whoever publishes must not hang with a Redis that hangs


class CeleryBackend:
    name = "celery"

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """In one pipeline. What fails half-way is announced again: a second message changes nothing."""
        _on_connection(lambda connection: (_push if _writes_messages() else _send)(connection, announcements))

    def waiting(self, queue: str) -> int:
        return int(_on_connection(lambda connection: _channel(connection)._size(queue)))

    def ask(self, queue: str) -> None:
        """Put a question to whoever serves the queue, before all runs in it. Raises `BackendUnavailable`."""
        _on_connection(
            lambda connection: current_app.send_task(
                CANARY,
                args=[queue],
                queue=queue,
                priority=0,
                producer=Producer(connection),
                retry=False,
                ignore_result=True,
            )
        )

    def is_provisioned(self) -> bool:
        return bool(settings.CELERY_BROKER_URL)


_kept = threading.local()


def _on_connection(use: Callable[[Connection], Any]) -> Any:
    """Use this thread's connection to the broker, which is kept: opening one takes longer than all else. One that was
    lost since its last use is opened anew, once; one that hangs is not waited for twice."""
    connection = _keep()
    is_fresh = not connection.connected
    try:
        try:
            return use(connection)
        except ERRORS as error:
            connection.close()
            if is_fresh or isinstance(error, TimeoutError | RedisTimeout):
                raise
            return use(connection := _keep())
    except ERRORS as error:
        connection.close()
        raise BackendUnavailable(f"The broker cannot be reached: {error}") from error


def _keep() -> Connection:
    belongs_to = os.getpid(), settings.CELERY_BROKER_URL
    if getattr(_kept, "belongs_to", None) != belongs_to:
        options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "socket_timeout": PATIENCE, "retry_on_timeout": False}
        _kept.connection = Connection(settings.CELERY_BROKER_URL, transport_options=options, connect_timeout=PATIENCE)
        _kept.belongs_to = belongs_to
    connection: Connection = _kept.connection
    return connection


def _channel(connection: Connection) -> Any:
    return connection.default_channel


def _writes_messages() -> bool:
    """Whether nobody asked for Celery's own way: the settings, or a listener that adds to messages or counts them."""
    listeners = (signals.before_task_publish, signals.after_task_publish)
    return settings.DAYBOOK_ANNOUNCE == "pipeline" and not any(signal.receivers for signal in listeners)


def _push(connection: Connection, announcements: Sequence[Announcement]) -> None:
    """An eighth of what Celery's own way costs, and one round trip."""
    channel = _channel(connection)
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
