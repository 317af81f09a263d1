"""Bulk actions of the list of jobs: each job on its own, and every one that failed is named."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs.admin.operations import OPERATIONS, REFUSALS, Caller, Wishes, in_words
from jobs.models import Job

MOST = 1_000
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


def apply_to_all(request: HttpRequest, queryset: QuerySet[Job], name: str, *, done: str) -> None:
    operation, caller = OPERATIONS[name], Caller.of(request)
    selected = list(queryset.select_related("template", "tenant")[: MOST + 1])
    if len(selected) > MOST:
        messages.error(request, f"More than {MOST} jobs are selected; nothing was done. Narrow them down by filters.")
        return
    succeeded, unchanged, failures = 0, 0, []
    for job in selected:
        if not access.may(request.user, operation.scope, job.tenant_id):
            failures.append(f"{job.name}: your role in {job.tenant} does not allow it.")
        elif name != "run" and not operation.fits(job):
            unchanged += 1
        else:
            try:
                operation.apply(job, caller, Wishes())
                succeeded += 1
            except (*REFUSALS, DatabaseError) as error:
                failures.append(f"{job.name}: {in_words(error)}")
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
