"""A long history in few statements: executions of many jobs in two tenants, most of them over."""

from __future__ import annotations

from django.db import connection

JOBS = 200
SLICE = 100_000

# Three in a hundred failed; the newest are the youngest.
FILL = """
INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, scheduled_for, revision, parameters, queue,
    priority, status, reason, attempt, max_attempts, created_at, available_at, published_at, started_at, finished_at,
    result)
SELECT j.tenant_id, j.id, j.template_id, 'schedule', at, 1, j.parameters, 'default', 6,
       CASE WHEN n %% 33 = 0 THEN 'failed' ELSE 'succeeded' END, CASE WHEN n %% 33 = 0 THEN 'retries_off' ELSE '' END,
       1, 4, at, at, at, at + interval '20 ms', at + interval '900 ms', '{"deleted": 12}'
FROM (SELECT n, now() - make_interval(secs => %(total)s - n) AS at,
             (%(jobs)s::bigint[])[1 + n %% cardinality(%(jobs)s::bigint[])] AS job_id
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n) AS numbered
JOIN dynamic_jobs j ON j.id = numbered.job_id
"""


def fill(total: int) -> None:
    from jobs.models import Job

    jobs = list(Job.objects.order_by("id").values_list("id", flat=True))
    with connection.cursor() as cursor:
        for first in range(1, total + 1, SLICE):
            cursor.execute(
                "SELECT daybook_make_execution_partitions((SELECT last_value FROM job_executions_id_seq), 2)"
            )
            last = min(first + SLICE - 1, total)
            cursor.execute(FILL, {"total": total, "jobs": jobs, "first": first, "last": last})
        cursor.execute("VACUUM ANALYZE job_executions")
