"""Mirrors ended runs into the results of django-celery-results, in sets and out of the runs' own way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.recovery import outbox
from jobs.rules.states import FINISHED, ExecutionStatus
from scheduler_project.lib import sql
from templates_registry import schema
from templates_registry.models import TemplateVersion

READER = "celery_results"
BATCH = 3_000
KINDS = frozenset(status.value for status in FINISHED)
STATES = {ExecutionStatus.SUCCEEDED: "SUCCESS", ExecutionStatus.CANCELLED: "REVOKED"}

# What Celery raises from a result that has no exception of its own.
RAISED = {
    ExecutionStatus.CANCELLED: "celery.exceptions.TaskRevokedError",
    ExecutionStatus.TIMED_OUT: "billiard.exceptions.TimeLimitExceeded",
    ExecutionStatus.LOST: "billiard.exceptions.WorkerLostError",
}

ENDED = """
SELECT e.id, e.run_key::text AS task_id, e.template_id, e.job_id, e.parameters, e.status, e.reason, e.result, e.error,
       e.error_class, e.attempt, e.dry_run, e.created_at, e.started_at, e.finished_at, t.name AS template,
       j.name AS job, a.worker, a.traceback
FROM job_executions e
JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = e.job_id
LEFT JOIN task_executions a ON a.execution_id = e.id AND a.attempt = e.attempt
WHERE e.id = ANY(%(ids)s) AND e.finished_at IS NOT NULL
"""

COLUMNS = {
    "task_id": "text", "periodic_task_name": "text", "task_name": "text", "task_args": "text", "task_kwargs": "text",
    "status": "text", "worker": "text", "content_type": "text", "content_encoding": "text", "result": "text",
    "date_created": "timestamptz", "date_started": "timestamptz", "date_done": "timestamptz", "traceback": "text",
    "meta": "text",
}  # fmt: skip
STORE = """
INSERT INTO django_celery_results_taskresult ({names})
SELECT * FROM unnest({arrays})
ON CONFLICT (task_id) DO UPDATE SET {updates}
""".format(
    names=", ".join(COLUMNS),
    arrays=", ".join(f"%({name})s::{kind}[]" for name, kind in COLUMNS.items()),
    updates=", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "task_id"),
)


def sweep() -> int:
    """Mirror all that has ended since the last time; the first time, what ends from now on. Returns how many events."""
    outbox.begin_now(READER)
    return outbox.read(READER, mirror, batch=BATCH)


def mirror(events: Sequence[sql.Row]) -> None:
    """Write the results of the runs that these events ended; again changes nothing."""
    ids = sorted({event["execution_id"] for event in events if event["kind"] in KINDS})
    if not ids:
        return
    runs = sql.rows(ENDED, {"ids": ids}, prepare=False)
    schemas = {
        row.pk: row.schema for row in TemplateVersion.objects.filter(pk__in={run["template_id"] for run in runs})
    }
    results = [_result_of(run, schemas[run["template_id"]]) for run in runs]
    if results:
        sql.rows(STORE, {name: [result[name] for result in results] for name in COLUMNS}, prepare=False)


def _result_of(run: sql.Row, template_schema: Mapping[str, Any]) -> dict[str, Any]:
    status = ExecutionStatus(run["status"])
    is_good = status is ExecutionStatus.SUCCEEDED
    # Celery lets `meta` replace what else it knows of a result, so none of these names is one of its own.
    meta = {"children": [], "execution_id": run["id"], "job_id": run["job_id"], "attempts": run["attempt"]}
    return {
        "task_id": run["task_id"],
        "periodic_task_name": run["job"],
        "task_name": run["template"],
        "task_args": "[]",
        "task_kwargs": _json(schema.without_secrets(template_schema, sql.loads(run["parameters"]))),
        "status": STATES.get(status, "FAILURE"),
        "worker": (run["worker"] or "")[:100] or None,
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "result": _json(sql.loads(run["result"]) if is_good else _exception(status, run)),
        "date_created": run["created_at"],
        "date_started": run["started_at"],
        "date_done": run["finished_at"],
        "traceback": None if is_good else run["traceback"] or None,
        "meta": _json({**meta, "dry_run": True} if run["dry_run"] else meta),
    }


def _exception(status: ExecutionStatus, run: sql.Row) -> dict[str, Any]:
    """In the form in which Celery stores an exception."""
    name = run["error_class"] or RAISED.get(status, "builtins.RuntimeError")
    module, _, kind = name.rpartition(".")
    return {"exc_type": kind, "exc_message": [run["error"] or run["reason"]], "exc_module": module or "builtins"}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
