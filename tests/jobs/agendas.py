"""A past for jobs: ticks of the ledger with runs, as the schedule's page shows them."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from jobs.models import Execution, Job, Tick
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib import sql


def tick_of(job: Job, due_at: datetime, outcome: str = "fired", *, status: str = "", reason: str = "") -> Tick:
    """A decided tick; with a status, one that has a run."""
    execution_id = None
    if status:
        finished = due_at if status not in (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING) else None
        execution_id = Execution.objects.create(
            tenant=job.tenant, job_id=job.pk, template=job.template, queue=job.queue, status=status,
            trigger="schedule", scheduled_for=due_at, revision=1, run_key=uuid4(),
            priority=job.priority, max_attempts=1, available_at=due_at, started_at=due_at,
            finished_at=finished, error="It broke.", reason="retries_used_up",
        ).pk  # fmt: skip
    return Tick.objects.create(
        tenant=job.tenant, job=job, due_at=due_at, outcome=outcome, reason=reason, execution_id=execution_id,
        revision=1, epoch=1, decided_at=sql.now(),
    )  # fmt: skip
