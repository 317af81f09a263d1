"""What a job that stops means for the jobs that follow it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobs import dependencies
from jobs.dependencies import Stopped
from jobs.models import Job

STOPPING = {"pause": "Pausing", "disable": "Disabling", "archive": "Archiving"}
NAMED = 5


def sentences(job: Job, change: str) -> Iterator[str]:
    """Nothing for what stops nothing, and for a job that nobody follows."""
    if change not in STOPPING or not job.has_successors:
        return
    found = dependencies.stopped_with(job.pk, dependencies.edges().filter(tenant=job.tenant_id))
    yield from told(job, found, verb=STOPPING[change])


def told(job: Job, found: Stopped, *, verb: str = "Pausing") -> Iterator[str]:
    if found.stopped:
        yield f"{verb} {job.name} also stops {_count(found.stopped)}: {_names(found.stopped)}."
    if found.less:
        run = "runs" if len(found.less) == 1 else "run"
        yield f"Then {_count(found.less)} {run} by schedule only: {_names(found.less)}."


def _count(jobs: Sequence[Job]) -> str:
    return "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"


def _names(jobs: Sequence[Job]) -> str:
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    return ", ".join(job.name for job in jobs[:NAMED]) + more
