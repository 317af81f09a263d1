"""What a browser would send for a form as it was rendered, with some of its controls changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from templates_registry.forms import ParameterForm, form_class, initial_from
from templates_registry.forms.widgets import MapInput
from templates_registry.schema import Schema


def post(form: ParameterForm, **changes: Any) -> QueryDict:
    """`changes` are by field name; a list stands for several ticks, None for no answer at all."""
    data = QueryDict(mutable=True)
    for name in form.fields:
        bound = form[name]
        value = changes.get(name, bound.value())
        widget = bound.field.widget
        if isinstance(value, MapInput):
            data.setlist(f"{bound.html_name}-name", [*(name for name, _ in value.rows), ""])
            data.setlist(f"{bound.html_name}-value", [*(text for _, text in value.rows), ""])
            data[bound.html_name] = value.text.replace("\n", "\r\n")
        elif isinstance(widget, forms.CheckboxInput):
            if value:
                data[bound.html_name] = "on"
        elif isinstance(widget, forms.CheckboxSelectMultiple):
            data.setlist(bound.html_name, value or [])
        elif isinstance(widget, forms.RadioSelect):
            if value is not None:
                data[bound.html_name] = str(value)
        else:
            # A text control sends line ends as CRLF.
            data[bound.html_name] = "" if value is None else str(value).replace("\n", "\r\n")
    assert set(changes) <= set(form.fields), set(changes) - set(form.fields)
    return data


def fill(schema: Schema, stored: dict[str, Any] | None = None, /, **changes: Any) -> ParameterForm:
    """Open the form of a schema, change some controls, send it."""
    initial = None if stored is None else initial_from(schema, stored)
    made = form_class(schema)
    return made(post(made(initial=initial), **changes), initial=initial)


def messages(form: ParameterForm) -> dict[str, list[str]]:
    return {name: [str(message) for message in found] for name, found in form.errors.items()}
