"""Controls that HTML does not have: rows of name and value, and a secret that is stored and never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SPARE_ROWS = 1


@dataclass(frozen=True)
class MapInput:
    """What a browser sends for a map: rows, and lines of `name: value` for those who write or paste many."""

    rows: tuple[tuple[str, str], ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.text.strip()) or any(name or value for name, value in self.rows)


class MapWidget(forms.Widget):
    use_fieldset = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> MapInput:
        names, values = _all(data, f"{name}-name"), _all(data, f"{name}-value")
        return MapInput(tuple(zip(names, values, strict=False)), str(data.get(name) or ""))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and f"{name}-name" not in data

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given = value if isinstance(value, MapInput) else MapInput()
        attributes = self.build_attrs(self.attrs, attrs)
        identity = str(attributes.get("id") or name)
        context = {
            "name": name,
            "identity": identity,
            "rows": list(_rows([row for row in given.rows if any(row)], identity)),
            "text": given.text,
            "is_invalid": bool(attributes.get("aria-invalid")),
        }
        return render_to_string("templates_registry/map_widget.html", context)


class ChoiceList(forms.Select):
    """The stock list renders a template for each option, which takes half a second for a few thousand."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        attributes = flatatt(self.build_attrs({**self.attrs, "name": name}, attrs))
        chosen = str(value if value is not None else "")
        options = format_html_join("", "{}", ((_option(key, label, chosen),) for key, label in self.choices))
        return format_html("<select{}>{}</select>", attributes, options)


def _option(key: Any, label: Any, chosen: str) -> SafeString:
    text = '<option value="{}" selected>{}</option>' if str(key) == chosen else '<option value="{}">{}</option>'
    return format_html(text, key, label)


class SecretWidget(forms.PasswordInput):
    """`stored` says in words that there is one already."""

    stored: str = ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        control = super().render(name, None, attrs, renderer)
        if not self.stored:
            return control
        is_refused = bool((attrs or {}).get("aria-invalid"))
        context = {"control": control, "stored": self.stored, "is_open": is_refused}
        return render_to_string("templates_registry/secret_widget.html", context)


def _rows(filled: list[tuple[str, str]], identity: str) -> Iterator[dict[str, Any]]:
    for place, (name, value) in enumerate([*filled, *[("", "")] * SPARE_ROWS]):
        row_id = f"{identity}_{2 * place}", f"{identity}_{2 * place + 1}"
        yield {"number": place + 1, "name": name, "value": value, "name_id": row_id[0], "value_id": row_id[1]}


def _all(data: Any, name: str) -> list[str]:
    if hasattr(data, "getlist"):
        return [str(item) for item in data.getlist(name)]
    found = data.get(name, []) if isinstance(data, Mapping) else []
    return [str(item) for item in found] if isinstance(found, list | tuple) else [str(found)]
