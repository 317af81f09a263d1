"""What health answers rest on, read in one statement from the database and one command from the broker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.db.migrations.loader import MigrationLoader

from jobs import queries
from scheduler_project.observability import direct

VANISHED_WITHIN = timedelta(minutes=5)

APPLIED = "SELECT app, name FROM django_migrations"

STATE = """
WITH alive AS (
    SELECT * FROM workers WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - %(limit)s::interval
)
SELECT
    (SELECT count(*) FROM alive) AS workers,
    (SELECT coalesce(sum(concurrency), 0)::integer FROM alive) AS worker_processes,
    (SELECT count(*) FROM workers
     WHERE stopped_at IS NULL AND heartbeat_at <= clock_timestamp() - %(limit)s::interval
       AND heartbeat_at > clock_timestamp() - %(vanished)s::interval) AS workers_vanished,
    (SELECT extract(epoch FROM clock_timestamp() - max(heartbeat_at))::float FROM alive) AS heartbeat_age,
    ARRAY(SELECT DISTINCT queue FROM dynamic_jobs j
          WHERE j.next_tick_at IS NOT NULL AND NOT EXISTS (SELECT FROM alive WHERE j.queue = ANY(alive.queues))
          ORDER BY queue LIMIT 20) AS queues_without_worker,
    ARRAY(SELECT queue FROM queue_canaries c
          WHERE deaf_since IS NOT NULL AND EXISTS (SELECT FROM alive WHERE c.queue = ANY(alive.queues))
          ORDER BY queue LIMIT 20) AS queues_deaf,
    l.epoch AS leader_epoch,
    extract(epoch FROM l.expires_at - clock_timestamp())::float AS leader_expires_in,
    extract(epoch FROM clock_timestamp() - l.ticked_at)::float AS tick_age
FROM (VALUES (1)) AS one LEFT JOIN scheduler_leases l ON l.name = 'scheduler'
"""


@dataclass(frozen=True)
class DatabaseFacts:
    milliseconds: float
    migrations_pending: int
    workers: int = 0
    worker_processes: int = 0
    workers_vanished: int = 0
    heartbeat_age: float | None = None
    queues_without_worker: Sequence[str] = ()
    queues_deaf: Sequence[str] = ()
    leader_epoch: int | None = None
    leader_expires_in: float | None = None
    tick_age: float | None = None


@dataclass(frozen=True)
class BrokerFacts:
    milliseconds: float
    memory_bytes: int
    memory_limit_bytes: int


def ask_database() -> DatabaseFacts:
    """Raises what the driver raises."""
    started = time.perf_counter()
    with direct.database() as connection:
        applied = {(row["app"], row["name"]) for row in connection.execute(APPLIED)}
        elapsed = _milliseconds(started)
        pending = len(_known_migrations() - applied)
        if pending:
            return DatabaseFacts(elapsed, pending)
        found = connection.execute(STATE, {"limit": queries.heartbeat_limit(), "vanished": VANISHED_WITHIN}).fetchone()
    assert found is not None
    rounded: dict[str, Any] = {
        name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()
    }
    return DatabaseFacts(elapsed, pending, **rounded)


def ask_broker() -> BrokerFacts:
    """Raises what the client raises."""
    started = time.perf_counter()
    with direct.broker() as client:
        memory: Any = client.info("memory")
    return BrokerFacts(_milliseconds(started), memory["used_memory"], memory.get("maxmemory", 0))


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Those that this release brings; the files do not change while it runs."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.disk_migrations)


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
