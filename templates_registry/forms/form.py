"""The form itself: fields from a plan, parameters out of what was entered, messages to the fields they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.forms import BoundField

from templates_registry.forms.compiler import OTHERS, Entry, Path, Plan, compile_schema, finish
from templates_registry.forms.fields import (
    ABSENT,
    JsonField,
    JsonValueField,
    LinesField,
    MapField,
    TextField,
    YesNoField,
    lines,
)
from templates_registry.forms.widgets import SecretWidget
from templates_registry.schema import Schema, drop_secrets, keep_secrets, map_secret_places, validate
from templates_registry.schema.paths import ROOT
from templates_registry.schema.secrets import is_secret

PLACEHOLDER = "••••••"
"""Stands in JSON for a secret that is stored; what comes back like that stays as it is."""


@dataclass(frozen=True)
class Stored:
    """Initial value of a secret that is known to the server and stays there; `note` says since when."""

    note: str = ""

    def __str__(self) -> str:
        return f"Stored, {self.note}" if self.note else "Stored"


STORED = Stored()


@dataclass(frozen=True)
class Group:
    """Fields that belong together: a <fieldset>, or inside <details> when optional."""

    title: str
    optional: bool
    # (name of the control that chooses, value): the group counts only while that value is chosen.
    shown_when: tuple[str, str] | None
    fields: list[BoundField] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return any(bound.errors for bound in self.fields)


class ParameterForm(forms.Form):
    """Base of the forms that `form_class` makes. Valid means: the schema accepts `to_parameters()`."""

    schema: ClassVar[Schema]
    plan: ClassVar[Plan]
    use_required_attribute = False

    def __init__(self, data: Any = None, files: Any = None, **options: Any) -> None:
        stored = dict(options.pop("initial", None) or {})
        places = set(options.pop("stored_places", ()))
        super().__init__(data, files, initial={}, **options)
        self._stored_names = set(stored)
        self._kept: set[str] = set()
        self.stored_places = {e.place for e in self.plan.entries if isinstance(stored.get(e.name), Stored)} | places
        self._kept_places: set[str] = set()
        self._unread: set[str] = set()
        self._parameters: Any = {}
        for entry in self.plan.entries:
            self._add(entry, stored.get(entry.name, ABSENT))

    def _add(self, entry: Entry, value: Any) -> None:
        made = finish(entry)
        is_null = value is None and entry.nullable
        if value is not ABSENT and not isinstance(value, Stored) and not is_null:
            if not made.represents(value):
                made = _roomier(made, value)
            self.initial[entry.name] = made.show(value)
        if isinstance(value, Stored) and isinstance(made.widget, SecretWidget):
            made.widget.stored = str(value)
        self.fields[entry.name] = made
        if isinstance(value, Stored) and not entry.required:
            self.fields[f"{entry.name}-clear"] = _companion(f"Clear {made.label}")
        if entry.nullable:
            self.fields[f"{entry.name}-null"] = _companion(f"{made.label}: none")
            if is_null:
                self.initial[f"{entry.name}-null"] = True
                self.initial[entry.name] = None

    def clean(self) -> dict[str, Any]:
        self._unread = set(self.errors)
        self._parameters = self._leave_stored(self._assemble())
        self.apply_errors(validate(self.schema, self._parameters))
        return self.cleaned_data

    def to_parameters(self, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters that were entered. Secrets left alone are taken from `stored`, those to be removed are not."""
        self.errors  # noqa: B018 - reads the form, once
        if not self.is_bound or not isinstance(self._parameters, dict):
            return {}
        if stored is None:
            return self._parameters
        return _without(keep_secrets(self.schema, self._parameters, stored), self.cleared_paths())

    def is_unread(self, name: str) -> bool:
        """Whether what stands in this field could not be understood at all."""
        self.errors  # noqa: B018 - reads the form, once
        return name in self._unread

    def groups(self) -> list[Group]:
        """All fields in the order of the page."""
        found: dict[tuple[str, bool, Any], Group] = {}
        for entry in self.plan.entries:
            condition = None
            if entry.condition is not None:
                chooser = self.fields[entry.condition[0]]
                assert isinstance(chooser, JsonValueField)
                condition = (self.add_prefix(entry.condition[0]), str(chooser.show(entry.condition[1])))
            key = (entry.group, entry.optional_group, condition)
            group = found.setdefault(key, Group(entry.group, entry.optional_group, condition))
            group.fields.extend(self[name] for name in self._names(entry))
        return list(found.values())

    def apply_errors(self, problems: Mapping[str, list[str]]) -> None:
        """Put messages by path (as `schema.validate` gives them) at the fields that the paths lead to."""
        for path, messages in problems.items():
            if path in self._kept_places:
                continue
            entry = self._find_entry(path)
            if entry is None:
                place = f"{path.removeprefix(f'{ROOT}.')}: " if path != ROOT else ""
                self.add_error(None, [_sentence(place, message) for message in messages])
            elif entry.name not in self._unread and entry.name not in self._kept:
                place = self._place_within(entry, path.removeprefix(entry.place))
                self.add_error(entry.name, [_sentence(place, message) for message in messages])

    def _leave_stored(self, parameters: Any) -> Any:
        """Without the placeholders: the secret that each stands for stays where it is stored."""
        if not isinstance(parameters, dict):
            return parameters
        found: set[str] = set()

        def is_placeholder(place: str, secret: Any) -> bool:
            if secret == PLACEHOLDER:
                found.add(place)
            return secret == PLACEHOLDER and "[" not in place

        rest: dict[str, Any] = drop_secrets(self.schema, parameters, is_placeholder)
        # In a list nothing says which item a secret belonged to.
        self._kept_places = {place for place in found & self.stored_places if "[" not in place}
        unknown = found - self._kept_places
        self.apply_errors({place: ["stands for a stored secret that is not there; write it anew"] for place in unknown})
        return rest

    def _names(self, entry: Entry) -> Iterator[str]:
        yield from (name for name in (entry.name, f"{entry.name}-null", f"{entry.name}-clear") if name in self.fields)

    def _find_entry(self, path: str) -> Entry | None:
        entries = [entry for entry in self.plan.entries if self._counts(entry)]
        above = [entry for entry in entries if re.match(rf"{re.escape(entry.place)}(?![A-Za-z0-9_-])", path)]
        if above:
            return max(above, key=lambda entry: len(entry.place))
        below = [entry for entry in entries if re.match(rf"{re.escape(path)}[.\[]", entry.place)]
        return below[0] if below and path != ROOT else None

    def _place_within(self, entry: Entry, rest: str) -> str:
        control = self.fields[entry.name]
        if isinstance(control, LinesField) and not isinstance(control, MapField):
            index = re.fullmatch(r"\[(\d+)\]", rest)
            numbered = lines(self[entry.name].value() or "")
            if index and int(index[1]) < len(numbered):
                return f"Line {numbered[int(index[1])][0]}: "
        if isinstance(control, JsonField | MapField) and rest:
            return f"{rest.lstrip('.')}: "
        return ""

    def _counts(self, entry: Entry) -> bool:
        if entry.condition is None:
            return True
        chooser = self.fields[entry.condition[0]]
        assert isinstance(chooser, JsonValueField)
        return bool(self[entry.condition[0]].value() == chooser.show(entry.condition[1]))

    def _assemble(self) -> Any:
        found: dict[str, Any] = {}
        filled: dict[Path, Any] = {}
        for entry in self.plan.entries:
            value: Any = self._read(entry) if self._counts(entry) else ABSENT
            if value is ABSENT:
                continue
            if entry.path == ():
                return value
            if entry.path == (OTHERS,):
                found = {**dict(value), **found}
                continue
            filled[entry.path] = value
            inner = found
            for key in entry.path[:-1]:
                inner = inner.setdefault(key, {})
            inner[entry.path[-1]] = value
        for path, is_required in sorted(self.plan.objects.items(), key=lambda item: -len(item[0])):
            self._settle_object(found, path, is_required)
        return found

    def _read(self, entry: Entry) -> Any:
        value: Any = self.cleaned_data.get(entry.name, ABSENT)
        if entry.nullable and self.cleaned_data.get(f"{entry.name}-null"):
            if value is not ABSENT:
                self.add_error(entry.name, "Enter a value or choose none, not both.")
                self._unread.add(entry.name)
            return None
        is_stored = is_secret(entry.schema) and entry.name in self._stored_names
        if is_stored and value is ABSENT and not self.cleaned_data.get(f"{entry.name}-clear"):
            self._kept.add(entry.name)
        if entry.path == (OTHERS,) and value is not ABSENT and not isinstance(value, dict):
            self.add_error(entry.name, "Must be an object.")
            return ABSENT
        return value

    def _settle_object(self, found: dict[str, Any], path: Path, is_required: bool) -> None:
        """An object that must be there is; one that may be left out is, when nobody has entered anything in it."""
        *above, last = path
        inner: Any = found
        for key in above:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if is_required:
            for key in path:
                found = found.setdefault(key, {})
        elif isinstance(inner, dict) and last in inner and not self._is_used(path):
            del inner[last]

    def _is_used(self, path: Path) -> bool:
        entries = [entry for entry in self.plan.entries if entry.path[: len(path)] == path and entry.path != path]
        if any(entry.name in self._stored_names or entry.name in self._unread for entry in entries):
            return True
        values = [(entry, self.cleaned_data.get(entry.name, ABSENT)) for entry in entries if self._counts(entry)]
        return any(value is not ABSENT and value != entry.schema.get("default", ABSENT) for entry, value in values)

    def cleared_paths(self) -> list[Path]:
        return [entry.path for entry in self.plan.entries if self.cleaned_data.get(f"{entry.name}-clear")]


def form_class(schema: Schema, prefix: str = ROOT) -> type[ParameterForm]:
    """The form of a schema. Its names in the page begin with `prefix-`."""
    attributes = {"schema": schema, "plan": compile_schema(schema), "prefix": prefix}
    return type("SchemaForm", (ParameterForm,), attributes)


def initial_from(
    schema: Schema, parameters: Mapping[str, Any], notes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the form of a schema begins with. Secrets are left out: the form only learns that there is one.

    `notes` say by path what is known of a stored secret ("last changed 3 Nov by ana").
    """
    plan, initial = compile_schema(schema), {}
    shown = hidden(schema, parameters, notes)
    choosers = {entry.name: entry for entry in plan.entries}
    for entry in plan.entries:
        if entry.condition is not None:
            chooser, value = entry.condition
            if _dig(parameters, choosers[chooser].path) != value:
                continue
        if entry.path == (OTHERS,):
            known = {other.path[0] for other in plan.entries if other.path}
            found: Any = {name: item for name, item in shown.items() if name not in known} or ABSENT
        else:
            found = _dig(shown, entry.path)
        if found is not ABSENT:
            initial[entry.name] = found if is_secret(entry.schema) else with_placeholders(found)
    return initial


def hidden(schema: Schema, parameters: Mapping[str, Any], notes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The parameters with `Stored` in the place of each secret."""
    shown: dict[str, Any] = map_secret_places(
        schema, dict(parameters), lambda place, _: Stored((notes or {}).get(place, ""))
    )
    return shown


def with_placeholders(value: Any) -> Any:
    if isinstance(value, Stored):
        return PLACEHOLDER
    if isinstance(value, Mapping):
        return {key: with_placeholders(part) for key, part in value.items()}
    return [with_placeholders(part) for part in value] if isinstance(value, list) else value


def apply_errors(form: ParameterForm, problems: Mapping[str, list[str]]) -> None:
    form.apply_errors(problems)


def _dig(parameters: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(parameters, Mapping) or key not in parameters:
            return ABSENT
        parameters = parameters[key]
    return parameters


def _roomier(tight: JsonValueField, value: Any) -> JsonValueField:
    """A field that can show a value which the planned one cannot, such as a text of two lines in a one-line control."""
    area = forms.Textarea(attrs={**tight.widget.attrs, "rows": 4})
    for attribute in ("type", "min", "max", "step"):
        area.attrs.pop(attribute, None)
    made: JsonValueField = TextField(widget=area, label=tight.label, help_text=tight.help_text)
    if not made.represents(value):
        made = JsonField(widget=area, label=tight.label, help_text=f"{tight.help_text} Written as JSON.".strip())
    made.schema_required = tight.schema_required
    return made


def _companion(label: str) -> YesNoField:
    return YesNoField(widget=forms.CheckboxInput(), label=label)


def _without(parameters: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    for path in paths:
        inner: Any = parameters
        for key in path[:-1]:
            inner = inner.get(key, {})
        if isinstance(inner, dict):
            inner.pop(path[-1], None)
    return parameters


def _sentence(place: str, message: str) -> str:
    text = f"{place}{message}" if place else message[:1].upper() + message[1:]
    return text if text.endswith((".", "…")) else f"{text}."
