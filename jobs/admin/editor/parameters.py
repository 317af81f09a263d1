"""The fields that a template's schema asks for, and what becomes of entered values when another template is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from jobs.admin.editor.secret_history import notes_of
from jobs.models import Job
from templates_registry.forms import section as sections
from templates_registry.forms.section import MODE, SOURCE, SWITCH, Section, mode_of
from templates_registry.models import TemplateVersion
from templates_registry.schema import map_secrets, secret_paths, validate, with_defaults
from templates_registry.schema.paths import extend

__all__ = ["MODE", "SOURCE", "SWITCH", "Section"]

MASK = "••••••"


def section(template: TemplateVersion | None, *, job: Job | None, stored: Mapping[str, Any] | None = None) -> Section:
    """Fresh fields, filled from the job when it is of this template, or from what is `stored` elsewhere."""
    if template is None:
        return Section()
    if stored is not None:
        return _placed(sections.shown(template, stored), job)
    if job is not None and template.pk != job.template_id and template.name == job.template.name:
        return _upgraded(template, job)
    return _placed(sections.shown(template, _stored(template, job), notes=_notes(template, job)), job)


def submitted(
    template: TemplateVersion | None, data: QueryDict, *, job: Job | None, stored: Mapping[str, Any] | None = None
) -> Section:
    """The fields as they were sent, to be judged."""
    if template is None:
        return Section()
    if data.get(SOURCE) != str(template.pk):
        return carried_over(template, data, job=job, stored=stored)
    before = _stored(template, job) if stored is None else stored
    return _placed(sections.sent(template, data, before, notes=_notes(template, job)), job)


def carried_over(
    template: TemplateVersion | None, data: QueryDict, *, job: Job | None, stored: Mapping[str, Any] | None = None
) -> Section:
    """What was entered, in the way that is asked for now. Of another template, values of the same name stay when they
    fit, and the others are named."""
    if template is None:
        return Section()
    before = _find(data.get(SOURCE) or "")
    own = _stored(template, job) if stored is None else dict(stored)
    if before is not None and before.pk == template.pk:
        return _placed(sections.switched(template, data, own, notes=_notes(template, job)), job)
    entered = _entered(before, data, job) if before is not None else {}
    known = template.schema.get("properties", {})
    kept = {name: value for name, value in entered.items() if name in known}
    problems = validate(template.schema, with_defaults(template.schema, {**own, **kept}))
    kept = {name: value for name, value in kept.items() if not any(_is_at(path, name) for path in problems)}
    defaults = with_defaults(before.schema, {}) if before is not None else {}
    made = sections.shown(template, {**own, **kept}, mode=mode_of(data), notes=_notes(template, job))
    made.dropped = [name for name, value in entered.items() if name not in kept and value != defaults.get(name)]
    return _placed(made, job)


def of_run(template: TemplateVersion, parameters: Mapping[str, Any], data: QueryDict | None) -> Section:
    """The parameters that a run had, to be changed; `data` is what was sent of them."""
    if data is None:
        return sections.shown(template, parameters)
    return sections.sent(template, data, parameters)


def _upgraded(template: TemplateVersion, job: Job) -> Section:
    """The fields of another version of the job's template: what fits is kept, what does not is named."""
    stored = _stored(template, job)
    secrets = set(secret_paths(template.schema))
    problems = validate(template.schema, with_defaults(template.schema, stored))
    known = template.schema.get("properties", {})
    is_closed = template.schema.get("additionalProperties") is False
    dropped = {name: "is not known any more" for name in stored if is_closed and name not in known}
    for path, messages in problems.items():
        for name in stored:
            if _is_at(path, name) and path not in secrets:  # stored secrets are sealed and not judged here
                dropped.setdefault(name, messages[0])
    kept = {name: value for name, value in stored.items() if name not in dropped}
    made = sections.shown(template, kept, notes=_notes(template, job))
    made.dropped = [f"{name} ({reason})" for name, reason in dropped.items()]
    return _placed(made, job)


def _entered(before: TemplateVersion, data: QueryDict, job: Job | None) -> dict[str, Any]:
    form = sections.sent(before, data, _stored(before, job)).form
    assert form is not None
    entered = map_secrets(before.schema, form.to_parameters(), lambda _: None)
    return {name: value for name, value in entered.items() if value is not None}


def _placed(made: Section, job: Job | None) -> Section:
    """Without a job, whoever shows it says where it is loaded from."""
    if job is not None:
        made.url = f"{reverse('admin:jobs_job_parameters')}?job={job.pk}"
    return made


def masked(template: TemplateVersion, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in the order of the schema, without what is secret."""
    shown: dict[str, Any] = map_secrets(template.schema, dict(parameters), lambda _: MASK)
    order = {name: place for place, name in enumerate(template.schema.get("properties", {}))}
    return dict(sorted(shown.items(), key=lambda item: order.get(item[0], len(order))))


def _stored(template: TemplateVersion, job: Job | None) -> dict[str, Any]:
    """The job's parameters, when they are of this template (of whatever version)."""
    if job is None or job.template.name != template.name:
        return {}
    parameters: dict[str, Any] = job.parameters
    return parameters


def _notes(template: TemplateVersion, job: Job | None) -> dict[str, str]:
    return notes_of(job, template) if job is not None and job.template.name == template.name else {}


def _find(key: str) -> TemplateVersion | None:
    return TemplateVersion.objects.filter(pk=int(key)).first() if key.isdecimal() and len(key) < 19 else None


def _is_at(path: str, name: str) -> bool:
    place = extend("parameters", name)
    return path == place or path.startswith((f"{place}.", f"{place}["))
