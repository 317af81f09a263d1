"""What a row of the list of jobs shows, and how jobs are told of elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from jobs.admin.charts import sparkline
from jobs.admin.chips import job_state
from jobs.admin.lists.change_list import ConsoleChangeList
from jobs.admin.lists.filter_bar import SORT, address
from jobs.models import Job
from jobs.rules.schedule import describe
from jobs.rules.states import Origin

# key -> (heading, column)
SORTS: dict[str, tuple[str, str]] = {
    "name": ("Job", "name"),
    "last_run": ("Last result", "last_finished_at"),
    "next_run": ("Next run", "next_tick_at"),
    "queue": ("Queue", "queue"),
}


class JobChangeList(ConsoleChangeList):
    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        key, is_reverse = sorting(request)
        by = F(SORTS[key][1])
        return [by.desc(nulls_last=True) if is_reverse else by.asc(nulls_last=True), "pk"]


def sorting(request: HttpRequest) -> tuple[str, bool]:
    asked = request.GET.get(SORT, "")
    key = asked.removeprefix("-")
    return (key, asked.startswith("-")) if key in SORTS else ("name", False)


@dataclass(frozen=True)
class Heading:
    key: str
    label: str
    url: str
    direction: str  # as aria-sort has it; empty when the list is sorted by another


def headings(changelist: Any, request: HttpRequest) -> dict[str, Heading]:
    key, is_reverse = sorting(request)
    found = {}
    for name, (label, _) in SORTS.items():
        is_sorted = name == key
        following = f"-{name}" if is_sorted and not is_reverse else name
        direction = ("descending" if is_reverse else "ascending") if is_sorted else ""
        url = address(changelist.params, **{SORT: "" if following == "name" else following})
        found[name] = Heading(name, label, url, direction)
    return found


@dataclass(frozen=True)
class Row:
    job: Job
    state: str
    words: str
    zone: str
    expression: str
    history: sparkline.History
    picture: str | SafeString
    may_run: bool
    may_write: bool
    may_switch: bool
    shows_tenant: bool


def rows_of(jobs: Sequence[Job], request: HttpRequest, *, shows_tenant: bool) -> list[Row]:
    histories = sparkline.find([job.pk for job in jobs])
    return [_row(job, histories[job.pk], request, shows_tenant=shows_tenant) for job in jobs]


def _row(job: Job, history: sparkline.History, request: HttpRequest, *, shows_tenant: bool) -> Row:
    words, _, zone = schedule_in_words(job).rpartition(" (")
    is_open = job.archived_at is None
    may_write = is_open and access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id)
    return Row(
        job=job,
        state=job_state(job),
        words=words or zone,
        zone=zone.rstrip(")") if words else "",
        expression=str(job.spec.get("cron", "")) if isinstance(job.spec, dict) else "",
        history=history,
        picture=sparkline.draw(history),
        may_run=is_open and access.may(request.user, Scope.SCHEDULER_RUN, job.tenant_id),
        may_write=may_write,
        may_switch=may_write and job.origin != Origin.ADOPTED,
        shows_tenant=shows_tenant,
    )


def schedule_in_words(job: Job) -> str:
    """The sentence, or that the stored schedule cannot be read any more."""
    try:
        return describe(job.schedule)
    except (ValueError, TypeError):
        return "The stored schedule cannot be read"


def job_url(job_id: int | None) -> str:
    return reverse("admin:jobs_job_page", args=[job_id])


def execution_url(execution_id: int) -> str:
    return reverse("admin:jobs_execution_change", args=[execution_id])
