"""The dry run of a draft: a run of its template without a job, which says what it would do and changes nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs import drafts, submission
from jobs.admin.executions.approvals import shown_state
from jobs.admin.jobs.operations import Caller
from jobs.admin.wizard.draft_form import Judged
from jobs.models import Execution, JobDraft, LogLine
from jobs.rules.states import ACTIVE
from jobs.tick import publisher

MOST_LINES = 300


def is_possible(request: HttpRequest, draft: JobDraft) -> bool:
    """As the API has it for runs without a job."""
    return draft.template.supports_dry_run and access.may(request.user, Scope.TASK_CREATE, draft.tenant_id)


def start(request: HttpRequest, draft: JobDraft, judged: Judged) -> int:
    """Raises what `submission.submit` raises."""
    caller = Caller.of(request)
    wishes = {
        "template": draft.template.name,
        "template_version": draft.template.version,
        "payload": judged.data["parameters"],
        "queue": judged.data["queue"],
        "priority": judged.data["priority"],
    }
    execution_id = submission.submit(
        wishes, tenant=draft.tenant, actor=caller.actor, request_id=caller.request_id, dry_run=True
    )
    drafts.note_dry_run(draft, execution_id)
    publisher.announce_soon([execution_id])
    return execution_id


def context_of(request: HttpRequest, draft: JobDraft) -> dict[str, Any]:
    may = access.may(request.user, Scope.TASK_CREATE, draft.tenant_id)
    context: dict[str, Any] = {"draft": draft, "may_try": may, "trial": None}
    if draft.dry_run_id is None:
        return context
    row = Execution.objects.select_related("template").filter(pk=draft.dry_run_id, tenant=draft.tenant_id).first()
    if row is None:
        return context
    lines = list(LogLine.objects.filter(execution_id=row.pk).order_by("-sequence")[:MOST_LINES])
    return {
        **context,
        "trial": row,
        "trial_state": shown_state(row),
        "trial_is_active": row.status in ACTIVE,
        "trial_is_old": draft.dry_run_version != draft.version,
        "trial_lines": lines[::-1],
        "trial_is_cut": len(lines) == MOST_LINES,
    }
