"""Where django-celery-results shows how an execution ended, when runs are mirrored there."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django_celery_results.models import TaskResult

from jobs.models import Execution


@dataclass(frozen=True)
class CeleryResult:
    task_id: str
    url: str  # empty when there is no row yet, or the viewer may not see those of all tenants


def of(request: HttpRequest, row: Execution) -> CeleryResult | None:
    if not settings.DAYBOOK_STORE_CELERY_RESULTS or row.finished_at is None:
        return None
    task_id, url = str(row.run_key), ""
    if request.user.has_perm("django_celery_results.view_taskresult"):
        found = TaskResult.objects.filter(task_id=task_id).values_list("pk", flat=True).first()
        url = reverse("admin:django_celery_results_taskresult_change", args=[found]) if found else ""
    return CeleryResult(task_id, url)
