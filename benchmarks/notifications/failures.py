"""Queues failing runs, and takes and ends them one after the other by the engine's own operations. Prints the rates."""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

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


def main(count: int, slices: int, switch: Path) -> None:
    """In slices alone and told in turn, so that whatever else the machine does meets both alike."""
    queued = [row["id"] for row in sql.rows(QUEUE, {"count": count})]
    rates: dict[str, list[float]] = {"alone": [], "told": []}
    of_one = count // slices
    for number in range(slices):
        is_told = number % 2 == 1
        switch.touch() if is_told else switch.unlink(missing_ok=True)
        time.sleep(1.0)  # the sweep that is under way ends, or the next one begins
        begun = time.monotonic()
        for execution_id in queued[number * of_one : (number + 1) * of_one]:
            _fail(execution_id)
        rates["told" if is_told else "alone"].append(round(of_one / (time.monotonic() - begun), 1))
    switch.touch()
    print(json.dumps(rates))


def _fail(execution_id: int) -> None:
    claim = executions.claim(execution_id, worker="bench", lease=LEASE)
    assert claim is not None
    with transactions.engine():
        executions.settle(BROKEN, execution_id=execution_id, fence=claim.fence, policy=claim.policy, tries=1, losses=0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
