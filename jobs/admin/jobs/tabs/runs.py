"""The runs of a job, the newest first, with what each waited and how long it ran."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest

from jobs import narrowing
from jobs.admin.executions.page import TRIGGERS, trigger_in_words, waited_and_ran
from jobs.admin.jobs.tabs.paging import older_and_newer
from jobs.models import Execution, Job
from jobs.rules.states import ExecutionStatus, Trigger
from scheduler_project.lib.input import number_of

SHOWN = 30
STATUSES = [(status.value, status.value.replace("_", " ").capitalize()) for status in ExecutionStatus]
HIDDEN = ("parameters", "policy", "result")


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    asked = {"status": request.GET.get("status", ""), "trigger": request.GET.get("trigger", "")}
    status = asked["status"] if asked["status"] in dict(STATUSES) else ""
    trigger = asked["trigger"] if asked["trigger"] in list(Trigger) else ""
    before = number_of(request.GET.get("before", ""))
    rows = Execution.objects.filter(job_id__gte=job.pk, job_id__lte=job.pk)
    if before:
        rows = rows.filter(pk__lt=before)
    found = narrowing.find_executions(rows, status=status, trigger=trigger).order_by("job_id", "-id")
    shown = list(found.defer(*HIDDEN)[: SHOWN + 1])
    has_more, shown = len(shown) > SHOWN, shown[:SHOWN]
    return {
        "rows": [_row(row, now) for row in shown],
        "status": status,
        "trigger": trigger,
        "statuses": STATUSES,
        "triggers": [(one.value, word) for one, word in TRIGGERS.items()],
        "is_filtered": bool(status or trigger),
        "pages": older_and_newer(request, str(shown[-1].pk) if has_more else "", is_first=not before),
        "follows": not before,
    }


def _row(row: Execution, now: datetime) -> dict[str, Any]:
    waited, ran = waited_and_ran(row, now=now)
    whole = (waited or 0) + (ran or 0)
    words, by = trigger_in_words(row)
    return {
        "execution": row,
        "waited": waited,
        "ran": ran,
        "trigger": words,
        "by": by,
        "waited_part": round(100 * (waited or 0) / whole) if whole else 0,
    }
