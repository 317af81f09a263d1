"""Every revision of a job in words, and what two of them differ in."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs.admin.jobs.tabs.paging import older_and_newer
from jobs.admin.jobs.versions import changes_of, find_templates
from jobs.models import Job, JobRevision
from scheduler_project.lib.input import number_of

SHOWN = 25


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    before = number_of(request.GET.get("before", ""))
    found = JobRevision.objects.filter(job_id=job.pk).order_by("-number")
    shown = list((found.filter(number__lt=before) if before else found)[: SHOWN + 1])
    templates = find_templates(shown)
    rows = []
    for row, former in zip_longest(shown[:SHOWN], shown[1:]):
        rows.append({"revision": row, "changes": changes_of(former, row, templates) if former else []})
    last = str(shown[SHOWN - 1].number) if len(shown) > SHOWN else ""
    return {
        "rows": rows,
        "comparison": _compare(request, job),
        "pages": older_and_newer(request, last, is_first=not before),
        "may_restore": job.archived_at is None and access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id),
        "may_see_audit": access.may(request.user, Scope.AUDIT_READ, job.tenant_id),
    }


def _compare(request: HttpRequest, job: Job) -> dict[str, Any] | None:
    """The two that the address names, whichever way round."""
    numbers = sorted({number_of(request.GET.get(name, "")) or 0 for name in ("one", "other")})
    found = {row.number: row for row in JobRevision.objects.filter(job_id=job.pk, number__in=numbers)}
    if len(numbers) < 2 or len(found) < 2:
        return None
    old, new = (found[number] for number in numbers)
    return {"old": old, "new": new, "changes": changes_of(old, new, find_templates([old, new]))}
