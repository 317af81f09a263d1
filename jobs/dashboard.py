"""What a dashboard shows of the scheduling: figures, jobs in groups, and what happened. Reads no history as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from jobs import scheduler_events
from jobs.models import Execution, Job, SchedulerEvent
from jobs.rules.durations import BUCKETS, percentile
from jobs.rules.states import BURIED, FINISHED, PRIORITIES
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

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


# --- jobs in groups ---------------------------------------------------------------------------------------------------

GROUPS = {
    "template": "SELECT m.name AS name, m.title AS title",
    "tag": "SELECT tag AS name, tag AS title "
    "FROM unnest(CASE WHEN j.tags = '{}' THEN ARRAY[''] ELSE j.tags END) AS tag",
}
TREE = """
SELECT t.slug AS tenant, t.name AS tenant_name, g.name AS grouped_by, g.title, j.id, j.name, j.is_enabled,
       j.paused_at IS NOT NULL AS is_paused, j.problem <> '' AS is_quarantined, j.last_status, j.last_run_at,
       j.last_finished_at, j.last_execution_id, j.next_tick_at, j.failures_in_row
FROM dynamic_jobs j JOIN tenants t ON t.id = j.tenant_id JOIN job_templates m ON m.id = j.template_id
CROSS JOIN LATERAL ({group}) AS g
WHERE j.archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR j.tenant_id = ANY(%(tenants)s::bigint[]))
  AND (%(after)s::text[] IS NULL OR (t.slug, g.name::text, j.name, j.id) >
       ((%(after)s::text[])[1], (%(after)s::text[])[2], (%(after)s::text[])[3], (%(after)s::text[])[4]::bigint))
ORDER BY t.slug, g.name, j.name, j.id
LIMIT %(limit)s
"""
COUNT = """
SELECT {count} AS count FROM dynamic_jobs j
WHERE j.archived_at IS NULL AND (%(tenants)s::bigint[] IS NULL OR j.tenant_id = ANY(%(tenants)s::bigint[]))
"""
COUNTED = {"template": "count(*)", "tag": "coalesce(sum(greatest(cardinality(j.tags), 1)), 0)::bigint"}

Place = tuple[str, str, str, int]  # tenant, group, name and id of a job


@dataclass(frozen=True)
class Leaves:
    """A stretch of the tree, in its order: by tenant, group and name."""

    rows: Sequence[sql.Row]
    total: int
    has_more: bool

    @property
    def last(self) -> Place:
        row = self.rows[-1]
        return row["tenant"], row["grouped_by"], row["name"], row["id"]


def job_leaves(tenant_ids: Sequence[int] | None, *, group_by: str, limit: int, after: Place | None) -> Leaves:
    """Jobs that are not archived, after a place; a job stands under each of its tags."""
    tenants = None if tenant_ids is None else list(tenant_ids)
    place = None if after is None else [str(part) for part in after]
    values = {"tenants": tenants, "after": place, "limit": limit + 1}
    rows = sql.rows(TREE.format(group=GROUPS[group_by]), values, prepare=False)
    (counted,) = sql.rows(COUNT.format(count=COUNTED[group_by]), {"tenants": tenants}, prepare=False)
    return Leaves(rows[:limit], counted["count"], len(rows) > limit)


# --- what happened ----------------------------------------------------------------------------------------------------


def find_events(
    tenant_ids: Sequence[int] | None,
    *,
    type: str = "",  # noqa: A002  as the query string says
    level: str = "",
    job: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: str = "",
) -> QuerySet[SchedulerEvent]:
    """The newest first. Of events without a tenant, others than superusers learn only that they were."""
    events = SchedulerEvent.objects.select_related("tenant")
    if tenant_ids is not None:
        theirs = Q(tenant_id__in=list(tenant_ids))
        events = events.filter(theirs if q or job is not None else theirs | Q(tenant_id=None))
    if q:
        events = events.filter(Q(message__icontains=q) | Q(source__icontains=q))
    exact = {"type": type, "level": level, "job_id": job, "at__gte": since, "at__lt": until}
    return events.filter(**{name: value for name, value in exact.items() if value not in ("", None)}).order_by("-id")


def named(executions: QuerySet[Execution], q: str) -> QuerySet[Execution]:
    """Of the jobs and templates that have `q` in their names, which are few beside the runs."""
    templates = list(TemplateVersion.objects.filter(name__icontains=q).values_list("pk", flat=True))
    found = list(Job.objects.filter(name__icontains=q).values_list("pk", flat=True)[:1_000])
    return executions.filter(Q(job_id__in=found) | Q(job_id=None, template_id__in=templates))
