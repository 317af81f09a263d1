"""Decides which field stands for which part of a schema, in which order and in which group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import escape

from templates_registry.forms import fields
from templates_registry.schema.dialect import Schema
from templates_registry.schema.paths import SIMPLE, write
from templates_registry.schema.secrets import is_secret
from templates_registry.schema.walk import resolve
from templates_registry.schema.wording import find_discriminator, literal

DEPTH = 3
MOST_FIELDS = 60
MOST_RADIOS = 5
MORE = "More options"
OTHERS = "*"

Path = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One field of the form, and the place in the parameters that it stands for."""

    name: str
    path: Path
    schema: Schema
    make: Callable[[], fields.JsonValueField]
    group: str
    required: bool
    optional_group: bool
    nullable: bool = False
    # (name of the field that chooses, value): the field counts only while that value is chosen.
    condition: tuple[str, Any] | None = None

    @property
    def place(self) -> str:
        return write(self.path)


@dataclass(frozen=True)
class Plan:
    entries: tuple[Entry, ...]
    # Objects that became several fields -> whether they must be there.
    objects: Mapping[Path, bool]
    is_open: bool


def compile_schema(schema: Schema) -> Plan:
    """The plan of a form; a single field for the whole as JSON when there is no better way."""
    plan = _Compiler(schema).plan()
    if not plan.entries or len(plan.entries) > MOST_FIELDS:
        if not plan.entries and schema.get("additionalProperties") is False:
            return plan  # a template without parameters
        return Plan((_whole(schema),), {}, is_open=False)
    return plan


class _Compiler:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.objects: dict[Path, bool] = {}
        self.names: set[str] = set()

    def plan(self) -> Plan:
        if any(keyword in self.root for keyword in ("oneOf", "anyOf", "allOf", "$ref")):
            return Plan((_whole(self.root),), {}, is_open=False)
        entries = list(self._members(self.root, (), group="", must=True, depth=0, condition=None))
        is_open = _is_open(self.root)
        if is_open:
            entries.append(self._others())
        entries.sort(key=lambda entry: entry.optional_group)  # stable: groups keep their order
        return Plan(tuple(entries), self.objects, is_open)

    def _members(
        self, schema: Schema, path: Path, *, group: str, must: bool, depth: int, condition: tuple[str, Any] | None
    ) -> Iterator[Entry]:
        required = schema.get("required", [])
        named = [(name, resolve(self.root, part)) for name, part in schema.get("properties", {}).items()]
        named.sort(key=lambda item: (item[1].get("x-order", float("inf")), item[0] not in required))
        full_groups = {part.get("x-group") for name, part in named if name in required}
        for name, part in named:
            here = (*path, name)
            is_must = must and name in required
            own_group = str(part.get("x-group", group))
            optional = not is_must and (own_group == "" or own_group not in full_groups) and condition is None
            yield from self._member(part, here, own_group, is_must, optional, depth, condition)

    def _member(
        self, part: Schema, path: Path, group: str, must: bool, optional: bool, depth: int, condition: Any
    ) -> Iterator[Entry]:
        part, nullable = _without_null(self.root, part)
        title = _label(part, path)
        branches = [resolve(self.root, branch) for branch in part.get("oneOf", part.get("anyOf", ()))]
        discriminator = find_discriminator(branches)
        can_open = depth < DEPTH - 1 and not nullable and condition is None
        if can_open and discriminator is not None and all(_is_plain_object(branch) for branch in branches):
            self.objects[path] = must
            yield from self._branches(branches, discriminator, path, title, must, optional, depth)
        elif depth < DEPTH - 1 and not nullable and _is_plain_object(part):
            self.objects[path] = must
            for entry in self._members(part, path, group=title, must=must, depth=depth + 1, condition=condition):
                yield _within(entry, title, optional)
        else:
            make, has_null = _find_field(self.root, part, nullable)
            yield self._entry(part, path, make, group, must, optional, has_null, condition)

    def _branches(
        self, branches: list[Schema], discriminator: tuple[str, list[Any]], path: Path, title: str,
        must: bool, optional: bool, depth: int,
    ) -> Iterator[Entry]:  # fmt: skip
        name, values = discriminator
        parts = [branch["properties"][name] for branch in branches]
        labels = [
            str(part.get("title", branch.get("title", literal(part["const"]))))
            for part, branch in zip(parts, branches, strict=True)
        ]
        choice = {"title": _label(parts[0], (name,)) if "title" not in parts[0] else _words(name), "enum": values}
        chooser = self._entry(choice, (*path, name), _choice(values, labels), title, must, optional, False, None)
        yield chooser
        for branch, value, label in zip(branches, values, labels, strict=True):
            rest = {key: part for key, part in branch["properties"].items() if key != name}
            condition = (chooser.name, value)
            inner = {**branch, "properties": rest}
            for entry in self._members(inner, path, group="", must=True, depth=depth + 1, condition=condition):
                yield _within(entry, f"{title}: {label}", optional)

    def _entry(
        self, part: Schema, path: Path, make: Callable[[], fields.JsonValueField], group: str, must: bool,
        optional: bool, nullable: bool, condition: tuple[str, Any] | None,
    ) -> Entry:  # fmt: skip
        name = ".".join(path) if all(SIMPLE.fullmatch(key) for key in path) else f"field_{len(self.names)}"
        while name in self.names:  # the same property in two branches
            name += "_"
        self.names.add(name)
        shown = MORE if optional and not group else group
        return Entry(name, path, part, make, shown, must, optional, nullable, condition)

    def _others(self) -> Entry:
        part = {"title": "Other parameters", "description": "An object of further names."}
        return Entry("other-parameters", (OTHERS,), part, _json, MORE, False, True)


def _whole(schema: Schema) -> Entry:
    part = {"title": "Parameters", "description": schema.get("description", "")}
    return Entry("all-parameters", (), part, _json, "", True, False)


def _within(entry: Entry, group: str, optional: bool) -> Entry:
    """The entry of an inner object: in the object's group, and optional where the object is."""
    inner = f"{group}: {entry.group}" if entry.group not in ("", MORE, group) else group
    return Entry(**{**vars(entry), "group": inner, "optional_group": optional})


def _is_open(schema: Schema) -> bool:
    return schema.get("additionalProperties", False) is not False or bool(schema.get("patternProperties"))


def _is_plain_object(part: Schema) -> bool:
    composed = any(keyword in part for keyword in ("oneOf", "anyOf", "allOf"))
    return part.get("type") == "object" and bool(part.get("properties")) and not composed and not _is_open(part)


def _without_null(root: Schema, part: Schema) -> tuple[Schema, bool]:
    """`["string", "null"]`, or anyOf of a type and null, without the null; and whether there was one."""
    kinds = part.get("type")
    if isinstance(kinds, list) and "null" in kinds and len(kinds) == 2 and "enum" not in part:
        return {**part, "type": next(kind for kind in kinds if kind != "null")}, True
    for keyword in ("anyOf", "oneOf"):
        branches = [resolve(root, branch) for branch in part.get(keyword, ())]
        others = [branch for branch in branches if branch.get("type") != "null"]
        if len(branches) == 2 and len(others) == 1:
            rest = {key: value for key, value in part.items() if key != keyword}
            return {**others[0], **rest}, True
    return part, False


def _label(part: Schema, path: Path) -> str:
    return str(part.get("title") or _words(path[-1] if path else "Parameters"))


def _words(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _find_field(root: Schema, part: Schema, nullable: bool) -> tuple[Callable[[], fields.JsonValueField], bool]:
    """How to make the field of a single value, and whether it needs a companion that says null."""
    make = _make(root, part)
    return (make, nullable) if make is not None else (_json, False)


def _make(root: Schema, part: Schema) -> Callable[[], fields.JsonValueField] | None:
    if is_secret(part):
        return _secret
    if "const" in part:
        return _choice([part["const"]], [literal(part["const"])])
    if "enum" in part:
        return _choice(part["enum"], [literal(value) for value in part["enum"]])
    branches = [resolve(root, branch) for branch in part.get("oneOf", part.get("anyOf", ()))]
    if branches and all("const" in branch for branch in branches):
        return _choice(
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
    return fields.SecretField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))


def _json() -> fields.JsonValueField:
    return fields.JsonField(widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}))


def _choice(values: list[Any], labels: list[str]) -> Callable[[], fields.JsonValueField]:
    choose = forms.RadioSelect if len(values) <= MOST_RADIOS else forms.Select
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
    if form or "pattern" in part or part.get("maxLength", 1_000) <= 200:
        return lambda: fields.TextField(widget=forms.TextInput(attrs=attributes))
    return lambda: fields.TextField(widget=forms.Textarea(attrs={**attributes, "rows": 3}))


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
    return make if "default" in part else _choice([True, False], ["Yes", "No"])


def _list(part: Schema, items: Schema) -> Callable[[], fields.JsonValueField] | None:
    if "prefixItems" in part:
        return None
    if isinstance(items.get("enum"), list):
        return lambda: fields.ChoicesField(values=items["enum"])
    read = _reader(items)
    if read is None:
        return None
    return lambda: fields.LinesField(read=read, widget=forms.Textarea(attrs={"rows": 4}))


def _map(part: Schema, values: Schema) -> Callable[[], fields.JsonValueField] | None:
    read = _reader(values)
    if read is None or part.get("properties") or part.get("patternProperties"):
        return None
    return lambda: fields.MapField(read=read, widget=forms.Textarea(attrs={"rows": 4}))


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


def finish(entry: Entry) -> fields.JsonValueField:
    """A new field for one form: labelled, explained and prefilled."""
    field = entry.make()
    field.label = _label(entry.schema, entry.path)
    field.schema_required = entry.required
    if entry.required:
        field.widget.attrs["aria-required"] = "true"
    sentences = [str(entry.schema.get("description", ""))]
    if isinstance(field, fields.MapField):
        sentences.append("One per line, as name: value.")
    elif isinstance(field, fields.LinesField):
        sentences.append("One per line.")
    elif isinstance(field, fields.JsonField):
        sentences.append("Written as JSON.")
    elif isinstance(field, fields.TimeField):
        sentences.append("In UTC.")
    elif isinstance(field, fields.DateTimeField):
        sentences.append(f"In the time zone {timezone.get_current_timezone_name()}.")
    if "default" in entry.schema:
        default = entry.schema["default"]
        field.initial = field.show(default)
        words = {True: "yes", False: "no"}.get(default) if isinstance(default, bool) else literal(default)
        sentences.append(f"Default: {words}.")
    field.help_text = escape(" ".join(sentence for sentence in sentences if sentence))
    if isinstance(field, fields.ChoiceField) and (entry.required or "default" in entry.schema) and not entry.nullable:
        field.offer(may_be_empty=False)
        if entry.required and len(field.by_key) == 1:
            field.initial = next(iter(field.by_key))
    return field
