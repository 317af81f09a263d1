"""The page that changes a job, and the fragments that it loads: the parameters, and what a change comes to."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.sealing import KeysUnavailable
from jobs import definition, executions, impact, registry
from jobs.admin.editor import builder, parameters, problems, schedule_preview
from jobs.admin.editor.form import JobForm
from jobs.admin.editor.form_context import FormContext, schedule_url
from jobs.admin.editor.upgrade import upgrade_of
from jobs.admin.jobs import impact_panel, switch_page
from jobs.admin.jobs.columns import job_url, schedule_in_words
from jobs.admin.jobs.operations import Caller, in_words
from jobs.backfill import BackfillIsRunning
from jobs.definition import Definition, InvalidJob
from jobs.ledger import StillCatchingUp
from jobs.models import Job, JobRevision
from jobs.rules.schedule import InvalidSchedule
from jobs.rules.schedule_input import MAX_CRON_LENGTH
from jobs.rules.states import Origin

LOAD, CHECK = "_load", "_check"


class JobEditor(FormContext):
    """One request to the form: shown, loaded, checked or saved."""

    job: Job

    def __init__(self, request: HttpRequest, site_context: dict[str, Any], job: Job) -> None:
        super().__init__(request, job)
        self.site_context = site_context
        self.conflict: JobRevision | None = None

    @property
    def is_adopted(self) -> bool:
        return self.job.origin == Origin.ADOPTED

    def respond(self) -> HttpResponse:
        if self.request.method == "POST":
            return self._posted()
        chosen = self.find_template(self.request.GET.get("template"))
        form = self.form(initial={**({"template": str(chosen.pk)} if chosen else {}), **self._proposed()})
        return self._page(form, parameters.section(chosen or self.template_of(form), job=self.job))

    def parameters_fragment(self) -> HttpResponse:
        """Posted, so that what was entered, secrets included, stays out of addresses and logs."""
        template = self.find_template(self.request.POST.get("template") or self.request.POST.get(parameters.SOURCE))
        section = parameters.carried_over(template, self.request.POST, job=self.job)
        return TemplateResponse(self.request, "jobs/editor/parameters.html", {"section": section})

    def impact_fragment(self) -> HttpResponse:
        """Posted as well, since the parameters count."""
        form = self.form(self.request.POST)
        section = parameters.submitted(self.template_of(form), self.request.POST, job=self.job)
        return impact_panel.respond(self.request, self.job, form, section, may_run_sub_minute=self.may_run_sub_minute)

    # --- the buttons ---

    def _posted(self) -> HttpResponse:
        form = self.form(self.request.POST)
        form.is_valid()
        if {LOAD, CHECK, parameters.SWITCH} & self.request.POST.keys():
            section = parameters.carried_over(self.template_of(form), self.request.POST, job=self.job)
            preview = self.preview(form)
            form.silence()
            return self._page(form, section, preview)
        section = parameters.submitted(self.template_of(form), self.request.POST, job=self.job)
        if section.form is not None and not section.form.is_bound:
            form.add_error("template", "The fields are another template's now: look at them, then save again.")
            return self._page(form, section, self.preview(form))
        if not self._save(form, section):
            return self._page(form, section, self.preview(form))
        messages.success(self.request, f"Changed {self.job.name}.")
        return HttpResponseRedirect(job_url(self.job.pk))

    def _save(self, form: JobForm, section: parameters.Section) -> bool:
        """Whether it was; if not, every problem that can be found was put at its field."""
        fits = form.is_valid() and (self.is_adopted or section.form is None or section.form.is_valid())
        data = form.to_data(section.template, section.parameters())
        try:
            if not fits:
                self._judge(data)
                return False
            self.job = self._store(form, data)
        except InvalidJob as error:
            form.apply_problems(error.fields)
            if section.form is not None and not section.form.errors:
                section.form.apply_errors(_of_parameters(error.fields))
        except registry.RevisionConflict:
            self._refuse_lost_update(form)
        except (executions.JobIsArchived, BackfillIsRunning, KeysUnavailable, StillCatchingUp) as error:
            form.add_error(None, in_words(error))
        else:
            return True
        return False

    def _judge(self, data: dict[str, Any]) -> None:
        current, tenant = Definition.of(self.job), self.job.tenant
        definition.read(data, current=current, now=self.now, tenant=tenant, may_run_sub_minute=self.may_run_sub_minute)

    def _store(self, form: JobForm, data: dict[str, Any]) -> Job:
        return impact.change(
            self.job.pk,
            data,
            actor=Caller.of(self.request).actor,
            missed=switch_page.chosen(self.request, self.job),
            note=form.cleaned_data.get("note", ""),
            may_run_sub_minute=self.may_run_sub_minute,
            expected_revision=form.cleaned_data.get("expected_revision") or 0,
        )

    def _refuse_lost_update(self, form: JobForm) -> None:
        """Whoever saves again has seen whose change they replace."""
        self.conflict = JobRevision.objects.filter(job_id=self.job.pk).order_by("-number").first()
        if self.conflict is not None:
            again = self.request.POST.copy()
            again["expected_revision"] = str(self.conflict.number)
            form.data = again

    # --- what the page shows ---

    def _page(
        self, form: JobForm, section: parameters.Section, preview: schedule_preview.Preview | None = None
    ) -> HttpResponse:
        context = {
            **self.site_context,
            "title": f"Edit {self.job.name}",
            "opts": Job._meta,
            "job": self.job,
            "form": form,
            "section": section,
            "preview": preview or self._first_preview(form),
            "conflict": self.conflict,
            "errors": problems.summary(form, section) if form.is_bound else [],
            "schedule_url": schedule_url(self.job),
            "is_proposed": not form.is_bound and bool(self._proposed()),
            "is_adopted": self.is_adopted,
            "schedule_words": schedule_in_words(self.job),
            "upgrade": upgrade_of(self.job),
        }
        return TemplateResponse(self.request, "jobs/editor/page.html", context)

    def _first_preview(self, form: JobForm) -> schedule_preview.Preview | None:
        if form.is_bound or self._proposed():
            return None
        try:
            return schedule_preview.of_stored(self.job, now=self.now)
        except InvalidSchedule as error:  # quarantined, and this form is where that is mended
            return schedule_preview.Preview(problems=error.fields)
        except Exception as error:  # noqa: BLE001  whatever is stored
            return schedule_preview.Preview(problems={"schedule": [self.job.problem or str(error)]})

    def _proposed(self) -> dict[str, Any]:
        """What the address proposes of the schedule: shown, and saved only by whoever looks at it."""
        cron, spread = self.request.GET.get("cron", ""), self.request.GET.get("spread", "")
        found: dict[str, Any] = {}
        if cron and len(cron) <= MAX_CRON_LENGTH:
            found |= {"cron": cron, **builder.initial_of(cron)}
        if spread.isdecimal() and len(spread) < 6:
            found["spread"] = int(spread)
        return {} if self.is_adopted else found


def _of_parameters(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    return {path: messages for path, messages in fields.items() if path.startswith("parameters")}
