"""The fields that a template's schema asks for, and what becomes of entered values when another template is chosen."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from jobs.models import Job
from templates_registry.forms import ParameterForm, form_class, initial_from
from templates_registry.models import TemplateVersion
from templates_registry.schema import map_secrets, validate, with_defaults
from templates_registry.schema.paths import extend

SOURCE = "parameters_of"
"""Name of the hidden field that says which template the entered parameters belong to."""
MASK = "••••••"


@dataclass
class Section:
    """The parameter part of the form; without a form until a template is chosen."""

    template: TemplateVersion | None = None
    form: ParameterForm | None = None
    dropped: list[str] = field(default_factory=list)

    def parameters(self) -> dict[str, Any]:
        """As the registry takes them: a stored secret that was left alone is left out, one to be removed is null."""
        if self.form is None or not self.form.is_bound:
            return {}
        entered = copy.deepcopy(self.form.to_parameters())
        for entry in self.form.plan.entries:
            if self.form.cleaned_data.get(f"{entry.name}-clear"):
                _put(entered, entry.path, None)
        return entered


def section(template: TemplateVersion | None, *, job: Job | None) -> Section:
    """Fresh fields, filled from the job when it is of this template."""
    if template is None:
        return Section()
    stored = _stored(template, job)
    return Section(template, form_class(template.schema)(label_suffix="", initial=_initial(template, stored or {})))


def submitted(template: TemplateVersion | None, data: QueryDict, *, job: Job | None) -> Section:
    """The fields as they were sent, to be judged."""
    if template is None:
        return Section()
    if data.get(SOURCE) != str(template.pk):
        return carried_over(template, data, job=job)
    stored = _stored(template, job)
    return Section(
        template, form_class(template.schema)(data, label_suffix="", initial=_initial(template, stored or {}))
    )


def carried_over(template: TemplateVersion | None, data: QueryDict, *, job: Job | None) -> Section:
    """The fields of another template: values of the same name stay when they fit, the others are named."""
    if template is None:
        return Section()
    before = _find(data.get(SOURCE) or "")
    entered: dict[str, Any] = {}
    if before is not None:
        form = form_class(before.schema)(data, initial=_initial(before, _stored(before, job) or {}))
        entered = map_secrets(before.schema, form.to_parameters(), lambda _: None)
        entered = {name: value for name, value in entered.items() if value is not None}
        if before.pk == template.pk:
            return Section(template, form_class(template.schema)(label_suffix="", initial=_initial(template, entered)))
    stored = _stored(template, job)
    known = template.schema.get("properties", {})
    kept = {name: value for name, value in entered.items() if name in known}
    problems = validate(template.schema, with_defaults(template.schema, {**(stored or {}), **kept}))
    kept = {name: value for name, value in kept.items() if not any(_is_at(path, name) for path in problems)}
    defaults = with_defaults(before.schema, {}) if before is not None else {}
    dropped = [name for name, value in entered.items() if name not in kept and value != defaults.get(name)]
    initial = _initial(template, {**(stored or {}), **kept})
    return Section(template, form_class(template.schema)(label_suffix="", initial=initial), dropped)


def of_run(template: TemplateVersion, parameters: Mapping[str, Any], data: QueryDict | None) -> Section:
    """The parameters that a run had, to be changed; `data` is what was sent of them."""
    form = form_class(template.schema)(data, label_suffix="", initial=_initial(template, parameters))
    return Section(template, form)


def masked(template: TemplateVersion, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters in the order of the schema, without what is secret."""
    shown: dict[str, Any] = map_secrets(template.schema, dict(parameters), lambda _: MASK)
    order = {name: place for place, name in enumerate(template.schema.get("properties", {}))}
    return dict(sorted(shown.items(), key=lambda item: order.get(item[0], len(order))))


def _initial(template: TemplateVersion, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return initial_from(template.schema, parameters)


def _stored(template: TemplateVersion | None, job: Job | None) -> dict[str, Any] | None:
    """The job's parameters, when they are of this template (of whatever version)."""
    if job is None or template is None or job.template.name != template.name:
        return None
    parameters: dict[str, Any] = job.parameters
    return parameters


def _put(parameters: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        parameters = parameters.setdefault(key, {})
    parameters[path[-1]] = value


def _find(key: str) -> TemplateVersion | None:
    return TemplateVersion.objects.filter(pk=int(key)).first() if key.isdecimal() and len(key) < 19 else None


def _is_at(path: str, name: str) -> bool:
    place = extend("parameters", name)
    return path == place or path.startswith((f"{place}.", f"{place}["))
