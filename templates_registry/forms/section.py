"""The parameters on a page: fields or JSON over the same values, and what happens to them when the way is switched."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from templates_registry.forms.compiler import compile_schema
from templates_registry.forms.form import PLACEHOLDER, ParameterForm, form_class, hidden, initial_from
from templates_registry.forms.json_form import TEXT, JsonParameterForm, json_form_class
from templates_registry.models import TemplateVersion
from templates_registry.schema import Schema, drop_secrets, keep_secrets, map_secret_places, with_defaults
from templates_registry.schema.paths import ROOT

Notes = Mapping[str, str] | None

SOURCE = "parameters_of"
"""Name of the hidden field that says which template the entered parameters belong to."""
MODE = "parameters_as"
SWITCH = "parameters_to"
"""Name of the buttons that show the same values in the other way."""
FIELDS, JSON = "fields", "json"


@dataclass
class Section:
    """The parameter part of a page; without a form until a template is chosen."""

    template: TemplateVersion | None = None
    form: ParameterForm | None = None
    dropped: list[str] = field(default_factory=list)
    # Secrets that were typed and are not shown again, so that they have to be typed again.
    unsaid: list[str] = field(default_factory=list)
    # Where the same values are shown in the other way; without it there is only one.
    url: str = ""

    @property
    def is_json(self) -> bool:
        return isinstance(self.form, JsonParameterForm)

    @property
    def mode(self) -> str:
        return JSON if self.is_json else FIELDS

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        return ((FIELDS, "Form"), (JSON, "JSON"))

    @property
    def has_both(self) -> bool:
        """Whether there is a choice: a schema that is one JSON text anyway, or asks for nothing, has none."""
        if self.template is None or not self.url:
            return False
        entries = compile_schema(self.template.schema).entries
        return bool(entries) and entries[0].path != ()

    def parameters(self) -> dict[str, Any]:
        """As the registry takes them: a stored secret that was left alone is left out, one to be removed is null."""
        if self.form is None or not self.form.is_bound:
            return {}
        entered = copy.deepcopy(self.form.to_parameters())
        for path in self.form.cleared_paths():
            _put(entered, path, None)
        return entered


def shown(
    template: TemplateVersion, parameters: Mapping[str, Any], *, mode: str = FIELDS, notes: Notes = None
) -> Section:
    """Fresh controls, filled."""
    filled = with_defaults(template.schema, parameters) if mode == JSON else parameters
    return Section(template, _form(template.schema, mode, None, filled, notes))


def sent(template: TemplateVersion, data: Any, stored: Mapping[str, Any], *, notes: Notes = None) -> Section:
    """The controls as they were sent, to be judged."""
    form = _form(template.schema, mode_of(data), data, stored, notes)
    form.is_valid()
    return Section(template, form, unsaid=_typed_secrets(form))


def switched(template: TemplateVersion, data: Any, stored: Mapping[str, Any], *, notes: Notes = None) -> Section:
    """What was sent, unjudged, in the way that was asked for. A text that is not JSON stays, with its error."""
    before = sent(template, data, stored, notes=notes)
    form = before.form
    assert form is not None
    if form.is_unread(TEXT):
        return before
    known = template.schema.get("properties", {})
    is_closed = template.schema.get("additionalProperties") is False
    mode = data.get(SWITCH) or mode_of(data)
    entered = drop_secrets(template.schema, form.to_parameters(), lambda *_: True)
    dropped = [name for name in entered if name not in known] if is_closed and mode == FIELDS else []
    kept = keep_secrets(template.schema, entered, stored)
    cleared = form.cleared_paths()
    section = shown(template, _without(kept, cleared) if mode == JSON else kept, mode=mode, notes=notes)
    assert section.form is not None
    for entry in section.form.plan.entries:
        if entry.path in cleared:
            section.form.initial[f"{entry.name}-clear"] = True
    section.dropped = dropped
    section.unsaid = before.unsaid if before.is_json else []
    return section


def mode_of(data: Any) -> str:
    return JSON if data.get(MODE) == JSON else FIELDS


def _form(schema: Schema, mode: str, data: Any, parameters: Mapping[str, Any], notes: Notes) -> ParameterForm:
    if mode == JSON:
        return json_form_class(schema)(data, label_suffix="", initial=hidden(schema, parameters, notes))
    places: list[str] = []
    map_secret_places(schema, dict(parameters), lambda place, _: places.append(place))
    initial = initial_from(schema, parameters, notes)
    return form_class(schema)(data, label_suffix="", initial=initial, stored_places=places)


def _typed_secrets(form: ParameterForm) -> list[str]:
    """What they are called, since no page shows them again."""
    places: dict[str, None] = {}

    def note(place: str, secret: Any) -> None:
        if secret not in (PLACEHOLDER, None):
            places[place] = None

    map_secret_places(form.schema, form.to_parameters(), note)
    labels = {entry.place: str(form.fields[entry.name].label) for entry in form.plan.entries}
    return [labels.get(place, place.removeprefix(f"{ROOT}.")) for place in places]


def _without(parameters: dict[str, Any], paths: list[tuple[str, ...]]) -> dict[str, Any]:
    left = copy.deepcopy(parameters)
    for path in paths:
        inner: Any = left
        for key in path[:-1]:
            inner = inner.get(key, {})
        inner.pop(path[-1], None)
    return left


def _put(parameters: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        parameters = parameters.setdefault(key, {})
    parameters[path[-1]] = value
