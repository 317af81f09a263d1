"""What is wrong with what was entered, as the summary above a form lists it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from django.forms import BoundField

from jobs.admin.editor.form import JobForm
from jobs.admin.editor.parameters import Section


def summary(form: JobForm, section: Section, *, only: Container[str] | None = None) -> list[tuple[str, str, str]]:
    """(id of the control, label, message) for each error, in the order of the page; of the job's own fields those
    that `only` names."""
    found: list[tuple[str, str, str]] = []
    forms: Sequence[Any] = [form, *([section.form] if section.form is not None and section.form.is_bound else [])]
    for one in forms:
        found += [("", "", message) for message in one.non_field_errors()]
        found += [
            (target(one[name]), one[name].label, message)
            for name in one.fields
            if name in one.errors and (one is not form or only is None or name in only)
            for message in one.errors[name]
        ]
    return found


def target(field: BoundField) -> str:
    """A group of controls has no id of its own: its first control is meant."""
    return f"{field.auto_id}_0" if field.use_fieldset else str(field.auto_id)
