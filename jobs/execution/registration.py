"""A worker's row: written when it starts, at each heartbeat and when it stops."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from scheduler_project.lib import release, sql

FORGET_AFTER = timedelta(days=1)

# Ages are counted by the worker and turned into instants of the database's clock here.
BEAT = """
INSERT INTO workers AS w (name, hostname, pid, queues, concurrency, started_at, heartbeat_at, release, pool,
    max_tasks_per_child, max_memory_mb, health, trouble, heard_at, runs_done, memory, draining_since, drains_until)
VALUES (%(name)s, %(hostname)s, %(pid)s, %(queues)s, %(concurrency)s, clock_timestamp(), clock_timestamp(), %(release)s,
    %(pool)s, %(max_tasks_per_child)s, %(max_memory_mb)s, %(health)s, %(trouble)s,
    clock_timestamp() - make_interval(secs => %(heard_ago)s::float), %(runs_done)s, %(memory)s::jsonb,
    clock_timestamp() - make_interval(secs => %(draining_for)s::float),
    clock_timestamp() + make_interval(secs => %(drains_for)s::float))
ON CONFLICT (name) DO UPDATE
SET heartbeat_at = excluded.heartbeat_at, queues = excluded.queues, concurrency = excluded.concurrency,
    health = excluded.health, trouble = excluded.trouble, heard_at = coalesce(excluded.heard_at, w.heard_at),
    runs_done = excluded.runs_done, memory = excluded.memory,
    draining_since = CASE WHEN excluded.draining_since IS NOT NULL
                          THEN coalesce(w.draining_since, excluded.draining_since) END,
    drains_until = excluded.drains_until, stopped_at = NULL
"""

STOP = "UPDATE workers SET stopped_at = clock_timestamp() WHERE name = %(name)s AND stopped_at IS NULL"

FORGET = "DELETE FROM workers WHERE coalesce(stopped_at, heartbeat_at) < clock_timestamp() - %(after)s::interval"


@dataclass(frozen=True)
class Report:
    """How a worker is; ages in seconds."""

    pool: str = ""
    max_tasks_per_child: int | None = None
    max_memory_mb: int | None = None
    health: str = "healthy"
    trouble: str = ""
    heard_ago: float | None = None
    runs_done: int = 0
    memory: Sequence[dict[str, Any]] = ()
    draining_for: float | None = None
    drains_for: float | None = None


def beat(name: str, *, queues: Sequence[str], concurrency: int, report: Report | None = None) -> None:
    """Say that the worker lives, and how; the first time this registers it."""
    report = report or Report()
    values = {
        **asdict(report),
        "memory": sql.json(list(report.memory)),
        "name": name,
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "release": release.NAME,
    }
    sql.rows(BEAT, {**values, "queues": list(queues), "concurrency": concurrency})


def stop(name: str) -> None:
    """Say that the worker ends of its own will."""
    sql.rows(STOP, {"name": name})


def forget_old() -> None:
    """Remove the rows of workers that ended long ago."""
    sql.rows(FORGET, {"after": FORGET_AFTER})
