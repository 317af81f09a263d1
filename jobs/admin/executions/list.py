"""The list of executions: never counted, read from one row on, and kept up with what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import access
from accounts.scopes import Scope
from jobs.admin.executions import page as execution_page
from jobs.admin.executions.approvals import shown_state
from jobs.admin.history_list import find_job
from jobs.admin.jobs.columns import execution_url
from jobs.admin.lists import filter_bar
from jobs.admin.lists.change_list import ConsoleChangeList, find_changelist
from jobs.admin.lists.views import ViewsOfList
from jobs.models import Attempt, Execution, Job
from jobs.rules.states import ACTIVE, PRIORITIES, ExecutionStatus
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

LIST_NAME = "admin:jobs_execution_changelist"
PATIENCE = "5s"
MOST_ROWS = 200  # that one answer brings anew


class ExecutionChangeList(ConsoleChangeList):
    """Fifty rows from a place on, which is the number of a row: a page costs the same however far back it lies."""

    is_too_slow = False
    has_older = False
    has_newer = False

    def get_results(self, request: HttpRequest) -> None:
        older, newer = (number_of(request.GET.get(name, "")) for name in ("older", "newer"))
        rows: list[Any] = []
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
                rows = self._read(older, newer)
        except OperationalError:
            self.is_too_slow = True
        self.result_list: Any = rows
        self.result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = self.multi_page = self.can_show_all = False
        self.full_result_count = self.paginator = None

    def _read(self, older: int | None, newer: int | None) -> list[Any]:
        most = self.list_per_page + 1
        if newer is not None:
            found = list(self.queryset.filter(pk__gt=newer).reverse()[:most])
            self.has_newer, self.has_older = len(found) == most, True
            return found[: self.list_per_page][::-1]
        found = list((self.queryset.filter(pk__lt=older) if older is not None else self.queryset)[:most])
        self.has_older, self.has_newer = len(found) == most, older is not None
        return found[: self.list_per_page]


@dataclass(frozen=True)
class Row:
    execution: Execution
    state: str
    job_name: str
    error: str
    trigger: str
    who: str
    waited: float | None
    ran: float | None
    attempts: str
    worker: str
    priority: str
    is_active: bool
    may_cancel: bool
    may_run_again: bool


def rows_of(rows: Sequence[Execution], request: HttpRequest) -> list[Row]:
    """History has no foreign keys to join on cheaply: names and workers are read for the whole page."""
    now = timezone.now()
    jobs = Job.objects.filter(pk__in={row.job_id for row in rows if row.job_id})
    known = {job.pk: job for job in jobs.only("pk", "name", "archived_at")}
    tries = Attempt.objects.filter(execution_id__in=[row.pk for row in rows]).order_by("execution_id", "-number")
    workers = dict(tries.distinct("execution_id").values_list("execution_id", "worker"))
    return [_row(row, known.get(row.job_id or 0), workers.get(row.pk, ""), request, now) for row in rows]


def _row(row: Execution, job: Job | None, worker: str, request: HttpRequest, now: datetime) -> Row:
    waited, ran = execution_page.waited_and_ran(row, now=now)
    trigger, who = execution_page.trigger_in_words(row)
    most = row.max_attempts + row.handed_back_count
    may_run = access.may(request.user, Scope.SCHEDULER_RUN, row.tenant_id)
    is_active = row.status in ACTIVE
    shows_priority = row.status == ExecutionStatus.QUEUED and row.priority != PRIORITIES["normal"]
    return Row(
        execution=row,
        state=shown_state(row),
        job_name=job.name if job else "",
        error=row.error.strip().partition("\n")[0][:200],
        trigger=trigger,
        who=who,
        waited=waited,
        ran=ran,
        attempts=f"{row.attempt} of {most}" if most > 1 else str(row.attempt),
        worker=worker,
        priority=row.get_priority_display() if shows_priority else "",
        is_active=is_active,
        may_cancel=is_active and may_run and row.cancel_requested_at is None,
        may_run_again=not is_active and may_run and job is not None and job.archived_at is None,
    )


class ExecutionList(ViewsOfList):
    """Mixed into the admin of executions."""

    admin_site: Any
    get_changelist_instance: Any
    has_view_permission: Any
    get_queryset: Any
    many_actions: Any

    def list_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("rows/", view(self.rows_view), name="jobs_execution_rows"), *self.views_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> Any:
        return ExecutionChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._require_view(request)
        typed = self._typed(request)
        opened = typed or self.open_default(request)
        if opened is not None:
            return opened
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse(LIST_NAME))
        rows = rows_of(changelist.result_list, request)
        job, bar, given = find_job(request), filter_bar.of(changelist), changelist.params
        heading = f"Executions of {job.name}" if job else "Executions"
        first, last = (rows[0].execution.pk, rows[-1].execution.pk) if rows else (0, 0)
        context = {
            **self.admin_site.each_context(request),
            **self.views_context(request),
            "title": heading,
            "opts": Execution._meta,
            "cl": changelist,
            "job": job,
            "bar": bar,
            "rows": rows,
            "query": request.GET.urlencode(),
            "is_first_page": not changelist.has_newer,
            "newest": first or self._newest(),
            "newest_url": filter_bar.address(given),
            "newer_url": filter_bar.address(given, newer=str(first)) if changelist.has_newer and first else "",
            "older_url": filter_bar.address(given, older=str(last)) if changelist.has_older and last else "",
            "range": _range_of(changelist),
            "actions": self.many_actions if access.may_anywhere(request.user, Scope.SCHEDULER_RUN) else {},
            **(extra_context or {}),
        }
        return TemplateResponse(request, "jobs/executions/list.html", context)

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """The rows of `ids` as they are now, whatever the filters say, and those since `newest` that fit them."""
        self._require_view(request)
        newest = number_of(request.GET.get("newest", ""))
        ids = {number_of(one) for one in request.GET.get("ids", "").split(",")[:MOST_ROWS]} - {None}
        rows = list(self.get_queryset(request).filter(pk__in=ids))
        news: list[Any] = []
        if newest is not None:
            shown = request.GET.copy()
            for name in ("ids", "newest", "older"):
                shown.pop(name, None)
            shown["newer"] = str(newest)
            request.GET = shown  # type: ignore[assignment]
            changelist = find_changelist(self, request)
            news = list(changelist.result_list) if changelist else []
            has_more = bool(changelist and changelist.has_newer)
        context = {
            "rows": rows_of(rows, request),
            "news": rows_of(news, request),
            "has_more": newest is not None and has_more,
            "query": request.GET.urlencode(),
        }
        return TemplateResponse(request, "jobs/executions/rows.html", context)

    def _typed(self, request: HttpRequest) -> HttpResponse | None:
        """The number of an execution, typed into the search, leads to it."""
        number = number_of(request.GET.get("q", "").strip().removeprefix("#"))
        if number is None or not self.get_queryset(request).filter(pk=number).exists():
            return None
        return HttpResponseRedirect(execution_url(number))

    def _newest(self) -> int:
        """Of all tenants: only a number from which on rows are new."""
        found = sql.row("SELECT id FROM job_executions ORDER BY id DESC LIMIT 1")
        return int(found["id"]) if found else 0

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see executions.")


def _range_of(changelist: Any) -> Any:
    return next((spec for spec in changelist.filter_specs if spec.parameter_name == "when"), None)
