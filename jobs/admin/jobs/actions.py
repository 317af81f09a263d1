"""Bulk actions of the list of jobs: each job on its own, and every one that failed is named."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import access
from accounts.scopes import Scope
from jobs import bulk, transfer
from jobs.admin.jobs import transfers
from jobs.admin.jobs.operations import Caller, in_words
from jobs.models import Job

NAMED = 10


class JobActions:
    """Mixed into the admin of jobs."""

    def has_run_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_RUN)

    def has_write_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)

    @admin.action(description="Run now", permissions=["run"])
    def run_now(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        apply_to_all(request, queryset, "run", done="Queued a run of {}.")

    @admin.action(description="Pause", permissions=["write"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        apply_to_all(request, queryset, "pause", done="Paused {}.")

    @admin.action(description="Resume", permissions=["write"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        apply_to_all(request, queryset, "resume", done="Resumed {}.")

    @admin.action(description="Enable", permissions=["write"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        apply_to_all(request, queryset, "enable", done="Enabled {}.")

    @admin.action(description="Disable", permissions=["write"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        apply_to_all(request, queryset, "disable", done="Disabled {}.")

    @admin.action(description="Export", permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        visible = access.visible(queryset.filter(archived_at=None), request.user, Scope.SCHEDULER_READ)
        rows = visible.select_related("template", "tenant", "pool")
        return transfers.export(request, list(rows[: transfer.MOST_JOBS + 1]))


def apply_to_all(request: HttpRequest, queryset: QuerySet[Job], name: str, *, done: str) -> None:
    caller, scope = Caller.of(request), bulk.JOB_ACTIONS[name]
    selected = list(queryset.select_related("tenant")[: bulk.MOST + 1])
    if len(selected) > bulk.MOST:
        messages.error(request, f"More than {bulk.MOST} jobs are selected; nothing was done. Narrow them down.")
        return
    open_ones = [job for job in selected if access.may(request.user, scope, job.tenant_id)]
    failures = [f"{job.name}: your role in {job.tenant} does not allow it." for job in selected if job not in open_ones]
    wish = bulk.JobWish(actor=caller.actor, request_id=caller.request_id)
    results = bulk.apply_to_jobs(name, [job.pk for job in open_ones], wish)
    names = {job.pk: job.name for job in selected}
    failures += [f"{names[one.id]}: {in_words(one.error)}" for one in results if one.error is not None]
    succeeded = sum(one.status is bulk.Status.DONE for one in results)
    unchanged = sum(one.status is bulk.Status.UNCHANGED for one in results)
    _tell(request, done, succeeded, unchanged, failures)


def _tell(request: HttpRequest, done: str, succeeded: int, unchanged: int, failures: list[str]) -> None:
    if succeeded:
        messages.success(request, done.format(_jobs(succeeded)))
    if unchanged:
        messages.info(request, f"{_jobs(unchanged).capitalize()} needed no change.")
    for failure in failures[:NAMED]:
        messages.error(request, failure)
    if len(failures) > NAMED:
        messages.error(request, f"And {len(failures) - NAMED} more could not be changed.")


def _jobs(count: Any) -> str:
    return f"{count} job" if count == 1 else f"{count} jobs"
