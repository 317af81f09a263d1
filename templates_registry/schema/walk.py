"""Ways through a schema: into its parts, and along its local references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from templates_registry.schema.dialect import Schema
from templates_registry.schema.patterns import compile_pattern
from templates_registry.schema.time_limit import spend

IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
IN_PLACE = ("not", "if", "then", "else")
CHILD_LISTS = ("prefixItems",)
CHILDREN = (
    "items", "additionalProperties", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    "contentSchema",
)  # fmt: skip
CHILD_MAPS = ("properties", "patternProperties", "$defs")


class Unresolved(LookupError):
    """A reference that is not local or leads nowhere."""


def follow(root: Schema, reference: str) -> Any:
    """What a local reference (`#/$defs/name`) points at. Raises Unresolved."""
    if not reference.startswith("#"):
        raise Unresolved(f"{reference} is not local; only references that begin with # are followed")
    target: Any = root
    for part in unquote(reference[1:]).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping) and key in target:
            target = target[key]
        elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
            target = target[int(key)]
        else:
            raise Unresolved(f"{reference} leads nowhere")
    if not isinstance(target, Mapping | bool) or (reference != "#" and not reference.startswith("#/")):
        raise Unresolved(f"{reference} leads to no schema")
    return target


def resolve(root: Schema, schema: Any) -> Schema:
    """The schema with its reference replaced by the target; what stands beside the reference wins."""
    spend()
    steps = 0
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and steps < 20:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = follow(root, schema["$ref"])
        schema = {**target, **beside} if isinstance(target, Mapping) else beside
        steps += 1
    return schema if isinstance(schema, Mapping) else {}


def parts(schema: Schema) -> Iterator[tuple[str, Any, bool]]:
    """(where, part, whether it judges the same value) for every schema directly inside this one."""
    spend()
    for keyword in (*IN_PLACE_LISTS, *CHILD_LISTS):
        for index, part in enumerate(schema.get(keyword, ())):
            yield f"{keyword}/{index}", part, keyword in IN_PLACE_LISTS
    for keyword in (*IN_PLACE, *CHILDREN):
        if keyword in schema:
            yield keyword, schema[keyword], keyword in IN_PLACE
    for keyword in (*CHILD_MAPS, "dependentSchemas"):
        for key, part in schema.get(keyword, {}).items():
            yield f"{keyword}/{key}", part, keyword == "dependentSchemas"


def in_place(root: Schema, schema: Any, depth: int = 0) -> Iterator[Schema]:
    """The schema and all that may judge the same value through it, references followed."""
    schema = resolve(root, schema)
    yield schema
    if depth < 10:
        for where, part, same in parts(schema):
            if same and where not in ("not", "if"):
                yield from in_place(root, part, depth + 1)


def children(root: Schema, schema: Any, key: str | int) -> Iterator[Any]:
    """The schemas that judge the member `key` of a value that `schema` judges."""
    for judge in in_place(root, schema):
        if isinstance(key, int):
            ahead = judge.get("prefixItems", [])
            if key < len(ahead):
                yield ahead[key]
            elif "items" in judge:
                yield judge["items"]
        else:
            patterns = judge.get("patternProperties", {})
            named = [judge["properties"][key]] if key in judge.get("properties", {}) else []
            named += [part for pattern, part in patterns.items() if compile_pattern(pattern).search(key)]
            yield from named or [judge.get("additionalProperties", {})]
