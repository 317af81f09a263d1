"""All figures of `/metrics` that live in the database, read in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobs import queries
from scheduler_project.observability import direct

JOB_STATES = ("enabled", "paused", "disabled", "quarantined", "archived")

# Each part touches an index or a small table; the jobs are counted whole.
STATEMENT = """
WITH alive AS (
    SELECT concurrency FROM workers WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - %(limit)s::interval
), jobs AS (
    SELECT CASE WHEN archived_at IS NOT NULL THEN 'archived' WHEN problem <> '' THEN 'quarantined'
                WHEN NOT is_enabled THEN 'disabled' WHEN paused_at IS NOT NULL THEN 'paused'
                ELSE 'enabled' END AS state, count(*) AS count
    FROM dynamic_jobs GROUP BY 1
), queues AS (
    SELECT queue, priority, count(*) AS count FROM job_executions
    WHERE status = 'queued' AND available_at <= clock_timestamp() GROUP BY 1, 2
), connections AS (
    SELECT substr(application_name, 9) AS role, count(*) AS "all", count(*) FILTER (WHERE state <> 'idle') AS active
    FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'daybook-%%' AND pid <> pg_backend_pid()
    GROUP BY 1
), workers_by_state AS (
    SELECT CASE WHEN stopped_at IS NOT NULL THEN 'stopped'
                WHEN heartbeat_at <= clock_timestamp() - %(limit)s::interval THEN 'lost'
                WHEN draining_since IS NOT NULL THEN 'draining' ELSE health END AS state, count(*) AS count
    FROM workers GROUP BY 1
), canaries AS (
    SELECT queue, deaf_since IS NOT NULL AS is_deaf, redelivered, CASE WHEN answered_at >= asked_at THEN 0 ELSE
               greatest(extract(epoch FROM clock_timestamp() - asked_at), 0) END::float AS unanswered
    FROM queue_canaries ORDER BY queue LIMIT 100
), unread AS (
    SELECT v.at FROM execution_events v
    WHERE (v.xid, v.id) > (coalesce((SELECT xid FROM event_cursors WHERE name = 'projections'), 0),
                           coalesce((SELECT event_id FROM event_cursors WHERE name = 'projections'), 0))
    ORDER BY v.xid, v.id LIMIT 1
), letters AS (
    SELECT t.name AS template, count(*) AS count
    FROM dead_letters d JOIN job_templates t ON t.id = d.template_id WHERE d.state = 'open' GROUP BY 1
), lease AS (
    SELECT * FROM scheduler_leases WHERE name = 'scheduler'
)
SELECT
    coalesce((SELECT json_agg(t ORDER BY template, kind) FROM execution_totals t), '[]') AS totals,
    coalesce((SELECT json_agg(t ORDER BY outcome, reason) FROM tick_totals t), '[]') AS ticks,
    coalesce((SELECT json_object_agg(state, count) FROM jobs), '{}') AS jobs,
    coalesce((SELECT json_agg(queues ORDER BY queue, priority) FROM queues), '[]') AS queues,
    coalesce((SELECT json_agg(connections ORDER BY role) FROM connections), '[]') AS connections,
    coalesce((SELECT json_object_agg(template, count) FROM letters), '{}') AS dead_letters,
    coalesce((SELECT json_object_agg(state, count) FROM workers_by_state), '{}') AS workers_by_state,
    coalesce((SELECT json_agg(canaries) FROM canaries), '[]') AS canaries,
    (SELECT coalesce(sum((process ->> 'pss')::bigint), 0)::bigint
     FROM workers CROSS JOIN jsonb_array_elements(
         CASE WHEN jsonb_typeof(memory) = 'array' THEN memory ELSE '[]' END) AS process
     WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - %(limit)s::interval) AS worker_memory,
    (SELECT count(*) FROM execution_leases) AS running,
    (SELECT count(*) FROM alive) AS workers,
    (SELECT coalesce(sum(concurrency), 0)::integer FROM alive) AS worker_processes,
    coalesce((SELECT expires_at > clock_timestamp() FROM lease), false) AS has_leader,
    coalesce((SELECT epoch FROM lease), 0) AS leader_epoch,
    (SELECT extract(epoch FROM clock_timestamp() - ticked_at)::float FROM lease) AS tick_age,
    (SELECT count(*) FROM scheduler_candidates
     WHERE trouble = '' AND seen_at > clock_timestamp() - %(turned)s::interval) AS candidates,
    (SELECT count(*) FROM (SELECT FROM dynamic_jobs WHERE next_tick_at <= statement_timestamp() LIMIT 10000) AS due)
        AS jobs_behind,
    (SELECT count(*) FROM ledger_violations) AS violations,
    (SELECT count(*) FROM (
        SELECT DISTINCT ON (circuit) after FROM circuit_events WHERE at > clock_timestamp() - interval '1 day'
        ORDER BY circuit, id DESC) AS newest WHERE after = 'open') AS circuits_open,
    coalesce((SELECT json_object_agg(priority, count) FROM queue_rejections), '{}') AS rejections,
    coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - at), 0)::float FROM unread), 0) AS event_lag
"""


@dataclass(frozen=True)
class Snapshot:
    totals: list[dict[str, Any]]
    ticks: list[dict[str, Any]]
    jobs: dict[str, int]
    queues: list[dict[str, Any]]
    connections: list[dict[str, Any]]
    dead_letters: dict[str, int]
    workers_by_state: dict[str, int]
    canaries: list[dict[str, Any]]
    worker_memory: int
    running: int
    workers: int
    worker_processes: int
    has_leader: bool
    leader_epoch: int
    tick_age: float | None
    candidates: int
    jobs_behind: int
    violations: int
    circuits_open: int
    rejections: dict[str, int]
    event_lag: float


def take() -> Snapshot:
    """Raises what the driver raises."""
    limits = {"limit": queries.heartbeat_limit(), "turned": queries.tick_limit()}
    with direct.database() as connection:
        found = connection.execute(STATEMENT, limits).fetchone()
    assert found is not None
    return Snapshot(**found)
