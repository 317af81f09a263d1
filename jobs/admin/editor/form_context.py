"""What the form of a job is made of, and what its schedule would do; shared by the page of a job and the wizard."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.admin.editor import schedule_preview
from jobs.admin.editor.builder import BuilderFields
from jobs.admin.editor.form import JobForm, readable_schedule
from jobs.models import Job
from jobs.planner import Pause
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

PREVIEWED = frozenset(
    ("kind", "cron", "every", "at", "timezone", "spread", "start_at", "end_at", *BuilderFields.base_fields)
)


class FormContext:
    """Of one request; without a job it is about one that is not there yet."""

    job: Job | None

    def __init__(self, request: HttpRequest, job: Job | None) -> None:
        self.request = request
        self.job = job
        self.now = sql.now()
        self.tenants = access.tenants(request.user, Scope.SCHEDULER_WRITE)
        self.may_run_sub_minute = request.user.has_perm("jobs.run_sub_minute")
        self.templates = choosable_templates(job)

    def form(self, data: Any = None, initial: dict[str, Any] | None = None) -> JobForm:
        return JobForm(data, job=self.job, tenants=self.tenants, templates=self.templates, initial=initial)

    def find_template(self, key: Any) -> TemplateVersion | None:
        return next((row for row in self.templates if str(row.pk) == str(key) or row.name == key), None)

    def template_of(self, form: JobForm) -> TemplateVersion | None:
        return self.find_template(form.template_id())

    def schedule_fragment(self) -> HttpResponse:
        form = self.form(self.request.GET)
        form.is_valid()
        context = {"preview": self.preview(form), "form": form, "state": form.cron_state(), "is_fragment": True}
        return TemplateResponse(self.request, "jobs/editor/schedule_preview.html", context)

    def preview(self, form: JobForm) -> schedule_preview.Preview:
        problems = {name: [str(text) for text in form.errors[name]] for name in form.errors if name in PREVIEWED}
        if problems:
            return schedule_preview.Preview(problems=problems)
        template = self.template_of(form)
        shortest = 1 if self.may_run_sub_minute or not template else int(template.min_interval.total_seconds())
        before = readable_schedule(self.job) if self.job else None
        return schedule_preview.of_input(
            form.schedule_data(),
            now=self.now,
            shortest_seconds=max(shortest, 1),
            job_id=self.job.pk if self.job else None,
            anchor=before.anchor if before else None,
            around=self._around(form),
            overlap=form.cleaned_data.get("overlap") or (self.job.policies.overlap if self.job else ""),
        )

    def _around(self, form: JobForm) -> schedule_preview.Around:
        chosen = form.cleaned_data.get("calendars") or []
        if self.job is not None:
            return schedule_preview.Around(self.job.tenant_id, chosen, _pause_of(self.job))
        tenant = form.cleaned_data.get("tenant") or self.tenants.first()
        return schedule_preview.Around(tenant.pk if tenant else None, chosen)


def choosable_templates(job: Job | None) -> list[TemplateVersion]:
    """The newest version of each template that the code still has, and the one that the job is pinned to before it."""
    newest: dict[str, TemplateVersion] = {}
    for row in TemplateVersion.objects.filter(is_available=True).order_by("name", "-version"):
        newest.setdefault(row.name, row)
    found = list(newest.values())
    if job is not None and job.template not in found:
        found.insert(0, job.template)
    return sorted(found, key=lambda row: (row.title or row.name).casefold())


def schedule_url(job: Job | None) -> str:
    """Where the fragment of what the entered schedule would do is read."""
    address = reverse("admin:jobs_job_schedule")
    return address if job is None else f"{address}?job={job.pk}"


def _pause_of(job: Job) -> Pause | None:
    return Pause(job.paused_by, job.pause_note, job.paused_until, job.paused_at) if job.is_paused else None
