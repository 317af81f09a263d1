"""What may need a person: new failures by cause, ticks that were late or missed, pauses that were forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.dashboard.figures import MINE
from scheduler_project.lib import sql

DAY = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(days=7)
MOST_LETTERS, MOST_EVENTS = 5_000, 10_000

# The newest open letters only, so that a flood of them costs no more than many.
FAILURES = f"""
WITH newest AS (
    SELECT id, job_id, template_id, fingerprint, died_at FROM dead_letters
    WHERE state = 'open' AND {MINE} ORDER BY id DESC LIMIT %(letters)s
), causes AS (
    SELECT job_id, template_id, fingerprint, count(*) AS count, max(id) AS letter_id, min(died_at) AS first_at,
           max(died_at) AS last_at, count(*) OVER () AS causes
    FROM newest WHERE died_at >= %(since)s GROUP BY 1, 2, 3 ORDER BY last_at DESC LIMIT %(most)s
)
SELECT c.*, d.error, d.error_class, d.reason, coalesce(j.name, nullif(t.title, ''), t.name) AS name,
       NOT EXISTS (SELECT FROM dead_letters o WHERE o.fingerprint = c.fingerprint AND o.died_at < %(since)s
                   AND o.job_id IS NOT DISTINCT FROM c.job_id AND o.template_id = c.template_id) AS is_new
FROM causes c JOIN dead_letters d ON d.id = c.letter_id JOIN job_templates t ON t.id = c.template_id
LEFT JOIN dynamic_jobs j ON j.id = c.job_id
ORDER BY c.last_at DESC
"""  # noqa: S608

DEVIATIONS = f"""
WITH newest AS (
    SELECT job_id, type, at, count FROM scheduler_events
    WHERE type IN ('tick_late', 'tick_missed') AND at >= %(before)s AND {MINE} ORDER BY id DESC LIMIT %(events)s
), sums AS (
    SELECT coalesce(sum(count) FILTER (WHERE at >= %(since)s AND type = 'tick_late'), 0)::bigint AS late,
           coalesce(sum(count) FILTER (WHERE at >= %(since)s AND type = 'tick_missed'), 0)::bigint AS missed,
           coalesce(sum(count) FILTER (WHERE at < %(since)s), 0)::bigint AS before FROM newest
), jobs AS (
    SELECT job_id, coalesce(sum(count) FILTER (WHERE type = 'tick_late'), 0)::bigint AS late,
           coalesce(sum(count) FILTER (WHERE type = 'tick_missed'), 0)::bigint AS missed, max(at) AS last_at,
           count(*) OVER () AS jobs
    FROM newest WHERE at >= %(since)s AND job_id IS NOT NULL GROUP BY job_id
    ORDER BY missed DESC, last_at DESC LIMIT %(most)s
)
SELECT s.late AS all_late, s.missed AS all_missed, s.before, x.*, j.name
FROM sums s LEFT JOIN jobs x ON true LEFT JOIN dynamic_jobs j ON j.id = x.job_id
ORDER BY x.missed DESC, x.last_at DESC
"""  # noqa: S608

JOBS = f"""
SELECT id, name, paused_at, paused_by, pause_note, problem, count FROM (
    SELECT *, row_number() OVER (PARTITION BY problem <> '' ORDER BY paused_at, id) AS place,
           count(*) OVER (PARTITION BY problem <> '') AS count
    FROM dynamic_jobs
    WHERE archived_at IS NULL AND (problem <> '' OR paused_at < %(forgotten)s AND is_enabled) AND {MINE}
) AS found
WHERE place <= %(most)s ORDER BY place
"""  # noqa: S608


LETTERS = f"""
SELECT count(*) AS count, count(*) FILTER (WHERE died_at >= %(since)s) AS new
FROM (SELECT died_at FROM dead_letters WHERE state = 'open' AND {MINE} LIMIT %(most)s) AS open
"""  # noqa: S608
MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Cause:
    """Runs of one job that ended by one cause and wait for a person, since yesterday."""

    job_id: int | None
    name: str
    letter_id: int
    fingerprint: str
    error: str
    error_class: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    is_new: bool
    """Nothing ended by it before."""


@dataclass(frozen=True)
class Deviation:
    """Ticks of a job that did not fire in time, since yesterday."""

    job_id: int
    name: str
    late: int
    missed: int
    last_at: datetime


@dataclass(frozen=True)
class Deviations:
    late: int
    missed: int
    before: int
    """Of both, in the day before."""
    jobs: Sequence[Deviation]
    jobs_count: int


@dataclass(frozen=True)
class HeldJob:
    id: int
    name: str
    paused_at: datetime | None
    paused_by: str
    pause_note: str
    problem: str


@dataclass(frozen=True)
class HeldJobs:
    quarantined: Sequence[HeldJob]
    quarantined_count: int
    forgotten: Sequence[HeldJob]
    """Paused for longer than a week, the longest first."""
    forgotten_count: int


def count_letters(tenant_ids: Sequence[int] | None, *, now: datetime) -> tuple[int, int]:
    """Dead letters that wait for a person, and how many of them are of the last day."""
    values = {"tenants": _listed(tenant_ids), "since": now - DAY, "most": MOST_COUNTED}
    (found,) = sql.rows(LETTERS, values, prepare=False)
    return found["count"], found["new"]


def find_causes(tenant_ids: Sequence[int] | None, *, now: datetime, most: int) -> tuple[list[Cause], int]:
    """Those of the last day, the newest first, and how many there are."""
    values = {"tenants": _listed(tenant_ids), "since": now - DAY, "letters": MOST_LETTERS, "most": most}
    rows = sql.rows(FAILURES, values, prepare=False)
    count = rows[0]["causes"] if rows else 0
    names = Cause.__dataclass_fields__
    return [Cause(**{name: row[name] for name in names}) for row in rows], count


def find_deviations(tenant_ids: Sequence[int] | None, *, now: datetime, most: int) -> Deviations:
    values = {
        "tenants": _listed(tenant_ids),
        "since": now - DAY,
        "before": now - 2 * DAY,
        "events": MOST_EVENTS,
        "most": most,
    }
    rows = sql.rows(DEVIATIONS, values, prepare=False)
    first = rows[0]
    found = [row for row in rows if row["job_id"] is not None]
    return Deviations(
        late=first["all_late"],
        missed=first["all_missed"],
        before=first["before"],
        jobs=[
            Deviation(row["job_id"], row["name"] or str(row["job_id"]), row["late"], row["missed"], row["last_at"])
            for row in found
        ],
        jobs_count=found[0]["jobs"] if found else 0,
    )


def find_held_jobs(tenant_ids: Sequence[int] | None, *, now: datetime, most: int) -> HeldJobs:
    values = {"tenants": _listed(tenant_ids), "forgotten": now - FORGOTTEN_AFTER, "most": most}
    rows = sql.rows(JOBS, values, prepare=False)
    kinds: dict[bool, list[HeldJob]] = {True: [], False: []}
    counts = {True: 0, False: 0}
    for row in rows:
        is_quarantined = bool(row["problem"])
        counts[is_quarantined] = row["count"]
        kinds[is_quarantined].append(HeldJob(**{name: row[name] for name in HeldJob.__dataclass_fields__}))
    return HeldJobs(kinds[True], counts[True], kinds[False], counts[False])


def _listed(tenant_ids: Sequence[int] | None) -> list[int] | None:
    return None if tenant_ids is None else list(tenant_ids)
