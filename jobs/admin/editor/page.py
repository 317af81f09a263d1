"""The page that creates and changes a job, and the two fragments it loads: parameters and the schedule's preview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from accounts.sealing import KeysUnavailable
from jobs import definition, executions, impact, registry
from jobs.admin.editor import builder, parameters, schedule_preview
from jobs.admin.editor.builder import BuilderFields
from jobs.admin.editor.form import JobForm, readable_schedule
from jobs.admin.editor.upgrade import upgrade_of
from jobs.admin.jobs import impact_panel, switch_page
from jobs.admin.jobs.columns import job_url, schedule_in_words
from jobs.admin.jobs.operations import Caller, in_words
from jobs.backfill import BackfillIsRunning
from jobs.definition import Definition, InvalidJob
from jobs.ledger import StillCatchingUp
from jobs.models import Job, JobRevision
from jobs.planner import Pause
from jobs.rules.schedule import InvalidSchedule
from jobs.rules.schedule_input import MAX_CRON_LENGTH
from jobs.rules.states import Origin
from jobs.tick import publisher
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion

LOAD, CHECK, RUN_TOO = "_load", "_check", "_run"


class JobEditor:
    """One request to the form: shown, loaded, checked or saved."""

    def __init__(self, request: HttpRequest, site_context: dict[str, Any], job: Job | None) -> None:
        self.request = request
        self.site_context = site_context
        self.job = job
        self.now = sql.now()
        self.tenants = access.tenants(request.user, Scope.SCHEDULER_WRITE)
        self.may_run_sub_minute = request.user.has_perm("jobs.run_sub_minute")
        self.templates = choosable_templates(job)
        self.conflict: JobRevision | None = None

    def respond(self) -> HttpResponse:
        if self.request.method == "POST":
            return self._posted()
        chosen = self.find_template(self.request.GET.get("template"))
        form = self._form(initial={**({"template": str(chosen.pk)} if chosen else {}), **self._proposed()})
        return self._page(form, parameters.section(chosen or self._template_of(form), job=self.job))

    def parameters_fragment(self) -> HttpResponse:
        """Posted, so that what was entered, secrets included, stays out of addresses and logs."""
        template = self.find_template(self.request.POST.get("template") or self.request.POST.get(parameters.SOURCE))
        section = parameters.carried_over(template, self.request.POST, job=self.job)
        return TemplateResponse(self.request, "jobs/editor/parameters.html", {"section": section})

    def schedule_fragment(self) -> HttpResponse:
        form = self._form(self.request.GET)
        form.is_valid()
        context = {"preview": self.preview(form), "form": form, "state": form.cron_state(), "is_fragment": True}
        return TemplateResponse(self.request, "jobs/editor/schedule_preview.html", context)

    def impact_fragment(self) -> HttpResponse:
        """Posted as well, since the parameters count."""
        if self.job is None:
            raise PermissionDenied("A job that is not there yet changes nothing.")
        form = self._form(self.request.POST)
        section = parameters.submitted(self._template_of(form), self.request.POST, job=self.job)
        return impact_panel.respond(self.request, self.job, form, section, may_run_sub_minute=self.may_run_sub_minute)

    # --- the three buttons ---

    def _posted(self) -> HttpResponse:
        form = self._form(self.request.POST)
        form.is_valid()
        if {LOAD, CHECK, parameters.SWITCH} & self.request.POST.keys():
            section = parameters.carried_over(self._template_of(form), self.request.POST, job=self.job)
            preview = self.preview(form)
            form.silence()
            return self._page(form, section, preview)
        section = parameters.submitted(self._template_of(form), self.request.POST, job=self.job)
        if section.form is not None and not section.form.is_bound:
            form.add_error("template", "The fields are another template's now: look at them, then save again.")
            return self._page(form, section, self.preview(form))
        job = self._save(form, section)
        if job is None:
            return self._page(form, section, self.preview(form))
        return self._saved(job)

    def _save(self, form: JobForm, section: parameters.Section) -> Job | None:
        """The job, or None after every problem that can be found was put at its field."""
        is_adopted = self.job is not None and self.job.origin == Origin.ADOPTED
        fits = form.is_valid() and (is_adopted or section.form is None or section.form.is_valid())
        data = form.to_data(section.template, section.parameters())
        try:
            if not fits:
                self._judge(data)
                return None
            return self._store(form, data)
        except InvalidJob as error:
            form.apply_problems(error.fields)
            if section.form is not None and not section.form.errors:
                section.form.apply_errors(_of_parameters(error.fields))
        except registry.RevisionConflict:
            self._refuse_lost_update(form)
        except (executions.JobIsArchived, BackfillIsRunning, KeysUnavailable, StillCatchingUp) as error:
            form.add_error(None, in_words(error))
        return None

    def _judge(self, data: dict[str, Any]) -> None:
        current = Definition.of(self.job) if self.job else None
        tenant = self.job.tenant if self.job else self.tenants.first()
        if tenant is not None:
            definition.read(
                data, current=current, now=self.now, tenant=tenant, may_run_sub_minute=self.may_run_sub_minute
            )

    def _store(self, form: JobForm, data: dict[str, Any]) -> Job:
        actor = Caller.of(self.request).actor
        if self.job is None:
            tenant = form.cleaned_data.get("tenant") or self.tenants.first()
            if tenant is None:
                raise PermissionDenied("You may not create jobs in any tenant.")
            return registry.create(
                data,
                tenant=tenant,
                actor=actor,
                owner_id=self.request.user.pk,
                may_run_sub_minute=self.may_run_sub_minute,
            )
        return impact.change(
            self.job.pk,
            data,
            actor=actor,
            missed=switch_page.chosen(self.request, self.job),
            note=form.cleaned_data.get("note", ""),
            may_run_sub_minute=self.may_run_sub_minute,
            expected_revision=form.cleaned_data.get("expected_revision") or 0,
        )

    def _refuse_lost_update(self, form: JobForm) -> None:
        """Whoever saves again has seen whose change they replace."""
        assert self.job is not None
        self.conflict = JobRevision.objects.filter(job_id=self.job.pk).order_by("-number").first()
        if self.conflict is not None:
            again = self.request.POST.copy()
            again["expected_revision"] = str(self.conflict.number)
            form.data = again

    def _saved(self, job: Job) -> HttpResponse:
        words = "Created" if self.job is None else "Changed"
        messages.success(self.request, f"{words} {job.name}.")
        may_run = access.may(self.request.user, Scope.SCHEDULER_RUN, job.tenant_id)
        if RUN_TOO in self.request.POST and may_run:
            caller = Caller.of(self.request)
            job = Job.objects.select_related("template").get(pk=job.pk)
            execution_id = registry.run_now(job, actor=caller.actor, request_id=caller.request_id)
            publisher.announce_soon([execution_id])
            return HttpResponseRedirect(reverse("admin:jobs_execution_change", args=[execution_id]))
        return HttpResponseRedirect(job_url(job.pk))

    # --- what the page shows ---

    def _form(self, data: Any = None, initial: dict[str, Any] | None = None) -> JobForm:
        return JobForm(data, job=self.job, tenants=self.tenants, templates=self.templates, initial=initial)

    def _page(
        self,
        form: JobForm,
        section: parameters.Section,
        preview: schedule_preview.Preview | None = None,
    ) -> HttpResponse:
        job = self.job
        context = {
            **self.site_context,
            "title": f"Edit {job.name}" if job else "New job",
            "opts": Job._meta,
            "job": job,
            "form": form,
            "section": section,
            "preview": preview or self._first_preview(form),
            "conflict": self.conflict,
            "errors": _summary(form, section) if form.is_bound else [],
            "schedule_url": schedule_url(self.job),
            "is_proposed": not form.is_bound and bool(self._proposed()),
            "is_adopted": job is not None and job.origin == Origin.ADOPTED,
            "schedule_words": schedule_in_words(job) if job else "",
            "upgrade": upgrade_of(job),
            "asks_tenant": "tenant" in form.fields and self.tenants.count() > 1,
            "may_run": access.may_anywhere(self.request.user, Scope.SCHEDULER_RUN),
        }
        return TemplateResponse(self.request, "jobs/editor/page.html", context)

    def _first_preview(self, form: JobForm) -> schedule_preview.Preview | None:
        if self.job is None or form.is_bound or self._proposed():
            return None
        try:
            return schedule_preview.of_stored(self.job, now=self.now)
        except InvalidSchedule as error:  # quarantined, and this form is where that is mended
            return schedule_preview.Preview(problems=error.fields)
        except Exception as error:  # noqa: BLE001  whatever is stored
            return schedule_preview.Preview(problems={"schedule": [self.job.problem or str(error)]})

    def preview(self, form: JobForm) -> schedule_preview.Preview:
        problems = {name: [str(text) for text in form.errors[name]] for name in form.errors if name in PREVIEWED}
        if problems:
            return schedule_preview.Preview(problems=problems)
        template = self._template_of(form)
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

    def _proposed(self) -> dict[str, Any]:
        """What the address proposes of the schedule: shown, and saved only by whoever looks at it."""
        cron, spread = self.request.GET.get("cron", ""), self.request.GET.get("spread", "")
        found: dict[str, Any] = {}
        if cron and len(cron) <= MAX_CRON_LENGTH:
            found |= {"cron": cron, **builder.initial_of(cron)}
        if spread.isdecimal() and len(spread) < 6:
            found["spread"] = int(spread)
        return found if self.job is None or self.job.origin != Origin.ADOPTED else {}

    def _template_of(self, form: JobForm) -> TemplateVersion | None:
        return self.find_template(form.template_id())

    def find_template(self, key: Any) -> TemplateVersion | None:
        return next((row for row in self.templates if str(row.pk) == str(key) or row.name == key), None)


def schedule_url(job: Job | None) -> str:
    """Where the fragment of what the entered schedule would do is read."""
    address = reverse("admin:jobs_job_schedule")
    return address if job is None else f"{address}?job={job.pk}"


def _pause_of(job: Job) -> Pause | None:
    return Pause(job.paused_by, job.pause_note, job.paused_until, job.paused_at) if job.is_paused else None


PREVIEWED = frozenset(
    ("kind", "cron", "every", "at", "timezone", "spread", "start_at", "end_at", *BuilderFields.base_fields)
)


def choosable_templates(job: Job | None) -> list[TemplateVersion]:
    """The newest version of each template that the code still has, and the one that the job is pinned to before it."""
    newest: dict[str, TemplateVersion] = {}
    for row in TemplateVersion.objects.filter(is_available=True).order_by("name", "-version"):
        newest.setdefault(row.name, row)
    found = list(newest.values())
    if job is not None and job.template not in found:
        found.insert(0, job.template)
    return sorted(found, key=lambda row: (row.title or row.name).casefold())


def _summary(form: JobForm, section: parameters.Section) -> list[tuple[str, str, str]]:
    """(id of the control, label, message) for each error, in the order of the page."""
    found: list[tuple[str, str, str]] = []
    forms: Sequence[Any] = [form, *([section.form] if section.form is not None and section.form.is_bound else [])]
    for one in forms:
        found += [("", "", message) for message in one.non_field_errors()]
        found += [
            (_target(one[name]), one[name].label, message)
            for name in one.fields
            if name in one.errors
            for message in one.errors[name]
        ]
    return found


def _target(field: Any) -> str:
    """A group of controls has no id of its own: its first control is meant."""
    return f"{field.auto_id}_0" if field.use_fieldset else field.auto_id


def _of_parameters(problems: dict[str, list[str]]) -> dict[str, list[str]]:
    return {path: messages for path, messages in problems.items() if path.startswith("parameters")}
