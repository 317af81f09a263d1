"""Reads that more than one caller needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from jobs.models import Execution
from jobs.rules.states import ACTIVE
from scheduler_project.lib import sql


def active_executions_by_job(job_ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of queued and running executions of each job, oldest first."""
    found: dict[int, list[int]] = defaultdict(list)
    active = Execution.objects.filter(job_id__in=job_ids, status__in=ACTIVE).order_by("id")
    for job_id, execution_id in active.values_list("job_id", "id"):
        if job_id is not None:
            found[job_id].append(execution_id)
    return found


def next_waiting(job_id: int) -> list[sql.Row]:
    """The queued execution of a job that comes next, with its queue and priority; none or one."""
    return sql.rows(
        """
        SELECT id, queue, priority FROM job_executions
        WHERE job_id = %(job)s AND status = 'queued' AND available_at <= clock_timestamp()
        ORDER BY priority, id LIMIT 1
        """,
        {"job": job_id},
    )
