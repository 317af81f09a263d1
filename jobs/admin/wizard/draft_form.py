"""A draft as the form of a job, and what the registry would say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts.models import Tenant
from jobs import drafts, registry
from jobs.admin.editor import parameters, problems
from jobs.admin.editor.form import JobForm
from jobs.admin.editor.parameters import Section
from jobs.admin.wizard import additions, steps
from jobs.admin.wizard.additions import Added
from jobs.admin.wizard.steps import Step
from jobs.definition import Definition, InvalidJob
from jobs.models import JobDraft
from scheduler_project.lib import viewer_zone


@dataclass(frozen=True)
class Mistake:
    step: Step
    target: str
    label: str
    message: str


@dataclass(frozen=True)
class Judged:
    """`data` is what the registry would get; `definition` what it would make of it, or None beside `problems`."""

    form: JobForm
    data: dict[str, Any]
    definition: Definition | None
    problems: list[Mistake] = field(default_factory=list)
    of_parameters: dict[str, list[str]] = field(default_factory=dict)
    added: list[Added] = field(default_factory=list)

    def at(self, step: Step) -> list[Mistake]:
        return [problem for problem in self.problems if problem.step is step]


def form_of(draft: JobDraft, request: HttpRequest) -> JobForm:
    """Bound to what was entered, and to defaults where nothing was yet."""
    blank = _form(draft)
    data = QueryDict(mutable=True)
    known = {**_defaults(blank), "timezone": [viewer_zone.name()], "owner": [request.user.get_username()]}
    known |= {**draft.fields, "tenant": [str(draft.tenant_id)], "template": [str(draft.template_id)]}
    for name, values in known.items():
        data.setlist(name, values)
    return _form(draft, data)


def section_of(draft: JobDraft, data: QueryDict | None = None) -> Section:
    """What was sent of them is judged when it is of the draft's template, and else shown in its fields."""
    if data is None:
        return _placed(parameters.section(draft.template, job=None, stored=draft.parameters), draft)
    return _placed(parameters.submitted(draft.template, data, job=None, stored=draft.parameters), draft)


def switched_section(draft: JobDraft, data: QueryDict) -> Section:
    """As fields or as JSON, whichever was asked for."""
    return _placed(parameters.carried_over(draft.template, data, job=None, stored=draft.parameters), draft)


def _placed(section: Section, draft: JobDraft) -> Section:
    section.url = reverse("admin:jobs_job_draft_fields", args=[draft.token])
    return section


def judge(draft: JobDraft, request: HttpRequest, *, now: datetime) -> Judged:
    """Every problem that can be found, each with the step that asks for it."""
    form = form_of(draft, request)
    fits = form.is_valid()
    data = form.to_data(draft.template, drafts.opened(draft))
    of_parameters: dict[str, list[str]] = {}
    definition = None
    may = request.user.has_perm("jobs.run_sub_minute")
    try:
        definition = registry.judge(data, tenant=draft.tenant, now=now, may_run_sub_minute=may)
    except InvalidJob as error:
        form.apply_problems(error.fields)
        of_parameters = {path: texts for path, texts in error.fields.items() if path.startswith("parameters")}
    found = [
        Mistake(steps.step_of(name), problems.target(form[name]), str(form[name].label), str(message))
        for name in form.fields
        for message in form.errors.get(name, ())
    ]
    found += [Mistake(steps.SCHEDULE, "", "", str(message)) for message in form.non_field_errors()]
    found += _of_parameters(draft, of_parameters)
    added = additions.all_of(draft)
    found += [mistake for one in added for mistake in _of_addition(one)]
    found.sort(key=lambda problem: problem.step.number)
    return Judged(form, data, definition if fits else None, found, of_parameters, added)


def _form(draft: JobDraft, data: QueryDict | None = None) -> JobForm:
    tenants = Tenant.objects.filter(pk=draft.tenant_id)
    return JobForm(data, job=None, tenants=tenants, templates=[draft.template])


def _defaults(form: JobForm) -> dict[str, list[str]]:
    """What a browser would send of the untouched form."""
    found: dict[str, list[str]] = {}
    for name, one in form.fields.items():
        value = form.get_initial_for_field(one, name)
        widget = one.widget
        if isinstance(widget, forms.MultiWidget):
            parts = zip(steps.controls_of(name, one), widget.decompress(value) or [], strict=True)
            found |= {control: [str(part)] for control, part in parts if part is not None}
        elif value not in (None, ""):
            found[name] = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    return found


def _of_addition(added: Added) -> list[Mistake]:
    form, step = added.form, added.addition.step
    return [
        Mistake(step, problems.target(form[name]), str(form[name].label), str(message))
        for name in form.fields
        for message in form.errors.get(name, ())
    ]


def _of_parameters(draft: JobDraft, of_parameters: dict[str, list[str]]) -> list[Mistake]:
    """At the field whose place is nearest above the path."""
    form = section_of(draft).form
    if form is None or not of_parameters:
        return []
    found = []
    for path, messages in of_parameters.items():
        above = [
            entry
            for entry in form.plan.entries
            if path == entry.place or path.startswith((f"{entry.place}.", f"{entry.place}["))
        ]
        entry = max(above, key=lambda one: len(one.place), default=None)
        bound = form[entry.name] if entry is not None and entry.name in form.fields else None
        target, label = (problems.target(bound), str(bound.label)) if bound is not None else ("", path)
        found += [Mistake(steps.PARAMETERS, target, label, _sentence(message)) for message in messages]
    return found


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "…")) else f"{text}."
