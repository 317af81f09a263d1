"""Celery tasks: thin doors to the operations."""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task

from jobs.execution import executor


@shared_task(name="scheduler.run_job", bind=True, ignore_result=True, acks_late=False)
def run_job(self: Task[Any, Any], execution_id: int, **from_newer_releases: Any) -> None:
    """Run one execution, if it still waits. The message is only a hint: late, doubled or stale ones change nothing."""
    executor.execute(execution_id, worker=str(self.request.hostname))
