"""Running what has ended once more, as it was then or with other parameters. The new run names the old one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs import dead_letters, executions, queues, trail
from jobs.dead_letters import CannotReplay
from jobs.models import DeadLetter, Execution, Job
from jobs.rules.states import FINISHED, LetterState
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import telemetry, transactions


def why_not(execution: Execution, job: Job | None) -> str:
    """In words; empty when it can run once more."""
    if execution.status not in FINISHED:
        return f"Execution {execution.pk} has not ended."
    if execution.dry_run:
        return f"Execution {execution.pk} is a dry run; start another one from its job."
    if job is not None and job.archived_at is not None:
        return f"{job.name} is archived; it cannot run any more."
    if not execution.template.is_available:
        return f"The code of the template {execution.template.name} is not installed any more."
    return ""


def rerun(
    execution: Execution, *, actor: str, request_id: str = "", parameters: Mapping[str, Any] | None = None
) -> int:
    """Queue it once more, with the template, revision and policies of then, and return the new execution's id.

    `parameters` are the whole set, without the secrets that stay. An open dead letter of it is replayed by this, so
    that it closes with the new run. Announcing is the caller's. Raises `CannotReplay`, `InvalidJob`, `QueueFull`,
    `KeysUnavailable`, `LetterIsNotOpen`.
    """
    job = Job.objects.filter(pk=execution.job_id).first() if execution.job_id else None
    if why := why_not(execution, job):
        raise CannotReplay(why)
    letter = DeadLetter.objects.filter(execution_id=execution.pk, state=LetterState.OPEN).first()
    if letter is not None:
        return dead_letters.replay(letter.pk, actor=actor, request_id=request_id, parameters=parameters)
    queues.admit(execution.priority, execution.policies)
    with transactions.engine():
        require_scheduler(actor)
        if parameters is not None:
            parameters = dead_letters.judged(execution.pk, parameters)
        made = executions.repeat([execution.pk], requested_by=actor, request_id=request_id, parameters=parameters)
        if not made:
            raise CannotReplay(f"Execution {execution.pk} cannot run again: its job or its template has just gone.")
        (new_id,) = made.values()
        asked = {} if parameters is None else {"parameters": trail.masked(execution.template, parameters)}
        trail.tell_of_executions("execution.rerun", [execution.pk], actor=actor, after={"execution": new_id, **asked})
    telemetry.emit("execution.rerun", execution_id=execution.pk, new_id=new_id, actor=actor)
    return new_id
