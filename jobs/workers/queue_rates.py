"""How many runs of each queue ended in a minute, lately. It looks through thousands of runs: only where it is shown."""

from __future__ import annotations

from collections.abc import Collection

from scheduler_project.lib import sql

NEWEST = 5_000

RATES = """
WITH newest AS MATERIALIZED (
    -- Found by their ids, so that no large table is searched: of a busy system the last few thousand say enough.
    SELECT queue, tenant_id, created_at, finished_at FROM job_executions ORDER BY id DESC LIMIT %(newest)s
)
SELECT n.queue,
       round(count(*) / greatest(extract(epoch FROM clock_timestamp() - since.at) / 60, 0.1), 1)::float AS per_minute
FROM newest n CROSS JOIN (
    SELECT greatest(CASE WHEN count(*) = %(newest)s THEN min(created_at) END,
                    clock_timestamp() - interval '5 minutes') AS at FROM newest) AS since
WHERE n.finished_at >= since.at AND (%(tenants)s::bigint[] IS NULL OR n.tenant_id = ANY(%(tenants)s))
GROUP BY n.queue, since.at
"""


def ended_per_minute(*, tenant_ids: Collection[int] | None = None) -> dict[str, float]:
    """By queue, over the last five minutes, or less where more than NEWEST runs were made in them; None means all
    tenants. Queues of which no run ended are left out."""
    tenants = None if tenant_ids is None else list(tenant_ids)
    return {row["queue"]: row["per_minute"] for row in sql.rows(RATES, {"tenants": tenants, "newest": NEWEST})}
