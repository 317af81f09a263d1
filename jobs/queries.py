"""Reads that more than one caller needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from jobs.models import Execution
from jobs.rules.states import ACTIVE, ASIDE
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

MISSED_HEARTBEATS = 3


def active_executions_by_job(job_ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of queued and running executions of each job, oldest first. Without dry runs, backfills and replays: those
    stand in no tick's way."""
    found: dict[int, list[int]] = defaultdict(list)
    active = Execution.objects.filter(job_id__in=job_ids, status__in=ACTIVE, dry_run=False)
    active = active.exclude(trigger__in=ASIDE).order_by("id")
    for job_id, execution_id in active.values_list("job_id", "id"):
        if job_id is not None:
            found[job_id].append(execution_id)
    return found


FEWEST_WAKE_UPS, MOST_WAKE_UPS = 16, 1000

# Workers of the broker only: a scheduler that runs everything itself registers without queues.
SLOTS = """
SELECT coalesce(sum(concurrency), 0) AS slots FROM workers
WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - %(limit)s AND %(queue)s = ANY(queues)
"""


def wake_ups(queue: str) -> int:
    """How many messages a queue may hold: enough to wake every slot of its workers, and the next in time."""
    found = sql.row(SLOTS, {"queue": queue, "limit": heartbeat_limit()})
    assert found is not None
    return min(max(2 * int(found["slots"]), FEWEST_WAKE_UPS), MOST_WAKE_UPS)


# --- lists, narrowed by what a caller asks for ------------------------------------------------------------------------


def newest_templates(*, category: str = "", q: str = "") -> QuerySet[TemplateVersion]:
    """Each template that the code still has, in its newest version."""
    newest = TemplateVersion.objects.filter(is_available=True).order_by("name", "-version").distinct("name")
    found = TemplateVersion.objects.filter(pk__in=newest.values("pk"))
    if category:
        found = found.filter(category=category)
    if q:
        found = found.filter(Q(name__icontains=q) | Q(title__icontains=q) | Q(description__icontains=q))
    return found.order_by("name")


# --- what comes next, and who sees to it ------------------------------------------------------------------------------


@dataclass(frozen=True)
class CandidateStatus:
    """A scheduler process: whether it leads, when its loop turned last, and what its last turn failed at."""

    holder: str
    role: str
    is_healthy: bool
    started_at: datetime
    seen_at: datetime
    trouble: str


@dataclass(frozen=True)
class SchedulerStatus:
    """Who leads and who could, how late ticks are decided, and whether the ledger keeps its promise."""

    leader: str | None
    epoch: int
    leading_since: datetime | None
    last_tick_at: datetime | None
    last_tick_age_seconds: float | None
    candidates: tuple[CandidateStatus, ...]
    lag_ticks: int
    lag_seconds: dict[str, float | None]
    behind_jobs: int
    behind_seconds: float
    violations: int
    violations_last_day: int
    quarantined_jobs: int


# Each part reads a bounded stretch of an index or a small table, except for the quarantined jobs, which are counted
# whole. `clock_timestamp()` would keep the planner from the index.
STATUS = """
WITH lease AS (
    SELECT *, expires_at > clock_timestamp() AS is_held FROM scheduler_leases WHERE name = 'scheduler'
), newest AS (
    SELECT epoch, decided_at, due_at FROM ticks ORDER BY id DESC LIMIT 5000
), lag AS (
    SELECT extract(epoch FROM decided_at - due_at)::float AS seconds FROM newest
    WHERE epoch > 0 AND decided_at > clock_timestamp() - interval '1 hour' LIMIT 1000
), behind AS (
    SELECT next_tick_at FROM dynamic_jobs WHERE next_tick_at <= statement_timestamp()
    ORDER BY next_tick_at LIMIT 10000
)
SELECT (SELECT holder FROM lease WHERE is_held) AS leader,
       coalesce((SELECT epoch FROM lease), 0) AS epoch,
       (SELECT acquired_at FROM lease WHERE is_held) AS leading_since,
       (SELECT ticked_at FROM lease) AS last_tick_at,
       (SELECT extract(epoch FROM clock_timestamp() - ticked_at)::float FROM lease) AS last_tick_age_seconds,
       (SELECT count(*) FROM lag) AS lag_ticks,
       (SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds) FROM lag) AS lag,
       (SELECT count(*) FROM behind) AS behind_jobs,
       coalesce((SELECT extract(epoch FROM statement_timestamp() - min(next_tick_at)) FROM behind), 0)::float
           AS behind_seconds,
       (SELECT count(*) FROM ledger_violations) AS violations,
       (SELECT count(*) FROM ledger_violations
        WHERE found_at > clock_timestamp() - interval '1 day') AS violations_last_day,
       (SELECT count(*) FROM dynamic_jobs
        WHERE undecided_since IS NOT NULL AND archived_at IS NULL) AS quarantined_jobs
"""

CANDIDATES = """
SELECT c.holder, CASE WHEN l.holder IS NULL THEN 'standby' ELSE 'leader' END AS role, c.started_at, c.seen_at,
       c.trouble, c.trouble = '' AND c.seen_at > clock_timestamp() - %(limit)s::interval AS is_healthy
FROM scheduler_candidates c
LEFT JOIN scheduler_leases l ON l.name = 'scheduler' AND l.holder = c.holder AND l.expires_at > clock_timestamp()
ORDER BY role, c.started_at, c.holder
LIMIT 100
"""


def scheduler_status() -> SchedulerStatus:
    """Cheap however many jobs and ticks there are."""
    found = sql.row(STATUS)
    assert found is not None
    lag = found.pop("lag") or (None, None, None)
    candidates = sql.rows(CANDIDATES, {"limit": tick_limit()})
    return SchedulerStatus(
        **found,
        lag_seconds=dict(zip(("p50", "p95", "p99"), lag, strict=True)),
        candidates=tuple(CandidateStatus(**row) for row in candidates),
    )


def tick_limit() -> timedelta:
    """How long ago a scheduler's loop may have turned; a take-over by a standby fits in."""
    limit: timedelta = settings.DAYBOOK_LEADER_LEASE * 2
    return limit


def heartbeat_limit() -> timedelta:
    """How old the last heartbeat of a worker may be before it counts as gone."""
    limit: timedelta = settings.DAYBOOK_HEARTBEAT * MISSED_HEARTBEATS
    return limit
