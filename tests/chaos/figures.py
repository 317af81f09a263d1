"""What a run is worth in numbers: lags, failovers, load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

LAGS = """
SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - due_at)), 0),
       coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - due_at)), 0),
       coalesce(max(extract(epoch FROM decided_at - due_at)), 0)
FROM ticks
"""
OUTCOMES = "SELECT outcome, reason, count(*) FROM ticks GROUP BY 1, 2 ORDER BY 3 DESC"
STATUSES = "SELECT status, count(*) FROM job_executions GROUP BY 1 ORDER BY 2 DESC"
ATTEMPTS = "SELECT outcome, count(*) FROM task_executions GROUP BY 1 ORDER BY 2 DESC"
# What the attempts took of the time that all slots had.
LOAD = """
SELECT coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)
       / greatest(extract(epoch FROM max(finished_at) - min(started_at)), 1) / %s
FROM task_executions
"""
NEXT_LEADER = """
SELECT extract(epoch FROM min(acquired_at) - %s) FROM scheduler_lease_history WHERE acquired_at > %s
"""
# What the processes of a pool wrote themselves: how many were at work when one began.
POOLS = """
WITH spans AS (
    SELECT e.pool_id, w.execution_id, w.fence, w.pid, min(w.at) AS since, max(w.at) AS until
    FROM journal w JOIN job_executions e ON e.id = w.execution_id WHERE e.pool_id IS NOT NULL GROUP BY 1, 2, 3, 4
), at_once AS (
    SELECT a.pool_id, count(*) AS runs FROM spans a
    JOIN spans b ON b.pool_id = a.pool_id AND b.since <= a.since AND b.until >= a.since
    GROUP BY a.pool_id, a.execution_id, a.fence, a.pid
)
SELECT p.slug, p.size, max(o.runs), count(*) FROM at_once o JOIN pools p ON p.id = o.pool_id GROUP BY 1, 2
"""
STALE = "SELECT count(*) FROM task_executions WHERE is_stale"
STARTING = 6.0  # seconds that a scheduler takes to start on a busy machine


def failovers(
    connection: psycopg.Connection[Any], kills: Sequence[float], disturbances: Sequence[tuple[float, float]]
) -> tuple[list[float], list[float]]:
    """Seconds from each SIGKILL of the leader to the next lead: those that nothing else disturbed, and all."""
    calm, every = [], []
    for killed_at in kills:
        at = datetime.fromtimestamp(killed_at, UTC)
        row = connection.execute(NEXT_LEADER.encode(), (at, at)).fetchone()
        if row is None or row[0] is None:
            continue
        took = float(row[0])
        every.append(took)
        # A scheduler that was killed a moment ago is not there to take over.
        others = [*disturbances, *((kill, kill + STARTING) for kill in kills if kill != killed_at)]
        if not any(since < killed_at + took and until > killed_at for since, until in others):
            calm.append(took)
    return calm, every


def pools(connection: psycopg.Connection[Any]) -> dict[str, dict[str, int]]:
    """Needs the checker's tables."""
    rows = connection.execute(POOLS.encode()).fetchall()
    return {row[0]: {"size": row[1], "most_at_once": row[2], "runs": row[3]} for row in rows}


def table(connection: psycopg.Connection[Any], slots: int) -> dict[str, Any]:
    lags = connection.execute(LAGS.encode()).fetchone()
    load = connection.execute(LOAD.encode(), (slots,)).fetchone()
    stale = connection.execute(STALE.encode()).fetchone()
    assert lags is not None
    assert stale is not None
    assert load is not None
    return {
        "ticks": lags[0],
        "tick_lag_p50_s": round(float(lags[1]), 3),
        "tick_lag_p99_s": round(float(lags[2]), 3),
        "tick_lag_max_s": round(float(lags[3]), 3),
        "late_results": stale[0],
        "slots_used": round(float(load[0]), 3),
        "outcomes": {f"{row[0]} {row[1]}".strip(): row[2] for row in connection.execute(OUTCOMES.encode())},
        "statuses": {row[0]: row[1] for row in connection.execute(STATUSES.encode())},
        "attempts": {row[0]: row[1] for row in connection.execute(ATTEMPTS.encode())},
    }
