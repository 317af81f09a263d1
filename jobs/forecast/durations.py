"""How long runs of jobs take, as far as anyone has seen: the job's own newest ones, else its template's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jobs.models import ExecutionTotal, Job
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

SAMPLE = 50
# Of all jobs together: where there are thousands, each has a smaller sample.
MOST_ROWS = 50_000
LEAST = 3

# The range instead of an equality keeps PostgreSQL from walking the whole table backwards for a job that ran seldom.
OWN = """
SELECT j.id AS job_id, avg(e.seconds)::float AS seconds
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM finished_at - started_at) AS seconds, status, dry_run FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id ORDER BY job_id, id DESC LIMIT %(count)s
) e
WHERE e.status = 'succeeded' AND NOT e.dry_run
GROUP BY j.id
"""

# The same, as it spreads.
SPREAD = """
SELECT j.id AS job_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY e.seconds) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY e.seconds) AS p95, count(*) AS runs
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT extract(epoch FROM finished_at - started_at)::float AS seconds, status, dry_run FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id ORDER BY job_id, id DESC LIMIT %(count)s
) e
WHERE e.status = 'succeeded' AND NOT e.dry_run
GROUP BY j.id
"""


@dataclass(frozen=True)
class Usual:
    """How long half and nearly all of a job's newest successful runs took, in seconds."""

    p50: float
    p95: float
    runs: int


def usual(job_id: int) -> Usual | None:
    """None until a few runs have succeeded."""
    return usuals([job_id]).get(job_id)


def usuals(job_ids: Collection[int]) -> dict[int, Usual]:
    """Of each of these jobs of which a few runs have succeeded."""
    return {job_id: found for job_id, found in _spread(job_ids, SAMPLE).items() if found.runs >= LEAST}


def median_seconds(job_ids: Collection[int]) -> dict[int, float]:
    """How long half of each job's newest successful runs took; without those of which nothing is known."""
    return {job_id: found.p50 for job_id, found in _spread(job_ids, _sample(len(job_ids))).items()}


def _spread(job_ids: Collection[int], count: int) -> dict[int, Usual]:
    if not job_ids:
        return {}
    rows = sql.rows(SPREAD, {"jobs": list(job_ids), "count": count})
    return {row.pop("job_id"): Usual(**row) for row in rows}


def mean_seconds(jobs: Collection[Job]) -> dict[int, float]:
    """Of each of these jobs that anything is known of."""
    if not jobs:
        return {}
    values = {"jobs": [job.pk for job in jobs], "count": _sample(len(jobs))}
    own = {row["job_id"]: row["seconds"] for row in sql.rows(OWN, values)}
    of_templates = _of_templates()
    known = {job.pk: own.get(job.pk, of_templates.get(job.template_id)) for job in jobs}
    return {job_id: seconds for job_id, seconds in known.items() if seconds is not None}


def _of_templates() -> dict[int, float]:
    """By the id of each version; the sums are kept by name."""
    totals = ExecutionTotal.objects.filter(kind=ExecutionStatus.SUCCEEDED, count__gt=0)
    means = {name: seconds / count for name, seconds, count in totals.values_list("template", "seconds", "count")}
    return {pk: means[name] for pk, name in TemplateVersion.objects.filter(name__in=means).values_list("pk", "name")}


def _sample(jobs: int) -> int:
    """Of each of so many jobs."""
    return max(LEAST, min(SAMPLE, MOST_ROWS // max(jobs, 1)))
