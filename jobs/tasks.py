"""Celery tasks: thin doors to the operations."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from jobs.execution import executor, last_resort, shared
from jobs.execution.children import termination_kills
from jobs.execution.identity import worker_name
from jobs.tick import canaries


class RunTask(Task[Any, Any]):
    Request = "jobs.execution.worker:RunRequest"


@shared_task(  # type: ignore[arg-type]  # its stubs do not know a bound task with keyword arguments
    name="scheduler.run_job", base=RunTask, bind=True, ignore_result=True, acks_late=False
)
def run_job(
    self: RunTask, execution_id: int | None = None, job_id: int | None = None, **from_newer_releases: Any
) -> None:
    """Run one execution, if it still waits. The message is only a hint: late, doubled or stale ones change nothing.

    With a job instead it comes from stock beat, which runs the rows of native jobs as a last resort.
    """
    if execution_id is None and job_id is not None:
        execution_id = last_resort.start(job_id, message_id=str(self.request.id or ""))
    if execution_id is None:
        return
    with termination_kills():
        done = executor.work(execution_id, queues=_queues(self), worker=worker_name(str(self.request.hostname)))
    shared.count_runs(done)


@shared_task(  # type: ignore[arg-type]
    name="scheduler.answer_canary", bind=True, ignore_result=True, acks_late=False
)
def answer_canary(self: Task[Any, Any], queue: str, **from_newer_releases: Any) -> None:
    """The leader asks whether this queue is heard."""
    canaries.answer(queue, by=worker_name(str(self.request.hostname)))


def _queues(task: RunTask) -> list[str]:
    """Those that the worker serves, and the one that the message came through."""
    came_through = (task.request.delivery_info or {}).get("routing_key")
    return sorted({*task.app.amqp.queues.consume_from, *([came_through] if came_through else [])})
