"""The parameters as one JSON text, for who writes faster than a form asks. Secrets keep fields of their own.

In the text a secret that is stored is a placeholder: left as it is, the secret stays; taken out, it is cleared;
replaced by a text, that is the new one.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django import forms

from templates_registry.forms.compiler import Entry, Path, Plan, compile_schema
from templates_registry.forms.fields import ABSENT, JsonField, is_too_deep
from templates_registry.forms.form import PLACEHOLDER, Group, ParameterForm, Stored, hidden, with_placeholders
from templates_registry.forms.json_lines import line_of
from templates_registry.schema import Schema, map_secrets, secret_paths
from templates_registry.schema.paths import ROOT, write
from templates_registry.schema.secrets import is_secret

TEXT = "all-parameters"
SECRETS = "Secrets"
# A value in what is no JSON: a text or a word that ends as values do, a list or an object, else the rest of the line.
WRITTEN = (
    r'(?:"(?:[^"\\\n]|\\.)*"|[\w.+-]+)(?=\s*(?:[,}\]\n]|$))'
    r'|[\[{](?:"(?:[^"\\\n]|\\.)*"|[^"\]}]|")*[\]}]?'
    r"|.+"
)


class JsonText(JsonField):
    """Shows what was written, but for secrets in it."""

    schema: Schema

    def bound_data(self, data: Any, initial: Any) -> Any:
        return masked_text(self.schema, str(data)) if data else data


class JsonParameterForm(ParameterForm):
    """The same values, errors and answers as the form of fields; messages say their line."""

    def __init__(self, data: Any = None, files: Any = None, **options: Any) -> None:
        stored = dict(options.pop("initial", None) or {})
        self._stored = stored
        initial = {TEXT: with_placeholders(stored)} if stored else {}
        for entry in self.plan.entries[1:]:
            found = _dig(stored, entry.path)
            if isinstance(found, Stored):
                initial[entry.name] = found
        places = {write(path) for path in _stored_paths(stored, ())}
        super().__init__(data, files, initial=initial, stored_places=places, **options)
        text = self.fields[TEXT]
        assert isinstance(text, JsonText)
        text.schema = self.schema

    def groups(self) -> list[Group]:
        text, *secrets = super().groups()
        return [text, *(replace(group, title=SECRETS, optional=False) for group in secrets)]

    def apply_errors(self, problems: Mapping[str, list[str]]) -> None:
        text = str(self.data.get(self.add_prefix(TEXT), "")).replace("\r\n", "\n")
        numbered: list[tuple[int, str]] = []
        own = {entry.place: entry.name for entry in self.plan.entries[1:]}
        for path, messages in problems.items():
            if path in self._kept_places or TEXT in self._unread:
                continue
            if path in own and path not in self._placed:
                super().apply_errors({path: messages})
                continue
            place = path.removeprefix(ROOT).removeprefix(".")
            line = line_of(text, path)
            numbered += [(line, f"Line {line}: {f'{place} ' if place else ''}{_ended(said)}") for said in messages]
        for _, message in sorted(numbered):
            self.add_error(TEXT, message)

    def _assemble(self) -> Any:
        given = self.cleaned_data.get(TEXT, {})
        self._placed: set[str] = set()
        if not isinstance(given, dict):
            self.add_error(TEXT, "Line 1: Must be an object, { … }.")
            self._unread.add(TEXT)
            return {}
        found = copy.deepcopy(given)
        for entry in self.plan.entries[1:]:
            typed, written = self.cleaned_data.get(entry.name, ABSENT), _dig(found, entry.path)
            if written is not ABSENT:
                self._placed.add(entry.place)
            if typed is ABSENT:
                continue
            if written not in (ABSENT, PLACEHOLDER):
                self.add_error(entry.name, "Is in the JSON as well; write it in one place.")
            _put(found, entry.path, typed)
        return found

    def cleared_paths(self) -> list[Path]:
        """Ticked, or taken out of the text where it was stored."""
        given = self.cleaned_data.get(TEXT, {})
        typed = {
            entry.path for entry in self.plan.entries[1:] if self.cleaned_data.get(entry.name, ABSENT) is not ABSENT
        }
        gone = [
            path
            for path in _stored_paths(self._stored, ())
            if path not in typed and _dig(given, path) is ABSENT and isinstance(_dig(given, path[:-1]), dict)
        ]
        return [*super().cleared_paths(), *gone]


def json_form_class(schema: Schema, prefix: str = ROOT) -> type[JsonParameterForm]:
    """The form of a schema as JSON, with the names in the page that the form of fields has for its secrets."""
    secrets = [
        replace(entry, group=SECRETS, optional_group=False)
        for entry in compile_schema(schema).entries
        if is_secret(entry.schema) and entry.condition is None
    ]
    part = {"title": "Parameters as JSON", "description": ""}
    text = Entry(TEXT, (), part, _text, "", True, False)
    attributes = {"schema": schema, "plan": Plan((text, *secrets), {}, is_open=False), "prefix": prefix}
    return type("JsonSchemaForm", (JsonParameterForm,), attributes)


def json_initial(
    schema: Schema, parameters: Mapping[str, Any], notes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return hidden(schema, parameters, notes)


def masked_text(schema: Schema, text: str) -> str:
    """A JSON text, or what was meant to be one, with placeholders for its secrets; its lines stay where they are."""
    names = {re.findall(r"[A-Za-z0-9_-]+", path)[-1] for path in secret_paths(schema)}
    try:
        value = json.loads(text)
        is_legible = not is_too_deep(value)
    except (ValueError, RecursionError):
        is_legible = False
    if not is_legible:
        for name in names:
            text = re.sub(rf'("{re.escape(name)}"\s*:\s*)(?!"{PLACEHOLDER}")({WRITTEN})', _covered, text)
        return text
    secrets: list[Any] = []
    map_secrets(schema, value, secrets.append)
    for secret in secrets:
        if isinstance(secret, str) and secret != PLACEHOLDER:
            for written in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
                text = text.replace(written, f'"{PLACEHOLDER}"')
    remaining: list[Any] = []
    map_secrets(schema, json.loads(text), remaining.append)
    if any(secret not in (PLACEHOLDER, None) for secret in remaining):
        text = json.dumps(map_secrets(schema, value, lambda _: PLACEHOLDER), indent=2, ensure_ascii=False)
    return text


def _covered(found: re.Match[str]) -> str:
    """With as many lines as it had."""
    before, value = found.groups()
    return f'{before}"{PLACEHOLDER}"' + "\n" * value.count("\n")


def _text() -> JsonText:
    attributes = {"rows": 12, "spellcheck": "false", "class": "mono json-pane", "data-grows": "", "autocomplete": "off"}
    return JsonText(widget=forms.Textarea(attrs=attributes))


def _ended(message: str) -> str:
    return message if message.endswith((".", "…")) else f"{message}."


def _stored_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Stored):
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _stored_paths(part, (*path, key))


def _dig(parameters: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(parameters, Mapping) or key not in parameters:
            return ABSENT
        parameters = parameters[key]
    return parameters


def _put(parameters: dict[str, Any], path: Path, value: Any) -> None:
    for key in path[:-1]:
        parameters = parameters.setdefault(key, {})
    parameters[path[-1]] = value
