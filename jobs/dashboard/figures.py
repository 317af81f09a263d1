"""The figures of the scheduling: jobs by state, runs by window, what waits. Reads no history as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobs import scheduler_events
from jobs.rules.durations import BUCKETS, percentile
from jobs.rules.states import BURIED, FINISHED, PRIORITIES
from scheduler_project.lib import sql

WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
JOB_STATES = ("enabled", "paused", "disabled", "quarantined", "archived")

# None stands for the tenants of everybody. Each part reads jobs, a small table, or a bounded stretch of an index.
MINE = "(%(tenants)s::bigint[] IS NULL OR tenant_id = ANY(%(tenants)s::bigint[]))"
STATS = f"""
WITH jobs AS (
    SELECT CASE WHEN archived_at IS NOT NULL THEN 'archived' WHEN problem <> '' THEN 'quarantined'
                WHEN NOT is_enabled THEN 'disabled' WHEN paused_at IS NOT NULL THEN 'paused'
                ELSE 'enabled' END AS state, count(*) AS count
    FROM dynamic_jobs WHERE {MINE} GROUP BY 1
), waiting AS (
    SELECT priority, count(*) AS count FROM (
        SELECT priority FROM job_executions WHERE status = 'queued' AND {MINE} LIMIT %(most)s
    ) AS queued GROUP BY 1
), ended AS (
    SELECT w.name, h.status, sum(h.count)::bigint AS count, sum(h.seconds) AS seconds,
           ARRAY(SELECT sum(b.n)::bigint FROM run_hours x, unnest(x.buckets) WITH ORDINALITY AS b(n, place)
                 WHERE x.status = h.status AND x.hour >= min(w.since)
                   AND (%(tenants)s::bigint[] IS NULL OR x.tenant_id = ANY(%(tenants)s::bigint[]))
                 GROUP BY b.place ORDER BY b.place) AS buckets
    FROM unnest(%(names)s::text[], %(sinces)s::timestamptz[]) AS w(name, since)
    JOIN run_hours h ON h.hour >= w.since
    WHERE {MINE} GROUP BY 1, 2
)
SELECT coalesce((SELECT json_object_agg(state, count) FROM jobs), '{{}}') AS jobs,
       coalesce((SELECT json_object_agg(priority, count) FROM waiting), '{{}}') AS waiting,
       coalesce((SELECT json_agg(ended) FROM ended), '[]') AS ended,
       (SELECT count(*) FROM execution_leases WHERE {MINE}) AS running,
       (SELECT count(*) FROM (SELECT FROM dead_letters WHERE state = 'open' AND {MINE} LIMIT %(most)s) AS d)
           AS letters,
       (SELECT min(next_tick_at) FROM dynamic_jobs WHERE next_tick_at IS NOT NULL AND {MINE}) AS next_tick_at,
       coalesce((SELECT json_object_agg(type, count) FROM (
           SELECT type, sum(count)::bigint AS count FROM scheduler_counters
           WHERE tenant_id = 0 OR {MINE} GROUP BY 1) AS c), '{{}}') AS counters
"""  # noqa: S608
MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Window:
    """The runs that ended since the hour began in which the window begins."""

    name: str
    since: datetime
    total: int
    by_status: Mapping[str, int]
    success_rate: float | None
    mean_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True)
class Stats:
    generated_at: datetime
    jobs: Mapping[str, int]
    runs: Mapping[str, int]
    queue_depth: Mapping[str, int]
    windows: Sequence[Window]
    open_dead_letters: int
    next_tick_at: datetime | None
    counters: Mapping[str, int]


def stats(tenant_ids: Sequence[int] | None) -> Stats:
    """Of these tenants; None stands for all."""
    now = sql.now()
    since = {name: (now - length).replace(minute=0, second=0, microsecond=0) for name, length in WINDOWS.items()}
    values = {
        "tenants": None if tenant_ids is None else list(tenant_ids),
        "names": list(since),
        "sinces": list(since.values()),
        "most": MOST_COUNTED,
    }
    (found,) = sql.rows(STATS, values, prepare=False)
    jobs, waiting, counters = (sql.loads(found[name]) for name in ("jobs", "waiting", "counters"))
    ended = sql.loads(found["ended"])
    depth = {name: waiting.get(str(number), 0) for name, number in PRIORITIES.items()}
    return Stats(
        generated_at=now,
        jobs={state: jobs.get(state, 0) for state in JOB_STATES},
        runs={"queued": sum(depth.values()), "running": found["running"]},
        queue_depth=depth,
        windows=[_window(name, at, [row for row in ended if row["name"] == name]) for name, at in since.items()],
        open_dead_letters=found["letters"],
        next_tick_at=found["next_tick_at"],
        counters={name: counters.get(name, 0) for name in scheduler_events.TYPES},
    )


def _window(name: str, since: datetime, rows: Sequence[Mapping[str, Any]]) -> Window:
    counts = {row["status"]: row["count"] for row in rows}
    by_status = {status.value: counts.get(status, 0) for status in FINISHED}
    succeeded, failed = by_status["succeeded"], sum(by_status[status] for status in BURIED)
    buckets = [0] * (len(BUCKETS) + 1)
    for row in rows:
        for place, number in enumerate(row["buckets"]):
            buckets[place] += number or 0
    timed = sum(buckets)
    return Window(
        name=name,
        since=since,
        total=sum(by_status.values()),
        by_status=by_status,
        success_rate=round(succeeded / (succeeded + failed), 6) if succeeded + failed else None,
        mean_seconds=round(sum(row["seconds"] for row in rows) / timed, 6) if timed else None,
        p50_seconds=percentile(0.5, buckets),
        p95_seconds=percentile(0.95, buckets),
        p99_seconds=percentile(0.99, buckets),
    )
