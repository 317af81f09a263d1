"""Decides which field stands for which part of a schema, in which order and in which group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils import timezone
from django.utils.html import escape

from templates_registry.forms import fields
from templates_registry.forms.controls import as_json, choice, find_control, why_json
from templates_registry.schema.dialect import Schema
from templates_registry.schema.paths import SIMPLE, write
from templates_registry.schema.walk import resolve
from templates_registry.schema.wording import find_discriminator, literal

DEPTH = 3
MOST_FIELDS = 60
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
    # Why it is shown as JSON, when it is.
    reason: str = ""

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
        reason = f"more than {MOST_FIELDS} fields" if plan.entries else "no parameters that have names"
        return Plan((_whole(schema, reason),), {}, is_open=False)
    return plan


class _Compiler:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.objects: dict[Path, bool] = {}
        self.names: set[str] = set()

    def plan(self) -> Plan:
        for keyword in ("oneOf", "anyOf", "allOf", "$ref"):
            if keyword in self.root:
                return Plan((_whole(self.root, f"{keyword} at the top"),), {}, is_open=False)
        members = self._members(self.root, (), group="", must=True, depth=0, condition=None)
        entries = list(islice(members, MOST_FIELDS + 1))  # a small schema can stand for millions of fields
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
        # The database keeps no order of properties; that of `required` it keeps.
        place = {name: number for number, name in enumerate(required)}
        named.sort(key=lambda item: (item[1].get("x-order", float("inf")), place.get(item[0], len(place))))
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
            make, has_null = find_control(self.root, part, nullable)
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
        part = {"title": _label(parts[0], (name,)) if "title" not in parts[0] else _words(name), "enum": values}
        chooser = self._entry(part, (*path, name), choice(values, labels), title, must, optional, False, None)
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
        reason = why_json(self.root, part) if make is as_json else ""
        return Entry(name, path, part, make, shown, must, optional, nullable, condition, reason)

    def _others(self) -> Entry:
        part = {"title": "Other parameters", "description": "An object of further names."}
        return Entry("other-parameters", (OTHERS,), part, as_json, MORE, False, True, reason="free names at the top")


def raw_parts(schema: Schema) -> list[tuple[str, str]]:
    """(place, why) of all that the form of this schema shows as JSON."""
    return [(entry.place, entry.reason) for entry in compile_schema(schema).entries if entry.reason]


def _whole(schema: Schema, reason: str) -> Entry:
    part = {"title": "Parameters", "description": schema.get("description", "")}
    return Entry("all-parameters", (), part, as_json, "", True, False, reason=reason)


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


def finish(entry: Entry) -> fields.JsonValueField:
    """A new field for one form: labelled, explained and prefilled."""
    field = entry.make()
    field.label = _label(entry.schema, entry.path)
    field.schema_required = entry.required
    if entry.required:
        field.widget.attrs["aria-required"] = "true"
    sentences = [str(entry.schema.get("description", ""))]
    if isinstance(field, fields.LinesField) and not isinstance(field, fields.MapField):
        sentences.append("One per line.")
    elif isinstance(field, fields.JsonField):
        sentences.append("Written as JSON." if entry.reason else "")
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
