"""What a page of the wizard sent, as the draft keeps it."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from jobs.admin.editor.form import JobForm
from jobs.admin.editor.parameters import Section
from jobs.admin.wizard import additions
from jobs.admin.wizard.steps import Step, controls_of, fields_of
from jobs.drafts import Entered
from jobs.models import JobDraft
from templates_registry.forms import ParameterForm
from templates_registry.schema.secrets import is_secret

CHANGED, SEEN = "changed", "seen"
PREFIX = "parameters-"


def read(
    data: QueryDict, *, draft: JobDraft, step: Step, form: JobForm, section: Section | None, reaches: int
) -> Entered:
    """`changed` in the data names the controls that were touched; without scripts all count as touched."""
    asked = {name: form.fields[name] for name in fields_of(step, form.fields)} | additions.controls_at(step, draft)
    names = {control for name, field in asked.items() for control in controls_of(name, field)}
    ticked = {name for name in names if name in asked and _is_ticked(asked[name])}
    fields = {name: data.getlist(name) for name in names if name in data or name in ticked}
    seen = data.get(SEEN, "")
    version = int(seen) if seen.isdecimal() and len(seen) < 10 else draft.version
    # A browser sends line breaks of a form as \r\n, a script as they are.
    touched = set(data.get(CHANGED, "").replace("\r\n", "\n").split("\n")) if CHANGED in data else None
    if section is None or section.form is None or _is_illegible(section.form):
        return Entered(version, frozenset(fields if touched is None else touched), fields, step=reaches)
    given = section.parameters()
    gone = set(draft.parameters) - set(given) - _unreadable(section.form) - _secrets(section.form)
    keys = {*given, *gone}
    if touched is not None:
        keys &= {key for control in touched if control.startswith(PREFIX) for key in _keys(section.form, control, keys)}
    marked = {*(fields if touched is None else touched), *(f"parameters.{key}" for key in keys)}
    return Entered(version, frozenset(marked), fields, given, frozenset(gone), step=reaches)


def _is_ticked(field: forms.Field) -> bool:
    """A browser sends nothing of it when nothing is ticked."""
    return isinstance(field, forms.BooleanField | forms.MultipleChoiceField)


def _keys(form: ParameterForm, control: str, everything: set[str]) -> set[str]:
    """Which parameters a control is about; all of them when that cannot be told."""
    name = control.removeprefix(PREFIX)
    fitting = [
        entry
        for entry in form.plan.entries
        if name == entry.name or name.startswith((f"{entry.name}-", f"{entry.name}_", f"{entry.name}."))
    ]
    entry = max(fitting, key=lambda one: len(one.name), default=None)
    return {entry.path[0]} if entry is not None and entry.path and entry.path[0] != "*" else everything


def _is_illegible(form: ParameterForm) -> bool:
    """Nothing was sent of them, or a text as a whole that nobody can read."""
    return not form.is_bound or any(form.is_unread(entry.name) for entry in form.plan.entries if not entry.path)


def _unreadable(form: ParameterForm) -> set[str]:
    """Parameters that were written so that no value can be made of them: the draft keeps what it had."""
    wrong = {entry.path[0] for entry in form.plan.entries if entry.path and form.is_unread(entry.name)}
    return {entry.path[0] for entry in form.plan.entries if entry.path} if "*" in wrong else wrong


def _secrets(form: ParameterForm) -> set[str]:
    """Left alone, a stored secret stays."""
    return {entry.path[0] for entry in form.plan.entries if entry.path and is_secret(entry.schema)}
