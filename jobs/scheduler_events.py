"""Adds to the record of what the scheduling went through, and counts it in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scheduler_project.lib import sql

# What is counted and what happens to be looked for: type -> level.
LEVELS = {
    "check_cycle": "info",
    "idle_cycles": "info",
    "leader_acquired": "info",
    "leader_released": "info",
    "leader_expired": "warning",
    "turn_failed": "error",
    "sweep_failed": "error",
    "clock_jumped": "warning",
    "tick_late": "warning",
    "tick_missed": "error",
    "misfire": "warning",
    "run_slow": "warning",
    "job_failed": "error",
    "dead_letter": "error",
    "worker_lost": "error",
    "worker_silent": "error",
    "circuit_changed": "warning",
    "scheduler_switched": "warning",
}
TYPES = tuple(LEVELS)
MOST_MESSAGE = 500

RECORD = """
WITH told AS (
    SELECT * FROM unnest(%(types)s::text[], %(levels)s::text[], %(counts)s::bigint[], %(tenants)s::bigint[],
        %(jobs)s::bigint[], %(executions)s::bigint[], %(sources)s::text[], %(messages)s::text[], %(datas)s::jsonb[])
        AS t(type, level, count, tenant_id, job_id, execution_id, source, message, data)
), added AS (
    INSERT INTO scheduler_events (type, level, count, tenant_id, job_id, execution_id, source, message, data)
    SELECT * FROM told
    RETURNING type, tenant_id, count
)
INSERT INTO scheduler_counters AS c (type, tenant_id, count)
SELECT type, coalesce(tenant_id, 0), sum(count) FROM added GROUP BY 1, 2
ORDER BY 1, 2  -- in one order, so that two that count at the same time never wait for each other
ON CONFLICT (type, tenant_id) DO UPDATE SET count = c.count + excluded.count
"""


@dataclass(frozen=True)
class Event:
    type: str
    message: str = ""
    count: int = 1
    tenant_id: int | None = None
    job_id: int | None = None
    execution_id: int | None = None
    source: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def record(events: Sequence[Event]) -> None:
    """Add them, in the caller's transaction if it has one."""
    if events:
        sql.rows(RECORD, columns(events))


def columns(events: Sequence[Event]) -> dict[str, list[object]]:
    """The parameters of `RECORD`."""
    return {
        "types": [event.type for event in events],
        "levels": [LEVELS[event.type] for event in events],
        "counts": [event.count for event in events],
        "tenants": [event.tenant_id for event in events],
        "jobs": [event.job_id for event in events],
        "executions": [event.execution_id for event in events],
        "sources": [sql.text(event.source)[:200] for event in events],
        "messages": [sql.text(event.message)[:MOST_MESSAGE] for event in events],
        "datas": [sql.json(dict(event.data)) for event in events],
    }


# --- the promise of the counters --------------------------------------------------------------------------------------

# One statement, so one snapshot.
DIFFERENCES = """
SELECT coalesce(c.type, e.type) AS type, coalesce(c.tenant_id, e.tenant_id) AS tenant_id,
       coalesce(c.count, 0) AS counted, coalesce(c.dropped, 0) AS dropped, coalesce(e.count, 0) AS recorded
FROM scheduler_counters c
FULL JOIN (SELECT type, coalesce(tenant_id, 0) AS tenant_id, sum(count)::bigint AS count
           FROM scheduler_events GROUP BY 1, 2) AS e USING (type, tenant_id)
WHERE coalesce(c.count, 0) <> coalesce(c.dropped, 0) + coalesce(e.count, 0)
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Difference:
    """A counter that is not the sum of its events."""

    type: str
    tenant_id: int
    counted: int
    dropped: int
    recorded: int


def find_differences() -> list[Difference]:
    """Reads every event that is kept; none means that each counter equals the sum of its events."""
    return [Difference(**row) for row in sql.rows(DIFFERENCES)]
