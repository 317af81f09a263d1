"""Right after a run has ended: what follows it is started and announced. Best effort; a sweep repairs what is left."""

from __future__ import annotations

from django.db import Error

from jobs import dependencies
from jobs.tick import publisher
from scheduler_project.lib import telemetry


def release(execution_id: int) -> None:
    """To be called after the commit of the settle, when the job has successors and the execution is at rest."""
    try:
        publisher.publish(dependencies.release(execution_id))
    except Error as error:
        telemetry.emit("dependency.release_failed", execution_id=execution_id, error=str(error).strip())
