"""What receivers are told of a run's end, made in sets from the events; no parameters, and results only when small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jobs.models import Webhook
from jobs.rules.webhooks import GIVE_UP_AFTER, RunEvent
from scheduler_project.lib import sql

MOST_RESULT = 8_192
MOST_ERROR = 500
KINDS = frozenset(event.value for event in RunEvent)

# Without dry runs: nothing happened. The constraint keeps one of each, whoever plans.
PLAN = """
INSERT INTO webhook_deliveries (webhook_id, tenant_id, uid, execution_id, event, payload, status, reason, tries,
    created_at, give_up_at, next_try_at, log)
SELECT w.id, w.tenant_id, gen_random_uuid(), e.id, v.kind, jsonb_build_object(
        'event', 'execution.' || v.kind,
        'occurred_at', v.at,
        'tenant', n.slug,
        'execution', jsonb_build_object(
            'id', e.id, 'status', e.status, 'reason', e.reason, 'trigger', e.trigger, 'run_key', e.run_key,
            'attempt', e.attempt, 'max_attempts', e.max_attempts, 'scheduled_for', e.scheduled_for,
            'created_at', e.created_at, 'started_at', e.started_at, 'finished_at', e.finished_at,
            'error', left(e.error, %(most_error)s), 'error_class', e.error_class,
            'result', CASE WHEN octet_length(e.result::text) <= %(most_result)s THEN e.result END,
            'result_left_out', coalesce(octet_length(e.result::text) > %(most_result)s, false)),
        'job', CASE WHEN j.id IS NOT NULL THEN jsonb_build_object('id', j.id, 'slug', j.slug, 'name', j.name) END,
        'template', t.name),
    'waiting', '', 0, clock_timestamp(), clock_timestamp() + %(give_up_after)s, clock_timestamp(), '[]'
FROM unnest(%(execution)s::bigint[], %(kind)s::text[], %(at)s::timestamptz[]) AS v(execution, kind, at)
JOIN job_executions e ON e.id = v.execution AND NOT e.dry_run
JOIN webhooks w ON w.tenant_id = e.tenant_id AND w.is_enabled AND (w.job_id IS NULL OR w.job_id = e.job_id)
    AND v.kind = ANY(w.events) AND w.created_at <= v.at
JOIN tenants n ON n.id = e.tenant_id
JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = e.job_id
ON CONFLICT DO NOTHING
"""


def plan(events: Sequence[sql.Row]) -> None:
    """A delivery for each webhook that asked for one of these events."""
    ends = [event for event in events if event["kind"] in KINDS]
    if not ends:
        return
    values = {
        "execution": [event["execution_id"] for event in ends],
        "kind": [event["kind"] for event in ends],
        "at": [event["at"] for event in ends],
        "most_error": MOST_ERROR,
        "most_result": MOST_RESULT,
        "give_up_after": GIVE_UP_AFTER,
    }
    sql.rows(PLAN, values, prepare=False)


def example(webhook: Webhook, uid: UUID) -> dict[str, Any]:
    """What a test sends: of the usual form, about no run."""
    now = sql.now().isoformat()
    return {
        "id": str(uid),
        "event": "test",
        "occurred_at": now,
        "tenant": webhook.tenant.slug,
        "execution": None,
        "job": {"id": webhook.job.pk, "slug": webhook.job.slug, "name": webhook.job.name} if webhook.job else None,
        "template": None,
    }
