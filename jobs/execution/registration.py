"""A worker's row: written when it starts, at each heartbeat and when it stops."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import timedelta

from scheduler_project.lib import sql

FORGET_AFTER = timedelta(days=1)

BEAT = """
INSERT INTO workers (name, hostname, pid, queues, concurrency, started_at, heartbeat_at)
VALUES (%(name)s, %(hostname)s, %(pid)s, %(queues)s, %(concurrency)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE
SET heartbeat_at = excluded.heartbeat_at, queues = excluded.queues, concurrency = excluded.concurrency,
    stopped_at = NULL
"""

STOP = "UPDATE workers SET stopped_at = clock_timestamp() WHERE name = %(name)s AND stopped_at IS NULL"

FORGET = "DELETE FROM workers WHERE coalesce(stopped_at, heartbeat_at) < clock_timestamp() - %(after)s::interval"


def beat(name: str, *, queues: Sequence[str], concurrency: int) -> None:
    """Say that the worker lives; the first time this registers it."""
    values = {"name": name, "hostname": socket.gethostname(), "pid": os.getpid()}
    sql.rows(BEAT, {**values, "queues": list(queues), "concurrency": concurrency})


def stop(name: str) -> None:
    """Say that the worker ends of its own will."""
    sql.rows(STOP, {"name": name})


def forget_old() -> None:
    """Remove the rows of workers that ended long ago."""
    sql.rows(FORGET, {"after": FORGET_AFTER})
