"""Queues failing runs, and takes and ends them one after the other by the engine's own operations. Prints the rate."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

import django

django.setup()

from jobs import executions  # noqa: E402
from jobs.executions import Ending  # noqa: E402
from jobs.rules.states import AttemptOutcome  # noqa: E402
from scheduler_project.lib import sql, transactions  # noqa: E402

QUEUE = """
INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, revision, parameters, policy, dry_run,
    requested_by, request_id, queue, priority, max_attempts, event_sequence)
SELECT j.tenant_id, j.id, j.template_id, 'api', j.revision, j.parameters, j.policy, false, 'user:bench', '', j.queue,
       j.priority, 1, 1
FROM generate_series(0, %(count)s - 1) AS n
JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM dynamic_jobs) AS j
    ON j.place = n %% (SELECT count(*) FROM dynamic_jobs)
ORDER BY n RETURNING id
"""
LEASE = timedelta(seconds=60)
BROKEN = Ending(
    AttemptOutcome.FAILED,
    error="ConnectionError: the database said no",
    error_class="ConnectionError",
    traceback="Traceback",
    may_retry=False,
)


def main(count: int) -> None:
    queued = [row["id"] for row in sql.rows(QUEUE, {"count": count})]
    begun = time.monotonic()
    for execution_id in queued:
        claim = executions.claim(execution_id, worker="bench", lease=LEASE)
        assert claim is not None
        with transactions.engine():
            executions.settle(
                BROKEN, execution_id=execution_id, fence=claim.fence, policy=claim.policy, tries=1, losses=0
            )
    seconds = time.monotonic() - begun
    print(json.dumps({"failures": count, "seconds": round(seconds, 2), "per_second": round(count / seconds, 1)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
