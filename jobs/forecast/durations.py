"""How long runs of jobs take, as far as anyone has seen: the job's own newest ones, else its template's."""

from __future__ import annotations

from collections.abc import Collection

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


def mean_seconds(jobs: Collection[Job]) -> dict[int, float]:
    """Of each of these jobs that anything is known of."""
    if not jobs:
        return {}
    count = max(LEAST, min(SAMPLE, MOST_ROWS // len(jobs)))
    own = {row["job_id"]: row["seconds"] for row in sql.rows(OWN, {"jobs": [job.pk for job in jobs], "count": count})}
    of_templates = _of_templates()
    known = {job.pk: own.get(job.pk, of_templates.get(job.template_id)) for job in jobs}
    return {job_id: seconds for job_id, seconds in known.items() if seconds is not None}


def _of_templates() -> dict[int, float]:
    """By the id of each version; the sums are kept by name."""
    totals = ExecutionTotal.objects.filter(kind=ExecutionStatus.SUCCEEDED, count__gt=0)
    means = {name: seconds / count for name, seconds, count in totals.values_list("template", "seconds", "count")}
    return {pk: means[name] for pk, name in TemplateVersion.objects.filter(name__in=means).values_list("pk", "name")}
