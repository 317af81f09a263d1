"""Decides which control stands for a single value, and says why when none but JSON can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from templates_registry.forms import fields
from templates_registry.forms.widgets import ChoiceList, MapWidget, SecretWidget
from templates_registry.schema.dialect import Schema
from templates_registry.schema.secrets import is_secret
from templates_registry.schema.walk import resolve
from templates_registry.schema.wording import find_discriminator, literal

MOST_RADIOS = 5
LONG_TEXT = 200


def find_control(root: Schema, part: Schema, nullable: bool) -> tuple[Callable[[], fields.JsonValueField], bool]:
    """How to make the field of a single value, and whether it needs a companion that says null."""
    make = _make(root, part)
    return (make, nullable) if make is not None else (as_json, False)


def why_json(root: Schema, part: Schema) -> str:
    """Why a part is shown as JSON, for its author."""
    kinds = part.get("type")
    if "allOf" in part:
        return "allOf"
    for keyword in ("oneOf", "anyOf"):
        if keyword in part:
            branches = [resolve(root, branch) for branch in part[keyword]]
            if find_discriminator(branches) is None:
                return f"{keyword} without a property that has another const in each branch"
            return f"{keyword} whose branches are open, optional with null, or too deep"
    if isinstance(kinds, list):
        return "more than one type"
    if kinds == "array":
        return "prefixItems" if "prefixItems" in part else "a list of something else than text, numbers or yes/no"
    if kinds == "object":
        if "patternProperties" in part:
            return "patternProperties"
        if not part.get("properties"):
            return "free names whose values are not text, numbers or yes/no"
        is_open = part.get("additionalProperties", True) is not False
        return "known names beside free ones" if is_open else "nested too deeply"
    return "no type"


def _make(root: Schema, part: Schema) -> Callable[[], fields.JsonValueField] | None:
    if is_secret(part):
        return _secret
    if "const" in part:
        return choice([part["const"]], [literal(part["const"])])
    if "enum" in part:
        return choice(part["enum"], [literal(value) for value in part["enum"]])
    branches = [resolve(root, branch) for branch in part.get("oneOf", part.get("anyOf", ()))]
    if branches and all("const" in branch for branch in branches):
        return choice(
            [branch["const"] for branch in branches],
            [str(branch.get("title", literal(branch["const"]))) for branch in branches],
        )
    if any(keyword in part for keyword in ("oneOf", "anyOf", "allOf")):
        return None
    kind = part.get("type")
    if kind == "array":
        return _list(part, resolve(root, part.get("items", {})))
    if kind == "object":
        return _map(part, resolve(root, part.get("additionalProperties", {})))
    return {"string": _text, "integer": _number, "number": _number, "boolean": _yes_no}.get(str(kind), _nothing)(part)


def _nothing(_: Schema) -> None:
    return None


def _secret() -> fields.JsonValueField:
    return fields.SecretField(widget=SecretWidget(attrs={"autocomplete": "new-password", "data-keeps": ""}))


def as_json() -> fields.JsonValueField:
    attributes = {"rows": 4, "spellcheck": "false", "class": "mono", "data-grows": ""}
    return fields.JsonField(widget=forms.Textarea(attrs=attributes))


def choice(values: list[Any], labels: list[str]) -> Callable[[], fields.JsonValueField]:
    choose = forms.RadioSelect if len(values) <= MOST_RADIOS else ChoiceList
    return lambda: fields.ChoiceField(values=values, labels=labels, choose=choose)


def _text(part: Schema) -> Callable[[], fields.JsonValueField]:
    form = part.get("format")
    attributes = {"maxlength": part["maxLength"]} if "maxLength" in part else {}
    if form == "date":
        return lambda: fields.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    if form == "time":
        return lambda: fields.TimeField(widget=forms.TimeInput(attrs={"type": "time", "step": 1}))
    if form == "date-time":
        return lambda: fields.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}))
    if form in ("email", "uri"):
        widget = forms.EmailInput if form == "email" else forms.URLInput
        return lambda: fields.TextField(widget=widget(attrs=attributes))
    if form or "pattern" in part or part.get("maxLength", 1_000) <= LONG_TEXT:
        return lambda: fields.TextField(widget=forms.TextInput(attrs=attributes))
    rows = 3 if "maxLength" in part else 1  # it grows with what is written
    return lambda: fields.TextField(widget=forms.Textarea(attrs={**attributes, "rows": rows, "data-grows": ""}))


def _number(part: Schema) -> Callable[[], fields.JsonValueField]:
    whole = part["type"] == "integer"
    attributes = {"inputmode": "numeric" if whole else "decimal", "step": part.get("multipleOf", 1 if whole else "any")}
    for keyword, attribute in (("minimum", "min"), ("maximum", "max")):
        if keyword in part:
            attributes[attribute] = part[keyword]
    return lambda: fields.NumberField(whole=whole, widget=forms.NumberInput(attrs=attributes))


def _yes_no(part: Schema) -> Callable[[], fields.JsonValueField]:
    def make() -> fields.JsonValueField:
        return fields.YesNoField(widget=forms.CheckboxInput())

    # Without a default, leaving it alone means neither yes nor no; `finish` asks for this one by the required flag.
    return make if "default" in part else choice([True, False], ["Yes", "No"])


def _list(part: Schema, items: Schema) -> Callable[[], fields.JsonValueField] | None:
    if "prefixItems" in part:
        return None
    if isinstance(items.get("enum"), list):
        return lambda: fields.ChoicesField(values=items["enum"])
    read = _reader(items)
    if read is None:
        return None
    return lambda: fields.LinesField(read=read, widget=forms.Textarea(attrs={"rows": 3, "data-grows": ""}))


def _map(part: Schema, values: Schema) -> Callable[[], fields.JsonValueField] | None:
    read = _reader(values)
    if read is None or part.get("properties") or part.get("patternProperties"):
        return None
    return lambda: fields.MapField(read=read, widget=MapWidget())


def _reader(part: Schema) -> Callable[[str], Any] | None:
    """Reads one line as the type that the schema asks for."""
    if any(keyword in part for keyword in ("oneOf", "anyOf", "allOf", "const")) or is_secret(part):
        return None
    readers: dict[str, Callable[[str], Any]] = {
        "string": str,
        "integer": _read_whole,
        "number": _read_number,
        "boolean": _read_yes_no,
    }
    return readers.get(str(part.get("type")))


def _read_whole(text: str) -> int | float:
    return fields.read_number(text, whole=True)


def _read_number(text: str) -> int | float:
    return fields.read_number(text, whole=False)


def _read_yes_no(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValidationError("Write true or false.")
    return text == "true"
